//! Stories: hits that tell the same thing count once, on their first.

use trustwatch::model::{Category, HitId};
use trustwatch::store::{DocumentRecord, Scope};

use super::backend::{Bed, each};
use super::records::{DAY, T0, document, entry, hit, organisation, poll, read, sync};

/// Stores a document with one hit at `at`; answers its hit and story.
async fn told(bed: &Bed, name: &str, at: i64, record: DocumentRecord) -> (HitId, i64) {
    let id = poll(&bed.store, "paper", at, read(vec![entry(name, Some(record))])).await[0];
    (id, bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap().summary.story)
}

fn plain(name: &str) -> DocumentRecord {
    document(name, vec![hit(&[Category::Coverage])])
}

fn hashed(name: &str, simhash: u64) -> DocumentRecord {
    let bytes = simhash.to_le_bytes();
    let bands = [0, 2, 4, 6].map(|at| u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    DocumentRecord { simhash, bands, ..plain(name) }
}

async fn leads(bed: &Bed) -> Option<i64> {
    bed.number("SELECT CAST(SUM(leads) AS BIGINT) FROM hit").await
}

#[tokio::test]
async fn the_same_address_text_or_title_is_the_same_story() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let words = 0xF0F0_1234_5678_9ABC;
        let (_, story) = told(bed, "one", T0, hashed("one", words)).await;
        let same = [
            DocumentRecord { address_key: "address one".to_owned(), ..plain("address") },
            DocumentRecord { text_key: "text one".to_owned(), ..plain("text") },
            DocumentRecord { title_key: "title one".to_owned(), ..hashed("title", words ^ 0x00FF_0000) },
        ];
        for (n, record) in same.into_iter().enumerate() {
            assert_eq!(told(bed, &format!("copy{n}"), T0 + DAY, record).await.1, story, "copy {n}");
        }
        let other = DocumentRecord { title_key: "title one".to_owned(), ..hashed("other", !words) };
        assert_ne!(
            told(bed, "other", T0 + DAY, other).await.1,
            story,
            "a headline alone is shared by chance"
        );
        assert_eq!((bed.count("story").await, leads(bed).await), (2, Some(2)), "each story leads once");
        let first = bed.store.hit(HitId(1), &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!(first.copies, 4);
        assert_eq!(bed.number("SELECT leads FROM hit WHERE id = 1").await, Some(1), "its first hit leads");
    })
    .await;
}

#[tokio::test]
async fn two_short_titles_that_have_no_key_are_not_the_same() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let short = |name: &str| DocumentRecord { title_key: String::new(), ..plain(name) };
        let (_, first) = told(bed, "one", T0, short("one")).await;
        assert_ne!(told(bed, "two", T0, short("two")).await.1, first);
    })
    .await;
}

#[tokio::test]
async fn nearly_the_same_words_are_the_same_story() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        // The highest bit set: the stored number is negative.
        let base = 0xF0F0_1234_5678_9ABC;
        let (_, story) = told(bed, "one", T0, hashed("one", base)).await;
        assert_eq!(told(bed, "three-bits", T0, hashed("three-bits", base ^ 0b0111)).await.1, story);
        let four_in_one_band =
            told(bed, "four-bits", T0, hashed("four-bits", base ^ 0b1_0000_0000_1110_0000)).await.1;
        assert_ne!(four_in_one_band, story, "four bits are too many");
        let spread = base ^ (1 | 1 << 16 | 1 << 32);
        assert_eq!(
            told(bed, "spread", T0, hashed("spread", spread)).await.1,
            story,
            "one band is left whole"
        );
        assert_ne!(told(bed, "no-hash", T0, hashed("no-hash", 0)).await.1, story);
    })
    .await;
}

#[tokio::test]
async fn a_copy_after_more_than_a_month_is_a_story_of_its_own() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let copy = |name: &str| DocumentRecord { text_key: "text".to_owned(), ..plain(name) };
        let (_, first) = told(bed, "one", T0, copy("one")).await;
        assert_eq!(told(bed, "two", T0 + 30 * DAY, copy("two")).await.1, first);
        assert_ne!(told(bed, "three", T0 + 61 * DAY, copy("three")).await.1, first);
        assert_eq!(leads(bed).await, Some(2));
    })
    .await;
}

#[tokio::test]
async fn each_organisation_has_its_own_story_of_one_document() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let mut other = hit(&[Category::Coverage]);
        other.organisation = organisation("solent");
        let both = document("both", vec![hit(&[Category::Coverage]), other]);
        let stored = poll(&bed.store, "paper", T0, read(vec![entry("both", Some(both))])).await;
        assert_eq!(stored.len(), 2);
        assert_eq!(
            (bed.count("document").await, bed.count("story").await, leads(bed).await),
            (1, 2, Some(2))
        );
    })
    .await;
}
