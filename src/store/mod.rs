//! The store: SQLite for one process, PostgreSQL for several, one SQL text for both. The only user of
//! sqlx; a transaction never leaves this module.
//!
//! House rules: every query is a constant with `$N` parameters, lists its columns and is run by one
//! named method. Times are milliseconds and come in as values. A look-up that finds nothing answers
//! `None`. Clear columns take masked text only; whatever else came from outside is sealed or a keyed
//! fingerprint.

mod alert;
mod blind;
mod claim;
mod commit;
mod coverage;
mod db;
mod delivery;
mod dialect;
mod error;
mod gather;
mod hit;
mod host;
mod key;
mod maintain;
mod options;
mod record;
mod replay;
mod retention;
mod seal;
mod source;
mod story;
mod trend;
mod visits;

pub use alert::{AlertRow, DigestItem, HitDecision, HitRow, NewAlert, NewDelivery, OutboxItem, Rendered};
pub use blind::BlindSource;
pub use claim::{ClaimedEntry, ClaimedSource, Terms};
pub use commit::Committed;
pub use coverage::Coverage;
pub use delivery::{ClaimedDelivery, Waiting};
pub use error::StoreError;
pub use gather::Gatherer;
pub use hit::{Decided, HitDetail, HitFilter, HitSummary, Scope};
pub use host::{KeptRobots, Slot};
pub use options::{Options, Retention};
pub use record::{
    DocumentRecord, EntryOutcome, EntryRecord, EntryResult, EntryState, HitRecord, Move, Outcome,
    PollOutcome, PollResult, Shown,
};
pub use replay::{Applied, StoredHit};
pub use retention::Purged;
pub use source::{PastPoll, SourceRow, SourceSpec};
pub use trend::{GroupBy, TrendQuery, TrendRow};

use std::sync::Arc;

use crate::secret::ServiceKey;
use db::Db;

/// The open store.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    key: Arc<ServiceKey>,
}

impl Store {
    /// The key's fingerprint of `parts`: the same in every process that shares the store.
    pub fn fingerprint(&self, parts: &[&str]) -> String {
        self.key.fingerprint(parts)
    }
}
