//! SIGTERM ends the service well and in time, whatever hangs; what it could not finish is done later.

use std::time::Duration;

use super::feeds::Feeds;
use super::process::{Setup, now, until};
use crate::kill::items::Item;
use crate::smtp::sink::{Act, Sink, Verb};

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_service_ends_at_once() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1h\"");
    let service = setup.run();
    until("the first poll", || feeds.asked("paper.example") == 1 && service.log().contains("watching")).await;
    let took = service.stop().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_hangs_does_not_hold_up_the_end() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    feeds.hang();
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1h\"");
    let service = setup.run();
    until("the fetch", || feeds.asked("paper.example") == 1).await;
    // `stop` expects exit code 0 within 20 s.
    service.stop().await;
    assert_eq!(setup.done("db", &["check"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_hangs_does_not_hold_up_the_end_and_gets_the_same_mail_later() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    sink.script(|step| if step.verb == Verb::Dot { Act::Hang } else { Act::Usual });
    feeds.add("paper.example", Item::critical(1, "paper.example", now()));
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1h\"");
    let service = setup.run();
    until("the mail", || sink.received().len() == 1).await;
    service.stop().await;
    sink.recover();
    let again = setup.run();
    until("the mail again", || sink.accepted().len() == 1).await;
    again.stop().await;
    let received = sink.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].message_id(), received[1].message_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_the_service_at_once() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    feeds.hang();
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1h\"");
    let mut service = setup.run();
    until("the fetch", || feeds.asked("paper.example") == 1).await;
    service.terminate();
    until("the first signal to be heard", || service.log().contains("finishing what is under way")).await;
    assert!(
        service.ended_within(Duration::from_millis(500)).await.is_none(),
        "one signal waits for the fetch"
    );
    service.terminate();
    let status = service.ended_within(Duration::from_secs(3)).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0));
    assert_eq!(setup.done("db", &["check"]).status.code(), Some(0));
}
