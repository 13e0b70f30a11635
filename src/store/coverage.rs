//! How much of a period the sources were blind in.

use super::db::on_read;
use super::{Store, StoreError};

/// Hours in a gap against hours in service, summed over the sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Coverage {
    /// Source-hours blind.
    pub blind_hours: f64,
    /// Source-hours in service.
    pub service_hours: f64,
}

const GAPS: &str =
    "SELECT from_at, COALESCE(until_at, $3) FROM gap WHERE from_at < $2 AND COALESCE(until_at, $3) > $1
  AND ($4 = '' OR source = $4)";
const SERVICE: &str = "SELECT created_at, COALESCE(retired_at, $3) FROM source
WHERE created_at < $2 AND COALESCE(retired_at, $3) > $1
  AND ($4 = '' OR id = $4)";

impl Store {
    /// The coverage of `from..to` (ms), as it stands at `now`; of one source where `only` is not empty.
    pub async fn coverage(
        &self,
        (from, to): (i64, i64),
        only: &str,
        now: i64,
    ) -> Result<Coverage, StoreError> {
        let to = to.min(now);
        let sum = |rows: Vec<(i64, i64)>| -> f64 {
            let ms: i64 = rows.iter().map(|(start, end)| ((*end).min(to) - (*start).max(from)).max(0)).sum();
            #[expect(clippy::cast_precision_loss, reason = "hours are shown with one decimal")]
            let hours = ms as f64 / 3_600_000.0;
            hours
        };
        let gaps = on_read!(&self.db, pool => sqlx::query_as(GAPS).bind(from).bind(to).bind(now).bind(only).fetch_all(pool).await?);
        let service = on_read!(&self.db, pool => sqlx::query_as(SERVICE).bind(from).bind(to).bind(now).bind(only).fetch_all(pool).await?);
        Ok(Coverage { blind_hours: sum(gaps), service_hours: sum(service) })
    }
}
