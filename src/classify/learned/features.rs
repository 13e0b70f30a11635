//! What the statistical model sees of a document: its words and pairs of words, the letters inside them, the
//! lists that its words stand in, its kind and what is known of it. Names and numbers are left out: the model
//! may learn how people write, never of whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::classify::facts::SIGNALS;
use crate::classify::view::View;
use crate::matching::{FactKey, Run};
use crate::model::{DocumentKind, Field};

/// Letters by which inflected forms of a word are known as one.
const STEM: usize = 5;
/// Lists that hold names and numbers: who somebody is must not count, nor a shape that its rule looks at itself.
const NAMES: [&str; 10] = [
    "forename",
    "forename_word",
    "surname",
    "surname_word",
    "person_title",
    "person_cue",
    "catchment_place",
    "nhs_number",
    "ni_number",
    "postcode",
];

/// The features of a document for one organisation: words and letters with how often they stand there, and facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// Words, pairs and stems, with their number.
    pub words: BTreeMap<String, u32>,
    /// Letters inside words, with their number, in order.
    pub letters: Vec<(Letters, u32)>,
    /// Lists, pairs of lists in one sentence, kind and signals.
    pub facts: BTreeSet<String>,
}

/// One feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature<'f> {
    /// A word, pair, stem or fact.
    Word(&'f str),
    /// Letters inside a word.
    Letters(Letters),
}

/// Two to four letters that follow each other in a word, a space standing for where the word begins or ends:
/// they know a word by its parts, mis-spelt or inflected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Letters([char; 4]);

impl Letters {
    /// The shortest and longest.
    const LENGTHS: std::ops::RangeInclusive<usize> = 2..=4;
    /// What stands where there is no letter.
    const NONE: char = '\0';
    /// What letters begin with in the model's file, where words never do.
    const MARK: char = '~';

    /// All letters of a word.
    fn of(word: &str) -> impl Iterator<Item = Self> {
        let padded: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
        Self::LENGTHS.flat_map(move |length| padded.windows(length).map(Self::new).collect::<Vec<_>>())
    }

    fn new(chars: &[char]) -> Self {
        let mut letters = [Self::NONE; 4];
        letters.iter_mut().zip(chars).for_each(|(letter, char)| *letter = *char);
        Self(letters)
    }
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.0.iter().filter(|letter| **letter != Self::NONE);
        std::iter::once(&Self::MARK).chain(letters).try_for_each(|letter| write!(f, "{letter}"))
    }
}

impl FromStr for Letters {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let letters: Vec<char> = text.strip_prefix(Self::MARK).ok_or(())?.chars().collect();
        if Self::LENGTHS.contains(&letters.len()) { Ok(Self::new(&letters)) } else { Err(()) }
    }
}

/// Reads the features of a view.
pub(in crate::classify) fn of(view: &View<'_>) -> Features {
    let mut features = Features::default();
    let hidden = hidden(view);
    let tokens = view.seen.reading.tokens();
    let mut before: Option<(String, Field)> = None;
    let mut letters: Vec<Letters> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let position = u32::try_from(index).unwrap_or(u32::MAX);
        if !matches!(token.field, Field::Title | Field::Text) || !view.is_near(position) {
            before = None;
            continue;
        }
        let word = match hidden.get(&index) {
            Some(&(mark, true)) => mark.to_owned(),
            Some((_, false)) => continue,
            None => {
                let word = plain(&token.key);
                letters.extend(Letters::of(&word));
                word
            }
        };
        if let Some((first, field)) = before.take()
            && field == token.field
        {
            *features.words.entry(format!("{first} {word}")).or_default() += 1;
        }
        if word.chars().count() > STEM && word.chars().all(char::is_alphabetic) {
            *features.words.entry(word.chars().take(STEM).chain(['*']).collect()).or_default() += 1;
        }
        *features.words.entry(word.clone()).or_default() += 1;
        before = Some((word, token.field));
    }
    letters.sort_unstable();
    features.letters = letters
        .chunk_by(|a, b| a == b)
        .filter_map(|same| Some((*same.first()?, u32::try_from(same.len()).ok()?)))
        .collect();
    add_lists(view, &mut features.facts);
    for kind in DocumentKind::ALL {
        if view.facts.holds(FactKey::Kind, kind.as_str(), &[]) {
            features.facts.insert(format!("kind:{}", kind.as_str()));
        }
    }
    for signal in SIGNALS {
        if view.facts.holds(FactKey::Is, signal, &[]) {
            features.facts.insert(format!("is:{signal}"));
        }
    }
    features
}

/// Words that stand for the Trust's name or a person's, by position: the mark, and whether it is the first.
fn hidden(view: &View<'_>) -> BTreeMap<usize, (&'static str, bool)> {
    let mut hidden = BTreeMap::new();
    for (name, mark) in [("person", "<person>"), ("name", "<name>"), ("masked_word", "<masked>")] {
        for run in view.found.runs(view.rules.detected(name)) {
            for position in run.range() {
                hidden.insert(position, (mark, position == run.start as usize));
            }
        }
    }
    hidden
}

/// Numbers count by their length alone.
fn plain(key: &str) -> String {
    if key.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
        "#".repeat(key.len().min(5))
    } else {
        key.to_owned()
    }
}

fn add_lists(view: &View<'_>, facts: &mut BTreeSet<String>) {
    let mut by_sentence: BTreeMap<Run, BTreeSet<&str>> = BTreeMap::new();
    for (name, leaf) in view.rules.lists().filter(|(name, _)| !NAMES.contains(name)) {
        for run in view.found.runs(leaf) {
            let field = view.seen.reading.tokens()[run.start as usize].field;
            if matches!(field, Field::Title | Field::Text) && view.is_near(run.start) {
                by_sentence.entry(view.seen.reading.sentence(run.start)).or_default().insert(name);
            }
        }
    }
    for lists in by_sentence.values() {
        for (index, first) in lists.iter().enumerate() {
            facts.insert(format!("{{{first}}}"));
            for second in lists.iter().skip(index + 1) {
                facts.insert(format!("{{{first}}}+{{{second}}}"));
            }
        }
    }
}
