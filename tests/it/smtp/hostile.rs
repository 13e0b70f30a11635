//! Text from outside stays text: no line of a body ends the message, no character of a title becomes a
//! header.

use serde_json::json;
use trustwatch::store::Rendered;

use super::post::{Post, TO, plaintext};
use super::sink::{Received, Sink};
use crate::daemon::feeds::Feeds;
use crate::daemon::process::{Setup, until};

/// Every header that a mail of ours has, in alphabetical order.
const HEADERS: [&str; 9] = [
    "Auto-Submitted",
    "Content-Type",
    "Date",
    "From",
    "List-Id",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
];

/// The names of the message's headers as they stand there, sorted; our own X-Trustwatch-Kind left out.
fn header_names(head: &str) -> Vec<String> {
    let begins = |line: &&str| !line.starts_with([' ', '\t']);
    let names = head.split("\r\n").filter(begins).map(|line| line.split(':').next().unwrap().to_owned());
    let mut names: Vec<String> = names.filter(|name| name != "X-Trustwatch-Kind").collect();
    names.sort();
    names
}

fn assert_only_our_headers(message: &Received) {
    let head = String::from_utf8(message.raw.clone()).unwrap();
    let head = head.split("\r\n\r\n").next().unwrap().to_owned();
    assert_eq!(header_names(&head), HEADERS);
    assert!(head.is_ascii() && !head.contains('\0'), "{head:?}");
    assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "lone CR or LF in {head:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_start_with_dots_arrive_intact_as_one_message() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    let text = "first\n.\nMAIL FROM:<evil@example.org>\n..\n...three\n.\n";
    let wicked = format!("{text}\r\n.\r\nMAIL FROM:<evil@example.org>\r\nlast");
    let html = format!("<pre>{wicked}</pre>");
    post.alert_of(
        1,
        &[TO],
        Rendered { subject: "dots".to_owned(), text: wicked.clone(), html: html.clone() },
    )
    .await;
    assert_eq!(post.deliverer(plaintext(sink.port)).round().await.unwrap(), 1);
    let received = sink.received();
    assert_eq!(received.len(), 1, "one message, and no second one out of its body");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(received[0].text().trim_end()), lines(&wicked));
    let parsed = received[0].parsed();
    assert_eq!(lines(parsed.body_html(0).unwrap().trim_end()), lines(&html));
    // On the wire no line but the last is a lone dot, and every leading dot is doubled.
    let wire = String::from_utf8(received[0].wire.clone()).unwrap();
    assert!(wire.contains("\r\n..\r\n"), "dots were stuffed: {wire}");
    assert!(!wire.lines().any(|line| line.starts_with('.') && !line.starts_with("..")), "{wire}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_with_line_ends_and_nul_makes_no_header() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    let wicked = [
        "Hi\r\nBcc: evil@example.org",
        "Hi\nBcc: evil@example.org",
        "Hi\rBcc: evil@example.org",
        "Hi\r\n\r\nThe body begins here",
        "Hi\0\u{85}\u{2028}Bcc: evil@example.org",
        "Hi =?utf-8?q?=0D=0ABcc:?= evil@example.org",
    ];
    for (number, subject) in (1..).zip(wicked) {
        let message = Rendered {
            subject: subject.to_owned(),
            text: "plain".to_owned(),
            html: "<p>plain</p>".to_owned(),
        };
        post.alert_of(number, &[TO], message).await;
    }
    assert_eq!(post.deliverer(plaintext(sink.port)).round().await.unwrap(), wicked.len());
    let received = sink.received();
    assert_eq!(received.len(), wicked.len());
    for message in &received {
        assert_only_our_headers(message);
        assert_eq!(message.text().trim(), "plain");
        assert_eq!(message.to, [TO]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_line_end_is_refused_and_never_spoken() {
    let (post, sink) = (Post::new().await, Sink::start().await);
    post.alert(1, &["a@example.org>\r\nRCPT TO:<evil@example.org", TO]).await;
    assert_eq!(post.deliverer(plaintext(sink.port)).round().await.unwrap(), 2);
    let states: Vec<String> = post.deliveries().await.into_iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, ["failed", "sent"]);
    let received = sink.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].to, [TO]);
}

/// The whole way: a feed whose titles, author, name and link try it all.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_feed_makes_no_header() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    let wicked = "\r\nBcc: evil@example.org\r\n\r\nBODY\u{0}\n.\r\n";
    let feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": format!("Forum{wicked}"),
        "items": [
            {
                "id": format!("1{wicked}"),
                "url": "http://forum.example/1?a=%0d%0aBcc:%20evil@example.org",
                "title": format!("Found on the bus{wicked}"),
                "authors": [{"name": format!("A{wicked}")}],
                "content_text": format!("A letter of Northmere Valley NHS Foundation Trust shows the NHS number {} of a patient.{wicked}", crate::kill::items::nhs_number(7)),
                "date_published": crate::daemon::process::now().to_rfc3339(),
            },
            {
                "id": "2",
                "url": "http://forum.example/2",
                "title": format!("Northmere Valley NHS Foundation Trust{wicked}"),
                "content_text": "It opened a garden.",
                "date_published": crate::daemon::process::now().to_rfc3339(),
            },
        ],
    });
    feeds.serve_raw("forum.example", "application/feed+json", &feed.to_string());
    let setup = Setup::new(&feeds, sink.port).licence("permission").source(
        "forum",
        "forum.example",
        "every = \"1h\"\ndocument_kind = \"forum\"",
    );
    let _daemon = setup.run();
    until("both mails", || sink.accepted().len() == 2).await;
    let received = sink.received();
    for message in &received {
        assert_only_our_headers(message);
        assert!(message.subject().starts_with("[Northmere Valley] "), "{}", message.subject());
        assert_eq!(message.to, [crate::daemon::process::COMMUNICATIONS]);
    }
    assert!(received.iter().any(|message| message.text().contains("Northmere Valley NHS Foundation Trust")));
}
