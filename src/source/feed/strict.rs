//! The first reader: feed-rs, fast and strict about XML.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use feed_rs::model::Entry as RawEntry;
use url::Url;

use super::Read;
use super::item::Item;
use crate::model::EntryContent;
use crate::source::date::parse_date;
use crate::source::repair::escape_raw_markup;

/// What the feed says, and whether raw markup in it had to be escaped for it to be read at all.
pub(super) fn read(text: &str, base: &Url) -> Result<(Read, bool), String> {
    let parser = feed_rs::parser::Builder::new()
        .base_uri(Some(base.as_str()))
        .sanitize_content(false)
        .timestamp_parser(parse_date)
        .id_generator(|_, _, _| String::new())
        .build();
    let escaped = escape_raw_markup(text);
    // quick-xml panics at a declaration of another encoding further down: the next reader gets its turn.
    let parse = |text: &str| {
        catch_unwind(AssertUnwindSafe(|| parser.parse(text.as_bytes()).map_err(|error| error.to_string())))
            .unwrap_or_else(|_| Err("the parser failed on it".to_owned()))
    };
    let feed = parse(&escaped)?;
    let was_needed = matches!(escaped, Cow::Owned(_)) && parse(text).is_err();
    let read = Read {
        title: feed.title.map(|title| title.content).unwrap_or_default(),
        items: feed.entries.into_iter().map(item).collect(),
    };
    Ok((read, was_needed))
}

fn item(raw: RawEntry) -> Item {
    let typed = |body: String, mime: &str| {
        if mime == "text/plain" && !body.contains("</") {
            EntryContent::Text(body)
        } else {
            EntryContent::Html(body)
        }
    };
    let link = link_of(&raw);
    let full = raw
        .content
        .and_then(|content| Some(typed(content.body?, content.content_type.essence().to_string().as_str())));
    let summary =
        raw.summary.map(|text| typed(text.content, text.content_type.essence().to_string().as_str()));
    Item {
        id: raw.id,
        link,
        title: raw.title.map(|title| title.content).unwrap_or_default(),
        author: raw.authors.into_iter().find_map(|person| person.name).unwrap_or_default(),
        full,
        summary,
        published: raw.published.or(raw.updated),
    }
}

/// The entry's own page: the alternate link, else the first that is not an enclosure or the feed.
fn link_of(raw: &RawEntry) -> Option<String> {
    let usable = |rel: Option<&str>| {
        !matches!(rel, Some("enclosure" | "self" | "edit" | "replies" | "via" | "related"))
    };
    let alternate = raw.links.iter().find(|link| matches!(link.rel.as_deref(), None | Some("alternate")));
    let link = alternate.or_else(|| raw.links.iter().find(|link| usable(link.rel.as_deref())));
    link.map(|link| link.href.clone())
}
