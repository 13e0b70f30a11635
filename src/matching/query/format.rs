//! Queries written back in one way, so that two that mean the same look the same.

use std::fmt::{self, Write as _};

use super::{Piece, Query};

/// How tightly a part binds; a part inside a tighter one needs brackets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tightness {
    Or,
    And,
    Not,
    Near,
    One,
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, Tightness::Or, f)
    }
}

fn tightness(query: &Query) -> Tightness {
    match query {
        Query::Or(_) => Tightness::Or,
        Query::And(_) => Tightness::And,
        Query::Not(_) => Tightness::Not,
        Query::Near { .. } => Tightness::Near,
        _ => Tightness::One,
    }
}

fn write(query: &Query, outer: Tightness, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let brackets = tightness(query) < outer;
    if brackets {
        f.write_char('(')?;
    }
    match query {
        Query::Phrase(pieces) => write_phrase(pieces, f)?,
        Query::Or(parts) if brackets => write_list(parts, f)?,
        Query::Or(parts) => write_joined(parts, " OR ", Tightness::And, f)?,
        Query::And(parts) => write_joined(parts, " AND ", Tightness::Not, f)?,
        Query::Not(inner) => {
            f.write_str("NOT ")?;
            write(inner, Tightness::Not, f)?;
        }
        Query::Near { left, right, within, ordered, negated } => {
            write(left, Tightness::Near, f)?;
            let not = if *negated { "NOT " } else { "" };
            let operator = if *ordered { "BEFORE" } else { "NEAR" };
            write!(f, " {not}{operator}/{within} ")?;
            write(right, Tightness::One, f)?;
        }
        Query::Count { least, of } => {
            write!(f, "{least} of (")?;
            write_list(of, f)?;
            f.write_char(')')?;
        }
        Query::Within(scope, inner) => {
            write!(f, "{}:", scope.as_str())?;
            write(inner, Tightness::One, f)?;
        }
        Query::Fact { key, value } => write!(f, "{}:{value}", key.as_str())?,
    }
    if brackets {
        f.write_char(')')?;
    }
    Ok(())
}

/// An item that holds an OR keeps its brackets, or the comma would take it apart.
fn write_list(parts: &[Query], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write_joined(parts, ", ", Tightness::And, f)
}

fn write_joined(parts: &[Query], between: &str, outer: Tightness, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        // What is alike inside keeps its brackets: it was written as a group.
        let outer = if tightness(part) == outer
            && matches!(part, Query::And(_) | Query::Or(_))
            && outer != Tightness::And
        {
            Tightness::One
        } else {
            outer
        };
        write(part, outer, f)?;
    }
    Ok(())
}

fn write_phrase(pieces: &[Piece], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match pieces {
        [Piece::List(name)] => write!(f, "{{{name}}}"),
        [Piece::Words(word)] if is_plain(word) => f.write_str(word),
        _ => {
            f.write_char('"')?;
            for (index, piece) in pieces.iter().enumerate() {
                if index > 0 {
                    f.write_char(' ')?;
                }
                match piece {
                    Piece::Words(words) => f.write_str(words)?,
                    Piece::List(name) => write!(f, "{{{name}}}")?,
                }
            }
            f.write_char('"')
        }
    }
}

/// Whether a word needs no quotation marks.
fn is_plain(word: &str) -> bool {
    let operator = matches!(word, "AND" | "OR" | "NOT" | "of") || word.bytes().all(|b| b.is_ascii_digit());
    !operator && word.chars().all(super::parse::is_word_char)
}
