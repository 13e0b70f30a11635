//! A waiting entry: its page is fetched under the same rules as everything else. Where it cannot be
//! had, what the feed said of it is judged, so that nothing is lost.

use std::sync::Arc;

use chrono::Duration;
use tokio::task::JoinError;

use super::record::Keep;
use super::{Parts, judge, poll, record, visit};
use crate::extract::{Wall, asks_for_no_copy, decode, document_of_page};
use crate::fetch::{FailureClass, FetchError, Fetched, Page, Request, parse_target};
use crate::model::{Entry, Source};
use crate::store::{ClaimedEntry, DocumentRecord, EntryOutcome, EntryRecord, EntryResult};

/// Tries before the feed's own words must do.
const MAX_ATTEMPTS: i64 = 4;
/// Between tries; doubled each time.
const RETRY_MINUTES: i64 = 15;

/// Fetches a waiting entry's page.
pub(super) async fn follow(parts: &Arc<Parts>, claim: ClaimedEntry) -> EntryOutcome {
    let at = parts.clock.now();
    let mut comments = Vec::new();
    let result = read(parts, &claim, &mut comments).await;
    if !matches!(result, EntryResult::Done(_)) {
        comments.clear();
    }
    EntryOutcome { entry: claim.id, source: claim.source, fence: claim.fence, at, result, comments }
}

async fn read(parts: &Arc<Parts>, claim: &ClaimedEntry, comments: &mut Vec<EntryRecord>) -> EntryResult {
    let Some(planned) = parts.planned.get(&claim.source) else {
        return EntryResult::Failed {
            detail: "the configuration does not name its source any more".to_owned(),
        };
    };
    if let Err(failure) = poll::still_lawful(&planned.source, parts.clock.now()) {
        return EntryResult::Failed { detail: failure.detail };
    }
    let entry: Entry = match serde_json::from_slice(&claim.payload) {
        Ok(entry) => entry,
        Err(error) => {
            return EntryResult::Failed { detail: format!("what was stored of it cannot be read: {error}") };
        }
    };
    let Ok(url) = parse_target(&entry.url, &parts.fetcher.policy()) else {
        return own_words(parts, &planned.source, entry, claim.attempts).await;
    };
    match parts.fetcher.fetch(Request { is_slotted: true, ..Request::new(url) }).await {
        Ok(Fetched::Page(page)) => {
            judged(parts, &planned.source, entry, page, (claim.attempts, comments)).await
        }
        Err(FetchError::Gone) if entry.content.as_str().is_empty() => EntryResult::Gone,
        Err(error) if error.class() != FailureClass::Hard && claim.attempts + 1 < MAX_ATTEMPTS => {
            let asked =
                error.retry_after().and_then(|wait| Duration::from_std(wait).ok()).unwrap_or_default();
            let at = parts.clock.now() + pause(claim.attempts).max(asked);
            EntryResult::Retry { at, detail: error.to_string() }
        }
        Ok(Fetched::NotModified(_)) | Err(_) => {
            own_words(parts, &planned.source, entry, claim.attempts).await
        }
    }
}

/// What the page says, or, where it mentions nobody (a consent wall, a login), what the feed said of it.
async fn judged(
    parts: &Arc<Parts>,
    source: &Source,
    mut entry: Entry,
    page: Page,
    (attempts, comments): (i64, &mut Vec<EntryRecord>),
) -> EntryResult {
    let (shared, source) = (parts.clone(), source.clone());
    let work = parts.compute(move || {
        let html = decode(&page.body, page.content_type.as_deref()).text;
        let options = &shared.options.extract;
        let keep = if page.head.no_copy { Keep::Link } else { Keep::Text };
        let listed = |entry: &Entry| {
            record::of(
                &shared,
                &source,
                &visit::document_of(&source, entry, None, options),
                entry.doubt,
                keep,
            )
        };
        if let Some(wall) = Wall::of(&html) {
            return Read::Wall(wall, listed(&entry));
        }
        let keep = if asks_for_no_copy(&html) { Keep::Link } else { keep };
        let (comments, rest) = visit::comment_entries(&entry.key, &page.url, &html);
        let html = rest.unwrap_or(html);
        // Where the feed's date is doubtful, the page's own comes first.
        let doubted = entry.published.take_if(|_| entry.doubt.is_some());
        let mut document = document_of_page(&html, &page.url, &entry, source.document_kind, options);
        let doubt = entry.doubt.filter(|_| document.published.is_none());
        document.published = document.published.or(doubted);
        entry.published = entry.published.or(doubted);
        let comments =
            comments.iter().map(|comment| judge::comment(&shared, &source, comment, keep)).collect();
        // What its owner asks of the page holds for the feed's words of it too.
        let record = record::of(&shared, &source, &document, doubt, keep).or_else(|| listed(&entry));
        Read::Page(record, comments)
    });
    let work = match work.await {
        Ok(Read::Page(record, found)) => {
            *comments = found;
            Ok(record)
        }
        // A short notice beside a question about cookies is taken for one: another time it may stand there alone.
        Ok(Read::Wall(wall, _)) if attempts + 1 < MAX_ATTEMPTS => {
            return EntryResult::Retry {
                at: parts.clock.now() + pause(attempts),
                detail: wall.words().to_owned(),
            };
        }
        Ok(Read::Wall(_, record)) => Ok(record),
        Err(error) => Err(error),
    };
    finished(parts, work, attempts).await
}

/// What stood at a page's address.
enum Read {
    /// The page, and what others said below it.
    Page(Option<DocumentRecord>, Vec<EntryRecord>),
    /// Something in front of it, and what the feed said of the page.
    Wall(Wall, Option<DocumentRecord>),
}

/// The document that the feed's own words make.
async fn own_words(parts: &Arc<Parts>, source: &Source, entry: Entry, attempts: i64) -> EntryResult {
    let (shared, source) = (parts.clone(), source.clone());
    let work = parts.compute(move || {
        let document = visit::document_of(&source, &entry, None, &shared.options.extract);
        record::of(&shared, &source, &document, entry.doubt, Keep::Text)
    });
    finished(parts, work.await, attempts).await
}

/// Work that panicked has judged nothing: it is tried again, and in the end reported as failed.
async fn finished(
    parts: &Arc<Parts>,
    work: Result<Option<DocumentRecord>, JoinError>,
    attempts: i64,
) -> EntryResult {
    let detail = "it could not be judged".to_owned();
    match work {
        Ok(Some(mut record)) => match super::copies::join(parts, &mut record).await {
            Ok(()) => EntryResult::Done(Some(Box::new(record))),
            Err(error) => {
                EntryResult::Retry { at: parts.clock.now() + pause(attempts), detail: error.to_string() }
            }
        },
        Ok(None) => EntryResult::Done(None),
        Err(_) if attempts + 1 < MAX_ATTEMPTS => {
            EntryResult::Retry { at: parts.clock.now() + pause(attempts), detail }
        }
        Err(_) => EntryResult::Failed { detail },
    }
}

/// Between tries.
fn pause(attempts: i64) -> Duration {
    Duration::minutes(RETRY_MINUTES << attempts.clamp(0, 6))
}
