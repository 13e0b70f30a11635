//! Permanent redirects (301, 308): the new address is adopted once it was told in the same way on three visits over
//! at least a day, since a mistake in a server's settings looks the same for an hour.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

/// Visits that must have said the same.
const SIGHTS: u32 = 3;
/// Over how long.
const OVER: Duration = Duration::hours(24);

/// What was seen so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moving {
    /// Every hop, in order.
    hops: Vec<String>,
    /// When it was seen first (ms).
    since: i64,
    /// On how many visits in a row.
    sights: u32,
}

impl Moving {
    /// As it was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// To be stored: nothing where there is nothing.
    pub fn to_stored(state: Option<&Self>) -> String {
        state.and_then(|state| serde_json::to_string(state).ok()).unwrap_or_default()
    }

    /// After a visit that permanent redirects led along `hops` (none: there was no such redirect).
    pub fn seen(before: Option<Self>, hops: &[Url], now: DateTime<Utc>) -> Option<Self> {
        if hops.is_empty() {
            return None;
        }
        let hops: Vec<String> = hops.iter().map(Url::to_string).collect();
        match before {
            Some(before) if before.hops == hops => Some(Self { sights: before.sights + 1, ..before }),
            _ => Some(Self { hops, since: now.timestamp_millis(), sights: 1 }),
        }
    }

    /// The address to adopt, where it was told often and long enough.
    pub fn adopted(&self, now: DateTime<Utc>) -> Option<&str> {
        let long = now.timestamp_millis() - self.since >= OVER.num_milliseconds();
        self.hops.last().filter(|_| self.sights >= SIGHTS && long).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hops(path: &str) -> Vec<Url> {
        vec![Url::parse(&format!("https://paper.example/{path}")).unwrap()]
    }

    #[test]
    fn three_sights_over_a_day_and_always_the_same() {
        let at = |hour: i64| "2026-07-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::hours(hour);
        let mut state = None;
        for (hour, path, adopted) in [
            (0, "new", None),
            (1, "new", None),
            (2, "new", None),
            (24, "new", Some("https://paper.example/new")),
            (25, "other", None),
            (26, "new", None),
            (80, "new", None),
            (81, "new", Some("https://paper.example/new")),
        ] {
            state = Moving::seen(state, &hops(path), at(hour));
            let stored = Moving::to_stored(state.as_ref());
            state = Moving::from_stored(&stored);
            assert_eq!(state.as_ref().unwrap().adopted(at(hour)), adopted, "hour {hour}");
        }
        assert_eq!(Moving::seen(state, &[], at(82)), None, "a visit without it starts the count over");
    }
}
