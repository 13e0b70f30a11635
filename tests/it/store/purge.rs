//! Retention: each kind by its own period, fingerprints as long as their entry is listed, numbers never
//! handed out twice.

use trustwatch::model::Category;
use trustwatch::store::{PollResult, Retention};

use super::alerts::alert;
use super::backend::each;
use super::records::{DAY, LEASE, T0, entry, hit, poll, read, store_hit, sync};

/// Short periods, all different.
fn periods() -> Retention {
    Retention {
        entry_days: 7,
        dismissed_days: 10,
        clipping_days: 20,
        feedback_days: 30,
        incident_days: 40,
        alert_days: 50,
        audit_days: 60,
    }
}

#[tokio::test]
async fn each_kind_of_hit_goes_after_its_own_period() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let lot: [(&str, &[Category]); 8] = [
            ("dismissed", &[Category::NhsNumber]),
            ("clipping", &[Category::Coverage]),
            ("mention", &[]),
            ("complaint", &[Category::Complaint, Category::Coverage]),
            ("number", &[Category::NhsNumber, Category::Coverage, Category::Complaint]),
            ("scam", &[Category::Scam]),
            ("threat", &[Category::Threat]),
            ("disclosure", &[Category::Safety]),
        ];
        for (name, categories) in lot {
            store_hit(&bed.store, name, T0, hit(categories)).await;
        }
        bed.run("UPDATE hit SET status = 'dismissed' WHERE id = 1").await;
        for (days, left) in [(10, 8), (11, 7), (20, 7), (21, 5), (30, 5), (31, 4), (40, 4), (41, 0)] {
            bed.store.purge(&periods(), T0 + days * DAY).await.unwrap();
            assert_eq!(bed.count("hit").await, left, "after {days} days");
            assert_eq!(bed.count("document").await, left);
        }
    })
    .await;
}

#[tokio::test]
async fn a_fingerprint_is_kept_while_its_entry_is_still_listed() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![entry("stays", None), entry("leaves", None)])).await;
        for day in 1..=12 {
            poll(&bed.store, "paper", T0 + day * DAY + 1, relisted(&["stays"])).await;
        }
        let purged = bed.store.purge(&periods(), T0 + 12 * DAY + 1).await.unwrap();
        assert_eq!(purged.entries, 1);
        assert_eq!(bed.text("SELECT key FROM entry").await, "stays");
    })
    .await;
}

#[tokio::test]
async fn fingerprints_of_a_feed_that_never_changes_are_kept_however_old() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![entry("stays", None)])).await;
        for day in 1..=30 {
            poll(&bed.store, "paper", T0 + day * DAY, PollResult::Unchanged { validators: None }).await;
        }
        assert_eq!(bed.store.purge(&periods(), T0 + 30 * DAY).await.unwrap().entries, 0);
        assert_eq!(bed.count("entry").await, 1, "else it would come back as new");
    })
    .await;
}

#[tokio::test]
async fn fingerprints_of_a_retired_source_go() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![entry("e1", None)])).await;
        super::records::sync_specs(&bed.store, &[], T0 + DAY).await;
        assert_eq!(bed.store.purge(&periods(), T0 + 8 * DAY).await.unwrap().entries, 0);
        assert_eq!(bed.store.purge(&periods(), T0 + 8 * DAY + 1).await.unwrap().entries, 1);
    })
    .await;
}

#[tokio::test]
async fn the_words_of_old_mails_go_unless_one_still_has_to_leave() {
    each(async |bed| {
        let alerts =
            [alert("<sent@x>", &["a@x"], vec![], vec![]), alert("<waits@x>", &["b@x"], vec![], vec![])];
        bed.store.record_alerts(&[], &[], &alerts, T0).await.unwrap();
        let first = bed.store.claim_deliveries(T0, LEASE, 1).await.unwrap().remove(0);
        bed.store.delivered(trustwatch::model::DeliveryId(first.id), first.fence, T0).await.unwrap();
        assert_eq!(bed.store.purge(&periods(), T0 + 50 * DAY).await.unwrap().alerts, 0);
        assert_eq!(bed.store.purge(&periods(), T0 + 50 * DAY + 1).await.unwrap().alerts, 1);
        assert_eq!(bed.text("SELECT message_id FROM alert WHERE text <> ''").await, "<waits@x>");
        assert_eq!(bed.store.claim_deliveries(T0 + 51 * DAY, LEASE, 9).await.unwrap()[0].text, "Text");
    })
    .await;
}

#[tokio::test]
async fn the_record_of_who_looked_goes_last() {
    each(async |bed| {
        bed.store.audit("restricted", "incident", "jo", "TW-1", T0).await.unwrap();
        assert_eq!(bed.store.purge(&periods(), T0 + 60 * DAY).await.unwrap().audits, 0);
        assert_eq!(bed.store.purge(&periods(), T0 + 60 * DAY + 1).await.unwrap().audits, 1);
    })
    .await;
}

#[tokio::test]
async fn the_number_of_a_purged_hit_is_never_handed_out_again() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let first = store_hit(&bed.store, "one", T0, hit(&[])).await;
        let second = store_hit(&bed.store, "two", T0, hit(&[])).await;
        assert_eq!(bed.store.purge(&periods(), T0 + 100 * DAY).await.unwrap().hits, 2);
        let third = store_hit(&bed.store, "three", T0 + 100 * DAY, hit(&[])).await;
        assert!(third > second && second > first, "{first} {second} {third}");
        assert!(bed.number("SELECT MIN(id) FROM story").await > Some(2), "stories neither");
    })
    .await;
}

#[tokio::test]
async fn more_hits_than_one_transaction_takes_are_all_purged_and_counted() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let entries = (0..620).map(|n| {
            let name = format!("n{n}");
            entry(&name, Some(super::records::document(&name, vec![hit(&[Category::Coverage])])))
        });
        assert_eq!(poll(&bed.store, "paper", T0, read(entries.collect())).await.len(), 620);
        assert_eq!(bed.store.purge(&periods(), T0 + 21 * DAY).await.unwrap().hits, 620);
        let rows = super::trends::trend(bed, trustwatch::store::GroupBy::Category).await;
        assert_eq!(rows.iter().map(|row| (row.hits, row.stories)).collect::<Vec<_>>(), [(620, 620)]);
    })
    .await;
}

/// A body that lists `keys`, none of them new.
fn relisted(keys: &[&str]) -> PollResult {
    match read(vec![]) {
        PollResult::Read {
            etag,
            last_modified,
            body_hash,
            generation,
            bytes,
            reader,
            entries,
            listing,
            removed,
            ..
        } => {
            let listed = keys.iter().map(|key| (*key).to_owned()).collect();
            PollResult::Read {
                etag,
                last_modified,
                body_hash,
                generation,
                bytes,
                reader,
                entries,
                listed,
                listing,
                removed,
            }
        }
        other => other,
    }
}
