//! Writing back visits to sources: what each came to, how the source stands, what it still lists. Visits of one commit
//! are written together, a statement for all of a kind: with SQLite each statement goes to another thread and back.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::StoreError;
use super::db::{Tx, on_tx};
use super::dialect::{Both, with_list};
use super::record::{EntryRecord, PollOutcome, PollResult};
use crate::model::{Reader, counted};
use crate::secret;

/// Visits that found nothing new, nearly all there are: source, fence, time, due time, pace, moves and
/// milliseconds of each. Names those that were still ours.
const CALM: Both = Both {
    sqlite: "UPDATE source SET lease_until = 0, next_due_at = v.due_at, last_polled_at = v.at,
  first_polled_at = COALESCE(first_polled_at, v.at), last_good_at = v.at, last_outcome = 'unchanged', last_detail = '',
  failures = 0, pace = v.pace, moving = v.moving, stopped_at = NULL, calm = calm + 1, calm_ms = v.took_ms
FROM (SELECT value ->> 0 AS source, value ->> 1 AS fence, value ->> 2 AS at, value ->> 3 AS due_at, value ->> 4 AS pace,
    value ->> 5 AS moving, value ->> 6 AS took_ms FROM json_each($1)) v
WHERE source.id = v.source AND source.fence = v.fence RETURNING source.id, source.fence, source.first_polled_at",
    postgres: "UPDATE source SET lease_until = 0, next_due_at = v.due_at, last_polled_at = v.at,
  first_polled_at = COALESCE(first_polled_at, v.at), last_good_at = v.at, last_outcome = 'unchanged', last_detail = '',
  failures = 0, pace = v.pace, moving = v.moving, stopped_at = NULL, calm = calm + 1, calm_ms = v.took_ms
FROM (SELECT value ->> 0 AS source, (value ->> 1)::bigint AS fence, (value ->> 2)::bigint AS at,
    (value ->> 3)::bigint AS due_at, value ->> 4 AS pace, value ->> 5 AS moving, (value ->> 6)::bigint AS took_ms
  FROM jsonb_array_elements($1::jsonb) AS visits (value)) v
WHERE source.id = v.source AND source.fence = v.fence RETURNING source.id, source.fence, source.first_polled_at",
};
/// What the calm before these visits came to: source and fence of each.
const END_CALM: Both = Both {
    sqlite: "INSERT INTO poll (source, at, outcome, detail, entries, hits, bytes, took_ms, times)
SELECT s.id, s.last_polled_at, 'unchanged', '', 0, 0, 0, s.calm_ms, s.calm FROM json_each($1) v CROSS JOIN source s
WHERE s.id = v.value ->> 0 AND s.fence = v.value ->> 1 AND s.calm > 0",
    postgres: "INSERT INTO poll (source, at, outcome, detail, entries, hits, bytes, took_ms, times)
SELECT s.id, s.last_polled_at, 'unchanged', '', 0, 0, 0, s.calm_ms, s.calm
FROM jsonb_array_elements($1::jsonb) AS v (value) JOIN source s ON s.id = v.value ->> 0 AND s.fence = (v.value ->> 1)::bigint
WHERE s.calm > 0 FOR UPDATE OF s",
};
/// Bodies that were read: source, fence, time, due time, pace, moves, detail, both validators, fingerprint, generation,
/// reader, and 1 where it had to be repaired.
const READ: Both = Both {
    sqlite: "UPDATE source SET lease_until = 0, next_due_at = v.due_at, last_polled_at = v.at,
  first_polled_at = COALESCE(first_polled_at, v.at), last_good_at = v.at, last_outcome = 'read', last_detail = v.detail,
  failures = 0, pace = v.pace, moving = v.moving, stopped_at = NULL, calm = 0, etag = v.etag,
  last_modified = v.last_modified, body_hash = v.body_hash, generation = v.generation, reader = v.reader, read_at = v.at,
  repaired = v.repaired, mended = CASE WHEN v.repaired = 0 THEN 0 ELSE mended + 1 END
FROM (SELECT value ->> 0 AS source, value ->> 1 AS fence, value ->> 2 AS at, value ->> 3 AS due_at, value ->> 4 AS pace,
    value ->> 5 AS moving, value ->> 6 AS detail, value ->> 7 AS etag, value ->> 8 AS last_modified,
    value ->> 9 AS body_hash, value ->> 10 AS generation, value ->> 11 AS reader, value ->> 12 AS repaired
  FROM json_each($1)) v
WHERE source.id = v.source AND source.fence = v.fence RETURNING source.id, source.fence, source.first_polled_at",
    postgres: "UPDATE source SET lease_until = 0, next_due_at = v.due_at, last_polled_at = v.at,
  first_polled_at = COALESCE(first_polled_at, v.at), last_good_at = v.at, last_outcome = 'read', last_detail = v.detail,
  failures = 0, pace = v.pace, moving = v.moving, stopped_at = NULL, calm = 0, etag = v.etag,
  last_modified = v.last_modified, body_hash = v.body_hash, generation = v.generation, reader = v.reader, read_at = v.at,
  repaired = v.repaired, mended = CASE WHEN v.repaired = 0 THEN 0 ELSE mended + 1 END
FROM (SELECT value ->> 0 AS source, (value ->> 1)::bigint AS fence, (value ->> 2)::bigint AS at,
    (value ->> 3)::bigint AS due_at, value ->> 4 AS pace, value ->> 5 AS moving, value ->> 6 AS detail,
    value ->> 7 AS etag, value ->> 8 AS last_modified, value ->> 9 AS body_hash, value ->> 10 AS generation,
    value ->> 11 AS reader, (value ->> 12)::bigint AS repaired
  FROM jsonb_array_elements($1::jsonb) AS visits (value)) v
WHERE source.id = v.source AND source.fence = v.fence RETURNING source.id, source.fence, source.first_polled_at",
};
/// A permanent redirect that was adopted, or given up again.
const MOVED: &str = "UPDATE source SET moved_to = $1, host = $2 WHERE id = $3";
/// The same bytes under other validators.
const VALIDATORS: &str = "UPDATE source SET etag = $1, last_modified = $2 WHERE id = $3";
/// What each lists: source and the list in hexadecimal digits.
const LIST_KEYS: Both = Both {
    sqlite:
        "INSERT INTO listing (source, keys) SELECT value ->> 0, unhex(value ->> 1) FROM json_each($1) WHERE 1
ON CONFLICT (source) DO UPDATE SET keys = excluded.keys",
    postgres: "INSERT INTO listing (source, keys)
SELECT value ->> 0, decode(value ->> 1, 'hex') FROM jsonb_array_elements($1::jsonb) AS visits (value)
ON CONFLICT (source) DO UPDATE SET keys = excluded.keys",
};
const REMOVED: Both =
    with_list!("UPDATE entry SET gone_at = $1 WHERE source = $2 AND gone_at IS NULL AND key IN ", 3, "");
/// Entries that are listed still, noted once a day; or again. Source and keys of each visit.
const STILL_LISTED: Both = Both {
    sqlite: "UPDATE entry SET listed_at = $1, gone_at = NULL WHERE id IN (
  SELECT e.id FROM json_each($2) v CROSS JOIN json_each(v.value, '$[1]') k CROSS JOIN entry e
  WHERE e.source = v.value ->> 0 AND e.key = k.value AND (e.listed_at < $1 - 86400000 OR e.gone_at IS NOT NULL))",
    // Row by row through the index: the planner would rather read the whole table than believe that the list is short.
    postgres: "UPDATE entry SET listed_at = $1, gone_at = NULL WHERE id IN (
  SELECT e.id FROM jsonb_array_elements($2::jsonb) AS v (value)
  CROSS JOIN LATERAL jsonb_array_elements_text(v.value -> 1) AS k (key)
  CROSS JOIN LATERAL (SELECT id FROM entry WHERE source = v.value ->> 0 AND entry.key = k.key
    AND (listed_at < $1 - 86400000 OR gone_at IS NOT NULL) OFFSET 0) e)",
};
/// Entries that mention nobody, which nearly all do: source, time, key, content and backlog of each.
const UPSERT_PLAIN: Both = Both {
    sqlite: "INSERT INTO entry (source, key, content, state, first_seen_at, listed_at, backlog)
SELECT value ->> 0, value ->> 2, value ->> 3, 'done', value ->> 1, value ->> 1, value ->> 4 FROM json_each($1) WHERE 1
ON CONFLICT (source, key) DO UPDATE SET content = excluded.content, state = excluded.state, backlog = excluded.backlog,
  listed_at = excluded.listed_at, sealed = NULL, key_id = NULL, host = NULL, due_at = NULL, attempts = 0,
  fence = entry.fence + 1, lease_until = 0",
    postgres: "INSERT INTO entry (source, key, content, state, first_seen_at, listed_at, backlog)
SELECT value ->> 0, value ->> 2, value ->> 3, 'done', (value ->> 1)::bigint, (value ->> 1)::bigint, (value ->> 4)::bigint
FROM jsonb_array_elements($1::jsonb) AS entries (value)
ON CONFLICT (source, key) DO UPDATE SET content = excluded.content, state = excluded.state, backlog = excluded.backlog,
  listed_at = excluded.listed_at, sealed = NULL, key_id = NULL, host = NULL, due_at = NULL, attempts = 0,
  fence = entry.fence + 1, lease_until = 0",
};
const FAILED: &str =
    "UPDATE source SET lease_until = 0, next_due_at = $1, last_polled_at = $2, last_outcome = $3,
  last_detail = $4, failures = failures + $5, moving = $6, stopped_at = $7, calm = 0
WHERE id = $8 AND fence = $9";
const LOG_FAILED: &str =
    "INSERT INTO poll (source, at, outcome, detail, status, entries, hits, bytes, took_ms)
VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6)";
/// Source, time, detail, entries, hits, bytes and milliseconds of each.
const LOG_READ: Both = Both {
    sqlite: "INSERT INTO poll (source, at, outcome, detail, entries, hits, bytes, took_ms)
SELECT value ->> 0, value ->> 1, 'read', value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each($1)",
    postgres: "INSERT INTO poll (source, at, outcome, detail, entries, hits, bytes, took_ms)
SELECT value ->> 0, (value ->> 1)::bigint, 'read', value ->> 2, (value ->> 3)::bigint, (value ->> 4)::bigint,
  (value ->> 5)::bigint, (value ->> 6)::bigint FROM jsonb_array_elements($1::jsonb) AS visits (value)",
};
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

pub(super) const UPSERT_HOST: &str = "INSERT INTO host (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";

/// The visits that were still ours when they were written: of each, when its source was polled for the first time (ms).
pub(super) struct Ours(HashMap<(String, i64), i64>);

impl Ours {
    pub(super) fn first_polled_at(&self, poll: &PollOutcome) -> Option<i64> {
        self.0.get(&(poll.source.as_str().to_owned(), poll.fence)).copied()
    }
}

/// Writes visits down, all but the entries that are more than a key and a fingerprint.
pub(super) async fn write(tx: &mut Tx, polls: &[&PollOutcome]) -> Result<Ours, StoreError> {
    let is_calm = |poll: &PollOutcome| matches!(poll.result, PollResult::Unchanged { .. });
    let is_read = |poll: &PollOutcome| matches!(poll.result, PollResult::Read { .. });
    let (calm, others): (Vec<&PollOutcome>, Vec<&PollOutcome>) = polls.iter().partition(|poll| is_calm(poll));
    let (read, failed): (Vec<&PollOutcome>, Vec<&PollOutcome>) =
        others.iter().partition(|poll| is_read(poll));
    let after_calm = others.iter().filter(|poll| poll.was_calm);
    list(tx, END_CALM, after_calm.map(|poll| json!([poll.source.as_str(), poll.fence]))).await?;
    let mut ours = Ours(HashMap::new());
    ours.add(tx, CALM, calm.iter().map(|poll| json_of(poll))).await?;
    ours.add(tx, READ, read.iter().map(|poll| json_of(poll))).await?;
    for poll in failed {
        if write_failed(tx, poll).await? {
            ours.0.insert((poll.source.as_str().to_owned(), poll.fence), poll.at.timestamp_millis());
        }
    }
    let still_ours = |poll: &&&PollOutcome| ours.first_polled_at(poll).is_some();
    for poll in calm.iter().chain(&read).filter(still_ours) {
        write_standing(tx, poll).await?;
    }
    let read: Vec<&PollOutcome> = read.iter().filter(still_ours).copied().collect();
    write_listed(tx, &read).await?;
    Ok(ours)
}

impl Ours {
    /// Writes rows down, and notes those that were still ours.
    async fn add(
        &mut self,
        tx: &mut Tx,
        sql: Both,
        rows: impl Iterator<Item = Value>,
    ) -> Result<(), StoreError> {
        let rows: Vec<Value> = rows.collect();
        if rows.is_empty() {
            return Ok(());
        }
        let (sql, rows) = (sql.of_tx(tx), Value::from(rows).to_string());
        let ours: Vec<(String, i64, i64)> =
            on_tx!(tx, tx => sqlx::query_as(sql).bind(rows).fetch_all(&mut **tx).await?);
        self.0.extend(ours.into_iter().map(|(source, fence, first)| ((source, fence), first)));
        Ok(())
    }
}

/// Runs a statement on a list of rows, if there are any.
async fn list(tx: &mut Tx, sql: Both, rows: impl Iterator<Item = Value>) -> Result<(), StoreError> {
    let rows: Vec<Value> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (sql, rows) = (sql.of_tx(tx), Value::from(rows).to_string());
    on_tx!(tx, tx => {
        sqlx::query(sql).bind(rows).execute(&mut **tx).await?;
    });
    Ok(())
}

/// A row of [`CALM`] or [`READ`].
fn json_of(poll: &PollOutcome) -> Value {
    let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
    let (due, pace, moving) = (poll.next_due_at.timestamp_millis(), &poll.shown.pace, &poll.shown.moving);
    match &poll.result {
        PollResult::Read { etag, last_modified, body_hash, generation, reader, listed, .. } => json!([
            source,
            poll.fence,
            at,
            due,
            pace,
            moving,
            read_detail(listed.len(), *reader),
            etag,
            last_modified,
            body_hash,
            generation,
            reader.as_str(),
            i64::from(*reader != Reader::Strict)
        ]),
        _ => json!([source, poll.fence, at, due, pace, moving, poll.took_ms]),
    }
}

fn read_detail(listed: usize, reader: Reader) -> String {
    format!("{}{}", counted(listed, "entry"), reader.remark())
}

/// What a visit that worked says of how its source stands, which few do.
async fn write_standing(tx: &mut Tx, poll: &PollOutcome) -> Result<(), StoreError> {
    let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
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
    match &poll.result {
        PollResult::Unchanged { validators: Some((etag, last_modified)) } => {
            on_tx!(&mut *tx, tx => {
                sqlx::query(VALIDATORS).bind(etag).bind(last_modified).bind(source).execute(&mut **tx).await?;
            });
        }
        PollResult::Read { removed, .. } if !removed.is_empty() => {
            let (keys, sql) = (Value::from(removed.as_slice()).to_string(), REMOVED.of_tx(tx));
            on_tx!(&mut *tx, tx => {
                sqlx::query(sql).bind(at).bind(source).bind(keys).execute(&mut **tx).await?;
            });
        }
        _ => {}
    }
    Ok(())
}

/// What the bodies listed.
async fn write_listed(tx: &mut Tx, read: &[&PollOutcome]) -> Result<(), StoreError> {
    let (mut lists, mut keys) = (Vec::new(), Vec::new());
    // Each key stands there once: no two rows of one statement may meet.
    let mut plain: BTreeMap<(&str, &str), Value> = BTreeMap::new();
    for poll in read {
        let PollResult::Read { entries, listed, listing, .. } = &poll.result else { continue };
        let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
        lists.push(json!([source, secret::hex(listing)]));
        keys.push(json!([source, listed]));
        for entry in entries.iter().filter(|entry| entry.is_plain()) {
            let EntryRecord { key, content, backlog, .. } = entry;
            plain.insert((source, key), json!([source, at, key, content, i64::from(*backlog)]));
        }
    }
    list(tx, LIST_KEYS, lists.into_iter()).await?;
    if let Some(at) = read.iter().map(|poll| poll.at.timestamp_millis()).max() {
        let (sql, keys) = (STILL_LISTED.of_tx(tx), Value::from(keys).to_string());
        on_tx!(&mut *tx, tx => {
            sqlx::query(sql).bind(at).bind(keys).execute(&mut **tx).await?;
        });
    }
    list(tx, UPSERT_PLAIN, plain.into_values()).await
}

/// Notes bodies that were read, with the number of hits in each.
pub(super) async fn log_read(tx: &mut Tx, polls: &[(&PollOutcome, usize)]) -> Result<(), StoreError> {
    let rows = polls.iter().filter_map(|(poll, hits)| {
        let PollResult::Read { bytes, reader, entries, listed, .. } = &poll.result else { return None };
        let detail = read_detail(listed.len(), *reader);
        let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
        Some(json!([source, at, detail, entries.len(), hits, bytes, poll.took_ms]))
    });
    list(tx, LOG_READ, rows).await?;
    for (poll, _) in polls.iter().filter(|(poll, _)| matches!(poll.result, PollResult::Read { .. })) {
        trim(tx, poll).await?;
    }
    Ok(())
}

/// Drops the oldest outcomes of a source, now and then.
async fn trim(tx: &mut Tx, poll: &PollOutcome) -> Result<(), StoreError> {
    // Not by the fence: what comes every sixteenth time would never be trimmed, or always.
    if poll.at.timestamp_millis() % TRIM_EVERY == 0 {
        on_tx!(tx, tx => {
            sqlx::query(TRIM_POLLS).bind(poll.source.as_str()).execute(&mut **tx).await?;
        });
    }
    Ok(())
}

/// A visit that brought nothing.
async fn write_failed(tx: &mut Tx, poll: &PollOutcome) -> Result<bool, StoreError> {
    let (source, at) = (poll.source.as_str(), poll.at.timestamp_millis());
    let PollResult::Failed { reason, detail, status, weight, stay_away_until } = &poll.result else {
        return Ok(false);
    };
    let changed = on_tx!(&mut *tx, tx => sqlx::query(FAILED)
        .bind(poll.next_due_at.timestamp_millis()).bind(at).bind(*reason).bind(detail).bind(*weight)
        .bind(&poll.shown.moving).bind(poll.shown.stopped.then_some(at))
        .bind(source).bind(poll.fence).execute(&mut **tx).await?.rows_affected());
    if changed == 0 {
        return Ok(false);
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
    on_tx!(&mut *tx, tx => {
        sqlx::query(LOG_FAILED)
            .bind(source).bind(at).bind(*reason).bind(detail).bind(status.map(i64::from)).bind(poll.took_ms)
            .execute(&mut **tx).await?;
    });
    trim(tx, poll).await?;
    Ok(true)
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
