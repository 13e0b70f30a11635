//! What either reader finds of an item, and the entry it makes: with a key of our own, since feed-rs invents a
//! random id where a feed gives none, which would make the entry new at every poll.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use url::Url;

use crate::model::{DateDoubt, Entry, EntryContent};
use crate::secret;

/// An item as a reader found it.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub(super) id: String,
    /// The item's own page, not yet resolved.
    pub(super) link: Option<String>,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) full: Option<EntryContent>,
    pub(super) summary: Option<EntryContent>,
    pub(super) published: Option<DateTime<Utc>>,
}

/// More than a day ahead of the clock is a doubtful date.
const FUTURE: Duration = Duration::days(1);

impl Item {
    pub(super) fn into_entry(self, base: &Url, now: DateTime<Utc>) -> Entry {
        let Self { id, link, title, author, full, summary, published } = self;
        let url = resolved(link.as_deref(), &id, base);
        let content = longer(full, summary);
        let doubt = match published {
            None => Some(DateDoubt::Missing),
            Some(at) if at > now + FUTURE => Some(DateDoubt::Future),
            Some(_) => None,
        };
        let key = if !id.is_empty() {
            id
        } else if !url.is_empty() {
            url.clone()
        } else {
            hash(&[&title, &published.map(|at| at.to_rfc3339()).unwrap_or_default(), content.as_str()])
        };
        Entry { key, url, title, author, published, doubt, content, ..Entry::default() }
    }
}

/// The link, else a permanent link that was given as the id only.
fn resolved(link: Option<&str>, id: &str, base: &Url) -> String {
    let absolute = link.and_then(|link| base.join(link.trim()).ok());
    let absolute = absolute.or_else(|| Url::parse(id.trim()).ok());
    let http = absolute.filter(|url| matches!(url.scheme(), "http" | "https"));
    http.map(String::from).unwrap_or_default()
}

/// The longer of content and summary: some feeds put an empty stub into one of them.
fn longer(full: Option<EntryContent>, summary: Option<EntryContent>) -> EntryContent {
    match (full, summary) {
        (Some(full), Some(short)) if short.as_str().len() > full.as_str().len() => short,
        (Some(full), _) => full,
        (None, Some(short)) => short,
        (None, None) => EntryContent::Text(String::new()),
    }
}

/// One id for several stories: every one of them gets what it says into its key, so that none takes the
/// other's place, in whatever order they come. A true double goes.
pub(super) fn told_apart(entries: Vec<Entry>) -> Vec<Entry> {
    let mut keys = HashSet::new();
    if entries.iter().all(|entry| keys.insert(entry.key.as_str())) {
        return entries;
    }
    let mut contents: HashMap<String, HashSet<String>> = HashMap::new();
    let content = |entry: &Entry| hash(&[&entry.title, &entry.url, entry.content.as_str()]);
    for entry in &entries {
        contents.entry(entry.key.clone()).or_default().insert(content(entry));
    }
    let place = |entry: &Entry| hash(&[&entry.url, &entry.title]);
    let mut places: HashMap<(String, String), HashSet<String>> = HashMap::new();
    for entry in &entries {
        places.entry((entry.key.clone(), place(entry))).or_default().insert(content(entry));
    }
    let mut seen = HashMap::new();
    let mut apart = Vec::with_capacity(entries.len());
    for mut entry in entries {
        if contents.get(&entry.key).is_some_and(|contents| contents.len() > 1) {
            let own = place(&entry);
            // Alike in link and headline too (status pages): only the words tell them apart.
            let is_shared = places.get(&(entry.key.clone(), own.clone())).is_some_and(|all| all.len() > 1);
            let own = if entry.url.is_empty() || is_shared { content(&entry) } else { own };
            entry.key = format!("{}#{own}", entry.key);
        }
        let words = content(&entry);
        // An id that is another's with its words behind it stands for itself all the same.
        if seen.get(&entry.key).is_some_and(|known| *known != words) {
            entry.key = format!("{}#{words}", entry.key);
        }
        if seen.insert(entry.key.clone(), words).is_none() {
            apart.push(entry);
        }
    }
    apart
}

/// Tells contents apart; a part of stored keys, so it must never change.
pub(in crate::source) fn hash(parts: &[&str]) -> String {
    secret::sha256_hex(parts.join("\u{0}").as_bytes())[..16].to_owned()
}
