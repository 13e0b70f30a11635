//! Shadow mode: everything is decided and stored, and the operator alone gets mail.

use super::feeds::Feeds;
use super::process::{OPERATOR, Setup, now, until};
use crate::kill::items::Item;
use crate::smtp::sink::Sink;

#[tokio::test(flavor = "multi_thread")]
async fn shadow_mails_the_operator_alone_and_says_so() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    feeds.add("paper.example", Item::critical(1, "paper.example", now()));
    feeds.add("paper.example", Item::plain(2, "paper.example", now()));
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1s\"");
    let service = setup.run_with(&["--shadow"], &[]);
    until("alert and summary", || sink.received().len() == 2).await;
    feeds.add("paper.example", Item::critical(3, "paper.example", now()));
    until("the next alert", || sink.received().len() == 3).await;
    service.stop().await;
    for message in sink.received() {
        assert_eq!(message.to, [OPERATOR]);
        assert!(message.subject().starts_with("[shadow] [Northmere Valley] "), "{}", message.subject());
    }
    let hits: serde_json::Value =
        serde_json::from_slice(&setup.done("hits", &["list", "--json"]).stdout).unwrap();
    assert_eq!(hits.as_array().unwrap().len(), 3, "all is stored");
}
