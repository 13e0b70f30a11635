//! The time of day, passed in wherever it is needed, and London's civil calendar. Intervals are
//! measured with tokio's monotonic clock instead.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Europe::London;
use futures_util::future::BoxFuture;

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// Now, in UTC, to the millisecond (what the store keeps).
    fn now(&self) -> DateTime<Utc>;

    /// Lets `wait` pass. A simulated clock moves itself on instead.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// A clock that many tasks share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock, corrected by the store's where several processes share one.
#[derive(Debug, Default)]
pub struct SystemClock {
    correction_ms: AtomicI64,
}

impl SystemClock {
    /// From now on tells the machine's time plus `correction_ms`.
    pub fn correct(&self, correction_ms: i64) {
        self.correction_ms.store(correction_ms, Ordering::Relaxed);
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> DateTime<Utc> {
        from_ms(Utc::now().timestamp_millis() + self.correction_ms.load(Ordering::Relaxed))
    }
}

/// A clock that stands still until it is moved: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self { now_ms: AtomicI64::new(start.timestamp_millis()) }
    }

    /// Moves it on (or back).
    pub fn advance(&self, by: chrono::Duration) {
        self.now_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, to: DateTime<Utc>) {
        self.now_ms.store(to.timestamp_millis(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        from_ms(self.now_ms.load(Ordering::Relaxed))
    }
}

/// The instant of a stored time. Times outside chrono's range become its ends.
pub fn from_ms(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(if ms < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// The civil day in London at `at`.
pub fn london_day(at: DateTime<Utc>) -> NaiveDate {
    let offset = London.offset_from_utc_datetime(&at.naive_utc()).fix();
    // At the very ends of chrono's range the local day has no name.
    at.naive_utc().checked_add_offset(offset).unwrap_or(at.naive_utc()).date()
}

/// London wall time at `at`, for people.
pub fn london_text(at: DateTime<Utc>) -> String {
    at.with_timezone(&London).format("%A %-d %B %Y, %H:%M").to_string()
}

/// The instant at which London's clocks show `local`: the first pass where the hour repeats, the
/// first valid minute where it is skipped.
pub fn london_instant(local: NaiveDateTime) -> DateTime<Utc> {
    let mut minute = local;
    // The longest gap London ever had is one hour; the loop ends there at the latest.
    for _ in 0..=120 {
        if let Some(found) = London.from_local_datetime(&minute).earliest() {
            return found.with_timezone(&Utc);
        }
        let Some(next) = minute.checked_add_signed(chrono::Duration::minutes(1)) else { break };
        minute = next;
    }
    Utc.from_utc_datetime(&local)
}

/// The instant at which the civil day begins in London.
pub fn london_midnight(day: NaiveDate) -> DateTime<Utc> {
    london_instant(day.and_time(chrono::NaiveTime::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_london_starts_an_hour_earlier_in_summer() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(london_midnight(day("2026-01-10")).to_rfc3339(), "2026-01-10T00:00:00+00:00");
        assert_eq!(london_midnight(day("2026-07-10")).to_rfc3339(), "2026-07-09T23:00:00+00:00");
        assert_eq!(london_day("2026-07-09T23:30:00Z".parse().unwrap()), day("2026-07-10"));
    }

    #[test]
    fn skipped_and_repeated_hours_are_decided() {
        let at = |text: &str| london_instant(text.parse().unwrap()).to_rfc3339();
        assert_eq!(
            at("2027-03-28T01:30:00"),
            "2027-03-28T01:00:00+00:00",
            "02:00 BST is the first valid minute"
        );
        assert_eq!(at("2027-10-31T01:30:00"), "2027-10-31T00:30:00+00:00", "the first pass");
    }
}
