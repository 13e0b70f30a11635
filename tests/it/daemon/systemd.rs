//! What systemd is told: READY when the store answers, the watchdog fed, STOPPING.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::Connection;
use tempfile::TempDir;

use super::feeds::Feeds;
use super::health::get;
use super::postgres::Database;
use super::process::{Setup, free_port, until};
use crate::smtp::sink::Sink;

/// The socket on which systemd listens.
struct Systemd {
    _folder: TempDir,
    path: PathBuf,
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Systemd {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { _folder: folder, path, socket, heard: Vec::new() }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// How often a line was heard so far.
    fn count(&mut self, line: &str) -> usize {
        let mut buffer = [0; 4096];
        while let Ok(n) = self.socket.recv(&mut buffer) {
            self.heard.extend(String::from_utf8_lossy(&buffer[..n]).lines().map(str::to_owned));
        }
        self.heard.iter().filter(|heard| *heard == line).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_ready_watchdog_and_stopping_in_this_order() {
    let (feeds, sink, mut systemd) = (Feeds::start().await, Sink::start().await, Systemd::new());
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1s\"");
    let path = systemd.path().to_owned();
    let service = setup.run_with(&[], &[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "600000")]);
    until("READY and four feedings", || systemd.count("READY=1") == 1 && systemd.count("WATCHDOG=1") >= 4)
        .await;
    assert_eq!(systemd.count("STOPPING=1"), 0);
    service.stop().await;
    assert_eq!(systemd.count("STOPPING=1"), 1);
    assert_eq!(systemd.count("READY=1"), 1);
    let place = |line: &str| systemd.heard.iter().position(|heard| heard == line).unwrap();
    assert!(place("READY=1") < place("STOPPING=1"));
}

/// Another process holds the store: the service is there, and not ready.
#[tokio::test(flavor = "multi_thread")]
async fn ready_waits_for_the_store() {
    let (feeds, sink, mut systemd) = (Feeds::start().await, Sink::start().await, Systemd::new());
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1h\"");
    assert_eq!(setup.done("db", &["migrate"]).status.code(), Some(0));
    let mut other = sqlx::SqliteConnection::connect(&setup.store_options(None).url).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let path = systemd.path().to_owned();
    let mut service = setup.run_with(&[], &[("NOTIFY_SOCKET", &path)]);
    let ended = service.ended_within(Duration::from_secs(2)).await;
    assert_eq!(ended, None);
    assert_eq!(systemd.count("READY=1"), 0, "ready while the store does not answer");
    assert_eq!(feeds.asked("paper.example"), 0, "nothing is fetched that could not be stored");
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    until("READY", || systemd.count("READY=1") == 1).await;
    service.stop().await;
}

/// A service whose database has gone says so, and lets systemd start it anew.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_the_service_is_not_ready_and_the_watchdog_starves() {
    let Some(database) = Database::fresh().await else { return };
    let (feeds, sink, mut systemd) = (Feeds::start().await, Sink::start().await, Systemd::new());
    let port = free_port();
    let setup = Setup::new(&feeds, sink.port).web(port).store(&database.url);
    let setup = setup.source("paper", "paper.example", "every = \"1h\"");
    let path = systemd.path().to_owned();
    let service = setup.run_with(&[], &[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "600000")]);
    until("a service that is well", || systemd.count("WATCHDOG=1") >= 3).await;
    assert_eq!(get(port, "/readyz"), Some((200, "ok\n".to_owned())));
    database.remove().await;
    until("/readyz", || get(port, "/readyz").is_some_and(|(status, _)| status == 503)).await;
    let (_, said) = get(port, "/readyz").unwrap();
    assert!(said.contains("the store does not answer"), "{said}");
    assert_eq!(get(port, "/healthz").map(|(status, _)| status), Some(200), "the process itself is alive");
    until("the watchdog to be missed", || service.log().contains("the watchdog is not fed")).await;
    let fed = systemd.count("WATCHDOG=1");
    until("five more misses", || service.log().matches("the watchdog is not fed").count() >= 6).await;
    assert_eq!(systemd.count("WATCHDOG=1"), fed);
    service.stop().await;
}
