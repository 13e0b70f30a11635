//! Days to periods. Boundaries are London's civil calendar, computed here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use serde::Serialize;

use crate::clock;
use crate::store::{GroupBy, Store, StoreError, TrendQuery, TrendRow};

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A civil day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Period {
    /// The first day of the period that holds `day`.
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Week => day - Days::new(day.weekday().num_days_from_monday().into()),
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    /// The first day of the next period.
    pub fn next(self, start: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => start + Days::new(1),
            Self::Week => start + Days::new(7),
            Self::Month => start.checked_add_months(Months::new(1)).unwrap_or(start),
        }
    }

    /// The first day of the period before.
    pub fn previous(self, start: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => start - Days::new(1),
            Self::Week => start - Days::new(7),
            Self::Month => start.checked_sub_months(Months::new(1)).unwrap_or(start),
        }
    }
}

/// A span of days that makes no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// It ends before it starts.
    #[error("the report ends ({to}) before it starts ({from})")]
    Backwards {
        /// First day.
        from: NaiveDate,
        /// Last day.
        to: NaiveDate,
    },
    /// It has more periods than anybody reads.
    #[error("{0} periods are too many: take a longer period or a shorter span")]
    TooMany(usize),
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The span.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One group in one period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportRow {
    /// First day of the period.
    pub period: NaiveDate,
    /// Whether the report holds the whole period.
    pub complete: bool,
    /// The group.
    pub group: String,
    /// Hits.
    pub hits: i64,
    /// Stories that began.
    pub stories: i64,
    /// Hits in the period before.
    pub previous_hits: i64,
    /// Stories that began in the period before.
    pub previous_stories: i64,
    /// Source-hours in which nothing could be seen.
    pub blind_hours: f64,
    /// Source-hours in service.
    pub service_hours: f64,
}

/// A trend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The version of this form.
    pub version: u32,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Oldest first, groups in order.
    pub rows: Vec<ReportRow>,
    /// Findings about employees' conduct that were counted and not kept.
    pub employee_conduct_counted: i64,
    /// What is not seen at all.
    pub not_seen: &'static str,
}

/// Periods in one report.
const MAX_PERIODS: usize = 4000;
/// The group of a period in which nothing was found.
const NOTHING: &str = "(nothing)";
/// What no source shows.
const NOT_SEEN: &str = "Closed platforms, private groups and messages are not seen at all.";

/// The trend of `from..=to` (London days).
///
/// # Errors
/// When the span makes no report or the store fails.
pub async fn build(
    store: &Store,
    (from, to): (NaiveDate, NaiveDate),
    period: Period,
    group_by: GroupBy,
    now: DateTime<Utc>,
) -> Result<Report, BuildError> {
    if to < from {
        return Err(PeriodError::Backwards { from, to }.into());
    }
    let first = period.start(from);
    let mut starts = vec![first];
    while let Some(next) = starts.last().map(|start| period.next(*start)).filter(|next| *next <= to) {
        starts.push(next);
        if starts.len() > MAX_PERIODS {
            return Err(PeriodError::TooMany(starts.len()).into());
        }
    }
    let before = period.previous(first);
    let query = TrendQuery {
        from: before.to_string(),
        to: (period.next(starts[starts.len() - 1]) - Days::new(1)).min(to).to_string(),
        group_by,
    };
    let counts = counted(store.trend(&query).await?, period);
    let mut rows = Vec::new();
    for start in starts {
        let previous = period.previous(start);
        let end = period.next(start);
        let ms = |day| clock::london_midnight(day).timestamp_millis();
        let complete = end - Days::new(1) <= to && end <= clock::london_day(now);
        let span = (ms(start), ms(end).min(ms(to + Days::new(1))));
        let all = store.coverage(span, "", now.timestamp_millis()).await?;
        let here = counts.keys().filter(|(day, _)| *day == start || *day == previous).map(|(_, group)| group);
        let mut groups: BTreeSet<&str> = here.map(String::as_str).collect();
        if groups.is_empty() {
            // A time in which nothing was found, or nothing could be seen, is a line too.
            groups.insert(NOTHING);
        }
        for group in groups {
            let of = |day| counts.get(&(day, group.to_owned())).copied().unwrap_or_default();
            let ((hits, stories), (previous_hits, previous_stories)) = (of(start), of(previous));
            let coverage = match group_by {
                GroupBy::Source if group != NOTHING => {
                    store.coverage(span, group, now.timestamp_millis()).await?
                }
                _ => all,
            };
            rows.push(ReportRow {
                period: start,
                complete,
                group: group.to_owned(),
                hits,
                stories,
                previous_hits,
                previous_stories,
                blind_hours: coverage.blind_hours,
                service_hours: coverage.service_hours,
            });
        }
    }
    let employee_conduct_counted = store.withheld(&first.to_string(), &to.to_string()).await?;
    Ok(Report { version: 1, from: first, to, rows, employee_conduct_counted, not_seen: NOT_SEEN })
}

fn counted(rows: Vec<TrendRow>, period: Period) -> BTreeMap<(NaiveDate, String), (i64, i64)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let Ok(day) = row.day.parse::<NaiveDate>() else { continue };
        let count: &mut (i64, i64) = counts.entry((period.start(day), row.name)).or_default();
        count.0 += row.hits;
        count.1 += row.stories;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_calendar() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(
            Period::Week.start(day("2026-11-22")),
            day("2026-11-16"),
            "Sunday belongs to Monday's week"
        );
        assert_eq!(Period::Month.next(day("2026-12-01")), day("2027-01-01"));
        assert_eq!(Period::Month.previous(day("2026-03-01")), day("2026-02-01"));
        assert_eq!(Period::Day.next(day("2028-02-28")), day("2028-02-29"));
    }
}
