//! One visit to a source, from the claim to what is to be written back.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Parts, Planned, record};
use crate::clock;
use crate::extract::{self, decode};
use crate::fetch::{
    FailureClass, FetchError, Fetched, Page, Request, Rules, Validators, host_of, parse_target,
};
use crate::model::{Document, Entry, Source, SourceId, SourceKind};
use crate::schedule::Schedule;
use crate::source::{self, page_entry, parse_feed};
use crate::store::{ClaimedSource, EntryRecord, EntryResult, EntryState, Outcome, PollOutcome, PollResult};

/// The longest that back-off keeps a source waiting.
const MAX_BACK_OFF: Duration = Duration::from_secs(24 * 3600);
/// Days after a review date in which a source is still polled, with warnings.
const REVIEW_GRACE_DAYS: i64 = 14;

/// Why a visit brought nothing.
pub(super) struct Failure {
    reason: &'static str,
    pub(super) detail: String,
    status: Option<u16>,
    class: FailureClass,
    retry_after: Option<Duration>,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self {
            reason: error.reason(),
            detail: error.to_string(),
            status: error.status(),
            class: error.class(),
            retry_after: error.retry_after(),
        }
    }
}

impl Failure {
    fn new(reason: &'static str, detail: impl Into<String>, class: FailureClass) -> Self {
        Self { reason, detail: detail.into(), status: None, class, retry_after: None }
    }
}

/// Polls a claimed source.
pub(super) async fn poll(parts: &Arc<Parts>, claim: ClaimedSource) -> PollOutcome {
    let started = tokio::time::Instant::now();
    let at = parts.clock.now();
    let planned = parts.planned.get(&claim.id);
    let result = match planned {
        Some(planned) => visit(parts, planned, &claim, at).await,
        None => Err(Failure::new(
            "unknown",
            "the configuration of this process does not name it",
            FailureClass::Temporary,
        )),
    };
    let schedule = planned.map_or(Schedule::Every(MAX_BACK_OFF), |planned| planned.schedule.clone());
    let (result, next_due_at) = match result {
        Ok(result) => (result, schedule.next_after(at)),
        Err(failure) => {
            let next = back_off(&schedule, at, claim.failures + weight(failure.class), &failure);
            let Failure { reason, detail, status, class, retry_after } = failure;
            let wait = retry_after.and_then(|wait| chrono::Duration::from_std(wait).ok());
            let stay_away_until = wait.map(|wait| at + wait);
            (PollResult::Failed { reason, detail, status, weight: weight(class), stay_away_until }, next)
        }
    };
    let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let late_since = late_since(&claim, &schedule, at);
    PollOutcome { source: claim.id, fence: claim.fence, at, next_due_at, late_since, took_ms, result }
}

/// A visit later than this was missed: nobody was running.
const LATE: chrono::Duration = chrono::Duration::hours(1);

/// Since when the source went unwatched, where its visit came far too late.
fn late_since(claim: &ClaimedSource, schedule: &Schedule, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let due = clock::from_ms(claim.due_at);
    let interval = schedule.next_after(due) - due;
    (claim.first_polled_at.is_some() && at - due > LATE.max(interval)).then_some(due)
}

/// What an outcome is called in logs and counts.
pub(super) fn describe(outcome: &Outcome) -> (SourceId, &'static str, String) {
    match outcome {
        Outcome::Poll(poll) => {
            let (word, detail) = match &poll.result {
                PollResult::Unchanged => ("unchanged", String::new()),
                PollResult::Read { entries, listed, repaired, .. } => {
                    let repaired = if *repaired { ", after repair" } else { "" };
                    ("read", format!("{} entries, {} new or changed{repaired}", listed.len(), entries.len()))
                }
                PollResult::Failed { reason, detail, .. } => (*reason, detail.clone()),
            };
            (poll.source.clone(), word, detail)
        }
        Outcome::Entry(entry) => {
            let (word, detail) = match &entry.result {
                EntryResult::Done(_) | EntryResult::Gone => ("page", String::new()),
                EntryResult::Retry { detail, .. } => ("page_retry", detail.clone()),
                EntryResult::Failed { detail } => ("page_failed", detail.clone()),
            };
            (entry.source.clone(), word, detail)
        }
    }
}

async fn visit(
    parts: &Arc<Parts>,
    planned: &Planned,
    claim: &ClaimedSource,
    at: DateTime<Utc>,
) -> Result<PollResult, Failure> {
    still_lawful(&planned.source, at)?;
    let same_generation = claim.generation == parts.generation;
    let validators = if same_generation {
        Validators { etag: claim.etag.clone(), last_modified: claim.last_modified.clone() }
    } else {
        Validators::default()
    };
    let request = Request { url: planned.source.url.clone(), validators, rules: Rules::Robots };
    let page = match parts.fetcher.fetch(request).await? {
        Fetched::NotModified => return Ok(PollResult::Unchanged),
        Fetched::Page(page) => page,
    };
    let body_hash = parts.store.fingerprint(&["body", &crate::secret::sha256_hex(&page.body)]);
    if same_generation && claim.body_hash.as_deref() == Some(body_hash.as_str()) {
        // Validators lie, and many servers give none.
        return Ok(PollResult::Unchanged);
    }
    let etag = page.validators.etag.clone();
    let last_modified = page.validators.last_modified.clone();
    let bytes = i64::try_from(page.wire_bytes).unwrap_or(i64::MAX);
    let pass = Pass { is_first: claim.first_polled_at.is_none(), same_generation };
    let (entries, repaired) = entries_of(parts, planned, page, at).await?;
    let (mut records, listed, is_whole) = judge(parts, planned, entries, pass, at).await?;
    for record in &mut records {
        if let EntryState::Done(Some(document)) = &mut record.state {
            let joined = super::copies::join(parts, document).await;
            joined.map_err(|error| Failure::new("store", error.to_string(), FailureClass::Temporary))?;
        }
    }
    crate::telemetry::count_entries(records.len() as u64);
    Ok(PollResult::Read {
        // With an entry left out the body must come again, changed or not.
        etag: etag.filter(|_| is_whole),
        last_modified: last_modified.filter(|_| is_whole),
        body_hash: if is_whole { body_hash } else { String::new() },
        generation: parts.generation.clone(),
        bytes,
        repaired,
        entries: records,
        listed,
    })
}

/// A source whose review lapsed, or whose approval ended, is not polled: it counts as blind.
pub(super) fn still_lawful(source: &Source, at: DateTime<Utc>) -> Result<(), Failure> {
    let today = clock::london_day(at);
    if today > source.accountability.review + chrono::Duration::days(REVIEW_GRACE_DAYS) {
        let detail =
            format!("its review was due on {}: renew it in the configuration", source.accountability.review);
        return Err(Failure::new("review_lapsed", detail, FailureClass::Hard));
    }
    match &source.person {
        Some(person) if today > person.until => Err(Failure::new(
            "approval_ended",
            format!("its approval ended on {}", person.until),
            FailureClass::Hard,
        )),
        _ => Ok(()),
    }
}

/// Bytes to entries, off the async threads.
async fn entries_of(
    parts: &Arc<Parts>,
    planned: &Planned,
    page: Page,
    now: DateTime<Utc>,
) -> Result<(Vec<Entry>, bool), Failure> {
    let kind = planned.source.kind;
    // A page behind a redirect that varies is one page all the same.
    let key = planned.source.url.to_string();
    let options = parts.options.source.clone();
    let parsed = tokio::task::spawn_blocking(move || {
        let decoded = decode(&page.body, page.content_type.as_deref());
        match kind {
            SourceKind::Page => Ok((vec![page_entry(&key, page.url.as_str(), decoded.text)], false)),
            SourceKind::Feed => {
                let feed = parse_feed(&decoded.text, &page.url, now, &options)?;
                if feed.dropped > 0 {
                    tracing::warn!(
                        url.host = page.url.host_str(),
                        entries.dropped = feed.dropped,
                        "the feed lists more entries than max_entries"
                    );
                }
                Ok((feed.entries, feed.repaired))
            }
        }
    });
    match parsed.await {
        Ok(Ok(entries)) => Ok(entries),
        Ok(Err(error)) => {
            let reason = match error {
                source::FeedError::Empty => "empty",
                source::FeedError::WebPage => "not_a_feed",
                source::FeedError::Unreadable(_) => "unreadable",
            };
            Err(Failure::new(reason, error.to_string(), FailureClass::Soft))
        }
        Err(_) => Err(Failure::new("unreadable", "the parser failed on it", FailureClass::Soft)),
    }
}

/// What sort of visit it is.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// The first to this source.
    is_first: bool,
    /// With the same watches as the last.
    same_generation: bool,
}

impl Pass {
    /// Whether an entry stood there before we looked for what we look for now.
    const fn is_backlog(self, is_known: bool) -> bool {
        self.is_first || !self.same_generation && is_known
    }
}

/// Which entries are new or changed, and what they say; all that are listed; whether all could be judged.
async fn judge(
    parts: &Arc<Parts>,
    planned: &Planned,
    entries: Vec<Entry>,
    pass: Pass,
    at: DateTime<Utc>,
) -> Result<(Vec<EntryRecord>, Vec<String>, bool), Failure> {
    let source = &planned.source;
    let keyed: Vec<(String, String, Entry)> = entries
        .into_iter()
        .map(|entry| {
            let key = parts.store.fingerprint(&["entry", source.id.as_str(), &entry.key]);
            let content = [entry.title.as_str(), entry.url.as_str(), entry.content.as_str()];
            let content = parts
                .store
                .fingerprint(&[&["content", parts.generation.as_str()], content.as_slice()].concat());
            (key, content, entry)
        })
        .collect();
    let listed: Vec<String> = keyed.iter().map(|(key, ..)| key.clone()).collect();
    let known = parts.store.known_entries(&source.id, &listed).await;
    let known: HashMap<String, String> =
        known.map_err(|error| Failure::new("store", error.to_string(), FailureClass::Temporary))?;
    let fresh: Vec<_> =
        keyed.into_iter().filter(|(key, content, _)| known.get(key) != Some(content)).collect();
    let wanted = fresh.len();
    let (parts, source) = (parts.clone(), source.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let record = |(key, content, entry): (String, String, Entry)| {
            let judged = catch_unwind(AssertUnwindSafe(|| state_of(&parts, &source, &entry, at)));
            let backlog = pass.is_backlog(known.contains_key(&key));
            if judged.is_err() {
                // Left out, it counts as never seen and is tried again at the next poll.
                tracing::error!(source.id = %source.id, "an entry could not be judged; it will be tried again");
            }
            judged.ok().map(|state| EntryRecord { key, content, backlog, state })
        };
        fresh.into_iter().filter_map(record).collect::<Vec<_>>()
    });
    let records = judged
        .await
        .map_err(|_| Failure::new("unreadable", "the extractor failed on it", FailureClass::Soft))?;
    let is_whole = records.len() == wanted;
    Ok((records, listed, is_whole))
}

fn state_of(parts: &Parts, source: &Source, entry: &Entry, at: DateTime<Utc>) -> EntryState {
    let followed = (source.follow && source.kind == SourceKind::Feed).then(|| {
        let url = parse_target(&entry.url, &parts.fetcher.policy()).ok()?;
        let payload = serde_json::to_vec(entry).ok()?;
        Some(EntryState::Waiting { payload, host: host_of(&url), due_at: at })
    });
    if let Some(Some(waiting)) = followed {
        return waiting;
    }
    let document = document_of(source, entry, &parts.options.extract);
    EntryState::Done(record::of(parts, source, &document, entry.doubt).map(Box::new))
}

/// The document of an entry whose text is at hand.
pub(super) fn document_of(source: &Source, entry: &Entry, options: &extract::Options) -> Document {
    match (source.kind, url::Url::parse(&entry.url)) {
        (SourceKind::Page, Ok(url)) => {
            extract::document_of_page(entry.content.as_str(), &url, entry, source.document_kind, options)
        }
        _ => extract::document_of_entry(entry, source.document_kind, options),
    }
}

/// Weights in quarters: hard 1, soft a half, temporary a quarter.
const fn weight(class: FailureClass) -> i64 {
    match class {
        FailureClass::Hard => 4,
        FailureClass::Soft => 2,
        FailureClass::Temporary => 1,
    }
}

/// Linear back-off: for every whole failure one interval more, at most a day; what the server asks for
/// counts where it is longer. A cron line keeps its times.
fn back_off(schedule: &Schedule, at: DateTime<Utc>, failures: i64, failure: &Failure) -> DateTime<Utc> {
    let next = match schedule {
        Schedule::Every(interval) => {
            let quarters = u32::try_from(failures.clamp(0, 4000)).unwrap_or(4000);
            let wait = (*interval + *interval * quarters / 4).min(MAX_BACK_OFF.max(*interval));
            at + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::days(1))
        }
        Schedule::Cron(line) => line.next_after(at),
    };
    let asked =
        failure.retry_after.and_then(|wait| chrono::Duration::from_std(wait).ok()).map(|wait| at + wait);
    asked.map_or(next, |asked| next.max(asked))
}
