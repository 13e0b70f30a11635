//! What all queries of one kind look for, found in one pass: words and phrases of every query and list in
//! one trie over words. Queries themselves are compiled into plans that only look up what was found.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::query::{Asked, Budget, FactKey, Piece, Plan, Query, Scope};
use super::reading::{Reading, Run};
use super::wild::Wilds;
use super::words::raw_words;

/// Words in one phrase, at most.
const MAX_PHRASE: usize = 12;
/// Phrases in one vocabulary, at most.
const MAX_PHRASES: usize = 200_000;
/// What evaluating one list may cost (runs looked at).
const LIST_BUDGET: u32 = 50_000;

/// The place of a word, phrase, list or detector in what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leaf(u32);

/// Why a query cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// A list that nobody defines.
    #[error("there is no list {{{name}}}{}", .near.as_ref().map(|near| format!(" (did you mean {{{near}}}?)")).unwrap_or_default())]
    UnknownList {
        /// As asked for.
        name: String,
        /// The nearest that there is.
        near: Option<String>,
    },
    /// A list that needs itself.
    #[error("the list {{{0}}} needs itself")]
    Circle(String),
    /// A phrase with too many words.
    #[error("the phrase {0:?} has more than {MAX_PHRASE} words: use BEFORE/n between its parts")]
    LongPhrase(String),
    /// Too much to look for.
    #[error("more than {MAX_PHRASES} phrases: split the rules or shorten their lists")]
    TooMany,
}

/// A named list as written: phrases, and queries over other lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Words and phrases; `{list}` may stand in them.
    pub phrases: Vec<Query>,
    /// Anything else that counts as of this list.
    pub queries: Vec<Query>,
}

/// Everything that is looked for.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    words: HashMap<Box<str>, u32, RandomState>,
    wilds: Wilds,
    /// The trie: from a node and a word to the next node.
    next: HashMap<(u32, u32), u32, RandomState>,
    /// What ends at each node.
    ends: Vec<Vec<End>>,
    names: HashMap<String, Leaf>,
    leaves: u32,
    phrases: HashMap<(Vec<String>, bool), Leaf>,
    any_of: HashMap<Vec<Query>, Leaf>,
    /// Lists that need more than words, in the order of their needs.
    derived: Vec<(Leaf, Plan)>,
}

#[derive(Debug, Clone)]
struct End {
    leaf: Leaf,
    /// The spelling, where capitals must agree.
    exact: Option<String>,
}

/// What stands where in one document.
#[derive(Debug, Clone, Default)]
pub struct Found {
    runs: Vec<Vec<Run>>,
}

impl Found {
    /// The runs of a leaf, in order.
    pub fn runs(&self, leaf: Leaf) -> &[Run] {
        self.runs.get(leaf.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Forgets what `hides`.
    pub fn hide(&mut self, hides: impl Fn(Run) -> bool) {
        for runs in &mut self.runs {
            runs.retain(|run| !hides(*run));
        }
    }

    /// Says where a detector's things stand.
    pub fn set(&mut self, leaf: Leaf, mut runs: Vec<Run>) {
        runs.sort_unstable();
        runs.dedup();
        if let Some(place) = self.runs.get_mut(leaf.0 as usize) {
            *place = runs;
        }
    }
}

impl Vocabulary {
    /// A vocabulary with `lists` and the names of `detectors`, whose places are told for each document.
    ///
    /// # Errors
    /// Every list that cannot be compiled, by its name.
    pub fn new(
        lists: &HashMap<String, List>,
        detectors: &[&str],
    ) -> Result<Self, Vec<(String, VocabularyError)>> {
        let mut vocabulary = Self { ends: vec![Vec::new()], ..Self::default() };
        for name in detectors.iter().map(|name| (*name).to_owned()).chain(lists.keys().cloned()) {
            let leaf = vocabulary.leaf();
            vocabulary.names.insert(name, leaf);
        }
        let mut names: Vec<&String> = lists.keys().collect();
        names.sort();
        let mut done = Vec::new();
        let mut wrong = Vec::new();
        for name in names {
            if let Err(error) = vocabulary.add_list(name, lists, &mut Vec::new(), &mut done) {
                wrong.push((name.clone(), error));
            }
        }
        if wrong.is_empty() { Ok(vocabulary) } else { Err(wrong) }
    }

    fn leaf(&mut self) -> Leaf {
        self.leaves += 1;
        Leaf(self.leaves - 1)
    }

    /// Every list and detector with its leaf, in order of the names.
    pub fn names(&self) -> Vec<(String, Leaf)> {
        let mut names: Vec<(String, Leaf)> =
            self.names.iter().map(|(name, leaf)| (name.clone(), *leaf)).collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names
    }

    /// The leaf of a list or detector.
    pub fn named(&self, name: &str) -> Option<Leaf> {
        self.names.get(name).copied()
    }

    fn add_list(
        &mut self,
        name: &str,
        lists: &HashMap<String, List>,
        open: &mut Vec<String>,
        done: &mut Vec<String>,
    ) -> Result<(), VocabularyError> {
        let Some(list) = lists.get(name).filter(|_| !done.iter().any(|known| known == name)) else {
            return Ok(());
        };
        if open.iter().any(|known| known == name) {
            return Err(VocabularyError::Circle(name.to_owned()));
        }
        open.push(name.to_owned());
        let leaf = self.names[name];
        let mut plans = Vec::new();
        for query in list.phrases.iter().chain(&list.queries) {
            for needed in query.lists() {
                self.add_list(needed, lists, open, done)?;
            }
            match literal(query) {
                Some(words) => self.insert(&words, false, leaf)?,
                None => plans.push(self.compile(query)?),
            }
        }
        if !plans.is_empty() {
            self.derived.push((leaf, Plan::Or(plans)));
        }
        open.pop();
        done.push(name.to_owned());
        Ok(())
    }

    /// Compiles a query, adding what it looks for.
    ///
    /// # Errors
    /// Unknown lists, phrases that are too long.
    pub fn compile(&mut self, query: &Query) -> Result<Plan, VocabularyError> {
        self.compile_in(query, false)
    }

    fn compile_in(&mut self, query: &Query, case: bool) -> Result<Plan, VocabularyError> {
        let boxed = |plan: Plan| Box::new(plan);
        Ok(match query {
            Query::Phrase(pieces) => self.compile_phrase(pieces, case)?,
            Query::Or(parts) => self.compile_any(parts, case)?,
            Query::And(parts) => Plan::And(self.compile_all(parts, case)?),
            Query::Not(inner) => Plan::Not(boxed(self.compile_in(inner, case)?)),
            Query::Near { left, right, within, ordered, negated } => Plan::Near {
                left: boxed(self.compile_in(left, case)?),
                right: boxed(self.compile_in(right, case)?),
                within: *within as usize,
                ordered: *ordered,
                negated: *negated,
            },
            Query::Count { least, of } => Plan::Count { least: *least, of: self.compile_all(of, case)? },
            Query::Within(Scope::Case, inner) => self.compile_in(inner, true)?,
            Query::Within(scope, inner) => Plan::Within(*scope, boxed(self.compile_in(inner, case)?)),
            Query::Fact { key, value } => Plan::Fact(*key, value.clone()),
        })
    }

    fn compile_all(&mut self, parts: &[Query], case: bool) -> Result<Vec<Plan>, VocabularyError> {
        parts.iter().map(|part| self.compile_in(part, case)).collect()
    }

    /// Words and phrases of an OR share one leaf: one look instead of a hundred.
    fn compile_any(&mut self, parts: &[Query], case: bool) -> Result<Plan, VocabularyError> {
        let (literals, rest): (Vec<&Query>, Vec<&Query>) =
            parts.iter().partition(|part| !case && literal(part).is_some());
        let mut plans = Vec::new();
        if !literals.is_empty() {
            let key: Vec<Query> = literals.iter().map(|query| (*query).clone()).collect();
            let leaf = if let Some(leaf) = self.any_of.get(&key) {
                *leaf
            } else {
                let leaf = self.leaf();
                for query in &key {
                    self.insert(&literal(query).unwrap_or_default(), false, leaf)?;
                }
                self.any_of.insert(key, leaf);
                leaf
            };
            plans.push(Plan::Leaf(leaf));
        }
        for part in rest {
            plans.push(self.compile_in(part, case)?);
        }
        Ok(if plans.len() == 1 { plans.remove(0) } else { Plan::Or(plans) })
    }

    fn compile_phrase(&mut self, pieces: &[Piece], case: bool) -> Result<Plan, VocabularyError> {
        let mut plans = Vec::new();
        for piece in pieces {
            plans.push(Plan::Leaf(match piece {
                Piece::Words(words) => self.phrase(words, case)?,
                Piece::List(name) => self.named(name).ok_or_else(|| self.unknown(name))?,
            }));
        }
        Ok(if plans.len() == 1 { plans.remove(0) } else { Plan::Chain(plans) })
    }

    fn unknown(&self, name: &str) -> VocabularyError {
        let near = self.names.keys().max_by(|a, b| {
            strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)).then(b.cmp(a))
        });
        VocabularyError::UnknownList { name: name.to_owned(), near: near.cloned() }
    }

    fn phrase(&mut self, words: &str, case: bool) -> Result<Leaf, VocabularyError> {
        let keys: Vec<String> = keys(words);
        let known = (if case { vec![words.to_owned()] } else { keys }, case);
        if let Some(leaf) = self.phrases.get(&known) {
            return Ok(*leaf);
        }
        let leaf = self.leaf();
        self.insert(words, case, leaf)?;
        self.phrases.insert(known, leaf);
        Ok(leaf)
    }

    fn insert(&mut self, words: &str, case: bool, leaf: Leaf) -> Result<(), VocabularyError> {
        let keys = keys(words);
        if keys.len() > MAX_PHRASE {
            return Err(VocabularyError::LongPhrase(words.to_owned()));
        }
        let mut node = 0;
        for key in keys {
            let word = self.word(&key);
            let fresh = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
            node = *self.next.entry((node, word)).or_insert_with(|| {
                self.ends.push(Vec::new());
                fresh
            });
        }
        if self.ends.len() > MAX_PHRASES * 4 {
            return Err(VocabularyError::TooMany);
        }
        let end = End { leaf, exact: case.then(|| words.to_owned()) };
        let ends = &mut self.ends[node as usize];
        if !ends.iter().any(|known| known.leaf == leaf) {
            ends.push(end);
        }
        Ok(())
    }

    fn word(&mut self, key: &str) -> u32 {
        let fresh = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let id = *self.words.entry(key.into()).or_insert(fresh);
        if id == fresh {
            self.wilds.add(key, id);
        }
        id
    }

    /// Finds every word, phrase and plain list of the vocabulary.
    pub fn find(&self, reading: &Reading<'_>) -> Found {
        let tokens = reading.tokens();
        let mut known: HashMap<&str, Vec<u32>, RandomState> = HashMap::default();
        for token in tokens {
            known.entry(&token.key).or_insert_with(|| self.ids(&token.key));
        }
        let ids: Vec<&[u32]> = tokens.iter().map(|token| known[&*token.key].as_slice()).collect();
        let mut found = Found { runs: vec![Vec::new(); self.leaves as usize] };
        let mut nodes: Vec<u32> = Vec::new();
        let mut following: Vec<u32> = Vec::new();
        for start in 0..tokens.len() {
            nodes.clear();
            nodes.push(0);
            for (offset, ids) in ids[start..].iter().enumerate() {
                // A phrase ends where its sentence does.
                if tokens[start + offset].sentence != tokens[start].sentence {
                    break;
                }
                following.clear();
                for node in &nodes {
                    following.extend(ids.iter().filter_map(|id| self.next.get(&(*node, *id))));
                }
                if following.is_empty() {
                    break;
                }
                let run = Run { start: position(start), end: position(start + offset + 1) };
                for end in following.iter().flat_map(|node| &self.ends[*node as usize]) {
                    if end.exact.as_ref().is_none_or(|exact| spelt(reading.text(run), exact)) {
                        found.runs[end.leaf.0 as usize].push(run);
                    }
                }
                std::mem::swap(&mut nodes, &mut following);
            }
        }
        // Several phrases of one list may end at the same word.
        found.runs.iter_mut().for_each(Vec::dedup);
        found
    }

    /// Finds the lists that are made of others, once the detectors have spoken and the facts are known.
    pub fn derive(&self, reading: &Reading<'_>, found: &mut Found, facts: &dyn Fn(FactKey, &str) -> bool) {
        for (leaf, plan) in &self.derived {
            let budget = Budget::new(LIST_BUDGET);
            let runs = plan.runs(&Asked::new(reading, found, &budget).with_facts(facts)).unwrap_or_default();
            let mut all = found.runs(*leaf).to_vec();
            all.extend(runs);
            found.set(*leaf, all);
        }
    }

    fn ids(&self, key: &str) -> Vec<u32> {
        let exact = self.words.get(key).copied();
        exact.into_iter().chain(self.wilds.fitting(key)).collect()
    }
}

/// Whether `text` is written as `exact`, white space aside.
fn spelt(text: &str, exact: &str) -> bool {
    let bare = |c: &char| c.is_alphanumeric();
    text.chars().filter(bare).eq(exact.chars().filter(bare))
}

/// The words of a query that is nothing but words.
fn literal(query: &Query) -> Option<String> {
    match query {
        Query::Phrase(pieces) => match pieces.as_slice() {
            [Piece::Words(words)] => Some(words.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn keys(words: &str) -> Vec<String> {
    raw_words(words, true).into_iter().map(|word| word.key.to_string()).collect()
}

fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
