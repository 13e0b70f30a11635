//! A small web on loopback: feeds that grow while they are polled, each host with its own, and a count
//! of who asked for what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::task::JoinHandle;

use crate::kill::items::Item;

#[derive(Default)]
struct Shared {
    items: Mutex<HashMap<String, Vec<Item>>>,
    raw: Mutex<HashMap<String, (String, String)>>,
    asked: Mutex<HashMap<String, usize>>,
    hangs: AtomicBool,
}

/// The server; it ends when it is dropped.
pub(crate) struct Feeds {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Feeds {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { port, shared, serving }
    }

    /// A new item in the feed of `host`.
    pub(crate) fn add(&self, host: &str, item: Item) {
        self.shared.items.lock().unwrap().entry(host.to_owned()).or_default().push(item);
    }

    /// Every item so far.
    pub(crate) fn items(&self) -> Vec<Item> {
        self.shared.items.lock().unwrap().values().flatten().cloned().collect()
    }

    /// The feed of `host` is `body`.
    pub(crate) fn serve_raw(&self, host: &str, content_type: &str, body: &str) {
        let raw = (content_type.to_owned(), body.to_owned());
        self.shared.raw.lock().unwrap().insert(host.to_owned(), raw);
    }

    /// From now on feeds are asked for and never answered.
    pub(crate) fn hang(&self) {
        self.shared.hangs.store(true, Ordering::SeqCst);
    }

    /// How often the feed of `host` was asked for.
    pub(crate) fn asked(&self, host: &str) -> usize {
        self.shared.asked.lock().unwrap().get(host).copied().unwrap_or_default()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    if uri.path() != "/feed" {
        return page(&shared, &host, uri.path());
    }
    *shared.asked.lock().unwrap().entry(host.clone()).or_default() += 1;
    if shared.hangs.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    if let Some((kind, body)) = shared.raw.lock().unwrap().get(&host).cloned() {
        return ([(header::CONTENT_TYPE, kind)], body).into_response();
    }
    let items = shared.items.lock().unwrap().get(&host).cloned().unwrap_or_default();
    let etag = format!("\"{}\"", items.len());
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let kind = "application/rss+xml; charset=utf-8".to_owned();
    ([(header::CONTENT_TYPE, kind), (header::ETAG, etag)], rss(&host, &items)).into_response()
}

fn page(shared: &Shared, host: &str, path: &str) -> Response {
    let items = shared.items.lock().unwrap();
    let found = items.get(host).and_then(|items| items.iter().find(|item| item.path == path));
    let Some(item) = found else { return StatusCode::NOT_FOUND.into_response() };
    let html = format!(
        "<!doctype html><html lang=\"en-GB\"><head><meta charset=\"utf-8\"><title>{}</title></head><body><article><h1>{}</h1><p>{}</p></article></body></html>",
        item.title, item.title, item.text
    );
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// Hosts called `followed.…` say nothing in their feed: their pages have to be fetched.
fn rss(host: &str, items: &[Item]) -> String {
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel><title>{host}</title><link>http://{host}/</link><description>{host}</description>\n"
    );
    for item in items.iter().rev() {
        let text = if host.starts_with("followed.") { "" } else { &item.text };
        feed.push_str(&format!(
            "<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid><pubDate>{}</pubDate><description>{text}</description></item>\n",
            item.title, item.url, item.url, item.published.to_rfc2822()
        ));
    }
    feed + "</channel></rss>\n"
}
