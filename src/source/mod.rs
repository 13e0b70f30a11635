//! Bytes that were fetched become entries: feeds through feed-rs with one repair pass behind it, a
//! watched page as its own single entry. Pure: text comes in decoded, time as a value.

mod date;
mod feed;
mod repair;

pub use date::parse_date;
pub use feed::{FeedError, Options, ParsedFeed, parse_feed};

use crate::model::{DateDoubt, Entry, EntryContent};

/// A watched page is one entry, known by `key`: the address in the configuration, wherever that led.
pub fn page_entry(key: &str, url: &str, html: String) -> Entry {
    Entry {
        key: key.to_owned(),
        url: url.to_owned(),
        title: String::new(),
        author: String::new(),
        published: None,
        doubt: Some(DateDoubt::Missing),
        content: EntryContent::Html(html),
    }
}
