//! The query language of watches, rules and reports.
//!
//! ```text
//! word  "a phrase"  harass*  wom?n       words; * is any run of letters, ? one letter
//! {list}  "my {relation}"                whatever a named list or detector finds
//! A AND B   A OR B   A AND NOT B   ( )   also (a, b, c) for a OR b OR c
//! A NEAR/5 B   A BEFORE/5 B              at most 5 words between; BEFORE also in that order
//! A NOT NEAR/5 B   A NOT BEFORE/5 B      A where no B stands so near (or so near after it)
//! 2 of (a, b, c)                         at least two of these
//! title: text: url: author: handle:      where it must stand; title or text where nothing is said
//! sentence:( ) paragraph:( )             all of it in one sentence or paragraph
//! unquoted:( ) case:( )                  outside quotation marks; with these capitals
//! site:example.org kind:news is:own      where the document stands, what it is, what is known of it
//! ```
//!
//! Operators are written in capitals. `NEAR` binds tightest, then `NOT`, `AND`, `OR`.

mod eval;
mod format;
mod parse;

use std::fmt;

pub use eval::{Asked, Budget, Matched, Plan};

/// A query as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// A word or phrase.
    Phrase(Vec<Piece>),
    /// One of these.
    Or(Vec<Query>),
    /// All of these.
    And(Vec<Query>),
    /// Not this.
    Not(Box<Query>),
    /// Two things at most so many words apart.
    Near {
        /// The first.
        left: Box<Query>,
        /// The second.
        right: Box<Query>,
        /// Words between them, at most.
        within: u32,
        /// Whether the first must come first.
        ordered: bool,
        /// Whether it is the first without the second near that counts.
        negated: bool,
    },
    /// At least so many of these.
    Count {
        /// How many.
        least: usize,
        /// Of which.
        of: Vec<Query>,
    },
    /// Inside a scope only.
    Within(Scope, Box<Query>),
    /// Something known of the document: `kind:news`.
    Fact {
        /// What is asked.
        key: FactKey,
        /// What must hold.
        value: String,
    },
}

/// One piece of a phrase.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Words, in lower case or as typed; may hold `*` and `?`.
    Words(String),
    /// A named list or detector.
    List(String),
}

/// Where a part of a query looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The headline.
    Title,
    /// The body.
    Text,
    /// The address.
    Url,
    /// The author's name.
    Author,
    /// The author's handle.
    Handle,
    /// One sentence.
    Sentence,
    /// One paragraph.
    Paragraph,
    /// Outside quotation marks.
    Unquoted,
    /// Capitals as typed.
    Case,
}

impl Scope {
    /// Every scope with its prefix.
    const ALL: [(&'static str, Self); 9] = [
        ("title", Self::Title),
        ("text", Self::Text),
        ("url", Self::Url),
        ("author", Self::Author),
        ("handle", Self::Handle),
        ("sentence", Self::Sentence),
        ("paragraph", Self::Paragraph),
        ("unquoted", Self::Unquoted),
        ("case", Self::Case),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }
}

/// What may be asked of a document beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactKey {
    /// Its host or a domain above it.
    Site,
    /// Its kind.
    Kind,
    /// A signal about author, address and place.
    Is,
    /// A category that an earlier rule found.
    Found,
}

impl FactKey {
    const ALL: [(&'static str, Self); 4] =
        [("site", Self::Site), ("kind", Self::Kind), ("is", Self::Is), ("found", Self::Found)];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }
}

/// Why a query cannot be read: where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct QueryError {
    /// Character from which it cannot be read, counted from 1.
    pub column: usize,
    /// What was expected, or what is wrong.
    pub message: String,
    /// The line itself.
    line: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after): (String, String) = (
            self.line.chars().take(self.column - 1).collect(),
            self.line.chars().skip(self.column - 1).collect(),
        );
        let tail: String = before.chars().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect();
        let head: String = after.chars().take(30).collect();
        write!(f, "column {}: {} (at “{tail}▸{head}”)", self.column, self.message)
    }
}

impl std::str::FromStr for Query {
    type Err = QueryError;
    fn from_str(text: &str) -> Result<Self, QueryError> {
        parse::parse(text)
    }
}

impl Query {
    /// A phrase taken as it is, without operators; `{list}` may stand in it.
    ///
    /// # Errors
    /// An empty phrase, or a brace without its partner.
    pub fn phrase(text: &str) -> Result<Self, QueryError> {
        parse::phrase(text)
    }

    /// Every list that it asks for, those inside phrases included.
    pub fn lists(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.visit(&mut |query| {
            if let Self::Phrase(pieces) = query {
                found.extend(pieces.iter().filter_map(|piece| match piece {
                    Piece::List(name) => Some(name.as_str()),
                    Piece::Words(_) => None,
                }));
            }
        });
        found
    }

    /// Calls `see` with every part, itself first.
    pub fn visit<'q>(&'q self, see: &mut impl FnMut(&'q Self)) {
        see(self);
        match self {
            Self::Phrase(_) | Self::Fact { .. } => {}
            Self::Or(parts) | Self::And(parts) | Self::Count { of: parts, .. } => {
                for part in parts {
                    part.visit(see);
                }
            }
            Self::Not(inner) | Self::Within(_, inner) => inner.visit(see),
            Self::Near { left, right, .. } => {
                left.visit(see);
                right.visit(see);
            }
        }
    }
}

#[cfg(test)]
mod tests;
