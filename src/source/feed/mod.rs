//! Feeds of every dialect: feed-rs first, once more after a repair, and a lenient reader where both fail or
//! find less. Which reader it took is recorded on the source.

mod item;
mod lenient;
mod strict;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use url::Url;

pub(super) use self::item::hash;
use self::item::{Item, told_apart};
use super::hints::Hints;
use super::repair::repaired;
use crate::model::{Entry, Reader};
use crate::problem::Problem;

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
    /// What it took to read it.
    pub reader: Reader,
    /// Entries beyond the limit, which were not read.
    pub dropped: usize,
    /// Whether it was cut off: what followed its last whole entry is missing.
    pub is_cut: bool,
    /// When it asks to be polled.
    pub hints: Hints,
}

/// What a reader made out.
#[derive(Debug, Default)]
struct Read {
    title: String,
    items: Vec<Item>,
}

/// Reads a decoded feed fetched from `base` at `now`.
///
/// # Errors
/// Says why it is no feed.
pub fn parse_feed(
    text: &str,
    base: &Url,
    now: DateTime<Utc>,
    options: &Options,
) -> Result<ParsedFeed, FeedError> {
    if text.trim().is_empty() {
        return Err(FeedError::Empty);
    }
    let text = &*without_declared_encoding(text);
    let (read, reader) = read(text, base, options)?;
    let mut entries: Vec<Entry> = read.items.into_iter().map(|item| item.into_entry(base, now)).collect();
    let dropped = entries.len().saturating_sub(options.max_entries);
    if dropped > 0 && dates_rise(&entries) {
        // The newest are wanted, and stand last.
        entries.drain(..dropped);
    }
    entries.truncate(options.max_entries);
    let entries = told_apart(entries);
    let hints = Hints::read(text);
    Ok(ParsedFeed { title: read.title, entries, reader, dropped, is_cut: is_cut(text), hints })
}

/// The reader that finds most, the strictest of equal ones.
fn read(text: &str, base: &Url, options: &Options) -> Result<(Read, Reader), FeedError> {
    let first = match strict::read(text, base) {
        Ok((read, _)) if read.items.is_empty() && lists_items(text) => Ok((read, Reader::Strict)),
        Ok((read, false)) => return Ok((read, Reader::Strict)),
        Ok((read, true)) => Ok((read, Reader::Repair)),
        Err(_) if looks_like_web_page(text) => return Err(FeedError::WebPage),
        Err(first) => match repaired(text).and_then(|mended| strict::read(&mended, base).ok()) {
            Some((read, _)) => Ok((read, Reader::Repair)),
            None => Err(first),
        },
    };
    // Half an entry is none: it comes whole another time.
    let whole = if is_cut(text) { whole_entries(text) } else { Some(text) };
    let lenient = whole.and_then(|text| lenient::read(text, options.max_entries));
    let lenient = lenient.map(|read| (read, Reader::Lenient));
    match (first, lenient) {
        (Ok((read, _)), Some(lenient)) if lenient.0.items.len() > read.items.len() => Ok(lenient),
        (Ok(first), _) => Ok(first),
        (Err(_), Some(lenient)) => Ok(lenient),
        (Err(why), None) => Err(FeedError::Unreadable(why)),
    }
}

/// Whether a list tells the oldest first.
pub fn dates_rise(entries: &[Entry]) -> bool {
    let mut dates = entries.iter().filter_map(|entry| entry.published);
    let first = dates.next();
    dates.next_back().zip(first).is_some_and(|(last, first)| last > first)
}

/// Whether the text of an XML feed ends before its root does.
fn is_cut(text: &str) -> bool {
    if text.trim_start().starts_with('{') || !lists_items(text) {
        return false;
    }
    let end = text.len();
    let mut start = end.saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let tail = text[start..end].to_ascii_lowercase();
    !["</rss", "</feed", "</rdf", "</channel", ":rss>", ":feed>"].iter().any(|root| tail.contains(root))
}

/// How far before its end a feed's root may close (bytes): some servers add remarks behind it.
const TAIL_BYTES: usize = 4096;

/// The text up to the end of its last whole entry.
fn whole_entries(text: &str) -> Option<&str> {
    let end = ["</item>", "</entry>"].iter().filter_map(|tag| Some(text.rfind(tag)? + tag.len())).max()?;
    Some(&text[..end])
}

/// Whether tags of items stand in a text of which no item was read.
fn lists_items(text: &str) -> bool {
    ["<item", "<entry", ":item", ":entry"].iter().any(|tag| text.contains(tag))
}

/// The text is UTF-8 by now, whatever its XML declaration, or one that stands where none may, still says.
fn without_declared_encoding(text: &str) -> Cow<'_, str> {
    let mut rest = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if is_declaration(rest)
        && let Some(end) = rest.find("?>")
    {
        rest = &rest[end + 2..];
    }
    if !rest.contains(DECLARATION) {
        return Cow::Borrowed(rest);
    }
    let mut output = String::with_capacity(rest.len());
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        output.push_str(before);
        // What is quoted in CDATA is text.
        let is_quoted = from.starts_with(CDATA);
        let end = if is_quoted {
            from.find("]]>")
        } else if is_declaration(from) {
            from.find("?>").map(|end| end + 2)
        } else {
            Some(1)
        };
        // What never ends is looked for once.
        let Some(end) = end else {
            rest = from;
            break;
        };
        if is_quoted || end == 1 {
            output.push_str(&from[..end]);
        }
        rest = &from[end..];
    }
    output.push_str(rest);
    Cow::Owned(output)
}

const DECLARATION: &str = "<?xml";
const CDATA: &str = "<![CDATA[";

/// Not an instruction for style sheets or the like, whose names begin with the same letters.
fn is_declaration(text: &str) -> bool {
    text.strip_prefix(DECLARATION)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '?'))
}

fn looks_like_web_page(text: &str) -> bool {
    let head: String = text.chars().take(2000).collect::<String>().to_ascii_lowercase();
    let start = head.trim_start();
    (start.starts_with("<!doctype html") || start.starts_with("<html") || head.contains("<body"))
        && !head.contains("<opml")
        && !head.contains("<rss")
        && !head.contains("<feed")
        && !head.contains("<rdf:rdf")
}

#[cfg(test)]
mod tests;
