//! What a visit listed, held against what is known: which entries are new, edited, the same under another id, or
//! taken away; and what the new ones say.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::poll::Failure;
use super::visit::document_of;
use super::{Parts, Planned, record};
use crate::extract;
use crate::fetch::{host_of, parse_target};
use crate::model::{Entry, EntryContent, Source, SourceKind};
use crate::source::{Listing, Slot, dates_rise};
use crate::store::{EntryRecord, EntryState};

/// Kinds of which the list of entries is remembered; of others it is blocks or files.
const KEEPS_LISTING: [SourceKind; 3] = [SourceKind::Feed, SourceKind::Sitemap, SourceKind::Api];

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
    content: Content,
    entry: Entry,
    /// The plain text of its body, where it was read.
    plain: Option<String>,
}

/// Fingerprints of what an entry says: of its link, its headline, its body as it came, and its words. Stored as
/// `place.title.body.words`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    place: String,
    title: String,
    body: String,
    /// Costs reading the markup: known only where the body is another than before.
    words: String,
}

/// Digits of a fingerprint within that of a content.
const PART: usize = 16;

impl Content {
    fn from_stored(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::to_owned);
        Some(Self { place: parts.next()?, title: parts.next()?, body: parts.next()?, words: parts.next()? })
    }

    fn to_stored(&self) -> String {
        format!("{}.{}.{}.{}", self.place, self.title, self.body, self.words)
    }

    /// Whether the other tells of another story: other link and other headline.
    fn is_another_story(&self, other: &Self) -> bool {
        self.place != other.place && self.title != other.title
    }

    /// Whether the other says the same, whatever its markup.
    fn says_the_same(&self, other: &Self) -> bool {
        self.body == other.body || self.words == other.words
    }
}

impl Keyed {
    fn new(parts: &Parts, source: &Source, entry: Entry) -> Self {
        let print = |parts_of: &[&str]| parts.store.fingerprint(parts_of);
        let part = |parts_of: &[&str]| print(parts_of)[..PART].to_owned();
        let key = print(&["entry", source.id.as_str(), &entry.key]);
        let place = place(parts, &entry);
        let title = record::words(&extract::plain_text(&entry.title));
        let alias = print(&["alias", &place, &title]);
        // Of a link only its place counts: what it is called may be a counter.
        let said = if is_link(source) { "" } else { entry.title.as_str() };
        let content = Content {
            body: part(&["body", &parts.generation, said, entry.content.as_str(), &entry.signals.join(" ")]),
            words: String::new(),
            title: part(&["headline", &title]),
            place: part(&["place", &place]),
        };
        Self { key, alias, content, entry, plain: None }
    }

    /// Reads the words, where the body is another than what is known.
    fn read(&mut self, parts: &Parts, is_link: bool, known: Option<&Content>) {
        if let Some(known) = known.filter(|known| known.body == self.content.body) {
            self.content.words.clone_from(&known.words);
            return;
        }
        let title = if is_link { "" } else { self.entry.title.as_str() };
        let title = record::words(&extract::plain_text(title));
        let plain = extract::plain_text(self.entry.content.as_str());
        let text = record::words(&plain);
        self.plain = Some(plain).filter(|_| matches!(self.entry.content, EntryContent::Html(_)));
        let print = parts.store.fingerprint(&[
            "words",
            &parts.generation,
            &title,
            &text,
            &self.entry.signals.join(" "),
        ]);
        print[..PART].clone_into(&mut self.content.words);
    }

    /// The key under which another story goes that came with an id in use already.
    fn key_of_another_story(&self, parts: &Parts, source: &Source) -> String {
        parts.store.fingerprint(&["entry", source.id.as_str(), &self.entry.key, &self.alias])
    }
}

/// Whether an entry of this source is nothing but a link, read off a page.
fn is_link(source: &Source) -> bool {
    source.kind == SourceKind::Page && source.follow
}

/// Where an entry points, without what only tells how a reader came there.
fn place(parts: &Parts, entry: &Entry) -> String {
    match url::Url::parse(&entry.url) {
        Ok(url) => {
            // On one post every comment has a fragment of its own.
            let mut place = extract::canonical_url(&url, &parts.options.extract);
            place.set_fragment(url.fragment());
            place.into()
        }
        Err(_) => entry.url.clone(),
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
    let (shared, own) = (parts.clone(), source.clone());
    let keyed = parts.compute(move || {
        entries.into_iter().map(|entry| Keyed::new(&shared, &own, entry)).collect::<Vec<Keyed>>()
    });
    let keyed = keyed.await.map_err(|_| Failure::unreadable("the extractor failed on it"))?;
    let before = parts.store.listing(&source.id).await.map_err(Failure::store)?;
    // Of a page its blocks are kept there.
    let before =
        if KEEPS_LISTING.contains(&source.kind) { Listing::from_stored(&before) } else { Listing::default() };
    let known = known(parts, source, &keyed, &before).await?;
    let (shared, source) = (parts.clone(), source.clone());
    let judged = parts.compute(move || {
        let (parts, mut keyed) = (shared, keyed);
        // A domain stays itself, whatever stands there today.
        if source.kind != SourceKind::Lookalike {
            tell_apart(&parts, &source, &mut keyed, &before, &known);
        }
        let listed: Vec<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
        let listing = Listing::new(slots(&keyed), rises);
        // What a sitemap does not list any more is merely old.
        let is_list = source.kind != SourceKind::Sitemap;
        let removed = before.removed(&listing).into_iter().filter(|_| is_list).map(hex).collect();
        let (mut records, mut is_whole) = (Vec::new(), true);
        let mut taken = HashSet::new();
        for mut keyed in keyed {
            let before = known.get(&keyed.key);
            keyed.read(&parts, is_link(&source), before.and_then(Option::as_ref));
            let same_words = |before: &Content| before.says_the_same(&keyed.content);
            let says_the_same = |before: &Content| same_words(before) && before.place == keyed.content.place;
            let is_edit = before.and_then(Option::as_ref).is_some_and(|before| !same_words(before));
            // One story under two ids in one list is one story.
            let is_double = !taken.insert((keyed.alias.clone(), keyed.content.words.clone()));
            if before.and_then(Option::as_ref).is_some_and(says_the_same) || before.is_none() && is_double {
                continue;
            }
            let judged = catch_unwind(AssertUnwindSafe(|| state_of(&parts, &source, &mut keyed, pass, at)));
            let Ok(state) = judged else {
                // Left out, it counts as never seen and is tried again at the next poll.
                tracing::error!(source.id = %source.id, "an entry could not be judged; it will be tried again");
                is_whole = false;
                continue;
            };
            records.push(EntryRecord {
                content: keyed.content.to_stored(),
                backlog: pass.is_backlog(before.is_some()),
                edited: pass.same_generation && !pass.is_first && is_edit,
                key: keyed.key,
                state,
            });
        }
        Judged { records, listed, listing, removed, is_whole }
    });
    judged.await.map_err(|_| Failure::unreadable("the extractor failed on it"))
}

/// A comment below a page that was followed, judged: a page is fetched once, so that nothing need be compared.
pub(super) fn comment(parts: &Parts, source: &Source, entry: &Entry, keep: record::Keep) -> EntryRecord {
    let mut keyed = Keyed::new(parts, source, entry.clone());
    keyed.read(parts, false, None);
    let document = document_of(source, entry, None, &parts.options.extract);
    let record = record::of(parts, source, &document, entry.doubt, keep);
    EntryRecord {
        key: keyed.key,
        content: keyed.content.to_stored(),
        backlog: false,
        edited: false,
        state: EntryState::Done(record.map(Box::new)),
    }
}

/// What the store knows, by key: `None` inside where it was stored before contents had parts.
type Known = HashMap<String, Option<Content>>;

/// What the store knows of these entries, under any key that they may have, and of those listed before.
async fn known(parts: &Parts, source: &Source, keyed: &[Keyed], before: &Listing) -> Result<Known, Failure> {
    let mut keys: HashSet<String> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
    keys.extend(keyed.iter().map(|keyed| keyed.key_of_another_story(parts, source)));
    keys.extend(before.slots().iter().map(Slot::key_hex));
    let keys: Vec<String> = keys.into_iter().collect();
    let known = parts.store.known_entries(&source.id, &keys).await.map_err(Failure::store)?;
    Ok(known.into_iter().map(|(key, content)| (key, Content::from_stored(&content))).collect())
}

/// Gives each entry the key that it is known under: an id that changed leads to the old one, an id used again for
/// another story to one of its own.
fn tell_apart(parts: &Parts, source: &Source, keyed: &mut [Keyed], before: &Listing, known: &Known) {
    let is_another = |keyed: &Keyed| {
        known
            .get(&keyed.key)
            .and_then(Option::as_ref)
            .is_some_and(|known| known.is_another_story(&keyed.content))
    };
    let is_itself = |keyed: &Keyed| known.contains_key(&keyed.key) && !is_another(keyed);
    let itself: HashSet<String> =
        keyed.iter().filter(|keyed| is_itself(keyed)).map(|keyed| keyed.key.clone()).collect();
    let strangers: Vec<Slot> = slots(keyed.iter().filter(|keyed| !is_itself(keyed)));
    let renamed = before.renamed(&strangers, |key| itself.contains(&hex(key)));
    let now = slots(keyed.iter());
    let times = |slots: &[Slot], slot: Slot| slots.iter().filter(|other| other.alias == slot.alias).count();
    for entry in keyed.iter_mut().filter(|keyed| !itself.contains(&keyed.key)) {
        let slot = Slot::new(&entry.key, &entry.alias);
        let old = slot.and_then(|slot| renamed.get(&slot)).copied().map(hex);
        // Comments on one post may have headline and place in common: then the words decide.
        let is_it = |old: &String| {
            if slot.is_some_and(|slot| times(&now, slot) == 1 && times(before.slots(), slot) == 1) {
                return known.contains_key(old);
            }
            entry.read(parts, is_link(source), None);
            known.get(old).and_then(Option::as_ref).is_some_and(|known| known.words == entry.content.words)
        };
        if let Some(old) = old.filter(is_it) {
            entry.key = old;
        } else if is_another(entry) {
            entry.key = entry.key_of_another_story(parts, source);
        }
    }
}

/// Whether a sitemap says when a page was published or changed.
fn is_dated(entry: &Entry) -> bool {
    entry.published.is_some() || !entry.content.as_str().is_empty()
}

fn slots<'a>(keyed: impl IntoIterator<Item = &'a Keyed>) -> Vec<Slot> {
    keyed.into_iter().filter_map(|keyed| Slot::new(&keyed.key, &keyed.alias)).collect()
}

fn hex(key: [u8; 16]) -> String {
    Slot { key, alias: [0; 8] }.key_hex()
}

fn state_of(parts: &Parts, source: &Source, keyed: &mut Keyed, pass: Pass, at: DateTime<Utc>) -> EntryState {
    let (entry, plain) = (&keyed.entry, keyed.plain.take());
    // Thousands of old pages are noted, not read: what comes later without a date is new.
    if source.kind == SourceKind::Sitemap && pass.is_first && !is_dated(entry) {
        return EntryState::Done(None);
    }
    let followed = source.follow.then(|| {
        let url = parse_target(&entry.url, &parts.fetcher.policy()).ok()?;
        let payload = serde_json::to_vec(entry).ok()?;
        Some(EntryState::Waiting { payload, host: host_of(&url), due_at: at })
    });
    if let Some(Some(waiting)) = followed {
        return waiting;
    }
    let document = document_of(source, entry, plain, &parts.options.extract);
    let keep = if pass.no_copy { record::Keep::Link } else { record::Keep::Text };
    EntryState::Done(record::of(parts, source, &document, entry.doubt, keep).map(Box::new))
}
