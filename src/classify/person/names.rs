//! Where a name starts and ends, and whether words in a row are one: forename lists, titles, capitals and the
//! words around them.

use super::Person;
use crate::matching::{Reading, Run, Token};

/// Words after a forename that make it a place or a thing: Victoria Hospital, Florence Road.
const NO_PERSON_AFTER: [&str; 64] = [
    "hospital",
    "hospitals",
    "ward",
    "wards",
    "road",
    "street",
    "avenue",
    "lane",
    "close",
    "drive",
    "house",
    "centre",
    "center",
    "unit",
    "clinic",
    "school",
    "college",
    "university",
    "park",
    "court",
    "hall",
    "lodge",
    "wing",
    "suite",
    "building",
    "block",
    "infirmary",
    "surgery",
    "hospice",
    "trust",
    "foundation",
    "award",
    "awards",
    "day",
    "week",
    "month",
    "ltd",
    "limited",
    "plc",
    "campus",
    "library",
    "theatre",
    "church",
    "square",
    "place",
    "way",
    "gardens",
    "grove",
    "terrace",
    "crescent",
    "island",
    "council",
    "fc",
    "united",
    "city",
    "town",
    "rovers",
    "albion",
    "county",
    "line",
    "station",
    "bay",
    "beach",
    "bridge",
];
/// Words before a name that make it a saint, a king or a street.
const NO_PERSON_BEFORE: [&str; 10] =
    ["st", "saint", "king", "queen", "prince", "princess", "hms", "the", "royal", "storm"];
/// Capitalised words that are no surname.
const NO_SURNAME: [&str; 98] = [
    "nhs",
    "trust",
    "the",
    "and",
    "or",
    "at",
    "in",
    "on",
    "from",
    "of",
    "for",
    "to",
    "is",
    "was",
    "has",
    "had",
    "i",
    "im",
    "ive",
    "he",
    "she",
    "we",
    "they",
    "you",
    "my",
    "his",
    "her",
    "our",
    "their",
    "a",
    "an",
    "as",
    "if",
    "but",
    "so",
    "then",
    "when",
    "who",
    "what",
    "why",
    "how",
    "mum",
    "dad",
    "nan",
    "gp",
    "hca",
    "dr",
    "mr",
    "mrs",
    "ms",
    "miss",
    "nurse",
    "ward",
    "bed",
    "uk",
    "ok",
    "omg",
    "rip",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "secamb",
    "eput",
    "heft",
    "solent",
    "hospital",
    "did",
    "does",
    "please",
    "thanks",
    "thank",
    "said",
    "says",
    "told",
    "with",
    "by",
    "be",
    "not",
    "no",
    "yes",
    "also",
    "after",
    "before",
];
/// Parts inside surnames.
const PARTICLES: [&str; 18] = [
    "de", "da", "dos", "van", "von", "der", "den", "le", "la", "al", "el", "bin", "ibn", "ap", "mac", "mc",
    "o", "st",
];
/// Words between forename and surname, at most.
const MAX_SURNAMES: usize = 3;

/// What the lists say of each word.
pub(super) struct Names<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) forename: Vec<bool>,
    pub(super) forename_word: Vec<bool>,
    pub(super) surname: Vec<bool>,
    pub(super) surname_word: Vec<bool>,
    pub(super) title: Vec<bool>,
    pub(super) cue: Vec<bool>,
    pub(super) age: Vec<bool>,
}

/// Words right before which an age stands, as in "Jade, 34," or "Jade (34)".
pub(super) fn ages(reading: &Reading<'_>) -> Vec<bool> {
    let tokens = reading.tokens();
    let mut marks = vec![false; tokens.len()];
    for at in 0..tokens.len().saturating_sub(1) {
        let next = &tokens[at + 1];
        let age = next.key.parse::<u32>().is_ok_and(|age| (1..=110).contains(&age));
        if age && next.field == tokens[at].field {
            let text = reading.folded(next.field).text();
            let before = text[tokens[at].end..next.start].trim_start();
            let after = text[next.end..].trim_start();
            marks[at] = before.starts_with(['(', ',']) && after.starts_with([',', ')', '.', ' '])
                || after.starts_with(',');
        }
    }
    marks
}

impl Names<'_> {
    fn token(&self, at: usize) -> &Token {
        &self.reading.tokens()[at]
    }

    fn text(&self, at: usize) -> &str {
        let token = self.token(at);
        &self.reading.folded(token.field).text()[token.start..token.end]
    }

    fn is_capital(&self, at: usize) -> bool {
        self.text(at).starts_with(|c: char| c.is_uppercase())
    }

    /// All capitals with more than two letters: a heading or a shout rather than a name.
    fn is_shouted(&self, at: usize) -> bool {
        let text = self.text(at);
        text.chars().count() > 2 && text.chars().all(|c| !c.is_lowercase())
    }

    /// Whether only a space, a hyphen or an initial's full stop stands between two words.
    fn touches(&self, at: usize) -> bool {
        let (a, b) = (self.token(at), self.token(at + 1));
        if a.field != b.field {
            return false;
        }
        let between = &self.reading.folded(a.field).text()[a.end..b.start];
        let initial = a.end - a.start == 1;
        match between {
            " " | "-" | "'" | "\n" => true,
            ". " | "." => initial,
            _ => between.chars().all(char::is_whitespace) && between.len() <= 2,
        }
    }

    fn starts_sentence(&self, at: usize) -> bool {
        self.reading.sentence(u32::try_from(at).unwrap_or(u32::MAX)).start as usize == at
    }

    fn key(&self, at: usize) -> &str {
        &self.token(at).key
    }

    /// A person whose name starts at the word `at`.
    pub(super) fn person_at(&self, at: usize, end: usize) -> Option<Person> {
        let before = at.checked_sub(1).filter(|before| self.token(*before).field == self.token(at).field);
        if before.is_some_and(|before| {
            NO_PERSON_BEFORE.contains(&self.key(before)) && self.touches(before) && self.key(before) != "the"
        }) {
            return None;
        }
        if self.title[at] && at + 1 < end && self.touches_title(at) {
            return self.titled(at, end);
        }
        if let Some(person) = self.surname_first(at, end) {
            return Some(person);
        }
        let cued = before.is_some_and(|before| self.cue[before] && self.touches(before));
        let last = self.last_of_name(at, end);
        let full = last > at;
        let capital = self.is_capital(at);
        let short = self.text(at).len() < 3;
        let is_name = if self.forename[at] {
            let small = !capital && (cued || full || self.age[at]);
            capital && (!self.is_shouted(at) || full || cued) || small
        } else if self.forename_word[at] {
            let proper =
                full && (self.surname[at + 1] || !self.starts_sentence(at)) || cued || self.age[last];
            capital && proper && !self.is_shouted(at)
        } else if full && capital && (!short || self.text(at).len() == 1) {
            // An unknown forename, or an initial, before a known surname or in words that say who it is.
            let known = self.surname[last];
            let initial = self.text(at).len() == 1 && self.key(at) != "i" && self.key(at) != "a";
            let apart = !before.is_some_and(|before| self.touches(before) && !self.is_capital(before));
            !self.is_shouted(at)
                && !NO_SURNAME.contains(&self.key(at))
                && !self.title[at]
                && (known && (initial || !self.starts_sentence(at) || self.age[last])
                    || initial && apart && self.has_full_stop(at) && self.text(last).len() > 3
                    || cued
                    || self.age[last])
        } else {
            false
        };
        let place_follows = last + 1 < end
            && self.touches(last)
            && NO_PERSON_AFTER.contains(&self.key(last + 1))
            && self.is_capital(last + 1);
        if !is_name || place_follows {
            return None;
        }
        let forename = (self.text(at).len() > 1).then(|| self.key(at).to_owned());
        let surname = full.then(|| self.key(last).to_owned());
        Some(self.person(at, last, forename, surname, false))
    }

    /// `VERRALL, Godfrey`, `Ketteridge_Alan`: as lists and file names write it.
    fn surname_first(&self, at: usize, end: usize) -> Option<Person> {
        let next = at + 1;
        if next >= end || self.token(at).field != self.token(next).field {
            return None;
        }
        let between =
            &self.reading.folded(self.token(at).field).text()[self.token(at).end..self.token(next).start];
        let text = self.text(at);
        let surname = self.is_capital(at)
            && text.chars().count() > 2
            && text.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\''))
            && !NO_SURNAME.contains(&self.key(at))
            && (self.is_shouted(at) || self.surname[at] && !self.forename[at]);
        let forename = self.is_capital(next) && self.forename[next];
        // A comma also ends a clause: a place, a greeting. Then the surname must look like a list's.
        let parted = between == "_" || between == ", " && self.is_shouted(at) && !self.is_shouted(next);
        (parted && surname && forename).then(|| {
            let (surname, forename) = (self.key(at).to_owned(), self.key(next).to_owned());
            self.person(at, next, Some(forename), Some(surname), false)
        })
    }

    /// Whether a full stop follows an initial.
    fn has_full_stop(&self, at: usize) -> bool {
        let token = self.token(at);
        self.reading.folded(token.field).text()[token.end..].starts_with('.')
    }

    fn touches_title(&self, at: usize) -> bool {
        let (a, b) = (self.token(at), self.token(at + 1));
        let between = &self.reading.folded(a.field).text()[a.end..b.start];
        matches!(between, " " | ". " | "." | ".  ")
    }

    /// `Mr Harris`, `Dr Priya Shah`, `nurse Jade`.
    fn titled(&self, at: usize, end: usize) -> Option<Person> {
        let first = at + 1;
        let name_like = self.forename[first]
            || self.surname[first]
            || self.is_capital(first) && self.text(first).len() > 1
            || self.text(first).len() == 1
                && self.is_capital(first)
                && first + 1 < end
                && self.is_capital(first + 1);
        if !name_like
            || NO_SURNAME.contains(&self.key(first))
            || NO_PERSON_AFTER.contains(&self.key(first))
            || self.text(first).chars().any(|c| c.is_ascii_digit())
        {
            return None;
        }
        // "nurse" and the like are words of their own: only a real name after them counts.
        let strong = matches!(
            self.key(at),
            "mr" | "mrs" | "ms" | "miss" | "mx" | "dr" | "prof" | "professor" | "sir" | "dame"
        );
        let known = self.forename[first] || self.surname[first] && self.is_capital(first);
        if !(strong || known) {
            return None;
        }
        let last = self.last_of_name(first, end);
        let (forename, surname) = if last > first {
            (Some(self.key(first).to_owned()), Some(self.key(last).to_owned()))
        } else if self.forename[first] && !self.surname[first] {
            (Some(self.key(first).to_owned()), None)
        } else {
            (None, Some(self.key(first).to_owned()))
        };
        let mut person = self.person(first, last, forename, surname, true);
        person.runs[0].start = position(at);
        Some(person)
    }

    /// The last word of a name that starts at `at`.
    fn last_of_name(&self, at: usize, end: usize) -> usize {
        let mut last = at;
        let mut next = at + 1;
        while next < end && next <= at + MAX_SURNAMES + 1 && self.touches(next - 1) {
            let key = self.key(next);
            let capital = self.is_capital(next);
            let surname = self.surname[next] || self.surname_word[next] && capital;
            let small_ok = self.surname[next] && !self.is_capital(at);
            let takes = capital
                && !NO_SURNAME.contains(&key)
                && !NO_PERSON_AFTER.contains(&key)
                && !self.title[next]
                && key.len() > 1
                && key.chars().all(|c| !c.is_ascii_digit())
                && (surname || !self.is_shouted(next) || self.is_shouted(at))
                || small_ok
                || PARTICLES.contains(&key) && next + 1 < end && self.is_capital(next + 1)
                || key.len() == 1 && capital && next + 1 < end && self.is_capital(next + 1);
            if !takes {
                break;
            }
            last = next;
            next += 1;
        }
        while last > at && (PARTICLES.contains(&self.key(last)) || self.key(last).len() == 1) {
            last -= 1;
        }
        last
    }

    fn person(
        &self,
        first: usize,
        last: usize,
        forename: Option<String>,
        surname: Option<String>,
        titled: bool,
    ) -> Person {
        let initial = |at: usize| self.text(at).chars().next().map(|c| format!("{}.", c.to_uppercase()));
        let ends = if first == last { vec![first] } else { vec![first, last] };
        let initials: Vec<String> = ends.into_iter().filter_map(initial).collect();
        Person {
            runs: vec![Run { start: position(first), end: position(last + 1) }],
            initials: initials.join(" "),
            forename,
            surname,
            titled,
            the_author: false,
        }
    }
}

fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
