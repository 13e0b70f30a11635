//! Stored hits read back for judging them anew, and what was judged anew written over what stood there.

use super::commit::{ENQUEUE, insert_finding};
use super::db::{on_read, on_tx};
use super::dialect::{Both, with_ids, with_list};
use super::hit::{FindingRow, read_json};
use super::{HitRecord, Store, StoreError};
use crate::model::{Document, Finding, HitId, OrganisationId, Severity};

/// A hit as it stands in the store.
#[derive(Debug, Clone)]
pub struct StoredHit {
    /// Its number.
    pub id: HitId,
    /// Its version and when it last changed (ms): whoever writes names those that were read.
    pub version: (i64, i64),
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

const BATCH: &str = "SELECT h.id, h.version, h.changed_at, h.organisation, h.day, d.sealed
FROM hit h JOIN document d ON d.id = h.document
WHERE h.id > $1 AND h.at >= $2 AND ($3 = '' OR h.organisation = $3) ORDER BY h.id LIMIT $4";
const FINDINGS: Both = with_ids!(
    "SELECT hit, category, rule, rule_version, severity, score, clauses, binds, origin, child, writer, at_risk, spans, reason, gone_at
FROM finding WHERE gone_at IS NULL AND hit IN ",
    1,
    " ORDER BY hit, id"
);
const SAID: &str = "SELECT said FROM hit WHERE id = $1 AND version = $2 AND changed_at = $3";
const GONE: &str = "SELECT rule, severity, restricted FROM finding WHERE hit = $1 AND gone_at IS NOT NULL";
const WRITE: &str = "UPDATE hit SET severity = $1, open_severity = $2, restricted = $3, mentions = $4, said = $5,
  version = version + $6, changed_at = $7, withheld = $8,
  backlog = CASE WHEN $6 = 1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.hit = hit.id) THEN 1 ELSE backlog END
WHERE id = $9 AND version = $10 AND changed_at = $11";
/// What an edit took away stays known, unless its rule fires again.
const DROP: Both = with_list!("DELETE FROM finding WHERE hit = $1 AND (gone_at IS NULL OR rule IN ", 2, ")");
const AUDIT: &str =
    "INSERT INTO audit (at, actor, action, purpose, subject) VALUES ($1, $2, 'reapply', $3, $4)";

#[derive(sqlx::FromRow)]
struct HitRow {
    id: i64,
    version: i64,
    changed_at: i64,
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
        audit: (&str, &str, i64),
    ) -> Result<Vec<StoredHit>, StoreError> {
        let organisation = organisation.map(OrganisationId::as_str).unwrap_or_default();
        let mut tx = self.db.begin().await?;
        let rows: Vec<HitRow> = on_tx!(&mut tx, tx => sqlx::query_as(BATCH)
            .bind(after.0).bind(since).bind(organisation).bind(limit).fetch_all(&mut **tx).await?);
        let mut hits = Vec::new();
        for row in rows {
            let organisation = row.organisation.parse().map_err(|error| {
                StoreError::Inconsistent(format!("organisation {:?}: {error}", row.organisation))
            })?;
            hits.push(StoredHit {
                id: HitId(row.id),
                version: (row.version, row.changed_at),
                organisation,
                day: row.day,
                findings: Vec::new(),
                document: self
                    .open_sealed(&mut tx, HitId(row.id), &row.sealed, audit)
                    .await?
                    .map_err(|error| error.to_string()),
            });
        }
        tx.commit().await?;
        let mut findings = self.standing_findings(hits.iter().map(|hit| hit.id.0).collect()).await?;
        for hit in &mut hits {
            hit.findings = findings.remove(&hit.id.0).unwrap_or_default();
        }
        Ok(hits)
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

    /// Writes what was judged anew over the findings of a hit that was read at `version`, and who did it and why.
    /// What an edit took away stays known. With `tell` people are told, as of a first pass unless it waits to be
    /// told already.
    pub async fn reapply(
        &self,
        id: HitId,
        version: (i64, i64),
        hit: &HitRecord,
        tell: bool,
        (actor, purpose, now): (&str, &str, i64),
    ) -> Result<Applied, StoreError> {
        let mut tx = self.db.begin().await?;
        let known: Option<String> = on_tx!(&mut tx, tx => sqlx::query_scalar(SAID)
            .bind(id.0).bind(version.0).bind(version.1).fetch_optional(&mut **tx).await?);
        let Some(before) = known else { return Ok(Applied::Changed) };
        let mut said: Vec<String> = read_json(&before, "said")?;
        said.extend(hit.said.iter().filter(|one| !said.contains(one)).cloned().collect::<Vec<_>>());
        let gone: Vec<(String, String, i64)> =
            on_tx!(&mut tx, tx => sqlx::query_as(GONE).bind(id.0).fetch_all(&mut **tx).await?);
        let mut all: Vec<(Severity, bool)> =
            hit.findings.iter().map(|finding| (finding.severity, finding.category.is_restricted())).collect();
        for (rule, severity, restricted) in gone {
            if !hit.findings.iter().any(|finding| finding.rule == rule) {
                all.push((severity.parse().map_err(StoreError::Inconsistent)?, restricted != 0));
            }
        }
        let worst = |open: bool| {
            let counted = all.iter().filter(|(_, restricted)| !open || !restricted);
            counted.map(|(severity, _)| *severity).max().unwrap_or(Severity::Info)
        };
        let mentions = serde_json::to_string(&hit.mentions).unwrap_or_else(|_| "[]".to_owned());
        let restricted = i64::from(all.iter().any(|(_, restricted)| *restricted));
        // First of all, so that of two who write one finds that the other was there.
        let written = on_tx!(&mut tx, tx => sqlx::query(WRITE)
            .bind(worst(false).as_str()).bind(worst(true).as_str()).bind(restricted).bind(&mentions)
            .bind(serde_json::Value::from(said).to_string()).bind(i64::from(tell)).bind(now)
            .bind(i64::from(hit.withheld > 0 && all.is_empty())).bind(id.0).bind(version.0).bind(version.1)
            .execute(&mut **tx).await?.rows_affected());
        if written == 0 {
            return Ok(Applied::Changed);
        }
        let rules: Vec<&str> = hit.findings.iter().map(|finding| finding.rule.as_str()).collect();
        let (drop, rules) = (DROP.of_tx(&tx), serde_json::Value::from(rules).to_string());
        on_tx!(&mut tx, tx => {
            sqlx::query(drop).bind(id.0).bind(rules).execute(&mut **tx).await?;
            sqlx::query(AUDIT).bind(now).bind(actor).bind(purpose).bind(id.to_string()).execute(&mut **tx).await?;
        });
        for finding in &hit.findings {
            insert_finding(&mut tx, id.0, finding).await?;
        }
        if tell {
            on_tx!(&mut tx, tx => {
                sqlx::query(ENQUEUE).bind(id.0).bind(version.0 + 1).bind(now).execute(&mut **tx).await?;
            });
        }
        tx.commit().await?;
        Ok(if tell { Applied::Told } else { Applied::Quietly })
    }
}
