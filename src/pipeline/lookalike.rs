//! Look-alike domains: names that somebody may register to be taken for the Trust are looked up, a part of them at each
//! visit within the day's budget; those that answer are read and compared with the Trust's own site. What was seen is
//! remembered, so that only what is new or changed is told.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use url::Url;

use super::poll::Failure;
use super::visit::{Listed, Visit, text_of};
use crate::clock;
use crate::extract::{self, Fingerprints, Picture, Wall, logos};
use crate::fetch::{FailureClass, Fetched, Page, Registration, Request, parse_target};
use crate::matching::lookalike;
use crate::model::{Category, Document, DocumentKind, Entry, EntryContent, Family, Profile};
use crate::source::{LookalikeOptions, variants};

/// Visits over which a day's budget is spread.
const VISITS_A_DAY: u32 = 24;
/// Pictures compared of one site (DESIGN allows 10), and how large each may be (bytes).
const MAX_PICTURES: usize = 10;
const MAX_PICTURE_BYTES: usize = 512 * 1024;
/// Words of two texts that must be shared, of a hundred, to call one a copy.
const MIN_SHARED: usize = 40;
/// A headline of fewer characters is shared by chance.
const MIN_TITLE_CHARS: usize = 8;
/// Of so many look-ups in a row without an answer, the name servers are out of order.
const MAX_UNANSWERED: u32 = 20;

/// What is remembered from visit to visit.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// The London day whose budget is being spent.
    day: Option<NaiveDate>,
    /// Names looked up on it.
    spent: u32,
    /// The place in the list of names at which the next look-up begins.
    next: usize,
    /// Whether the whole list was gone through once.
    is_round: bool,
    /// Names that are registered, and the day on which each was looked at last.
    known: BTreeMap<String, NaiveDate>,
}

/// The Trust's own site, as others are compared with it.
#[derive(Default)]
struct Own {
    titles: Vec<String>,
    prints: Vec<Fingerprints>,
    pictures: Vec<Picture>,
}

/// One visit.
pub(super) async fn look(visit: Visit<'_>, options: &LookalikeOptions) -> Result<Listed, Failure> {
    let Visit { parts, planned, at, same_generation, .. } = visit;
    let id = &planned.source.id;
    let stored = parts.store.listing(id).await.map_err(Failure::store)?;
    let mut memory: Memory =
        if same_generation { serde_json::from_slice(&stored).unwrap_or_default() } else { Memory::default() };
    let today = clock::london_day(at);
    if memory.day != Some(today) {
        (memory.day, memory.spent) = (Some(today), 0);
    }
    let profiles = parts.classifier.profiles().iter();
    let profiles: Vec<&Profile> =
        profiles.filter(|profile| planned.source.organisations.contains(&profile.id)).collect();
    let names = names(&profiles, options);
    let part = (options.daily_lookups / VISITS_A_DAY).max(1);
    let budget = part.min(options.daily_lookups.saturating_sub(memory.spent));
    let chosen = chosen(&mut memory, &names, budget as usize, today);
    memory.spent += u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let (mut entries, mut own, mut unanswered) = (Vec::new(), None, 0);
    for name in chosen {
        match parts.registry.look_up(name.clone()).await {
            Registration::Absent => {
                memory.known.remove(&name);
            }
            // It may be there still: nothing is said of it, and it is asked again.
            Registration::Unknown => {
                unanswered += 1;
                if unanswered >= MAX_UNANSWERED && entries.is_empty() {
                    let detail = "the name servers do not answer: see [fetch] name_servers";
                    return Err(Failure::new("name_servers", detail, FailureClass::Temporary));
                }
            }
            Registration::Present { serves, mails } => {
                memory.known.insert(name.clone(), today);
                if own.is_none() {
                    own = Some(own_site(visit, &profiles, options).await);
                }
                entries.push(registered(visit, options, &name, (serves, mails), own.as_ref()).await);
            }
        }
    }
    let is_first_round = !memory.is_round;
    if memory.next >= names.len() {
        (memory.next, memory.is_round) = (0, true);
    }
    let blocks = serde_json::to_vec(&memory).unwrap_or_default();
    Ok(Listed { entries, blocks: Some(blocks), is_backlog: is_first_round, ..Listed::default() })
}

/// All names to be looked for: those that the matcher would take for a look-alike.
fn names(profiles: &[&Profile], options: &LookalikeOptions) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for profile in profiles {
        let domains = if options.domains.is_empty() { &profile.domains } else { &options.domains };
        for domain in domains {
            let alike = |name: &String| lookalike(name, profile).is_some();
            names.extend(variants(domain, &options.words).into_iter().filter(alike));
        }
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The names of this visit: registered ones that were not looked at today, then further ones of the list.
fn chosen(memory: &mut Memory, names: &[String], budget: usize, today: NaiveDate) -> Vec<String> {
    let due = memory.known.iter().filter(|(_, seen)| **seen < today).map(|(name, _)| name.clone());
    // Known ones never take the whole budget: new ones are what is looked for.
    let mut chosen: Vec<String> = due.take(budget.div_ceil(2)).collect();
    for name in names.iter().skip(memory.next) {
        if chosen.len() >= budget {
            break;
        }
        memory.next += 1;
        if !memory.known.contains_key(name) {
            chosen.push(name.clone());
        }
    }
    chosen
}

/// What stands at a registered name.
async fn registered(
    visit: Visit<'_>,
    options: &LookalikeOptions,
    name: &str,
    (serves, mails): (bool, bool),
    own: Option<&Own>,
) -> Entry {
    let mut entry = Entry {
        key: name.to_owned(),
        url: format!("http://{name}/"),
        title: match (serves, mails) {
            (_, true) => format!("{name} is registered and takes mail"),
            (true, false) => format!("{name} is registered"),
            (false, false) => format!("{name} is registered and stands for nothing yet"),
        },
        content: EntryContent::Text(name.to_owned()),
        ..Entry::default()
    };
    let Some(page) = front_page(visit, name).await.filter(|_| serves) else { return entry };
    let Ok(html) = text_of(&page) else { return entry };
    // A page that says that the name is for sale, or nothing, is no page of somebody's.
    if Wall::of(&html).is_some() {
        return entry;
    }
    let read = extract::Page::read(&html, Some(&page.url), &visit.parts.options.extract);
    let text = extract::plain_text(&extract::shallow(&html));
    if text.trim().is_empty() {
        return entry;
    }
    entry.url = page.url.to_string();
    if let Some(own) = own {
        let prints = Fingerprints::of(&text);
        let title = normal(&read.metadata.title);
        let is_copy = own.prints.iter().any(|known| shares_words(known, &prints));
        let signals = [
            ("same_title", title.chars().count() >= MIN_TITLE_CHARS && own.titles.contains(&title)),
            ("same_words", is_copy),
        ];
        entry
            .signals
            .extend(signals.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name.to_owned()));
        let may_look = options.pictures && may_fetch_pictures(visit, &read.metadata.title, &text);
        if may_look && !own.pictures.is_empty() {
            let theirs = pictures(visit, &html, &page.url).await;
            if theirs.iter().any(|picture| own.pictures.iter().any(|known| known.is_same(picture))) {
                entry.signals.push("same_picture".to_owned());
            }
        }
    }
    entry.title = if read.metadata.title.is_empty() { name.to_owned() } else { read.metadata.title };
    entry.content = EntryContent::Text(format!("{name}\n{text}"));
    entry
}

/// The front page of a name, by the same guard and robots.txt as everything else.
async fn front_page(visit: Visit<'_>, name: &str) -> Option<Page> {
    for scheme in ["https", "http"] {
        let url = parse_target(&format!("{scheme}://{name}/"), &visit.parts.fetcher.policy()).ok()?;
        match visit.parts.fetcher.fetch(Request::new(url)).await {
            Ok(Fetched::Page(page)) => return Some(page),
            Ok(Fetched::NotModified(_)) | Err(_) => {}
        }
    }
    None
}

async fn own_site(visit: Visit<'_>, profiles: &[&Profile], options: &LookalikeOptions) -> Own {
    let mut own = Own::default();
    for domain in profiles.iter().flat_map(|profile| &profile.domains) {
        let Some(page) = front_page(visit, domain).await else { continue };
        let Ok(html) = text_of(&page) else { continue };
        let read = extract::Page::read(&html, Some(&page.url), &visit.parts.options.extract);
        own.titles.push(normal(&read.metadata.title));
        own.prints.push(Fingerprints::of(&extract::plain_text(&extract::shallow(&html))));
        if options.pictures {
            own.pictures.extend(pictures(visit, &html, &page.url).await);
        }
    }
    own
}

/// Icons and logos of a page, hashed and dropped.
async fn pictures(visit: Visit<'_>, html: &str, base: &Url) -> Vec<Picture> {
    let mut found = Vec::new();
    for url in logos(&extract::shallow(html), base).into_iter().take(MAX_PICTURES) {
        let Ok(url) = parse_target(url.as_str(), &visit.parts.fetcher.policy()) else { continue };
        let Ok(Fetched::Page(page)) = visit.parts.fetcher.fetch(Request::new(url)).await else { continue };
        if page.body.len() <= MAX_PICTURE_BYTES {
            let read = tokio::task::spawn_blocking(move || Picture::read(&page.body)).await;
            found.extend(read.ok().flatten());
        }
    }
    found
}

/// No picture is fetched from a page that exposes, threatens or is explicit.
fn may_fetch_pictures(visit: Visit<'_>, title: &str, text: &str) -> bool {
    let document = Document {
        kind: DocumentKind::Web,
        title: title.to_owned(),
        text: text.to_owned(),
        ..Document::default()
    };
    let hits = visit.parts.classifier.classify(&document);
    let closed = |category: Category| {
        category.family() == Family::Confidentiality
            || matches!(category, Category::Sexual | Category::Threat)
    };
    !hits.iter().flat_map(|hit| &hit.findings).any(|finding| closed(finding.category))
}

fn shares_words(a: &Fingerprints, b: &Fingerprints) -> bool {
    let equal = a.minhash.iter().zip(&b.minhash).filter(|(a, b)| a == b).count();
    a.words > MIN_SHARED && b.words > MIN_SHARED && equal * 100 >= a.minhash.len() * MIN_SHARED
}

fn normal(title: &str) -> String {
    super::record::words(title)
}
