//! Deliveries handed to the mailer. Each is claimed, tried and written back by itself, so that one bad
//! address holds nobody up. A crash between the relay's answer and our commit repeats the message under
//! its own Message-ID.

use std::time::Duration;

use crate::clock::{self, SharedClock};
use crate::mail::{Mail, Mailer};
use crate::model::DeliveryId;
use crate::store::{ClaimedDelivery, Store, StoreError};
use crate::telemetry;

/// Hands claimed deliveries to the mailer.
#[derive(Debug, Clone)]
pub struct Deliverer {
    store: Store,
    mailer: Mailer,
    lease: Duration,
    clock: SharedClock,
}

/// Deliveries claimed at once: a slow relay must not hold leases on mails that wait behind another.
const BATCH: i64 = 1;
/// First wait after a temporary refusal.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// Longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// When a message is given up (RFC 5321, 4.5.4.1 allows four to five days; a Trust wants to know sooner).
const GIVE_UP: Duration = Duration::from_secs(72 * 3600);

impl Deliverer {
    /// A deliverer; a claim holds for `lease`.
    pub const fn new(store: Store, mailer: Mailer, lease: Duration, clock: SharedClock) -> Self {
        Self { store, mailer, lease, clock }
    }

    /// Tries everything that is due. How many were tried.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let mut tried = 0;
        loop {
            let now = self.clock.now().timestamp_millis();
            let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
            let claimed = self.store.claim_deliveries(now, lease_ms, BATCH).await?;
            if claimed.is_empty() {
                return Ok(tried);
            }
            tried += claimed.len();
            for delivery in claimed {
                self.deliver(delivery).await?;
            }
        }
    }

    async fn deliver(&self, delivery: ClaimedDelivery) -> Result<(), StoreError> {
        let id = DeliveryId(delivery.id);
        let mail = Mail {
            to: delivery.recipient,
            message_id: delivery.message_id,
            date: clock::from_ms(delivery.at),
            kind: delivery.kind,
            subject: delivery.subject,
            text: delivery.text,
            html: delivery.html,
        };
        telemetry::point("send.before");
        let sent = self.mailer.send(&mail).await;
        telemetry::point("send.after");
        let now = self.clock.now().timestamp_millis();
        match sent {
            Ok(()) => {
                self.store.delivered(id, delivery.fence, now).await?;
                telemetry::count_delivery("sent");
            }
            Err(error)
                if error.is_transient()
                    && now - delivery.at < i64::try_from(GIVE_UP.as_millis()).unwrap_or(i64::MAX) =>
            {
                let wait = back_off(delivery.attempts, delivery.id);
                let next_at = now + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                tracing::warn!(delivery.id = delivery.id, retry_s = wait.as_secs(), error = %error, "mail not accepted; trying again later");
                self.store.delivery_retry(id, delivery.fence, next_at, &error.to_string()).await?;
                telemetry::count_delivery("retry");
            }
            Err(error) => {
                tracing::error!(delivery.id = delivery.id, error = %error, "mail cannot be delivered");
                self.store.delivery_failed(id, delivery.fence, &error.to_string()).await?;
                telemetry::count_delivery("failed");
            }
        }
        Ok(())
    }
}

/// How long to wait after `attempts` earlier tries: from one minute doubling to one hour, spread by up
/// to a quarter so that a relay that comes back is not stormed. The spread follows from the delivery's
/// number and is the same in every test.
pub fn back_off(attempts: i64, delivery: i64) -> Duration {
    let doubled =
        FIRST_WAIT.saturating_mul(1 << u32::try_from(attempts.clamp(0, 10)).unwrap_or(10)).min(MAX_WAIT);
    let spread = u32::try_from(delivery.unsigned_abs().wrapping_mul(2_654_435_761) % 25).unwrap_or_default();
    doubled.saturating_sub(doubled * spread / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_minute_to_an_hour() {
        for delivery in 0..200 {
            let waits: Vec<u64> = (0..9).map(|attempts| back_off(attempts, delivery).as_secs()).collect();
            assert!((45..=60).contains(&waits[0]), "{waits:?}");
            assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
            assert!(waits[8] <= 3600);
        }
    }
}
