//! A waiting entry: its page is fetched under the same rules as everything else. Where it cannot be
//! had, what the feed said of it is judged, so that nothing is lost.

use std::sync::Arc;

use chrono::Duration;

use super::{Parts, poll, record};
use crate::extract::{decode, document_of_page};
use crate::fetch::{FailureClass, FetchError, Fetched, Page, Request, parse_target};
use crate::model::{Entry, Source};
use crate::store::{ClaimedEntry, DocumentRecord, EntryOutcome, EntryResult};

/// Tries before the feed's own words must do.
const MAX_ATTEMPTS: i64 = 4;
/// Between tries; doubled each time.
const RETRY_MINUTES: i64 = 15;

/// Fetches a waiting entry's page.
pub(super) async fn follow(parts: &Arc<Parts>, claim: ClaimedEntry) -> EntryOutcome {
    let at = parts.clock.now();
    let result = read(parts, &claim).await;
    EntryOutcome { entry: claim.id, source: claim.source, fence: claim.fence, at, result }
}

async fn read(parts: &Arc<Parts>, claim: &ClaimedEntry) -> EntryResult {
    let Some(planned) = parts.planned.get(&claim.source) else {
        return EntryResult::Failed {
            detail: "the configuration does not name its source any more".to_owned(),
        };
    };
    let entry: Entry = match serde_json::from_slice(&claim.payload) {
        Ok(entry) => entry,
        Err(error) => {
            return EntryResult::Failed { detail: format!("what was stored of it cannot be read: {error}") };
        }
    };
    let Ok(url) = parse_target(&entry.url, &parts.fetcher.policy()) else {
        return EntryResult::Done(own_words(parts, &planned.source, entry).await);
    };
    match parts.fetcher.fetch(Request::new(url)).await {
        Ok(Fetched::Page(page)) => EntryResult::Done(judged(parts, &planned.source, entry, page).await),
        Err(FetchError::Gone) if entry.content.as_str().is_empty() => EntryResult::Gone,
        Err(error) if error.class() != FailureClass::Hard && claim.attempts + 1 < MAX_ATTEMPTS => {
            let wait = Duration::minutes(RETRY_MINUTES << claim.attempts.clamp(0, 6));
            let asked =
                error.retry_after().and_then(|wait| Duration::from_std(wait).ok()).unwrap_or_default();
            EntryResult::Retry { at: parts.clock.now() + wait.max(asked), detail: error.to_string() }
        }
        Ok(Fetched::NotModified) | Err(_) => {
            EntryResult::Done(own_words(parts, &planned.source, entry).await)
        }
    }
}

async fn judged(
    parts: &Arc<Parts>,
    source: &Source,
    entry: Entry,
    page: Page,
) -> Option<Box<DocumentRecord>> {
    let (parts, source) = (parts.clone(), source.clone());
    let work = tokio::task::spawn_blocking(move || {
        let html = decode(&page.body, page.content_type.as_deref()).text;
        let mut document =
            document_of_page(&html, &page.url, &entry, source.document_kind, &parts.options.extract);
        let listed = poll::document_of(&source, &entry, &parts.options.extract);
        if document.text.is_empty() {
            document.text = listed.text;
        }
        record::of(&parts, &document, entry.doubt.filter(|_| document.published.is_none()))
    });
    work.await.ok().flatten().map(Box::new)
}

/// The document that the feed's own words make.
async fn own_words(parts: &Arc<Parts>, source: &Source, entry: Entry) -> Option<Box<DocumentRecord>> {
    let (parts, source) = (parts.clone(), source.clone());
    let work = tokio::task::spawn_blocking(move || {
        record::of(&parts, &poll::document_of(&source, &entry, &parts.options.extract), entry.doubt)
    });
    work.await.ok().flatten().map(Box::new)
}
