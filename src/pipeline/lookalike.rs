//! Look-alike domains: names that somebody may register to be taken for the Trust are looked up, a part of them at each
//! visit within the day's budget; those that answer are read and compared with the Trust's own site. What was seen is
//! remembered, so that only what is new or changed is told.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Parts;
use super::poll::Failure;
use super::visit::{Listed, Visit, text_of};
use crate::clock;
use crate::extract::{self, Fingerprints, Picture, Wall, logos};
use crate::fetch::{FailureClass, Fetched, Page, Registration, Request, parse_target};
use crate::matching::lookalike;
use crate::model::{Category, Document, DocumentKind, Entry, EntryContent, Family, OrganisationId};
use crate::schedule::Schedule;
use crate::source::{LookalikeOptions, variants};

/// A day, over whose visits the budget is spread.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Pictures compared of one site (DESIGN allows 10), and how large each may be (bytes).
const MAX_PICTURES: usize = 10;
const MAX_PICTURE_BYTES: u64 = 512 * 1024;
/// Words of two texts that must be shared, of a hundred, to call one a copy.
const MIN_SHARED: usize = 40;
/// A headline of fewer characters is shared by chance.
const MIN_TITLE_CHARS: usize = 8;
/// Where none of so many look-ups is answered, the name servers are out of order.
const MIN_ASKED: u32 = 20;
/// Names without an answer that are remembered.
const MAX_UNKNOWN: usize = 1000;

/// What is remembered from visit to visit.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// Names the list of names: where it changes, the list is gone through anew.
    of: String,
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
    /// Names of which nobody could say whether they are.
    unknown: BTreeSet<String>,
}

/// The Trust's own site, as others are compared with it.
#[derive(Debug, Default)]
pub(super) struct Own {
    titles: Vec<String>,
    prints: Vec<Fingerprints>,
    pictures: Vec<Picture>,
}

/// One visit. It ends well before its lease does: what is not looked at this time comes the next time.
pub(super) async fn look(visit: Visit<'_>, options: &LookalikeOptions) -> Result<Listed, Failure> {
    let Visit { parts, planned, at, .. } = visit;
    let started = tokio::time::Instant::now();
    let stored = parts.store.listing(&planned.source.id).await.map_err(Failure::store)?;
    let mut memory: Memory = serde_json::from_slice(&stored).unwrap_or_default();
    let today = clock::london_day(at);
    if memory.day != Some(today) {
        (memory.day, memory.spent) = (Some(today), 0);
    }
    let (shared, asking, own_options) =
        (parts.clone(), planned.source.organisations.clone(), options.clone());
    let names = parts.compute(move || names(&shared, &asking, &own_options)).await;
    let names = names.map_err(|_| Failure::unreadable("the names could not be made"))?;
    let of = parts.store.fingerprint(&names.iter().map(String::as_str).collect::<Vec<_>>());
    if memory.of != of {
        // What is known stays known.
        (memory.of, memory.next) = (of, 0);
    }
    memory.next = memory.next.min(names.len());
    let visits = match &planned.schedule {
        Schedule::Every(interval) => (DAY.as_secs() / interval.as_secs().max(1)).clamp(1, 24),
        Schedule::Cron(_) | Schedule::Adaptive(_) => 24,
    };
    let part = options.daily_lookups.div_ceil(u32::try_from(visits).unwrap_or(1));
    let budget = part.min(options.daily_lookups.saturating_sub(memory.spent));
    let is_first_round = !memory.is_round;
    let (mut listed, mut asked, mut unanswered) = (Listed::default(), 0, 0);
    for name in chosen(&memory, &names, budget as usize, today) {
        if started.elapsed() > parts.patience() {
            break;
        }
        memory.spent += 1;
        asked += 1;
        memory.unknown.remove(&name);
        if let Some(place) = names[memory.next..].iter().position(|known| *known == name) {
            memory.next += place + 1;
        }
        match parts.registry.look_up(name.clone()).await {
            Registration::Absent => {
                memory.known.remove(&name);
            }
            // It may be there still: nothing is said of it, and it is asked again.
            Registration::Unknown => {
                unanswered += 1;
                if memory.unknown.len() < MAX_UNKNOWN && !memory.known.contains_key(&name) {
                    memory.unknown.insert(name);
                }
            }
            Registration::Present { serves, mails } => {
                let own = own_site(visit, options, today).await;
                let is_known = memory.known.insert(name.clone(), today).is_some();
                let found = registered(visit, options, &name, (serves, mails), is_known, &own).await;
                if let Some((entry, no_copy)) = found {
                    listed.no_copy |= no_copy;
                    listed.entries.push(entry);
                }
            }
        }
    }
    if asked > 0 && unanswered == asked && asked >= MIN_ASKED {
        let detail = "the name servers do not answer: see [fetch] name_servers";
        return Err(Failure::new("name_servers", detail, FailureClass::Temporary));
    }
    if memory.next >= names.len() {
        (memory.next, memory.is_round) = (0, true);
    }
    listed.blocks = Some(serde_json::to_vec(&memory).unwrap_or_default());
    listed.is_backlog = is_first_round;
    Ok(listed)
}

/// All names to be looked for: those that the matcher would take for a look-alike.
fn names(parts: &Parts, organisations: &[OrganisationId], options: &LookalikeOptions) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let profiles = parts.classifier.profiles().iter();
    for profile in profiles.filter(|profile| organisations.contains(&profile.id)) {
        let domains = if options.domains.is_empty() { &profile.domains } else { &options.domains };
        for domain in domains {
            let alike = |name: &String| lookalike(name, profile).is_some();
            names.extend(variants(domain, &options.words).into_iter().filter(alike));
        }
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The names of this visit: registered ones that were not looked at today, those of which nothing is known, then further
/// ones of the list.
fn chosen(memory: &Memory, names: &[String], budget: usize, today: NaiveDate) -> Vec<String> {
    let due = memory.known.iter().filter(|(_, seen)| **seen < today).map(|(name, _)| name.clone());
    // Neither takes the whole budget: new ones are what is looked for.
    let mut chosen: Vec<String> = due.take(budget.div_ceil(2)).collect();
    chosen.extend(memory.unknown.iter().take(budget / 8).cloned());
    let fresh = names.iter().skip(memory.next);
    let fresh = fresh.filter(|name| !memory.known.contains_key(*name) && !memory.unknown.contains(*name));
    let room = budget.saturating_sub(chosen.len());
    chosen.extend(fresh.take(room).cloned());
    chosen
}

/// What a page of a look-alike says, read off the async threads.
struct Front {
    title: String,
    text: String,
    html: String,
    url: Url,
    prints: Fingerprints,
    no_copy: bool,
    may_look: bool,
}

/// What stands at a registered name, and whether its owner asks that no copy is kept; nothing where a known one does not
/// answer just now.
async fn registered(
    visit: Visit<'_>,
    options: &LookalikeOptions,
    name: &str,
    (serves, mails): (bool, bool),
    is_known: bool,
    own: &Own,
) -> Option<(Entry, bool)> {
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
    if !serves {
        return Some((entry, false));
    }
    let Some(page) = front_page(visit, name).await else {
        // One that could be read yesterday is not taken for empty today.
        return (!is_known).then_some((entry, false));
    };
    let header_asks = page.head.no_copy;
    let Some(front) = front(visit, name, page).await else { return Some((entry, false)) };
    entry.url = front.url.to_string();
    let title = normal(&front.title);
    let is_copy = own.prints.iter().any(|known| shares_words(known, &front.prints));
    let signals = [
        ("same_title", title.chars().count() >= MIN_TITLE_CHARS && own.titles.contains(&title)),
        ("same_words", is_copy),
    ];
    entry.signals.extend(signals.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name.to_owned()));
    if options.pictures && front.may_look && !own.pictures.is_empty() {
        let theirs = pictures(visit, front.html, front.url).await;
        if theirs.iter().any(|picture| own.pictures.iter().any(|known| known.is_same(picture))) {
            entry.signals.push("same_picture".to_owned());
        }
    }
    if !front.title.is_empty() {
        entry.title = front.title;
    }
    entry.content = EntryContent::Text(format!("{name}\n{}", front.text));
    Some((entry, front.no_copy || header_asks))
}

/// Reads a front page; nothing where it is for sale, empty, or cannot be read.
async fn front(visit: Visit<'_>, name: &str, page: Page) -> Option<Front> {
    let (parts, name) = (visit.parts.clone(), name.to_owned());
    let read = visit.parts.compute(move || {
        let html = text_of(&page).ok()?;
        if Wall::of(&html).is_some() {
            return None;
        }
        let title = extract::Page::read(&html, Some(&page.url), &parts.options.extract).metadata.title;
        let text = extract::plain_text(&html);
        if text.trim().is_empty() {
            return None;
        }
        let may_look = may_fetch_pictures(&parts, &name, &title, &text, &page.url);
        let (prints, no_copy) = (Fingerprints::of(&text), extract::asks_for_no_copy(&html));
        Some(Front { title, text, html, url: page.url, prints, no_copy, may_look })
    });
    read.await.ok().flatten()
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

/// The Trust's own site, read once a day.
async fn own_site(visit: Visit<'_>, options: &LookalikeOptions, today: NaiveDate) -> Arc<Own> {
    let Visit { parts, planned, .. } = visit;
    let known = || parts.own_sites.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, own)) = known().get(&planned.source.id).filter(|(day, _)| *day == today) {
        return own.clone();
    }
    let profiles = parts.classifier.profiles().iter();
    let profiles = profiles.filter(|profile| planned.source.organisations.contains(&profile.id));
    let mut own = Own::default();
    for domain in profiles.flat_map(|profile| &profile.domains) {
        let Some(page) = front_page(visit, domain).await else { continue };
        let Some(front) = front(visit, domain, page).await else { continue };
        own.titles.push(normal(&front.title));
        own.prints.push(front.prints);
        if options.pictures {
            own.pictures.extend(pictures(visit, front.html, front.url).await);
        }
    }
    let own = Arc::new(own);
    // One that could not be read is asked for again at the next visit.
    if !own.titles.is_empty() {
        known().insert(planned.source.id.clone(), (today, own.clone()));
    }
    own
}

/// Icons and logos of a page, hashed and dropped.
async fn pictures(visit: Visit<'_>, html: String, base: Url) -> Vec<Picture> {
    let places = visit.parts.compute(move || logos(&html, &base)).await.unwrap_or_default();
    let mut found = Vec::new();
    for url in places.into_iter().take(MAX_PICTURES) {
        let Ok(url) = parse_target(url.as_str(), &visit.parts.fetcher.policy()) else { continue };
        let request = Request { max_bytes: Some(MAX_PICTURE_BYTES), ..Request::new(url) };
        let Ok(Fetched::Page(page)) = visit.parts.fetcher.fetch(request).await else { continue };
        let read = visit.parts.compute(move || Picture::read(&page.body)).await;
        found.extend(read.ok().flatten());
    }
    found
}

/// No picture is fetched from a page that exposes, threatens or is explicit, nor from one that could not be judged.
fn may_fetch_pictures(parts: &Parts, name: &str, title: &str, text: &str, url: &Url) -> bool {
    let document = Document {
        kind: DocumentKind::Domain,
        url: url.to_string(),
        title: title.to_owned(),
        text: format!("{name}\n{text}"),
        ..Document::default()
    };
    let hits = parts.classifier.classify(&document);
    let closed = |category: Category| {
        category.family() == Family::Confidentiality
            || matches!(category, Category::Sexual | Category::Threat)
    };
    !hits.is_empty() && !hits.iter().flat_map(|hit| &hit.findings).any(|finding| closed(finding.category))
}

fn shares_words(a: &Fingerprints, b: &Fingerprints) -> bool {
    let equal = a.minhash.iter().zip(&b.minhash).filter(|(a, b)| a == b).count();
    a.words > MIN_SHARED && b.words > MIN_SHARED && equal * 100 >= a.minhash.len() * MIN_SHARED
}

fn normal(title: &str) -> String {
    super::record::words(title)
}
