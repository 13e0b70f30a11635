//! The world over real HTTP on loopback, under its own host names.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::world::{Form, Item, Site, World};
use crate::secret::sha256_hex;

/// What the server knows.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) world: Arc<World>,
    pub(super) start: DateTime<Utc>,
    pub(super) since: Instant,
}

/// Serves until the task is dropped.
pub(super) async fn serve(listener: TcpListener, served: Served) -> std::io::Result<()> {
    axum::serve(listener, Router::new().fallback(answer).with_state(served)).await
}

async fn answer(State(served): State<Served>, uri: Uri, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Some(site) = served.world.site(host) else { return StatusCode::NOT_FOUND.into_response() };
    let items = served.world.items(site, served.since.elapsed().as_secs());
    let Some((kind, body)) = body(site, &items, uri.path(), served.start) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", &sha256_hex(body.as_bytes())[..16]);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::ETAG, etag)], body).into_response()
}

fn body(site: &Site, items: &[&Item], path: &str, start: DateTime<Utc>) -> Option<(&'static str, String)> {
    match (site.form, path) {
        (Form::Feed | Form::Followed, "/feed") => {
            Some(("application/rss+xml; charset=utf-8", rss(site, items, start)))
        }
        (Form::Atom, "/feed") => Some(("application/atom+xml; charset=utf-8", atom(site, items, start))),
        (Form::Json, "/feed.json") => Some(("application/feed+json", json_feed(site, items, start))),
        _ => items
            .iter()
            .find(|item| item.path == path)
            .map(|item| ("text/html; charset=utf-8", page(site, item, start))),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn rss(site: &Site, items: &[&Item], start: DateTime<Utc>) -> String {
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel><title>{}</title><link>http://{}/</link><description>{}</description>\n",
        escaped(&site.name),
        site.host,
        escaped(&site.name)
    );
    for item in items {
        let text = if site.form == Form::Followed { String::new() } else { escaped(&item.html) };
        feed.push_str(&format!(
            "<item><title>{}</title><link>http://{}{}</link><guid isPermaLink=\"false\">{}{}</guid><dc:creator>{}</dc:creator><pubDate>{}</pubDate><description>{text}</description></item>\n",
            escaped(&item.title), site.host, item.path, site.id, item.path, escaped(&item.author), item.published(start).to_rfc2822()
        ));
    }
    feed + "</channel></rss>\n"
}

fn atom(site: &Site, items: &[&Item], start: DateTime<Utc>) -> String {
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>{}</title><id>http://{}/</id><updated>{}</updated>\n",
        escaped(&site.name),
        site.host,
        start.to_rfc3339()
    );
    for item in items {
        feed.push_str(&format!(
            "<entry><title>{}</title><link href=\"http://{}{}\"/><id>tag:{}{}</id><author><name>{}</name></author><updated>{}</updated><content type=\"html\">{}</content></entry>\n",
            escaped(&item.title), site.host, item.path, site.host, item.path, escaped(&item.author), item.published(start).to_rfc3339(), escaped(&item.html)
        ));
    }
    feed + "</feed>\n"
}

fn json_feed(site: &Site, items: &[&Item], start: DateTime<Utc>) -> String {
    let items: Vec<serde_json::Value> = items
        .iter()
        .map(|item| {
            serde_json::json!({
                "id": format!("http://{}{}", site.host, item.path),
                "url": format!("http://{}{}", site.host, item.path),
                "title": item.title,
                "content_html": item.html,
                "date_published": item.published(start).to_rfc3339(),
                "authors": [{"name": item.author}],
            })
        })
        .collect();
    serde_json::json!({"version": "https://jsonfeed.org/version/1.1", "title": site.name, "items": items})
        .to_string()
}

/// A page with the furniture that real sites have around their text.
fn page(site: &Site, item: &Item, start: DateTime<Utc>) -> String {
    let (site_name, title, host) = (escaped(&site.name), escaped(&item.title), &site.host);
    let (author, published) = (escaped(&item.author), item.published(start).to_rfc3339());
    format!(
        "<!doctype html><html lang=\"en-GB\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"author\" content=\"{author}\"><meta property=\"article:published_time\" content=\"{published}\">\
         <link rel=\"canonical\" href=\"http://{host}{}\"></head><body><nav><a href=\"/\">{site_name}</a> <a href=\"/sport\">Sport</a></nav>\
         <article><h1>{title}</h1>{}</article><footer>© {site_name}</footer></body></html>",
        item.path, item.html
    )
}
