//! Writing back what claimed work came to: one transaction for a batch, one savepoint for each
//! outcome, so that one failure costs its own work only. An outcome whose fence is old changes nothing.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};

use super::db::{Tx, on_tx};
use super::dialect::{Both, with_list};
use super::record::{
    DocumentRecord, EntryOutcome, EntryRecord, EntryResult, EntryState, HitRecord, Outcome, PollOutcome,
    PollResult,
};
use super::{Store, StoreError};
use crate::clock;
use crate::model::{DateDoubt, Finding, HitId, Origin, Reader, Severity, SourceId, Writer};
use crate::telemetry::point;

/// What became of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Written; these hits are new or changed.
    Stored {
        /// Their numbers and severities.
        hits: Vec<(HitId, Severity)>,
    },
    /// Somebody else has claimed the work since: nothing was written.
    Stale,
}

/// Visits that found nothing new, nearly all there are, in one go: source, fence, time, due time, pace, moves and
/// milliseconds of each. Names those that were still ours.
const CALM: Both = Both {
    sqlite: "UPDATE source SET lease_until = 0, next_due_at = v.due_at, last_polled_at = v.at,
  first_polled_at = COALESCE(first_polled_at, v.at), last_good_at = v.at, last_outcome = 'unchanged', last_detail = '',
  failures = 0, pace = v.pace, moving = v.moving, stopped_at = NULL, calm = calm + 1, calm_ms = v.took_ms
FROM (SELECT value ->> 0 AS source, value ->> 1 AS fence, value ->> 2 AS at, value ->> 3 AS due_at, value ->> 4 AS pace,
    value ->> 5 AS moving, value ->> 6 AS took_ms FROM json_each($1)) v
WHERE source.id = v.source AND source.fence = v.fence RETURNING source.id",
    postgres: "UPDATE source SET lease_until = 0, next_due_at = v.due_at, last_polled_at = v.at,
  first_polled_at = COALESCE(first_polled_at, v.at), last_good_at = v.at, last_outcome = 'unchanged', last_detail = '',
  failures = 0, pace = v.pace, moving = v.moving, stopped_at = NULL, calm = calm + 1, calm_ms = v.took_ms
FROM (SELECT value ->> 0 AS source, (value ->> 1)::bigint AS fence, (value ->> 2)::bigint AS at,
    (value ->> 3)::bigint AS due_at, value ->> 4 AS pace, value ->> 5 AS moving, (value ->> 6)::bigint AS took_ms
  FROM jsonb_array_elements($1::jsonb) AS visits (value)) v
WHERE source.id = v.source AND source.fence = v.fence RETURNING source.id",
};
/// What the calm before another outcome came to.
const END_CALM: &str = "INSERT INTO poll (source, at, outcome, detail, entries, hits, bytes, took_ms, times)
SELECT id, last_polled_at, 'unchanged', '', 0, 0, 0, calm_ms, calm FROM source WHERE id = $1 AND fence = $2 AND calm > 0";
const READ: &str = "UPDATE source SET lease_until = 0, next_due_at = $1, last_polled_at = $2,
  first_polled_at = COALESCE(first_polled_at, $2), last_good_at = $2, last_outcome = 'read', last_detail = $3, failures = 0,
  pace = $4, moving = $5, stopped_at = NULL, calm = 0, etag = $6, last_modified = $7, body_hash = $8, generation = $9,
  reader = $10, read_at = $2, repaired = $11, mended = CASE WHEN $11 = 0 THEN 0 ELSE mended + 1 END
WHERE id = $12 AND fence = $13 RETURNING first_polled_at";
/// A permanent redirect that was adopted, or given up again.
const MOVED: &str = "UPDATE source SET moved_to = $1, host = $2 WHERE id = $3";
/// The same bytes under other validators.
const VALIDATORS: &str = "UPDATE source SET etag = $1, last_modified = $2 WHERE id = $3";
const LIST_KEYS: &str = "INSERT INTO listing (source, keys) VALUES ($1, $2)
ON CONFLICT (source) DO UPDATE SET keys = excluded.keys";
const REMOVED: Both =
    with_list!("UPDATE entry SET gone_at = $1 WHERE source = $2 AND gone_at IS NULL AND key IN ", 3, "");
const FAILED: &str =
    "UPDATE source SET lease_until = 0, next_due_at = $1, last_polled_at = $2, last_outcome = $3,
  last_detail = $4, failures = failures + $5, moving = $6, stopped_at = $7, calm = 0
WHERE id = $8 AND fence = $9";
const LOG_POLL: &str = "INSERT INTO poll (source, at, outcome, detail, status, entries, hits, bytes, took_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// Of each source, the newest 50 outcomes are kept, and at most so many more until they are counted again.
const TRIM_EVERY: i64 = 16;
const TRIM_POLLS: &str = "DELETE FROM poll WHERE source = $1 AND id <= COALESCE(
  (SELECT id FROM poll WHERE source = $1 ORDER BY id DESC LIMIT 1 OFFSET 50), 0)";
/// A silence goes on until something new is said.
const CLOSE_GAP: &str =
    "UPDATE gap SET until_at = $1 WHERE source = $2 AND until_at IS NULL AND (reason <> 'silent' OR $3 = 0)";
/// What was silent and fails now is blind for another reason.
const END_SILENCE: &str =
    "UPDATE gap SET until_at = $1 WHERE source = $2 AND until_at IS NULL AND reason = 'silent'";
/// It answers, and yet it tells nothing: a gap from now on.
const FALL_SILENT: &str = "INSERT INTO gap (source, reason, from_at, opened_at, detail)
SELECT id, 'silent', $1, $1, $2 FROM source
WHERE id = $3 AND NOT EXISTS (SELECT 1 FROM gap WHERE source = $3 AND until_at IS NULL)";
/// Blind since it was last read, or since it should have been read first.
const OPEN_GAP: &str = "INSERT INTO gap (source, reason, from_at, opened_at)
SELECT id, $1, COALESCE(last_good_at, $2), $2 FROM source
WHERE id = $3 AND NOT EXISTS (SELECT 1 FROM gap WHERE source = $3 AND until_at IS NULL)";
/// A time in which nobody looked, though nothing failed.
const MISSED: &str = "INSERT INTO gap (source, reason, from_at, until_at)
SELECT id, 'not_running', $1, $2 FROM source WHERE id = $3 AND NOT EXISTS (
  SELECT 1 FROM gap WHERE source = $3 AND COALESCE(until_at, $2) > $1)";
/// What one source is told holds for its whole host.
const REST_HOST: &str =
    "UPDATE host SET next_at = $1 WHERE next_at < $1 AND name = (SELECT host FROM source WHERE id = $2)";

const UPSERT_ENTRY: &str = "INSERT INTO entry (source, key, content, state, first_seen_at, listed_at, backlog, sealed, key_id, host, due_at)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10)
ON CONFLICT (source, key) DO UPDATE SET content = excluded.content, state = excluded.state, backlog = excluded.backlog,
  listed_at = excluded.listed_at,
  sealed = excluded.sealed, key_id = excluded.key_id, host = excluded.host, due_at = excluded.due_at, attempts = 0,
  fence = entry.fence + 1, lease_until = 0, edited_at = CASE WHEN $11 = 1 THEN excluded.first_seen_at ELSE entry.edited_at END
RETURNING id, first_seen_at";
/// Entries that mention nobody, which nearly all do, in one go: key, content and backlog of each.
const UPSERT_PLAIN: Both = Both {
    sqlite: "INSERT INTO entry (source, key, content, state, first_seen_at, listed_at, backlog)
SELECT $1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), 'done', $2, $2, json_extract(value, '$[2]') FROM json_each($3) WHERE 1
ON CONFLICT (source, key) DO UPDATE SET content = excluded.content, state = excluded.state, backlog = excluded.backlog,
  listed_at = excluded.listed_at, sealed = NULL, key_id = NULL, host = NULL, due_at = NULL, attempts = 0,
  fence = entry.fence + 1, lease_until = 0",
    postgres: "INSERT INTO entry (source, key, content, state, first_seen_at, listed_at, backlog)
SELECT $1, plain ->> 0, plain ->> 1, 'done', $2, $2, (plain ->> 2)::bigint FROM jsonb_array_elements($3::jsonb) AS entries (plain)
ON CONFLICT (source, key) DO UPDATE SET content = excluded.content, state = excluded.state, backlog = excluded.backlog,
  listed_at = excluded.listed_at, sealed = NULL, key_id = NULL, host = NULL, due_at = NULL, attempts = 0,
  fence = entry.fence + 1, lease_until = 0",
};
/// An edit that took every name out: what once stood there stays known.
const NO_LONGER_SAID: &str = "UPDATE finding SET gone_at = $1 WHERE gone_at IS NULL
  AND hit IN (SELECT h.id FROM hit h JOIN document d ON h.document = d.id WHERE d.entry = $2)";
/// Entries that are listed still, noted once a day; or again.
const STILL_LISTED: Both = with_list!(
    "UPDATE entry SET listed_at = $1, gone_at = NULL WHERE source = $2
  AND (listed_at < $1 - 86400000 OR gone_at IS NOT NULL) AND key IN ",
    3,
    ""
);
const UPSERT_HOST: &str = "INSERT INTO host (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
const ENTRY_DONE: &str =
    "UPDATE entry SET state = $1, sealed = NULL, key_id = NULL, host = NULL, due_at = NULL, lease_until = 0, detail = $2
WHERE id = $3 AND fence = $4 AND state = 'waiting'
RETURNING first_seen_at, backlog, (SELECT first_polled_at FROM source WHERE source.id = entry.source)";
const ENTRY_RETRY: &str =
    "UPDATE entry SET due_at = $1, attempts = attempts + 1, lease_until = 0, detail = $2
WHERE id = $3 AND fence = $4 AND state = 'waiting'
RETURNING first_seen_at, backlog, (SELECT first_polled_at FROM source WHERE source.id = entry.source)";

const UPSERT_DOCUMENT: &str = "INSERT INTO document (entry, kind, url, linkable, title, published_at, doubt, first_seen_at, language,
  address_key, title_key, text_key, simhash, band0, band1, band2, band3, sealed, key_id, minhash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (entry) DO UPDATE SET url = excluded.url, linkable = excluded.linkable, title = excluded.title,
  language = excluded.language, text_key = excluded.text_key, title_key = excluded.title_key, simhash = excluded.simhash,
  band0 = excluded.band0, band1 = excluded.band1, band2 = excluded.band2, band3 = excluded.band3,
  minhash = excluded.minhash, sealed = excluded.sealed, key_id = excluded.key_id
RETURNING id";
const KNOWN_HIT: &str = "SELECT id, said FROM hit WHERE document = $1 AND organisation = $2";
const INSERT_HIT: &str = "INSERT INTO hit (document, organisation, source, story, at, day, severity, open_severity, backlog, restricted,
  leads, mentions, said, created_at, changed_at, withheld)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15) RETURNING id";
const UPDATE_HIT: &str =
    "UPDATE hit SET severity = $1, open_severity = $2, restricted = $3, mentions = $4, said = $5, version = version + $6,
  backlog = $7, changed_at = $8, withheld = $9 WHERE id = $10 RETURNING version";
const DROP_FINDINGS: Both = with_list!("DELETE FROM finding WHERE hit = $1 AND rule IN ", 2, "");
const FINDINGS_GONE: &str = "UPDATE finding SET gone_at = $1 WHERE hit = $2 AND gone_at IS NULL";
const KEPT_FINDINGS: &str = "SELECT severity, restricted FROM finding WHERE hit = $1";
const INSERT_FINDING: &str =
    "INSERT INTO finding (hit, category, rule, rule_version, severity, score, clauses, binds, origin, child,
  writer, at_risk, restricted, spans, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
pub(super) const ENQUEUE: &str = "INSERT INTO outbox (hit, version, created_at) VALUES ($1, $2, $3)
ON CONFLICT (hit) DO UPDATE SET version = excluded.version";
const COUNT_WITHHELD: &str = "INSERT INTO tally (day, organisation, scope, category, severity, origin, source, status, rule, hits, stories)
VALUES ($1, $2, 'withheld', 'employee_conduct', 'info', '', '', '', '', $3, 0)
ON CONFLICT (day, organisation, scope, category, severity, origin, source, status, rule) DO UPDATE SET hits = tally.hits + excluded.hits";

/// A source's dates are believed back to this long before its first poll (days).
const TRUSTED_BACK_DAYS: i64 = 90;

/// Where a document comes from, as its hits need it.
struct Provenance<'a> {
    source: &'a str,
    entry: i64,
    now: i64,
    first_seen_at: i64,
    first_polled_at: i64,
    backlog: bool,
}

impl Store {
    /// Writes outcomes back in one transaction, in order.
    ///
    /// # Errors
    /// When the transaction as a whole fails: then nothing of it was written. The failure of a single
    /// outcome is in its own place.
    pub async fn commit(
        &self,
        outcomes: &[Outcome],
    ) -> Result<Vec<Result<Committed, StoreError>>, StoreError> {
        let calm: Vec<&PollOutcome> = outcomes.iter().filter_map(Outcome::calm).collect();
        let mut tx = self.db.begin().await?;
        let Ok(ours) = commit_calm(&mut tx, &calm).await else {
            drop(tx);
            return self.commit_apart(outcomes).await;
        };
        let mut results = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            if let Some(poll) = outcome.calm() {
                results.push(Ok(committed(&ours, poll)));
                continue;
            }
            let Ok(committed) = self.commit_one(&mut tx, outcome).await else {
                drop(tx);
                return self.commit_apart(outcomes).await;
            };
            // What is stale has written nothing: the fence is asked first.
            results.push(Ok(committed));
        }
        commit(tx).await?;
        Ok(results)
    }

    /// The same with a savepoint for each, where one of them fails: its failure costs its own work only.
    async fn commit_apart(
        &self,
        outcomes: &[Outcome],
    ) -> Result<Vec<Result<Committed, StoreError>>, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut results = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            tx.run("SAVEPOINT outcome").await?;
            let result = self.commit_one(&mut tx, outcome).await;
            if result.is_err() {
                tx.run("ROLLBACK TO SAVEPOINT outcome").await?;
            }
            tx.run("RELEASE SAVEPOINT outcome").await?;
            results.push(result);
        }
        commit(tx).await?;
        Ok(results)
    }

    async fn commit_one(&self, tx: &mut Tx, outcome: &Outcome) -> Result<Committed, StoreError> {
        match outcome {
            Outcome::Poll(poll) => self.commit_poll(tx, poll).await,
            Outcome::Entry(entry) => self.commit_entry(tx, entry).await,
        }
    }

    async fn commit_poll(&self, tx: &mut Tx, poll: &PollOutcome) -> Result<Committed, StoreError> {
        let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
        let first_polled_at = match &poll.result {
            PollResult::Failed { .. } => return commit_failed(tx, poll).await,
            PollResult::Unchanged { .. } => {
                let ours = commit_calm(tx, &[poll]).await?;
                ours.contains(source).then_some(at)
            }
            PollResult::Read { .. } => commit_read(tx, poll).await?,
        };
        let Some(first_polled_at) = first_polled_at else { return Ok(Committed::Stale) };
        note_move(tx, poll).await?;
        if let Some(since) = poll.late_since {
            on_tx!(&mut *tx, tx => {
                sqlx::query(MISSED).bind(since.timestamp_millis()).bind(at).bind(source).execute(&mut **tx).await?;
            });
        }
        if poll.was_blind {
            on_tx!(&mut *tx, tx => {
                sqlx::query(CLOSE_GAP).bind(at).bind(source).bind(i64::from(poll.silence.is_some())).execute(&mut **tx).await?;
            });
        }
        if let Some(silence) = &poll.silence {
            on_tx!(&mut *tx, tx => {
                sqlx::query(FALL_SILENT).bind(at).bind(silence).bind(source).execute(&mut **tx).await?;
            });
        }
        if let PollResult::Unchanged { validators: Some((etag, last_modified)) } = &poll.result {
            on_tx!(&mut *tx, tx => {
                sqlx::query(VALIDATORS).bind(etag).bind(last_modified).bind(source).execute(&mut **tx).await?;
            });
        }
        let PollResult::Read { bytes, reader, entries, listed, listing, removed, .. } = &poll.result else {
            return Ok(Committed::Stored { hits: Vec::new() });
        };
        on_tx!(&mut *tx, tx => {
            sqlx::query(LIST_KEYS).bind(source).bind(listing).execute(&mut **tx).await?;
        });
        if !removed.is_empty() {
            let keys = serde_json::Value::from(removed.as_slice()).to_string();
            let sql = REMOVED.of_tx(tx);
            on_tx!(&mut *tx, tx => {
                sqlx::query(sql).bind(at).bind(source).bind(keys).execute(&mut **tx).await?;
            });
        }
        let keys = serde_json::Value::from(listed.as_slice()).to_string();
        let still_listed = STILL_LISTED.of_tx(tx);
        on_tx!(&mut *tx, tx => {
            sqlx::query(still_listed).bind(at).bind(source).bind(keys).execute(&mut **tx).await?;
        });
        let is_plain = |entry: &&EntryRecord| matches!(entry.state, EntryState::Done(None)) && !entry.edited;
        let (plain, others): (Vec<&EntryRecord>, Vec<&EntryRecord>) = entries.iter().partition(is_plain);
        commit_plain(tx, source, at, &plain).await?;
        let mut hits = Vec::new();
        for entry in others {
            hits.extend(self.commit_listed(tx, (&poll.source, poll.at), entry, first_polled_at).await?);
        }
        let counts = (entries.len(), hits.len(), *bytes);
        log_poll(tx, poll, ("read", &read_detail(listed.len(), *reader)), None, counts).await?;
        Ok(Committed::Stored { hits })
    }

    /// One new or changed entry of a poll.
    async fn commit_listed(
        &self,
        tx: &mut Tx,
        (listed_by, at): (&SourceId, DateTime<Utc>),
        entry: &EntryRecord,
        first_polled_at: i64,
    ) -> Result<Vec<(HitId, Severity)>, StoreError> {
        let at = at.timestamp_millis();
        let (state, sealed, host, due) = match &entry.state {
            EntryState::Done(_) => ("done", None, None, None),
            EntryState::Waiting { payload, host, due_at } => (
                "waiting",
                Some(self.key.seal("entry", payload)?),
                Some(host),
                Some(due_at.timestamp_millis()),
            ),
        };
        let key_id = sealed.is_some().then(|| self.key.id());
        let (id, first_seen_at): (i64, i64) = on_tx!(&mut *tx, tx => {
            if let Some(host) = host {
                sqlx::query(UPSERT_HOST).bind(host).execute(&mut **tx).await?;
            }
            sqlx::query_as(UPSERT_ENTRY)
                .bind(listed_by.as_str()).bind(&entry.key).bind(&entry.content).bind(state).bind(at)
                .bind(i64::from(entry.backlog)).bind(sealed).bind(key_id).bind(host).bind(due).bind(i64::from(entry.edited))
                .fetch_one(&mut **tx).await?
        });
        let EntryState::Done(Some(document)) = &entry.state else {
            if entry.edited && matches!(entry.state, EntryState::Done(None)) {
                on_tx!(&mut *tx, tx => {
                    sqlx::query(NO_LONGER_SAID).bind(at).bind(id).execute(&mut **tx).await?;
                });
            }
            return Ok(Vec::new());
        };
        let from = Provenance {
            source: listed_by.as_str(),
            entry: id,
            now: at,
            first_seen_at,
            first_polled_at,
            backlog: entry.backlog,
        };
        self.commit_document(tx, document, &from).await
    }

    async fn commit_entry(&self, tx: &mut Tx, outcome: &EntryOutcome) -> Result<Committed, StoreError> {
        let at = outcome.at.timestamp_millis();
        let (state, detail, retry_at) = match &outcome.result {
            EntryResult::Done(_) => ("done", "", None),
            EntryResult::Gone => ("gone", "", None),
            EntryResult::Failed { detail } => ("failed", detail.as_str(), None),
            EntryResult::Retry { at, detail } => ("waiting", detail.as_str(), Some(at.timestamp_millis())),
        };
        let row: Option<(i64, i64, Option<i64>)> = on_tx!(&mut *tx, tx => match retry_at {
            Some(due) => sqlx::query_as(ENTRY_RETRY).bind(due).bind(detail).bind(outcome.entry.0).bind(outcome.fence)
                .fetch_optional(&mut **tx).await?,
            None => sqlx::query_as(ENTRY_DONE).bind(state).bind(detail).bind(outcome.entry.0).bind(outcome.fence)
                .fetch_optional(&mut **tx).await?,
        });
        let Some((first_seen_at, backlog, first)) = row else { return Ok(Committed::Stale) };
        let source = outcome.source.as_str();
        let mut hits = Vec::new();
        for comment in &outcome.comments {
            let comment = EntryRecord { backlog: comment.backlog || backlog != 0, ..comment.clone() };
            let listed = (&outcome.source, outcome.at);
            hits.extend(self.commit_listed(tx, listed, &comment, first.unwrap_or(at)).await?);
        }
        let EntryResult::Done(Some(document)) = &outcome.result else {
            return Ok(Committed::Stored { hits });
        };
        let from = Provenance {
            source,
            entry: outcome.entry.0,
            now: at,
            first_seen_at,
            first_polled_at: first.unwrap_or(at),
            backlog: backlog != 0,
        };
        hits.extend(self.commit_document(tx, document, &from).await?);
        Ok(Committed::Stored { hits })
    }

    async fn commit_document(
        &self,
        tx: &mut Tx,
        document: &DocumentRecord,
        from: &Provenance<'_>,
    ) -> Result<Vec<(HitId, Severity)>, StoreError> {
        let sealed = self.key.seal("document", &document.clear)?;
        let id: i64 = on_tx!(&mut *tx, tx => sqlx::query_scalar(UPSERT_DOCUMENT)
            .bind(from.entry).bind(document.kind.as_str()).bind(document.url.text.as_str())
            .bind(i64::from(document.url.linkable)).bind(document.title.as_str())
            .bind(document.published.map(|at| at.timestamp_millis())).bind(document.doubt.map(DateDoubt::as_str))
            .bind(from.first_seen_at).bind(&document.language)
            .bind(&document.address_key).bind(&document.title_key).bind(&document.text_key)
            .bind(document.simhash.cast_signed())
            .bind(i64::from(document.bands[0])).bind(i64::from(document.bands[1]))
            .bind(i64::from(document.bands[2])).bind(i64::from(document.bands[3]))
            .bind(sealed).bind(self.key.id()).bind(&document.minhash)
            .fetch_one(&mut **tx).await?);
        super::story::keep_bands(tx, document, id).await?;
        let mut stored = Vec::new();
        for hit in &document.hits {
            stored.extend(commit_hit(tx, id, document, hit, from).await?);
        }
        Ok(stored)
    }
}

/// Visits that found nothing new; which of their sources were still ours.
async fn commit_calm(tx: &mut Tx, polls: &[&PollOutcome]) -> Result<HashSet<String>, StoreError> {
    if polls.is_empty() {
        return Ok(HashSet::new());
    }
    let visits = polls.iter().map(|poll| {
        serde_json::json!([
            poll.source.as_str(),
            poll.fence,
            poll.at.timestamp_millis(),
            poll.next_due_at.timestamp_millis(),
            poll.shown.pace,
            poll.shown.moving,
            poll.took_ms,
        ])
    });
    let visits = visits.collect::<serde_json::Value>().to_string();
    let sql = CALM.of_tx(tx);
    let ours: Vec<String> =
        on_tx!(tx, tx => sqlx::query_scalar(sql).bind(visits).fetch_all(&mut **tx).await?);
    Ok(ours.into_iter().collect())
}

/// What became of one of them.
fn committed(ours: &HashSet<String>, poll: &PollOutcome) -> Committed {
    if ours.contains(poll.source.as_str()) {
        Committed::Stored { hits: Vec::new() }
    } else {
        Committed::Stale
    }
}

/// A body that was read; when its source was polled for the first time, where it was still ours.
async fn commit_read(tx: &mut Tx, poll: &PollOutcome) -> Result<Option<i64>, StoreError> {
    let PollResult::Read { etag, last_modified, body_hash, generation, reader, listed, .. } = &poll.result
    else {
        return Ok(None);
    };
    end_calm(tx, poll).await?;
    Ok(on_tx!(tx, tx => sqlx::query_scalar(READ)
        .bind(poll.next_due_at.timestamp_millis()).bind(poll.at.timestamp_millis()).bind(read_detail(listed.len(), *reader))
        .bind(&poll.shown.pace).bind(&poll.shown.moving).bind(etag).bind(last_modified).bind(body_hash).bind(generation)
        .bind(reader.as_str()).bind(i64::from(*reader != Reader::Strict)).bind(poll.source.as_str()).bind(poll.fence)
        .fetch_optional(&mut **tx).await?))
}

fn read_detail(listed: usize, reader: Reader) -> String {
    format!("{listed} entries{}", reader.remark())
}

/// Writes down the visits without news that came before this one.
async fn end_calm(tx: &mut Tx, poll: &PollOutcome) -> Result<(), StoreError> {
    if poll.was_calm {
        on_tx!(tx, tx => {
            sqlx::query(END_CALM).bind(poll.source.as_str()).bind(poll.fence).execute(&mut **tx).await?;
        });
    }
    Ok(())
}

/// A visit that brought nothing.
async fn commit_failed(tx: &mut Tx, poll: &PollOutcome) -> Result<Committed, StoreError> {
    let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
    let PollResult::Failed { reason, detail, status, weight, stay_away_until } = &poll.result else {
        return Ok(Committed::Stale);
    };
    end_calm(tx, poll).await?;
    let changed = on_tx!(&mut *tx, tx => sqlx::query(FAILED)
        .bind(poll.next_due_at.timestamp_millis()).bind(at).bind(*reason).bind(detail).bind(*weight)
        .bind(&poll.shown.moving).bind(poll.shown.stopped.then_some(at))
        .bind(source).bind(poll.fence).execute(&mut **tx).await?.rows_affected());
    if changed == 0 {
        return Ok(Committed::Stale);
    }
    note_move(tx, poll).await?;
    on_tx!(&mut *tx, tx => {
        sqlx::query(END_SILENCE).bind(at).bind(source).execute(&mut **tx).await?;
        sqlx::query(OPEN_GAP).bind(*reason).bind(at).bind(source).execute(&mut **tx).await?;
    });
    if let Some(until) = stay_away_until {
        on_tx!(&mut *tx, tx => {
            sqlx::query(REST_HOST).bind(until.timestamp_millis()).bind(source).execute(&mut **tx).await?;
        });
    }
    log_poll(tx, poll, (reason, detail), *status, (0, 0, 0)).await?;
    Ok(Committed::Stored { hits: Vec::new() })
}

/// Entries that mention nobody. Each key stands there once: no two rows of one statement may meet.
async fn commit_plain(
    tx: &mut Tx,
    source: &str,
    at: i64,
    entries: &[&EntryRecord],
) -> Result<(), StoreError> {
    let mut rows: BTreeMap<&str, serde_json::Value> = BTreeMap::new();
    for entry in entries {
        rows.insert(&entry.key, serde_json::json!([entry.key, entry.content, i64::from(entry.backlog)]));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_values().collect::<serde_json::Value>().to_string();
    let sql = UPSERT_PLAIN.of_tx(tx);
    on_tx!(tx, tx => {
        sqlx::query(sql).bind(source).bind(at).bind(rows).execute(&mut **tx).await?;
    });
    Ok(())
}

async fn commit(tx: Tx) -> Result<(), StoreError> {
    point("commit.before");
    tx.commit().await?;
    point("commit.after");
    Ok(())
}

/// A hit: new, or changed by an edit. One that says the same as before is not told again.
async fn commit_hit(
    tx: &mut Tx,
    document_id: i64,
    document: &DocumentRecord,
    hit: &HitRecord,
    from: &Provenance<'_>,
) -> Result<Option<(HitId, Severity)>, StoreError> {
    let open = hit.findings.iter().filter(|finding| !finding.category.is_restricted());
    let open = open.map(|finding| finding.severity).max().unwrap_or(Severity::Info);
    let restricted = i64::from(hit.findings.iter().any(|finding| finding.category.is_restricted()));
    let mentions = serde_json::to_string(&hit.mentions).unwrap_or_else(|_| "[]".to_owned());
    let organisation = hit.organisation.as_str();
    let said = serde_json::Value::from(hit.said.as_slice()).to_string();
    let known: Option<(i64, String)> = on_tx!(&mut *tx, tx =>
        sqlx::query_as(KNOWN_HIT).bind(document_id).bind(organisation).fetch_optional(&mut **tx).await?);
    let (id, version) = if let Some((id, before)) = known {
        // Where things stand is written anew in any case; people are told where something was added.
        let mut known_said: Vec<String> = super::hit::read_json(&before, "said")?;
        let news: Vec<String> = hit.said.iter().filter(|said| !known_said.contains(said)).cloned().collect();
        let is_news = !news.is_empty();
        known_said.extend(news);
        // What was exposed once stays known, and as grave as it was: a figure that was printed stays true.
        let kept = keep_vanished(tx, id, &hit.findings, from.now).await?;
        let severity =
            kept.iter().map(|(severity, _)| *severity).max().unwrap_or(Severity::Info).max(hit.severity);
        let open = kept
            .iter()
            .filter(|(_, is_open)| *is_open)
            .map(|(severity, _)| *severity)
            .max()
            .map_or(open, |kept| kept.max(open));
        let restricted = restricted.max(i64::from(kept.iter().any(|(_, is_open)| !is_open)));
        let said = serde_json::Value::from(known_said).to_string();
        let version: i64 = on_tx!(&mut *tx, tx => sqlx::query_scalar(UPDATE_HIT)
            .bind(severity.as_str()).bind(open.as_str()).bind(restricted).bind(&mentions)
            .bind(&said).bind(i64::from(is_news)).bind(i64::from(from.backlog)).bind(from.now)
            .bind(i64::from(hit.withheld > 0 && hit.findings.is_empty() && kept.is_empty())).bind(id)
            .fetch_one(&mut **tx).await?);
        if !is_news {
            for finding in &hit.findings {
                insert_finding(tx, id, finding).await?;
            }
            return Ok(None);
        }
        (id, version)
    } else {
        let at = trusted_time(document, from);
        let day = clock::london_day(clock::from_ms(at)).to_string();
        let (story, leads) = super::story::place(tx, organisation, document, document_id, at).await?;
        let id: i64 = on_tx!(&mut *tx, tx => sqlx::query_scalar(INSERT_HIT)
                .bind(document_id).bind(organisation).bind(from.source).bind(story).bind(at).bind(&day)
                .bind(hit.severity.as_str()).bind(open.as_str()).bind(i64::from(from.backlog)).bind(restricted)
                .bind(i64::from(leads)).bind(&mentions).bind(&said).bind(from.now)
                .bind(i64::from(hit.withheld > 0 && hit.findings.is_empty()))
                .fetch_one(&mut **tx).await?);
        if hit.withheld > 0 {
            on_tx!(&mut *tx, tx => {
                sqlx::query(COUNT_WITHHELD).bind(&day).bind(organisation).bind(hit.withheld).execute(&mut **tx).await?;
            });
        }
        (id, 1)
    };
    for finding in &hit.findings {
        insert_finding(tx, id, finding).await?;
    }
    on_tx!(&mut *tx, tx => {
        sqlx::query(ENQUEUE).bind(id).bind(version).bind(from.now).execute(&mut **tx).await?;
    });
    Ok(Some((HitId(id), hit.severity)))
}

/// Makes room for the findings of an edited document: those of the same rules are written anew, the others
/// stay as what once stood there. Severity and openness of those that stay.
async fn keep_vanished(
    tx: &mut Tx,
    hit: i64,
    findings: &[Finding],
    now: i64,
) -> Result<Vec<(Severity, bool)>, StoreError> {
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    let rules = serde_json::Value::from(rules).to_string();
    let drop = DROP_FINDINGS.of_tx(tx);
    let kept: Vec<(String, i64)> = on_tx!(tx, tx => {
        sqlx::query(drop).bind(hit).bind(rules).execute(&mut **tx).await?;
        sqlx::query(FINDINGS_GONE).bind(now).bind(hit).execute(&mut **tx).await?;
        sqlx::query_as(KEPT_FINDINGS).bind(hit).fetch_all(&mut **tx).await?
    });
    let read = kept.into_iter().map(|(severity, restricted)| Ok((severity.parse()?, restricted == 0)));
    read.collect::<Result<_, String>>().map_err(StoreError::Inconsistent)
}

pub(super) async fn insert_finding(tx: &mut Tx, hit: i64, finding: &Finding) -> Result<(), StoreError> {
    let clauses = serde_json::Value::from(finding.clauses.clone()).to_string();
    let spans = serde_json::to_string(&finding.spans).unwrap_or_else(|_| "[]".to_owned());
    on_tx!(tx, tx => {
        sqlx::query(INSERT_FINDING)
            .bind(hit).bind(finding.category.as_str()).bind(&finding.rule).bind(i64::from(finding.rule_version))
            .bind(finding.severity.as_str()).bind(finding.score).bind(clauses).bind(finding.binds.as_str())
            .bind(finding.origin.map(Origin::as_str)).bind(i64::from(finding.child))
            .bind(finding.writer.map(Writer::as_str)).bind(finding.at_risk.map(i64::from))
            .bind(i64::from(finding.category.is_restricted())).bind(spans).bind(&finding.reason)
            .execute(&mut **tx).await?;
    });
    Ok(())
}

/// Published time where the source's dates can be trusted, else when it was first seen.
fn trusted_time(document: &DocumentRecord, from: &Provenance<'_>) -> i64 {
    let oldest = from.first_polled_at - TRUSTED_BACK_DAYS * 86_400_000;
    let trusted = document.published.filter(|_| document.doubt.is_none()).map(|at| at.timestamp_millis());
    trusted.filter(|at| (oldest..=from.now).contains(at)).unwrap_or(from.first_seen_at)
}

/// Where the source is asked from now on, if that changed.
async fn note_move(tx: &mut Tx, poll: &PollOutcome) -> Result<(), StoreError> {
    let Some(moved) = &poll.shown.moved else { return Ok(()) };
    on_tx!(tx, tx => {
        sqlx::query(UPSERT_HOST).bind(&moved.host).execute(&mut **tx).await?;
        sqlx::query(MOVED).bind(&moved.to).bind(&moved.host).bind(poll.source.as_str()).execute(&mut **tx).await?;
    });
    Ok(())
}

async fn log_poll(
    tx: &mut Tx,
    poll: &PollOutcome,
    (outcome, detail): (&str, &str),
    status: Option<u16>,
    (entries, hits, bytes): (usize, usize, i64),
) -> Result<(), StoreError> {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    on_tx!(tx, tx => {
        sqlx::query(LOG_POLL)
            .bind(poll.source.as_str()).bind(poll.at.timestamp_millis()).bind(outcome).bind(detail).bind(status.map(i64::from))
            .bind(count(entries)).bind(count(hits)).bind(bytes).bind(poll.took_ms)
            .execute(&mut **tx).await?;
        if poll.fence % TRIM_EVERY == 0 {
            sqlx::query(TRIM_POLLS).bind(poll.source.as_str()).execute(&mut **tx).await?;
        }
    });
    Ok(())
}
