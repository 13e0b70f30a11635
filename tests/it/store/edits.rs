//! An entry that changed after it was stored: told again where the findings changed, left alone where
//! they did not.

use trustwatch::model::{Category, HitId, Severity};
use trustwatch::store::{EntryRecord, HitRecord, Scope};

use super::backend::{Bed, each};
use super::records::{DAY, HOUR, T0, document, entry, hit, organisation, poll, read, store_hit, sync};

/// Another version of the entry `story`, with these hits. Which hits are new or changed.
async fn edited(bed: &Bed, at: i64, hits: Vec<HitRecord>) -> Vec<HitId> {
    let changed =
        EntryRecord { content: format!("at {at}"), ..entry("story", Some(document("story", hits))) };
    poll(&bed.store, "paper", at, read(vec![changed])).await
}

/// Takes everything out of the outbox.
async fn decide_all(bed: &Bed) {
    let outbox = bed.store.outbox(100).await.unwrap();
    let taken: Vec<(HitId, i64)> = outbox.iter().map(|item| (HitId(item.hit.id), item.hit.version)).collect();
    assert!(bed.store.record_alerts(&taken, &[], &[], T0).await.unwrap().is_some());
    assert!(bed.store.outbox(100).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_edit_that_changes_the_findings_raises_the_version_and_is_told_again() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::Coverage])).await;
        decide_all(bed).await;
        let graver = hit(&[Category::Coverage, Category::NhsNumber]);
        assert_eq!(edited(bed, T0 + HOUR, vec![graver]).await, [id], "the same hit");
        let outbox = bed.store.outbox(10).await.unwrap();
        assert_eq!((outbox.len(), outbox[0].hit.version, outbox[0].findings.len()), (1, 2, 2));
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.summary.severity.as_str(), detail.summary.at), ("critical", T0));
        assert_eq!(bed.number("SELECT changed_at FROM hit").await, Some(T0 + HOUR));
        assert_eq!((bed.count("hit").await, bed.count("finding").await, bed.count("story").await), (1, 2, 1));
    })
    .await;
}

#[tokio::test]
async fn an_edit_that_leaves_the_findings_is_not_told_again() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::Coverage, Category::Postcode])).await;
        decide_all(bed).await;
        let reordered = hit(&[Category::Postcode, Category::Coverage]);
        assert_eq!(edited(bed, T0 + HOUR, vec![reordered]).await, []);
        assert!(bed.store.outbox(10).await.unwrap().is_empty());
        assert_eq!(bed.number("SELECT version FROM hit").await, Some(1));
        let text = bed.store.unseal(id, "to compare", "system", T0).await.unwrap().unwrap();
        assert_eq!(text.text, "Text of story");
    })
    .await;
}

#[tokio::test]
async fn where_the_names_stand_follows_an_edit_that_leaves_the_findings() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::Coverage])).await;
        let mut moved = hit(&[Category::Coverage]);
        moved.mentions[0].start = 40;
        moved.mentions[0].end = 44;
        moved.findings[0].spans[0].start = 50;
        moved.findings[0].spans[0].end = 60;
        edited(bed, T0 + HOUR, vec![moved.clone()]).await;
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!(detail.mentions, moved.mentions, "offsets count in the text that is sealed now");
        assert_eq!(detail.findings, moved.findings);
    })
    .await;
}

#[tokio::test]
async fn an_edit_before_anybody_decided_is_one_row_in_its_newest_version() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        store_hit(&bed.store, "story", T0, hit(&[Category::Coverage])).await;
        let old = bed.store.outbox(10).await.unwrap().remove(0).hit;
        edited(bed, T0 + HOUR, vec![hit(&[Category::Scam])]).await;
        let outbox = bed.store.outbox(10).await.unwrap();
        assert_eq!((outbox.len(), outbox[0].hit.version), (1, 2));
        let late = bed.store.record_alerts(&[(HitId(old.id), old.version)], &[], &[], T0).await.unwrap();
        assert_eq!(late, None, "a decision on the old version is void");
        assert_eq!(bed.store.outbox(10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_severity_that_falls_is_a_change_too() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::NhsNumber])).await;
        decide_all(bed).await;
        let mut milder = hit(&[Category::NhsNumber]);
        milder.severity = Severity::Medium;
        milder.findings[0].severity = Severity::Medium;
        milder.said = vec!["the same number, milder".to_owned()];
        assert_eq!(edited(bed, T0 + HOUR, vec![milder]).await, [id]);
        let item = bed.store.outbox(10).await.unwrap().remove(0);
        assert_eq!((item.hit.version, item.findings[0].severity), (2, Severity::Medium));
    })
    .await;
}

#[tokio::test]
async fn an_edit_that_mentions_another_organisation_is_a_new_hit_of_it() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let first = store_hit(&bed.store, "story", T0, hit(&[Category::Coverage])).await;
        let mut other = hit(&[Category::Coverage]);
        other.organisation = organisation("solent");
        let new = edited(bed, T0 + DAY, vec![hit(&[Category::Coverage]), other]).await;
        assert_eq!(new.len(), 1);
        assert_ne!(new[0], first);
        assert_eq!((bed.count("document").await, bed.count("story").await), (1, 2));
        assert_eq!(bed.number("SELECT CAST(SUM(leads) AS BIGINT) FROM hit").await.unwrap_or_default(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_an_edit_took_away_stays_known_as_grave_as_it_was() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::NhsNumber])).await;
        decide_all(bed).await;
        assert!(edited(bed, T0 + DAY, vec![hit(&[])]).await.is_empty(), "nothing new to tell");
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.summary.severity.as_str(), detail.findings.len()), ("critical", 1));
        assert!(detail.findings[0].reason.contains("no longer there since"), "{}", detail.findings[0].reason);
        let back = edited(bed, T0 + 2 * DAY, vec![hit(&[Category::NhsNumber])]).await;
        assert!(back.is_empty(), "it was told when it was first seen");
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert!(!detail.findings[0].reason.contains("no longer"), "it is back");
        assert_eq!(bed.count("finding").await, 1);
    })
    .await;
}

#[tokio::test]
async fn another_number_on_a_page_that_was_told_is_told() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::NhsNumber])).await;
        decide_all(bed).await;
        let mut second = hit(&[Category::NhsNumber]);
        second.said.push("the second patient's number".to_owned());
        assert_eq!(edited(bed, T0 + HOUR, vec![second]).await, [id]);
        assert_eq!(bed.store.outbox(10).await.unwrap()[0].hit.version, 2);
    })
    .await;
}
