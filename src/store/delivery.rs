//! Deliveries: claimed with a lease and a fence like everything else, so that a crash between the
//! server's 250 and our commit repeats the same message and never loses it.

use super::db::{on_read, on_tx};
use super::dialect::{Both, claiming};
use super::{Store, StoreError};
use crate::model::DeliveryId;

/// A message that is ours to hand over.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClaimedDelivery {
    /// Which.
    pub id: i64,
    /// The number that the write-back must name.
    pub fence: i64,
    /// How often it was tried before.
    pub attempts: i64,
    /// When its alert was made (ms).
    pub at: i64,
    /// Whom it goes to.
    pub recipient: String,
    /// How.
    pub channel: String,
    /// Fixed with the alert.
    pub message_id: String,
    /// What sort of alert.
    pub kind: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// Mails that have not left.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// How many.
    pub waiting: i64,
    /// Since when the oldest waits (ms).
    pub oldest: Option<i64>,
    /// How many of the last day's ended without having been sent.
    pub failed: i64,
}

const DUE: Both = claiming!(
    "SELECT d.id, d.fence, d.attempts, a.at, d.recipient, d.channel, a.message_id, a.kind, a.subject, a.text, a.html
FROM delivery d JOIN alert a ON a.id = d.alert
WHERE d.state = 'queued' AND d.next_at <= $1 AND d.lease_until <= $1
ORDER BY CASE WHEN a.kind IN ('digest', 'backlog') THEN 1 ELSE 0 END, d.next_at, d.id LIMIT $2",
    "FOR UPDATE OF d SKIP LOCKED"
);
const DAY_MS: i64 = 86_400_000;
const LEASE: &str =
    "UPDATE delivery SET lease_until = $1, fence = fence + 1, attempts = attempts + 1 WHERE id = $2";
const SENT: &str = "UPDATE delivery SET state = 'sent', sent_at = $1, lease_until = 0, detail = '' WHERE id = $2 AND fence = $3";
const RETRY: &str = "UPDATE delivery SET next_at = $1, lease_until = 0, detail = $2 WHERE id = $3 AND fence = $4 AND state = 'queued'";
const FAILED: &str = "UPDATE delivery SET state = 'failed', lease_until = 0, detail = $1 WHERE id = $2 AND fence = $3 AND state = 'queued'";
const WAITING: &str = "SELECT
  CAST(COALESCE(SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0) AS BIGINT) AS waiting,
  MIN(CASE WHEN state = 'queued' THEN (SELECT at FROM alert WHERE alert.id = delivery.alert) END) AS oldest,
  CAST(COALESCE(SUM(CASE WHEN state = 'failed' AND (SELECT at FROM alert WHERE alert.id = delivery.alert) > $1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS failed
FROM delivery WHERE state <> 'sent'";

impl Store {
    /// Claims up to `limit` deliveries that are due.
    pub async fn claim_deliveries(
        &self,
        now: i64,
        lease_ms: i64,
        limit: i64,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut tx = self.db.begin().await?;
        let sql = DUE.of_tx(&tx);
        let mut due: Vec<ClaimedDelivery> = on_tx!(&mut tx, tx => {
            let due: Vec<ClaimedDelivery> = sqlx::query_as(sql).bind(now).bind(limit).fetch_all(&mut **tx).await?;
            for delivery in &due {
                sqlx::query(LEASE).bind(now + lease_ms).bind(delivery.id).execute(&mut **tx).await?;
            }
            due
        });
        tx.commit().await?;
        for delivery in &mut due {
            delivery.fence += 1;
        }
        Ok(due)
    }

    /// Records that a message was accepted. Whether it was still ours.
    pub async fn delivered(&self, id: DeliveryId, fence: i64, now: i64) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = on_tx!(&mut tx, tx =>
            sqlx::query(SENT).bind(now).bind(id.0).bind(fence).execute(&mut **tx).await?.rows_affected());
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Records that a message is to be tried again at `next_at`, and why.
    pub async fn delivery_retry(
        &self,
        id: DeliveryId,
        fence: i64,
        next_at: i64,
        detail: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on_tx!(&mut tx, tx => {
            sqlx::query(RETRY).bind(next_at).bind(detail).bind(id.0).bind(fence).execute(&mut **tx).await?;
        });
        tx.commit().await
    }

    /// Records that a message will not be tried again, and why.
    pub async fn delivery_failed(&self, id: DeliveryId, fence: i64, detail: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on_tx!(&mut tx, tx => {
            sqlx::query(FAILED).bind(detail).bind(id.0).bind(fence).execute(&mut **tx).await?;
        });
        tx.commit().await
    }

    /// Mails that have not left, as it stands at `now` (ms).
    pub async fn deliveries_waiting(&self, now: i64) -> Result<Waiting, StoreError> {
        Ok(on_read!(&self.db, pool => sqlx::query_as(WAITING).bind(now - DAY_MS).fetch_one(pool).await?))
    }
}
