//! Retry-After (RFC 9110, 10.2.3): seconds or a date, never believed beyond a day.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A server may ask for 88 hours; we look again after this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How long a header asks us to stay away, at most [`MAX_RETRY_AFTER`]; `None` when it says nothing.
pub fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds are more than a day.
        return Some(value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs).min(MAX_RETRY_AFTER));
    }
    let at: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
    Some((at - now).to_std().unwrap_or_default().min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_dates_and_nonsense() {
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let seconds = |value: &str| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 22 Nov 2026 12:05:00 GMT"), Some(300));
        assert_eq!(seconds("Sun, 22 Nov 2020 12:05:00 GMT"), Some(0), "a date gone by");
        assert_eq!(seconds("316800"), Some(86_400), "88 hours");
        assert_eq!(seconds("99999999999999999999999"), Some(86_400));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-5"), None);
        assert_eq!(seconds(""), None);
    }
}
