//! From stored hits to the words of mails: every hit that counts as told stands in a mail, and what is
//! kept apart reaches only those it is for.

use std::collections::HashMap;
use std::sync::Arc;

use trustwatch::alert::{Enqueuer, Options, Recipients};
use trustwatch::clock::{ManualClock, from_ms};
use trustwatch::model::Category;
use trustwatch::store::{AlertRow, DocumentRecord, HitRecord, Store};

use super::backend::{Bed, each};
use super::records::{T0, document, entry, hit, organisation, poll, read, sync};

fn enqueuer(store: &Store, restricted: &[&str], shadow: bool) -> Enqueuer {
    let list = |addresses: &[&str]| addresses.iter().map(|address| (*address).to_owned()).collect();
    let recipients = Recipients {
        communications: list(&["comms@trust.example"]),
        restricted: list(restricted),
        crisis: list(restricted),
        operator: list(&["ops@trust.example"]),
    };
    let options = Options { backlog_settle_s: 0, recipients, ..Options::default() };
    let names = (organisation("northmere"), ("Northmere Valley".to_owned(), "Northmere".to_owned()));
    let clock = Arc::new(ManualClock::new(from_ms(T0)));
    let domain = ("trust.example".to_owned(), shadow);
    Enqueuer::new(store.clone(), options, HashMap::from([names]), HashMap::new(), domain, clock).unwrap()
}

/// Copies of one story, stored in one poll.
async fn copies(bed: &Bed, hits: Vec<HitRecord>) {
    sync(&bed.store, &["paper"]).await;
    let entries = hits.into_iter().enumerate().map(|(n, hit)| {
        let record =
            DocumentRecord { text_key: "one text".to_owned(), ..document(&format!("copy-{n}"), vec![hit]) };
        entry(&format!("copy-{n}"), Some(record))
    });
    poll(&bed.store, "paper", T0, read(entries.collect())).await;
    assert_eq!(bed.count("story").await, 1);
}

async fn mails(bed: &Bed, enqueuer: &Enqueuer) -> Vec<AlertRow> {
    enqueuer.round().await.unwrap();
    bed.store.alerts(50).await.unwrap()
}

fn holding<'a>(mails: &'a [AlertRow], words: &str) -> Vec<&'a AlertRow> {
    mails.iter().filter(|mail| mail.text.contains(words)).collect()
}

#[tokio::test]
async fn every_copy_of_a_story_stands_in_its_one_mail() {
    each(async |bed| {
        copies(bed, vec![hit(&[Category::NhsNumber]), hit(&[Category::NhsNumber]), hit(&[Category::Scam])])
            .await;
        let mails = mails(bed, &enqueuer(&bed.store, &[], false)).await;
        assert_eq!(mails.len(), 1);
        for number in ["TW-1", "TW-2", "TW-3"] {
            assert!(
                mails[0].text.contains(number) && mails[0].subject.contains("Critical"),
                "{}",
                mails[0].text
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_hit_that_is_partly_kept_apart_hides_no_other() {
    each(async |bed| {
        let split = hit(&[Category::NhsNumber, Category::Welfare]);
        copies(bed, vec![hit(&[Category::NhsNumber]), split]).await;
        let mails = mails(bed, &enqueuer(&bed.store, &["guardian@trust.example"], false)).await;
        assert_eq!(holding(&mails, "https://paper.example/copy-0").len(), 1, "the open hit with its address");
        let crisis: Vec<&AlertRow> = mails.iter().filter(|mail| mail.kind == "crisis").collect();
        assert!(crisis.len() == 1 && crisis[0].text.contains("https://paper.example/copy-1"));
        for mail in mails.iter().filter(|mail| mail.kind == "immediate") {
            assert!(!mail.text.contains("copy-1") && !mail.text.contains("danger"), "{}", mail.text);
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_recipient_or_in_shadow_what_is_kept_apart_is_a_number() {
    for (restricted, shadow) in [(&[][..], false), (&["guardian@trust.example"][..], true)] {
        each(async |bed| {
            copies(bed, vec![hit(&[Category::Safety])]).await;
            let mails = mails(bed, &enqueuer(&bed.store, restricted, shadow)).await;
            assert_eq!((mails.len(), mails[0].kind.as_str()), (1, "notice"));
            assert!(mails[0].text.contains("TW-1") && mails[0].text.contains("Restricted"));
            for word in ["paper.example", "safety", "Title", "SEC"] {
                assert!(
                    !mails[0].text.contains(word) && !mails[0].subject.contains(word),
                    "{}",
                    mails[0].text
                );
            }
        })
        .await;
    }
}

#[tokio::test]
async fn remarks_by_workers_are_told_to_nobody_and_listed_nowhere() {
    each(async |bed| {
        let mut remark = hit(&[]);
        remark.withheld = 1;
        copies(bed, vec![remark]).await;
        assert!(mails(bed, &enqueuer(&bed.store, &[], false)).await.is_empty());
        let filter = trustwatch::store::HitFilter { limit: 10, ..Default::default() };
        assert!(bed.store.hits(&trustwatch::store::Scope::OPEN, &filter).await.unwrap().is_empty());
        assert_eq!(bed.text("SELECT reason FROM decision").await, "quiet");
        let day = "2000-01-01";
        assert_eq!(bed.store.withheld(day, "2100-01-01").await.unwrap(), 1);
    })
    .await;
}
