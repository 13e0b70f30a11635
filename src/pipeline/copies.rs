//! Pieces that copies of one story give away together: one paper says the age and the street, another the ward
//! and the day. Only where the profile asks for it (`jigsaw_across_copies`).

use std::sync::Arc;

use super::Parts;
use crate::model::{Category, Document, OrganisationId};
use crate::store::{DocumentRecord, StoreError};

/// Who opens the copies, as the audit names it.
const ACTOR: &str = "system";
const PURPOSE: &str = "jigsaw across copies";

/// Adds to the hits of `record` what its text and the copies in the store tell together and none tells alone.
pub(super) async fn join(parts: &Arc<Parts>, record: &mut DocumentRecord) -> Result<(), StoreError> {
    let asking: Vec<OrganisationId> = parts
        .classifier
        .profiles()
        .iter()
        .filter(|profile| profile.jigsaw_across_copies)
        .map(|profile| profile.id.clone())
        .collect();
    for place in 0..record.hits.len() {
        let hit = &record.hits[place];
        let alone = hit.findings.iter().any(|finding| finding.category == Category::Jigsaw);
        if alone || !asking.contains(&hit.organisation) {
            continue;
        }
        let organisation = hit.organisation.clone();
        let now = parts.clock.now().timestamp_millis();
        let mut documents = parts.store.copies(&organisation, record, (ACTOR, PURPOSE, now)).await?;
        let Ok(own) = serde_json::from_slice::<Document>(&record.clear) else { continue };
        if documents.is_empty() {
            continue;
        }
        documents.insert(0, own);
        let shared = parts.clone();
        let joined = parts.compute(move || shared.classifier.jigsaw_across(&documents, &organisation));
        // Judging that panicked has found nothing; each copy was judged for itself before.
        if let Ok(Some(finding)) = joined.await {
            let hit = &mut record.hits[place];
            hit.severity = hit.severity.max(finding.severity);
            hit.said.push(parts.store.fingerprint(&["said", "jigsaw across", finding.severity.as_str()]));
            hit.findings.push(finding);
        }
    }
    Ok(())
}
