//! The context that a watch asks for: words that must stand near, words that will do anywhere, and
//! phrases around a name that make it something else.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{MatcherError, Spaced};
use crate::model::{Document, Field, Folded, Watch};

/// What a watch asks of the text around a match.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Tells its watch from all others of the matcher.
    number: usize,
    needs: Option<Phrases>,
    within: usize,
    anywhere: Option<Phrases>,
    unless: Option<Phrases>,
    never: Option<Phrases>,
}

/// Which of a watch's lists is asked of the whole document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    Anywhere,
    Never,
}

/// The document around a name, spaced out at most once and asked by each watch at most once.
pub(super) struct Whole<'a> {
    document: &'a Document,
    spaced: OnceCell<[Spaced; 2]>,
    answers: RefCell<HashMap<(usize, Asked), bool>>,
}

impl<'a> Whole<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, spaced: OnceCell::new(), answers: RefCell::default() }
    }

    /// Whether one of `phrases`, which belong to watch `number`, stands in title or text.
    fn has(&self, number: usize, asked: Asked, phrases: &Phrases) -> bool {
        *self.answers.borrow_mut().entry((number, asked)).or_insert_with(|| {
            let fields = [&self.document.title, &self.document.text];
            let spaced = self.spaced.get_or_init(|| fields.map(|field| Spaced::new(&Folded::new(field))));
            spaced.iter().any(|text| phrases.stands_in(text, 0, text.text().len(), |_, _| true))
        })
    }
}

/// A list of phrases, found as whole words in any case.
#[derive(Debug)]
struct Phrases {
    automaton: AhoCorasick,
    longest: usize,
}

impl Phrases {
    fn new(phrases: &[String]) -> Result<Option<Self>, MatcherError> {
        if phrases.is_empty() {
            return Ok(None);
        }
        let spaced: Vec<String> =
            phrases.iter().map(|phrase| Spaced::new(&Folded::new(phrase.trim())).text().to_owned()).collect();
        let longest = spaced.iter().map(String::len).max().unwrap_or_default();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&spaced)
            .map_err(|error| MatcherError(error.to_string()))?;
        Ok(Some(Self { automaton, longest }))
    }

    /// Whether a phrase stands in bytes `from..to`, as whole words, at a place that `accept` takes.
    fn stands_in(
        &self,
        spaced: &Spaced,
        from: usize,
        to: usize,
        accept: impl Fn(usize, usize) -> bool,
    ) -> bool {
        self.automaton.find_overlapping_iter(&spaced.text()[from..to]).any(|found| {
            let (start, end) = (from + found.start(), from + found.end());
            spaced.is_whole(start, end) && accept(start, end)
        })
    }
}

impl Context {
    /// The context of a watch.
    pub(super) fn new(watch: &Watch, number: usize) -> Result<Self, MatcherError> {
        Ok(Self {
            number,
            needs: Phrases::new(&watch.needs)?,
            within: watch.within,
            anywhere: Phrases::new(&watch.anywhere)?,
            unless: Phrases::new(&watch.unless)?,
            never: Phrases::new(&watch.never)?,
        })
    }

    /// No context asked for.
    pub(super) fn free() -> Self {
        Self::default()
    }

    /// Whether the name at `start..end` is the organisation's.
    pub(super) fn admits(
        &self,
        spaced: &Spaced,
        start: usize,
        end: usize,
        whole: &Whole<'_>,
        field: Field,
    ) -> bool {
        if self.is_something_else(spaced, start, end) {
            return false;
        }
        if self.never.as_ref().is_some_and(|never| whole.has(self.number, Asked::Never, never)) {
            return false;
        }
        let Some(needs) = &self.needs else { return true };
        let (from, to) = spaced.window(start, end, self.within);
        let beside = |s: usize, e: usize| e <= start || end <= s;
        needs.stands_in(spaced, from, to, beside)
            || field == Field::Title && self.opening_has(needs, whole)
            || self
                .anywhere
                .as_ref()
                .is_some_and(|anywhere| whole.has(self.number, Asked::Anywhere, anywhere))
    }

    /// Whether a phrase that contains the name makes it something else.
    fn is_something_else(&self, spaced: &Spaced, start: usize, end: usize) -> bool {
        self.unless.as_ref().is_some_and(|unless| {
            let (from, to) = spaced.window(start, end, unless.longest);
            unless.stands_in(spaced, from, to, |s, e| s <= start && end <= e)
        })
    }

    /// What a headline says, the first words of the text explain.
    fn opening_has(&self, needs: &Phrases, whole: &Whole<'_>) -> bool {
        let opening: String = whole.document.text.chars().take(self.within).collect();
        let opening = Spaced::new(&Folded::new(&opening));
        needs.stands_in(&opening, 0, opening.text().len(), |_, _| true)
    }
}
