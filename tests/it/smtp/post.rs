//! A real store with mails to send, and a clock that stands still until it is moved.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use trustwatch::alert::Deliverer;
use trustwatch::clock::{Clock, ManualClock};
use trustwatch::mail::{Mailer, Options, Security, Smtp, Transport};
use trustwatch::store::{NewAlert, NewDelivery, Rendered, Store};

/// Whom most mails go to.
pub(super) const TO: &str = "communications@northmerevalley.nhs.uk";

/// A store with its clock.
pub(super) struct Post {
    _folder: TempDir,
    url: String,
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Delivery {
    pub(super) recipient: String,
    pub(super) state: String,
    pub(super) attempts: i64,
    pub(super) detail: String,
}

/// A relay on this machine, in plaintext.
pub(super) fn plaintext(port: u16) -> Smtp {
    Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::Plaintext,
        timeout_s: 1,
        ..Smtp::default()
    }
}

impl Post {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
        let url = format!("sqlite:{}", folder.path().join("trustwatch.db").display());
        let options = trustwatch::store::Options {
            url: url.clone(),
            key_file: folder.path().join("trustwatch.key"),
            ..trustwatch::store::Options::default()
        };
        let store = Store::open(&options, clock.now().timestamp_millis()).await.unwrap();
        Self { _folder: folder, url, store, clock }
    }

    /// An alert of one text for `recipients`.
    pub(super) async fn alert(&self, number: u32, recipients: &[&str]) {
        let message = Rendered {
            subject: format!("[Northmere Valley] Alert {number}"),
            text: format!("Alert {number}.\n"),
            html: format!("<p>Alert {number}.</p>"),
        };
        self.alert_of(number, recipients, message).await;
    }

    pub(super) async fn alert_of(&self, number: u32, recipients: &[&str], message: Rendered) {
        let deliveries = recipients
            .iter()
            .map(|recipient| NewDelivery { recipient: (*recipient).to_owned(), channel: Mailer::channel() });
        let alert = NewAlert {
            kind: "immediate",
            organisation: "northmere".to_owned(),
            message_id: format!("<{number}@northmerevalley.nhs.uk>"),
            message,
            deliveries: deliveries.collect(),
            decisions: Vec::new(),
            waited: Vec::new(),
            gaps: Vec::new(),
        };
        let now = self.clock.now().timestamp_millis();
        self.store.record_alerts(&[], &[], &[alert], now).await.unwrap().unwrap();
    }

    /// Whoever sends through `smtp`.
    pub(super) fn deliverer(&self, smtp: Smtp) -> Deliverer {
        let options = Options {
            transport: Transport::Smtp,
            from: "Trustwatch <trustwatch@northmerevalley.nhs.uk>".to_owned(),
            smtp,
            ..Options::default()
        };
        assert_eq!(options.check(), []);
        let mailer = Mailer::new(&options).unwrap();
        Deliverer::new(self.store.clone(), mailer, Duration::from_secs(180), self.clock.clone())
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.advance(chrono::Duration::seconds(seconds));
    }

    /// Every delivery, oldest first.
    pub(super) async fn deliveries(&self) -> Vec<Delivery> {
        let pool = sqlx::SqlitePool::connect(&self.url).await.unwrap();
        let sql = "SELECT recipient, state, attempts, detail FROM delivery ORDER BY id";
        let rows = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows
    }

    /// What became of the only delivery.
    pub(super) async fn only(&self) -> Delivery {
        let mut all = self.deliveries().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}
