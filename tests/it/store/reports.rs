//! Reports as Information Governance reads them: the period before beside each count, blind hours beside
//! both, and no period left out because nothing was found in it.

use trustwatch::clock::{from_ms, london_day};
use trustwatch::model::Category;
use trustwatch::report::{Format, Period, build, render};
use trustwatch::store::{GroupBy, PollResult};

use super::backend::each;
use super::records::{DAY, HOUR, T0, failed, hit, poll, store_hit, sync};

#[tokio::test]
async fn a_period_in_which_nothing_was_found_is_a_line_with_its_blind_hours() {
    each(async |bed| {
        sync(&bed.store, &["paper", "forum"]).await;
        store_hit(&bed.store, "story", T0, hit(&[Category::Coverage])).await;
        poll(&bed.store, "forum", T0, PollResult::Unchanged { validators: None }).await;
        poll(&bed.store, "forum", T0 + DAY, failed("timeout")).await;
        poll(&bed.store, "forum", T0 + 3 * DAY, PollResult::Unchanged { validators: None }).await;
        let (from, to) = (london_day(from_ms(T0)), london_day(from_ms(T0 + 2 * DAY)));
        let now = from_ms(T0 + 4 * DAY);
        let report = build(&bed.store, (from, to), Period::Day, GroupBy::Category, now).await.unwrap();
        let lines: Vec<(&str, i64, i64)> =
            report.rows.iter().map(|row| (row.group.as_str(), row.hits, row.previous_hits)).collect();
        assert_eq!(lines, [("press.coverage", 1, 0), ("press.coverage", 0, 1), ("(nothing)", 0, 0)]);
        assert!(report.rows[2].blind_hours > 20.0, "{}", report.rows[2].blind_hours);
        let text = render(&report, Format::Csv).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(render(&report, Format::Table).unwrap().contains("Closed platforms"));
    })
    .await;
}

#[tokio::test]
async fn by_source_each_line_tells_its_own_blind_hours() {
    each(async |bed| {
        sync(&bed.store, &["forum", "paper"]).await;
        for source in ["forum", "paper"] {
            poll(&bed.store, source, T0, PollResult::Unchanged { validators: None }).await;
        }
        poll(&bed.store, "forum", T0 + HOUR, failed("timeout")).await;
        store_hit(&bed.store, "story", T0 + HOUR, hit(&[Category::Coverage])).await;
        let day = london_day(from_ms(T0));
        let report = build(&bed.store, (day, day), Period::Day, GroupBy::Source, from_ms(T0 + 2 * HOUR))
            .await
            .unwrap();
        let paper = report.rows.iter().find(|row| row.group == "paper").unwrap();
        assert!(paper.blind_hours < 0.001, "{}", paper.blind_hours);
        let all = build(&bed.store, (day, day), Period::Day, GroupBy::Category, from_ms(T0 + 2 * HOUR)).await;
        assert!(all.unwrap().rows[0].blind_hours > 0.0);
    })
    .await;
}
