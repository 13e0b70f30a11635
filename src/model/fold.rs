//! Text as a person reads it: zero-width characters gone, full-width and mathematical letters,
//! look-alikes of other scripts, accents, smart quotes and dashes folded to plain ones. Case is kept.
//! Offsets lead back to the original, counted in Unicode scalar values.

use std::borrow::Cow;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folded text and the way back.
#[derive(Debug)]
pub struct Folded<'a> {
    text: Cow<'a, str>,
    /// For each byte of `text` the character of the original it came from; empty when both agree.
    origin: Vec<u32>,
}

impl<'a> Folded<'a> {
    /// Folds `original`. ASCII text is borrowed as it is.
    pub fn new(original: &'a str) -> Self {
        if original.is_ascii() {
            return Self { text: Cow::Borrowed(original), origin: Vec::new() };
        }
        let mut text = String::with_capacity(original.len());
        let mut origin = Vec::with_capacity(original.len());
        let mut index: u32 = 0;
        for (plain, character) in pieces(original) {
            text.push_str(plain);
            origin.extend((index..).take(plain.len()));
            index = index.saturating_add(u32::try_from(plain.len()).unwrap_or(u32::MAX));
            if let Some(character) = character {
                push_folded(character, &mut text);
                origin.resize(text.len(), index);
                index = index.saturating_add(1);
            }
        }
        Self { text: Cow::Owned(text), origin }
    }

    /// The folded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The characters of the original behind the bytes `start..end` of the folded text.
    pub fn original(&self, start: usize, end: usize) -> (usize, usize) {
        if self.origin.is_empty() || start >= end {
            return (start, end);
        }
        (self.origin[start] as usize, self.origin[end - 1] as usize + 1)
    }

    /// The bytes of the folded text that came from characters `start..end` of the original; `None` where
    /// nothing of them was kept.
    pub fn folded_bytes(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        if self.origin.is_empty() {
            return (start < end && end <= self.text.len()).then_some((start, end));
        }
        let from = self.origin.partition_point(|origin| (*origin as usize) < start);
        let to = self.origin.partition_point(|origin| (*origin as usize) < end);
        (from < to).then_some((from, to))
    }
}

/// The folded text alone, where nobody asks for the way back.
pub fn folded_text(original: &str) -> Cow<'_, str> {
    if original.is_ascii() {
        return Cow::Borrowed(original);
    }
    let mut text = String::with_capacity(original.len());
    for (plain, character) in pieces(original) {
        text.push_str(plain);
        if let Some(character) = character {
            push_folded(character, &mut text);
        }
    }
    Cow::Owned(text)
}

/// Runs of ASCII, each with the other character behind it.
fn pieces(original: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    let mut rest = original;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = ascii_run(rest.as_bytes());
        let (plain, other) = rest.split_at(end);
        let mut others = other.chars();
        let character = others.next();
        rest = others.as_str();
        Some((plain, character))
    })
}

/// How many bytes of ASCII `bytes` begins with, looked at in chunks as far as that goes.
fn ascii_run(bytes: &[u8]) -> usize {
    const CHUNK: usize = 16;
    let whole = bytes.chunks_exact(CHUNK).take_while(|chunk| chunk.is_ascii()).count() * CHUNK;
    whole + bytes[whole..].iter().take_while(|byte| byte.is_ascii()).count()
}

/// Characters that nobody sees: they only break words apart for a machine.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e007f}')
}

/// The folded forms of the characters that most text is written in, worked out once.
static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// Folded forms, one behind the other.
struct Table {
    text: String,
    /// Where the form of each character ends.
    ends: Vec<usize>,
}

impl Table {
    /// Behind the ideographs, some of which look like ASCII letters.
    const END: u32 = 0xa000;

    fn new() -> Self {
        let mut table = Self { text: String::new(), ends: Vec::new() };
        for number in 0..Self::END {
            if let Some(character) = char::from_u32(number) {
                fold(character, &mut table.text);
            }
            table.ends.push(table.text.len());
        }
        table
    }

    fn get(&self, character: char) -> Option<&str> {
        let at = character as usize;
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }
}

fn push_folded(character: char, text: &mut String) {
    match TABLE.get(character) {
        Some(folded) => text.push_str(folded),
        None => fold(character, text),
    }
}

fn fold(character: char, text: &mut String) {
    if is_invisible(character) {
        return;
    }
    match character {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2bc}' => return text.push('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '«' | '»' => return text.push('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{ff0d}' => return text.push('-'),
        '·' | '•' | '\u{2027}' | '\u{2219}' | '\u{22c5}' => return text.push('.'),
        _ => {}
    }
    if character.is_whitespace() {
        return text.push(' ');
    }
    let before = text.len();
    // Unicode digits of any script read as digits; compatibility forms and accents go next.
    for part in std::iter::once(character).nfkd().filter(|part| !is_combining_mark(*part)) {
        if part.is_ascii() {
            text.push(part);
        } else {
            push_skeleton(part, text);
        }
    }
    // A mark that stands alone (an accent over the letter before) has nothing left: that is right.
    if text.len() == before && !is_combining_mark(character) {
        text.push(character);
    }
}

/// UTS #39: a letter of another script that looks like an ASCII one is read as that one.
fn push_skeleton(character: char, text: &mut String) {
    // Letters only: the table also folds l, 1 and | together, which would spoil numbers.
    if !character.is_alphabetic() {
        return text.push(character);
    }
    let before = text.len();
    let mut one = [0; 4];
    text.extend(unicode_security::confusable_detection::skeleton(character.encode_utf8(&mut one)));
    let skeleton = &text[before..];
    if skeleton.is_empty() || !skeleton.bytes().all(|b| b.is_ascii_alphanumeric()) {
        text.truncate(before);
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::new(text).text().to_owned()
    }

    #[test]
    fn reads_like_a_person() {
        assert_eq!(folded("Sоlеnt NHS"), "Solent NHS", "Cyrillic o and e");
        assert_eq!(folded("Ｓｏｌｅｎｔ"), "Solent", "full width");
        assert_eq!(folded("So\u{200b}lent"), "Solent", "zero width");
        assert_eq!(folded("𝓢𝓸𝓵𝓮𝓷𝓽"), "Solent", "mathematical");
        assert_eq!(folded("Café “x” – y"), "Cafe \"x\" - y");
        assert_eq!(folded("cafe\u{301}"), "cafe", "combining accent");
        assert_eq!(folded("４７９ ７８９"), "479 789", "full-width digits");
        for text in ["", "plain", "Café “x” – y", "é", "So\u{200b}lent\u{200b}"] {
            assert_eq!(folded_text(text), folded(text));
        }
    }

    #[test]
    fn the_table_holds_what_folding_gives() {
        for character in '\u{80}'..'\u{a000}' {
            let (mut quick, mut slow) = (String::new(), String::new());
            push_folded(character, &mut quick);
            fold(character, &mut slow);
            assert_eq!(quick, slow, "U+{:04X}", character as u32);
        }
    }

    #[test]
    fn offsets_lead_back_over_removed_characters() {
        let original = "é So\u{200b}lent";
        let folded = Folded::new(original);
        let start = folded.text().find("Solent").unwrap();
        assert_eq!(folded.original(start, start + 6), (2, 9));
    }
}
