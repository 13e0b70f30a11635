//! How often a source without a schedule is polled: from what it publishes and what it asks for, between a floor
//! and a day. Pure: what is known comes in as a value and goes out as one, to be stored beside the source.

use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};

use super::Hints;
use crate::clock;
use crate::model::Entry;
use crate::schedule::ADAPTIVE_START;

/// The longest that a source in service goes unread.
pub const MAX_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Polls between two things that are new: a mention is then found after a quarter of the usual wait.
const POLLS_PER_ENTRY: u32 = 4;
/// A silence so many times as long as usual is worth a look.
const SILENCE_FACTOR: i32 = 10;
/// And never one shorter than this.
pub const MIN_SILENCE: chrono::Duration = chrono::Duration::days(14);
/// Entries from whose dates the rhythm is read.
const DATED_ENTRIES: usize = 20;

/// What a source has shown of its rhythm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// What it asks for in its own words.
    #[serde(flatten)]
    pub hints: Hints,
    /// How long its answers may be taken for fresh (seconds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_s: Option<u64>,
    /// The mean time between two entries, or between two changes of a page (seconds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_s: Option<u64>,
    /// When something new stood there last (ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_at: Option<i64>,
    /// How long its server takes to answer of late (ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u64>,
    /// How long it usually takes (ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_ms: Option<u64>,
}

/// Of what is so of late, the last answer counts for one part in so many; of what is usual for fewer, and for hardly any
/// where it is slower: what grows over weeks must not become usual on the way.
const LATE_PARTS: u64 = 4;
const USUAL_PARTS: u64 = 32;
const SLOWER_PARTS: u64 = 4096;
/// Answers so much slower than usual, and as slow as this, are worth a look: before they fail.
const SLOW_FACTOR: u64 = 4;
const SLOW_MS: u64 = 5_000;

impl Pace {
    /// As it was stored; nothing known where that cannot be read.
    pub fn from_stored(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// To be stored.
    pub fn to_stored(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// After a visit that found something new: `entries` are all that are listed.
    pub fn learn(&mut self, entries: &[Entry], now: DateTime<Utc>) {
        let mut dates: Vec<i64> = entries
            .iter()
            .filter(|entry| entry.doubt.is_none())
            .filter_map(|entry| entry.published)
            .filter(|at| *at <= now)
            .map(|at| at.timestamp())
            .collect();
        dates.sort_unstable_by(|a, b| b.cmp(a));
        dates.truncate(DATED_ENTRIES);
        if let [newest, .., oldest] = dates[..] {
            let gaps = i64::try_from(dates.len()).unwrap_or(1) - 1;
            self.gap_s = Some(u64::try_from((newest - oldest) / gaps).unwrap_or_default());
            self.newest_at = Some(newest * 1000);
            return;
        }
        // Without dates, what we saw ourselves must do: half the last wait, half the mean so far.
        if let Some(before) = self.newest_at {
            let waited = u64::try_from((now.timestamp_millis() - before).max(0) / 1000).unwrap_or_default();
            self.gap_s = Some(self.gap_s.map_or(waited, |mean| u64::midpoint(mean, waited)));
        }
        self.newest_at = Some(now.timestamp_millis());
    }

    /// The interval that this comes to at `now`, between `floor` and a day.
    pub fn interval(&self, floor: Duration, now: DateTime<Utc>) -> Duration {
        let silent = self.newest_at.map(|at| now - clock::from_ms(at)).and_then(|wait| wait.to_std().ok());
        let expected = match self.gap_s {
            // A source that has fallen silent is asked less and less often.
            Some(gap) => Duration::from_secs(gap).max(silent.unwrap_or_default()) / POLLS_PER_ENTRY,
            None => ADAPTIVE_START,
        };
        let asked = self.hints.interval().max(self.fresh_s.map(Duration::from_secs)).unwrap_or_default();
        expected.max(asked).clamp(floor.min(MAX_INTERVAL), MAX_INTERVAL)
    }

    /// When it is due after a visit at `now`. Hours and days in which it asks to be left alone are waited out, as
    /// far as a day goes.
    pub fn next_after(&self, now: DateTime<Utc>, floor: Duration) -> DateTime<Utc> {
        let limit = now + MAX_INTERVAL;
        let mut due = now + self.interval(floor, now);
        while self.skips(due) && due < limit {
            due = next_hour(due);
        }
        due.min(limit)
    }

    /// After an answer that took so long.
    pub fn answered(&mut self, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).min(u64::from(u32::MAX));
        let mean = |before: Option<u64>, parts: u64| {
            before.map_or(took, |before| (before * (parts - 1) + took + parts / 2) / parts)
        };
        let is_slower = self.usual_ms.is_some_and(|usual| took > usual);
        self.usual_ms = Some(mean(self.usual_ms, if is_slower { SLOWER_PARTS } else { USUAL_PARTS }));
        self.answer_ms = Some(mean(self.answer_ms, LATE_PARTS));
    }

    /// How long its answers take of late and usually, where they have become far slower (ms).
    pub fn slowness(&self) -> Option<(u64, u64)> {
        let (late, usual) = self.answer_ms.zip(self.usual_ms)?;
        (late >= SLOW_MS && late >= usual * SLOW_FACTOR).then_some((late, usual))
    }

    /// For how long nothing new was said, where that is far longer than usual.
    pub fn silence(&self, now: DateTime<Utc>) -> Option<chrono::Duration> {
        let silent = now - clock::from_ms(self.newest_at?);
        let usual = chrono::Duration::seconds(i64::try_from(self.gap_s?).ok()?);
        (silent > (usual * SILENCE_FACTOR).max(MIN_SILENCE)).then_some(silent)
    }

    fn skips(&self, at: DateTime<Utc>) -> bool {
        self.hints.skip_hours >> at.hour() & 1 == 1
            || self.hints.skip_days >> at.weekday().num_days_from_monday() & 1 == 1
    }
}

fn next_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    let past =
        chrono::Duration::minutes(i64::from(at.minute())) + chrono::Duration::seconds(i64::from(at.second()));
    at - past + chrono::Duration::hours(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryContent;

    const FLOOR: Duration = Duration::from_secs(15 * 60);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn answers_that_grow_slower_are_told_before_they_fail() {
        let mut pace = Pace::default();
        for _ in 0..200 {
            pace.answered(Duration::from_millis(300));
        }
        assert_eq!(pace.slowness(), None);
        // One slow answer is none too many.
        pace.answered(Duration::from_secs(14));
        assert_eq!(pace.slowness(), None);
        for _ in 0..3 {
            pace.answered(Duration::from_secs(14));
        }
        let (late, usual) = pace.slowness().unwrap();
        assert!((5_000..14_000).contains(&late) && usual < 2_500, "{late} {usual}");
        for _ in 0..100 {
            pace.answered(Duration::from_secs(14));
        }
        assert!(pace.slowness().is_some(), "a day later it is still so");
        let mut drifting = Pace::default();
        (0..400).for_each(|n| drifting.answered(Duration::from_millis(300 + 35 * n)));
        assert!(drifting.slowness().is_some(), "slowly, over days");
        let mut always = Pace::default();
        (0..50).for_each(|_| always.answered(Duration::from_secs(14)));
        assert_eq!(always.slowness(), None, "it was never fast");
    }

    fn entry(published: Option<&str>) -> Entry {
        Entry {
            key: String::new(),
            url: String::new(),
            title: String::new(),
            author: String::new(),
            published: published.map(at),
            doubt: None,
            content: EntryContent::Text(String::new()),
            ..Entry::default()
        }
    }

    fn minutes(pace: &Pace, now: &str) -> i64 {
        (pace.next_after(at(now), FLOOR) - at(now)).num_minutes()
    }

    #[test]
    fn from_half_an_hour_it_follows_the_rhythm_of_the_dates() {
        let now = "2026-07-01T12:00:00Z";
        let mut pace = Pace::default();
        assert_eq!(minutes(&pace, now), 30, "nothing known");
        let hourly: Vec<Entry> = (0..20)
            .map(|n| entry(Some(&format!("2026-07-{:02}T{:02}:00:00Z", 1 - n / 12, 12 - n % 12))))
            .take(12)
            .collect();
        pace.learn(&hourly, at(now));
        assert_eq!(minutes(&pace, now), 15, "one an hour: the floor");
        assert_eq!(minutes(&pace, "2026-07-03T12:00:00Z"), 12 * 60, "silent for two days");
        assert_eq!(minutes(&pace, "2026-09-01T12:00:00Z"), 24 * 60, "never beyond a day");
    }

    #[test]
    fn without_dates_the_changes_that_were_seen_count() {
        let mut pace = Pace::default();
        pace.learn(&[entry(None)], at("2026-07-01T00:00:00Z"));
        assert_eq!(minutes(&pace, "2026-07-01T00:00:00Z"), 30);
        pace.learn(&[entry(None)], at("2026-07-01T08:00:00Z"));
        assert_eq!(minutes(&pace, "2026-07-01T08:00:00Z"), 120);
        pace.learn(&[entry(None)], at("2026-07-01T10:00:00Z"));
        assert_eq!(pace.gap_s, Some(5 * 3600));
    }

    #[test]
    fn what_the_publisher_asks_for_is_kept_within_a_day() {
        let now = "2026-07-01T12:30:00Z";
        let fresh = |seconds| Pace { fresh_s: Some(seconds), ..Pace::default() };
        assert_eq!(minutes(&fresh(3600), now), 60);
        assert_eq!(minutes(&fresh(31_536_000), now), 24 * 60);
        assert_eq!(minutes(&fresh(1), now), 30);
        let hints = Hints { skip_hours: 0b11 << 13, ..Hints::default() };
        assert_eq!(minutes(&Pace { hints, ..Pace::default() }, now), 150, "13:00 and 14:00 are left out");
        // 2026-07-04 is a Saturday.
        let hints = Hints { skip_days: 0b110_0000, ..Hints::default() };
        assert_eq!(minutes(&Pace { hints, ..Pace::default() }, "2026-07-03T23:50:00Z"), 24 * 60);
    }

    #[test]
    fn it_is_stored_in_few_words() {
        let pace = Pace { fresh_s: Some(60), newest_at: Some(5), ..Pace::default() };
        assert_eq!(pace.to_stored(), r#"{"fresh_s":60,"newest_at":5}"#);
        assert_eq!(Pace::from_stored(&pace.to_stored()), pace);
        assert_eq!(Pace::from_stored("nonsense"), Pace::default());
    }
}
