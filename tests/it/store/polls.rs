//! What a visit leaves behind: validators, outcomes, gaps and coverage; and a batch in which one
//! outcome cannot be written.

use trustwatch::model::Category;
use trustwatch::store::{Committed, PollResult, StoreError};

use super::backend::each;
use super::records::{
    DAY, HOUR, T0, claim, commit_one, document, entry, failed, hit, organisation, poll, polled, read, sync,
};

#[tokio::test]
async fn a_body_that_was_read_leaves_its_validators_verbatim() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![entry("e1", None)])).await;
        let claimed = claim(&bed.store, T0 + HOUR).await;
        assert_eq!(claimed[0].etag.as_deref(), Some("\"v1\""));
        assert_eq!(claimed[0].last_modified.as_deref(), Some("Wed, 01 Jul 2026 10:00:00 GMT"));
        assert_eq!(claimed[0].body_hash.as_deref(), Some("body"));
        assert_eq!(claimed[0].generation, "watches-1");
        assert_eq!(claimed[0].first_polled_at, Some(T0));
    })
    .await;
}

#[tokio::test]
async fn an_unchanged_poll_keeps_what_is_known_and_is_counted() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![entry("e1", None)])).await;
        poll(&bed.store, "paper", T0 + HOUR, PollResult::Unchanged { validators: None }).await;
        assert_eq!((bed.count("entry").await, bed.count("poll").await), (1, 1));
        assert_eq!(bed.number("SELECT calm FROM source").await, Some(1));
        let row = bed.store.sources().await.unwrap().remove(0);
        assert_eq!((row.last_outcome.as_str(), row.last_good_at), ("unchanged", Some(T0 + HOUR)));
        assert_eq!(row.next_due_at, T0 + 2 * HOUR);
        let again = claim(&bed.store, T0 + 2 * HOUR).await;
        assert_eq!((again[0].etag.as_deref(), again[0].first_polled_at), (Some("\"v1\""), Some(T0)));
    })
    .await;
}

#[tokio::test]
async fn a_gap_opens_once_closes_with_the_next_success_and_counts_as_blind_hours() {
    each(async |bed| {
        sync(&bed.store, &["blind", "well"]).await;
        poll(&bed.store, "blind", T0, read(vec![])).await;
        poll(&bed.store, "blind", T0 + HOUR, failed("status")).await;
        poll(&bed.store, "blind", T0 + 2 * HOUR, failed("timeout")).await;
        assert_eq!(bed.count("gap").await, 1, "one gap for failures in a row");
        let open = bed.store.coverage((T0, T0 + DAY), "", T0 + 2 * HOUR).await.unwrap();
        assert_eq!((open.blind_hours, open.service_hours), (2.0, 4.0), "an open gap counts up to now");
        poll(&bed.store, "blind", T0 + 3 * HOUR, PollResult::Unchanged { validators: None }).await;
        assert_eq!(bed.number("SELECT from_at FROM gap").await, Some(T0), "blind since it was last read");
        assert_eq!(bed.number("SELECT until_at FROM gap").await, Some(T0 + 3 * HOUR));
        assert_eq!(bed.text("SELECT reason FROM gap").await, "status");
        let later = bed.store.coverage((T0, T0 + DAY), "", T0 + 5 * HOUR).await.unwrap();
        assert_eq!((later.blind_hours, later.service_hours), (3.0, 10.0));
        let middle = bed.store.coverage((T0 + 2 * HOUR, T0 + 4 * HOUR), "", T0 + 5 * HOUR).await.unwrap();
        assert_eq!((middle.blind_hours, middle.service_hours), (1.0, 4.0), "cut to the period");
        poll(&bed.store, "blind", T0 + 6 * HOUR, failed("status")).await;
        assert_eq!(bed.count("gap").await, 2, "a new gap after a success");
    })
    .await;
}

#[tokio::test]
async fn a_source_that_never_answered_is_blind_from_its_first_failure() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0 + HOUR, failed("network")).await;
        assert_eq!(bed.number("SELECT from_at FROM gap").await, Some(T0 + HOUR));
        let claimed = claim(&bed.store, T0 + 2 * HOUR).await;
        assert_eq!(claimed[0].first_polled_at, None, "its first pass is still to come");
    })
    .await;
}

#[tokio::test]
async fn failures_in_a_row_add_up_and_a_success_clears_them() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        for n in 0..3 {
            poll(&bed.store, "paper", T0 + n * HOUR, failed("status")).await;
        }
        let row = bed.store.sources().await.unwrap().remove(0);
        assert_eq!((row.failures, row.last_outcome.as_str()), (6, "status"));
        assert_eq!(row.last_detail, "the server answered 503");
        poll(&bed.store, "paper", T0 + 4 * HOUR, read(vec![])).await;
        assert_eq!(bed.store.sources().await.unwrap()[0].failures, 0);
    })
    .await;
}

#[tokio::test]
async fn the_newest_fifty_polls_of_each_source_are_kept_and_calm_ones_are_one() {
    each(async |bed| {
        sync(&bed.store, &["often", "seldom"]).await;
        poll(&bed.store, "seldom", T0, PollResult::Unchanged { validators: None }).await;
        for n in 0..170 {
            poll(&bed.store, "often", T0 + n, read(Vec::new())).await;
        }
        let kept = bed.number("SELECT COUNT(*) FROM poll WHERE source = 'often'").await.unwrap();
        assert!((50..=65).contains(&kept), "{kept}");
        assert_eq!(
            bed.number("SELECT MIN(at) FROM poll WHERE source = 'often'").await,
            Some(T0 + 170 - kept)
        );
        // Visits in a row that find nothing new are one row, at the time of the last.
        for n in 1..=3 {
            poll(&bed.store, "seldom", T0 + n, PollResult::Unchanged { validators: None }).await;
        }
        assert_eq!(bed.number("SELECT COUNT(*) FROM poll WHERE source = 'seldom'").await, Some(0));
        for (n, result) in [(4, failed("timeout")), (5, read(Vec::new()))] {
            poll(&bed.store, "seldom", T0 + n, result).await;
        }
        assert_eq!(bed.number("SELECT COUNT(*) FROM poll WHERE source = 'seldom'").await, Some(3));
        assert_eq!(bed.number("SELECT times FROM poll WHERE outcome = 'unchanged'").await, Some(4));
        assert_eq!(bed.number("SELECT at FROM poll WHERE outcome = 'unchanged'").await, Some(T0 + 3));
    })
    .await;
}

#[tokio::test]
async fn one_outcome_that_cannot_be_written_costs_only_itself() {
    each(async |bed| {
        sync(&bed.store, &["first", "broken", "last"]).await;
        let fences: Vec<i64> = claim(&bed.store, T0).await.iter().map(|source| source.fence).collect();
        assert_eq!(fences, [1, 1, 1]);
        let mut nobody = hit(&[Category::Coverage]);
        nobody.organisation = organisation("nobody");
        let named = |name: &str, hit| read(vec![entry(name, Some(document(name, vec![hit])))]);
        let outcomes = [
            polled("first", 1, T0, named("one", hit(&[Category::Coverage]))),
            polled("broken", 1, T0, named("two", nobody)),
            polled("unknown", 1, T0, PollResult::Unchanged { validators: None }),
            polled("last", 1, T0, named("three", hit(&[Category::Coverage]))),
        ];
        let results = bed.store.commit(&outcomes).await.unwrap();
        assert!(matches!(&results[0], Ok(Committed::Stored { hits }) if hits.len() == 1));
        assert!(matches!(&results[1], Err(StoreError::Database(_))), "an organisation that does not exist");
        assert!(matches!(&results[2], Ok(Committed::Stale)), "a source that does not exist");
        assert!(matches!(&results[3], Ok(Committed::Stored { hits }) if hits.len() == 1));
        assert_eq!(
            (bed.count("hit").await, bed.count("document").await, bed.count("entry").await),
            (2, 2, 2)
        );
        assert_eq!(bed.number("SELECT last_polled_at FROM source WHERE id = 'broken'").await, None);
        let again =
            commit_one(&bed.store, polled("broken", 1, T0, PollResult::Unchanged { validators: None })).await;
        assert_eq!(again, Committed::Stored { hits: vec![] }, "its claim still stands");
    })
    .await;
}
