//! Redirects: followed a few times, checked like any other address at every step.

use trustwatch::fetch::{FetchError, Refusal, Request};
use url::Url;

use super::server::{Asked, Server, Step, answer, moved};
use super::{HOST, at, error, fetcher, lines, page};

/// `/hop/3` leads to `/hop/2`, and so on; `/hop/0` is a page.
fn hops(asked: &Asked) -> Vec<Step> {
    match asked.path.strip_prefix("/hop/").and_then(|n| n.parse::<u32>().ok()) {
        Some(0) => answer("200 OK", "", "arrived"),
        Some(n) => moved(&format!("/hop/{}", n - 1)),
        None => answer("404 Not Found", "", ""),
    }
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    let server = Server::start(hops).await;
    let fetcher = fetcher(&server);
    let found = page(&fetcher, "/hop/5").await;
    assert_eq!(found.body, b"arrived");
    assert_eq!(found.url.path(), "/hop/0", "the page knows where it was in the end");
    let many = error(&fetcher, "/hop/6").await;
    assert_eq!(many.to_string(), "redirected more than 5 times");
    assert_eq!(many.reason(), "redirect");
}

#[tokio::test]
async fn every_redirect_status_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |asked| match asked.path.as_str() {
            "/old" => answer(&format!("{status} Moved"), "Location: /new\r\n", "moved"),
            _ => answer("200 OK", "", "new"),
        })
        .await;
        assert_eq!(page(&fetcher(&server), "/old").await.body, b"new", "{status}");
    }
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/a" => moved("/b"),
        "/b" => moved("/a"),
        _ => moved(&asked.path),
    })
    .await;
    let fetcher = fetcher(&server);
    assert_eq!(error(&fetcher, "/a").await.to_string(), "redirected in a circle");
    assert_eq!((server.count("/a"), server.count("/b")), (1, 1));
    assert_eq!(error(&fetcher, "/self").await.to_string(), "redirected in a circle");
    assert_eq!(server.count("/self"), 1);
}

#[tokio::test]
async fn locations_are_read_as_browsers_read_them() {
    for (location, arrives) in [
        ("new?x=1", "/folder/new?x=1"),
        ("../up", "/up"),
        ("/root", "/root"),
        ("?page=2", "/folder/old?page=2"),
        ("//other.example.com/there", "/there"),
        ("http://other.example.com/there", "/there"),
        ("/with#fragment", "/with"),
        ("  /padded  ", "/padded"),
    ] {
        let server = Server::start(move |asked| match asked.path.as_str() {
            "/folder/old" => moved(location),
            _ => answer("200 OK", "", "x"),
        })
        .await;
        let found = page(&fetcher(&server), "/folder/old").await;
        assert_eq!(&found.url[url::Position::BeforePath..], arrives, "{location}");
        assert_eq!(server.count(arrives), 1, "{location}");
    }
}

#[tokio::test]
async fn a_redirect_without_a_location_says_so() {
    let server = Server::start(|_| answer("302 Found", "", "")).await;
    assert_eq!(error(&fetcher(&server), "/").await.to_string(), "redirected without saying where");
}

#[tokio::test]
async fn redirects_to_refused_spellings_are_refused_without_a_connection() {
    let target = Server::start(|_| answer("200 OK", "", "reached")).await;
    let port = target.address.port();
    let mut locations = vec![
        format!("http://127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
        format!("//127.1:{port}/"),
        format!("http://user@127.0.0.1:{port}/"),
        format!("http:\\\\127.0.0.1:{port}\\"),
        format!("/\\127.0.0.1:{port}/"),
        format!("http://{HOST}:{port}/"),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
        "ftp://example.com/".to_owned(),
    ];
    // Absolute spellings of the list, as far as a header can carry them and a relative reading is not
    // meant: those join to the server's own host, which is where they then lead.
    let absolute = |line: &&String| line.is_ascii() && (line.contains("://") || !line.contains('/'));
    locations.extend(lines("refused_urls.txt").iter().filter(absolute).cloned());
    locations.retain(|location| !location.contains(['\r', '\n']));
    let script = locations.clone();
    let server = Server::start(move |asked| {
        let number: usize = asked.path.rsplit('/').next().unwrap().parse().unwrap();
        moved(&script[number])
    })
    .await;
    let fetcher = fetcher(&server);
    let mut refused = 0;
    for (number, location) in locations.iter().enumerate() {
        match fetcher.fetch(at(&format!("/to/{number}"))).await {
            Err(FetchError::Refused(_)) => refused += 1,
            Err(FetchError::Redirect(why)) => assert!(why.starts_with("to nowhere"), "{location}: {why}"),
            other => panic!("{location} was followed: {other:?}"),
        }
    }
    println!("{refused} of {} redirects refused by the guard, the rest unreadable", locations.len());
    assert!(refused >= 150, "{refused}");
    assert_eq!(target.connections().await, 0, "connected");
    assert!(server.asked().iter().all(|asked| asked.path.starts_with("/to/") || asked.path == "/robots.txt"));
}

#[tokio::test]
async fn a_redirect_cannot_leave_a_listed_loopback_address_for_an_unlisted_one() {
    let inner = Server::start(|_| answer("200 OK", "", "reached")).await;
    let to = format!("http://{}/", inner.address);
    let server = Server::start(move |_| moved(&to)).await;
    let url = Url::parse(&format!("http://{}/", server.address)).unwrap();
    let found = fetcher(&server).fetch(Request::new(url)).await;
    assert!(matches!(found, Err(FetchError::Refused(Refusal::NotPublic(_)))), "{found:?}");
    assert_eq!(inner.connections().await, 0, "connected");
}
