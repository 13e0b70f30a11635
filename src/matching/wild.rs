//! Words with `*` and `?`, looked up for a word of a document.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Letters of a word that a pattern looks at.
const LONGEST: usize = 64;

/// The wild words of a vocabulary with their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Wilds {
    /// Those that only end in `*`, which are nearly all.
    prefixes: HashMap<Box<str>, u32, RandomState>,
    patterns: Vec<(Vec<char>, u32)>,
}

impl Wilds {
    /// Adds `word` if it is wild.
    pub(super) fn add(&mut self, word: &str, number: u32) {
        match word.strip_suffix('*') {
            _ if !word.contains(['*', '?']) => {}
            Some(prefix) if !prefix.contains(['*', '?']) => {
                self.prefixes.insert(prefix.into(), number);
            }
            _ => self.patterns.push((word.chars().collect(), number)),
        }
    }

    /// The numbers of all that fit `word`.
    pub(super) fn fitting(&self, word: &str) -> impl Iterator<Item = u32> {
        let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]).take(LONGEST + 1);
        let prefixes = ends.filter_map(|end| self.prefixes.get(&word[..end]).copied());
        let patterns = self.patterns.iter().filter(|(pattern, _)| fits(pattern, word));
        prefixes.chain(patterns.map(|(_, number)| *number))
    }
}

/// Whether `word` fits a pattern with `*` and `?`: linear but for going back to the last star, on words
/// that are short by nature.
fn fits(pattern: &[char], word: &str) -> bool {
    let word: Vec<char> = word.chars().take(LONGEST).collect();
    let (mut p, mut w, mut star) = (0, 0, None);
    while w < word.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, w));
                p += 1;
            }
            Some(&c) if c == '?' || c == word[w] => {
                p += 1;
                w += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    w = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wild_words_fit() {
        let mut wilds = Wilds::default();
        for (word, number) in [("harass*", 1), ("wom?n", 2), ("*burgh", 3), ("plain", 4), ("*", 5)] {
            wilds.add(word, number);
        }
        let fitting = |word: &str| wilds.fitting(word).collect::<Vec<_>>();
        assert_eq!(fitting("harassment"), [5, 1]);
        assert_eq!(fitting("harass"), [5, 1]);
        assert_eq!(fitting("women"), [5, 2]);
        assert_eq!(fitting("womn"), [5]);
        assert_eq!(fitting("edinburgh"), [5, 3]);
        assert_eq!(fitting("plain"), [5]);
        assert_eq!(fitting("édinburgh"), [5, 3]);
    }
}
