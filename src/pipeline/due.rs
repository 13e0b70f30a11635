//! When a source is due again: its schedule, or its own rhythm, and how much longer after failures.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock;
use crate::fetch::FailureClass;
use crate::schedule::Schedule;
use crate::source::{MAX_INTERVAL, Pace};
use crate::store::ClaimedSource;

/// A visit later than this was missed: nobody was running.
const LATE: chrono::Duration = chrono::Duration::hours(1);
/// Quarters of failures that are still counted.
const MAX_QUARTERS: i64 = 4000;
/// What is not asked any more by itself is due at the end of the year 9999 (ms).
const NEVER_MS: i64 = 253_402_300_799_000;

/// Weights in quarters: hard 1, soft a half, temporary a quarter.
pub(super) const fn weight(class: FailureClass) -> i64 {
    match class {
        FailureClass::Hard => 4,
        FailureClass::Soft => 2,
        FailureClass::Temporary => 1,
    }
}

/// After a visit at `at` that went well.
pub(super) fn after_success(schedule: &Schedule, pace: &Pace, at: DateTime<Utc>) -> DateTime<Utc> {
    match schedule {
        Schedule::Adaptive(floor) => pace.next_after(at, *floor),
        Schedule::Every(_) | Schedule::Cron(_) => schedule.next_after(at),
    }
}

/// After a failure. Linear back-off: for every whole failure (`quarters` of four) one interval more, at most a day;
/// what the server asks for counts where it is longer. A cron line keeps its times.
pub(super) fn after_failure(
    schedule: &Schedule,
    pace: &Pace,
    at: DateTime<Utc>,
    quarters: i64,
    retry_after: Option<Duration>,
) -> DateTime<Utc> {
    let backed_off = |interval: Duration| {
        let quarters = u32::try_from(quarters.clamp(0, MAX_QUARTERS)).unwrap_or_default();
        let wait = (interval + interval * quarters / 4).min(MAX_INTERVAL.max(interval));
        at + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::days(1))
    };
    let next = match schedule {
        Schedule::Every(interval) => backed_off(*interval),
        Schedule::Adaptive(floor) => backed_off(pace.interval(*floor, at)),
        Schedule::Cron(line) => line.next_after(at),
    };
    let asked = retry_after.and_then(|wait| chrono::Duration::from_std(wait).ok()).map(|wait| at + wait);
    asked.map_or(next, |asked| next.max(asked))
}

/// When what is gone for good is due.
pub(super) fn never() -> DateTime<Utc> {
    clock::from_ms(NEVER_MS)
}

/// Since when the source went unwatched, where its visit came far too late.
pub(super) fn late_since(
    claim: &ClaimedSource,
    schedule: &Schedule,
    pace: &Pace,
    at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let due = clock::from_ms(claim.due_at);
    let interval = after_success(schedule, pace, due) - due;
    (claim.first_polled_at.is_some() && at - due > LATE.max(interval)).then_some(due)
}
