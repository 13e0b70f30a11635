//! The second reader: feedparser-rs, which takes what strict XML refuses, and the old dialects (Atom 0.3,
//! RSS 0.90) of which feed-rs reads no item.

use feedparser_rs::types::{Entry as RawEntry, TextType};
use feedparser_rs::{FeedVersion, ParseOptions, ParserLimits};

use super::Read;
use super::item::Item;
use crate::model::EntryContent;
use crate::source::date::parse_date;

/// Tags in which every feed has its root, without their `<`.
const ROOTS: [&str; 6] = ["rss", "feed", "rdf:rdf", "rdf", "channel", "rss:rss"];

/// What can be made out, or `None` where nothing in the text looks like a feed.
pub(super) fn read(text: &str, max_entries: usize) -> Option<Read> {
    let options = ParseOptions {
        resolve_relative_uris: false,
        // Foreign markup becomes text later; ammonia's time grows with the square of its depth.
        sanitize_html: false,
        limits: ParserLimits { max_entries: max_entries.saturating_add(1), ..ParserLimits::permissive() },
    };
    let feed = feedparser_rs::parse_with_options(text.as_bytes(), &options).ok()?;
    if feed.entries.is_empty() && feed.version == FeedVersion::Unknown && !has_root(text) {
        return None;
    }
    let title = feed.feed.title.unwrap_or_default();
    Some(Read { title, items: feed.entries.into_iter().map(item).collect() })
}

/// Whether the first element is one that a feed begins with.
pub(super) fn has_root(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with(['?', '!']) {
            continue;
        }
        let name =
            rest.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
        return ROOTS.iter().any(|root| root.eq_ignore_ascii_case(name));
    }
    false
}

fn item(raw: RawEntry) -> Item {
    let date = |text: Option<String>, parsed| text.as_deref().and_then(parse_date).or(parsed);
    let published = date(raw.published_str, raw.published)
        .or_else(|| date(raw.updated_str, raw.updated))
        .or_else(|| date(raw.created_str, raw.created))
        .or(raw.dc_date);
    let typed = |body: String, is_text: bool| {
        if is_text && !body.contains("</") { EntryContent::Text(body) } else { EntryContent::Html(body) }
    };
    let is_text = raw.summary_detail.is_some_and(|detail| detail.content_type == TextType::Text);
    let longest = raw.content.into_iter().max_by_key(|content| content.value.len());
    let full = longest.map(|content| {
        let is_text = content.content_type.is_some_and(|mime| mime.as_str() == "text/plain");
        typed(content.value, is_text)
    });
    let usable = |rel: Option<&str>| {
        !matches!(rel, Some("enclosure" | "self" | "edit" | "replies" | "via" | "related"))
    };
    let other =
        || raw.links.iter().find(|link| usable(link.rel.as_deref())).map(|link| link.href.to_string());
    Item {
        id: raw.id.map(|id| id.to_string()).unwrap_or_default(),
        link: raw.link.clone().or_else(other),
        title: raw.title.unwrap_or_default(),
        author: raw.author.or(raw.dc_creator).map(|author| author.to_string()).unwrap_or_default(),
        full,
        summary: raw.summary.map(|body| typed(body, is_text)),
        published,
    }
}
