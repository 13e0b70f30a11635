//! What monitoring asks over HTTP: alive, ready, metrics. Bound to its own address, loopback unless an
//! operator says otherwise.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::problem::Problem;
use crate::store::Store;
use crate::telemetry;

/// Where monitoring asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Address and port; empty for none.
    pub listen: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9464".to_owned() }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        if self.listen.is_empty() || self.listen.parse::<std::net::SocketAddr>().is_ok() {
            return Vec::new();
        }
        vec![Problem::at(
            "listen",
            format!("{:?} is no address with a port, such as 127.0.0.1:9464", self.listen),
        )]
    }
}

/// When the scheduler last went round (ms).
pub type Heartbeat = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What the answers rest on.
#[derive(Clone)]
pub struct Health {
    /// Asked whether it answers.
    pub store: Store,
    /// Asked whether it moves.
    pub heartbeat: Heartbeat,
    /// Tells the time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Option<PrometheusHandle>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

/// The scheduler goes round every few seconds; after this it hangs (ms).
const MAX_STILL_MS: i64 = 30_000;
/// Mail that waits longer than this is a failure of the service (ms).
const MAX_MAIL_WAIT_MS: i64 = 30 * 60_000;

/// The outbox is worked off every second; after this nobody does (ms).
const MAX_UNDECIDED_MS: i64 = 5 * 60_000;

impl Health {
    /// What is wrong, in sentences; nothing when the service is well.
    pub async fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let now = self.clock.now().timestamp_millis();
        let still = now - (self.heartbeat)();
        if still > MAX_STILL_MS {
            wrong.push(format!("the scheduler has not moved for {} s", still / 1000));
        }
        match self.store.deliveries_waiting(now).await {
            Err(error) => wrong.push(format!("the store does not answer: {error}")),
            Ok(mail) => {
                if let Some(oldest) = mail.oldest.filter(|oldest| now - oldest > MAX_MAIL_WAIT_MS) {
                    wrong.push(format!(
                        "{} mails wait, the oldest for {} minutes",
                        mail.waiting,
                        (now - oldest) / 60_000
                    ));
                }
                if mail.failed > 0 {
                    wrong.push(format!("{} mails of the last day were refused for good", mail.failed));
                }
                if let Ok(due) = self.store.overdue(now).await {
                    telemetry::show_waiting(due, mail.waiting, mail.failed);
                }
                if let Ok(blind) = self.store.blind_now().await {
                    telemetry::show_blind(&blind);
                }
                let undecided = self.store.outbox_since().await.ok().flatten();
                if let Some(since) = undecided.filter(|since| now - since > MAX_UNDECIDED_MS) {
                    wrong.push(format!(
                        "hits wait for a decision, the oldest for {} minutes",
                        (now - since) / 60_000
                    ));
                }
            }
        }
        wrong
    }
}

/// Answers until `stop`.
///
/// # Errors
/// When the socket fails.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .with_state(health);
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// The process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// The service does its work.
async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let wrong = health.wrong().await;
    if wrong.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, wrong.join("\n") + "\n")
    }
}

async fn show_metrics(State(health): State<Health>) -> impl IntoResponse {
    // Gauges are read when they are asked for.
    let _ = health.wrong().await;
    let body = health.metrics.as_ref().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body)
}
