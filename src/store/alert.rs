//! From stored hits to rendered mails: the outbox, what was decided, alerts and their deliveries. Rows
//! leave the outbox in the transaction that writes what became of them.

use super::db::{on_read, on_tx};
use super::dialect::{Both, with_ids};
use super::hit::FindingRow;
use super::{Store, StoreError};
use crate::model::{AlertId, Finding, HitId, Severity};

/// A hit version that nobody has decided on yet, with all that a decision needs.
#[derive(Debug, Clone)]
pub struct OutboxItem {
    /// The hit's row and what it says.
    pub hit: HitRow,
    /// What the rules found, restricted findings included.
    pub findings: Vec<Finding>,
}

/// A hit as alerting needs it; text is masked.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HitRow {
    /// Its number.
    pub id: i64,
    /// Its version.
    pub version: i64,
    /// Whose name stands there.
    pub organisation: String,
    /// From which source.
    pub source: String,
    /// What sort of document.
    pub kind: String,
    /// Where.
    pub url: String,
    /// Whether that may be linked.
    pub linkable: i64,
    /// Headline.
    pub title: String,
    /// When it says that it was published (ms).
    pub published_at: Option<i64>,
    /// When it was first seen (ms).
    pub first_seen_at: i64,
    /// When it counts (ms).
    pub at: i64,
    /// Whether it came with a first pass.
    pub backlog: i64,
    /// 1 where all that was found is employees' conduct.
    pub withheld: i64,
    /// Whether part of it is for the restricted group or the crisis contact only.
    pub restricted: i64,
    /// Which story.
    pub story: i64,
    /// How many hits that story has.
    pub copies: i64,
    /// How many other hits of it, as grave, Communications were told of at once.
    pub story_told: i64,
    /// How many other hits on the same address with the same text.
    pub page_told: i64,
}

/// What was decided about a hit for one group of recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HitDecision {
    /// Which hit.
    pub hit: HitId,
    /// In which version.
    pub version: i64,
    /// The group's name.
    pub recipients: &'static str,
    /// The named reason.
    pub reason: &'static str,
    /// How grave what the group is told of.
    pub severity: Severity,
    /// When it is due, where it waits for a digest or a summary (ms).
    pub due_at: Option<i64>,
}

/// A rendered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, equal in content.
    pub html: String,
}

/// Whom a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The address.
    pub recipient: String,
    /// The channel.
    pub channel: &'static str,
}

/// A message to be sent, with the decisions that it carries out.
#[derive(Debug, Clone)]
pub struct NewAlert {
    /// `immediate`, `digest`, `backlog`, `notice` or `sources`.
    pub kind: &'static str,
    /// For which organisation; empty for the operator's own.
    pub organisation: String,
    /// Fixed now, so that a repeat is the same message.
    pub message_id: String,
    /// What it says.
    pub message: Rendered,
    /// Whom it goes to.
    pub deliveries: Vec<NewDelivery>,
    /// New decisions that it carries out.
    pub decisions: Vec<HitDecision>,
    /// Decisions that waited for it.
    pub waited: Vec<i64>,
    /// Gaps that it tells of.
    pub gaps: Vec<i64>,
}

/// An alert that was made.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AlertRow {
    /// What sort.
    pub kind: String,
    /// For which organisation.
    pub organisation: String,
    /// When (ms).
    pub at: i64,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// How many mails it became.
    pub deliveries: i64,
}

/// A decision that waits for its digest or summary.
#[derive(Debug, Clone)]
pub struct DigestItem {
    /// The decision's row.
    pub decision: i64,
    /// For which group.
    pub recipients: String,
    /// `digest` or `backlog`.
    pub reason: String,
    /// When it was decided (ms).
    pub decided_at: i64,
    /// The hit.
    pub hit: HitRow,
    /// Its findings; whoever renders them picks what the group may read.
    pub findings: Vec<Finding>,
}

const OUTBOX: &str = "SELECT h.id, o.version, h.organisation, h.source, d.kind, d.url, d.linkable, d.title, d.published_at,
  d.first_seen_at, h.at, h.backlog, h.withheld, h.restricted, h.story, (SELECT COUNT(*) FROM hit c WHERE c.story = h.story) AS copies,
  (SELECT COUNT(*) FROM decision y JOIN hit c ON c.id = y.hit WHERE c.story = h.story AND c.id <> h.id AND c.severity = h.severity
    AND y.recipients = 'communications' AND y.reason IN ('first', 'escalated')) AS story_told,
  (SELECT COUNT(*) FROM decision y JOIN hit c ON c.id = y.hit JOIN document e ON e.id = c.document
    WHERE c.story = h.story AND c.id <> h.id AND e.address_key = d.address_key AND e.text_key = d.text_key
    AND y.recipients = 'communications' AND y.reason IN ('first', 'escalated')) AS page_told
FROM outbox o JOIN hit h ON h.id = o.hit JOIN document d ON d.id = h.document
ORDER BY o.id LIMIT $1";
const FINDINGS: &str = "SELECT category, rule, rule_version, severity, score, clauses, binds, origin, child, writer, at_risk, spans, reason, gone_at
FROM finding WHERE hit = $1 ORDER BY id";
const DECIDED: &str = "SELECT recipients, reason, severity FROM decision WHERE hit = $1 ORDER BY id";
const TAKE: &str = "DELETE FROM outbox WHERE hit = $1 AND version = $2";
const INSERT_ALERT: &str = "INSERT INTO alert (kind, organisation, message_id, at, subject, text, html)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (message_id) DO NOTHING RETURNING id";
const INSERT_DELIVERY: &str =
    "INSERT INTO delivery (alert, recipient, channel, next_at) VALUES ($1, $2, $3, $4)";
const INSERT_DECISION: &str =
    "INSERT INTO decision (hit, version, recipients, reason, severity, at, due_at, alert)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const CARRY_OUT: Both = with_ids!("UPDATE decision SET alert = $1 WHERE alert IS NULL AND id IN ", 2, "");
const WAITING: &str = "SELECT x.id AS decision, x.recipients, x.reason, x.at AS decided_at, h.id, x.version, h.organisation, h.source,
  d.kind, d.url, d.linkable, d.title, d.published_at, d.first_seen_at, h.at, h.backlog, h.withheld, h.restricted, h.story,
  (SELECT COUNT(*) FROM hit c WHERE c.story = h.story) AS copies,
  (SELECT COUNT(*) FROM decision y JOIN hit c ON c.id = y.hit WHERE c.story = h.story AND c.id <> h.id AND c.severity = h.severity
    AND y.recipients = 'communications' AND y.reason IN ('first', 'escalated')) AS story_told,
  (SELECT COUNT(*) FROM decision y JOIN hit c ON c.id = y.hit JOIN document e ON e.id = c.document
    WHERE c.story = h.story AND c.id <> h.id AND e.address_key = d.address_key AND e.text_key = d.text_key
    AND y.recipients = 'communications' AND y.reason IN ('first', 'escalated')) AS page_told
FROM decision x JOIN hit h ON h.id = x.hit JOIN document d ON d.id = h.document
WHERE x.alert IS NULL AND x.due_at IS NOT NULL AND x.due_at <= $1 AND x.reason = $2
ORDER BY h.organisation, x.recipients, h.at, x.id";
const WAITING_SINCE: &str =
    "SELECT MIN(at), MAX(at) FROM decision WHERE alert IS NULL AND due_at IS NOT NULL AND reason = $1";
const OUTBOX_SINCE: &str = "SELECT MIN(created_at) FROM outbox";
const FIRST_PASSES: &str = "SELECT (SELECT COUNT(*) FROM source WHERE retired_at IS NULL AND first_polled_at IS NULL AND last_polled_at IS NULL)
  + (SELECT COUNT(*) FROM entry e JOIN source s ON s.id = e.source
    WHERE e.state = 'waiting' AND e.backlog = 1 AND e.attempts = 0 AND s.retired_at IS NULL)";

const ALERTS: &str = "SELECT a.kind, a.organisation, a.at, a.subject, a.text,
  (SELECT COUNT(*) FROM delivery d WHERE d.alert = a.id) AS deliveries
FROM alert a ORDER BY a.id DESC LIMIT $1";

#[derive(sqlx::FromRow)]
struct WaitingRow {
    decision: i64,
    recipients: String,
    reason: String,
    decided_at: i64,
    #[sqlx(flatten)]
    hit: HitRow,
}

impl Store {
    /// Hits that nobody has decided on, oldest first.
    pub async fn outbox(&self, limit: i64) -> Result<Vec<OutboxItem>, StoreError> {
        let rows: Vec<HitRow> =
            on_read!(&self.db, pool => sqlx::query_as(OUTBOX).bind(limit).fetch_all(pool).await?);
        let mut items = Vec::with_capacity(rows.len());
        for hit in rows {
            match self.findings_of(hit.id).await {
                Ok(findings) => items.push(OutboxItem { hit, findings }),
                // One row that cannot be read must not keep the others from being told.
                Err(error @ StoreError::Inconsistent(_)) => {
                    tracing::error!(hit.id = hit.id, error = %error, "a hit cannot be decided on");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(items)
    }

    async fn findings_of(&self, hit: i64) -> Result<Vec<Finding>, StoreError> {
        let rows: Vec<FindingRow> =
            on_read!(&self.db, pool => sqlx::query_as(FINDINGS).bind(hit).fetch_all(pool).await?);
        rows.into_iter().map(FindingRow::finding).collect()
    }

    /// What was decided about earlier versions of a hit: group, reason, severity.
    pub async fn decisions_of(&self, hit: HitId) -> Result<Vec<(String, String, String)>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_as(DECIDED).bind(hit.0).fetch_all(pool).await?))
    }

    /// Writes decisions, alerts and deliveries and takes the hits out of the outbox, all or nothing.
    /// Answers `None`, having written nothing, where another process was faster.
    pub async fn record_alerts(
        &self,
        taken: &[(HitId, i64)],
        quiet: &[HitDecision],
        alerts: &[NewAlert],
        now: i64,
    ) -> Result<Option<Vec<AlertId>>, StoreError> {
        let mut tx = self.db.begin().await?;
        let carry_out = CARRY_OUT.of_tx(&tx);
        let warned = super::blind::WARNED.of_tx(&tx);
        let mut ids = Vec::with_capacity(alerts.len());
        on_tx!(&mut tx, tx => {
            for (hit, version) in taken {
                let gone = sqlx::query(TAKE).bind(hit.0).bind(*version).execute(&mut **tx).await?.rows_affected();
                if gone == 0 {
                    return Ok(None);
                }
            }
            for alert in alerts {
                let id: Option<i64> = sqlx::query_scalar(INSERT_ALERT)
                    .bind(alert.kind).bind(&alert.organisation).bind(&alert.message_id).bind(now)
                    .bind(&alert.message.subject).bind(&alert.message.text).bind(&alert.message.html)
                    .fetch_optional(&mut **tx).await?;
                // A mail of which there is one a day bears the day in its name.
                let Some(id) = id else { return Ok(None) };
                for delivery in &alert.deliveries {
                    sqlx::query(INSERT_DELIVERY).bind(id).bind(&delivery.recipient).bind(delivery.channel).bind(now)
                        .execute(&mut **tx).await?;
                }
                let waited = serde_json::Value::from(alert.waited.as_slice()).to_string();
                let carried = sqlx::query(carry_out).bind(id).bind(waited).execute(&mut **tx).await?.rows_affected();
                if carried != alert.waited.len() as u64 {
                    return Ok(None);
                }
                if !alert.gaps.is_empty() {
                    let gaps = serde_json::Value::from(alert.gaps.as_slice()).to_string();
                    let told = sqlx::query(warned).bind(now).bind(gaps).execute(&mut **tx).await?.rows_affected();
                    // Another worker told of them, or they see again.
                    if told != alert.gaps.len() as u64 {
                        return Ok(None);
                    }
                }
                for decision in &alert.decisions {
                    sqlx::query(INSERT_DECISION)
                        .bind(decision.hit.0).bind(decision.version).bind(decision.recipients).bind(decision.reason).bind(decision.severity.as_str())
                        .bind(now).bind(decision.due_at).bind(id)
                        .execute(&mut **tx).await?;
                }
                ids.push(AlertId(id));
            }
            for decision in quiet {
                sqlx::query(INSERT_DECISION)
                    .bind(decision.hit.0).bind(decision.version).bind(decision.recipients).bind(decision.reason).bind(decision.severity.as_str())
                    .bind(now).bind(decision.due_at).bind(None::<i64>)
                    .execute(&mut **tx).await?;
            }
        });
        crate::telemetry::point("alert.before_commit");
        tx.commit().await?;
        crate::telemetry::point("alert.after_commit");
        Ok(Some(ids))
    }

    /// Decisions with `reason` that are due at `now`, with their hits.
    pub async fn waiting_decisions(&self, reason: &str, now: i64) -> Result<Vec<DigestItem>, StoreError> {
        let rows: Vec<WaitingRow> =
            on_read!(&self.db, pool => sqlx::query_as(WAITING).bind(now).bind(reason).fetch_all(pool).await?);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let findings = match self.findings_of(row.hit.id).await {
                Ok(findings) => findings,
                Err(error @ StoreError::Inconsistent(_)) => {
                    tracing::error!(hit.id = row.hit.id, error = %error, "a hit cannot be put into a digest");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let WaitingRow { decision, recipients, reason, decided_at, hit } = row;
            items.push(DigestItem { decision, recipients, reason, decided_at, hit, findings });
        }
        Ok(items)
    }

    /// When the first and the last decision with `reason` that waits was made (ms).
    pub async fn waiting_since(&self, reason: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) =
            on_read!(&self.db, pool => sqlx::query_as(WAITING_SINCE).bind(reason).fetch_one(pool).await?);
        Ok(first.zip(last))
    }

    /// Since when the oldest hit waits for a decision (ms).
    pub async fn outbox_since(&self) -> Result<Option<i64>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_scalar(OUTBOX_SINCE).fetch_one(pool).await?))
    }

    /// How many first visits are still to come: sources never polled, entries of a first pass waiting.
    pub async fn first_passes_left(&self) -> Result<i64, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_scalar(FIRST_PASSES).fetch_one(pool).await?))
    }

    /// The newest alerts, newest first.
    pub async fn alerts(&self, limit: i64) -> Result<Vec<AlertRow>, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_as(ALERTS).bind(limit).fetch_all(pool).await?))
    }
}
