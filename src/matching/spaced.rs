//! Folded text in which every run of white space, hyphens and underscores is one space, so that a name
//! is found across line breaks and however its words are joined. Case is kept.

use crate::model::Folded;

/// Text with single spaces, and the way back to the original's characters.
#[derive(Debug)]
pub(super) struct Spaced {
    text: String,
    /// For each byte the first and the last-plus-one character of the original behind it.
    origin: Vec<(u32, u32)>,
}

/// Whether `character` only joins words.
pub(super) fn is_joint(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '_')
}

/// Folded text spaced out, where nobody asks for the way back.
pub(super) fn spaced_text(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    for character in source.chars() {
        if !is_joint(character) {
            text.push(character);
        } else if !text.ends_with(' ') {
            text.push(' ');
        }
    }
    text
}

impl Spaced {
    /// Spaces out folded text.
    pub(super) fn new(folded: &Folded<'_>) -> Self {
        let source = folded.text();
        let mut text = String::with_capacity(source.len());
        let mut origin: Vec<(u32, u32)> = Vec::with_capacity(source.len());
        for (position, character) in source.char_indices() {
            let (start, end) = folded.original(position, position + character.len_utf8());
            let span = (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX));
            if is_joint(character) {
                if let Some(last) = origin.last_mut().filter(|_| text.ends_with(' ')) {
                    last.1 = span.1;
                } else {
                    text.push(' ');
                    origin.push(span);
                }
            } else {
                text.push(character);
                origin.resize(text.len(), span);
            }
        }
        Self { text, origin }
    }

    /// The spaced text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The characters of the original behind bytes `start..end`.
    pub(super) fn original(&self, start: usize, end: usize) -> (usize, usize) {
        if start >= end {
            return (0, 0);
        }
        (self.origin[start].0 as usize, self.origin[end - 1].1 as usize)
    }

    /// The byte before `position`.
    pub(super) fn before(&self, position: usize) -> Option<u8> {
        position.checked_sub(1).map(|at| self.text.as_bytes()[at])
    }

    /// The byte at `position`.
    pub(super) fn at(&self, position: usize) -> Option<u8> {
        self.text.as_bytes().get(position).copied()
    }

    /// Whether `start..end` begins and ends with whole words.
    pub(super) fn is_whole(&self, start: usize, end: usize) -> bool {
        !self.before(start).is_some_and(is_word) && !self.at(end).is_some_and(is_word)
    }

    /// The bytes of the word-like token (no spaces) around `position`.
    pub(super) fn token_start(&self, position: usize) -> usize {
        self.text[..position].rfind(' ').map_or(0, |space| space + 1)
    }

    /// The part of the text within `reach` characters of `start..end`, as bytes.
    pub(super) fn window(&self, start: usize, end: usize, reach: usize) -> (usize, usize) {
        let from = self.text[..start].char_indices().rev().take(reach).last().map_or(start, |(at, _)| at);
        let to = self.text[end..].char_indices().nth(reach).map_or(self.text.len(), |(at, _)| end + at);
        (from, to)
    }
}

/// Letters and digits of ASCII, and any byte of a longer character.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}
