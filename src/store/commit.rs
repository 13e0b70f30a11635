//! Writing back what claimed work came to: one transaction for a batch, one savepoint for each
//! outcome, so that one failure costs its own work only. An outcome whose fence is old changes nothing.

use chrono::{DateTime, Utc};

use super::db::{Tx, on_tx};
use super::dialect::{Both, with_list};
use super::record::{
    DocumentRecord, EntryOutcome, EntryRecord, EntryResult, EntryState, HitRecord, Outcome, PollOutcome,
    PollResult,
};
use super::visits::{self, UPSERT_HOST};
use super::{Store, StoreError};
use crate::clock;
use crate::model::{DateDoubt, Finding, HitId, Origin, Severity, SourceId, Writer};
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

const UPSERT_ENTRY: &str = "INSERT INTO entry (source, key, content, state, first_seen_at, listed_at, backlog, sealed, key_id, host, due_at)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10)
ON CONFLICT (source, key) DO UPDATE SET content = excluded.content, state = excluded.state, backlog = excluded.backlog,
  listed_at = excluded.listed_at,
  sealed = excluded.sealed, key_id = excluded.key_id, host = excluded.host, due_at = excluded.due_at, attempts = 0,
  fence = entry.fence + 1, lease_until = 0, edited_at = CASE WHEN $11 = 1 THEN excluded.first_seen_at ELSE entry.edited_at END
RETURNING id, first_seen_at, fence";
/// An edit that took every name out: what once stood there stays known.
const NO_LONGER_SAID: &str = "UPDATE finding SET gone_at = $1 WHERE gone_at IS NULL
  AND hit IN (SELECT h.id FROM hit h JOIN document d ON h.document = d.id WHERE d.entry = $2)";
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
    /// Nothing was known of it before: what it had found need not be asked for.
    is_new: bool,
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
        let mut tx = self.db.begin().await?;
        let Ok(committed) = self.commit_all(&mut tx, outcomes).await else {
            drop(tx);
            return self.commit_apart(outcomes).await;
        };
        commit(tx).await?;
        Ok(committed.into_iter().map(Ok).collect())
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
            let result = self.commit_all(&mut tx, std::slice::from_ref(outcome)).await;
            if result.is_err() {
                tx.run("ROLLBACK TO SAVEPOINT outcome").await?;
            }
            tx.run("RELEASE SAVEPOINT outcome").await?;
            results.push(result.map(|mut committed| committed.pop().unwrap_or(Committed::Stale)));
        }
        commit(tx).await?;
        Ok(results)
    }

    async fn commit_all(&self, tx: &mut Tx, outcomes: &[Outcome]) -> Result<Vec<Committed>, StoreError> {
        let polls: Vec<&PollOutcome> = outcomes.iter().filter_map(Outcome::poll).collect();
        let ours = visits::write(tx, &polls).await?;
        let mut results = Vec::with_capacity(outcomes.len());
        let mut read = Vec::new();
        for outcome in outcomes {
            results.push(match outcome {
                Outcome::Entry(entry) => self.commit_entry(tx, entry).await?,
                Outcome::Poll(poll) => match ours.first_polled_at(poll) {
                    None => Committed::Stale,
                    Some(first) => {
                        let hits = self.commit_entries(tx, poll, first).await?;
                        read.push((&**poll, hits.len()));
                        Committed::Stored { hits }
                    }
                },
            });
        }
        visits::log_read(tx, &read).await?;
        Ok(results)
    }

    /// What a poll listed that is more than a key and a fingerprint.
    async fn commit_entries(
        &self,
        tx: &mut Tx,
        poll: &PollOutcome,
        first_polled_at: i64,
    ) -> Result<Vec<(HitId, Severity)>, StoreError> {
        let PollResult::Read { entries, .. } = &poll.result else { return Ok(Vec::new()) };
        let mut hits = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.is_plain()) {
            hits.extend(self.commit_listed(tx, (&poll.source, poll.at), entry, first_polled_at).await?);
        }
        Ok(hits)
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
        let (id, first_seen_at, fence): (i64, i64, i64) = on_tx!(&mut *tx, tx => {
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
            // Every later change of an entry raises it.
            is_new: fence == 0,
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
            is_new: false,
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
        super::story::keep_bands(tx, document, id, from.is_new).await?;
        let mut stored = Vec::new();
        for hit in &document.hits {
            stored.extend(commit_hit(tx, id, document, hit, from).await?);
        }
        Ok(stored)
    }
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
    let known: Option<(i64, String)> = if from.is_new {
        None
    } else {
        on_tx!(&mut *tx, tx =>
            sqlx::query_as(KNOWN_HIT).bind(document_id).bind(organisation).fetch_optional(&mut **tx).await?)
    };
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
