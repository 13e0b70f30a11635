//! One visit to a source, from the claim to what is to be written back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::due::{self, weight};
use super::visit::visit;
use super::{Parts, Planned};
use crate::clock;
use crate::extract::{Wall, decode};
use crate::fetch::{FailureClass, FetchError, Head, host_of};
use crate::model::{Source, SourceId, SourceKind, counted};
use crate::schedule::Schedule;
use crate::source::{MAX_INTERVAL, MIN_SILENCE, Moving, Pace};
use crate::store::{ClaimedSource, EntryResult, Move, Outcome, PollOutcome, PollResult, Shown, StoreError};

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
pub(super) async fn refused(error: FetchError) -> Failure {
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
    pub(super) fn new(reason: &'static str, detail: impl Into<String>, class: FailureClass) -> Self {
        Self { reason, detail: detail.into(), status: None, class, retry_after: None }
    }

    /// The same about a part of a source: that one part is gone does not end the source.
    pub(super) fn of_a_part(self) -> Self {
        let reason = if self.reason == GONE { "status" } else { self.reason };
        Self { reason, ..self }
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
    let planned = parts.planned.get(&claim.id).map(AsRef::as_ref);
    let mut pace = Pace::from_stored(&claim.pace);
    let mut head = Head::default();
    let result = match planned {
        Some(planned) => {
            // Hostile pages are read off the async threads; should anything fail on them all the same, the source is
            // told to be unreadable rather than claimed again and again.
            let visit = AssertUnwindSafe(visit(parts, planned, &claim, (&mut pace, &mut head), at));
            visit.catch_unwind().await.unwrap_or_else(|_| Err(Failure::unreadable("the reader failed on it")))
        }
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
    let silence = match &result {
        PollResult::Failed { .. } => None,
        _ => pace
            .silence(at)
            .filter(|_| planned.is_some_and(|planned| tells_news(planned, &claim, at)))
            .map(|silent| format!("nothing new for {} days, far longer than usual", silent.num_days())),
    };
    PollOutcome {
        was_blind: claim.is_blind,
        was_calm: claim.is_calm,
        silence,
        source: claim.id,
        fence: claim.fence,
        at,
        next_due_at,
        late_since,
        took_ms,
        shown,
        result,
    }
}

/// Whether a source is expected to say something new now and then, and was watched for long enough to say that it
/// fell silent.
fn tells_news(planned: &Planned, claim: &ClaimedSource, at: DateTime<Utc>) -> bool {
    let is_old = claim.first_polled_at.is_some_and(|first| at - clock::from_ms(first) >= MIN_SILENCE);
    is_old
        && matches!(
            planned.source.kind,
            SourceKind::Feed | SourceKind::Sitemap | SourceKind::Api | SourceKind::Mailbox
        )
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
                    let (listed, new, remark) =
                        (counted(listed.len(), "entry"), entries.len(), reader.remark());
                    ("read", format!("{listed}, {new} new or changed{remark}"))
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
