//! What a visit listed, held against what is known: which entries are new, edited, the same under another id, or
//! taken away; and what the new ones say.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::poll::{Failure, document_of};
use super::{Parts, Planned, record};
use crate::fetch::{host_of, parse_target};
use crate::model::{Entry, Source, SourceKind};
use crate::source::{Listing, Slot, dates_rise};
use crate::store::{EntryRecord, EntryState};

/// What sort of visit it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// The first to this source.
    pub(super) is_first: bool,
    /// With the same watches as the last.
    pub(super) same_generation: bool,
    /// Whether no copy of what is found may be kept.
    pub(super) no_copy: bool,
}

impl Pass {
    /// Whether an entry stood there before we looked for what we look for now.
    const fn is_backlog(self, is_known: bool) -> bool {
        self.is_first || !self.same_generation && is_known
    }
}

/// What came of the entries of one visit.
pub(super) struct Judged {
    /// Entries that are new or changed.
    pub(super) records: Vec<EntryRecord>,
    /// The keys of all that are listed.
    pub(super) listed: Vec<String>,
    /// The same with aliases, in order.
    pub(super) listing: Listing,
    /// Keys of what was taken away.
    pub(super) removed: Vec<String>,
    /// Whether every entry could be judged.
    pub(super) is_whole: bool,
}

/// An entry with its fingerprints.
struct Keyed {
    key: String,
    alias: String,
    /// Of link, headline and everything together: `place.title.all`.
    content: String,
    entry: Entry,
}

/// Digits of the link's and of the headline's fingerprint within that of a content.
const PART: usize = 8;

impl Keyed {
    fn new(parts: &Parts, source: &Source, entry: Entry) -> Self {
        let print = |parts_of: &[&str]| parts.store.fingerprint(parts_of);
        let key = print(&["entry", source.id.as_str(), &entry.key]);
        let alias = print(&["alias", &entry.url, &entry.title]);
        let content = [entry.title.as_str(), entry.url.as_str(), entry.content.as_str()];
        let all = print(&[&["content", parts.generation.as_str()], content.as_slice()].concat());
        let (place, title) = (print(&["place", &entry.url]), print(&["headline", &entry.title]));
        let content = format!("{}.{}.{all}", &place[..PART], &title[..PART]);
        Self { key, alias, content, entry }
    }

    /// The key under which another story goes that came with an id in use already.
    fn key_of_another_story(&self, parts: &Parts, source: &Source) -> String {
        parts.store.fingerprint(&["entry", source.id.as_str(), &self.entry.key, &self.entry.url, &self.entry.title])
    }
}

/// Whether a content tells of another story than the one that is known under its id: other link and other headline.
fn is_another_story(known: &str, content: &str) -> bool {
    let parts = |content: &str| {
        let mut parts = content.split('.').map(str::to_owned);
        Some((parts.next()?, parts.next()?, parts.next()?))
    };
    match (parts(known), parts(content)) {
        (Some(known), Some(now)) => known.0 != now.0 && known.1 != now.1,
        // What was stored before contents had parts.
        _ => false,
    }
}

/// Judges the entries of one visit.
pub(super) async fn judge(
    parts: &Arc<Parts>,
    planned: &Planned,
    entries: Vec<Entry>,
    pass: Pass,
    at: DateTime<Utc>,
) -> Result<Judged, Failure> {
    let source = &planned.source;
    let rises = dates_rise(&entries);
    let mut keyed: Vec<Keyed> = entries.into_iter().map(|entry| Keyed::new(parts, source, entry)).collect();
    let before = parts.store.listing(&source.id).await.map_err(Failure::store)?;
    let before = Listing::from_stored(&before);
    let known = known(parts, source, &keyed, &before).await?;
    tell_apart(parts, source, &mut keyed, &before, &known);
    let listed: Vec<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
    let listing = Listing::new(slots(&keyed), rises);
    let removed = before.removed(&listing).into_iter().map(hex).collect();
    let fresh: Vec<Keyed> =
        keyed.into_iter().filter(|keyed| known.get(&keyed.key) != Some(&keyed.content)).collect();
    let wanted = fresh.len();
    let (parts, source) = (parts.clone(), source.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let record = |keyed: Keyed| {
            let judged = catch_unwind(AssertUnwindSafe(|| state_of(&parts, &source, &keyed.entry, pass, at)));
            let is_known = known.contains_key(&keyed.key);
            if judged.is_err() {
                // Left out, it counts as never seen and is tried again at the next poll.
                tracing::error!(source.id = %source.id, "an entry could not be judged; it will be tried again");
            }
            judged.ok().map(|state| EntryRecord {
                key: keyed.key,
                content: keyed.content,
                backlog: pass.is_backlog(is_known),
                edited: is_known && pass.same_generation,
                state,
            })
        };
        fresh.into_iter().filter_map(record).collect::<Vec<_>>()
    });
    let records = judged.await.map_err(|_| Failure::unreadable("the extractor failed on it"))?;
    let is_whole = records.len() == wanted;
    Ok(Judged { records, listed, listing, removed, is_whole })
}

/// What the store knows of these entries, under any key that they may have, and of those listed before.
async fn known(
    parts: &Parts,
    source: &Source,
    keyed: &[Keyed],
    before: &Listing,
) -> Result<HashMap<String, String>, Failure> {
    let mut keys: HashSet<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
    keys.extend(keyed.iter().map(|keyed| keyed.key_of_another_story(parts, source)));
    keys.extend(before.slots().iter().map(Slot::key_hex));
    let keys: Vec<String> = keys.into_iter().collect();
    parts.store.known_entries(&source.id, &keys).await.map_err(Failure::store)
}

/// Gives each entry the key that it is known under: an id that changed leads to the old one, an id used again for
/// another story to one of its own.
fn tell_apart(
    parts: &Parts,
    source: &Source,
    keyed: &mut [Keyed],
    before: &Listing,
    known: &HashMap<String, String>,
) {
    let renamed = before.renamed(&slots(keyed));
    for entry in keyed.iter_mut() {
        let slot = Slot::new(&entry.key, &entry.alias);
        let old = slot.and_then(|slot| renamed.get(&slot.key)).copied().map(hex);
        match (known.get(&entry.key), old) {
            (None, Some(old)) if known.contains_key(&old) => entry.key = old,
            (Some(content), _) if is_another_story(content, &entry.content) => {
                entry.key = entry.key_of_another_story(parts, source);
            }
            _ => {}
        }
    }
}

fn slots(keyed: &[Keyed]) -> Vec<Slot> {
    keyed.iter().filter_map(|keyed| Slot::new(&keyed.key, &keyed.alias)).collect()
}

fn hex(key: [u8; 16]) -> String {
    Slot { key, alias: [0; 8] }.key_hex()
}

fn state_of(parts: &Parts, source: &Source, entry: &Entry, pass: Pass, at: DateTime<Utc>) -> EntryState {
    let followed = (source.follow && source.kind == SourceKind::Feed).then(|| {
        let url = parse_target(&entry.url, &parts.fetcher.policy()).ok()?;
        let payload = serde_json::to_vec(entry).ok()?;
        Some(EntryState::Waiting { payload, host: host_of(&url), due_at: at })
    });
    if let Some(Some(waiting)) = followed {
        return waiting;
    }
    let document = document_of(source, entry, &parts.options.extract);
    let keep = if pass.no_copy { record::Keep::Link } else { record::Keep::Text };
    EntryState::Done(record::of(parts, source, &document, entry.doubt, keep).map(Box::new))
}
