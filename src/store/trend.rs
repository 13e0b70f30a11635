//! Counts by day: live rows and the tally of what was purged, added together. Boundaries come in as
//! days; SQL does no calendar arithmetic.

use super::db::on_read;
use super::{Store, StoreError};

/// What hits are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// A hit counts in each of its categories; one without findings as `mention`.
    Category,
    /// The severity without restricted findings.
    Severity,
    /// The source.
    Source,
    /// The organisation.
    Organisation,
    /// How far people have got.
    Status,
}

/// Which counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrendQuery {
    /// First day, London, `YYYY-MM-DD`.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Grouped by.
    pub group_by: GroupBy,
}

/// Hits and stories of one group on one day.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TrendRow {
    /// London day.
    pub day: String,
    /// The group.
    pub name: String,
    /// Hits.
    pub hits: i64,
    /// Stories that began.
    pub stories: i64,
}

macro_rules! by_column {
    ($column:literal) => {
        concat!(
            "SELECT day, name, CAST(SUM(hits) AS BIGINT) AS hits, CAST(SUM(stories) AS BIGINT) AS stories FROM (
  SELECT day, ", $column, " AS name, COUNT(*) AS hits, SUM(leads) AS stories FROM hit
    WHERE withheld = 0 AND day BETWEEN $1 AND $2 GROUP BY day, 2
  UNION ALL
  SELECT day, ", $column, " AS name, SUM(hits) AS hits, SUM(stories) AS stories FROM (
    SELECT day, severity AS open_severity, source, organisation, status, hits, stories FROM tally
      WHERE scope = 'hit' AND day BETWEEN $1 AND $2) AS purged GROUP BY day, 2
) AS counts GROUP BY day, name ORDER BY day, name"
        )
    };
}

const BY_CATEGORY: &str = "SELECT day, name, CAST(SUM(hits) AS BIGINT) AS hits, CAST(SUM(stories) AS BIGINT) AS stories FROM (
  SELECT h.day AS day, f.category AS name, COUNT(*) AS hits, SUM(h.leads) AS stories
    FROM hit h JOIN (SELECT DISTINCT hit, category FROM finding WHERE restricted = 0) f ON f.hit = h.id
    WHERE h.day BETWEEN $1 AND $2 GROUP BY h.day, f.category
  UNION ALL
  SELECT h.day AS day, 'mention' AS name, COUNT(*) AS hits, SUM(h.leads) AS stories FROM hit h
    WHERE h.day BETWEEN $1 AND $2 AND h.withheld = 0 AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.hit = h.id AND f.restricted = 0)
    GROUP BY h.day
  UNION ALL
  SELECT day, category AS name, SUM(hits) AS hits, SUM(stories) AS stories FROM tally
    WHERE scope = 'category' AND day BETWEEN $1 AND $2 GROUP BY day, category
) AS counts GROUP BY day, name ORDER BY day, name";
const WITHHELD: &str = "SELECT CAST(COALESCE(SUM(hits), 0) AS BIGINT) FROM tally WHERE scope = 'withheld' AND day BETWEEN $1 AND $2";

impl Store {
    /// Counts by day and group.
    pub async fn trend(&self, query: &TrendQuery) -> Result<Vec<TrendRow>, StoreError> {
        let sql = match query.group_by {
            GroupBy::Category => BY_CATEGORY,
            GroupBy::Severity => by_column!("open_severity"),
            GroupBy::Source => by_column!("source"),
            GroupBy::Organisation => by_column!("organisation"),
            GroupBy::Status => by_column!("status"),
        };
        Ok(
            on_read!(&self.db, pool => sqlx::query_as(sql).bind(&query.from).bind(&query.to).fetch_all(pool).await?),
        )
    }

    /// How many findings on employees' conduct were counted and not kept.
    pub async fn withheld(&self, from: &str, to: &str) -> Result<i64, StoreError> {
        Ok(
            on_read!(&self.db, pool => sqlx::query_scalar(WITHHELD).bind(from).bind(to).fetch_one(pool).await?),
        )
    }
}
