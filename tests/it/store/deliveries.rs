//! Deliveries: claimed under a lease and a fence, tried again, given up, sent once.

use trustwatch::model::DeliveryId;

use super::alerts::alert;
use super::backend::{Bed, each};
use super::records::{HOUR, LEASE, T0};

/// One alert to these recipients.
async fn queued(bed: &Bed, recipients: &[&str]) {
    let told = alert("<1@x>", recipients, vec![], vec![]);
    assert!(bed.store.record_alerts(&[], &[], &[told], T0).await.unwrap().is_some());
}

#[tokio::test]
async fn a_message_is_claimed_once_sent_and_not_claimed_again() {
    each(async |bed| {
        queued(bed, &["a@x", "b@x"]).await;
        assert!(bed.store.claim_deliveries(T0 - 1, LEASE, 9).await.unwrap().is_empty());
        let one = bed.store.claim_deliveries(T0, LEASE, 1).await.unwrap().remove(0);
        assert_eq!(
            (one.recipient.as_str(), one.message_id.as_str(), one.subject.as_str()),
            ("a@x", "<1@x>", "Subject")
        );
        assert_eq!((one.fence, one.attempts, one.at), (1, 0, T0));
        let other = bed.store.claim_deliveries(T0, LEASE, 9).await.unwrap();
        assert_eq!(other.iter().map(|delivery| delivery.recipient.as_str()).collect::<Vec<_>>(), ["b@x"]);
        assert!(bed.store.delivered(DeliveryId(one.id), one.fence, T0 + 5).await.unwrap());
        let later = bed.store.claim_deliveries(T0 + HOUR, LEASE, 9).await.unwrap();
        assert_eq!(
            later.iter().map(|delivery| delivery.id).collect::<Vec<_>>(),
            [other[0].id],
            "what was sent is done"
        );
        assert_eq!(bed.number("SELECT sent_at FROM delivery WHERE state = 'sent'").await, Some(T0 + 5));
    })
    .await;
}

#[tokio::test]
async fn a_delivery_whose_lease_ran_out_goes_again_under_the_same_message_id() {
    each(async |bed| {
        queued(bed, &["a@x"]).await;
        let first = bed.store.claim_deliveries(T0, LEASE, 9).await.unwrap().remove(0);
        assert!(bed.store.claim_deliveries(T0 + LEASE - 1, LEASE, 9).await.unwrap().is_empty());
        let second = bed.store.claim_deliveries(T0 + LEASE, LEASE, 9).await.unwrap().remove(0);
        assert_eq!((second.id, &second.message_id), (first.id, &first.message_id));
        assert_eq!((second.fence, second.attempts), (2, 1));
        let before = bed.dump().await;
        assert!(!bed.store.delivered(DeliveryId(first.id), first.fence, T0).await.unwrap(), "no longer ours");
        bed.store.delivery_retry(DeliveryId(first.id), first.fence, T0 + HOUR, "late").await.unwrap();
        bed.store.delivery_failed(DeliveryId(first.id), first.fence, "late").await.unwrap();
        assert_eq!(bed.dump().await, before, "a late answer changes nothing");
        assert!(bed.store.delivered(DeliveryId(second.id), second.fence, T0).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_temporary_refusal_waits_and_a_permanent_one_ends() {
    each(async |bed| {
        queued(bed, &["a@x", "b@x"]).await;
        let claimed = bed.store.claim_deliveries(T0, LEASE, 9).await.unwrap();
        let (a, b) = (&claimed[0], &claimed[1]);
        bed.store.delivery_retry(DeliveryId(a.id), a.fence, T0 + HOUR, "451 try later").await.unwrap();
        bed.store.delivery_failed(DeliveryId(b.id), b.fence, "550 no such user").await.unwrap();
        let waiting = bed.store.deliveries_waiting(0).await.unwrap();
        assert_eq!((waiting.waiting, waiting.oldest, waiting.failed), (1, Some(T0), 1));
        assert!(bed.store.claim_deliveries(T0 + HOUR - 1, LEASE, 9).await.unwrap().is_empty());
        let again = bed.store.claim_deliveries(T0 + HOUR, LEASE, 9).await.unwrap();
        assert_eq!(
            again.iter().map(|delivery| (delivery.id, delivery.attempts)).collect::<Vec<_>>(),
            [(a.id, 1)]
        );
        assert_eq!(bed.text("SELECT detail FROM delivery WHERE state = 'failed'").await, "550 no such user");
        bed.store.delivered(DeliveryId(a.id), again[0].fence, T0 + HOUR).await.unwrap();
        let done = bed.store.deliveries_waiting(0).await.unwrap();
        assert_eq!((done.waiting, done.oldest, done.failed), (0, None, 1));
    })
    .await;
}

#[tokio::test]
async fn two_processes_never_claim_the_same_delivery() {
    each(async |bed| {
        let names: Vec<String> = (0..30).map(|n| format!("p{n}@x")).collect();
        queued(bed, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let other = bed.second().await;
        let mut tasks = tokio::task::JoinSet::new();
        for turn in 0..10 {
            let store = if turn % 2 == 0 { bed.store.clone() } else { other.clone() };
            tasks.spawn(async move { store.claim_deliveries(T0, LEASE, 5).await.unwrap() });
        }
        let mut ids: Vec<i64> =
            tasks.join_all().await.into_iter().flatten().map(|delivery| delivery.id).collect();
        ids.extend(
            bed.store.claim_deliveries(T0, LEASE, 30).await.unwrap().iter().map(|delivery| delivery.id),
        );
        let claims = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((claims, ids.len()), (30, 30));
        other.close().await;
    })
    .await;
}
