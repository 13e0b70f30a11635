//! Stored hits read back to be judged anew, and what was found then written over what stood there.

use trustwatch::model::{Category, HitId, Severity};
use trustwatch::store::{Applied, EntryRecord, Scope};

use super::backend::each;
use super::records::{DAY, HOUR, T0, document, entry, hit, organisation, poll, read, store_hit, sync};

const AUDIT: (&str, &str, i64) = ("system", "to try a rule", T0 + HOUR);

#[tokio::test]
async fn hits_are_read_in_batches_with_their_documents_and_every_opening_is_noted() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let old = store_hit(&bed.store, "old", T0 - DAY, hit(&[Category::Coverage])).await;
        let first = store_hit(&bed.store, "first", T0, hit(&[Category::Coverage])).await;
        let second = store_hit(&bed.store, "second", T0, hit(&[Category::NhsNumber, Category::Safety])).await;
        let batch_after =
            async |after: HitId| bed.store.hits_to_replay(after, T0 - HOUR, None, 1, AUDIT).await.unwrap();
        let batch = batch_after(HitId(0)).await;
        assert_eq!(batch.iter().map(|hit| hit.id).collect::<Vec<_>>(), [first], "{old} counts before");
        assert_eq!(batch[0].document.as_ref().unwrap().text, "Text of first");
        let batch = batch_after(first).await;
        assert_eq!(batch[0].id, second);
        assert_eq!(batch[0].findings.len(), 2, "restricted findings are compared too");
        assert!(batch_after(second).await.is_empty());
        let solent = organisation("solent");
        let elsewhere = bed.store.hits_to_replay(HitId(0), 0, Some(&solent), 9, AUDIT).await.unwrap();
        assert!(elsewhere.is_empty());
        assert_eq!(bed.count("audit").await, 2, "one line for each text that was opened");
    })
    .await;
}

#[tokio::test]
async fn what_is_found_now_replaces_what_was_found_and_news_are_told_as_backlog() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let id = store_hit(&bed.store, "story", T0, hit(&[Category::Coverage, Category::Postcode])).await;
        let told: Vec<(HitId, i64)> = vec![(id, 1)];
        assert!(bed.store.record_alerts(&told, &[], &[], T0).await.unwrap().is_some());
        let version = async || {
            let hits = bed.store.hits_to_replay(HitId(0), 0, None, 9, AUDIT).await.unwrap();
            hits.into_iter().next().unwrap().version
        };
        let by = |at: i64| ("jo (uid 7)", "the rule is live", at);
        let fewer = hit(&[Category::Coverage]);
        let first = version().await;
        let applied = bed.store.reapply(id, first, &fewer, false, by(T0 + HOUR)).await.unwrap();
        assert_eq!(applied, Applied::Quietly);
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.findings.len(), detail.summary.severity.as_str()), (1, "info"));
        assert!(bed.store.outbox(9).await.unwrap().is_empty());
        let graver = hit(&[Category::Coverage, Category::NhsNumber]);
        let late = bed.store.reapply(id, first, &graver, true, by(T0 + 2 * HOUR)).await.unwrap();
        assert_eq!(late, Applied::Changed, "what was read before it was written is old, told or not");
        let applied = bed.store.reapply(id, version().await, &graver, true, by(T0 + 2 * HOUR)).await.unwrap();
        assert_eq!(applied, Applied::Told);
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.findings.len(), detail.summary.severity.as_str()), (2, "critical"));
        let outbox = bed.store.outbox(9).await.unwrap();
        assert_eq!((outbox.len(), outbox[0].hit.version, outbox[0].hit.backlog), (1, 2, 1));
        assert_eq!(outbox[0].findings.iter().map(|finding| finding.severity).max(), Some(Severity::Critical));
        assert_eq!(bed.count("finding").await, 2);
        let noted = "SELECT COUNT(*) FROM audit WHERE action = 'reapply' AND actor = 'jo (uid 7)'";
        assert_eq!(bed.number(noted).await, Some(2), "who wrote over findings is written down");
    })
    .await;
}

#[tokio::test]
async fn what_an_edit_took_away_stays_known_and_stands_once() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let both = hit(&[Category::Coverage, Category::Postcode]);
        let id = store_hit(&bed.store, "story", T0, both.clone()).await;
        let changed = EntryRecord {
            content: "edited".to_owned(),
            ..entry("story", Some(document("story", vec![hit(&[Category::Coverage])])))
        };
        poll(&bed.store, "paper", T0 + HOUR, read(vec![changed])).await;
        let version = async || {
            let hits = bed.store.hits_to_replay(HitId(0), 0, None, 9, AUDIT).await.unwrap();
            assert_eq!(hits[0].findings.len(), 1, "only what stands is compared");
            hits[0].version
        };
        let by = ("jo (uid 7)", "the rule is live", T0 + 2 * HOUR);
        let only = hit(&[Category::Coverage]);
        bed.store.reapply(id, version().await, &only, false, by).await.unwrap();
        assert_eq!(bed.count("finding").await, 2, "the postcode that stood there stays known");
        let read_at = version().await;
        bed.store.reapply(id, read_at, &both, true, ("jo (uid 7)", "again", T0 + 3 * HOUR)).await.unwrap();
        assert_eq!(bed.count("finding").await, 2, "a rule that fires again is not counted twice");
    })
    .await;
}
