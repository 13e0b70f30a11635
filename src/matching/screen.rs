//! The first look at a text: a small automaton with one telling word of each name finds the passages in which
//! a name could stand at all. Most text has none, and is read no further.

use std::collections::{BTreeSet, BinaryHeap};

use aho_corasick::AhoCorasick;

use super::spaced::{is_joint, spaced_text};
use super::{MatcherError, automaton};

/// A word shorter than this stands inside too many others (bytes), where the name has a longer one.
const MIN_ANCHOR: usize = 4;
/// Words that stand in many names and in every newspaper.
const GENERAL: [&str; 20] = [
    "ambulance",
    "care",
    "centre",
    "clinic",
    "east",
    "community",
    "england",
    "foundation",
    "health",
    "hospital",
    "hospitals",
    "mental",
    "partnership",
    "service",
    "services",
    "south",
    "trust",
    "unit",
    "university",
    "nurse",
];

/// Finds where a name may stand.
#[derive(Debug)]
pub(super) struct Screen {
    anchors: AhoCorasick,
    /// How far from an anchor its name may reach (letters).
    reach: usize,
}

impl Screen {
    /// A screen for names as the automaton holds them: lower case, single spaces.
    pub(super) fn new(names: &[&str]) -> Result<Self, MatcherError> {
        let reach = names.iter().map(|name| name.len()).max().unwrap_or_default();
        let anchors: Vec<String> = anchors(names)?.into_iter().collect();
        Ok(Self { anchors: automaton(anchors.iter())?, reach })
    }

    /// Whether `names` finds anything in folded text. Only the passages around anchors are spaced out.
    pub(super) fn lets_through(&self, text: &str, names: &AhoCorasick) -> bool {
        let mut anchors = self.anchors.find_iter(text).peekable();
        while let Some(anchor) = anchors.next() {
            let from = self.reach_back(text, anchor.start());
            let mut to = self.reach_on(text, anchor.end());
            while let Some(next) = anchors.next_if(|next| next.start() < to) {
                to = self.reach_on(text, next.end());
            }
            let passage = spaced_text(&text[from..to]);
            if names.find_overlapping_iter(&passage).any(|name| may_begin(&passage, name.start(), from > 0)) {
                return true;
            }
        }
        false
    }

    fn reach_back(&self, text: &str, at: usize) -> usize {
        let mut letters = text[..at].char_indices().rev().filter(|(_, c)| !is_joint(*c));
        letters.nth(self.reach).map_or(0, |(from, _)| from)
    }

    fn reach_on(&self, text: &str, at: usize) -> usize {
        let mut letters = text[at..].char_indices().filter(|(_, c)| !is_joint(*c));
        letters.nth(self.reach).map_or(text.len(), |(to, _)| at + to)
    }
}

/// Whether a name may begin at `at`: no name does inside a word, tags aside. "Deputy" names nobody. Where the passage
/// was `cut` inside a word nobody can say what that word began with.
fn may_begin(passage: &str, at: usize, cut: bool) -> bool {
    let before = &passage[..at];
    let word = || before.rfind(' ').map(|space| &before[space + 1..]);
    let in_tag = || word().map_or(cut || before.starts_with(['#', '@']), |word| word.starts_with(['#', '@']));
    !before.ends_with(|c: char| c.is_ascii_alphanumeric()) || in_tag()
}

/// A word of each name, as few and as telling as may be: "solent" stands for every name of Solent, also where
/// its words are run together.
fn anchors(names: &[&str]) -> Result<BTreeSet<String>, MatcherError> {
    let words: BTreeSet<&str> = names.iter().flat_map(|name| candidates(name)).collect();
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    let within = automaton(words.iter())?;
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); words.len()];
    for (at, name) in names.iter().enumerate() {
        for word in within.find_overlapping_iter(name) {
            holders[word.pattern().as_usize()].push(at);
        }
    }
    // Each round takes the word that stands for most of what is left. A count only ever falls: a word that keeps
    // its place on top after a recount is the best.
    let mut open = vec![true; names.len()];
    let mut queue: BinaryHeap<(usize, usize)> =
        (0..words.len()).map(|word| (worth(&words[word], holders[word].len()), word)).collect();
    let mut taken = BTreeSet::new();
    while let Some((stated, word)) = queue.pop() {
        let now = worth(&words[word], holders[word].iter().filter(|name| open[**name]).count());
        if now == stated && now > 0 {
            holders[word].iter().for_each(|name| open[*name] = false);
            taken.insert(words[word].clone());
        } else if now > 0 {
            queue.push((now, word));
        }
    }
    Ok(taken)
}

/// The words of a name that may stand for it.
fn candidates(name: &str) -> impl Iterator<Item = &str> {
    let longest = name.split(' ').map(str::len).max().unwrap_or_default();
    name.split(' ').filter(move |word| word.len() >= MIN_ANCHOR.min(longest))
}

/// What a word is worth that stands for so many names: a word that any newspaper is full of little.
fn worth(word: &str, names: usize) -> usize {
    names * word.len() * if GENERAL.contains(&word) { 1 } else { 100 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_stands_for_many_names() {
        let names = ["solent nhs trust", "solent podiatry", "solentnhs", "st mary's", "abc uk"];
        assert!(anchors(&names).unwrap().iter().eq(["abc", "mary's", "solent"]));
    }

    #[test]
    fn a_name_is_let_through_however_it_is_broken() {
        let names = ["heart of england nhs", "solent nhs"];
        let screen = Screen::new(&names).unwrap();
        let names = automaton([names[0], "solent nhs", "solentnhs"].map(str::to_owned).iter()).unwrap();
        let far = " ".repeat(500);
        assert!(screen.lets_through(&format!("The Heart{far}of\n\n{far}England -\u{a0}NHS. "), &names));
        assert!(
            screen
                .lets_through("in England, they say. Nothing more for a long while; then Solent_NHS", &names)
        );
        assert!(screen.lets_through("#WeAreSolentNHS", &names));
        assert!(screen.lets_through(&format!("hello #{}SolentNHS", "a".repeat(90)), &names));
        assert!(!screen.lets_through("in England the NHS, and the Solent", &names));
        assert!(!screen.lets_through("the insolent nhs clerk", &names));
    }
}
