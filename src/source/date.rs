//! Dates as feeds and pages write them. feed-rs hands every date to us (a hook replaces its own
//! parser), so every form that occurs is tried here.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeZone, Utc};

use crate::clock;

/// Far more than any date needs; some feeds put whole comments there.
const MAX_DATE_BYTES: usize = 64;

/// Zone names that RFC 2822 parsers refuse, in seconds east of Greenwich.
const ZONES: [(&str, i32); 9] = [
    ("BST", 3600),
    ("IST", 3600),
    ("WEST", 3600),
    ("WET", 0),
    ("CEST", 7200),
    ("CET", 3600),
    ("EEST", 10_800),
    ("EET", 7200),
    ("UTC", 0),
];

/// Forms with a zone, and forms without one, which are read as London time.
const ZONED: [&str; 5] = [
    "%d %b %Y %H:%M:%S %z",
    "%d %b %Y %H:%M %z",
    "%d %B %Y %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M%z",
];
const LOCAL: [&str; 11] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %B %Y %H:%M",
    "%d %B %Y %H:%M:%S",
    "%b %d %H:%M:%S %Y",
];
const DAYS: [&str; 8] =
    ["%Y-%m-%d", "%d/%m/%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%Y%m%d", "%Y-%m", "%d.%m.%Y"];

/// Reads a date in any form met in feeds and pages; a form without a zone is London time, a bare day
/// its midnight. `None` when it says nothing.
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_DATE_BYTES {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    // The day of the week adds nothing and is often wrong.
    let weekday = words.first().is_some_and(|word| is_weekday(word.trim_end_matches(',')));
    let text = words[usize::from(weekday)..].join(" ");
    let standard = DateTime::parse_from_rfc3339(&text).or_else(|_| DateTime::parse_from_rfc2822(&text));
    let found = standard.ok().map(|found| found.to_utc());
    let found = found.or_else(|| zoned(&text)).or_else(|| local(&text)).or_else(|| day(&text));
    // Of other years only a slip or an attack tells, and not everything can reckon with them.
    found.filter(|found| (1..=9999).contains(&found.year()))
}

fn is_weekday(word: &str) -> bool {
    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let word = word.to_ascii_lowercase();
    word.len() >= 3 && NAMES.iter().any(|name| name.starts_with(&word))
}

fn zoned(text: &str) -> Option<DateTime<Utc>> {
    let (rest, zone) = text.rsplit_once(' ').unwrap_or((text, ""));
    let known = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone));
    if let Some((_, seconds)) = known {
        let naive = naive(rest)?;
        let utc = naive.checked_sub_signed(chrono::Duration::seconds(i64::from(*seconds)))?;
        return Some(Utc.from_utc_datetime(&utc));
    }
    let text = text.replace(" GMT", " +0000").replace(" Z", " +0000");
    ZONED.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok()).map(|found| found.to_utc())
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    LOCAL.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

fn local(text: &str) -> Option<DateTime<Utc>> {
    naive(text).map(clock::london_instant)
}

fn day(text: &str) -> Option<DateTime<Utc>> {
    let year = |found: &NaiveDate| (1970..=2200).contains(&chrono::Datelike::year(found));
    let found = DAYS.iter().find_map(|form| {
        if *form == "%Y-%m" {
            return NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok();
        }
        NaiveDate::parse_from_str(text, form).ok()
    });
    found.filter(year).map(clock::london_midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_met_in_feeds() {
        for (written, expected) in [
            ("Fri, 20 Nov 2026 10:00:00 GMT", "2026-11-20T10:00:00Z"),
            ("2026-11-20T10:00:00+01:00", "2026-11-20T09:00:00Z"),
            ("20 Nov 2026 10:00:00 +0000", "2026-11-20T10:00:00Z"),
            ("Mon, 20 Jul 2026 10:00 BST", "2026-07-20T09:00:00Z"),
            ("Mon, 20 Jul 2026 10:00:00 BST", "2026-07-20T09:00:00Z"),
            ("2026-07-20 10:00:00", "2026-07-20T09:00:00Z"),
            ("20/11/2026", "2026-11-20T00:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("Friday, 20 November 2026", "2026-11-20T00:00:00Z"),
            ("20 November 2026", "2026-11-20T00:00:00Z"),
            ("  2026-11-20T10:00:00Z\n", "2026-11-20T10:00:00Z"),
        ] {
            let expected: DateTime<Utc> = expected.parse().unwrap();
            assert_eq!(parse_date(written), Some(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "-262143-01-01T00:00:00 BST",
            "yesterday at noon",
            &"(".repeat(1_000_000),
            "99/99/2026",
        ] {
            assert_eq!(parse_date(text), None);
        }
    }
}
