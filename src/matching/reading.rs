//! A document as queries read it: words with their places, sentences, paragraphs and quotations. A word
//! is a run of letters and digits; `don't` is one word, `nan's` is two; a `#CamelCaseTag` is as many as it
//! shows; an emoji or a pound sign is a word of its own.

use std::ops::Range;

use super::words::{RawWord, is_abbreviation, raw_words};
use crate::model::{Document, Field, Folded};

/// Places between two fields, so that nothing counts as near across them.
const FIELD_GAP: usize = 100_000;
/// The longest quotation (bytes); an opening mark without its end opens nothing.
const MAX_QUOTATION: usize = 800;

/// A run of words, as positions in [`Reading::tokens`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// First word.
    pub start: u32,
    /// One past the last word.
    pub end: u32,
}

impl Run {
    /// Whether both share a word.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The positions.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The field it stands in.
    pub field: Field,
    /// First byte in the folded field.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Number of its sentence.
    pub sentence: usize,
    /// Number of its paragraph.
    pub paragraph: usize,
    /// Whether it stands inside quotation marks.
    pub quoted: bool,
    /// How it is looked up: lower case, no apostrophes.
    pub key: Box<str>,
}

/// A document, read once for all queries.
#[derive(Debug)]
pub struct Reading<'a> {
    folded: Vec<(Field, Folded<'a>)>,
    tokens: Vec<Token>,
    /// First and one past the last word of each sentence.
    sentences: Vec<Run>,
    paragraphs: Vec<Run>,
}

impl<'a> Reading<'a> {
    /// Reads every field of `document`.
    pub fn new(document: &'a Document) -> Self {
        let folded =
            Field::ALL.into_iter().map(|field| (field, Folded::new(document.field(field)))).collect();
        let mut reading = Self { folded, tokens: Vec::new(), sentences: Vec::new(), paragraphs: Vec::new() };
        for field in Field::ALL {
            reading.read_field(field);
        }
        reading
    }

    fn read_field(&mut self, field: Field) {
        let text = self.folded(field).text();
        let words = raw_words(text, false);
        let quotations =
            if field == Field::Text || field == Field::Title { quotations(text) } else { Vec::new() };
        let mut quotations = quotations.into_iter().peekable();
        let (mut sentences, mut paragraphs) = (Vec::new(), Vec::new());
        let mut tokens = Vec::with_capacity(words.len());
        let base = self.tokens.len();
        let mut before = 0;
        for RawWord { start, end, key } in words {
            let position = position(base + tokens.len());
            let gap = &text[before..start];
            let new_paragraph = tokens.is_empty() || is_paragraph_break(gap);
            if new_paragraph {
                paragraphs.push(position);
            }
            if new_paragraph || ends_sentence(text, before, start) {
                sentences.push(position);
            }
            while quotations.next_if(|quotation| quotation.end <= start).is_some() {}
            let quoted = quotations.peek().is_some_and(|quotation| quotation.start <= start);
            tokens.push(Token {
                field,
                start,
                end,
                sentence: self.sentences.len() + sentences.len() - 1,
                paragraph: self.paragraphs.len() + paragraphs.len() - 1,
                quoted,
                key,
            });
            before = end;
        }
        self.tokens.extend(tokens);
        let end = position(self.tokens.len());
        self.sentences.extend(runs(&sentences, end));
        self.paragraphs.extend(runs(&paragraphs, end));
    }

    /// Every word, field after field.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The folded text of a field.
    pub fn folded(&self, field: Field) -> &Folded<'a> {
        let found = self.folded.iter().find(|(known, _)| *known == field);
        &found.expect("a reading has every field").1
    }

    /// The folded text behind a run.
    pub fn text(&self, run: Run) -> &str {
        let Some((first, last)) = self.ends(run) else { return "" };
        &self.folded(first.field).text()[first.start..last.end]
    }

    /// The field of a run and its characters in the field as given.
    pub fn original(&self, run: Run) -> Option<(Field, usize, usize)> {
        let (first, last) = self.ends(run)?;
        let (start, end) = self.folded(first.field).original(first.start, last.end);
        Some((first.field, start, end))
    }

    /// The words that cover bytes `start..end` of a folded field, in whole or in part.
    pub fn run_of(&self, field: Field, start: usize, end: usize) -> Option<Run> {
        let tokens = self.field_tokens(field);
        let words = &self.tokens[tokens.clone()];
        let first = words.partition_point(|token| token.end <= start);
        let last = words.partition_point(|token| token.start < end);
        (first < last)
            .then(|| Run { start: position(tokens.start + first), end: position(tokens.start + last) })
    }

    /// The words behind characters `start..end` of a field as given.
    pub fn run_of_original(&self, field: Field, start: usize, end: usize) -> Option<Run> {
        let (from, to) = self.folded(field).folded_bytes(start, end)?;
        self.run_of(field, from, to)
    }

    /// The positions of a field's words.
    pub fn field_tokens(&self, field: Field) -> Range<usize> {
        let start = self.tokens.partition_point(|token| token.field < field);
        let end = self.tokens.partition_point(|token| token.field <= field);
        start..end
    }

    /// The sentence of the word at `token`.
    pub fn sentence(&self, token: u32) -> Run {
        self.sentences[self.tokens[token as usize].sentence]
    }

    /// The paragraph of the word at `token`.
    pub fn paragraph(&self, token: u32) -> Run {
        self.paragraphs[self.tokens[token as usize].paragraph]
    }

    /// How many sentences there are.
    pub fn sentences(&self) -> &[Run] {
        &self.sentences
    }

    /// Where a word stands for distances: fields lie far apart.
    pub fn place(&self, token: u32) -> usize {
        self.tokens.get(token as usize).map_or(0, |word| token as usize + word.field as usize * FIELD_GAP)
    }

    /// The words between the end of one run and the start of a later one; `None` across fields.
    pub fn gap(&self, earlier: Run, later: Run) -> Option<usize> {
        let (last, first) = (earlier.end.checked_sub(1)?, later.start);
        (self.place(first) > self.place(last)).then(|| self.place(first) - self.place(last) - 1)
    }

    fn ends(&self, run: Run) -> Option<(&Token, &Token)> {
        let words = self.tokens.get(run.range())?;
        Some((words.first()?, words.last()?))
    }
}

fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Starts to runs that touch.
fn runs(starts: &[u32], end: u32) -> impl Iterator<Item = Run> {
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(end));
    starts.iter().zip(ends).map(|(&start, end)| Run { start, end }).collect::<Vec<_>>().into_iter()
}

/// An empty line, or a line that starts a list item.
fn is_paragraph_break(gap: &str) -> bool {
    let mut lines = gap.split('\n').skip(1);
    let (mut any, mut last) = (false, "");
    for line in lines.by_ref() {
        if any && last.trim().is_empty() {
            return true;
        }
        (any, last) = (true, line);
    }
    any && matches!(last.trim().chars().next(), Some('*' | '-' | '.'))
}

/// Whether a sentence ends between the word that ends at `before` and the one that starts at `start`.
fn ends_sentence(text: &str, before: usize, start: usize) -> bool {
    let gap = &text[before..start];
    let next_is_lower = text[start..].starts_with(|c: char| c.is_lowercase());
    if gap.contains('\n') {
        // A line that goes on in small letters was only wrapped.
        return !next_is_lower || gap.contains(['.', '!', '?', ':']);
    }
    let Some(mark) = gap.find(['.', '!', '?', ';']) else { return false };
    if !gap[mark..].contains(char::is_whitespace) {
        return false;
    }
    match gap.as_bytes()[mark] {
        b'.' => !is_abbreviation(&text[..before]) && (!next_is_lower || before > 0),
        _ => true,
    }
}

/// The bytes between quotation marks, in order.
fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut open: Option<(usize, u8)> = None;
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'\n' && bytes.get(at + 1) == Some(&b'\n') {
            open = None;
        }
        if byte != b'"' && byte != b'\'' {
            continue;
        }
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(at + 1).copied();
        let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80);
        match open {
            Some((start, mark)) if mark == byte && (byte == b'"' || !word(after)) => {
                if at - start <= MAX_QUOTATION {
                    found.push(start..at);
                }
                open = None;
            }
            None if !word(before) && after.is_some_and(|b| !b.is_ascii_whitespace()) => {
                open = Some((at, byte));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document { text: text.to_owned(), ..Document::default() }
    }

    fn sentences(text: &str) -> Vec<String> {
        let document = document(text);
        let reading = Reading::new(&document);
        reading.sentences().iter().map(|run| reading.text(*run).to_owned()).collect()
    }

    #[test]
    fn sentences_end_where_a_reader_stops() {
        assert_eq!(
            sentences("Dr. A. Khan saw me at 10.30 a.m. today. I left! why? ok"),
            ["Dr. A. Khan saw me at 10.30 a.m. today", "I left", "why", "ok"]
        );
        assert_eq!(
            sentences("a line\nthat goes on\n\nanother\nThird"),
            ["a line\nthat goes on", "another", "Third"]
        );
    }

    #[test]
    fn quotations_are_known() {
        let document = document("He said \"you are rubbish\" and 'go home', it's the nurses' job");
        let reading = Reading::new(&document);
        let quoted: Vec<&str> =
            reading.tokens().iter().filter(|token| token.quoted).map(|token| token.key.as_ref()).collect();
        assert_eq!(quoted, ["you", "are", "rubbish", "go", "home"]);
    }

    #[test]
    fn places_lead_back_to_the_field_as_given() {
        let document = document("Café — “São Paulo”");
        let reading = Reading::new(&document);
        let run = reading.run_of_original(Field::Text, 8, 11).unwrap();
        assert_eq!(reading.text(run), "Sao");
        assert_eq!(reading.original(run), Some((Field::Text, 8, 11)));
    }
}
