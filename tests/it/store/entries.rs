//! Entries: what was already seen, and pages that wait to be fetched, from the claim to their end.

use trustwatch::clock::from_ms;
use trustwatch::model::{Category, EntryId};
use trustwatch::store::{
    ClaimedEntry, Committed, EntryOutcome, EntryRecord, EntryResult, EntryState, Outcome, PollResult,
    Retention, Terms,
};

use super::backend::{Bed, each};
use super::records::{
    DAY, HOUR, LEASE, SECOND, T0, commit_one, document, entry, hit, poll, read, spec, sync, sync_specs, terms,
};

const PAYLOAD: &[u8] = b"{\"title\":\"Bed 4 at Northmere General\"}";

fn waiting(key: &str, host: &str) -> EntryRecord {
    let state = EntryState::Waiting { payload: PAYLOAD.to_vec(), host: host.to_owned(), due_at: from_ms(T0) };
    EntryRecord {
        key: key.to_owned(),
        content: format!("content of {key}"),
        backlog: true,
        edited: false,
        state,
    }
}

async fn claim(bed: &Bed, now: i64) -> Vec<ClaimedEntry> {
    bed.store.claim_entries(terms(now), |_| 0).await.unwrap()
}

fn ended(claimed: &ClaimedEntry, at: i64, result: EntryResult) -> Outcome {
    let (entry, source, fence) = (claimed.id, claimed.source.clone(), claimed.fence);
    Outcome::Entry(Box::new(EntryOutcome {
        entry,
        source,
        fence,
        at: from_ms(at),
        result,
        comments: Vec::new(),
    }))
}

#[tokio::test]
async fn new_changed_and_known_entries_are_told_apart() {
    each(async |bed| {
        sync(&bed.store, &["paper", "other"]).await;
        poll(&bed.store, "paper", T0, read(vec![entry("e1", None), entry("e2", None)])).await;
        let asked = ["e1", "e2", "e3"].map(str::to_owned);
        let known = bed.store.known_entries(&"paper".parse().unwrap(), &asked).await.unwrap();
        assert_eq!(known.len(), 2);
        assert_eq!(known["e1"], "content of e1");
        let elsewhere = bed.store.known_entries(&"other".parse().unwrap(), &asked).await.unwrap();
        assert!(elsewhere.is_empty(), "keys are each source's own");
        let changed = EntryRecord { content: "another".to_owned(), ..entry("e1", None) };
        poll(&bed.store, "paper", T0 + HOUR, read(vec![changed])).await;
        let known = bed.store.known_entries(&"paper".parse().unwrap(), &asked).await.unwrap();
        assert_eq!((known["e1"].as_str(), known["e2"].as_str()), ("another", "content of e2"));
        assert_eq!(bed.number("SELECT first_seen_at FROM entry WHERE key = 'e1'").await, Some(T0));
    })
    .await;
}

#[tokio::test]
async fn a_waiting_entry_is_claimed_tried_again_and_done() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![waiting("e1", "pages.example")])).await;
        assert_eq!(bed.store.first_passes_left().await.unwrap(), 1);
        assert!(claim(bed, T0 - 1).await.is_empty(), "not due yet");
        let first = claim(bed, T0).await.remove(0);
        assert_eq!((first.payload.as_slice(), first.attempts, first.backlog), (PAYLOAD, 0, true));
        assert!(claim(bed, T0 + LEASE - 1).await.is_empty(), "the lease holds");
        let retry =
            EntryResult::Retry { at: from_ms(T0 + HOUR), detail: "the server answered 500".to_owned() };
        commit_one(&bed.store, ended(&first, T0, retry)).await;
        assert!(claim(bed, T0 + HOUR - 1).await.is_empty());
        let second = claim(bed, T0 + HOUR).await.remove(0);
        assert_eq!((second.attempts, second.payload.as_slice()), (1, PAYLOAD));
        assert!(second.fence > first.fence);
        let done = EntryResult::Done(Some(Box::new(document("e1", vec![hit(&[Category::Coverage])]))));
        let committed = commit_one(&bed.store, ended(&second, T0 + HOUR, done)).await;
        assert!(matches!(committed, Committed::Stored { hits } if hits.len() == 1));
        assert!(claim(bed, T0 + DAY).await.is_empty(), "done is done");
        assert_eq!(bed.text("SELECT state FROM entry").await, "done");
        assert_eq!(bed.number("SELECT COUNT(*) FROM entry WHERE sealed IS NOT NULL").await, Some(0));
        assert_eq!(bed.number("SELECT backlog FROM hit").await, Some(1), "as its entry was");
        assert_eq!(
            bed.number("SELECT first_seen_at FROM document").await,
            Some(T0),
            "when the feed listed it"
        );
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_gone_or_fails_for_good_is_not_tried_again() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let entries = vec![waiting("gone", "a.example"), waiting("failed", "b.example")];
        poll(&bed.store, "paper", T0, read(entries)).await;
        let claimed = claim(bed, T0).await;
        commit_one(&bed.store, ended(&claimed[0], T0, EntryResult::Gone)).await;
        let failed = EntryResult::Failed { detail: "unreadable".to_owned() };
        commit_one(&bed.store, ended(&claimed[1], T0, failed)).await;
        assert!(claim(bed, T0 + DAY).await.is_empty());
        assert_eq!(bed.text("SELECT state FROM entry WHERE key = 'gone'").await, "gone");
        assert_eq!(bed.text("SELECT detail FROM entry WHERE state = 'failed'").await, "unreadable");
        assert_eq!(bed.number("SELECT COUNT(*) FROM entry WHERE sealed IS NOT NULL").await, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_late_page_changes_nothing() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![waiting("e1", "pages.example")])).await;
        let late = claim(bed, T0).await.remove(0);
        let ours = claim(bed, T0 + LEASE).await.remove(0);
        assert_eq!(ours.fence, late.fence + 1);
        let before = bed.dump().await;
        let retry = EntryResult::Retry { at: from_ms(T0 + HOUR), detail: String::new() };
        let done = EntryResult::Done(Some(Box::new(document("e1", vec![hit(&[])]))));
        for result in [done, retry, EntryResult::Gone] {
            assert_eq!(commit_one(&bed.store, ended(&late, T0 + LEASE, result)).await, Committed::Stale);
        }
        assert_eq!(bed.dump().await, before);
        let done = commit_one(&bed.store, ended(&ours, T0 + LEASE, EntryResult::Done(None))).await;
        assert_eq!(done, Committed::Stored { hits: vec![] });
        let twice = commit_one(&bed.store, ended(&ours, T0 + LEASE, EntryResult::Gone)).await;
        assert_eq!(twice, Committed::Stale, "what is done is not written twice");
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_changed_while_its_page_was_fetched_waits_again() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![waiting("e1", "pages.example")])).await;
        let old = claim(bed, T0).await.remove(0);
        let changed = EntryRecord { content: "another".to_owned(), ..waiting("e1", "pages.example") };
        poll(&bed.store, "paper", T0 + SECOND, read(vec![changed])).await;
        let late = commit_one(&bed.store, ended(&old, T0 + SECOND, EntryResult::Done(None))).await;
        assert_eq!(late, Committed::Stale, "what it fetched may be the old page");
        let again = claim(bed, T0 + SECOND).await;
        assert_eq!(again.iter().map(|entry| entry.id).collect::<Vec<EntryId>>(), [old.id]);
    })
    .await;
}

#[tokio::test]
async fn pages_of_one_host_keep_its_gap_and_those_of_a_retired_source_rest() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let entries =
            vec![waiting("e1", "a.example"), waiting("e2", "a.example"), waiting("e3", "b.example")];
        poll(&bed.store, "paper", T0, read(entries)).await;
        let paced = async |now| bed.store.claim_entries(terms(now), |_| SECOND).await.unwrap().len();
        assert_eq!(paced(T0).await, 2, "one on each host");
        assert_eq!(paced(T0 + SECOND - 1).await, 0);
        sync_specs(&bed.store, &[spec("other")], T0).await;
        assert_eq!(paced(T0 + SECOND).await, 0, "its source is retired");
        sync_specs(&bed.store, &[spec("paper")], T0).await;
        let only = Terms { only: "other", ..terms(T0 + SECOND) };
        assert!(bed.store.claim_entries(only, |_| SECOND).await.unwrap().is_empty());
        assert_eq!(paced(T0 + SECOND).await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_waiting_entry_said_is_sealed() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![waiting("e1", "pages.example")])).await;
        assert_eq!(bed.number("SELECT COUNT(*) FROM entry WHERE sealed IS NOT NULL").await, Some(1));
        let hex = super::sealing::hexadecimal(PAYLOAD);
        for value in bed.dump().await {
            assert!(!value.contains("Bed 4") && !value.to_lowercase().contains(&hex), "{value}");
        }
        poll(&bed.store, "paper", T0 + HOUR, PollResult::Unchanged { validators: None }).await;
        assert_eq!(claim(bed, T0 + HOUR).await.len(), 1, "an unchanged poll leaves it waiting");
    })
    .await;
}

#[tokio::test]
async fn pages_that_wait_for_a_retired_source_hold_nobody_up_and_go_in_the_end() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![waiting("e1", "a.example")])).await;
        assert_eq!(bed.store.next_due("").await.unwrap(), Some(T0));
        sync_specs(&bed.store, &[], T0).await;
        assert_eq!(bed.store.next_due("").await.unwrap(), None, "nothing is due that nobody may claim");
        assert_eq!(bed.store.first_passes_left().await.unwrap(), 0, "no summary waits for it");
        let periods = Retention::default();
        let kept = i64::from(periods.entry_days) * DAY;
        assert_eq!(bed.store.purge(&periods, T0 + kept).await.unwrap().entries, 0);
        assert_eq!(bed.store.purge(&periods, T0 + kept + 1).await.unwrap().entries, 1);
    })
    .await;
}
