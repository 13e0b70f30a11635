//! robots.txt by RFC 9309: what its lines mean, what its absence or failure means, and that it is
//! asked for once.

use serde::Deserialize;
use trustwatch::fetch::{FetchError, Robots};
use url::Url;

use super::server::{Asked, Server, Step, answer, moved};
use super::{error, fetcher, fixture, page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    robots: String,
    agent: String,
    url: Url,
    allowed: bool,
    line: usize,
}

/// A server with this answer to robots.txt, and a page everywhere else.
async fn with_robots(robots: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static) -> Server {
    Server::with_robots(move |asked| match asked.path.as_str() {
        "/robots.txt" => robots(asked),
        "/rules/robots.txt" => answer("200 OK", "", "User-agent: *\nDisallow: /private/\n"),
        _ => answer("200 OK", "", "page"),
    })
    .await
}

#[test]
fn every_case_of_the_standard_is_decided_by_the_right_line() {
    let mut cases = Vec::new();
    for file in ["cases.toml", "rfc9309.toml", "syntax.toml", "real_sites.toml", "long.toml"] {
        let text = std::fs::read_to_string(fixture(&format!("robots/{file}"))).unwrap();
        cases.extend(toml::from_str::<Cases>(&text).unwrap().case);
    }
    assert!(cases.len() >= 570, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let ruling = Robots::parse(&case.robots, &case.agent).ruling(&case.url);
        if (ruling.allowed, ruling.line) != (case.allowed, case.line) {
            wrong.push(format!("{}: {ruling:?}, not {} by line {}", case.name, case.allowed, case.line));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_is_read_for_half_a_mebibyte_and_no_further() {
    let page = Url::parse("https://www.northmere-herald.example/news/1").unwrap();
    let file = |rule_ends_at: usize| {
        let (start, rule) = ("User-agent: *\n", "Disallow: /news\n");
        let rest = rule_ends_at - start.len() - rule.len();
        let comment = "#".repeat(99) + "\n";
        let padding = comment.repeat(rest / 100) + " ".repeat(rest % 100).as_str();
        format!("{start}{padding}{rule}")
    };
    for (end, allowed) in [(500 * 1024, false), (512 * 1024, false), (600 * 1024, true)] {
        assert_eq!(Robots::read(file(end).as_bytes(), "Trustwatch").ruling(&page).allowed, allowed, "{end}");
    }
}

#[tokio::test]
async fn a_site_without_rules_may_be_fetched() {
    for status in ["404 Not Found", "403 Forbidden", "401 Unauthorized", "410 Gone", "451 Legal"] {
        let server = with_robots(move |_| answer(status, "", "Disallow: /")).await;
        assert_eq!(page(&fetcher(&server), "/news").await.body, b"page", "{status}");
    }
}

#[tokio::test]
async fn a_site_whose_rules_cannot_be_read_is_left_alone() {
    let failing: [fn() -> Vec<Step>; 6] = [
        || answer("500 Oops", "", ""),
        || answer("503 Later", "Retry-After: 60\r\n", ""),
        || answer("429 Slow down", "", ""),
        || moved("/robots.txt"),
        || vec![Step::Send(b"no http".to_vec())],
        || answer("200 OK", "Content-Encoding: br\r\n", "no brotli"),
    ];
    for (number, robots) in failing.into_iter().enumerate() {
        let server = with_robots(move |_| robots()).await;
        let found = error(&fetcher(&server), "/news").await;
        assert!(matches!(found, FetchError::RobotsUnreachable(_)), "{number}: {found:?}");
        assert_eq!(server.count("/news"), 0, "{number}: the page was asked for all the same");
    }
}

#[tokio::test]
async fn a_web_page_in_place_of_rules_allows_everything() {
    let html = "<!doctype html><html><body><h1>Welcome</h1><p>User-agent: of the people</p></body></html>";
    let server = with_robots(move |_| answer("200 OK", "Content-Type: text/html\r\n", html)).await;
    assert_eq!(page(&fetcher(&server), "/news").await.body, b"page");
}

#[tokio::test]
async fn a_disallowed_page_is_not_asked_for_and_the_line_is_told() {
    let rules = "User-agent: *\nDisallow:\n\nUser-agent: trustwatch\nDisallow: /private/\n";
    let server = with_robots(move |_| answer("200 OK", "", rules)).await;
    let fetcher = fetcher(&server);
    match error(&fetcher, "/private/x").await {
        FetchError::Robots { line, rule } => assert_eq!((line, rule.as_str()), (5, "Disallow: /private/")),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.count("/private/x"), 0);
    assert_eq!(page(&fetcher, "/public").await.body, b"page");
}

#[tokio::test]
async fn a_redirect_to_a_disallowed_page_is_not_followed() {
    let server = Server::with_robots(|asked| match asked.path.as_str() {
        "/robots.txt" => answer("200 OK", "", "User-agent: *\nDisallow: /private/\n"),
        _ => moved("/private/x"),
    })
    .await;
    let found = error(&fetcher(&server), "/news").await;
    assert!(matches!(found, FetchError::Robots { line: 2, .. }), "{found:?}");
    assert_eq!((server.count("/news"), server.count("/private/x")), (1, 0));
}

#[tokio::test]
async fn rules_that_moved_are_followed() {
    let server = with_robots(|_| moved("/rules/robots.txt")).await;
    let fetcher = fetcher(&server);
    let found = error(&fetcher, "/private/x").await;
    assert!(matches!(found, FetchError::Robots { .. }), "{found:?}");
    assert_eq!(page(&fetcher, "/news").await.body, b"page");
    assert_eq!(server.count("/private/x"), 0);
}

#[tokio::test]
async fn rules_are_asked_for_once_for_many_pages() {
    let server = with_robots(|_| answer("200 OK", "", "User-agent: *\nDisallow: /private/\n")).await;
    let fetcher = fetcher(&server);
    for number in 0..10 {
        page(&fetcher, &format!("/news/{number}")).await;
    }
    assert_eq!(server.count("/robots.txt"), 1);
    assert_eq!(server.connections().await, 11);
}

#[tokio::test]
async fn rules_of_one_host_say_nothing_of_another() {
    let server = Server::with_robots(|asked| match (asked.path.as_str(), asked.header("host")) {
        ("/robots.txt", Some(super::HOST)) => answer("200 OK", "", "User-agent: *\nDisallow: /\n"),
        ("/robots.txt", _) => answer("404 Not Found", "", ""),
        _ => answer("200 OK", "", "page"),
    })
    .await;
    let fetcher = fetcher(&server);
    error(&fetcher, "/news").await;
    let other = Url::parse("http://other.example.com/news").unwrap();
    fetcher.fetch(trustwatch::fetch::Request::new(other)).await.unwrap();
    assert_eq!(server.count("/robots.txt"), 2);
}

#[tokio::test]
async fn what_follows_the_first_half_mebibyte_of_rules_is_not_read() {
    let rules = format!("User-agent: *\nDisallow: /private/\n{}\nDisallow: /news\n", "#".repeat(600 * 1024));
    let server = with_robots(move |_| answer("200 OK", "", &rules)).await;
    let fetcher = fetcher(&server);
    assert_eq!(page(&fetcher, "/news").await.body, b"page");
    assert!(matches!(error(&fetcher, "/private/x").await, FetchError::Robots { line: 2, .. }));
}
