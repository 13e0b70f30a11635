//! Feeds of every format that feed-rs reads. Entry keys are our own: feed-rs invents a random id where
//! a feed gives none, which would make the entry new at every poll.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use feed_rs::model::Entry as RawEntry;
use serde::Deserialize;
use url::Url;

use super::date::parse_date;
use super::repair::{escape_raw_markup, repaired};
use crate::model::{DateDoubt, Entry, EntryContent};
use crate::problem::Problem;
use crate::secret;

/// Limits of reading feeds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Entries read of one feed at one poll, first ones first (entries).
    pub max_entries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_entries: 2000 }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        if self.max_entries == 0 {
            return vec![Problem::at("max_entries", "must be at least 1")];
        }
        Vec::new()
    }
}

/// Why a body is no feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Nothing was sent.
    #[error("the body is empty")]
    Empty,
    /// A web page stands where the feed was.
    #[error("a web page stands where the feed was")]
    WebPage,
    /// Neither XML of a known kind nor JSON Feed, and repair did not help.
    #[error("no feed can be read in it: {0}")]
    Unreadable(String),
}

/// What a feed said.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedFeed {
    /// Its name.
    pub title: String,
    /// Its entries, in its order, each key once.
    pub entries: Vec<Entry>,
    /// Whether it could only be read after repair.
    pub repaired: bool,
    /// Entries beyond the limit, which were not read.
    pub dropped: usize,
}

/// More than a day ahead of the clock is a doubtful date.
const FUTURE: Duration = Duration::days(1);

/// Reads a decoded feed fetched from `base` at `now`.
pub fn parse_feed(
    text: &str,
    base: &Url,
    now: DateTime<Utc>,
    options: &Options,
) -> Result<ParsedFeed, FeedError> {
    if text.trim().is_empty() {
        return Err(FeedError::Empty);
    }
    let (feed, was_repaired) = match parse_once(text, base) {
        Ok(read) => read,
        Err(_) if looks_like_web_page(text) => return Err(FeedError::WebPage),
        Err(first) => match repaired(text).and_then(|mended| parse_once(&mended, base).ok()) {
            Some((feed, _)) => (feed, true),
            None => return Err(FeedError::Unreadable(first)),
        },
    };
    let total = feed.entries.len();
    let entries =
        feed.entries.into_iter().take(options.max_entries).map(|raw| entry_of(raw, base, now)).collect();
    let entries = told_apart(entries);
    let title = feed.title.map(|title| title.content).unwrap_or_default();
    Ok(ParsedFeed {
        title,
        entries,
        repaired: was_repaired,
        dropped: total.saturating_sub(options.max_entries),
    })
}

/// The feed, and whether raw markup in it had to be escaped for it to be read at all.
fn parse_once(text: &str, base: &Url) -> Result<(feed_rs::model::Feed, bool), String> {
    let parser = feed_rs::parser::Builder::new()
        .base_uri(Some(base.as_str()))
        .sanitize_content(false)
        .timestamp_parser(parse_date)
        .id_generator(|_, _, _| String::new())
        .build();
    let text = without_declared_encoding(text);
    let escaped = escape_raw_markup(text);
    let feed = parser.parse(escaped.as_bytes()).map_err(|error| error.to_string())?;
    let was_needed = matches!(escaped, Cow::Owned(_)) && parser.parse(text.as_bytes()).is_err();
    Ok((feed, was_needed))
}

/// The text is UTF-8 by now, whatever its XML declaration still says.
fn without_declared_encoding(text: &str) -> &str {
    let trimmed = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let Some(rest) = trimmed.strip_prefix("<?xml") else { return trimmed };
    rest.find("?>").map_or(trimmed, |end| &rest[end + 2..])
}

fn looks_like_web_page(text: &str) -> bool {
    let head: String = text.chars().take(2000).collect::<String>().to_ascii_lowercase();
    let start = head.trim_start();
    (start.starts_with("<!doctype html") || start.starts_with("<html") || head.contains("<body"))
        && !head.contains("<rss")
        && !head.contains("<feed")
        && !head.contains("<rdf:rdf")
}

fn entry_of(raw: RawEntry, base: &Url, now: DateTime<Utc>) -> Entry {
    let url = link_of(&raw, base);
    let title = raw.title.map(|title| title.content).unwrap_or_default();
    let author = raw.authors.into_iter().find_map(|person| person.name).unwrap_or_default();
    let content = content_of(raw.content, raw.summary);
    let published = raw.published.or(raw.updated);
    let doubt = match published {
        None => Some(DateDoubt::Missing),
        Some(at) if at > now + FUTURE => Some(DateDoubt::Future),
        Some(_) => None,
    };
    let key = if !raw.id.is_empty() {
        raw.id
    } else if !url.is_empty() {
        url.clone()
    } else {
        hash(&[&title, &published.map(|at| at.to_rfc3339()).unwrap_or_default(), content.as_str()])
    };
    Entry { key, url, title, author, published, doubt, content }
}

/// The entry's own page: the alternate link, else the first that is not an enclosure or the feed.
fn link_of(raw: &RawEntry, base: &Url) -> String {
    let usable = |rel: Option<&str>| {
        !matches!(rel, Some("enclosure" | "self" | "edit" | "replies" | "via" | "related"))
    };
    let alternate = raw.links.iter().find(|link| matches!(link.rel.as_deref(), None | Some("alternate")));
    let link = alternate.or_else(|| raw.links.iter().find(|link| usable(link.rel.as_deref())));
    let absolute = link.and_then(|link| base.join(link.href.trim()).ok());
    // A permanent link given as the id only.
    let absolute = absolute.or_else(|| Url::parse(raw.id.trim()).ok());
    let http = absolute.filter(|url| matches!(url.scheme(), "http" | "https"));
    http.map(String::from).unwrap_or_default()
}

/// The longer of content and summary: some feeds put an empty stub into one of them.
fn content_of(
    content: Option<feed_rs::model::Content>,
    summary: Option<feed_rs::model::Text>,
) -> EntryContent {
    let typed = |body: String, mime: &str| {
        if mime == "text/plain" && !body.contains("</") {
            EntryContent::Text(body)
        } else {
            EntryContent::Html(body)
        }
    };
    let full = content
        .and_then(|content| Some(typed(content.body?, content.content_type.essence().to_string().as_str())));
    let short = summary.map(|text| typed(text.content, text.content_type.essence().to_string().as_str()));
    match (full, short) {
        (Some(full), Some(short)) if short.as_str().len() > full.as_str().len() => short,
        (Some(full), _) => full,
        (None, Some(short)) => short,
        (None, None) => EntryContent::Text(String::new()),
    }
}

/// One id for several stories: every one of them gets what it says into its key, so that none takes the
/// other's place, in whatever order they come. A true double goes.
fn told_apart(entries: Vec<Entry>) -> Vec<Entry> {
    let mut contents: HashMap<String, HashSet<String>> = HashMap::new();
    let content = |entry: &Entry| hash(&[&entry.title, &entry.url, entry.content.as_str()]);
    for entry in &entries {
        contents.entry(entry.key.clone()).or_default().insert(content(entry));
    }
    let mut seen = HashSet::new();
    let mut apart = Vec::with_capacity(entries.len());
    for mut entry in entries {
        if contents.get(&entry.key).is_some_and(|contents| contents.len() > 1) {
            let place =
                if entry.url.is_empty() { content(&entry) } else { hash(&[&entry.url, &entry.title]) };
            entry.key = format!("{}#{place}", entry.key);
        }
        if seen.insert((entry.key.clone(), content(&entry))) {
            apart.push(entry);
        }
    }
    apart.dedup_by(|a, b| a.key == b.key);
    apart
}

/// Tells contents apart; a part of stored keys, so it must never change.
fn hash(parts: &[&str]) -> String {
    secret::sha256_hex(parts.join("\u{0}").as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests;
