//! What servers answer: conditional requests, statuses, Retry-After, and what we tell of ourselves.

use std::time::Duration;

use trustwatch::fetch::{FailureClass, FetchError, Fetched, Rules, Validators};

use super::server::{Server, answer};
use super::{at, error, fetcher, page};

#[tokio::test]
async fn validators_are_sent_back_verbatim_and_304_is_told() {
    for etag in
        ["\"strong\"", "W/\"weak, with commas\"", "unquoted-as-some-do", "W/\"with \\\" inside\"", "\"\""]
    {
        let modified = "Sun, 22 Nov 2026  09:00:00 GMT";
        let headers = format!("ETag: {etag}\r\nLast-Modified: {modified}\r\n");
        let server = Server::start(move |asked| match asked.header("if-none-match") {
            Some(known) if known == etag && asked.header("if-modified-since") == Some(modified) => {
                answer("304 Not Modified", "", "")
            }
            Some(other) => answer("200 OK", "", format!("asked with {other}")),
            None => answer("200 OK", &headers, "first"),
        })
        .await;
        let fetcher = fetcher(&server);
        let first = page(&fetcher, "/feed").await;
        assert_eq!(first.body, b"first");
        let expected = Validators { etag: Some(etag.to_owned()), last_modified: Some(modified.to_owned()) };
        assert_eq!(first.validators, expected);
        let mut again = at("/feed");
        again.validators = first.validators;
        let second = fetcher.fetch(again).await.unwrap();
        assert!(matches!(second, Fetched::NotModified(_)), "{etag}: {second:?}");
    }
}

#[tokio::test]
async fn nothing_is_asked_conditionally_where_nothing_is_known() {
    let server = Server::start(|_| answer("200 OK", "", "x")).await;
    let found = page(&fetcher(&server), "/feed").await;
    assert_eq!(found.validators, Validators::default());
    for asked in server.asked() {
        assert!(asked.header("if-none-match").is_none() && asked.header("if-modified-since").is_none());
    }
}

#[tokio::test]
async fn a_304_to_a_plain_request_is_no_page_that_was_read() {
    let server = Server::start(|_| answer("304 Not Modified", "", "")).await;
    let found = error(&fetcher(&server), "/feed").await;
    assert_eq!(found.status(), Some(304));
}

#[tokio::test]
async fn validators_with_line_breaks_make_no_header() {
    let server = Server::start(|_| answer("200 OK", "", "x")).await;
    let mut request = at("/feed");
    request.rules = Rules::None;
    request.validators = Validators {
        etag: Some("\"a\"\r\nX-Injected: 1".to_owned()),
        last_modified: Some("a\nb: c".to_owned()),
    };
    fetcher(&server).fetch(request).await.unwrap();
    let asked = server.asked();
    assert!(asked[0].header("x-injected").is_none() && asked[0].header("b").is_none(), "{}", asked[0].head);
}

#[tokio::test]
async fn gone_is_told_apart_from_missing() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/gone" => answer("410 Gone", "", ""),
        _ => answer("404 Not Found", "", ""),
    })
    .await;
    let fetcher = fetcher(&server);
    let gone = error(&fetcher, "/gone").await;
    assert!(matches!(gone, FetchError::Gone), "{gone:?}");
    assert_eq!((gone.status(), gone.class()), (Some(410), FailureClass::Hard));
    let missing = error(&fetcher, "/missing").await;
    assert_eq!((missing.status(), missing.class()), (Some(404), FailureClass::Hard));
}

#[tokio::test]
async fn retry_after_is_obeyed_in_seconds_and_dates_and_never_beyond_a_day() {
    for (header, seconds) in [
        ("120", Some(120)),
        ("Sun, 22 Nov 2026 12:10:00 GMT", Some(600)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", Some(0)),
        ("316800", Some(86_400)),
        ("99999999999999999999999999", Some(86_400)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
        ("in a while", None),
        ("-1", None),
    ] {
        for (status, class) in [(429, FailureClass::Soft), (503, FailureClass::Soft)] {
            let server = Server::start(move |_| {
                answer(&format!("{status} Later"), &format!("Retry-After: {header}\r\n"), "")
            })
            .await;
            let found = error(&fetcher(&server), "/feed").await;
            assert_eq!(found.status(), Some(status), "{header}");
            assert_eq!(found.retry_after(), seconds.map(Duration::from_secs), "{header}");
            assert_eq!(found.class(), class, "{header}");
        }
    }
}

#[tokio::test]
async fn statuses_that_nobody_knows_are_failures_with_their_number() {
    for status in [204, 206, 299] {
        let server = Server::start(move |_| answer(&format!("{status} Odd"), "", "")).await;
        assert!(page(&fetcher(&server), "/").await.body.is_empty(), "{status} is a success without a body");
    }
    for (status, class) in [
        (300, FailureClass::Hard),
        (305, FailureClass::Hard),
        (399, FailureClass::Hard),
        (401, FailureClass::Hard),
        (408, FailureClass::Soft),
        (418, FailureClass::Hard),
        (451, FailureClass::Hard),
        (500, FailureClass::Soft),
        (599, FailureClass::Soft),
        (777, FailureClass::Soft),
        (999, FailureClass::Soft),
    ] {
        let server = Server::start(move |_| answer(&format!("{status} Odd"), "", "body")).await;
        let found = error(&fetcher(&server), "/").await;
        assert_eq!((found.status(), found.class()), (Some(status), class), "{status}");
        assert_eq!(found.to_string(), format!("the server answered {status}"));
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_failed_connection() {
    for bytes in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        let server = Server::start(move |_| vec![super::server::Step::Send(bytes.as_bytes().to_vec())]).await;
        let found = error(&fetcher(&server), "/").await;
        assert!(matches!(found, FetchError::Network(_)), "{bytes:?}: {found:?}");
        assert_eq!(found.class(), FailureClass::Temporary);
    }
}

#[tokio::test]
async fn every_request_says_who_asks_and_how_to_reach_them() {
    let server = Server::start(|_| answer("200 OK", "", "x")).await;
    page(&fetcher(&server), "/feed").await;
    let asked = server.asked();
    assert_eq!(asked.len(), 2, "robots.txt and the page");
    for asked in asked {
        let agent = asked.header("user-agent").unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(agent, format!("Trustwatch/{version} (+watch@trust.example)"));
        assert_eq!(asked.header("host"), Some(super::HOST), "the page's own host, not the dialled address");
        assert!(asked.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")));
        assert!(asked.header("referer").is_none());
    }
}

#[tokio::test]
async fn cookies_are_not_sent_back() {
    let cookie = "Set-Cookie: id=1; Path=/\r\nSet-Cookie: track=2; Domain=example.com\r\n";
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/start" => answer("302 Found", &format!("{cookie}Location: /end\r\n"), ""),
        _ => answer("200 OK", cookie, "x"),
    })
    .await;
    let fetcher = fetcher(&server);
    page(&fetcher, "/start").await;
    page(&fetcher, "/end").await;
    let asked = server.asked();
    assert_eq!(asked.len(), 4, "robots.txt, start, end twice");
    assert!(asked.iter().all(|asked| asked.header("cookie").is_none()));
}
