//! When a hit counts and on which day, and what a reader within a scope may see of it.

use trustwatch::model::{Category, DateDoubt};
use trustwatch::store::{DocumentRecord, HitFilter, Scope};

use super::backend::{Bed, each};
use super::records::{DAY, HOUR, T0, document, entry, hit, organisation, poll, read, store_hit, sync, time};

/// Stores a document that says it was published at `published`; answers `hit.at` and `hit.day`.
async fn placed(
    bed: &Bed,
    name: &str,
    seen: i64,
    published: Option<&str>,
    doubt: Option<DateDoubt>,
) -> (i64, String) {
    let document = DocumentRecord { published: published.map(time), doubt, ..document(name, vec![hit(&[])]) };
    let id = poll(&bed.store, "paper", seen, read(vec![entry(name, Some(document))])).await[0];
    let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
    assert_eq!(detail.first_seen_at, seen);
    (detail.summary.at, detail.summary.day)
}

#[tokio::test]
async fn a_hit_counts_when_it_was_published_where_that_can_be_trusted() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![])).await;
        let seen = T0 + 10 * DAY;
        let at = async |name, published, doubt| placed(bed, name, seen, published, doubt).await.0;
        let text = "2026-07-05T08:00:00Z";
        assert_eq!(at("trusted", Some(text), None).await, time(text).timestamp_millis());
        assert_eq!(at("missing", None, Some(DateDoubt::Missing)).await, seen);
        assert_eq!(at("future", Some("2026-07-11T12:00:00.001Z"), None).await, seen, "a millisecond ahead");
        assert_eq!(at("now", Some("2026-07-11T12:00:00Z"), None).await, seen);
        assert_eq!(at("doubted", Some(text), Some(DateDoubt::Future)).await, seen);
        let oldest = T0 - 90 * DAY;
        assert_eq!(
            at("oldest", Some("2026-04-02T12:00:00Z"), None).await,
            oldest,
            "90 days before the first poll"
        );
        assert_eq!(at("ancient", Some("2026-04-02T11:59:59.999Z"), None).await, seen);
        assert_eq!(at("ages", Some("1970-01-01T00:00:00Z"), None).await, seen);
    })
    .await;
}

#[tokio::test]
async fn the_day_of_a_hit_is_londons() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![])).await;
        let seen = T0 + 200 * DAY;
        let day = async |name, published| placed(bed, name, seen, Some(published), None).await.1;
        assert_eq!(day("summer", "2026-07-09T23:30:00Z").await, "2026-07-10");
        assert_eq!(day("before", "2026-07-09T22:59:59Z").await, "2026-07-09");
        assert_eq!(day("winter", "2026-12-09T23:30:00Z").await, "2026-12-09");
    })
    .await;
}

#[tokio::test]
async fn a_reader_without_the_right_learns_only_that_something_is_restricted() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let secret =
            store_hit(&bed.store, "disclosure", T0, hit(&[Category::Safety, Category::Coverage])).await;
        let open = bed.store.hit(secret, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((open.summary.url.as_str(), open.summary.title.as_str()), ("", ""));
        assert_eq!((open.summary.severity.as_str(), open.summary.restricted), ("info", 1));
        assert_eq!(open.summary.categories, ["press.coverage"]);
        assert!(open.findings.iter().all(|finding| finding.category == Category::Coverage));
        let all = Scope { organisations: None, restricted: true };
        let whole = bed.store.hit(secret, &all).await.unwrap().unwrap();
        assert_eq!((whole.summary.severity.as_str(), whole.findings.len()), ("high", 2));
        assert_eq!(whole.summary.url, "https://paper.example/disclosure");
        let elsewhere = Scope { organisations: Some(vec![organisation("solent")]), restricted: true };
        assert!(bed.store.hit(secret, &elsewhere).await.unwrap().is_none());
        let filter = HitFilter { limit: 10, ..HitFilter::default() };
        assert!(bed.store.hits(&elsewhere, &filter).await.unwrap().is_empty());
        let nobody = Scope { organisations: Some(vec![]), restricted: true };
        assert!(
            bed.store.hits(&nobody, &filter).await.unwrap().is_empty(),
            "no organisation is not every one"
        );
    })
    .await;
}

#[tokio::test]
async fn what_the_rules_found_reads_back_as_it_was() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let record = hit(&[Category::NhsNumber, Category::Postcode]);
        let id = store_hit(&bed.store, "both", T0, record.clone()).await;
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.findings, detail.mentions), (record.findings, record.mentions));
        assert_eq!((detail.kind.as_str(), detail.linkable, detail.copies), ("news", true, 1));
    })
    .await;
}

#[tokio::test]
async fn hits_are_listed_newest_first_within_days_and_limit() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        for (n, name) in ["one", "two", "three"].into_iter().enumerate() {
            let at = T0 + i64::try_from(n).unwrap() * DAY;
            store_hit(&bed.store, name, at, hit(&[Category::Coverage])).await;
        }
        let titles = async |from: &str, to: &str, limit| {
            let filter =
                HitFilter { from: Some(from.to_owned()), to: Some(to.to_owned()), organisation: None, limit };
            let hits = bed.store.hits(&Scope::OPEN, &filter).await.unwrap();
            hits.into_iter().map(|hit| hit.title.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(titles("2026-07-01", "2026-07-03", 9).await, ["three", "two", "one"]);
        assert_eq!(titles("2026-07-02", "2026-07-02", 9).await, ["two"]);
        assert_eq!(titles("2026-07-01", "2026-07-03", 2).await, ["three", "two"]);
    })
    .await;
}

#[tokio::test]
async fn findings_on_employees_conduct_are_counted_and_not_kept() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let mut withheld = hit(&[]);
        withheld.withheld = 2;
        store_hit(&bed.store, "conduct", T0, withheld.clone()).await;
        store_hit(&bed.store, "again", T0 + HOUR, withheld).await;
        assert_eq!(bed.store.withheld("2026-07-01", "2026-07-01").await.unwrap(), 4);
        assert_eq!(bed.store.withheld("2026-07-02", "2026-07-09").await.unwrap(), 0);
        assert_eq!(bed.count("finding").await, 0);
    })
    .await;
}
