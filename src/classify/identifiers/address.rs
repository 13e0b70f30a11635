//! House number and street, as in "14 Elm Grove", "Flat 3, 9b The Parade".

use std::sync::LazyLock;

use regex::Regex;

use super::RawPlace;
use crate::classify::view::Seen;
use crate::mask::pattern;
use crate::model::Field;

/// Words that streets end in.
const STREETS: &str = "road|rd|street|st|avenue|ave|av|lane|ln|close|cl|drive|dr|crescent|cres|villas|gardens|gdns|grove|court|ct|place|pl|\
    terrace|way|walk|row|hill|mews|rise|green|paddocks?|square|sq|park|parade|broadway|wharf|quay|copse|croft|fields?|view|vale|path|\
    end|gate|heights|cottages?|house|drove|chase|dene|meadows?|orchard|ridge|common|bank|brow|wynd|garth|leys?|mead|fold|yard|point|\
    reach|mount|spinney|glade|hollow|circus|esplanade|promenade|causeway|warren|acre|acres|nook|bower|loke";

/// A house number, up to three words, and one of those.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\b(?:(?:flat|apartment|apt|room|unit) [0-9a-z]{{1,3}}[, ]{{1,2}})?(?P<number>[1-9][0-9]{{0,3}} ?[a-d]?)[, ]{{1,2}}(?P<name>(?:[a-z'.\-]{{2,20}}[ ]){{1,3}})(?:{STREETS})\b|\bflat [0-9]{{1,3}}[a-d]?,? (?:[a-z'\-]{{2,20}} ){{1,3}}(?:court|house|point|lodge|tower|heights|mansions|place)\b"
    ))
});

/// Words that no street's name holds: "2 minutes down the road".
const NO_NAME: [&str; 64] = [
    "minutes",
    "minute",
    "mins",
    "min",
    "hours",
    "hour",
    "days",
    "day",
    "weeks",
    "years",
    "year",
    "months",
    "miles",
    "mile",
    "km",
    "people",
    "patients",
    "beds",
    "bed",
    "of",
    "in",
    "on",
    "at",
    "to",
    "from",
    "for",
    "and",
    "is",
    "was",
    "were",
    "are",
    "by",
    "with",
    "or",
    "nurses",
    "staff",
    "cars",
    "members",
    "per",
    "cent",
    "percent",
    "times",
    "am",
    "pm",
    "new",
    "down",
    "up",
    "along",
    "off",
    "out",
    "who",
    "that",
    "this",
    "my",
    "his",
    "her",
    "our",
    "their",
    "ambulances",
    "crews",
    "million",
    "thousand",
    "hundred",
    "yards",
];

/// Every address in title and text.
pub(in crate::classify) fn find(seen: &Seen<'_>) -> Vec<RawPlace> {
    let mut found = Vec::new();
    for field in [Field::Title, Field::Text] {
        let text = seen.reading.folded(field).text();
        if text.bytes().any(|b| b.is_ascii_digit()) {
            found.extend(streets(text).into_iter().map(|(start, end)| RawPlace { field, start, end }));
        }
    }
    found
}

/// Whether a house number and a street stand in `text`.
pub(super) fn holds_street(text: &str) -> bool {
    !streets(text).is_empty()
}

fn streets(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(captures) = ADDRESS.captures_at(text, from) {
        let whole = captures.get(0).expect("a match has a whole");
        let name = captures.name("name").map_or("", |name| name.as_str());
        let street = whole.as_str().rsplit(' ').next().unwrap_or_default();
        let is_name = name.split_ascii_whitespace().all(is_in_a_name)
            // "2 The Paddocks", and not "2 in the road".
            || name.trim() == "The" && street.starts_with(|c: char| c.is_ascii_uppercase());
        // "5,114 miles" is a distance.
        let is_part = text[..whole.start()].ends_with([',', '.'])
            && text[..whole.start() - 1].ends_with(|c: char| c.is_ascii_digit());
        if is_name && !is_part {
            found.push((whole.start(), whole.end()));
            from = whole.end();
        } else {
            // The number may belong to nothing; what follows it may begin anew.
            from = captures.name("number").map_or(whole.end(), |number| number.end());
        }
    }
    found
}

/// Whether a word may stand in the name of a street: a sentence ends in none, and nobody speaks in one.
fn is_in_a_name(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let ends = word.len() > 4 && word.ends_with('.');
    let spoken = ["'ll", "'re", "'ve", "'m"].iter().any(|tail| word.ends_with(tail));
    word != "the" && !ends && !spoken && !NO_NAME.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streets_are_told_from_distances() {
        for text in [
            "14 Elm Grove",
            "flat 3, 9b Nelson Road",
            "lives at 212 old post office lane",
            "Flat 6 Cedar Court",
            "2 The Paddocks",
        ] {
            assert!(holds_street(text), "{text}");
        }
        for text in [
            "2 minutes down the road",
            "12 people in the street",
            "in 1948 the way",
            "30 beds on Elm Close",
            "5,114 miles. We'll walk the last one",
            "gate 7, we'll row",
        ] {
            assert!(!holds_street(text), "{text}");
        }
    }
}
