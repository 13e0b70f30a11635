//! Reviews that are due: what makes it lawful to read a source must be looked at again in time (SOL 6.1). Pure but for
//! the words' templates.

use askama::Template;
use chrono::{DateTime, Months, NaiveDate, Timelike, Utc};
use chrono_tz::Europe::London;

use super::render::rendered;
use crate::clock;
use crate::store::{Rendered, StoreError};

/// Days before a review on which people are told; from the day itself on, every day.
const DAYS_BEFORE: [i64; 4] = [30, 14, 7, 1];
/// Days after it in which a source is still read.
const GRACE_DAYS: i64 = 14;
/// Nobody reads such a mail at night (hour, London).
const NOT_BEFORE: u32 = 7;
/// Sources that are named.
const MAX_TOLD: usize = 50;

struct Item<'a> {
    source: &'a str,
    owner: &'a str,
    when: String,
}

#[derive(Template)]
#[template(path = "reviews.txt", config = "src/alert/templates/askama.toml", escape = "none")]
struct Text<'a> {
    items: &'a [Item<'a>],
    heading: &'a str,
    left_out: usize,
    /// A day that a review is good until, as an example.
    until: NaiveDate,
}

#[derive(Template)]
#[template(path = "reviews.html", config = "src/alert/templates/askama.toml")]
struct Html<'a> {
    items: &'a [Item<'a>],
    heading: &'a str,
    left_out: usize,
    /// A day that a review is good until, as an example.
    until: NaiveDate,
}

/// Whether the day's mail may go at `now`, where the last went at `last` (ms).
pub(super) fn may_tell(last: Option<i64>, now: DateTime<Utc>) -> bool {
    let today = clock::london_day(now);
    now.with_timezone(&London).hour() >= NOT_BEFORE
        && last.is_none_or(|last| clock::london_day(clock::from_ms(last)) < today)
}

/// Whether people are told on `today` of a review that is due on `review`, where they were told of reviews on `told` last:
/// a day on which nobody told them, since the service rested, is made up for.
pub(super) fn is_due(review: NaiveDate, told: Option<NaiveDate>, today: NaiveDate) -> bool {
    let left = |day: NaiveDate| (review - day).num_days();
    let before = told.or_else(|| today.pred_opt()).map_or(i64::MAX, left);
    let passed = |days: i64| (left(today)..before).contains(&days);
    left(today) >= -GRACE_DAYS && DAYS_BEFORE.into_iter().chain(-GRACE_DAYS..=0).any(passed)
}

/// One mail about all of them: names of sources, who answers for them, and when.
pub(super) fn message(due: &[(&str, &str, NaiveDate)], today: NaiveDate) -> Result<Rendered, StoreError> {
    let item = |(source, owner, review): &(&'_ str, &'_ str, NaiveDate)| {
        let left = (*review - today).num_days();
        let stops = (*review + chrono::Duration::days(GRACE_DAYS + 1)).format("%-d %B %Y");
        let day = review.format("%-d %B %Y");
        (left, day.to_string(), stops.to_string(), (*source).to_owned(), (*owner).to_owned())
    };
    let rows: Vec<_> = due.iter().take(MAX_TOLD).map(item).collect();
    let items: Vec<Item<'_>> = rows
        .iter()
        .map(|(left, day, stops, source, owner)| Item {
            source,
            owner,
            when: match left {
                1 => format!("due tomorrow, on {day}; without it not read any more from {stops} on"),
                2.. => format!("due in {left} days, on {day}; without it not read any more from {stops} on"),
                0 => format!("due today; not read any more from {stops} on"),
                _ => format!("was due on {day}; not read any more from {stops} on"),
            },
        })
        .collect();
    let heading = match due {
        [(source, ..)] => format!("A review is due: {source}"),
        many => format!("Reviews are due: {} sources", many.len()),
    };
    let left_out = due.len() - items.len();
    let until = today.checked_add_months(Months::new(12)).unwrap_or(today);
    Ok(Rendered {
        subject: heading.clone(),
        text: rendered(&Text { items: &items, heading: &heading, left_out, until })?,
        html: rendered(&Html { items: &items, heading: &heading, left_out, until })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_told_thirty_fourteen_seven_and_one_days_before_and_daily_through_the_grace() {
        let review = day("2027-03-31");
        let told: Vec<i64> = (-20..=40)
            .rev()
            .filter(|left| is_due(review, None, review - chrono::Duration::days(*left)))
            .collect();
        let expected: Vec<i64> = [30, 14, 7, 1].into_iter().chain((-14..=0).rev()).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_nobody_told_while_the_service_rested_is_made_up_for_once() {
        let review = day("2027-03-31");
        let on = |left: i64| review - chrono::Duration::days(left);
        assert!(is_due(review, Some(on(31)), on(27)), "thirty days passed in between");
        assert!(!is_due(review, Some(on(27)), on(26)));
        assert!(!is_due(review, Some(on(200)), on(40)));
        assert!(is_due(review, Some(on(200)), on(0)));
        assert!(!is_due(review, Some(on(10)), on(-15)), "it is not read any more");
    }

    #[test]
    fn once_a_day_and_not_at_night() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert!(!may_tell(None, at("2026-07-01T05:30:00Z")));
        assert!(may_tell(None, at("2026-07-01T06:30:00Z")), "07:30 in London");
        let last = at("2026-07-01T06:30:00Z").timestamp_millis();
        assert!(!may_tell(Some(last), at("2026-07-01T20:00:00Z")));
        assert!(may_tell(Some(last), at("2026-07-02T07:00:00Z")));
    }

    #[test]
    fn the_mail_names_the_source_its_owner_and_the_day() {
        let mail =
            message(&[("paper", "Head of Communications", day("2026-11-29"))], day("2026-11-22")).unwrap();
        assert_eq!(mail.subject, "A review is due: paper");
        for part in [&mail.text, &mail.html] {
            assert!(
                part.contains("due in 7 days, on 29 November 2026; without it not read any more from 14 December 2026 on")
                    && part.contains("--until 2027-11-22")
                    && part.contains("Head of Communications"),
                "{part}"
            );
        }
        let late = message(&[("paper", "x", day("2026-11-20"))], day("2026-11-22")).unwrap();
        assert!(
            late.text.contains("was due on 20 November 2026; not read any more from 5 December 2026 on"),
            "{}",
            late.text
        );
    }
}
