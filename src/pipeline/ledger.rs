//! What the fetcher must know across processes and restarts, kept in the store: slots of hosts, robots.txt files.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::SharedClock;
use crate::fetch::{FetchError, KnownRobots, Ledger};
use crate::store::{KeptRobots, Slot, Store};

/// How long a request waits for its slot; beyond it the work is done another time.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Keeps it in the store.
#[derive(Debug)]
pub(super) struct StoreLedger {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    /// Between two requests to one host.
    pub(super) gap: Duration,
}

impl Ledger for StoreLedger {
    fn slot(&self, host: String) -> BoxFuture<'static, Result<Duration, FetchError>> {
        let (store, now, gap) = (self.store.clone(), self.clock.now().timestamp_millis(), ms(self.gap));
        Box::pin(async move {
            let slot = store.take_slot(&host, now, gap, ms(MAX_WAIT)).await;
            match slot.map_err(|error| FetchError::Slot(error.to_string()))? {
                Slot::At(at) => Ok(since(at, now)),
                Slot::RestsUntil(until) => Err(FetchError::Resting(since(until, now))),
            }
        })
    }

    fn robots(&self, authority: String) -> BoxFuture<'static, Option<KnownRobots>> {
        let (store, now) = (self.store.clone(), self.clock.now().timestamp_millis());
        Box::pin(async move {
            let found = store.robots(&authority, now).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a robots.txt that was read before could not be had; it is fetched again");
                None
            });
            found.map(|kept| KnownRobots { fresh_for: since(kept.until_at, now), file: kept.file })
        })
    }

    fn keep_robots(&self, authority: String, robots: KnownRobots) -> BoxFuture<'static, ()> {
        let (store, now) = (self.store.clone(), self.clock.now().timestamp_millis());
        Box::pin(async move {
            let kept = KeptRobots { until_at: now.saturating_add(ms(robots.fresh_for)), file: robots.file };
            if let Err(error) = store.keep_robots(&authority, &kept).await {
                tracing::warn!(%error, "a robots.txt could not be kept; after a restart it is fetched again");
            }
        })
    }
}

fn since(until: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(until - now).unwrap_or_default())
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
