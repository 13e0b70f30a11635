//! What must be known beyond this process: others may share the work, and after a restart hosts must not pay for it.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::FetchError;

/// A robots.txt that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRobots {
    /// How long it is believed from now on.
    pub fresh_for: Duration,
    /// The file, empty where there is none; or why it could not be read.
    pub file: Result<Vec<u8>, String>,
}

/// Keeps requests to one registrable domain apart and robots.txt files at hand, across processes and restarts.
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// Takes the next slot for a request to `host`: how long it is until then. It is written down before the request
    /// goes out.
    ///
    /// # Errors
    /// When the host is to be left alone for long, or the slot cannot be written down.
    fn slot(&self, host: String) -> BoxFuture<'static, Result<Duration, FetchError>>;

    /// What is known of the robots.txt of `authority`.
    fn robots(&self, authority: String) -> BoxFuture<'static, Option<KnownRobots>>;

    /// Keeps one that was read just now.
    fn keep_robots(&self, authority: String, robots: KnownRobots) -> BoxFuture<'static, ()>;
}
