//! What rules see of a document: its text spaced and lower-cased once, mentions marked, the words that
//! any rule asks for found in one pass, and signals about author, address and kind.

use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, MatchKind};

use super::rules::{OriginCue, Rule, RuleSet};
use crate::matching::Spaced;
use crate::model::{Document, DocumentKind, Field, Folded, Mention, Profile};

/// The signals that rules may name.
pub(super) const SIGNALS: [&str; 16] = [
    "kind_news",
    "kind_web",
    "kind_profile",
    "kind_review",
    "kind_social",
    "registered",
    "own_host",
    "foreign_host",
    "lookalike_host",
    "author_is_named",
    "title_is_named",
    "spaced_3_3_4",
    "odd_groups",
    "phone_shape",
    "identifier_near",
    "street_before",
];

/// The mark that stands for a mention in phrases.
const NAME: &str = "{name}";

/// Every word of every rule in one automaton.
#[derive(Debug, Clone)]
pub(super) struct Lexicon {
    automaton: AhoCorasick,
    ids: HashMap<String, usize>,
}

impl Lexicon {
    pub(super) fn new(rules: &[Rule], origins: &[OriginCue]) -> Result<Self, String> {
        let items = rules.iter().flat_map(|rule| &rule.evidence);
        let words = items
            .flat_map(|item| item.near.iter().chain(&item.anywhere).chain(&item.role).chain(&item.phrases))
            .chain(origins.iter().flat_map(|origin| &origin.any));
        let mut ids = HashMap::new();
        let mut patterns = Vec::new();
        for word in words {
            let text = normal(word);
            ids.entry(text.clone()).or_insert_with(|| {
                patterns.push(text);
                patterns.len() - 1
            });
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&patterns)
            .map_err(|error| format!("the words of all rules make too large an automaton: {error}"))?;
        Ok(Self { automaton, ids })
    }
}

fn normal(word: &str) -> String {
    Spaced::new(&Folded::new(word.trim())).text().to_lowercase()
}

/// One field as rules see it.
pub(super) struct FieldView {
    pub(super) field: Field,
    pub(super) spaced: Spaced,
    /// Where each word of the lexicon stands, by id, in bytes of `spaced`.
    words: HashMap<usize, Vec<(usize, usize)>>,
    /// Which words stand in the text once its mentions are marked.
    phrases: HashSet<usize>,
}

/// What rules see of a document for one organisation.
pub(super) struct View<'a> {
    pub(super) document: &'a Document,
    pub(super) profile: &'a Profile,
    pub(super) fields: Vec<FieldView>,
    signals: HashSet<&'static str>,
    rules: &'a RuleSet,
}

impl<'a> View<'a> {
    pub(super) fn new(
        document: &'a Document,
        profile: &'a Profile,
        mentions: &[Mention],
        rules: &'a RuleSet,
    ) -> Self {
        let fields = Field::ALL
            .into_iter()
            .map(|field| FieldView::new(document, field, mentions, &rules.lexicon))
            .collect();
        Self { document, profile, fields, signals: signals(document, profile, mentions), rules }
    }

    /// Whether the document, or the place that brings `own` along, has a signal.
    pub(super) fn has(&self, signal: &str, own: &[&'static str]) -> bool {
        self.signals.contains(signal) || own.contains(&signal)
    }

    pub(super) fn has_any(&self, signals: &[String]) -> bool {
        signals.iter().any(|signal| self.signals.contains(signal.as_str()))
    }

    pub(super) fn field(&self, field: Field) -> &FieldView {
        self.fields.iter().find(|view| view.field == field).expect("a view has every field")
    }

    /// The first of `words` that stands in one of `fields`.
    pub(super) fn word_in<'w>(&self, words: &'w [String], fields: &[Field]) -> Option<&'w str> {
        let found = words.iter().find(|word| {
            let id = self.rules.lexicon.ids.get(&normal(word));
            id.is_some_and(|id| fields.iter().any(|field| self.field(*field).words.contains_key(id)))
        });
        found.map(String::as_str)
    }

    /// The first of `phrases` that stands in title, text or author once mentions are marked.
    pub(super) fn phrase<'w>(&self, phrases: &'w [String]) -> Option<&'w str> {
        let found = phrases.iter().find(|phrase| {
            let id = self.rules.lexicon.ids.get(&normal(phrase));
            id.is_some_and(|id| self.fields.iter().any(|view| view.phrases.contains(id)))
        });
        found.map(String::as_str)
    }

    /// The first of `words` within `reach` characters of bytes `start..end` of `field`.
    pub(super) fn word_near<'w>(
        &self,
        words: &'w [String],
        field: Field,
        start: usize,
        end: usize,
        reach: usize,
    ) -> Option<&'w str> {
        let view = self.field(field);
        let (from, to) = view.spaced.window(start, end, reach);
        let found = words.iter().find(|word| {
            let Some(places) = self.rules.lexicon.ids.get(&normal(word)).and_then(|id| view.words.get(id))
            else {
                return false;
            };
            places.iter().any(|&(s, e)| from <= s && e <= to && (e <= start || end <= s))
        });
        found.map(String::as_str)
    }
}

impl FieldView {
    fn new(document: &Document, field: Field, mentions: &[Mention], lexicon: &Lexicon) -> Self {
        let spaced = Spaced::new(&Folded::new(document.field(field)));
        // ASCII lower case keeps every byte in its place.
        let lower = spaced.text().to_ascii_lowercase();
        let mut words: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        for found in lexicon.automaton.find_overlapping_iter(&lower) {
            if spaced.is_whole(found.start(), found.end())
                || !ends_in_letters(&lower[found.start()..found.end()])
            {
                words.entry(found.pattern().as_usize()).or_default().push((found.start(), found.end()));
            }
        }
        let marked = marked(&lower, &spaced, field, mentions);
        let phrases = lexicon
            .automaton
            .find_overlapping_iter(&marked)
            .map(|found| found.pattern().as_usize())
            .collect();
        Self { field, spaced, words, phrases }
    }
}

/// A cue such as `nhs:` need not end at the end of a word.
fn ends_in_letters(word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    letter(word.chars().last()) && letter(word.chars().next())
}

/// The text with each mention replaced by its mark.
fn marked(lower: &str, spaced: &Spaced, field: Field, mentions: &[Mention]) -> String {
    let mut output = String::with_capacity(lower.len());
    let mut mentions = mentions.iter().filter(|mention| mention.field == field).peekable();
    if mentions.peek().is_none() {
        return output;
    }
    let mut position = 0;
    for mention in mentions {
        let Some((start, end)) = bytes_of(spaced, mention.start, mention.end) else { continue };
        if start >= position {
            output.push_str(&lower[position..start]);
            output.push_str(NAME);
            position = end;
        }
    }
    output + &lower[position..]
}

/// The bytes of the spaced text behind characters of the original.
fn bytes_of(spaced: &Spaced, start: usize, end: usize) -> Option<(usize, usize)> {
    let text = spaced.text();
    let mut places =
        text.char_indices().map(|(at, c)| (at, at + c.len_utf8(), spaced.original(at, at + c.len_utf8())));
    let first = places.find(|(_, _, (s, _))| *s >= start)?;
    let last = places.take_while(|(_, _, (_, e))| *e <= end).last();
    Some((first.0, last.map_or(first.1, |place| place.1)))
}

fn signals(document: &Document, profile: &Profile, mentions: &[Mention]) -> HashSet<&'static str> {
    let mut signals = HashSet::new();
    let mut set = |signal: &'static str, holds: bool| {
        if holds {
            signals.insert(signal);
        }
    };
    set("kind_news", document.kind == DocumentKind::News);
    set("kind_web", document.kind == DocumentKind::Web);
    set("kind_profile", document.kind == DocumentKind::Profile);
    set("kind_review", document.kind == DocumentKind::Review);
    set("kind_social", document.kind == DocumentKind::Social);
    let host = document.host();
    let own_host = !host.is_empty() && profile.owns_host(&host);
    let named = |field: Field| mentions.iter().any(|mention| mention.field == field);
    set("own_host", own_host);
    set("foreign_host", !host.is_empty() && !own_host);
    set("lookalike_host", !own_host && resembles_domain(&host, profile));
    set("registered", own_host || profile.owns_handle(&document.author_handle));
    set("author_is_named", named(Field::Author) || named(Field::AuthorHandle));
    set("title_is_named", named(Field::Title));
    signals
}

/// Whether the host holds the whole label of one of the Trust's domains: `solent-nhs.example`.
fn resembles_domain(host: &str, profile: &Profile) -> bool {
    let elsewhere =
        profile.elsewhere.iter().any(|other| host == other || host.ends_with(&format!(".{other}")));
    let flat: String = host.chars().filter(char::is_ascii_alphanumeric).collect();
    let label = |domain: &str| domain.split('.').next().unwrap_or_default().replace('-', "");
    !elsewhere
        && profile.domains.iter().any(|domain| {
            let label = label(domain);
            label.len() >= 4 && flat.contains(&label)
        })
}
