//! What operators see: logs on standard error, metrics by name, and (in tests only) points at which
//! the real process can be killed.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Starts logging to standard error. `level` is a filter such as `info` or `trustwatch=debug`;
/// the environment variable `TRUSTWATCH_LOG` overrides it.
pub fn start_logging(level: &str, format: LogFormat) {
    let filter = std::env::var("TRUSTWATCH_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A certificate that is refused is an outcome like others, and told as one.
    let filter = filter.add_directive("rustls_platform_verifier=off".parse().expect("a constant directive"));
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !no_colour);
    // A second start (tests in one process) leaves the first in place.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Installs the recorder behind `/metrics`; `None` when one is there already.
pub fn start_metrics() -> Option<PrometheusHandle> {
    let handle = PrometheusBuilder::new().install_recorder().ok()?;
    describe_counter!("trustwatch_polls_total", "Polls, by outcome");
    describe_counter!("trustwatch_entries_total", "Entries that were new or changed");
    describe_counter!("trustwatch_hits_total", "Hits stored, by severity");
    describe_counter!("trustwatch_deliveries_total", "Mails, by outcome");
    describe_counter!(
        "trustwatch_overruns_total",
        "Documents on which a rule cost more than it may, by rule"
    );
    describe_histogram!("trustwatch_poll_seconds", "Time from claim to commit");
    describe_gauge!("trustwatch_sources_due", "Sources that are due and not yet claimed");
    describe_gauge!("trustwatch_sources_blind", "Sources that cannot be seen, by reason");
    describe_gauge!("trustwatch_deliveries_waiting", "Mails that have not left yet");
    describe_gauge!("trustwatch_deliveries_failed", "Mails that were refused for good");
    Some(handle)
}

/// Counts a poll.
pub fn count_poll(outcome: &'static str, seconds: f64) {
    counter!("trustwatch_polls_total", "outcome" => outcome).increment(1);
    histogram!("trustwatch_poll_seconds").record(seconds);
}

/// Counts entries that were new or changed.
pub fn count_entries(n: u64) {
    counter!("trustwatch_entries_total").increment(n);
}

/// Counts a stored hit.
pub fn count_hit(severity: &'static str) {
    counter!("trustwatch_hits_total", "severity" => severity).increment(1);
}

/// Counts a document on which a rule cost more than it may.
pub fn count_overrun(rule: &str) {
    counter!("trustwatch_overruns_total", "rule" => rule.to_owned()).increment(1);
}

/// Counts a delivery.
pub fn count_delivery(outcome: &'static str) {
    counter!("trustwatch_deliveries_total", "outcome" => outcome).increment(1);
}

/// Shows how much work waits.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
pub fn show_waiting(sources_due: i64, deliveries: i64, failed: i64) {
    gauge!("trustwatch_sources_due").set(sources_due as f64);
    gauge!("trustwatch_deliveries_waiting").set(deliveries as f64);
    gauge!("trustwatch_deliveries_failed").set(failed as f64);
}

/// Shows how many sources are blind, by reason; what is not named any more is none.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
pub fn show_blind(blind: &[(String, i64)]) {
    static SHOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    for reason in shown.iter().filter(|reason| !blind.iter().any(|(known, _)| known == *reason)) {
        gauge!("trustwatch_sources_blind", "reason" => reason.clone()).set(0.0);
    }
    for (reason, n) in blind {
        gauge!("trustwatch_sources_blind", "reason" => reason.clone()).set(*n as f64);
        shown.insert(reason.clone());
    }
}

/// Marks a place where a crash would matter. With the feature `failpoints` the process kills itself
/// with SIGKILL at the n-th visit of the point that `TRUSTWATCH_KILL_AT=name[:n]` names; without it
/// this is nothing.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(feature = "failpoints")]
    kill_at(name);
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

#[cfg(feature = "failpoints")]
fn kill_at(name: &'static str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static VISITS: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("TRUSTWATCH_KILL_AT") else { return };
    let (wanted, nth) =
        wanted.split_once(':').map_or((wanted.as_str(), 1), |(name, n)| (name, n.parse().unwrap_or(1)));
    if wanted == name && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == nth {
        let _ = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        // The signal has been sent; nothing after this line may run.
        loop {
            std::thread::park();
        }
    }
}
