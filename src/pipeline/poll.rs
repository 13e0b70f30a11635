//! One visit to a source, from the claim to what is to be written back.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::due::{self, weight};
use super::judge::{Judged, Pass, judge};
use super::{Parts, Planned};
use crate::clock;
use crate::extract::{self, Wall, decode};
use crate::fetch::{
    FailureClass, FetchError, Fetched, Head, Page, Request, Rules, Validators, host_of, parse_target,
};
use crate::model::{Document, Entry, EntryContent, Reader, Source, SourceId, SourceKind};
use crate::schedule::Schedule;
use crate::source::{
    self, Hints, MAX_INTERVAL, Moving, Pace, PageOptions, ReadPage, linked_pages, page_entry, parse_feed,
    read_page,
};
use crate::store::{
    ClaimedSource, EntryResult, EntryState, Move, Outcome, PollOutcome, PollResult, Shown, Store, StoreError,
};

/// The reason of what is gone for good (410).
const GONE: &str = "gone";
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

/// A refusal may come with a page that says why. Read off the async threads.
async fn refused(error: FetchError) -> Failure {
    let words = error.to_string();
    let body = match &error {
        FetchError::Status { status: 403 | 429 | 503, body, .. } => body.clone(),
        _ => Vec::new(),
    };
    let mut failure = Failure::from(error);
    let wall = tokio::task::spawn_blocking(move || Wall::of(&decode(&body, None).text)).await;
    if let Ok(Some(Wall::Bot)) = wall {
        failure.reason = Wall::Bot.reason();
        failure.detail = format!("{}; {words}", Wall::Bot.words());
        failure.class = FailureClass::Soft;
    }
    failure
}

impl From<Wall> for Failure {
    fn from(wall: Wall) -> Self {
        Self::new(wall.reason(), wall.words(), FailureClass::Soft)
    }
}

impl Failure {
    fn new(reason: &'static str, detail: impl Into<String>, class: FailureClass) -> Self {
        Self { reason, detail: detail.into(), status: None, class, retry_after: None }
    }

    pub(super) fn unreadable(detail: &'static str) -> Self {
        Self::new("unreadable", detail, FailureClass::Soft)
    }

    pub(super) fn store(error: StoreError) -> Self {
        Self::new("store", error.to_string(), FailureClass::Temporary)
    }
}

/// Polls a claimed source.
pub(super) async fn poll(parts: &Arc<Parts>, claim: ClaimedSource) -> PollOutcome {
    let started = tokio::time::Instant::now();
    let at = parts.clock.now();
    let planned = parts.planned.get(&claim.id);
    let mut pace = Pace::from_stored(&claim.pace);
    let mut head = Head::default();
    let result = match planned {
        Some(planned) => visit(parts, planned, &claim, (&mut pace, &mut head), at).await,
        None => Err(Failure::new(
            "unknown",
            "the configuration of this process does not name it",
            FailureClass::Temporary,
        )),
    };
    let schedule = planned.map_or(Schedule::Every(MAX_INTERVAL), |planned| planned.schedule.clone());
    let late_since = due::late_since(&claim, &schedule, &pace, at);
    let mut shown = Shown { pace: pace.to_stored(), moving: claim.moving.clone(), ..Shown::default() };
    let (result, next_due_at) = match result {
        Ok(result) => {
            (shown.moving, shown.moved) = moved(planned, &claim, &head, at);
            (result, due::after_success(&schedule, &pace, at))
        }
        Err(failure) => {
            let Failure { reason, detail, status, class, retry_after } = failure;
            let mut next =
                due::after_failure(&schedule, &pace, at, claim.failures + weight(class), retry_after);
            // The address that was configured is tried before what took its place is given up.
            if let Some((_, planned)) = claim.moved_to.as_ref().zip(planned)
                && class == FailureClass::Hard
            {
                shown.moved = Some(Move { to: None, host: host_of(&planned.source.url) });
                shown.moving.clear();
            } else if reason == GONE {
                shown.stopped = true;
                next = due::never();
            }
            // What the host itself said; that another one along the way rests says nothing of it.
            let wait = retry_after.filter(|_| status.is_some());
            let wait = wait.and_then(|wait| chrono::Duration::from_std(wait).ok());
            let stay_away_until = wait.map(|wait| at + wait);
            (PollResult::Failed { reason, detail, status, weight: weight(class), stay_away_until }, next)
        }
    };
    let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    PollOutcome { source: claim.id, fence: claim.fence, at, next_due_at, late_since, took_ms, shown, result }
}

/// What is known of a move after a visit, and whether the source is asked elsewhere from now on.
fn moved(
    planned: Option<&Planned>,
    claim: &ClaimedSource,
    head: &Head,
    at: DateTime<Utc>,
) -> (String, Option<Move>) {
    // On from an adopted address, it is the same story once more.
    let state = Moving::seen(Moving::from_stored(&claim.moving), &head.moved, at);
    let adopted =
        state.as_ref().and_then(|state| state.adopted(at)).and_then(|url| url.parse::<url::Url>().ok());
    let from = planned.map(|planned| planned.source.url.scheme());
    // Never from https to http, however often it is said; the fetcher does not follow it either.
    match adopted.filter(|url| from != Some("https") || url.scheme() == "https") {
        Some(url) => {
            tracing::info!(source.id = %claim.id, url.host = url.host_str(), "moved for good; it is asked there from now on");
            (String::new(), Some(Move { host: host_of(&url), to: Some(url.into()) }))
        }
        None => (Moving::to_stored(state.as_ref()), None),
    }
}

/// What an outcome is called in logs and counts.
pub(super) fn describe(outcome: &Outcome) -> (SourceId, &'static str, String) {
    match outcome {
        Outcome::Poll(poll) => {
            let (word, detail) = match &poll.result {
                PollResult::Unchanged { .. } => ("unchanged", String::new()),
                PollResult::Read { entries, listed, reader, .. } => {
                    let (listed, new, remark) = (listed.len(), entries.len(), reader.remark());
                    ("read", format!("{listed} entries, {new} new or changed{remark}"))
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
    (pace, head): (&mut Pace, &mut Head),
    at: DateTime<Utc>,
) -> Result<PollResult, Failure> {
    still_lawful(&planned.source, at)?;
    let same_generation = claim.generation == parts.generation;
    let validators = if same_generation {
        Validators { etag: claim.etag.clone(), last_modified: claim.last_modified.clone() }
    } else {
        Validators::default()
    };
    let moved = claim.moved_to.as_ref().and_then(|to| parse_target(to, &parts.fetcher.policy()).ok());
    let url = moved.unwrap_or_else(|| planned.address(at));
    let rules = if planned.source.robots_override.is_some() { Rules::Overridden } else { Rules::Robots };
    let fetched = match parts.fetcher.fetch(Request { url, validators, rules, is_slotted: true }).await {
        Ok(fetched) => fetched,
        Err(error) => return Err(refused(error).await),
    };
    let mut page = match fetched {
        Fetched::NotModified(found) => {
            pace.fresh_s = found.fresh_for.map(|fresh| fresh.as_secs());
            if planned.secret.is_none() {
                *head = found;
            }
            return Ok(PollResult::Unchanged { validators: None });
        }
        Fetched::Page(page) => page,
    };
    *head = page.head.clone();
    if planned.secret.is_some() {
        // What was fetched holds the secret: it must not get into entries, nor into what is stored of a move.
        page.url = planned.source.url.clone();
        head.moved.clear();
    }
    pace.fresh_s = head.fresh_for.map(|fresh| fresh.as_secs());
    let Validators { etag, last_modified } = page.validators.clone();
    let body_hash = parts.store.fingerprint(&["body", &crate::secret::sha256_hex(&page.body)]);
    if same_generation && claim.body_hash.as_deref() == Some(body_hash.as_str()) {
        // Validators lie, and many servers give none.
        let validators =
            ((&etag, &last_modified) != (&claim.etag, &claim.last_modified)).then_some((etag, last_modified));
        return Ok(PollResult::Unchanged { validators });
    }
    let bytes = i64::try_from(page.wire_bytes).unwrap_or(i64::MAX);
    let pass = Pass { is_first: claim.first_polled_at.is_none(), same_generation, no_copy: head.no_copy };
    let Listed { entries, reader, hints, is_cut, blocks } =
        entries_of(parts, planned, page, (at, same_generation)).await?;
    pace.hints = hints;
    let mut learnt = *pace;
    learnt.learn(&entries, at);
    let judged = judge(parts, planned, entries, pass, at).await?;
    if pass.is_first || !judged.records.is_empty() {
        *pace = learnt;
    }
    let Judged { mut records, listed, listing, removed, is_whole } = judged;
    for record in &mut records {
        if let EntryState::Done(Some(document)) = &mut record.state {
            super::copies::join(parts, document).await.map_err(Failure::store)?;
        }
    }
    let listing = match blocks {
        Some(blocks) if is_whole => blocks,
        // What could not be judged must be new again.
        Some(_) => parts.store.listing(&planned.source.id).await.map_err(Failure::store)?,
        None => listing.to_stored(),
    };
    let is_whole = is_whole && !is_cut;
    crate::telemetry::count_entries(records.len() as u64);
    Ok(PollResult::Read {
        // With an entry left out the body must come again, changed or not.
        etag: etag.filter(|_| is_whole),
        last_modified: last_modified.filter(|_| is_whole),
        body_hash: if is_whole { body_hash } else { String::new() },
        generation: parts.generation.clone(),
        bytes,
        reader,
        entries: records,
        listed,
        listing,
        removed,
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

/// What a visit listed.
#[derive(Debug, Default)]
struct Listed {
    entries: Vec<Entry>,
    reader: Reader,
    hints: Hints,
    /// Whether something is missing that comes another time.
    is_cut: bool,
    /// Of a page that is compared, its blocks.
    blocks: Option<Vec<u8>>,
}

/// Bytes to entries, off the async threads.
async fn entries_of(
    parts: &Arc<Parts>,
    planned: &Planned,
    page: Page,
    (now, same_generation): (DateTime<Utc>, bool),
) -> Result<Listed, Failure> {
    let kind = planned.source.kind;
    // A page behind a redirect that varies is one page all the same.
    let key = planned.source.url.to_string();
    let options = parts.options.source.clone();
    let chosen = planned.page.clone();
    let follow = planned.source.follow;
    // What is looked for now was never looked for in what stood there before.
    let before = if chosen.is_plain() || !same_generation {
        Vec::new()
    } else {
        parts.store.listing(&planned.source.id).await.map_err(Failure::store)?
    };
    let store = parts.store.clone();
    let parsed = tokio::task::spawn_blocking(move || {
        if is_binary(&page.body) {
            return Err(Failure::unreadable("it is neither a page nor a feed but another kind of file"));
        }
        let text = decode(&page.body, page.content_type.as_deref()).text;
        match kind {
            SourceKind::Page => {
                page_of(&key, &page.url, text, (&chosen, follow), &before, |line| block_print(&store, line))
            }
            SourceKind::Feed => feed_of(&text, &page.url, now, &options),
        }
    });
    parsed.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))
}

/// Whether a body begins as documents, archives and pictures do.
fn is_binary(body: &[u8]) -> bool {
    const STARTS: [&[u8]; 8] = [
        b"%PDF-",
        b"PK\x03\x04",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"RIFF",
        b"\x1f\x8b",
        b"\xd0\xcf\x11\xe0",
    ];
    STARTS.iter().any(|start| body.starts_with(start))
}

/// The fingerprint of a page's block: eight bytes of a keyed one.
fn block_print(store: &Store, line: &str) -> [u8; 8] {
    let hex = store.fingerprint(&["block", line]);
    u64::from_str_radix(&hex[..16], 16).unwrap_or_default().to_be_bytes()
}

fn page_of(
    key: &str,
    url: &url::Url,
    html: String,
    (options, follow): (&PageOptions, bool),
    before: &[u8],
    print: impl Fn(&str) -> [u8; 8],
) -> Result<Listed, Failure> {
    if html.trim().is_empty() {
        return Err(Failure::new("empty", "the body is empty", FailureClass::Soft));
    }
    let html = extract::shallow(&html).into_owned();
    match Wall::of(&html) {
        Some(wall) => Err(wall.into()),
        None if follow => Ok(Listed { entries: linked_pages(url, &html, options), ..Listed::default() }),
        None if options.is_plain() => {
            Ok(Listed { entries: vec![page_entry(key, url.as_str(), html)], ..Listed::default() })
        }
        None => {
            let ReadPage { entries, blocks, found } = read_page(key, url, &html, options, before, print);
            if !found {
                let detail = format!(
                    "none of the parts that `select` names stands on the page: {}",
                    options.select.join(", ")
                );
                return Err(Failure::new("not_on_page", detail, FailureClass::Soft));
            }
            Ok(Listed { entries, blocks: Some(blocks), ..Listed::default() })
        }
    }
}

fn feed_of(
    text: &str,
    url: &url::Url,
    now: DateTime<Utc>,
    options: &source::Options,
) -> Result<Listed, Failure> {
    let feed = parse_feed(text, url, now, options).map_err(|error| {
        let reason = match error {
            source::FeedError::Empty => "empty",
            source::FeedError::WebPage => match Wall::of(text) {
                Some(wall) => return wall.into(),
                None => "not_a_feed",
            },
            source::FeedError::Unreadable(_) => "unreadable",
        };
        Failure::new(reason, error.to_string(), FailureClass::Soft)
    })?;
    if feed.dropped > 0 {
        tracing::warn!(
            url.host = url.host_str(),
            entries.dropped = feed.dropped,
            "the feed lists more entries than max_entries"
        );
    }
    Ok(Listed {
        entries: feed.entries,
        reader: feed.reader,
        hints: feed.hints,
        is_cut: feed.is_cut,
        blocks: None,
    })
}

/// The document of an entry whose text is at hand.
pub(super) fn document_of(source: &Source, entry: &Entry, options: &extract::Options) -> Document {
    match (source.kind, url::Url::parse(&entry.url), &entry.content) {
        (SourceKind::Page, Ok(url), EntryContent::Html(_)) => {
            extract::document_of_page(entry.content.as_str(), &url, entry, source.document_kind, options)
        }
        _ => extract::document_of_entry(entry, source.document_kind, options),
    }
}
