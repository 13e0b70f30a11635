//! When a source is due: an interval, or a five-field cron line read as `cron(8)` does, with the
//! faults of the `cron` crate's dialect and of clock changes cured.
//!
//! An hour field of `*` is evaluated in UTC, so that every real hour is served when clocks change;
//! any other hour field is London wall time: in the skipped hour the first valid minute, once; in the
//! repeated hour the first pass, once.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Europe::London;

use crate::clock;

/// A schedule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("{0:?} has {1} fields: a cron line has five (minute hour day-of-month month day-of-week)")]
    Fields(String, usize),
    /// A field that means nothing.
    #[error("{0:?} is no cron line: {1}")]
    Cron(String, String),
    /// A line that parses and never comes due, such as 31 February.
    #[error("{0:?} never comes due")]
    Never(String),
    /// An interval that cannot be read.
    #[error("{0:?} is no interval: write a number and s, m, h or d, such as 30m")]
    Interval(String),
}

/// When a source is polled.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// So long after the last poll began.
    Every(Duration),
    /// At the minutes that a cron line names.
    Cron(CronLine),
    /// As the source's own rhythm asks, never more often than this.
    Adaptive(Duration),
}

/// How long a source without a schedule is left alone where nothing is known of its rhythm yet.
pub const ADAPTIVE_START: Duration = Duration::from_secs(30 * 60);

impl Schedule {
    /// The interval as a configuration writes it; nothing for other schedules.
    pub fn written(&self) -> Option<String> {
        let Self::Every(interval) = self else { return None };
        let seconds = interval.as_secs();
        Some(match seconds {
            s if s % 86_400 == 0 => format!("{}d", s / 86_400),
            s if s % 3600 == 0 => format!("{}h", s / 3600),
            s if s % 60 == 0 => format!("{}m", s / 60),
            s => format!("{s}s"),
        })
    }

    /// The first due time after `now`; for an adaptive one, as long as nothing is known of its rhythm.
    pub fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Every(interval) => {
                now + chrono::Duration::from_std(*interval).unwrap_or(chrono::Duration::MAX)
            }
            Self::Cron(line) => line.next_after(now),
            Self::Adaptive(floor) => Self::Every(ADAPTIVE_START.max(*floor)).next_after(now),
        }
    }
}

/// Reads `90s`, `30m`, `6h` or `7d`.
pub fn parse_interval(text: &str) -> Result<Duration, ScheduleError> {
    let wrong = || ScheduleError::Interval(text.to_owned());
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).filter(|&n| n > 0).map(Duration::from_secs).ok_or_else(wrong)
}

/// A five-field cron line.
#[derive(Debug, Clone)]
pub struct CronLine {
    text: String,
    /// One schedule, or two where both day fields are restricted: cron(8) joins them with OR.
    parts: Vec<cron::Schedule>,
    in_utc: bool,
}

/// Due times looked at for the shortest interval: enough for every minute of an hour and two days of any
/// other line.
const OCCURRENCES: usize = 120;
/// How long before `now` the search starts, so that an occurrence which a clock change moves past
/// `now` is not missed.
const LOOK_BACK: chrono::Duration = chrono::Duration::hours(3);

impl CronLine {
    /// The line as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The shortest time between two of the next due times after `now`.
    pub fn shortest_interval(&self, now: DateTime<Utc>) -> Duration {
        let mut due = self.next_after(now);
        let mut shortest = chrono::Duration::MAX;
        for _ in 0..OCCURRENCES {
            let next = self.next_after(due);
            if next == DateTime::<Utc>::MAX_UTC {
                break;
            }
            shortest = shortest.min(next - due);
            due = next;
        }
        shortest.to_std().unwrap_or_default()
    }

    /// The first due time after `now`.
    pub fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.parts
            .iter()
            .filter_map(|part| next_of(part, self.in_utc, now))
            .min()
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

fn next_of(part: &cron::Schedule, in_utc: bool, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if in_utc {
        return part.after(&now).next();
    }
    // Wall time dressed as UTC: the crate then knows nothing of clock changes, and we map each
    // occurrence back ourselves.
    let wall = Utc.from_utc_datetime(&now.with_timezone(&London).naive_local());
    part.after(&(wall - LOOK_BACK)).map(|due| clock::london_instant(due.naive_utc())).find(|due| *due > now)
}

impl FromStr for CronLine {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::Fields(text.to_owned(), fields.len()));
        };
        let weekday = weekday_names(weekday).map_err(|why| ScheduleError::Cron(text.to_owned(), why))?;
        let compile = |day: &str, weekday: &str| {
            format!("0 {minute} {hour} {day} {month} {weekday}").parse::<cron::Schedule>().map_err(|error| {
                // The crate draws an arrow below a line of six fields that nobody wrote.
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().replace("less than", "at most");
                ScheduleError::Cron(text.to_owned(), why)
            })
        };
        let parts = if day != "*" && weekday != "*" {
            vec![compile(day, "*")?, compile("*", &weekday)?]
        } else {
            vec![compile(day, &weekday)?]
        };
        let line = Self { text: fields.join(" "), parts, in_utc: hour == "*" };
        let probe = Utc.timestamp_opt(1_767_225_600, 0).single().unwrap_or_default();
        if line.next_after(probe) == DateTime::<Utc>::MAX_UTC {
            return Err(ScheduleError::Never(text.to_owned()));
        }
        Ok(line)
    }
}

/// The crate counts Sunday as 1; cron(8) as 0 or 7. Names leave no doubt.
fn weekday_names(field: &str) -> Result<String, String> {
    const NAMES: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let mut days: Vec<&str> = Vec::new();
    if field == "*" {
        return Ok("*".to_owned());
    }
    let number = |text: &str| -> Result<usize, String> {
        if let Some(position) = NAMES.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(position);
        }
        text.parse()
            .ok()
            .filter(|n| *n <= 7)
            .ok_or_else(|| format!("{text:?} is no day of the week (0 to 7, or SUN to SAT)"))
    };
    for item in field.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                (range, step.parse().ok().filter(|n| *n > 0).ok_or("a step is a number above 0")?)
            }
            None => (item, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None if range == "*" => (0, 6),
            None => (number(range)?, number(range)?),
        };
        // FRI-SUN is a range to the week's end, not one that runs backwards.
        let last = if last < first && last == 0 { 7 } else { last };
        if last < first {
            return Err(format!("{range:?} runs backwards"));
        }
        for day in (first..=last).step_by(step) {
            if !days.contains(&NAMES[day]) {
                days.push(NAMES[day]);
            }
        }
    }
    Ok(days.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(line: &str, now: &str) -> String {
        let line: CronLine = line.parse().unwrap();
        line.next_after(now.parse().unwrap()).format("%Y-%m-%dT%H:%MZ").to_string()
    }

    #[test]
    fn london_wall_time_unless_every_hour() {
        assert_eq!(next("30 7 * * *", "2026-07-01T00:00:00Z"), "2026-07-01T06:30Z");
        assert_eq!(next("30 7 * * *", "2026-12-01T00:00:00Z"), "2026-12-01T07:30Z");
        assert_eq!(next("15 * * * *", "2026-07-01T00:20:00Z"), "2026-07-01T01:15Z");
    }

    #[test]
    fn a_skipped_hour_runs_once_at_its_first_valid_minute() {
        assert_eq!(next("30 1 * * *", "2027-03-27T12:00:00Z"), "2027-03-28T01:00Z");
        assert_eq!(next("30 1 * * *", "2027-03-28T01:00:00Z"), "2027-03-29T00:30Z");
    }

    #[test]
    fn a_repeated_hour_runs_once_on_its_first_pass() {
        assert_eq!(next("30 1 * * *", "2027-10-30T12:00:00Z"), "2027-10-31T00:30Z");
        assert_eq!(next("30 1 * * *", "2027-10-31T00:30:00Z"), "2027-11-01T01:30Z");
    }

    #[test]
    fn every_real_hour_is_served_when_clocks_change() {
        let line: CronLine = "*/20 * * * *".parse().unwrap();
        let mut now: DateTime<Utc> = "2027-10-30T23:50:00Z".parse().unwrap();
        for _ in 0..9 {
            let due = line.next_after(now);
            assert!(due - now <= chrono::Duration::minutes(20) && due > now);
            now = due;
        }
        assert_eq!(now.to_rfc3339(), "2027-10-31T02:40:00+00:00");
    }

    #[test]
    fn weekdays_count_as_cron_counts_them() {
        // 2026-11-22 is a Sunday.
        assert_eq!(next("0 9 * * 0", "2026-11-20T00:00:00Z"), "2026-11-22T09:00Z");
        assert_eq!(next("0 9 * * 7", "2026-11-20T00:00:00Z"), "2026-11-22T09:00Z");
        assert_eq!(next("0 9 * * 1-5", "2026-11-20T12:00:00Z"), "2026-11-23T09:00Z");
        assert_eq!(next("0 9 * * MON", "2026-11-20T00:00:00Z"), "2026-11-23T09:00Z");
    }

    #[test]
    fn both_day_fields_are_joined_with_or() {
        assert_eq!(next("0 9 1 * MON", "2026-11-24T00:00:00Z"), "2026-11-30T09:00Z");
        assert_eq!(next("0 9 1 * MON", "2026-11-30T10:00:00Z"), "2026-12-01T09:00Z");
    }

    #[test]
    fn the_shortest_interval_is_that_of_the_busiest_time() {
        let shortest = |line: &str| {
            let line: CronLine = line.parse().unwrap();
            line.shortest_interval("2026-01-01T00:00:00Z".parse().unwrap()).as_secs()
        };
        assert_eq!(shortest("* * * * *"), 60);
        assert_eq!(shortest("0,10 9 * * *"), 600);
        assert!(shortest("0 5 1 1 *") >= 365 * 86_400 - 3600, "once a year");
    }

    #[test]
    fn lines_that_mean_nothing_are_refused() {
        for bad in ["", "* * * *", "0 0 9 * * *", "61 * * * *", "0 9 31 2 *", "0 9 * * 8", "0 9 * * FRI-MON"]
        {
            assert!(bad.parse::<CronLine>().is_err(), "{bad}");
        }
    }

    #[test]
    fn intervals_have_units() {
        assert_eq!(parse_interval("30m").unwrap(), Duration::from_secs(1800));
        assert_eq!(parse_interval("7d").unwrap(), Duration::from_secs(604_800));
        for bad in ["", "30", "m", "0m", "-5m", "1w", "99999999999999999d"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }
}
