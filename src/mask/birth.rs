//! Dates of birth: full dates, and what around them makes them one of birth. A page may hold thousands of both, so
//! each date is asked about what stands near it and never about the whole page.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// What makes a date one of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Birth {
    /// A word for birth that speaks of this date and of no other between them.
    Named,
    /// Words that tell of a birth without naming it.
    Told,
    /// It stands near a word for birth that speaks of another date, or in the row of an identifier.
    Near,
}

/// Full dates in every usual British spelling, words included.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let month = "(?:(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,7}|mch)";
    let roman = "(?:x|xi|xii|i|ii|iii|iv|v|vi|vii|viii|ix)";
    let weekday = "(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day(?: the)?[ ,]{1,2})?";
    let year = "(?:(?:19|20)[0-9]{2}|'?[0-9]{2})";
    let ordinal = "(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|twenty[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|thirty[ -]first)";
    let tens = "(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|(?:oh?|hundred and)[ -](?:one|two|three|four|five|six|seven|eight|nine))";
    pattern(&format!(
        r"\b{weekday}(?:[0-3]?[0-9](?:st|nd|rd|th)?(?: of)?[ \-./,]{{0,2}}{month}[ \-./,]{{0,2}}{year}|[0-3]?[0-9][ ]?[\-./][ ]?[01]?[0-9][ ]?[\-./][ ]?(?:[0-9]{{4}}|[0-9]{{2}})|[0-3][0-9] [01][0-9] (?:19|20)[0-9]{{2}}|[0-3]?[0-9] ?[\-./ ] ?{roman} ?[\-./ ] ?(?:19|20)?[0-9]{{2}}|(?:the )?[0-3]?[0-9](?:st|nd|rd|th)? of (?:the )?[01]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}|(?:the )?{ordinal} of (?:the )?[01]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}}|(?:the )?{ordinal} of {month},? {year}|{month}[ ]{{1,2}}[0-3]?[0-9](?:st|nd|rd|th)?,?[ ]{{1,2}}(?:19|20)[0-9]{{2}}|(?:19|20)[0-9]{{2}}[\-./][01]?[0-9][\-./][0-3]?[0-9]|[0-3][0-9][01][0-9](?:19|20)[0-9]{{2}}|(?:the )?(?:{ordinal}|[0-3]?[0-9](?:st|nd|rd|th)) of {month},? (?:(?:nineteen|twenty|two thousand(?: and)?)[ -])?{tens})\b"
    ))
});
/// Words that make a date one of birth.
static BIRTH_CUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\bd[ ._/]?o[ ._/]?b\b|\bborn\b|\bbirth(?:date|day|days)?\b|\bb'?day\b|\binto (?:the|this) world\b|\bleap year baby\b|\bturn(?:s|ed|ing) [1-9][0-9]?\b|\barrived in (?:the|this) world\b|\bb ?[0-3]?[0-9][./\-][01]?[0-9][./\-]|\bb\. ?(?:the |[0-3]?[0-9]|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,7} [0-3]?[0-9])|\bd\.? ?o'? ?b(?:irth)?\b|\bdate o' birth\b",
    )
});
/// Words in which people tell of a birth without naming it.
static BIRTH_STORY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:arrived|came out|popped out|put in an appearance|first drew breath|came to us|vintage|brewed|safely delivered|had (?:him|her|me|them) on|(?:turned up|entered)(?: in)? (?:the|this) world|[1-9][0-9]? ?lbs?)\b",
    )
});

/// How far before a date its word for birth may stand (bytes), and how far behind.
const CUE_BEFORE: usize = 48;
const CUE_AFTER: usize = 32;
/// The longest word for birth (bytes).
const LONGEST_CUE: usize = 40;
/// How near an NHS or National Insurance number makes a date one of birth (bytes).
const NUMBER_NEAR: usize = 60;
/// The longest number in any spacing (bytes).
const LONGEST_NUMBER: usize = 240;
/// The longest line that heads a table (bytes).
const LONGEST_HEADING: usize = 300;
/// The longest table under one heading (bytes).
const LONGEST_TABLE: usize = 20_000;

/// Full dates beside a word for birth, under a table's heading or in the row of an identifier. `text` has spaces for
/// the underscores of `unparted`, `numbers` are in order.
pub(super) fn birth_dates(
    text: &str,
    unparted: &str,
    numbers: &[Range<usize>],
) -> Vec<(Range<usize>, Birth)> {
    let named: Vec<Range<usize>> = BIRTH_CUE.find_iter(text).map(|cue| cue.range()).collect();
    let told: Vec<Range<usize>> = BIRTH_STORY.find_iter(text).map(|cue| cue.range()).collect();
    if named.is_empty() && told.is_empty() && numbers.is_empty() {
        return Vec::new();
    }
    let tables = tables(text, &named);
    // An empty form field and words stand between a word for birth and another field's date.
    let is_empty_field = |gap: &str| {
        gap.rsplit("__")
            .next()
            .is_some_and(|rest| rest.len() < gap.len() && rest.contains(char::is_alphabetic))
    };
    let parts = |from: usize, to: usize| {
        from < to && (is_empty_field(&unparted[from..to]) || DATE.is_match(&text[from..to]))
    };
    let mut found = Vec::new();
    for date in DATE.find_iter(text).map(|date| date.range()) {
        let beside = |cue: &&Range<usize>| is_beside(&date, cue);
        let cued = || near(&named, &date, CUE_BEFORE + LONGEST_CUE).filter(beside);
        let is_named = cued().any(|cue| !parts(cue.end, date.start) && !parts(date.end, cue.start))
            || near(&tables, &date, LONGEST_TABLE).any(|table| table.contains(&date.start));
        let in_row = |number: &Range<usize>| {
            number.start < date.end + NUMBER_NEAR
                && date.start < number.end + NUMBER_NEAR
                && !(number.start < date.end && date.start < number.end)
        };
        let birth = if is_named {
            Birth::Named
        } else if near(&told, &date, CUE_BEFORE + LONGEST_CUE).any(|cue| is_beside(&date, cue)) {
            Birth::Told
        } else if cued().next().is_some() || near(numbers, &date, NUMBER_NEAR + LONGEST_NUMBER).any(in_row) {
            Birth::Near
        } else {
            continue;
        };
        found.push((date, birth));
    }
    found
}

/// Those of `ranges`, which are in order, that begin at most `reach` bytes before or behind `date`.
fn near<'r>(
    ranges: &'r [Range<usize>],
    date: &Range<usize>,
    reach: usize,
) -> impl Iterator<Item = &'r Range<usize>> {
    let first = ranges.partition_point(|range| range.start + reach < date.start);
    let last = date.end + reach;
    ranges[first..].iter().take_while(move |range| range.start <= last)
}

/// "b. 12.6.1994": the cue runs into the date's first digits.
fn is_beside(date: &Range<usize>, cue: &Range<usize>) -> bool {
    cue.start < date.start && cue.end <= date.end && date.start.saturating_sub(cue.end) <= CUE_BEFORE
        || date.end <= cue.start && cue.start - date.end <= CUE_AFTER
}

/// What stands under a heading for birth: the lines after one that columns part, up to an empty one. A heading inside a
/// table begins no other.
fn tables(text: &str, cues: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut tables: Vec<Range<usize>> = Vec::new();
    for cue in cues {
        if tables.last().is_some_and(|table| cue.start < table.end) {
            continue;
        }
        let before = clamped(text, cue.start.saturating_sub(LONGEST_HEADING)..cue.start);
        let behind = clamped(text, cue.end..cue.end + LONGEST_HEADING);
        let Some(rest) = behind.find('\n') else { continue };
        let first = cue.start - before.len() + before.rfind('\n').map_or(0, |at| at + 1);
        let line = &text[first..cue.end + rest];
        if !line.contains(['|', ',', ';', '\t']) || DATE.is_match(line) {
            continue;
        }
        let under = cue.end + rest;
        let table = clamped(text, under..under + LONGEST_TABLE);
        tables.push(under..under + table.find("\n\n").unwrap_or(table.len()));
    }
    tables
}

/// The part of `text` in `range`, cut short to whole characters.
fn clamped(text: &str, range: Range<usize>) -> &str {
    let (mut start, mut end) = (range.start.min(text.len()), range.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start += 1;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn births(text: &str) -> Vec<Birth> {
        birth_dates(&text.replace('_', " "), text, &[]).into_iter().map(|(_, birth)| birth).collect()
    }

    #[test]
    fn a_word_for_birth_speaks_of_one_date() {
        assert_eq!(births("DOB 4/2/1951, seen 1/3/2024"), [Birth::Named, Birth::Near]);
        assert_eq!(births("baby arrived on 3 February 2026, 6lb"), [Birth::Told]);
        assert_eq!(births("DOB: __/__/____ returned 1/3/2024"), [Birth::Near]);
        assert_eq!(births("DOB: __13/03/1990__"), [Birth::Named]);
        assert_eq!(births("Jane b 12/06/1994, Jo b 1/2/1950"), [Birth::Named, Birth::Named]);
        assert_eq!(births("seen 1/3/2024"), []);
    }

    #[test]
    fn a_tables_heading_speaks_of_every_line() {
        let table = "Name,DOB\nA. Kettle,4/2/1951\nÉ. Vane,5/3/1962\n\nThe whole sheet, in the order of the day, was printed 1/3/2024";
        assert_eq!(births(table), [Birth::Named, Birth::Named]);
    }
}
