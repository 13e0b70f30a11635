//! Sources as the configuration names them, kept in step with the store; what was already seen of them.

use std::collections::HashMap;

use super::db::{on_read, on_tx};
use super::dialect::{Both, with_list};
use super::{Store, StoreError};
use crate::model::{OrganisationId, RobotsOverride, SourceId};

/// A source as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpec {
    /// Its name.
    pub id: SourceId,
    /// How it is read.
    pub kind: &'static str,
    /// Where.
    pub url: String,
    /// How pacing counts its host.
    pub host: String,
    /// For whom it is polled.
    pub organisations: Vec<OrganisationId>,
    /// What sort of documents it lists.
    pub document_kind: &'static str,
    /// When it is due if it is new (ms).
    pub first_due_at: i64,
    /// When it is due at the latest, counted from now (ms).
    pub latest_due_at: i64,
}

/// A source as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SourceRow {
    /// Its name.
    pub id: String,
    /// Where.
    pub url: String,
    /// When it is due next (ms).
    pub next_due_at: i64,
    /// When it was polled last (ms).
    pub last_polled_at: Option<i64>,
    /// When it was last read without failure (ms).
    pub last_good_at: Option<i64>,
    /// What the last poll came to.
    pub last_outcome: String,
    /// And why.
    pub last_detail: String,
    /// Weighted failures in a row, in quarters.
    pub failures: i64,
    /// What it took to read it last time: `strict`, `repair`, `lenient`, or nothing yet.
    pub reader: String,
    /// Polls in a row that needed more than the strict reader.
    pub mended: i64,
    /// Its rhythm, as JSON.
    pub pace: String,
    /// The address that stands for the configured one by now.
    pub moved_to: Option<String>,
    /// When it was found gone for good (ms).
    pub stopped_at: Option<i64>,
}

const UPSERT_ORGANISATION: &str = "INSERT INTO organisation (id, name) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET name = excluded.name";
/// Sources written by one statement.
const MANY: usize = 500;
/// Rows of sources: id, kind, address, host, organisations, kind of documents, first and latest due time.
const UPSERT_HOSTS: Both = Both {
    sqlite: "INSERT INTO host (name) SELECT DISTINCT value ->> 3 FROM json_each($1) WHERE 1 ON CONFLICT (name) DO NOTHING",
    postgres: "INSERT INTO host (name) SELECT DISTINCT value ->> 3 FROM jsonb_array_elements($1::jsonb) AS sources (value)
ON CONFLICT (name) DO NOTHING",
};
/// A source whose address changed starts over: validators, failures and first pass belong to the old one.
/// One that was refused for a lapsed review or approval is tried again.
macro_rules! upsert_sources {
    ($rows:literal) => {
        concat!(
            "INSERT INTO source (id, kind, url, host, organisations, document_kind, created_at, next_due_at) ",
            $rows,
            "
ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, organisations = excluded.organisations,
  host = CASE WHEN source.url = excluded.url AND source.moved_to IS NOT NULL THEN source.host ELSE excluded.host END,
  moved_to = CASE WHEN source.url = excluded.url THEN source.moved_to END,
  moving = CASE WHEN source.url = excluded.url THEN source.moving ELSE '' END,
  pace = CASE WHEN source.url = excluded.url THEN source.pace ELSE '' END,
  stopped_at = CASE WHEN source.url = excluded.url THEN source.stopped_at END,
  document_kind = excluded.document_kind, retired_at = NULL,
  etag = CASE WHEN source.url = excluded.url THEN source.etag END,
  last_modified = CASE WHEN source.url = excluded.url THEN source.last_modified END,
  body_hash = CASE WHEN source.url = excluded.url THEN source.body_hash END,
  first_polled_at = CASE WHEN source.url = excluded.url THEN source.first_polled_at END,
  generation = CASE WHEN source.url = excluded.url THEN source.generation ELSE '' END,
  failures = CASE WHEN source.url = excluded.url THEN source.failures ELSE 0 END,
  next_due_at = CASE
    WHEN source.url <> excluded.url OR source.last_outcome IN ('review_lapsed', 'approval_ended') THEN excluded.next_due_at
    ELSE source.next_due_at END,
  url = excluded.url"
        )
    };
}
const UPSERT_SOURCES: Both = Both {
    sqlite: upsert_sources!(
        "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, $2, value ->> 6
FROM json_each($1) WHERE 1"
    ),
    postgres: upsert_sources!(
        "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, $2, (value ->> 6)::bigint
FROM jsonb_array_elements($1::jsonb) AS sources (value)"
    ),
};
/// Nobody waits longer than the schedule says now.
const NOT_LATER: Both = Both {
    sqlite: "UPDATE source SET next_due_at = v.latest
FROM (SELECT value ->> 0 AS id, value ->> 7 AS latest FROM json_each($1)) v
WHERE source.id = v.id AND source.failures = 0 AND source.next_due_at > v.latest",
    postgres: "UPDATE source SET next_due_at = v.latest
FROM (SELECT value ->> 0 AS id, (value ->> 7)::bigint AS latest FROM jsonb_array_elements($1::jsonb) AS s (value)) v
WHERE source.id = v.id AND source.failures = 0 AND source.next_due_at > v.latest",
};
const RETIRE: Both =
    with_list!("UPDATE source SET retired_at = $1 WHERE retired_at IS NULL AND id NOT IN ", 2, "");
const CLOSE_RETIRED_GAPS: &str = "UPDATE gap SET until_at = $1 WHERE until_at IS NULL
  AND source IN (SELECT id FROM source WHERE retired_at IS NOT NULL)";
const LIST: &str =
    "SELECT id, url, next_due_at, last_polled_at, last_good_at, last_outcome, last_detail, failures, reader, mended,
  pace, moved_to, stopped_at
FROM source WHERE retired_at IS NULL ORDER BY id";
const KNOWN: Both = with_list!("SELECT key, content FROM entry WHERE source = $1 AND key IN ", 2, "");
const OVERRIDE: &str = "INSERT INTO audit (at, actor, action, purpose, subject)
SELECT $1, $2, 'robots_override', $3, $4 WHERE NOT EXISTS (
  SELECT 1 FROM audit WHERE action = 'robots_override' AND actor = $2 AND purpose = $3 AND subject = $4)";
/// No host is told to rest for longer than a day: what lies further ahead was written by a clock that was wrong.
const MAX_REST_MS: i64 = 25 * 3_600_000;
const WAKE_HOSTS: &str = "UPDATE host SET next_at = 0 WHERE next_at > $1";
const REVIEWED: &str =
    "INSERT INTO audit (at, actor, action, purpose, subject) VALUES ($1, $2, 'review', $3, $4)";
const LISTING: &str = "SELECT keys FROM listing WHERE source = $1";
const DUE_NOW: &str = "UPDATE source SET next_due_at = $1 WHERE id = $2 AND retired_at IS NULL";
const NEXT_DUE: &str = "SELECT MIN(due) FROM (
  SELECT MIN(next_due_at) AS due FROM source WHERE retired_at IS NULL AND ($1 = '' OR id = $1)
  UNION ALL SELECT MIN(e.due_at) AS due FROM entry e JOIN source s ON s.id = e.source
    WHERE e.state = 'waiting' AND s.retired_at IS NULL AND ($1 = '' OR e.source = $1)) AS work";
const OVERDUE: &str =
    "SELECT COUNT(*) FROM source WHERE retired_at IS NULL AND next_due_at <= $1 AND lease_until <= $1";

/// A visit to a source, or several in a row that found nothing new.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PastPoll {
    /// When the last of them ended (ms).
    pub at: i64,
    /// How many they were.
    pub times: i64,
    /// What they came to.
    pub outcome: String,
    /// In words.
    pub detail: String,
    /// The status that a failure came with.
    pub status: Option<i64>,
    /// Hits among what was new.
    pub hits: i64,
    /// Bytes that came over the wire.
    pub bytes: i64,
    /// How long the last of them took (ms).
    pub took_ms: i64,
}

/// The calm of the present is counted on the source itself.
const POLLS: &str = "SELECT at, times, outcome, detail, status, hits, bytes, took_ms FROM (
  SELECT last_polled_at AS at, calm AS times, 'unchanged' AS outcome, '' AS detail, CAST(NULL AS BIGINT) AS status,
    CAST(0 AS BIGINT) AS hits, CAST(0 AS BIGINT) AS bytes, calm_ms AS took_ms, CAST(1 AS BIGINT) AS is_now, CAST(0 AS BIGINT) AS id
  FROM source WHERE id = $1 AND calm > 0 AND last_polled_at IS NOT NULL
  UNION ALL
  SELECT at, times, outcome, detail, status, hits, bytes, took_ms, CAST(0 AS BIGINT) AS is_now, id FROM poll WHERE source = $1
) polls ORDER BY is_now DESC, id DESC LIMIT $2";

impl Store {
    /// Brings organisations and sources in step with the configuration, the only truth for them: new
    /// ones are made, others keep what is known of them, those that vanished are retired.
    pub async fn sync_sources(
        &self,
        organisations: &[(OrganisationId, String)],
        sources: &[SourceSpec],
        now: i64,
    ) -> Result<(), StoreError> {
        let ids: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
        let ids = serde_json::Value::from(ids).to_string();
        let mut tx = self.db.begin().await?;
        let [retire, hosts, upsert, not_later] =
            [RETIRE, UPSERT_HOSTS, UPSERT_SOURCES, NOT_LATER].map(|sql| sql.of_tx(&tx));
        let row = |source: &SourceSpec| {
            let names: Vec<&str> = source.organisations.iter().map(OrganisationId::as_str).collect();
            let names = serde_json::Value::from(names).to_string();
            let SourceSpec { id, kind, url, host, document_kind, first_due_at, latest_due_at, .. } = source;
            serde_json::json!([
                id.as_str(),
                kind,
                url,
                host,
                names,
                document_kind,
                first_due_at,
                latest_due_at
            ])
        };
        on_tx!(&mut tx, tx => {
            for (id, name) in organisations {
                sqlx::query(UPSERT_ORGANISATION).bind(id.as_str()).bind(name).execute(&mut **tx).await?;
            }
            for sources in sources.chunks(MANY) {
                let rows = sources.iter().map(row).collect::<serde_json::Value>().to_string();
                sqlx::query(hosts).bind(&rows).execute(&mut **tx).await?;
                sqlx::query(upsert).bind(&rows).bind(now).execute(&mut **tx).await?;
                sqlx::query(not_later).bind(&rows).execute(&mut **tx).await?;
            }
            sqlx::query(retire).bind(now).bind(ids).execute(&mut **tx).await?;
            sqlx::query(CLOSE_RETIRED_GAPS).bind(now).execute(&mut **tx).await?;
            sqlx::query(WAKE_HOSTS).bind(now + MAX_REST_MS).execute(&mut **tx).await?;
        });
        tx.commit().await
    }

    /// Writes once who decided that a source is read against its robots.txt.
    pub async fn note_override(
        &self,
        source: &SourceId,
        decision: &RobotsOverride,
        now: i64,
    ) -> Result<(), StoreError> {
        let purpose = format!("{} ({})", decision.reason, decision.date);
        let mut tx = self.db.begin().await?;
        on_tx!(&mut tx, tx => {
            sqlx::query(OVERRIDE).bind(now).bind(&decision.name).bind(&purpose).bind(source.as_str())
                .execute(&mut **tx).await?;
        });
        tx.commit().await
    }

    /// Writes who renewed the review of sources, all of them or none.
    pub async fn note_reviews(
        &self,
        sources: &[String],
        by: &str,
        purpose: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for source in sources {
            on_tx!(&mut tx, tx => {
                sqlx::query(REVIEWED).bind(now).bind(by).bind(purpose).bind(source).execute(&mut **tx).await?;
            });
        }
        tx.commit().await
    }

    /// Every source in service.
    pub async fn sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_as(LIST).fetch_all(pool).await?))
    }

    /// The last polls of a source, newest first; visits in a row that found nothing new are one.
    pub async fn polls(&self, source: &SourceId, limit: i64) -> Result<Vec<PastPoll>, StoreError> {
        Ok(
            on_read!(&self.db, pool => sqlx::query_as(POLLS).bind(source.as_str()).bind(limit).fetch_all(pool).await?),
        )
    }

    /// Which of `keys` the store knows for a source, with the fingerprint of what each said.
    pub async fn known_entries(
        &self,
        source: &SourceId,
        keys: &[String],
    ) -> Result<HashMap<String, String>, StoreError> {
        let keys = serde_json::Value::from(keys).to_string();
        let sql = KNOWN.of_db(&self.db);
        let rows: Vec<(String, String)> = on_read!(&self.db, pool => sqlx::query_as(sql).bind(source.as_str()).bind(keys).fetch_all(pool).await?);
        Ok(rows.into_iter().collect())
    }

    /// What a source listed last; empty where nothing is known.
    pub async fn listing(&self, source: &SourceId) -> Result<Vec<u8>, StoreError> {
        let found: Option<Vec<u8>> = on_read!(&self.db, pool => sqlx::query_scalar(LISTING).bind(source.as_str()).fetch_optional(pool).await?);
        Ok(found.unwrap_or_default())
    }

    /// Makes a source due now; whether there is one of that name.
    pub async fn make_due(&self, source: &SourceId, now: i64) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = on_tx!(&mut tx, tx =>
            sqlx::query(DUE_NOW).bind(now).bind(source.as_str()).execute(&mut **tx).await?.rows_affected());
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// When the next work is due (ms), if there is any; of one source where `only` is not empty.
    pub async fn next_due(&self, only: &str) -> Result<Option<i64>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_scalar(NEXT_DUE).bind(only).fetch_one(pool).await?))
    }

    /// How many sources are due and nobody works on them.
    pub async fn overdue(&self, now: i64) -> Result<i64, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_scalar(OVERDUE).bind(now).fetch_one(pool).await?))
    }
}
