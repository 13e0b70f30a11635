//! What rules see of a document for one organisation: what was found in it, where the Trust is named, and
//! the facts.

use super::facts::Facts;
use super::learned::{Learned, Opinion};
use super::rules::{CompiledCue, RuleSet};
use crate::mask::{Masker, Shape, shapes};
use crate::matching::{Asked, Budget, Found, Leaf, Plan, Reading, Run};
use crate::model::{Document, Field, Mention, Profile};

/// What all queries of one rule may cost on one document (runs looked at).
pub(super) const RULE_BUDGET: u32 = 200_000;
/// Words quoted of one place.
const QUOTED_WORDS: u32 = 4;
/// A text longer than this is about the Trust only near its name (words).
const LONG: usize = 250;
/// How near (words).
const NEAR: u32 = 100;
/// Words quoted in a reason, at most (characters).
const MAX_QUOTE: usize = 60;

/// A document as all organisations see it.
pub(super) struct Seen<'a> {
    pub(super) document: &'a Document,
    pub(super) reading: Reading<'a>,
    pub(super) found: Found,
    /// Identifier shapes by field.
    pub(super) shapes: Vec<(Field, Vec<Shape>)>,
    pub(super) people: Vec<super::person::Person>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(document: &'a Document, rules: &RuleSet, masker: &Masker) -> Self {
        let reading = Reading::new(document);
        let mut found = rules.find(&reading);
        let shapes = Field::ALL.map(|field| (field, shapes(reading.folded(field).text()))).to_vec();
        let people = super::person::people(&reading, &found, rules, document);
        let mut seen = Self { document, reading, found: Found::default(), shapes, people };
        super::annotate::all(&seen, rules, masker, &mut found);
        seen.found = found;
        seen
    }
}

/// What rules see of a document for one organisation.
pub(super) struct View<'a> {
    pub(super) seen: &'a Seen<'a>,
    pub(super) profile: &'a Profile,
    pub(super) masker: &'a Masker,
    pub(super) rules: &'a RuleSet,
    pub(super) found: Found,
    pub(super) facts: Facts,
    pub(super) learned: &'static Learned,
    pub(super) opinion: Opinion,
    this: Leaf,
    /// What stands near enough to the Trust's name to be about it; all of it where `None`.
    passages: Option<Vec<Run>>,
}

/// A place that is asked about: where it stands, and what its detector says of it.
#[derive(Clone, Copy)]
pub(super) struct This<'p> {
    pub(super) runs: &'p [Run],
    pub(super) signals: &'p [&'static str],
}

impl This<'_> {
    /// The document as a whole.
    pub(super) const NONE: This<'static> = This { runs: &[], signals: &[] };
}

impl<'a> View<'a> {
    pub(super) fn new(
        seen: &'a Seen<'a>,
        profile: &'a Profile,
        mentions: &[Mention],
        rules: &'a RuleSet,
        masker: &'a Masker,
        learned: &'static Learned,
    ) -> Self {
        let mut found = seen.found.clone();
        let named = mentions
            .iter()
            .filter_map(|mention| seen.reading.run_of_original(mention.field, mention.start, mention.end));
        let named: Vec<Run> = named.collect();
        hide_own_words(&seen.reading, profile, &named, &mut found);
        found.set(rules.detected("name"), named.clone());
        let facts = Facts::new(seen.document, profile, mentions);
        rules.derive(&seen.reading, &mut found, &|key, value: &str| facts.holds(key, value, &[]));
        Self {
            seen,
            profile,
            masker,
            rules,
            found,
            facts,
            learned,
            opinion: Opinion::default(),
            passages: passages(seen, named),
            this: rules.detected("this"),
        }
    }

    /// Lets `leaf` stand at `runs` too, and finds again what is made of it.
    pub(super) fn mark(&mut self, leaf: Leaf, runs: impl Iterator<Item = Run>) {
        let runs = self.found.runs(leaf).iter().copied().chain(runs).collect();
        self.found.set(leaf, runs);
        let facts = &self.facts;
        self.rules
            .derive(&self.seen.reading, &mut self.found, &|key, value: &str| facts.holds(key, value, &[]));
    }

    /// Where a plan holds, for a place.
    pub(super) fn ask(&self, plan: &Plan, this: This<'_>, budget: &Budget) -> Option<Vec<Run>> {
        let facts = |key, value: &str| self.facts.holds(key, value, this.signals);
        let asked = Asked::new(&self.seen.reading, &self.found, budget).with_facts(&facts);
        if this.runs.is_empty() {
            plan.runs(&asked.with_passages(self.passages.as_deref()))
        } else {
            plan.runs(&asked.with_this(self.this, this.runs))
        }
    }

    /// Whether a plan holds for the name at `run` and the words around it.
    pub(super) fn holds_around(&self, plan: &Plan, run: Run, budget: &Budget) -> bool {
        let facts = |key, value: &str| self.facts.holds(key, value, &[]);
        let window = Run { start: run.start.saturating_sub(NEAR), end: run.end + NEAR };
        let runs = [run];
        let asked = Asked::new(&self.seen.reading, &self.found, budget).with_facts(&facts);
        plan.runs(&asked.with_this(self.this, &runs).with_window(window)).is_some()
    }

    /// Whether a word stands near enough to the Trust's name.
    pub(super) fn is_near(&self, token: u32) -> bool {
        let one = Run { start: token, end: token + 1 };
        self.passages.as_ref().is_none_or(|passages| passages.iter().any(|passage| passage.overlaps(one)))
    }

    /// The first cue that holds, with its reason.
    pub(super) fn cue<T: Copy>(
        &self,
        cues: &[CompiledCue<T>],
        this: This<'_>,
        budget: &Budget,
    ) -> Option<(T, String)> {
        cues.iter().find_map(|cue| {
            let runs = self.ask(&cue.plan, this, budget)?;
            Some((cue.cue.is, self.because(&cue.cue.because, &runs)))
        })
    }

    /// A reason with the words that speak for it; private names as initials, the rest masked.
    pub(super) fn because(&self, because: &str, runs: &[Run]) -> String {
        let words = runs.first().map(|run| self.quote(*run)).filter(|words| !words.is_empty());
        match words {
            Some(words) => format!("{because} (“{words}”)"),
            None => because.to_owned(),
        }
    }

    /// The words of a run as they may be shown.
    ///
    /// A reason quotes the words that count, never the passage between them.
    pub(super) fn quote(&self, run: Run) -> String {
        if run.end - run.start > QUOTED_WORDS {
            let ends = [
                Run { end: run.start + QUOTED_WORDS / 2, ..run },
                Run { start: run.end - QUOTED_WORDS / 2, ..run },
            ];
            return ends.map(|part| self.quote(part)).join(" … ");
        }
        let reading = &self.seen.reading;
        let mut text = String::new();
        let mut position = run.start;
        let named = self
            .seen
            .people
            .iter()
            .flat_map(|person| person.runs.iter().map(|at| (*at, person.initials.clone())));
        let numbers = self.seen.shapes.iter().flat_map(|(field, shapes)| {
            let secret = shapes.iter().filter(|shape| !self.masker.is_own(shape));
            secret.filter_map(|shape| Some((reading.run_of(*field, shape.start, shape.end)?, shape.mask())))
        });
        // A number is hidden whole even where the quotation cuts it.
        let mut people: Vec<(Run, String)> =
            named.chain(numbers).filter(|(at, _)| at.overlaps(run)).collect();
        people.sort_unstable();
        for (at, initials) in people {
            if at.end <= position {
                continue;
            }
            if at.start > position {
                text.push_str(reading.text(Run { start: position, end: at.start }));
                text.push(' ');
            }
            text.push_str(&initials);
            text.push(' ');
            position = position.max(at.end);
        }
        if position < run.end {
            text.push_str(reading.text(Run { start: position, end: run.end }));
        }
        let line = self.masker.mask_line(text.trim());
        line.shortened(MAX_QUOTE).to_string().replace(['“', '”'], "\"")
    }
}

/// The beginning of an example's text, for messages.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// "University", "Ambulance" and "Trust" inside the Trust's own name speak of no university, ambulance or trust.
fn hide_own_words(reading: &Reading<'_>, profile: &Profile, named: &[Run], found: &mut Found) {
    let own: Vec<String> = profile.name.split_whitespace().map(str::to_lowercase).collect();
    let tokens = reading.tokens();
    found.hide(|run| {
        named.iter().any(|name| {
            name.start <= run.start
                && run.end <= name.end
                && (run.end - run.start) < (name.end - name.start)
                && tokens[run.range()].iter().all(|token| own.iter().any(|word| **word == *token.key))
        })
    });
}

/// The passages around the names in a long text, and its title.
fn passages(seen: &Seen<'_>, named: Vec<Run>) -> Option<Vec<Run>> {
    let text = seen.reading.field_tokens(Field::Text);
    if text.len() <= LONG {
        return None;
    }
    let position = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let (first, last) = (position(text.start), position(text.end));
    // What stands in no long text is always near: title, author and address.
    let mut passages = vec![Run { start: 0, end: first }];
    let mut around: Vec<Run> = named
        .into_iter()
        .filter(|run| run.start >= first && run.end <= last)
        .map(|run| Run { start: run.start.saturating_sub(NEAR).max(first), end: (run.end + NEAR).min(last) })
        .collect();
    if around.is_empty() {
        // Named in title, author or address: the opening says what it is about.
        around.push(Run { start: first, end: (first + 2 * NEAR).min(last) });
    }
    around.sort_unstable();
    for run in around {
        match passages.last_mut() {
            Some(before) if before.end >= run.start && before.start >= first => {
                before.end = before.end.max(run.end);
            }
            _ => passages.push(run),
        }
    }
    passages.push(Run { start: last, end: position(seen.reading.tokens().len()) });
    Some(passages)
}
