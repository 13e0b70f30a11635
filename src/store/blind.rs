//! Sources that are blind, and whether anybody was told.

use super::db::on_read;
use super::dialect::{Both, with_ids};
use super::{Store, StoreError};

/// A source that is blind now.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BlindSource {
    /// The number of its gap.
    pub gap: i64,
    /// Its name.
    pub source: String,
    /// Where it is.
    pub url: String,
    /// Why, in a word.
    pub reason: String,
    /// And in a sentence.
    pub detail: String,
    /// The status that its server answered with last.
    pub status: Option<i64>,
    /// When it was last read (ms), if it ever was.
    pub last_good_at: Option<i64>,
    /// When a visit failed for the first time since (ms).
    pub opened_at: i64,
}

const UNWARNED: &str = "SELECT g.id AS gap, s.id AS source, s.url, 
  CASE WHEN g.reason = 'silent' THEN g.reason ELSE s.last_outcome END AS reason,
  CASE WHEN g.reason = 'silent' THEN g.detail ELSE s.last_detail END AS detail,
  (SELECT p.status FROM poll p WHERE p.source = s.id ORDER BY p.id DESC LIMIT 1) AS status, s.last_good_at,
  COALESCE(g.opened_at, g.from_at) AS opened_at
FROM gap g JOIN source s ON s.id = g.source
WHERE g.until_at IS NULL AND g.warned_at IS NULL AND s.retired_at IS NULL ORDER BY g.from_at, g.id";
pub(super) const WARNED: Both =
    with_ids!("UPDATE gap SET warned_at = $1 WHERE warned_at IS NULL AND until_at IS NULL AND id IN ", 2, "");
const BLIND_NOW: &str = "SELECT g.reason, COUNT(*) FROM gap g JOIN source s ON s.id = g.source
WHERE g.until_at IS NULL AND s.retired_at IS NULL GROUP BY g.reason ORDER BY g.reason";
const LAST_OF: &str = "SELECT MAX(at) FROM alert WHERE kind = $1";

impl Store {
    /// Sources that are blind and that nobody was told of yet, the longest first.
    pub async fn unwarned(&self) -> Result<Vec<BlindSource>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_as(UNWARNED).fetch_all(pool).await?))
    }

    /// How many sources are blind now, by reason.
    pub async fn blind_now(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_as(BLIND_NOW).fetch_all(pool).await?))
    }

    /// When people were told of something last (ms): `sources` or `reviews`.
    pub async fn last_warning(&self, kind: &str) -> Result<Option<i64>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_scalar(LAST_OF).bind(kind).fetch_one(pool).await?))
    }
}
