//! From the outbox to alerts: all or nothing, and only one process wins.

use trustwatch::model::{Category, HitId, Severity};
use trustwatch::store::{HitDecision, NewAlert, NewDelivery, Rendered, Store};

use super::backend::{Bed, each};
use super::records::{HOUR, T0, hit, store_hit, sync};

pub(super) fn decision(hit: HitId, reason: &'static str, due_at: Option<i64>) -> HitDecision {
    HitDecision { hit, version: 1, recipients: "communications", reason, severity: Severity::High, due_at }
}

pub(super) fn alert(
    message_id: &str,
    recipients: &[&str],
    decisions: Vec<HitDecision>,
    waited: Vec<i64>,
) -> NewAlert {
    let deliveries =
        recipients.iter().map(|name| NewDelivery { recipient: (*name).to_owned(), channel: "mail" });
    NewAlert {
        kind: "immediate",
        organisation: "northmere".to_owned(),
        message_id: message_id.to_owned(),
        message: Rendered { subject: "Subject".to_owned(), text: "Text".to_owned(), html: "<p>".to_owned() },
        deliveries: deliveries.collect(),
        decisions,
        waited,
        gaps: Vec::new(),
    }
}

async fn two_hits(bed: &Bed) -> [HitId; 2] {
    sync(&bed.store, &["paper"]).await;
    let first = store_hit(&bed.store, "one", T0, hit(&[Category::Scam])).await;
    [first, store_hit(&bed.store, "two", T0, hit(&[])).await]
}

async fn reasons(store: &Store, hit: HitId) -> Vec<String> {
    store.decisions_of(hit).await.unwrap().into_iter().map(|(_, reason, _)| reason).collect()
}

#[tokio::test]
async fn every_stored_hit_is_in_the_outbox_with_what_a_decision_needs() {
    each(async |bed| {
        let ids = two_hits(bed).await;
        let outbox = bed.store.outbox(10).await.unwrap();
        assert_eq!(outbox.iter().map(|item| HitId(item.hit.id)).collect::<Vec<_>>(), ids);
        let row = &outbox[0].hit;
        assert_eq!((row.version, row.organisation.as_str(), row.source.as_str()), (1, "northmere", "paper"));
        assert_eq!((row.title.as_str(), row.copies, row.story_told), ("Title of one", 1, 0));
        assert_eq!((outbox[0].findings.len(), outbox[1].findings.len()), (1, 0));
        assert_eq!(bed.store.outbox(1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn decisions_alerts_and_deliveries_are_written_as_the_hits_leave_the_outbox() {
    each(async |bed| {
        let [first, second] = two_hits(bed).await;
        let told = alert("<1@x>", &["a@x", "b@x"], vec![decision(first, "first", None)], vec![]);
        let quiet = decision(second, "digest", Some(T0 + HOUR));
        let ids = bed.store.record_alerts(&[(first, 1), (second, 1)], &[quiet], &[told], T0).await.unwrap();
        assert_eq!(ids.map(|ids| ids.len()), Some(1));
        assert!(bed.store.outbox(10).await.unwrap().is_empty());
        assert_eq!(
            (reasons(&bed.store, first).await, reasons(&bed.store, second).await),
            (vec!["first".to_owned()], vec!["digest".to_owned()])
        );
        assert_eq!((bed.count("alert").await, bed.count("delivery").await), (1, 2));
        assert!(bed.store.check().await.unwrap().is_empty(), "every hit is decided on or waits");
    })
    .await;
}

#[tokio::test]
async fn alerts_that_cannot_be_written_leave_everything_as_it_was() {
    each(async |bed| {
        let [first, second] = two_hits(bed).await;
        let before = bed.dump().await;
        let alerts = |id: &'static str, told| {
            [
                alert("<same@x>", &["a@x"], vec![decision(first, "first", None)], vec![]),
                alert(id, &["a@x"], vec![decision(told, "first", None)], vec![]),
            ]
        };
        let taken = [(first, 1), (second, 1)];
        let nobody = alerts("<other@x>", HitId(i64::MAX));
        let failed = bed.store.record_alerts(&taken, &[], &nobody, T0).await;
        assert!(failed.is_err(), "a decision is about a hit");
        assert_eq!(bed.dump().await, before);
        let twice = bed.store.record_alerts(&taken, &[], &alerts("<same@x>", second), T0).await;
        assert_eq!(twice.unwrap(), None, "one Message-ID stands for one message");
        assert_eq!(bed.dump().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_process_that_was_slower_writes_nothing() {
    each(async |bed| {
        let [first, second] = two_hits(bed).await;
        let other = bed.second().await;
        let record = async |store: &Store, id: &str| {
            let told = alert(id, &["a@x"], vec![decision(first, "first", None)], vec![]);
            store.record_alerts(&[(second, 1), (first, 1)], &[], &[told], T0).await.unwrap()
        };
        assert!(record(&bed.store, "<1@x>").await.is_some());
        let before = bed.dump().await;
        assert_eq!(record(&other, "<2@x>").await, None);
        assert_eq!(bed.dump().await, before);
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn of_two_processes_at_once_just_one_tells_of_a_hit() {
    each(async |bed| {
        let [first, _] = two_hits(bed).await;
        let other = bed.second().await;
        let told = |id| [alert(id, &["a@x"], vec![decision(first, "first", None)], vec![])];
        let (one, two) = (told("<1@x>"), told("<2@x>"));
        let taken = [(first, 1)];
        let (one, two) = tokio::join!(
            bed.store.record_alerts(&taken, &[], &one, T0),
            other.record_alerts(&taken, &[], &two, T0)
        );
        let won = [one.unwrap(), two.unwrap()].iter().flatten().count();
        assert_eq!((won, bed.count("alert").await, bed.count("delivery").await), (1, 1, 1));
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn decisions_wait_until_they_are_due_and_are_carried_out_once() {
    each(async |bed| {
        let [first, second] = two_hits(bed).await;
        let quiet = [decision(first, "digest", Some(T0 + HOUR)), decision(second, "backlog", Some(T0))];
        bed.store.record_alerts(&[(first, 1), (second, 1)], &quiet, &[], T0).await.unwrap();
        assert!(bed.store.waiting_decisions("digest", T0 + HOUR - 1).await.unwrap().is_empty());
        let due = bed.store.waiting_decisions("digest", T0 + HOUR).await.unwrap();
        assert_eq!(due.iter().map(|item| HitId(item.hit.id)).collect::<Vec<_>>(), [first]);
        let waited = vec![due[0].decision];
        let carried = alert("<d1@x>", &["a@x"], vec![], waited.clone());
        assert!(bed.store.record_alerts(&[], &[], &[carried], T0 + HOUR).await.unwrap().is_some());
        assert!(bed.store.waiting_decisions("digest", T0 + HOUR).await.unwrap().is_empty());
        let again = alert("<d2@x>", &["a@x"], vec![], waited);
        assert_eq!(bed.store.record_alerts(&[], &[], &[again], T0 + HOUR).await.unwrap(), None);
        assert_eq!((bed.count("alert").await, bed.count("delivery").await), (1, 1));
        assert_eq!(bed.store.waiting_decisions("backlog", T0).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_digest_brings_all_its_findings_for_each_group_to_pick_from() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let both = hit(&[Category::Safety, Category::Coverage]);
        let id = store_hit(&bed.store, "both", T0, both).await;
        bed.store.record_alerts(&[(id, 1)], &[decision(id, "digest", Some(T0))], &[], T0).await.unwrap();
        let waiting = bed.store.waiting_decisions("digest", T0).await.unwrap();
        let categories: Vec<Category> = waiting[0].findings.iter().map(|finding| finding.category).collect();
        assert_eq!(categories, [Category::Safety, Category::Coverage]);
    })
    .await;
}
