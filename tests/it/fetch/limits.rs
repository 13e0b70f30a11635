//! Limits: bytes before and after decoding, time until something comes and until all has come.

use std::time::Duration;

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use trustwatch::fetch::{FetchError, Fetcher, Options, TimeLimit};

use super::server::{Server, Step, answer, head};
use super::{error, fetcher, fetcher_with, options, page};

/// Far beyond any limit set here, far below the default ones.
const GENEROUS: Duration = Duration::from_secs(15);
const MIB: usize = 1024 * 1024;

pub(crate) async fn packed(encoding: &str, plain: &[u8]) -> Vec<u8> {
    macro_rules! with {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            encoder.write_all(plain).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }};
    }
    match encoding {
        "gzip" => with!(GzipEncoder),
        "br" => with!(BrotliEncoder),
        "zstd" => with!(ZstdEncoder),
        _ => with!(ZlibEncoder),
    }
}

/// A server whose one page is `body` under `headers`.
async fn serving(headers: &str, body: Vec<u8>) -> Server {
    let headers = headers.to_owned();
    Server::start(move |_| answer("200 OK", &headers, &body)).await
}

fn small(server: &Server) -> Fetcher {
    fetcher_with(Options { max_wire_bytes: 64 * 1024, max_body_bytes: 256 * 1024, ..options(server) })
}

fn hasty(server: &Server) -> Fetcher {
    fetcher_with(Options { first_byte_timeout_s: 1, total_timeout_s: 2, ..options(server) })
}

#[tokio::test]
async fn every_encoding_that_we_name_is_undone() {
    let text = "A mention of the Trust. ".repeat(200);
    for (encoding, label) in [
        ("gzip", "gzip"),
        ("gzip", "x-gzip"),
        ("gzip", " GZip "),
        ("br", "br"),
        ("zstd", "zstd"),
        ("deflate", "deflate"),
    ] {
        let body = packed(encoding, text.as_bytes()).await;
        let sent = body.len() as u64;
        let server = serving(&format!("Content-Encoding: {label}\r\n"), body).await;
        let found = page(&fetcher(&server), "/").await;
        assert_eq!(String::from_utf8_lossy(&found.body), text, "{label}");
        assert_eq!(found.wire_bytes, sent, "{label}: counted as sent");
    }
}

#[tokio::test]
async fn a_gzip_body_of_several_members_is_read_whole() {
    let body = [packed("gzip", b"first ").await, packed("gzip", b"second").await].concat();
    let server = serving("Content-Encoding: gzip\r\n", body).await;
    assert_eq!(page(&fetcher(&server), "/").await.body, b"first second");
}

#[tokio::test]
async fn bombs_end_at_the_limit_after_decoding() {
    let plain = vec![b' '; 24 * MIB];
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let bomb = packed(encoding, &plain).await;
        assert!(bomb.len() < 64 * 1024, "{encoding}: {} bytes make a bomb", bomb.len());
        let server = serving(&format!("Content-Encoding: {encoding}\r\n"), bomb).await;
        for fetcher in [small(&server), fetcher(&server)] {
            let found = error(&fetcher, "/").await;
            let stopped = matches!(found, FetchError::TooLarge { stage: "after decoding", .. });
            assert!(stopped, "{encoding}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_grows_a_hundredfold_is_refused_though_it_is_small_enough() {
    let body = packed("gzip", &vec![b' '; 4 * MIB]).await;
    let server = serving("Content-Encoding: gzip\r\n", body).await;
    let found = error(&fetcher(&server), "/").await;
    assert!(matches!(found, FetchError::TooLarge { stage: "after decoding", .. }), "{found:?}");
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_read_and_one_byte_more_is_not() {
    let server = serving("", vec![b'x'; 64 * 1024]).await;
    assert_eq!(page(&small(&server), "/").await.body.len(), 64 * 1024);
    let server = serving("", vec![b'x'; 64 * 1024 + 1]).await;
    let found = error(&small(&server), "/").await;
    assert!(matches!(found, FetchError::TooLarge { limit: 65_536, stage: "as sent" }), "{found:?}");
}

#[tokio::test]
async fn a_body_larger_than_the_limit_after_decoding_is_refused_without_encoding_too() {
    let server = serving("", vec![b'x'; 2000]).await;
    let options = Options { max_body_bytes: 1000, ..options(&server) };
    let found = error(&fetcher_with(options), "/").await;
    assert!(matches!(found, FetchError::TooLarge { limit: 1000, .. }), "{found:?}");
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit_as_sent() {
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000)).into_bytes();
    let chunked = Server::start(move |_| {
        let start = head("200 OK", "Transfer-Encoding: chunked\r\n");
        vec![Step::Send(start), Step::Forever(chunk.clone(), Duration::ZERO)]
    })
    .await;
    let until_close = Server::start(|_| {
        vec![Step::Send(head("200 OK", "")), Step::Forever(vec![b'x'; 8192], Duration::ZERO)]
    })
    .await;
    for server in [chunked, until_close] {
        let started = Instant::now();
        let found = error(&small(&server), "/").await;
        assert!(matches!(found, FetchError::TooLarge { limit: 65_536, stage: "as sent" }), "{found:?}");
        assert!(started.elapsed() < GENEROUS);
    }
}

#[tokio::test]
async fn a_length_that_promises_too_much_is_not_waited_for() {
    let server = Server::start(|_| {
        vec![
            Step::Send(head("200 OK", "Content-Length: 99999999999\r\n")),
            Step::Forever(vec![b'x'; 8192], Duration::ZERO),
        ]
    })
    .await;
    let found = error(&small(&server), "/").await;
    assert!(matches!(found, FetchError::TooLarge { stage: "as sent", .. }), "{found:?}");
}

#[tokio::test]
async fn a_wrong_label_is_an_error_or_harmless() {
    // Labelled and not compressed: common, and read as it is.
    let server = serving("Content-Encoding: gzip\r\n", b"<rss/>".to_vec()).await;
    assert_eq!(page(&fetcher(&server), "/").await.body, b"<rss/>");
    for label in ["br", "zstd", "deflate"] {
        let server =
            serving(&format!("Content-Encoding: {label}\r\n"), b"<rss>no such thing</rss>".to_vec()).await;
        let found = error(&fetcher(&server), "/").await;
        assert!(matches!(found, FetchError::Encoding(_)), "{label}: {found:?}");
    }
}

#[tokio::test]
async fn unknown_and_double_layers_are_refused() {
    let twice = packed("br", &packed("gzip", b"<rss/>").await).await;
    for headers in [
        "Content-Encoding: gzip, br\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: br\r\n",
        "Content-Encoding: br\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: compress\r\n",
        "Content-Encoding: zip\r\n",
    ] {
        let server = serving(headers, twice.clone()).await;
        let found = error(&fetcher(&server), "/").await;
        assert!(matches!(found, FetchError::Encoding(_)), "{headers:?}: {found:?}");
        assert_eq!(found.reason(), "encoding");
    }
}

#[tokio::test]
async fn a_body_cut_short_is_an_error_and_never_a_shorter_body() {
    let short = Server::start(|_| {
        vec![Step::Send([head("200 OK", "Content-Length: 1000\r\n"), b"<rss>".to_vec()].concat())]
    })
    .await;
    let unfinished = Server::start(|_| {
        let start = head("200 OK", "Transfer-Encoding: chunked\r\n");
        vec![Step::Send([start, b"5\r\n<rss>\r\n".to_vec()].concat())]
    })
    .await;
    for server in [short, unfinished] {
        let found = error(&fetcher(&server), "/").await;
        assert!(matches!(found, FetchError::Network(_)), "{found:?}");
    }
    let text: String = (0..5000).map(|n: u32| n.to_string()).collect();
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let mut body = packed(encoding, text.as_bytes()).await;
        body.truncate(body.len() / 2);
        let server = serving(&format!("Content-Encoding: {encoding}\r\n"), body).await;
        let found = error(&fetcher(&server), "/").await;
        assert!(matches!(found, FetchError::Encoding(_)), "{encoding}: {found:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start(|_| vec![Step::Silence]).await;
    let started = Instant::now();
    let found = error(&hasty(&server), "/").await;
    assert!(matches!(found, FetchError::Timeout { what: TimeLimit::FirstByte, .. }), "{found:?}");
    assert!(started.elapsed() < GENEROUS);
}

#[tokio::test]
async fn a_slow_drip_is_given_up_in_head_and_body() {
    let drip =
        |start: Vec<u8>| vec![Step::Send(start), Step::Forever(b"x".to_vec(), Duration::from_millis(50))];
    let in_body = Server::start(move |_| drip(head("200 OK", ""))).await;
    let in_head = Server::start(move |_| drip(b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec())).await;
    for (server, limit) in [(in_body, TimeLimit::Total), (in_head, TimeLimit::FirstByte)] {
        let started = Instant::now();
        let found = error(&hasty(&server), "/").await;
        assert!(matches!(found, FetchError::Timeout { what, .. } if what == limit), "{found:?}");
        assert!(started.elapsed() < GENEROUS);
    }
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_given_up() {
    let server =
        Server::start(|_| vec![Step::Send(head("200 OK", "Content-Length: 10\r\n")), Step::Silence]).await;
    let started = Instant::now();
    let found = error(&hasty(&server), "/").await;
    assert!(matches!(found, FetchError::Timeout { .. }), "{found:?}");
    assert!(started.elapsed() < GENEROUS);
}

#[tokio::test]
async fn a_slow_chain_of_redirects_ends_with_the_whole_fetch() {
    let server = Server::start(|asked| {
        let n: u32 = asked.path[1..].parse().unwrap_or_default();
        let mut steps = super::server::moved(&format!("/{}", n + 1));
        let Some(Step::Send(bytes)) = steps.pop() else { return steps };
        vec![Step::Pause(Duration::from_millis(700)), Step::Send(bytes)]
    })
    .await;
    let found = error(&hasty(&server), "/0").await;
    assert!(matches!(found, FetchError::Timeout { what: TimeLimit::Total, .. }), "{found:?}");
}

#[tokio::test]
async fn a_flood_of_headers_ends() {
    let many = (0..5000).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let many = serving(&many, b"x".to_vec()).await;
    let long = serving(&format!("X-Long: {}\r\n", "y".repeat(2 * MIB)), b"x".to_vec()).await;
    let endless = Server::start(|_| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Step::Forever(b"X-A: y\r\n".to_vec(), Duration::ZERO),
        ]
    })
    .await;
    for server in [many, long, endless] {
        let started = Instant::now();
        let found = error(&hasty(&server), "/").await;
        assert!(matches!(found, FetchError::Network(_)), "{found:?}");
        assert!(started.elapsed() < GENEROUS);
    }
}
