//! Claiming due work with a lease and a fence. The fence rises with every claim; a write-back that
//! names an old one changes nothing, so that safety does not rest on clocks.

use std::collections::{BTreeMap, HashMap};

use super::db::{Tx, on_read, on_tx};
use super::dialect::{Both, claiming_except, with_list};
use super::{Store, StoreError};
use crate::model::{EntryId, SourceId};

/// A source that is ours to poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedSource {
    /// Which.
    pub id: SourceId,
    /// The number that every write-back must name.
    pub fence: i64,
    /// `ETag` of the last body.
    pub etag: Option<String>,
    /// `Last-Modified` of the last body.
    pub last_modified: Option<String>,
    /// Keyed fingerprint of the last body.
    pub body_hash: Option<String>,
    /// What its entries were matched against.
    pub generation: String,
    /// When it was polled for the first time (ms).
    pub first_polled_at: Option<i64>,
    /// When it was due (ms).
    pub due_at: i64,
    /// Weighted failures in a row, in quarters.
    pub failures: i64,
    /// Its rhythm, as JSON.
    pub pace: String,
    /// Permanent redirects seen in a row, as JSON.
    pub moving: String,
    /// The address that stands for the configured one by now.
    pub moved_to: Option<String>,
    /// Whether a gap is open.
    pub is_blind: bool,
    /// Whether the last visit found nothing new.
    pub is_calm: bool,
}

/// A waiting entry whose page is ours to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEntry {
    /// Which.
    pub id: EntryId,
    /// Of which source.
    pub source: SourceId,
    /// The number that the write-back must name.
    pub fence: i64,
    /// What the feed said of it, as JSON.
    pub payload: Vec<u8>,
    /// How often it was tried before.
    pub attempts: i64,
    /// Whether it belongs to a first pass.
    pub backlog: bool,
    /// When its source was polled for the first time (ms).
    pub first_polled_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct DueSource {
    id: String,
    host: String,
    fence: i64,
    etag: Option<String>,
    last_modified: Option<String>,
    body_hash: Option<String>,
    generation: String,
    first_polled_at: Option<i64>,
    next_due_at: i64,
    failures: i64,
    pace: String,
    moving: String,
    moved_to: Option<String>,
    is_blind: i64,
    calm: i64,
}

#[derive(sqlx::FromRow)]
struct DueEntry {
    id: i64,
    source: String,
    host: String,
    fence: i64,
    sealed: Vec<u8>,
    attempts: i64,
    backlog: i64,
    first_polled_at: Option<i64>,
}

const DUE_SOURCES: Both = claiming_except!(
    "SELECT s.id, s.host, s.fence, s.etag, s.last_modified, s.body_hash, s.generation, s.first_polled_at, s.next_due_at, s.failures,
  s.pace, s.moving, s.moved_to, s.calm,
  CASE WHEN EXISTS (SELECT 1 FROM gap g WHERE g.source = s.id AND g.until_at IS NULL) THEN CAST(1 AS BIGINT) ELSE 0 END AS is_blind
FROM source s JOIN host h ON h.name = s.host
WHERE s.retired_at IS NULL AND s.next_due_at <= $1 AND s.lease_until <= $1 AND h.next_at <= $1 AND ($3 = '' OR s.id = $3)
  AND s.id NOT IN ",
    4,
    " ORDER BY s.next_due_at, s.id LIMIT $2",
    "FOR UPDATE OF s, h SKIP LOCKED"
);
const DUE_ENTRIES: Both = claiming_except!(
    "SELECT e.id, e.source, h.name AS host, e.fence, e.sealed, e.attempts, e.backlog, s.first_polled_at
FROM entry e JOIN host h ON h.name = e.host JOIN source s ON s.id = e.source
WHERE e.state = 'waiting' AND e.due_at <= $1 AND e.lease_until <= $1 AND h.next_at <= $1 AND s.retired_at IS NULL AND ($3 = '' OR s.id = $3)
  AND s.id NOT IN ",
    4,
    " ORDER BY e.due_at, e.id LIMIT $2",
    "FOR UPDATE OF e, h SKIP LOCKED"
);
const LEASE_SOURCES: Both =
    with_list!("UPDATE source SET lease_until = $1, lease_by = $2, fence = fence + 1 WHERE id IN ", 3, "");
const LEASE_ENTRY: &str = "UPDATE entry SET lease_until = $1, lease_by = $2, fence = fence + 1 WHERE id = $3";
const LET_GO: &str = "UPDATE source SET lease_until = 0 WHERE id = $1 AND fence = $2";
const LEASED_UNTIL: &str = "SELECT lease_until FROM source WHERE id = $1 AND lease_until > $2";
const GIVE_UP: &str = "UPDATE entry SET state = 'failed', sealed = NULL, due_at = NULL, detail = 'cannot be opened' WHERE id = $1";
const PACE_HOSTS: Both = with_list!("UPDATE host SET next_at = $1 WHERE name IN ", 2, "");

/// Who claims, and on what terms.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Names the process.
    pub worker: &'a str,
    /// Now (ms).
    pub now: i64,
    /// How long the claim holds (ms).
    pub lease_ms: i64,
    /// At most so many.
    pub limit: i64,
    /// Of one source only, where it is not empty.
    pub only: &'a str,
    /// Sources that are left to others, as a JSON list.
    pub except: &'a str,
}

impl Store {
    /// Claims due sources. Of hosts that are paced (`gap_ms` gives the gap,
    /// 0 for none) only one each, and the host rests for its gap.
    pub async fn claim_sources(
        &self,
        terms: Terms<'_>,
        gap_ms: impl Fn(&str) -> i64,
    ) -> Result<Vec<ClaimedSource>, StoreError> {
        let mut tx = self.db.begin().await?;
        let sql = DUE_SOURCES.of_tx(&tx);
        let due: Vec<DueSource> = on_tx!(&mut tx, tx => sqlx::query_as(sql).bind(terms.now).bind(terms.limit).bind(terms.only).bind(terms.except).fetch_all(&mut **tx).await?);
        let mut pacer = Pacer::default();
        let mut claimed = Vec::with_capacity(due.len());
        for row in due {
            if !pacer.take(&row.host, gap_ms(&row.id), terms) {
                continue;
            }
            let id = row
                .id
                .parse()
                .map_err(|_| StoreError::Inconsistent(format!("a source named {:?}", row.id)))?;
            claimed.push(ClaimedSource {
                id,
                fence: row.fence + 1,
                etag: row.etag,
                last_modified: row.last_modified,
                body_hash: row.body_hash,
                generation: row.generation,
                first_polled_at: row.first_polled_at,
                due_at: row.next_due_at,
                failures: row.failures,
                pace: row.pace,
                moving: row.moving,
                moved_to: row.moved_to,
                is_blind: row.is_blind != 0,
                is_calm: row.calm > 0,
            });
        }
        if claimed.is_empty() {
            return Ok(claimed);
        }
        let ids: Vec<&str> = claimed.iter().map(|claim| claim.id.as_str()).collect();
        let ids = serde_json::Value::from(ids).to_string();
        let lease = LEASE_SOURCES.of_tx(&tx);
        on_tx!(&mut tx, tx => {
            sqlx::query(lease).bind(terms.now + terms.lease_ms).bind(terms.worker).bind(ids).execute(&mut **tx).await?;
        });
        pacer.write(&mut tx).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Gives back a claim that nothing was done with.
    pub async fn let_go(&self, claim: &ClaimedSource) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on_tx!(&mut tx, tx => {
            sqlx::query(LET_GO).bind(claim.id.as_str()).bind(claim.fence).execute(&mut **tx).await?;
        });
        tx.commit().await
    }

    /// Until when another process holds a source (ms), if one does.
    pub async fn leased_until(&self, source: &SourceId, now: i64) -> Result<Option<i64>, StoreError> {
        Ok(
            on_read!(&self.db, pool => sqlx::query_scalar(LEASED_UNTIL).bind(source.as_str()).bind(now).fetch_optional(pool).await?),
        )
    }

    /// Claims waiting entries, on the same terms; `gap_ms` gives the gap of a host.
    pub async fn claim_entries(
        &self,
        terms: Terms<'_>,
        gap_ms: impl Fn(&str) -> i64,
    ) -> Result<Vec<ClaimedEntry>, StoreError> {
        let mut tx = self.db.begin().await?;
        let sql = DUE_ENTRIES.of_tx(&tx);
        let due: Vec<DueEntry> = on_tx!(&mut tx, tx => sqlx::query_as(sql).bind(terms.now).bind(terms.limit).bind(terms.only).bind(terms.except).fetch_all(&mut **tx).await?);
        let mut pacer = Pacer::default();
        let mut claimed = Vec::with_capacity(due.len());
        for row in due {
            if !pacer.take(&row.host, gap_ms(&row.host), terms) {
                continue;
            }
            on_tx!(&mut tx, tx => {
                sqlx::query(LEASE_ENTRY).bind(terms.now + terms.lease_ms).bind(terms.worker).bind(row.id).execute(&mut **tx).await?;
            });
            let source = row
                .source
                .parse()
                .map_err(|_| StoreError::Inconsistent(format!("a source named {:?}", row.source)))?;
            let Ok(payload) = self.key.unseal("entry", &row.sealed) else {
                tracing::error!(
                    entry.id = row.id,
                    "what was stored of a waiting entry cannot be opened; it is given up"
                );
                on_tx!(&mut tx, tx => {
                    sqlx::query(GIVE_UP).bind(row.id).execute(&mut **tx).await?;
                });
                continue;
            };
            claimed.push(ClaimedEntry {
                id: EntryId(row.id),
                source,
                fence: row.fence + 1,
                payload,
                attempts: row.attempts,
                backlog: row.backlog != 0,
                first_polled_at: row.first_polled_at,
            });
        }
        pacer.write(&mut tx).await?;
        tx.commit().await?;
        Ok(claimed)
    }
}

/// Hosts taken in this claim, and until when each rests.
#[derive(Default)]
struct Pacer(HashMap<String, i64>);

impl Pacer {
    /// Whether a request to `host` may be made now; then the host rests for its gap.
    fn take(&mut self, host: &str, gap_ms: i64, terms: Terms<'_>) -> bool {
        gap_ms <= 0 || self.0.insert(host.to_owned(), terms.now + gap_ms).is_none()
    }

    async fn write(self, tx: &mut Tx) -> Result<(), StoreError> {
        let mut by_time: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (host, next_at) in self.0 {
            by_time.entry(next_at).or_default().push(host);
        }
        let sql = PACE_HOSTS.of_tx(tx);
        for (next_at, hosts) in by_time {
            let hosts = serde_json::Value::from(hosts).to_string();
            on_tx!(&mut *tx, tx => {
                sqlx::query(sql).bind(next_at).bind(hosts).execute(&mut **tx).await?;
            });
        }
        Ok(())
    }
}
