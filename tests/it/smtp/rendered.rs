//! A mail that the daemon wrote, read back by a parser that others wrote.

use std::collections::BTreeMap;

use scraper::Selector;

use super::sink::{Received, Sink};
use crate::daemon::feeds::Feeds;
use crate::daemon::process::{COMMUNICATIONS, Setup, now, until};
use crate::kill::items::{Item, nhs_number};

/// How often each word stands there, whatever its capitals.
fn words(text: &str) -> BTreeMap<String, i32> {
    let mut words = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}

/// What a person reads of an HTML mail.
fn visible(html: &str) -> String {
    let page = trustwatch::markup::document(html);
    let body = page.select(&Selector::parse("body").unwrap()).next().unwrap();
    body.text().collect::<Vec<_>>().join(" ")
}

/// The words that only one of the two parts has, or has more often.
fn differences(message: &Received) -> Vec<String> {
    let parsed = message.parsed();
    let (text, html) = (words(&parsed.body_text(0).unwrap()), words(&visible(&parsed.body_html(0).unwrap())));
    let all: std::collections::BTreeSet<&String> = text.keys().chain(html.keys()).collect();
    all.into_iter().filter(|word| text.get(*word) != html.get(*word)).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_read_back_with_all_their_parts() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    feeds.add("paper.example", Item::critical(1, "paper.example", now()));
    feeds.add("paper.example", Item::plain(2, "paper.example", now()));
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1h\"");
    let before = now();
    let _daemon = setup.run();
    until("the alert and the summary", || sink.accepted().len() == 2).await;
    let received = sink.accepted();
    let find = |start: &str| received.iter().find(|message| message.subject().starts_with(start)).unwrap();

    let alert = find("[Northmere Valley] Critical");
    assert!(alert.subject().contains("paper.example"), "{}", alert.subject());
    assert_eq!(alert.header("X-Trustwatch-Kind"), "immediate");
    assert_eq!(differences(alert), ["what"], "the plain text has one heading more");
    let text = alert.text();
    let headings = [
        "WHAT",
        "WHERE AND WHEN",
        "HOW SURE",
        "HOW FAR",
        "WHAT TO DO NOW",
        "WHAT NOT TO DO",
        "WHY YOU ARE TOLD",
        "Clause:",
        "Number: TW-",
    ];
    let places: Vec<usize> = headings
        .iter()
        .map(|heading| text.find(heading).unwrap_or_else(|| panic!("{heading}: {text}")))
        .collect();
    assert!(places.is_sorted(), "what, where, how sure, how far, what to do, why: {text}");
    let digits: String = nhs_number(1).chars().filter(char::is_ascii_digit).collect();
    let raw: String = String::from_utf8_lossy(&alert.raw).chars().filter(char::is_ascii_digit).collect();
    assert!(!raw.contains(&digits), "no identifier leaves by mail");

    let summary = find("[Northmere Valley] First look");
    assert_eq!(summary.header("X-Trustwatch-Kind"), "backlog");
    for word in differences(summary) {
        assert!(["kind", "items", "why", "severity"].contains(&word.as_str()), "only one part says {word:?}");
    }

    for message in &received {
        let parsed = message.parsed();
        assert_eq!(message.to, [COMMUNICATIONS]);
        assert_eq!((parsed.text_body_count(), parsed.html_body_count()), (1, 1));
        assert!(message.header("Content-Type").starts_with("multipart/alternative"));
        assert_eq!(message.header("Auto-Submitted"), "auto-generated");
        assert_eq!(message.header("List-Id"), "Trustwatch alerts <alerts.northmerevalley.nhs.uk>");
        assert!(message.message_id().ends_with("@northmerevalley.nhs.uk"));
        let date = parsed.date().unwrap().to_timestamp();
        assert!((before.timestamp() - 1..=now().timestamp() + 1).contains(&date), "{date}");
    }
    assert_ne!(alert.message_id(), summary.message_id());
}
