//! A year of schedules by a manual clock, with both clock changes and a leap day: cron lines run exactly as often as
//! they say, sources without one stay within their bounds whatever they ask for.

use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Europe::London;
use trustwatch::model::{Entry, EntryContent};
use trustwatch::schedule::CronLine;
use trustwatch::source::{Hints, MAX_INTERVAL, Pace};

/// 2028 is a leap year; clocks change on 26 March and 29 October.
const YEAR: (&str, &str) = ("2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z");

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Every run of a cron line in the year, as a daemon finds them: from one to the next.
fn runs(line: &str) -> Vec<DateTime<Utc>> {
    let line: CronLine = line.parse().unwrap();
    let (start, end) = (at(YEAR.0), at(YEAR.1));
    let mut now = start - chrono::Duration::seconds(1);
    let mut found = Vec::new();
    loop {
        let due = line.next_after(now);
        assert!(due > now, "time goes forward");
        if due >= end {
            return found;
        }
        found.push(due);
        now = due;
    }
}

#[test]
fn each_cron_line_runs_exactly_as_often_as_the_calendar_says() {
    // Expected by hand: 366 days, 53 Saturdays (the year begins on one and has a leap day), 8,784 real hours.
    for (line, times) in [
        ("30 6 * * *", 366),
        ("30 1 * * *", 366),
        ("0 2 * * *", 366),
        ("0 0 * * *", 366),
        ("15 * * * *", 8784),
        ("*/20 * * * *", 8784 * 3),
        ("0 9 * * 1-5", 260),
        ("0 9 * * SAT", 53),
        ("0 9 * * 7", 53),
        ("0 12 29 2 *", 1),
        ("0 12 31 * *", 7),
        ("0 12 1 * *", 12),
        ("15 6-20 * * *", 366 * 15),
        ("*/30 1 * * *", 366 * 2),
        ("0 9 13 * FRI", 12 + 52 - 1),
    ] {
        let found = runs(line);
        // In the skipped hour all runs fall on its first valid minute, once.
        let missing = usize::from(line == "*/30 1 * * *");
        assert_eq!(found.len(), times - missing, "{line}");
    }
}

#[test]
fn wall_times_hold_in_summer_and_winter_and_every_real_hour_is_served() {
    for due in runs("30 6 * * *") {
        let local = due.with_timezone(&London);
        assert_eq!((local.hour(), local.minute()), (6, 30), "{due}");
    }
    let hourly = runs("15 * * * *");
    assert!(hourly.windows(2).all(|pair| pair[1] - pair[0] == chrono::Duration::hours(1)));
    let days: std::collections::BTreeSet<_> =
        runs("30 1 * * *").iter().map(|due| due.with_timezone(&London).date_naive()).collect();
    assert_eq!(days.len(), 366, "once on each civil day, on both days of change too");
    assert!(days.iter().any(|day| (day.month(), day.day()) == (2, 29)));
}

fn entry(published: DateTime<Utc>) -> Entry {
    Entry {
        key: published.to_rfc3339(),
        url: String::new(),
        title: String::new(),
        author: String::new(),
        published: Some(published),
        doubt: None,
        content: EntryContent::Text(String::new()),
        ..Entry::default()
    }
}

/// A year of visits to a source that publishes every `gap`, falls silent for the summer, and asks for things.
fn year_of(gap: chrono::Duration, floor: Duration, hints: Hints, fresh_s: Option<u64>) -> Vec<DateTime<Utc>> {
    let (start, end) = (at(YEAR.0), at(YEAR.1));
    let silent = at("2028-06-01T00:00:00Z")..at("2028-09-01T00:00:00Z");
    let mut pace = Pace { hints, fresh_s, ..Pace::default() };
    let (mut now, mut visits) = (start, Vec::new());
    let mut published: Vec<DateTime<Utc>> = vec![start - gap];
    while now < end {
        visits.push(now);
        let mut next = *published.last().unwrap() + gap;
        let known = published.len();
        while next <= now {
            if !silent.contains(&next) {
                published.push(next);
            }
            next += gap;
        }
        if published.len() > known || visits.len() == 1 {
            let listed: Vec<Entry> = published.iter().rev().take(20).map(|at| entry(*at)).collect();
            pace.learn(&listed, now);
        }
        pace = Pace::from_stored(&pace.to_stored());
        now = pace.next_after(now, floor);
    }
    visits
}

#[test]
fn sources_without_a_schedule_stay_within_their_bounds_for_a_year() {
    let floors = [Duration::from_secs(5 * 60), Duration::from_secs(15 * 60)];
    let asks = [
        (Hints::default(), None),
        (Hints { interval_s: Some(7200), ..Hints::default() }, Some(60)),
        (Hints { interval_s: Some(31_536_000), ..Hints::default() }, Some(31_536_000)),
        (Hints { skip_hours: 0b1111_1111, skip_days: 0b110_0000, ..Hints::default() }, None),
    ];
    for floor in floors {
        for minutes in [1, 30, 240, 1440, 10_080, 131_400] {
            for (hints, fresh) in asks {
                let visits = year_of(chrono::Duration::minutes(minutes), floor, hints, fresh);
                let least = chrono::Duration::from_std(floor).unwrap();
                let most = chrono::Duration::from_std(MAX_INTERVAL).unwrap();
                for pair in visits.windows(2) {
                    let wait = pair[1] - pair[0];
                    assert!(
                        wait >= least && wait <= most,
                        "{minutes} min, {hints:?}: {wait} after {}",
                        pair[0]
                    );
                }
                assert!(visits.len() >= 365, "{minutes} min, {hints:?}: {} visits", visits.len());
            }
        }
    }
}

#[test]
fn a_busy_source_is_asked_often_and_a_slow_one_seldom() {
    let floor = Duration::from_secs(15 * 60);
    let visits = |minutes| year_of(chrono::Duration::minutes(minutes), floor, Hints::default(), None).len();
    let (busy, daily, weekly) = (visits(10), visits(1440), visits(10_080));
    assert!(busy > 4 * daily && daily > 2 * weekly, "{busy}, {daily}, {weekly}");
}
