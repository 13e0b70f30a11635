//! What monitoring is told, and that a restart goes on where the service stopped.

use std::io::{Read, Write};

use super::feeds::Feeds;
use super::process::{Setup, free_port, now, until};
use crate::kill::items::Item;
use crate::smtp::sink::Sink;

/// The answer to a GET: status and body; `None` while nobody listens.
pub(super) fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn monitoring_is_answered_and_metrics_are_named() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    feeds.add("paper.example", Item::critical(1, "paper.example", now()));
    let port = free_port();
    let setup = Setup::new(&feeds, sink.port).web(port).source("paper", "paper.example", "every = \"1s\"");
    let service = setup.run();
    until("/healthz", || get(port, "/healthz") == Some((200, "ok\n".to_owned()))).await;
    until("/readyz", || get(port, "/readyz") == Some((200, "ok\n".to_owned()))).await;
    assert_eq!(get(port, "/nothing").unwrap().0, 404);
    until("the mail", || sink.accepted().len() == 1).await;
    let delivered = "trustwatch_deliveries_total{outcome=\"sent\"} 1";
    until("the mail in the metrics", || {
        get(port, "/metrics").is_some_and(|(_, body)| body.contains(delivered))
    })
    .await;
    let (status, metrics) = get(port, "/metrics").unwrap();
    assert_eq!(status, 200);
    let names = [
        "trustwatch_polls_total",
        "trustwatch_entries_total",
        "trustwatch_hits_total",
        "trustwatch_deliveries_total",
        "trustwatch_poll_seconds",
        "trustwatch_sources_due",
        "trustwatch_deliveries_waiting",
    ];
    for name in names {
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} is not described:\n{metrics}");
        let value = |line: &&str| {
            line.starts_with(&format!("{name} "))
                || line.starts_with(&format!("{name}{{"))
                || line.starts_with(&format!("{name}_count"))
        };
        assert!(metrics.lines().any(|line| value(&line)), "{name} has no value:\n{metrics}");
    }
    assert!(metrics.contains("trustwatch_hits_total{severity=\"critical\"} 1"), "{metrics}");
    assert!(metrics.contains("trustwatch_deliveries_waiting 0"), "{metrics}");
    service.stop().await;
    assert_eq!(get(port, "/healthz"), None, "the address is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_poll_everything_again() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    feeds.add("slow.example", Item::plain(1, "slow.example", now()));
    feeds.add("quick.example", Item::plain(2, "quick.example", now()));
    let setup = Setup::new(&feeds, sink.port).source("slow", "slow.example", "every = \"1h\"").source(
        "quick",
        "quick.example",
        "every = \"1s\"",
    );
    let first = setup.run();
    until("both feeds", || feeds.asked("slow.example") == 1 && feeds.asked("quick.example") >= 2).await;
    first.stop().await;
    for _ in 0..2 {
        let before = feeds.asked("quick.example");
        let again = setup.run();
        until("the quick feed", || feeds.asked("quick.example") >= before + 3).await;
        again.stop().await;
    }
    assert_eq!(feeds.asked("slow.example"), 1, "its hour is not over");
    assert_eq!(sink.accepted().len(), 1, "one summary of the first pass, and no other");
}
