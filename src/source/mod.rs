//! Bytes that were fetched become entries: feeds through feed-rs with a repair pass and a lenient reader
//! behind it, a watched page as its own single entry. Pure: text comes in decoded, time as a value.

mod api;
mod cadence;
mod date;
mod discovery;
mod feed;
mod hints;
mod listing;
mod lookalike;
mod mailbox;
mod moving;
mod page;
mod preset;
mod repair;
mod sitemap;

pub use api::{ApiError, ApiOptions, ApiPage, read_api};
pub use cadence::{MAX_INTERVAL, MIN_SILENCE, Pace};
pub use date::parse_date;
pub use discovery::{Candidate, Offer, named_in, usual_places};
pub use feed::{FeedError, Options, ParsedFeed, dates_rise, parse_feed};
pub use hints::Hints;
pub use listing::{Listing, Slot};
pub use lookalike::{LookalikeOptions, variants};
pub use mailbox::read_mail;
pub use moving::Moving;
pub use page::{LinkedPages, PageOptions, ReadPage, linked_pages, read_page};
pub use preset::{
    DAYS, Parameter, Preset, PresetError, PresetKind, PresetStatus, SECRET, dated, presets, without_secret,
};
pub use sitemap::{Sitemap, SitemapOptions, read_sitemap};

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
        ..Entry::default()
    }
}
