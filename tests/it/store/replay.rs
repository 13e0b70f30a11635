//! Stored hits read back to be judged anew, and what was found then written over what stood there.

use trustwatch::model::{Category, HitId, Severity};
use trustwatch::store::{Applied, Scope};

use super::backend::each;
use super::records::{DAY, HOUR, T0, hit, organisation, store_hit, sync};

const AUDIT: (&str, &str, i64) = ("system", "to try a rule", T0 + HOUR);

#[tokio::test]
async fn hits_are_read_in_batches_with_their_documents_and_every_opening_is_noted() {
    each(async |bed| {
        sync(&bed.store, &["paper"]).await;
        let old = store_hit(&bed.store, "old", T0 - DAY, hit(&[Category::Coverage])).await;
        let first = store_hit(&bed.store, "first", T0, hit(&[Category::Coverage])).await;
        let second = store_hit(&bed.store, "second", T0, hit(&[Category::NhsNumber, Category::Safety])).await;
        let read =
            async |after: HitId| bed.store.hits_to_replay(after, T0 - HOUR, None, 1, AUDIT).await.unwrap();
        let batch = read(HitId(0)).await;
        assert_eq!(batch.iter().map(|hit| hit.id).collect::<Vec<_>>(), [first], "{old} counts before");
        assert_eq!(batch[0].document.as_ref().unwrap().text, "Text of first");
        let batch = read(first).await;
        assert_eq!(batch[0].id, second);
        assert_eq!(batch[0].findings.len(), 2, "restricted findings are compared too");
        assert!(read(second).await.is_empty());
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
        let fewer = hit(&[Category::Coverage]);
        assert_eq!(bed.store.reapply(id, 1, &fewer, T0 + HOUR).await.unwrap(), Applied::Quietly);
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.findings.len(), detail.summary.severity.as_str()), (1, "info"));
        assert!(bed.store.outbox(9).await.unwrap().is_empty());
        let graver = hit(&[Category::Coverage, Category::NhsNumber]);
        assert_eq!(bed.store.reapply(id, 1, &graver, T0 + HOUR).await.unwrap(), Applied::Told);
        let detail = bed.store.hit(id, &Scope::OPEN).await.unwrap().unwrap();
        assert_eq!((detail.findings.len(), detail.summary.severity.as_str()), (2, "critical"));
        let outbox = bed.store.outbox(9).await.unwrap();
        assert_eq!((outbox.len(), outbox[0].hit.version, outbox[0].hit.backlog), (1, 2, 1));
        assert_eq!(outbox[0].findings.iter().map(|finding| finding.severity).max(), Some(Severity::Critical));
        assert_eq!(
            bed.store.reapply(id, 1, &fewer, T0 + HOUR).await.unwrap(),
            Applied::Changed,
            "whoever read version 1 comes too late"
        );
        assert_eq!(bed.count("finding").await, 2);
    })
    .await;
}
