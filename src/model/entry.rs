//! An entry: one item that a source listed, before extraction.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::DocumentKind;

/// The body that came with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryContent {
    /// Markup, to be turned into text.
    Html(String),
    /// Plain text.
    Text(String),
}

impl Default for EntryContent {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl EntryContent {
    /// The body as it came.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Html(body) | Self::Text(body) => body,
        }
    }
}

/// Why an entry's own date is not taken at its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateDoubt {
    /// The source gave none that can be read.
    Missing,
    /// More than a day ahead of the clock.
    Future,
}

impl DateDoubt {
    /// The name as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Future => "future",
        }
    }
}

/// One item of a feed, or a watched page itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What tells it from the source's other entries, the same at every poll.
    pub key: String,
    /// Where it points, absolute; empty where it points nowhere.
    pub url: String,
    /// Its headline as the source gave it: may hold markup.
    pub title: String,
    /// Its author as the source gave it.
    pub author: String,
    /// When it says that it was published.
    pub published: Option<DateTime<Utc>>,
    /// Why that date is doubtful.
    pub doubt: Option<DateDoubt>,
    /// Its body.
    pub content: EntryContent,
    /// What sort of document it is, where that is not what its source lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DocumentKind>,
    /// What was seen of it beside its words, as rules ask for it with `is:`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<String>,
}
