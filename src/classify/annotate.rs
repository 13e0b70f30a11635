//! What detectors find for queries to name: `{age}`, `{date}`, `{person}`, `{money}` and the like.

use std::sync::LazyLock;

use regex::Regex;

use super::rules::RuleSet;
use super::view::Seen;
use crate::mask::{Masker, ShapeKind, pattern};
use crate::matching::{Found, Run};
use crate::model::Field;

const MONTH: &str = "(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*";

/// Ages as people write them: `34-year-old`, `aged 9`, `34yo`, `, 34,`, `(34)`, `72 y/o`, `22F`.
static AGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\b(?:[0-9]{1,2}|1[01][0-9])[ \-]?(?:years?|yrs?|months?|mths?|weeks?|days?)[ \-]?(?:olds?|of age)\b|",
        r"\b(?:[0-9]{1,2}|1[01][0-9])[ ]?(?:y/?o|yrs)\b|(?-i:\b[1-9][0-9] ?[MF]\b)|",
        r"\baged? (?:[0-9]{1,2}|1[01][0-9])\b|[(][1-9][0-9][),]|[, ][1-9][0-9]?[),]|",
        r"\b(?:who is|she is|he is|she's|he's|she was|he was|was only|just|turned|turning|is only) [1-9][0-9]?\b|",
        r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|",
        r"seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ \-](?:one|two|three|",
        r"four|five|six|seven|eight|nine))?)[ \-]years?[ \-]olds?\b|",
        r"\b(?:early|mid|late)[ \-](?:teens|twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties|20s|30s|40s|50s|60s|70s|80s|90s)\b|",
        r"\bin (?:his|her|their) (?:teens|twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties|[2-9]0s)\b"
    ))
});

/// Full dates, days of the month, weekdays, and words for a day.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\b[0-3]?[0-9](?:st|nd|rd|th)?(?: of)?[ \-]{MONTH}(?:[ \-]+(?:[0-9]{{4}}|'?[0-9]{{2}}))?\b|\b{MONTH} [0-3]?[0-9](?:st|nd|rd|th)?(?:,? [0-9]{{4}})?\b|\b[0-3]?[0-9][/.\-][01]?[0-9][/.\-](?:[0-9]{{4}}|[0-9]{{2}})\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:last night|this morning|this afternoon|this evening|yesterday|tonight|last week|today)\b"
    ))
});

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:[01]?[0-9]|2[0-3])[:.][0-5][0-9][ ]?(?:am|pm|hrs|hours)?\b|\b(?:1[0-2]|[1-9])[ ]?(?:am|pm)\b|\b[01][0-9][0-5][0-9][ ]?hrs\b",
    )
});

static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:£|\bgbp ?|\$|€)[ ]?[0-9][0-9.,]*[ ]?(?:k|m|bn)?\b|\b[0-9][0-9.,]*[ ]?(?:quid|pounds|gbp|grand|p\b)",
    )
});

/// Words with stars in place of letters: `f***ing`, `c**t`.
static MASKED_WORD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b[a-z]{1,4}\*{1,6}[a-z]{1,6}\b|\b[a-z]{1,2}\*{2,6}(?:[ .,!?]|$)"));

static HANDLE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?:^|[ \n("',.:/])@[a-z0-9_]{2,30}"#));

/// Puts everything that detectors find into `found`.
pub(super) fn all(seen: &Seen<'_>, rules: &RuleSet, masker: &Masker, found: &mut Found) {
    let read = [Field::Title, Field::Text];
    for (name, pattern) in [
        ("age", &*AGE),
        ("date", &*DATE),
        ("time", &*TIME),
        ("money", &*MONEY),
        ("handle", &*HANDLE),
        ("masked_word", &*MASKED_WORD),
    ] {
        found.set(
            rules.detected(name),
            read.iter().flat_map(|field| matches(seen, *field, pattern)).collect(),
        );
    }
    for (name, kind) in [
        ("nhs_number", ShapeKind::NhsNumber),
        ("ni_number", ShapeKind::NiNumber),
        ("postcode", ShapeKind::Postcode),
        ("phone", ShapeKind::Phone),
        ("email", ShapeKind::Email),
        ("birth_date", ShapeKind::DateOfBirth),
    ] {
        let runs = seen.shapes.iter().flat_map(|(field, shapes)| {
            let wanted = shapes.iter().filter(|shape| shape.kind == kind && !masker.is_own(shape));
            wanted.filter_map(|shape| seen.reading.run_of(*field, shape.start, shape.end)).collect::<Vec<_>>()
        });
        found.set(rules.detected(name), runs.collect());
    }
    let places = |places: Vec<super::identifiers::RawPlace>| -> Vec<Run> {
        places
            .into_iter()
            .filter_map(|place| seen.reading.run_of(place.field, place.start, place.end))
            .collect()
    };
    found.set(rules.detected("plate"), places(super::identifiers::plate::find(seen)));
    found.set(rules.detected("address"), places(super::identifiers::address::find(seen)));
    found.set(rules.detected("person"), seen.people.iter().flat_map(|person| person.runs.clone()).collect());
    found.set(rules.detected("question"), questions(seen));
}

fn matches(seen: &Seen<'_>, field: Field, pattern: &Regex) -> Vec<Run> {
    let text = seen.reading.folded(field).text();
    pattern
        .find_iter(text)
        .filter_map(|found| seen.reading.run_of(field, found.start(), found.end()))
        .collect()
}

/// The last word before each question mark.
fn questions(seen: &Seen<'_>) -> Vec<Run> {
    let fields = [Field::Title, Field::Text];
    fields
        .into_iter()
        .flat_map(|field| {
            let text = seen.reading.folded(field).text();
            let marks = text.match_indices('?');
            marks
                .filter_map(move |(at, _)| {
                    let before = text[..at].trim_end_matches(|c: char| !c.is_alphanumeric());
                    seen.reading.run_of(field, before.len().checked_sub(1)?, before.len())
                })
                .collect::<Vec<_>>()
        })
        .collect()
}
