//! Sources kept in step with the configuration, and claiming them: due times, leases, fences, and one
//! request to a host at a time.

use std::collections::BTreeSet;

use trustwatch::store::{Committed, PollResult, Terms};

use super::backend::each;
use super::records::{
    HOUR, LEASE, SECOND, T0, claim, commit_one, failed, names, poll, polled, read, spec, sync, sync_specs,
    terms,
};

#[tokio::test]
async fn sources_are_made_kept_and_retired_with_the_configuration() {
    each(async |bed| {
        sync(&bed.store, &["kept", "dropped"]).await;
        poll(&bed.store, "kept", T0, read(vec![])).await;
        poll(&bed.store, "dropped", T0, failed("status")).await;
        sync_specs(&bed.store, &[spec("kept"), spec("made")], T0 + HOUR).await;
        let listed: Vec<String> = bed.store.sources().await.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(listed, ["kept", "made"]);
        assert_eq!(bed.count("source").await, 3, "retired, not deleted");
        let claimed = claim(&bed.store, T0 + 2 * HOUR).await;
        assert_eq!(names(&claimed), ["made", "kept"], "the longest due first");
        assert_eq!(claimed[1].etag.as_deref(), Some("\"v1\""), "what is known of it is kept");
        assert_eq!(bed.number("SELECT until_at FROM gap WHERE source = 'dropped'").await, Some(T0 + HOUR));
        sync_specs(&bed.store, &[spec("dropped")], T0 + 3 * HOUR).await;
        assert_eq!(names(&claim(&bed.store, T0 + 3 * HOUR).await), ["dropped"], "back in service");
    })
    .await;
}

#[tokio::test]
async fn a_source_whose_address_changed_forgets_its_validators() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        poll(&bed.store, "paper", T0, read(vec![])).await;
        let moved =
            trustwatch::store::SourceSpec { url: "https://paper.example/new".to_owned(), ..spec("paper") };
        sync_specs(&bed.store, &[moved], T0 + HOUR).await;
        let claimed = claim(&bed.store, T0 + HOUR).await;
        assert_eq!(
            (&claimed[0].etag, &claimed[0].last_modified, &claimed[0].body_hash),
            (&None, &None, &None)
        );
    })
    .await;
}

#[tokio::test]
async fn only_what_is_due_is_claimed_and_no_more_than_asked() {
    each(async |bed| {
        sync(&bed.store, &["a", "b", "c"]).await;
        assert!(claim(&bed.store, T0 - 1).await.is_empty());
        assert_eq!(bed.store.next_due("").await.unwrap(), Some(T0));
        assert_eq!(bed.store.overdue(T0).await.unwrap(), 3);
        let two = bed.store.claim_sources(Terms { limit: 2, ..terms(T0) }, |_| 0).await.unwrap();
        assert_eq!(names(&two), ["a", "b"]);
        assert_eq!(bed.store.overdue(T0).await.unwrap(), 1);
        let only = bed.store.claim_sources(Terms { only: "b", ..terms(T0) }, |_| 0).await.unwrap();
        assert!(only.is_empty(), "b is claimed already");
        assert_eq!(names(&claim(&bed.store, T0).await), ["c"]);
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_ran_out_is_claimed_again_under_a_higher_fence() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let first = claim(&bed.store, T0).await;
        assert_eq!(first[0].fence, 1);
        assert!(claim(&bed.store, T0 + LEASE - 1).await.is_empty(), "the lease holds");
        let second = claim(&bed.store, T0 + LEASE).await;
        assert_eq!(second[0].fence, 2);
        commit_one(&bed.store, polled("paper", 2, T0 + LEASE, PollResult::Unchanged { validators: None }))
            .await;
        let third = claim(&bed.store, T0 + LEASE + HOUR).await;
        assert_eq!(third[0].fence, 3, "fences never go back");
    })
    .await;
}

#[tokio::test]
async fn a_late_write_back_changes_nothing() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        claim(&bed.store, T0).await;
        claim(&bed.store, T0 + LEASE).await;
        let before = bed.dump().await;
        let entries = vec![super::records::entry("late", None)];
        let outcomes = [read(entries), failed("status"), PollResult::Unchanged { validators: None }];
        for result in outcomes {
            let late = commit_one(&bed.store, polled("paper", 1, T0 + LEASE, result)).await;
            assert_eq!(late, Committed::Stale);
        }
        assert_eq!(bed.dump().await, before);
        let ours = commit_one(
            &bed.store,
            polled("paper", 2, T0 + LEASE, PollResult::Unchanged { validators: None }),
        )
        .await;
        assert_eq!(ours, Committed::Stored { hits: vec![] });
        assert_ne!(bed.dump().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_host_gets_one_request_at_a_time_and_rests_for_its_gap() {
    each(async |bed| {
        let on = |id: &str, host: &str| trustwatch::store::SourceSpec { host: host.to_owned(), ..spec(id) };
        let specs = [on("a", "one.example"), on("b", "one.example"), on("c", "two.example")];
        sync_specs(&bed.store, &specs, T0).await;
        let gap = 5 * SECOND;
        let claimed = async |now| bed.store.claim_sources(terms(now), |_| gap).await.unwrap();
        assert_eq!(names(&claimed(T0).await), ["a", "c"]);
        assert!(claimed(T0 + gap - 1).await.is_empty(), "the host rests");
        assert_eq!(names(&claimed(T0 + gap).await), ["b"]);
    })
    .await;
}

#[tokio::test]
async fn mapped_hosts_keep_no_gap() {
    each(async |bed| {
        let on = |id: &str| trustwatch::store::SourceSpec { host: "one.example".to_owned(), ..spec(id) };
        sync_specs(&bed.store, &[on("a"), on("b")], T0).await;
        assert_eq!(names(&claim(&bed.store, T0).await), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn two_processes_that_claim_at_once_share_the_work() {
    each(async |bed| {
        let ids: Vec<String> = (0..40).map(|n| format!("s{n}")).collect();
        sync(&bed.store, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let stores = [bed.store.clone(), bed.second().await];
        let mut tasks = tokio::task::JoinSet::new();
        for turn in 0..16 {
            let store = stores[turn % 2].clone();
            let few = Terms { limit: 7, ..terms(T0) };
            tasks.spawn(async move { store.claim_sources(few, |_| SECOND).await.unwrap() });
        }
        let all: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        let rest = claim(&bed.store, T0 + SECOND).await;
        let distinct: BTreeSet<&str> = all.iter().chain(&rest).map(|source| source.id.as_str()).collect();
        assert_eq!(all.len() + rest.len(), 40, "each claimed once");
        assert_eq!(distinct.len(), 40);
        assert!(all.len() >= 7, "somebody got something: {}", all.len());
        assert!(all.iter().chain(&rest).all(|source| source.fence == 1));
        stores[1].close().await;
    })
    .await;
}
