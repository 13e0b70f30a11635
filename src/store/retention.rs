//! Retention: what is old enough goes, and its counts stay, in the same transaction, so that a printed
//! report stays true.

use super::db::{Tx, on_read, on_tx};
use super::dialect::{Both, with_ids};
use super::{Retention, Store, StoreError};
use crate::clock;

/// What one run removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Hits, with their documents, findings and decisions.
    pub hits: u64,
    /// Fingerprints of entries.
    pub entries: u64,
    /// Rendered mails.
    pub alerts: u64,
    /// Audit rows.
    pub audits: u64,
}

/// Hits in one transaction.
const BATCH: i64 = 500;
const DAY_MS: i64 = 86_400_000;

/// A hit waits in the outbox or for its digest no longer than a day: nothing that old is undecided.
const OLD_HITS: &str = "SELECT h.id FROM hit h WHERE
  CASE
    WHEN h.status = 'dismissed' THEN h.day < $1
    WHEN EXISTS (SELECT 1 FROM finding f WHERE f.hit = h.id AND (f.category LIKE 'confidentiality.%' OR f.category LIKE 'brand.%'
      OR f.category LIKE 'conduct.%' OR f.category LIKE 'concern.%')) THEN h.day < $2
    WHEN EXISTS (SELECT 1 FROM finding f WHERE f.hit = h.id AND f.category LIKE 'feedback.%') THEN h.day < $3
    ELSE h.day < $4
  END
ORDER BY h.id LIMIT $5";
const TALLY_HITS: Both = with_ids!(
    "INSERT INTO tally (day, organisation, scope, category, severity, origin, source, status, rule, hits, stories)
SELECT day, organisation, 'hit', '', open_severity, '', source, status, '', COUNT(*), CAST(SUM(leads) AS BIGINT)
FROM hit WHERE withheld = 0 AND id IN ",
    1,
    " GROUP BY day, organisation, open_severity, source, status
ON CONFLICT (day, organisation, scope, category, severity, origin, source, status, rule)
DO UPDATE SET hits = tally.hits + excluded.hits, stories = tally.stories + excluded.stories"
);
/// Hits without an open finding count as `mention`, as in a live report.
const TALLY_CATEGORIES: Both = with_ids!(
    "INSERT INTO tally (day, organisation, scope, category, severity, origin, source, status, rule, hits, stories)
SELECT h.day, h.organisation, 'category', COALESCE(f.category, 'mention'), h.open_severity, COALESCE(f.origin, ''), h.source, h.status, '',
  COUNT(*), CAST(SUM(h.leads) AS BIGINT)
FROM hit h LEFT JOIN (SELECT hit, category, MAX(COALESCE(origin, '')) AS origin FROM finding WHERE restricted = 0 GROUP BY hit, category) f
  ON f.hit = h.id
WHERE h.withheld = 0 AND h.id IN ",
    1,
    " GROUP BY h.day, h.organisation, COALESCE(f.category, 'mention'), h.open_severity, COALESCE(f.origin, ''), h.source, h.status
ON CONFLICT (day, organisation, scope, category, severity, origin, source, status, rule)
DO UPDATE SET hits = tally.hits + excluded.hits, stories = tally.stories + excluded.stories"
);
const TALLY_RULES: Both = with_ids!(
    "INSERT INTO tally (day, organisation, scope, category, severity, origin, source, status, rule, hits, stories)
SELECT h.day, h.organisation, 'rule', f.category, f.severity, COALESCE(f.origin, ''), h.source, h.status, f.rule,
  COUNT(*), CAST(SUM(h.leads) AS BIGINT)
FROM hit h JOIN finding f ON f.hit = h.id WHERE h.withheld = 0 AND h.id IN ",
    1,
    " GROUP BY h.day, h.organisation, f.category, f.severity, COALESCE(f.origin, ''), h.source, h.status, f.rule
ON CONFLICT (day, organisation, scope, category, severity, origin, source, status, rule)
DO UPDATE SET hits = tally.hits + excluded.hits, stories = tally.stories + excluded.stories"
);
const DROP_HITS: Both = with_ids!("DELETE FROM hit WHERE withheld = 0 AND id IN ", 1, "");
const DROP_DOCUMENTS: &str =
    "DELETE FROM document WHERE NOT EXISTS (SELECT 1 FROM hit WHERE hit.document = document.id)";
const DROP_STORIES: &str =
    "DELETE FROM story WHERE NOT EXISTS (SELECT 1 FROM hit WHERE hit.story = story.id)";
/// A fingerprint goes when the source no longer lists its entry: else it would come back as new.
const DROP_ENTRIES: &str = "DELETE FROM entry WHERE listed_at < $1
  AND NOT EXISTS (SELECT 1 FROM document WHERE document.entry = entry.id)
  AND EXISTS (SELECT 1 FROM source WHERE source.id = entry.source
    AND (source.retired_at < $1 OR entry.state <> 'waiting' AND source.read_at > entry.listed_at + 172800000))";
/// The row stays, since decisions name it; what it said goes.
const EMPTY_ALERTS: &str = "UPDATE alert SET subject = '', text = '', html = '' WHERE at < $1 AND text <> ''
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.alert = alert.id AND state = 'queued')";
const DROP_ROBOTS: &str = "DELETE FROM robots WHERE until_at < $1";
const DROP_AUDIT: &str = "DELETE FROM audit WHERE at < $1";

impl Store {
    /// Removes what is older than `retention` allows at `now` (ms), leaving its counts.
    pub async fn purge(&self, retention: &Retention, now: i64) -> Result<Purged, StoreError> {
        let mut purged = Purged::default();
        let day = |days: u32| clock::london_day(clock::from_ms(now - i64::from(days) * DAY_MS)).to_string();
        let limits = [
            retention.dismissed_days,
            retention.incident_days,
            retention.feedback_days,
            retention.clipping_days,
        ]
        .map(day);
        loop {
            let ids: Vec<i64> = on_read!(&self.db, pool => sqlx::query_scalar(OLD_HITS)
                .bind(&limits[0]).bind(&limits[1]).bind(&limits[2]).bind(&limits[3]).bind(BATCH)
                .fetch_all(pool).await?);
            if ids.is_empty() {
                break;
            }
            let list = serde_json::Value::from(ids).to_string();
            let mut tx = self.db.begin().await?;
            for sql in [TALLY_HITS, TALLY_CATEGORIES, TALLY_RULES] {
                run_list(&mut tx, sql, &list).await?;
            }
            purged.hits += run_list(&mut tx, DROP_HITS, &list).await?;
            tx.run(DROP_DOCUMENTS).await?;
            tx.run(DROP_STORIES).await?;
            tx.commit().await?;
        }
        let before = |days: u32| now - i64::from(days) * DAY_MS;
        let mut tx = self.db.begin().await?;
        purged.entries = run_before(&mut tx, DROP_ENTRIES, before(retention.entry_days)).await?;
        purged.alerts = run_before(&mut tx, EMPTY_ALERTS, before(retention.alert_days)).await?;
        run_before(&mut tx, DROP_ROBOTS, now).await?;
        purged.audits = run_before(&mut tx, DROP_AUDIT, before(retention.audit_days)).await?;
        tx.commit().await?;
        Ok(purged)
    }
}

async fn run_list(tx: &mut Tx, sql: Both, list: &str) -> Result<u64, StoreError> {
    let sql = sql.of_tx(tx);
    Ok(on_tx!(tx, tx => sqlx::query(sql).bind(list).execute(&mut **tx).await?.rows_affected()))
}

async fn run_before(tx: &mut Tx, sql: &'static str, before: i64) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, tx => sqlx::query(sql).bind(before).execute(&mut **tx).await?.rows_affected()))
}
