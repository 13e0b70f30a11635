//! Trends stay as they were printed: what retention removes is counted in the tally, group by group.

use trustwatch::model::{Category, HitId, Origin};
use trustwatch::store::{DocumentRecord, EntryRecord, GroupBy, HitRecord, Retention, TrendQuery, TrendRow};

use super::backend::{Bed, each};
use super::records::{DAY, T0, document, entry, hit, organisation, poll, read, sync};

pub(super) const GROUPS: [GroupBy; 5] =
    [GroupBy::Category, GroupBy::Severity, GroupBy::Source, GroupBy::Organisation, GroupBy::Status];

pub(super) async fn trend(bed: &Bed, group_by: GroupBy) -> Vec<TrendRow> {
    let query = TrendQuery { from: "2026-01-01".to_owned(), to: "2030-12-31".to_owned(), group_by };
    bed.store.trend(&query).await.unwrap()
}

async fn all_trends(bed: &Bed) -> Vec<Vec<TrendRow>> {
    let mut all = Vec::new();
    for group_by in GROUPS {
        all.push(trend(bed, group_by).await);
    }
    all
}

fn of(id: &str, mut hit: HitRecord) -> HitRecord {
    hit.organisation = organisation(id);
    hit
}

/// Every sort of hit, over two sources and three days, in stories of one and of three hits.
async fn a_mixed_lot(bed: &Bed) -> Vec<HitId> {
    sync(&bed.store, &["paper", "forum"]).await;
    let copy = |name: &str, hits| DocumentRecord { text_key: "copied".to_owned(), ..document(name, hits) };
    let mut twice = hit(&[Category::NhsNumber, Category::NhsNumber, Category::Postcode]);
    twice.findings[1].origin = Some(Origin::TrustRecord);
    let first: Vec<EntryRecord> = vec![
        entry("a", Some(document("a", vec![twice]))),
        entry(
            "b",
            Some(copy("b", vec![hit(&[Category::Coverage]), of("solent", hit(&[Category::Coverage]))])),
        ),
        entry("c", Some(document("c", vec![hit(&[])]))),
        entry("d", Some(document("d", vec![hit(&[Category::Safety])]))),
    ];
    let second = vec![
        entry("e", Some(copy("e", vec![hit(&[Category::Coverage])]))),
        entry("f", Some(document("f", vec![hit(&[Category::Complaint])]))),
        entry("g", Some(document("g", vec![hit(&[Category::Safety, Category::Coverage])]))),
    ];
    let third = vec![entry("h", Some(copy("h", vec![hit(&[Category::Scam, Category::Coverage])])))];
    let mut ids = poll(&bed.store, "paper", T0, read(first)).await;
    ids.extend(poll(&bed.store, "forum", T0 + DAY, read(second)).await);
    ids.extend(poll(&bed.store, "paper", T0 + 2 * DAY, read(third)).await);
    bed.run("UPDATE hit SET status = 'dismissed' WHERE id % 4 = 0").await;
    ids
}

#[tokio::test]
async fn every_trend_is_the_same_before_and_after_everything_was_purged() {
    each(async |bed| {
        let ids = a_mixed_lot(bed).await;
        assert_eq!(ids.len(), 9);
        let before = all_trends(bed).await;
        assert!(before.iter().all(|rows| !rows.is_empty()));
        let purged = bed.store.purge(&Retention::default(), T0 + 20 * 365 * DAY).await.unwrap();
        assert_eq!((purged.hits, bed.count("hit").await), (9, 0));
        let left = (
            bed.count("document").await,
            bed.count("story").await,
            bed.count("finding").await,
            bed.count("outbox").await,
        );
        assert_eq!(left, (0, 0, 0, 0), "nothing of them is left");
        assert_eq!(all_trends(bed).await, before);
    })
    .await;
}

#[tokio::test]
async fn every_trend_is_the_same_when_only_part_of_a_story_was_purged() {
    each(async |bed| {
        a_mixed_lot(bed).await;
        let before = all_trends(bed).await;
        // Dismissed ones go after 90 days, clippings after 180, the rest stays.
        let retention = Retention { clipping_days: 180, ..Retention::default() };
        let days = [91, 92, 181, 182, 400];
        let mut removed = Vec::new();
        for day in days {
            removed.push(bed.store.purge(&retention, T0 + day * DAY).await.unwrap().hits);
            assert_eq!(all_trends(bed).await, before, "after day {day}");
        }
        assert!(removed.iter().filter(|hits| **hits > 0).count() >= 2, "{removed:?}");
        assert!(bed.count("hit").await > 0);
        assert_eq!(bed.store.check().await.unwrap(), ["hits that nobody decided on"; 0]);
    })
    .await;
}

#[tokio::test]
async fn the_numbers_themselves_are_right() {
    each(async |bed| {
        a_mixed_lot(bed).await;
        let sums = async |group_by| {
            let mut sums: Vec<(String, i64, i64)> = Vec::new();
            for row in trend(bed, group_by).await {
                match sums.iter_mut().find(|(name, ..)| *name == row.name) {
                    Some(sum) => *sum = (row.name, sum.1 + row.hits, sum.2 + row.stories),
                    None => sums.push((row.name, row.hits, row.stories)),
                }
            }
            sums.sort();
            sums
        };
        let row = |name: &str, hits, stories| (name.to_owned(), hits, stories);
        let by_source = [row("forum", 3, 2), row("paper", 6, 5)];
        assert_eq!(
            sums(GroupBy::Source).await,
            by_source,
            "a story counts under the source of its first hit"
        );
        assert_eq!(sums(GroupBy::Organisation).await, [row("northmere", 8, 6), row("solent", 1, 1)]);
        let by_category = sums(GroupBy::Category).await;
        assert!(
            by_category.contains(&row("confidentiality.nhs_number", 1, 1)),
            "a hit counts once in a category"
        );
        assert!(by_category.contains(&row("mention", 2, 2)), "without open findings: {by_category:?}");
        assert!(by_category.contains(&row("press.coverage", 5, 3)), "{by_category:?}");
        assert!(by_category.iter().all(|(name, ..)| name != "concern.safety"), "restricted");
        let days: Vec<String> =
            trend(bed, GroupBy::Organisation).await.into_iter().map(|row| row.day).collect();
        assert_eq!(days, ["2026-07-01", "2026-07-01", "2026-07-02", "2026-07-03"]);
    })
    .await;
}
