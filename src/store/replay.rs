//! Stored hits read back for judging them anew, and what was judged anew written over what stood there.

use super::commit::insert_finding;
use super::db::{on_read, on_tx};
use super::dialect::{Both, with_ids};
use super::hit::{FindingRow, read_json};
use super::{HitRecord, Store, StoreError};
use crate::model::{Document, Finding, HitId, OrganisationId, Severity};

/// A hit as it stands in the store.
#[derive(Debug, Clone)]
pub struct StoredHit {
    /// Its number.
    pub id: HitId,
    /// Its version: whoever writes names the one that was read.
    pub version: i64,
    /// Whose name stands there.
    pub organisation: OrganisationId,
    /// London day.
    pub day: String,
    /// What the rules found; what an edit took away is not among it.
    pub findings: Vec<Finding>,
    /// The document, or why it could not be opened.
    pub document: Result<Document, String>,
}

/// What became of a hit that was judged anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Written, and people are told.
    Told,
    /// Written.
    Quietly,
    /// The hit has changed since it was read: nothing was written.
    Changed,
}

const BATCH: &str = "SELECT h.id, h.version, h.organisation, h.day, d.sealed
FROM hit h JOIN document d ON d.id = h.document
WHERE h.id > $1 AND h.at >= $2 AND ($3 = '' OR h.organisation = $3) ORDER BY h.id LIMIT $4";
const FINDINGS: Both = with_ids!(
    "SELECT hit, category, rule, rule_version, severity, score, clauses, binds, origin, child, writer, at_risk, spans, reason, gone_at
FROM finding WHERE gone_at IS NULL AND hit IN ",
    1,
    " ORDER BY hit, id"
);
const AUDIT: &str =
    "INSERT INTO audit (at, actor, action, purpose, subject) VALUES ($1, $2, 'unseal', $3, $4)";
const SAID: &str = "SELECT said FROM hit WHERE id = $1 AND version = $2";
const DROP: &str = "DELETE FROM finding WHERE hit = $1 AND gone_at IS NULL";
const KEPT: &str = "SELECT severity, restricted FROM finding WHERE hit = $1";
const WRITE: &str =
    "UPDATE hit SET severity = $1, open_severity = $2, restricted = $3, mentions = $4, said = $5,
  version = version + $6, backlog = CASE WHEN $6 = 1 THEN 1 ELSE backlog END, changed_at = $7, withheld = $8
WHERE id = $9 AND version = $10";
const ENQUEUE: &str = "INSERT INTO outbox (hit, version, created_at) VALUES ($1, $2, $3)
ON CONFLICT (hit) DO UPDATE SET version = excluded.version";

#[derive(sqlx::FromRow)]
struct HitRow {
    id: i64,
    version: i64,
    organisation: String,
    day: String,
    sealed: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct OfHit {
    hit: i64,
    #[sqlx(flatten)]
    finding: FindingRow,
}

impl Store {
    /// At most `limit` hits behind number `after` that count since `since` (ms), with their documents opened. Who
    /// opened them and why is written in the same transaction.
    pub async fn hits_to_replay(
        &self,
        after: HitId,
        since: i64,
        organisation: Option<&OrganisationId>,
        limit: i64,
        (actor, purpose, now): (&str, &str, i64),
    ) -> Result<Vec<StoredHit>, StoreError> {
        let organisation = organisation.map(OrganisationId::as_str).unwrap_or_default();
        let mut tx = self.db.begin().await?;
        let rows: Vec<HitRow> = on_tx!(&mut tx, tx => sqlx::query_as(BATCH)
            .bind(after.0).bind(since).bind(organisation).bind(limit).fetch_all(&mut **tx).await?);
        for row in &rows {
            let subject = HitId(row.id).to_string();
            on_tx!(&mut tx, tx => {
                sqlx::query(AUDIT).bind(now).bind(actor).bind(purpose).bind(&subject).execute(&mut **tx).await?;
            });
        }
        tx.commit().await?;
        let mut findings = self.standing_findings(rows.iter().map(|row| row.id).collect()).await?;
        rows.into_iter()
            .map(|row| {
                let findings = findings.remove(&row.id).unwrap_or_default();
                Ok(StoredHit {
                    id: HitId(row.id),
                    version: row.version,
                    organisation: row.organisation.parse().map_err(|error| {
                        StoreError::Inconsistent(format!("organisation {:?}: {error}", row.organisation))
                    })?,
                    day: row.day,
                    findings,
                    document: self.open_document(&row.sealed),
                })
            })
            .collect()
    }

    fn open_document(&self, sealed: &[u8]) -> Result<Document, String> {
        let text = self.key.unseal("document", sealed).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    async fn standing_findings(
        &self,
        hits: Vec<i64>,
    ) -> Result<std::collections::HashMap<i64, Vec<Finding>>, StoreError> {
        let (sql, ids) = (FINDINGS.of_db(&self.db), serde_json::Value::from(hits).to_string());
        let rows: Vec<OfHit> =
            on_read!(&self.db, pool => sqlx::query_as(sql).bind(ids).fetch_all(pool).await?);
        let mut findings: std::collections::HashMap<i64, Vec<Finding>> = std::collections::HashMap::new();
        for row in rows {
            findings.entry(row.hit).or_default().push(row.finding.finding()?);
        }
        Ok(findings)
    }

    /// Writes what was judged anew over the findings of a hit that was read at `version`. What an edit took away
    /// stays known. People are told, as of a first pass, where something new was found.
    pub async fn reapply(
        &self,
        id: HitId,
        version: i64,
        hit: &HitRecord,
        now: i64,
    ) -> Result<Applied, StoreError> {
        let mut tx = self.db.begin().await?;
        let known: Option<String> = on_tx!(&mut tx, tx =>
            sqlx::query_scalar(SAID).bind(id.0).bind(version).fetch_optional(&mut **tx).await?);
        let Some(before) = known else { return Ok(Applied::Changed) };
        let mut said: Vec<String> = read_json(&before, "said")?;
        let news: Vec<String> = hit.said.iter().filter(|one| !said.contains(one)).cloned().collect();
        let told = !news.is_empty();
        said.extend(news);
        let kept: Vec<(String, i64)> = on_tx!(&mut tx, tx => {
            sqlx::query(DROP).bind(id.0).execute(&mut **tx).await?;
            sqlx::query_as(KEPT).bind(id.0).fetch_all(&mut **tx).await?
        });
        let mut all: Vec<(Severity, bool)> =
            hit.findings.iter().map(|finding| (finding.severity, finding.category.is_restricted())).collect();
        for (severity, restricted) in kept {
            all.push((severity.parse().map_err(StoreError::Inconsistent)?, restricted != 0));
        }
        let worst = |open: bool| {
            let counted = all.iter().filter(|(_, restricted)| !open || !restricted);
            counted.map(|(severity, _)| *severity).max().unwrap_or(Severity::Info)
        };
        let mentions = serde_json::to_string(&hit.mentions).unwrap_or_else(|_| "[]".to_owned());
        let restricted = i64::from(all.iter().any(|(_, restricted)| *restricted));
        let written = on_tx!(&mut tx, tx => sqlx::query(WRITE)
            .bind(worst(false).as_str()).bind(worst(true).as_str()).bind(restricted).bind(&mentions)
            .bind(serde_json::Value::from(said).to_string()).bind(i64::from(told)).bind(now)
            .bind(i64::from(hit.withheld > 0 && all.is_empty())).bind(id.0).bind(version)
            .execute(&mut **tx).await?.rows_affected());
        if written == 0 {
            return Ok(Applied::Changed);
        }
        for finding in &hit.findings {
            insert_finding(&mut tx, id.0, finding).await?;
        }
        if told {
            on_tx!(&mut tx, tx => {
                sqlx::query(ENQUEUE).bind(id.0).bind(version + 1).bind(now).execute(&mut **tx).await?;
            });
        }
        tx.commit().await?;
        Ok(if told { Applied::Told } else { Applied::Quietly })
    }
}
