//! Watches to mentions. One automaton holds the names of all organisations; a cheaper one in front of
//! it passes over text in which no name can stand. Context then decides whether a name is the
//! organisation's: "the Solent" is the sea, "heft" a word, `deputy` no EPUT.

mod context;
mod hosts;
mod lookalike;
mod query;
mod reading;
mod screen;
mod spaced;
mod term;
mod vocabulary;
mod wild;
mod words;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

pub use lookalike::{Likeness, lookalike};
pub use query::{Asked, Budget, FactKey, Matched, Piece, Plan, Query, QueryError, Scope};
pub use reading::{Reading, Run, Token};
use screen::Screen;
use spaced::Spaced;
pub use vocabulary::{Found, Leaf, List, Vocabulary, VocabularyError};

use context::{Context, Whole};
use hosts::Hosts;
use term::{Term, terms_of};

use crate::model::{Document, Field, Folded, Mention, OrganisationId, Profile, folded_text};

/// Forcing the DFA pays below this many terms (measured: three to four times the speed that `auto`
/// gives); above it the table grows too large.
const DFA_TERMS: usize = 5000;

/// The fields in which names are looked for; of the address only the host counts.
const FIELDS: [Field; 4] = [Field::Title, Field::Text, Field::Author, Field::AuthorHandle];

/// Names of one organisation looked at in one field: a text that says nothing else is judged by its first ones.
const MAX_FOUND: usize = 500;
/// Names of one organisation in one field about which a query is asked: a text about the sea holds its name a
/// thousand times.
const MAX_ASKED: usize = 500;

/// Why the watches cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("the names of all watches together make too large an automaton: {0}")]
pub struct MatcherError(String);

/// The mentions of one organisation in one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mentioned {
    /// The place of its profile in the list that the matcher was made from.
    pub profile: usize,
    /// Whose name stands there.
    pub organisation: OrganisationId,
    /// Where, in the order of the fields.
    pub mentions: Vec<Mention>,
    /// Watches whose query could not be asked to the end; `names` where there were too many.
    pub overran: Vec<String>,
}

/// Finds every organisation's names.
#[derive(Debug)]
pub struct Matcher {
    screen: Screen,
    automaton: AhoCorasick,
    /// What each pattern of the automaton stands for: equal names of several watches share one.
    patterns: Vec<Vec<Term>>,
    organisations: Vec<Organisation>,
    hosts: Hosts,
}

#[derive(Debug)]
struct Organisation {
    id: OrganisationId,
    profile: Profile,
    watches: Vec<CompiledWatch>,
}

#[derive(Debug)]
struct CompiledWatch {
    id: String,
    context: Context,
    /// Whether a query decides about its names later.
    asks: bool,
}

/// Where one organisation is named.
#[derive(Debug, Clone, Default)]
struct Named {
    mentions: Vec<Mention>,
    /// Whether there were more names than are looked at.
    capped: bool,
}

/// A name found, before overlaps are settled.
struct NameFound {
    organisation: usize,
    watch: usize,
    start: usize,
    end: usize,
}

impl Matcher {
    /// Compiles the watches of all profiles.
    pub fn new(profiles: &[Profile]) -> Result<Self, MatcherError> {
        let mut patterns: Vec<(String, Vec<Term>)> = Vec::new();
        let mut place = std::collections::HashMap::new();
        let mut organisations = Vec::new();
        let mut numbered = 0;
        for (organisation, profile) in profiles.iter().enumerate() {
            let mut watches = Vec::new();
            let profile = Profile { watches: profile.all_watches(), ..profile.clone() };
            for watch in &profile.watches {
                numbered += 1;
                let context = Context::new(watch, numbered)?;
                watches.push(CompiledWatch { id: watch.id.clone(), context, asks: watch.query.is_some() });
            }
            for kind in ["handle", "domain"] {
                watches.push(CompiledWatch { id: kind.to_owned(), context: Context::free(), asks: false });
            }
            for (text, term) in terms_of(&profile, organisation) {
                let at = *place.entry(text.clone()).or_insert_with(|| {
                    patterns.push((text, Vec::new()));
                    patterns.len() - 1
                });
                patterns[at].1.push(term);
            }
            organisations.push(Organisation { id: profile.id.clone(), profile, watches });
        }
        let (texts, patterns): (Vec<String>, Vec<Vec<Term>>) = patterns.into_iter().unzip();
        let screen = Screen::new(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
        let automaton = automaton(texts.iter())?;
        Ok(Self { screen, automaton, patterns, organisations, hosts: Hosts::new() })
    }

    /// Every organisation that `document` mentions, in the order of the profiles. The names of watches with a query
    /// stand beside those that they overlap: whoever asks the queries settles it with [`settled`].
    pub fn find(&self, document: &Document) -> Vec<Mentioned> {
        let mut mentions = vec![Named::default(); self.organisations.len()];
        let whole = Whole::new(document);
        for field in FIELDS {
            let text = document.field(field);
            if self.screen.lets_through(&folded_text(text), &self.automaton) {
                self.find_in(&whole, field, &Folded::new(text), &mut mentions);
            }
        }
        self.find_own_host(document, &mut mentions);
        let found = mentions.into_iter().enumerate().filter(|(_, named)| !named.mentions.is_empty());
        found
            .map(|(profile, Named { mentions, capped })| Mentioned {
                profile,
                organisation: self.organisations[profile].id.clone(),
                mentions,
                overran: capped.then(|| "names".to_owned()).into_iter().collect(),
            })
            .collect()
    }

    fn find_in(&self, whole: &Whole<'_>, field: Field, folded: &Folded<'_>, mentions: &mut [Named]) {
        let spaced = Spaced::new(folded);
        let mut found = Vec::new();
        let mut counts = vec![(0, 0); self.organisations.len()];
        for hit in self.automaton.find_overlapping_iter(spaced.text()) {
            for term in &self.patterns[hit.pattern().as_usize()] {
                let organisation = &self.organisations[term.organisation];
                let watch = &organisation.watches[term.watch];
                let (start, end) = (hit.start(), hit.end());
                let (sure, asked) = &mut counts[term.organisation];
                let (count, most) = if watch.asks { (asked, MAX_ASKED) } else { (sure, MAX_FOUND) };
                if *count >= most {
                    mentions[term.organisation].capped = true;
                    continue;
                }
                if term.fits(&spaced, field, start, end)
                    && watch.context.admits(&spaced, start, end, whole, field)
                {
                    found.push(NameFound { organisation: term.organisation, watch: term.watch, start, end });
                    *count += 1;
                }
            }
        }
        // Of overlapping names of one organisation the longest stands, unless a query may yet refuse it.
        let asks = |name: &NameFound| self.organisations[name.organisation].watches[name.watch].asks;
        found.sort_by(|a, b| {
            let longer = (b.end - b.start).cmp(&(a.end - a.start)).then(a.start.cmp(&b.start));
            longer.then(asks(a).cmp(&asks(b))).then(b.watch.cmp(&a.watch))
        });
        let mut kept: Vec<NameFound> = Vec::new();
        for candidate in found {
            let overlaps = |other: &NameFound| {
                other.organisation == candidate.organisation
                    && !asks(other)
                    && candidate.start < other.end
                    && other.start < candidate.end
            };
            if !kept.iter().any(overlaps) {
                kept.push(candidate);
            }
        }
        kept.sort_by_key(|found| found.start);
        for found in kept {
            let (start, end) = spaced.original(found.start, found.end);
            let watch = self.organisations[found.organisation].watches[found.watch].id.clone();
            mentions[found.organisation].mentions.push(Mention { watch, field, start, end });
        }
    }

    /// A document on the organisation's own domain mentions it, and so does a domain that resembles one.
    fn find_own_host(&self, document: &Document, mentions: &mut [Named]) {
        let host = document.host();
        if host.is_empty() {
            return;
        }
        let profiles = self.organisations.iter().map(|organisation| &organisation.profile);
        for &(organisation, naming) in self.hosts.named(document.kind, &host, profiles).iter() {
            let lower = document.url.to_lowercase();
            let start = lower.find(&host).map_or(0, |byte| lower[..byte].chars().count());
            let end = start + host.chars().count();
            let watch = naming.watch().to_owned();
            mentions[organisation].mentions.push(Mention { watch, field: Field::Url, start, end });
        }
    }
}

/// The mentions that stand once every query has been asked: of those that overlap, the longest.
pub fn settled(mut mentions: Vec<Mention>) -> Vec<Mention> {
    let mut kept: Vec<Mention> = Vec::new();
    mentions.sort_by_key(|mention| std::cmp::Reverse(mention.end - mention.start));
    for mention in mentions {
        let overlaps = |other: &Mention| {
            other.field == mention.field && mention.start < other.end && other.start < mention.end
        };
        if !kept.iter().any(overlaps) {
            kept.push(mention);
        }
    }
    let place = |field: Field| Field::ALL.iter().position(|other| *other == field);
    kept.sort_by_key(|mention| (place(mention.field), mention.start));
    kept
}

fn automaton<'a>(patterns: impl ExactSizeIterator<Item = &'a String>) -> Result<AhoCorasick, MatcherError> {
    let kind = (patterns.len() < DFA_TERMS).then_some(AhoCorasickKind::DFA);
    AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .kind(kind)
        .build(patterns)
        .map_err(|error| MatcherError(error.to_string()))
}

#[cfg(test)]
mod tests;
