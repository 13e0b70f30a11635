//! Shapes of identifiers in folded text: wider than findings, since a mask that hides too much harms
//! nobody. The detectors of `classify` start from these and ask for context.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::birth::{Birth, birth_dates};

/// What a shape looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ShapeKind {
    /// Ten digits that pass Modulus 11.
    NhsNumber,
    /// Two letters, six digits and a suffix letter, as HMRC issues them (NIM39110).
    NiNumber,
    /// A full postcode.
    Postcode,
    /// A date after a word for birth.
    DateOfBirth,
    /// A UK phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A number plate in the style since 2001.
    Plate,
}

/// Something in a text with the shape of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What it looks like.
    pub kind: ShapeKind,
    /// First byte in the folded text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What stands there.
    pub text: String,
    /// What makes a date one of birth; `None` of all else.
    pub birth: Option<Birth>,
}

impl Shape {
    fn new(kind: ShapeKind, text: &str, start: usize, end: usize) -> Self {
        Self { kind, start, end, text: text[start..end].to_owned(), birth: None }
    }

    /// What is shown in its place (the taxonomy's table of masks).
    pub fn mask(&self) -> String {
        let digits = || self.text.chars().filter(char::is_ascii_digit).collect::<String>();
        match self.kind {
            ShapeKind::NhsNumber => format!("*** *** **{}", &digits()[8..]),
            ShapeKind::NiNumber => {
                let suffix = self.text.chars().last().unwrap_or('*').to_ascii_uppercase();
                format!("** ** ** ** {suffix}")
            }
            ShapeKind::Postcode => {
                let compact: String = self.text.chars().filter(char::is_ascii_alphanumeric).collect();
                format!("{} ***", compact[..compact.len() - 3].to_uppercase())
            }
            ShapeKind::DateOfBirth => match year_of(&self.text) {
                Some(year) => format!("**/**/{year}"),
                None => "**/**/****".to_owned(),
            },
            ShapeKind::Phone => "[phone]".to_owned(),
            ShapeKind::Email => "[e-mail]".to_owned(),
            ShapeKind::Plate => "[number plate]".to_owned(),
        }
    }
}

/// The last run of two or four digits of a date, as a year.
fn year_of(date: &str) -> Option<String> {
    let runs: Vec<&str> = date.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    if let Some(year) = runs.iter().find(|run| run.len() == 4) {
        return Some((*year).to_owned());
    }
    runs.last().filter(|run| run.len() == 2 && runs.len() >= 2).map(|year| format!("**{year}"))
}

/// Whether ten digits pass the NHS number's Modulus 11 check (NHS Data Dictionary: weights 10 to 2;
/// the check digit is 11 less the remainder, 11 counting as 0; 10 is never issued). A run of one digit
/// passes the sum and is no number.
pub fn is_nhs_number(digits: &[u8; 10]) -> bool {
    if digits.iter().all(|digit| digit == &digits[0]) {
        return false;
    }
    let sum: u32 =
        digits[..9].iter().zip((2..=10).rev()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    match 11 - sum % 11 {
        10 => false,
        11 => digits[9] == 0,
        check => u32::from(digits[9]) == check,
    }
}

/// Ten digits in a row of groups, with where they stand and how they are spaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigitWindow {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The digits.
    pub digits: [u8; 10],
    /// The lengths of the groups, such as 3, 3, 4.
    pub groups: Vec<usize>,
}

/// How many separators may stand between the groups of one number; a run of the same one counts once,
/// since the detectors see it as one.
const MAX_SEPARATOR: usize = 3;
/// However they repeat (bytes).
const MAX_SEPARATOR_BYTES: usize = 24;

fn is_separator(text: &str) -> bool {
    let blank = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'-' | b'_');
    let bytes = text.as_bytes();
    let runs =
        bytes.iter().zip(bytes.iter().skip(1)).filter(|(a, b)| a != b && !(blank(**a) && blank(**b))).count()
            + 1;
    text.len() <= MAX_SEPARATOR_BYTES
        && runs <= MAX_SEPARATOR
        && bytes.iter().all(|b| blank(*b) || matches!(b, b'.' | b'/' | b',' | b'|'))
        && text.matches('\n').count() <= 1
}

/// Every run of neighbouring digit groups that holds exactly ten digits, best spacing first where two
/// overlap: 3-3-4, then ten together, then the rest.
pub fn digit_windows(text: &str) -> Vec<DigitWindow> {
    let groups = digit_groups(text);
    let mut found = Vec::new();
    for first in 0..groups.len() {
        let mut digits: Vec<u8> = Vec::with_capacity(10);
        let mut lengths = Vec::new();
        for (index, &(start, end)) in groups.iter().enumerate().skip(first) {
            if index > first && !is_separator(&text[groups[index - 1].1..start]) {
                break;
            }
            digits.extend(text[start..end].bytes().map(|b| b - b'0'));
            lengths.push(end - start);
            match <[u8; 10]>::try_from(digits.as_slice()) {
                Ok(ten) => {
                    found.push(DigitWindow { start: groups[first].0, end, digits: ten, groups: lengths });
                    break;
                }
                Err(_) if digits.len() > 10 => break,
                Err(_) => {}
            }
        }
    }
    found
}

fn digit_groups(text: &str) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut start = None;
    for (position, byte) in text.bytes().enumerate() {
        match (byte.is_ascii_digit(), start) {
            (true, None) => start = Some(position),
            (false, Some(from)) => {
                groups.push((from, position));
                start = None;
            }
            _ => {}
        }
    }
    groups.extend(start.map(|from| (from, text.len())));
    groups
}

/// Lower is likelier to be how somebody wrote one number.
fn spacing_rank(groups: &[usize]) -> u8 {
    match groups {
        [3, 3, 4] => 0,
        [10] => 1,
        _ => 2,
    }
}

/// A constant pattern over folded text, in any case.
pub(crate) fn pattern(expression: &str) -> Regex {
    // ASCII classes: Unicode word boundaries fall to an engine many times slower.
    RegexBuilder::new(expression)
        .unicode(false)
        .case_insensitive(true)
        .build()
        .expect("a constant pattern compiles")
}

static NI_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b([a-ceghj-pr-tw-z])[ .\-]?([a-ceghj-npr-tw-z])(?:[ .\-_/]{0,3}[0-9]){6}[ .\-_/]{0,3}[a-d]\b")
});
static POSTCODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:gir[ \-]{0,2}0aa|(?:[a-pr-uwyz][0-9][0-9]?|[a-pr-uwyz][a-hk-y][0-9][0-9]?|[a-pr-uwyz][0-9][a-hjkps-uw]|[a-pr-uwyz][a-hk-y][0-9][abehmnprv-y])[ \t\-_.]{0,8}[0-9][abd-hjlnp-uw-z]{2})\b",
    )
});
/// One with a space where none belongs: `SO19 4 RT`, `TN 34 3PU`.
static POSTCODE_IN_PARTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b[a-z]{2}(?:[0-9]{1,2}[ \-]{0,2}[0-9] |[ ][0-9]{1,2}[ \-]{0,2}[0-9][ ]?)[abd-hjlnp-uw-z]{2}\b")
});
/// One written in any parts: hidden wherever it could be one, found only where [`is_postcode`] says that it is.
static POSTCODE_IN_ANY_PARTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b[a-pr-uwyz][a-hk-y]?[ ]?(?:[0-9][0-9]?|[0-9][abehjkmnps-vwxy])[ \t\-_.]{0,8}[0-9][ ]?[abd-hjlnp-uw-z]{2}\b",
    )
});
/// The areas that Royal Mail uses (Postcode Address File).
const AREAS: [&str; 124] = [
    "ab", "al", "b", "ba", "bb", "bd", "bh", "bl", "bn", "br", "bs", "bt", "ca", "cb", "cf", "ch", "cm",
    "co", "cr", "ct", "cv", "cw", "da", "dd", "de", "dg", "dh", "dl", "dn", "dt", "dy", "e", "ec", "eh",
    "en", "ex", "fk", "fy", "g", "gl", "gu", "gy", "ha", "hd", "hg", "hp", "hr", "hs", "hu", "hx", "ig",
    "im", "ip", "iv", "je", "ka", "kt", "kw", "ky", "l", "la", "ld", "le", "ll", "ln", "ls", "lu", "m", "me",
    "mk", "ml", "n", "ne", "ng", "nn", "np", "nr", "nw", "ol", "ox", "pa", "pe", "ph", "pl", "po", "pr",
    "rg", "rh", "rm", "s", "sa", "se", "sg", "sk", "sl", "sm", "sn", "so", "sp", "sr", "ss", "st", "sw",
    "sy", "ta", "td", "tf", "tn", "tq", "tr", "ts", "tw", "ub", "w", "wa", "wc", "wd", "wf", "wn", "wr",
    "ws", "wv", "yo", "ze",
];
/// Words of two letters that a unit code in parts may not be: "SO16 5 at", "ST 10 2 be".
const TWO_LETTERS: [&str; 14] =
    ["at", "an", "as", "be", "by", "he", "we", "us", "up", "st", "nd", "rd", "th", "ft"];

/// Whether `text` is a postcode in an area that Royal Mail uses, written as one or with a space where none belongs.
pub fn is_postcode(text: &str) -> bool {
    let whole = |found: regex::Match<'_>| found.range() == (0..text.len());
    has_known_area(text)
        && (POSTCODE.find(text).is_some_and(whole) || POSTCODE_IN_PARTS.find(text).is_some_and(whole))
}

fn has_known_area(postcode: &str) -> bool {
    let area: String = postcode.chars().take_while(char::is_ascii_alphabetic).collect();
    AREAS.contains(&area.to_ascii_lowercase().as_str()) || area.eq_ignore_ascii_case("gir")
}

/// Whether a word of two letters in small ones stands apart at the end: "the M27 at junction 8".
fn ends_in_a_word(text: &str) -> bool {
    text.rsplit_once(' ').is_some_and(|(_, last)| TWO_LETTERS.contains(&last))
}

static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:\(?\+44\)?|\b0044|\(0|\b0)[ \-.]{0,2}(?:\(0\)[ ]?)?[0-9](?:[ \-.()]{0,2}[0-9]){8,9}\b")
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[a-z0-9][a-z0-9._%+\-']{0,63}@(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}")
});
/// E-mail addresses spelt out: `jane dot smith at post dot example`, `jane[at]post[dot]example`.
static EMAIL_SPELT: LazyLock<Regex> = LazyLock::new(|| {
    let dot = r"(?:\.| dot | ?\[dot\] ?| ?\(dot\) ?)";
    pattern(&format!(
        r"\b[a-z0-9_\-]{{1,40}}(?:{dot}[a-z0-9_\-]{{1,40}}){{0,3}}(?: ?\[at\] ?| ?\(at\) ?| at )[a-z0-9\-]{{2,40}}(?:(?: dot | ?\[dot\] ?| ?\(dot\) ?)[a-z0-9\-]{{2,24}}){{1,3}}\b"
    ))
});
/// The style since 2001: `AB12 CDE`; in capitals with any spaces or hyphens.
static PLATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b[a-hj-pr-y]{2}[0-9]{2}[ \-]?[a-hj-pr-z]{3}\b|(?-i:\b[A-HJ-PR-Y]{2}[ \-]{1,3}[0-9]{2}[ \-]{0,3}[A-HJ-PR-Z]{3}\b|\b[A-HJ-PR-Y]{2}[0-9]{2} - [A-HJ-PR-Z]{3}\b)",
    )
});
/// The style of 1983 to 2001 in capitals: `P123 ABC`; letter by letter too: `P 1 2 3 A B C`.
static PREFIX_PLATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?-i:\b[A-HJ-NPR-TV-Y][0-9]{1,3}[ \-]?[A-HJ-PR-Y]{3}\b|\b[A-HJ-NPR-Y](?: [A-HJ-NPR-Y])? (?:[0-9] ){1,3}[A-HJ-PR-Y] [A-HJ-PR-Y] [A-HJ-PR-Y]\b)",
    )
});

/// Prefixes that HMRC does not issue (NIM39110).
fn ni_prefix_is_issued(text: &str) -> bool {
    let letters: String =
        text.chars().filter(char::is_ascii_alphabetic).take(2).collect::<String>().to_uppercase();
    !matches!(letters.as_str(), "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ")
}

/// Whether a phone number is written for callers from abroad.
fn has_country_code(phone: &str) -> bool {
    phone.trim_start_matches('(').starts_with('+') || phone.starts_with("0044")
}

/// Words of three letters that stand after an outward code or a road's number: "SO19 and PO1", "A27 WAS".
const THREE_LETTERS: [&str; 26] = [
    "all", "and", "are", "but", "can", "for", "had", "has", "her", "his", "man", "new", "not", "now", "our",
    "out", "per", "saw", "see", "she", "the", "was", "who", "why", "yet", "you",
];
/// Months and other short words that no plate ends in where it is written apart.
const MONTHS: [&str; 16] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "nhs", "mri", "cpr",
    "gmt",
];

/// Whether this is a place, a road or a date with the word after it rather than a number plate.
fn is_place_and_word(text: &str) -> bool {
    let last = text.rsplit([' ', '-']).next().unwrap_or_default();
    let lower = last.to_ascii_lowercase();
    let first = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let apart = text.as_bytes().get(first).is_some_and(|b| !b.is_ascii_digit());
    let word = THREE_LETTERS.contains(&lower.as_str()) || lower == "may";
    let (place, _) = text.split_at(text.len() - last.len());
    let after_place = last == lower && !place.is_empty() && !place.bytes().any(|b| b.is_ascii_lowercase());
    word && (after_place || first == 1 || apart) || (first == 1 || apart) && MONTHS.contains(&lower.as_str())
}

/// Every shape in folded `text`, in order; where two overlap, the likelier one.
pub fn shapes(text: &str) -> Vec<Shape> {
    likeliest(candidates(text))
}

/// Of `candidates`, likeliest first, those that overlap with none before them; in the order of the text.
pub(super) fn likeliest(candidates: Vec<Shape>) -> Vec<Shape> {
    let mut kept: BTreeMap<usize, Shape> = BTreeMap::new();
    for shape in candidates {
        // Those kept overlap nowhere: the last one that begins before the end is the one that could.
        let before = kept.range(..shape.end).next_back();
        if before.is_none_or(|(_, other)| other.end <= shape.start) {
            kept.insert(shape.start, shape);
        }
    }
    kept.into_values().collect()
}

/// Everything in folded `text` that could be a shape, likeliest first. They may overlap.
pub(super) fn candidates(text: &str) -> Vec<Shape> {
    let mut found: Vec<(u8, Shape)> = Vec::new();
    let mut add = |rank: u8, kind: ShapeKind, start: usize, end: usize| {
        found.push((rank, Shape::new(kind, text, start, end)));
    };
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    if has_digit {
        // To a pattern `_` is a letter; in file names and addresses it parts words.
        let parted =
            if text.contains('_') { Cow::Owned(text.replace('_', " ")) } else { Cow::Borrowed(text) };
        let (text, unparted) = (parted.as_ref(), text);
        let phones: Vec<regex::Match<'_>> = PHONE.find_iter(text).collect();
        let abroad = phones.iter().filter(|phone| has_country_code(phone.as_str()));
        let abroad: Vec<Range<usize>> = abroad.map(regex::Match::range).collect();
        for window in digit_windows(text) {
            // One in eleven passes the check by chance.
            let in_phone = abroad.iter().any(|phone| phone.start < window.start && window.end <= phone.end);
            if is_nhs_number(&window.digits) && !in_phone {
                add(spacing_rank(&window.groups), ShapeKind::NhsNumber, window.start, window.end);
            }
        }
        for found in NI_NUMBER.find_iter(text).filter(|found| ni_prefix_is_issued(found.as_str())) {
            add(1, ShapeKind::NiNumber, found.start(), found.end());
        }
        let mut numbers: Vec<Range<usize>> = found
            .iter()
            .filter(|(_, shape)| matches!(shape.kind, ShapeKind::NhsNumber | ShapeKind::NiNumber))
            .map(|(_, shape)| shape.start..shape.end)
            .collect();
        numbers.sort_unstable_by_key(|number| number.start);
        found.extend(birth_dates(text, unparted, &numbers).into_iter().map(|(date, birth)| {
            let shape = Shape::new(ShapeKind::DateOfBirth, text, date.start, date.end);
            (1, Shape { birth: Some(birth), ..shape })
        }));
        let mut add = |rank: u8, kind: ShapeKind, start: usize, end: usize| {
            found.push((rank, Shape::new(kind, text, start, end)));
        };
        for found in phones {
            add(3, ShapeKind::Phone, found.start(), found.end());
        }
        let plates = PLATE.find_iter(text).chain(PREFIX_PLATE.find_iter(text));
        for found in plates.filter(|found| !is_place_and_word(found.as_str())) {
            add(4, ShapeKind::Plate, found.start(), found.end());
        }
        for found in POSTCODE.find_iter(text) {
            add(5, ShapeKind::Postcode, found.start(), found.end());
        }
        let could_be =
            |found: &regex::Match<'_>| has_known_area(found.as_str()) && !ends_in_a_word(found.as_str());
        for found in POSTCODE_IN_ANY_PARTS.find_iter(text).filter(could_be) {
            add(6, ShapeKind::Postcode, found.start(), found.end());
        }
    }
    let mut emails: Vec<regex::Match<'_>> = Vec::new();
    if text.contains('@') {
        emails.extend(EMAIL.find_iter(text));
    }
    if text.contains("dot") || text.contains("DOT") {
        emails.extend(EMAIL_SPELT.find_iter(text));
    }
    found.extend(
        emails.into_iter().map(|email| (0, Shape::new(ShapeKind::Email, text, email.start(), email.end()))),
    );
    found.sort_by(|(a_rank, a), (b_rank, b)| a_rank.cmp(b_rank).then(a.start.cmp(&b.start)));
    found.into_iter().map(|(_, shape)| shape).collect()
}
