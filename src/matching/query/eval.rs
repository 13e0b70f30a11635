//! Queries answered on a document that was read and searched before: a plan only looks up runs and
//! compares their places. Each look costs one from a budget, so that the same input gives the same answer
//! and no query can take for ever.

use std::cell::Cell;

use super::{FactKey, Scope};
use crate::matching::reading::{Reading, Run};
use crate::matching::vocabulary::{Found, Leaf};
use crate::model::Field;

/// A compiled query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// A word, phrase, list or detector.
    Leaf(Leaf),
    /// Pieces of a phrase, one right after the other.
    Chain(Vec<Plan>),
    /// One of these.
    Or(Vec<Plan>),
    /// All of these.
    And(Vec<Plan>),
    /// Not this.
    Not(Box<Plan>),
    /// See [`Query::Near`](super::Query::Near).
    Near {
        /// The first.
        left: Box<Plan>,
        /// The second.
        right: Box<Plan>,
        /// Words between them, at most.
        within: usize,
        /// Whether the first must come first.
        ordered: bool,
        /// Whether it is the first without the second near that counts.
        negated: bool,
    },
    /// At least so many of these.
    Count {
        /// How many.
        least: usize,
        /// Of which.
        of: Vec<Plan>,
    },
    /// Inside a scope only.
    Within(Scope, Box<Plan>),
    /// Something known of the document.
    Fact(FactKey, String),
}

/// Where a plan holds: no runs where it says nothing about a place.
pub type Matched = Option<Vec<Run>>;

/// What a query may still cost.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u32>,
    overrun: Cell<bool>,
}

impl Budget {
    /// A budget of so many looks.
    pub fn new(looks: u32) -> Self {
        Self { left: Cell::new(looks), overrun: Cell::new(false) }
    }

    /// Whether more was asked than there was: the answer may then miss something.
    pub fn is_overrun(&self) -> bool {
        self.overrun.get()
    }

    fn take(&self, looks: usize) -> bool {
        let looks = u32::try_from(looks).unwrap_or(u32::MAX);
        if let Some(rest) = self.left.get().checked_sub(looks) {
            self.left.set(rest);
            true
        } else {
            self.overrun.set(true);
            false
        }
    }
}

/// A document that a plan is asked about.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    reading: &'a Reading<'a>,
    found: &'a Found,
    budget: &'a Budget,
    facts: &'a dyn Fn(FactKey, &str) -> bool,
    /// The leaf that stands for what is asked about, and where that stands.
    this: Option<(Leaf, &'a [Run])>,
    fields: Fields,
    window: Option<Run>,
    unquoted: bool,
    /// The passages that are looked at; all of it where `None`.
    passages: Option<&'a [Run]>,
}

/// The fields that are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// Title and text.
    Read,
    One(Field),
    /// Those of a detector's places too, wherever they stand.
    Any,
}

impl<'a> Asked<'a> {
    /// Asks about `reading`, in which `found` was found.
    pub fn new(reading: &'a Reading<'a>, found: &'a Found, budget: &'a Budget) -> Self {
        Self {
            reading,
            found,
            budget,
            facts: &|_, _| false,
            this: None,
            fields: Fields::Read,
            window: None,
            unquoted: false,
            passages: None,
        }
    }

    /// Answers `site:`, `kind:`, `is:` and `found:` by `facts`.
    #[must_use]
    pub fn with_facts(mut self, facts: &'a dyn Fn(FactKey, &str) -> bool) -> Self {
        self.facts = facts;
        self
    }

    /// Lets `leaf` stand for the places `runs`, in whatever field they are.
    #[must_use]
    pub fn with_this(mut self, leaf: Leaf, runs: &'a [Run]) -> Self {
        self.this = Some((leaf, runs));
        self.fields = Fields::Any;
        self
    }

    /// Looks at the words of `window` only.
    #[must_use]
    pub fn with_window(mut self, window: Run) -> Self {
        self.window = Some(window);
        self
    }

    /// Looks at these passages only, which stand in order.
    #[must_use]
    pub fn with_passages(mut self, passages: Option<&'a [Run]>) -> Self {
        self.passages = passages;
        self
    }

    fn sees(&self, run: Run) -> bool {
        let Some(token) = self.reading.tokens().get(run.start as usize) else { return false };
        let in_field = match self.fields {
            Fields::Read => matches!(token.field, Field::Title | Field::Text),
            Fields::One(field) => token.field == field,
            Fields::Any => true,
        };
        let in_passage = self.passages.is_none_or(|passages| {
            let after = passages.partition_point(|passage| passage.end <= run.start);
            passages.get(after).is_some_and(|passage| passage.overlaps(run))
        });
        in_field && in_passage && !(self.unquoted && token.quoted)
    }

    fn leaf(&self, leaf: Leaf) -> Vec<Run> {
        let this = self.this.filter(|(this, _)| *this == leaf);
        let mut runs = this.map_or_else(|| self.found.runs(leaf), |(_, runs)| runs);
        if let Some(window) = self.window {
            let from = runs.partition_point(|run| run.start < window.start);
            let to = runs.partition_point(|run| run.start < window.end);
            runs = &runs[from..to];
        }
        if !self.budget.take(runs.len() + 1) {
            return Vec::new();
        }
        let inside = |run: &Run| self.window.is_none_or(|window| run.end <= window.end);
        runs.iter().copied().filter(|run| inside(run) && self.sees(*run)).collect()
    }
}

impl Plan {
    /// Where it holds; `None` where it does not.
    pub fn runs(&self, asked: &Asked<'_>) -> Matched {
        match self {
            Self::Leaf(leaf) => some_runs(asked.leaf(*leaf)),
            Self::Chain(parts) => chain(parts, asked),
            Self::Or(parts) => any(parts, asked),
            Self::And(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(part.runs(asked)?);
                }
                Some(all)
            }
            Self::Not(inner) => {
                if inner.runs(asked).is_some() {
                    None
                } else {
                    Some(Vec::new())
                }
            }
            Self::Near { left, right, within, ordered, negated } => {
                let lefts = left.runs(asked)?;
                let rights = right.runs(asked).unwrap_or_default();
                near(asked, &lefts, rights, *within, *ordered, *negated)
            }
            Self::Count { least, of } => {
                let held: Vec<Vec<Run>> = of.iter().filter_map(|part| part.runs(asked)).collect();
                (held.len() >= *least).then(|| held.concat())
            }
            Self::Within(scope, inner) => within(*scope, inner, asked),
            Self::Fact(key, value) => (asked.facts)(*key, value).then(Vec::new),
        }
    }

    /// The leaves of which one must stand wherever the plan holds; `None` where it may hold without any.
    pub(in crate::matching) fn anchors(&self) -> Option<Vec<Leaf>> {
        match self {
            Self::Leaf(leaf) => Some(vec![*leaf]),
            Self::Chain(parts) | Self::And(parts) => {
                parts.iter().filter_map(Self::anchors).min_by_key(Vec::len)
            }
            Self::Or(parts) | Self::Count { of: parts, .. } => {
                parts.iter().map(Self::anchors).collect::<Option<Vec<_>>>().map(|leaves| leaves.concat())
            }
            Self::Not(_) | Self::Fact(..) => None,
            Self::Near { left, right, negated, .. } => {
                let left = left.anchors();
                if *negated { left } else { left.or_else(|| right.anchors()) }
            }
            Self::Within(_, inner) => inner.anchors(),
        }
    }
}

fn some_runs(runs: Vec<Run>) -> Matched {
    (!runs.is_empty()).then_some(runs)
}

/// One of several plans. Places come in order; what holds without a place stays true.
fn any(parts: &[Plan], asked: &Asked<'_>) -> Matched {
    let mut held = false;
    let mut all = Vec::new();
    for runs in parts.iter().filter_map(|part| part.runs(asked)) {
        held = true;
        all.extend(runs);
    }
    all.sort_unstable();
    all.dedup();
    held.then_some(all)
}

fn chain(parts: &[Plan], asked: &Asked<'_>) -> Matched {
    let mut parts = parts.iter();
    let mut runs = parts.next()?.runs(asked)?;
    for part in parts {
        let following = part.runs(asked)?;
        if !asked.budget.take(runs.len()) {
            return None;
        }
        let mut joined = Vec::new();
        for run in runs {
            let from = following.partition_point(|next| next.start < run.end);
            let next = following[from..].iter().take_while(|next| next.start == run.end);
            let same_field = |next: &&Run| asked.reading.gap(run, **next) == Some(0);
            joined.extend(next.filter(same_field).map(|next| Run { start: run.start, end: next.end }));
        }
        runs = some_runs(joined)?;
    }
    Some(runs)
}

fn near(
    asked: &Asked<'_>,
    lefts: &[Run],
    mut rights: Vec<Run>,
    within: usize,
    ordered: bool,
    negated: bool,
) -> Matched {
    rights.sort_unstable();
    let longest = rights.iter().map(|run| run.end - run.start).max().unwrap_or_default();
    if !asked.budget.take(lefts.len() + rights.len()) {
        return None;
    }
    let reach = u32::try_from(within).unwrap_or(u32::MAX);
    let partner = |left: Run| {
        let lowest =
            if ordered { left.end } else { left.start.saturating_sub(reach.saturating_add(longest)) };
        let from = rights.partition_point(|right| right.start < lowest);
        let reachable =
            rights[from..].iter().take_while(|right| right.start <= left.end.saturating_add(reach));
        reachable
            .filter_map(|right| {
                let gap = if right.start >= left.end {
                    asked.reading.gap(left, *right)
                } else if !ordered && right.end <= left.start {
                    asked.reading.gap(*right, left)
                } else {
                    None
                };
                gap.filter(|gap| *gap <= within).map(|gap| (gap, *right))
            })
            .min_by_key(|(gap, _)| *gap)
            .map(|(_, right)| right)
    };
    if negated {
        return some_runs(lefts.iter().copied().filter(|left| partner(*left).is_none()).collect());
    }
    let joined = lefts.iter().filter_map(|left| {
        partner(*left).map(|right| Run { start: left.start.min(right.start), end: left.end.max(right.end) })
    });
    some_runs(joined.collect())
}

fn within(scope: Scope, inner: &Plan, asked: &Asked<'_>) -> Matched {
    let field = |field: Field| inner.runs(&Asked { fields: Fields::One(field), ..*asked });
    match scope {
        Scope::Title => field(Field::Title),
        Scope::Text => field(Field::Text),
        Scope::Url => field(Field::Url),
        Scope::Author => field(Field::Author),
        Scope::Handle => field(Field::AuthorHandle),
        Scope::Unquoted => inner.runs(&Asked { unquoted: true, ..*asked }),
        // Capitals were settled when the query was compiled.
        Scope::Case => inner.runs(asked),
        Scope::Sentence => in_parts(inner, asked, |token| asked.reading.sentence(token)),
        Scope::Paragraph => in_parts(inner, asked, |token| asked.reading.paragraph(token)),
    }
}

/// The plan in each sentence or paragraph in which one of its anchors stands.
fn in_parts(inner: &Plan, asked: &Asked<'_>, part_of: impl Fn(u32) -> Run) -> Matched {
    let mut parts: Vec<Run> = match inner.anchors() {
        Some(leaves) => {
            leaves.into_iter().flat_map(|leaf| asked.leaf(leaf)).map(|run| part_of(run.start)).collect()
        }
        None => asked.reading.sentences().iter().map(|sentence| part_of(sentence.start)).collect(),
    };
    parts.sort_unstable();
    parts.dedup();
    if let Some(window) = asked.window {
        parts.retain(|part| part.overlaps(window));
    }
    let held: Vec<Vec<Run>> = parts
        .into_iter()
        .filter_map(|part| {
            let window = match asked.window {
                Some(outer) => Run { start: part.start.max(outer.start), end: part.end.min(outer.end) },
                None => part,
            };
            inner.runs(&Asked { window: Some(window), ..*asked })
        })
        .collect();
    (!held.is_empty()).then(|| held.concat())
}
