//! Reads queries. Every error names the column and what was expected there.

use winnow::Parser;
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, eof, opt, peek, preceded, repeat, separated, terminated};
use winnow::error::{AddContext, ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{literal, one_of, take_while};

use super::{FactKey, Piece, Query, QueryError, Scope};
use crate::matching::words::raw_words;

/// Longest query (characters).
const MAX_LENGTH: usize = 20_000;
/// Deepest nesting of brackets.
const MAX_DEPTH: u32 = 24;
/// The widest NEAR (words).
const MAX_WITHIN: u32 = 200;

type Input<'q> = winnow::Stateful<LocatingSlice<&'q str>, u32>;
type Parsed<T> = Result<T, ErrMode<Fault>>;

/// What went wrong, and where: the fault furthest into the line is the one told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    at: usize,
    message: String,
}

impl<'q> ParserError<Input<'q>> for Fault {
    type Inner = Self;
    fn from_input(input: &Input<'q>) -> Self {
        Self { at: input.current_token_start(), message: String::new() }
    }
    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
    fn or(self, other: Self) -> Self {
        if other.at > self.at || self.message.is_empty() { other } else { self }
    }
}

impl<'q> AddContext<Input<'q>, &'static str> for Fault {
    fn add_context(
        mut self,
        _: &Input<'q>,
        _: &<Input<'q> as Stream>::Checkpoint,
        context: &'static str,
    ) -> Self {
        if self.message.is_empty() {
            context.clone_into(&mut self.message);
        }
        self
    }
}

/// A fault that no other way of reading can mend.
fn fault<T>(input: &Input<'_>, message: impl Into<String>) -> Parsed<T> {
    fault_at(input.current_token_start(), message)
}

fn fault_at<T>(at: usize, message: impl Into<String>) -> Parsed<T> {
    Err(ErrMode::Cut(Fault { at, message: message.into() }))
}

pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    if text.chars().count() > MAX_LENGTH {
        return Err(at(text, 0, format!("the query is longer than {MAX_LENGTH} characters: split it")));
    }
    run(text, |input| {
        multispace0.parse_next(input)?;
        if input.is_empty() {
            return fault(input, "expected a word, a \"phrase\" or a {list}");
        }
        let query = either(input)?;
        if !input.is_empty() {
            return fault(input, rest_message(input));
        }
        Ok(query)
    })
}

pub(super) fn phrase(text: &str) -> Result<Query, QueryError> {
    run(text, |input| pieces(input, None))
}

fn run(text: &str, mut read: impl FnMut(&mut Input<'_>) -> Parsed<Query>) -> Result<Query, QueryError> {
    let mut input = Input { input: LocatingSlice::new(text), state: 0 };
    read(&mut input).map_err(|error| match error {
        ErrMode::Backtrack(fault) | ErrMode::Cut(fault) => {
            let message = if fault.message.is_empty() {
                "cannot be read from here on".to_owned()
            } else {
                fault.message
            };
            at(text, fault.at, message)
        }
        ErrMode::Incomplete(_) => at(text, text.len(), "something is missing at the end".to_owned()),
    })
}

fn at(text: &str, byte: usize, message: String) -> QueryError {
    let column = text.get(..byte).map_or(0, |before| before.chars().count()) + 1;
    QueryError { column, message, line: text.to_owned() }
}

/// What to say about what is left after a whole query.
fn rest_message(input: &Input<'_>) -> String {
    match input.chars().next() {
        Some(')') => "a closing bracket without its opening one".to_owned(),
        Some(',') => "a comma stands only inside brackets, as in (a, b)".to_owned(),
        _ => "expected AND, OR or NEAR/5 here; words that belong together stand in quotes: \"two words\""
            .to_owned(),
    }
}

fn spaced<'q, T>(
    inner: impl Parser<Input<'q>, T, ErrMode<Fault>>,
) -> impl Parser<Input<'q>, T, ErrMode<Fault>> {
    terminated(inner, multispace0)
}

/// An operator in capitals, as a word of its own.
fn operator<'q>(word: &'static str) -> impl Parser<Input<'q>, (), ErrMode<Fault>> {
    spaced(terminated(
        literal(word),
        peek(alt((one_of([' ', '\t', '\n', '\r', '(', '"', '{']).void(), eof.void()))),
    ))
    .void()
}

fn either(input: &mut Input<'_>) -> Parsed<Query> {
    let mut parts = vec![all(input)?];
    while opt(operator("OR")).parse_next(input)?.is_some() {
        parts.push(all(input)?);
    }
    Ok(one_or(parts, Query::Or))
}

fn all(input: &mut Input<'_>) -> Parsed<Query> {
    let mut parts = vec![one(input)?];
    while opt(operator("AND")).parse_next(input)?.is_some() {
        parts.push(one(input)?);
    }
    Ok(one_or(parts, Query::And))
}

fn one_or(mut parts: Vec<Query>, many: impl Fn(Vec<Query>) -> Query) -> Query {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

fn near(input: &mut Input<'_>) -> Parsed<Query> {
    let mut left = operand(input)?;
    loop {
        let start = input.checkpoint();
        let negated = opt(operator("NOT")).parse_next(input)?.is_some();
        let Some(ordered) =
            opt(alt((literal("NEAR").value(false), literal("BEFORE").value(true)))).parse_next(input)?
        else {
            input.reset(&start);
            return Ok(left);
        };
        let at = input.current_token_start();
        let within: Option<u32> = opt(spaced(preceded('/', digit1.parse_to()))).parse_next(input)?;
        let Some(within) = within.filter(|within| *within <= MAX_WITHIN) else {
            return fault_at(
                at,
                format!("expected how many words may stand between, as in NEAR/5 (at most {MAX_WITHIN})"),
            );
        };
        let right = operand(input)?;
        left = Query::Near { left: Box::new(left), right: Box::new(right), within, ordered, negated };
    }
}

/// Something, or that something does not hold.
fn one(input: &mut Input<'_>) -> Parsed<Query> {
    if opt(operator("NOT")).parse_next(input)?.is_some() {
        deeper(input, one).map(|inner| Query::Not(Box::new(inner)))
    } else {
        near(input)
    }
}

fn operand(input: &mut Input<'_>) -> Parsed<Query> {
    if opt(peek(operator("NOT"))).parse_next(input)?.is_some() {
        return fault(input, "NOT cannot stand here: write A NOT NEAR/5 B for an A without a B so near");
    }
    deeper(input, item)
}

fn deeper(input: &mut Input<'_>, read: impl FnOnce(&mut Input<'_>) -> Parsed<Query>) -> Parsed<Query> {
    input.state += 1;
    if input.state > MAX_DEPTH {
        return fault(input, format!("brackets stand more than {MAX_DEPTH} deep: split the query"));
    }
    let query = read(input);
    input.state -= 1;
    query
}

fn item(input: &mut Input<'_>) -> Parsed<Query> {
    if let Some(least) = opt(count_head).parse_next(input)? {
        let start = input.current_token_start();
        let of = group(input)?;
        if least == 0 || least > of.len() {
            return fault_at(
                start,
                format!("{least} of {}: ask for at least 1 and at most as many as there are", of.len()),
            );
        }
        return Ok(Query::Count { least, of });
    }
    match input.chars().next() {
        Some('(') => Ok(one_or(group(input)?, Query::Or)),
        Some('"') => spaced(quoted).parse_next(input),
        Some('{') => spaced(list.map(|name| Query::Phrase(vec![Piece::List(name)]))).parse_next(input),
        Some(c) if is_word_char(c) => word_or_prefix(input),
        Some(')') => fault(input, "expected a word, a \"phrase\" or a {list} before this bracket"),
        Some(c) => fault(input, format!("{c:?} cannot stand here: put it in quotes, or leave it out")),
        None => fault(input, "expected a word, a \"phrase\" or a {list} at the end"),
    }
}

/// `2 of` before a bracket.
fn count_head(input: &mut Input<'_>) -> Parsed<usize> {
    terminated(spaced(digit1.parse_to()), (spaced(literal("of")), peek('('))).parse_next(input)
}

/// What stands in brackets, parted by commas.
fn group(input: &mut Input<'_>) -> Parsed<Vec<Query>> {
    let start = input.current_token_start();
    spaced('(').parse_next(input)?;
    let parts: Vec<Query> = separated(1.., either, spaced(',')).parse_next(input)?;
    if opt(spaced(')')).parse_next(input)?.is_some() {
        return Ok(parts);
    }
    if input.is_empty() {
        return fault_at(start, "this bracket is never closed");
    }
    fault(input, rest_message(input))
}

fn quoted(input: &mut Input<'_>) -> Parsed<Query> {
    let start = input.current_token_start();
    '"'.parse_next(input)?;
    let query = pieces(input, Some('"'))?;
    if opt('"').parse_next(input)?.is_none() {
        return fault_at(start, "these quotes are never closed");
    }
    Ok(query)
}

/// Words and lists up to `end`.
fn pieces(input: &mut Input<'_>, end: Option<char>) -> Parsed<Query> {
    let start = input.current_token_start();
    let stops = |c: char| Some(c) == end || matches!(c, '{' | '}');
    let words = take_while(1.., move |c| !stops(c)).map(|words: &str| Piece::Words(normal(words)));
    let parts: Vec<Piece> = repeat(0.., alt((words, list.map(Piece::List)))).parse_next(input)?;
    let parts: Vec<Piece> =
        parts.into_iter().filter(|piece| !matches!(piece, Piece::Words(words) if words.is_empty())).collect();
    if parts.is_empty() {
        return fault_at(start, "expected at least one word");
    }
    if input.starts_with('}') || end.is_none() && !input.is_empty() {
        return fault(input, "this brace has no partner");
    }
    Ok(Query::Phrase(parts))
}

/// Words with single spaces, and no punctuation that no word is made of.
fn normal(words: &str) -> String {
    let folded = crate::model::Folded::new(words);
    let text = folded.text();
    let spans = raw_words(text, true);
    let words: Vec<&str> = spans.iter().map(|word| &text[word.start..word.end]).collect();
    let mut joined = String::new();
    let mut last_end = None;
    for (word, span) in words.iter().zip(&spans) {
        // The two words of `nan's` stay written as they were.
        let glued = last_end.is_some_and(|end| end + 1 == span.start && text.as_bytes()[end] == b'\'');
        joined.push_str(if joined.is_empty() {
            ""
        } else if glued {
            "'"
        } else {
            " "
        });
        joined.push_str(word);
        last_end = Some(span.end);
    }
    joined
}

fn list(input: &mut Input<'_>) -> Parsed<String> {
    let start = input.current_token_start();
    '{'.parse_next(input)?;
    let name: &str = take_while(0.., |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        .parse_next(input)?;
    if name.is_empty() || opt('}').parse_next(input)?.is_none() {
        return fault_at(start, "expected the name of a list in braces, as in {relation}");
    }
    Ok(name.to_owned())
}

fn word_or_prefix(input: &mut Input<'_>) -> Parsed<Query> {
    let start = input.current_token_start();
    let word: &str = take_while(1.., is_word_char).parse_next(input)?;
    if input.starts_with(':') {
        return prefixed(input, start, word);
    }
    multispace0.parse_next(input)?;
    if matches!(word, "AND" | "OR" | "NOT" | "NEAR" | "BEFORE") {
        return fault_at(
            start,
            format!(
                "expected a word before {word}; to look for the word itself write \"{}\"",
                word.to_lowercase()
            ),
        );
    }
    let normal = normal(word);
    if normal.is_empty() {
        return fault_at(start, "expected letters or digits");
    }
    if raw_words(&normal, true).iter().any(|word| word.key.bytes().all(|b| matches!(b, b'*' | b'?'))) {
        return fault_at(start, "a word needs at least one letter or digit beside * and ?");
    }
    Ok(Query::Phrase(vec![Piece::Words(normal)]))
}

fn prefixed(input: &mut Input<'_>, start: usize, word: &str) -> Parsed<Query> {
    ':'.parse_next(input)?;
    if let Some((_, scope)) = Scope::ALL.iter().find(|(name, _)| *name == word) {
        return operand(input).map(|inner| Query::Within(*scope, Box::new(inner)));
    }
    if let Some((_, key)) = FactKey::ALL.iter().find(|(name, _)| *name == word) {
        let at = input.current_token_start();
        let value: &str = spaced(take_while(0.., |c: char| is_word_char(c) || matches!(c, '.' | '_' | '-')))
            .parse_next(input)?;
        if value.is_empty() {
            return fault_at(at, format!("expected a value after {word}:"));
        }
        return Ok(Query::Fact { key: *key, value: value.to_lowercase() });
    }
    let known: Vec<&str> =
        Scope::ALL.iter().map(|(name, _)| *name).chain(FactKey::ALL.iter().map(|(name, _)| *name)).collect();
    fault_at(start, format!("{word:?} is no prefix: use one of {}", known.join(", ")))
}

/// Letters, digits and what stands inside words; other scripts too.
pub(super) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '*' | '?' | '\'' | '’' | '-' | '#' | '&' | '£' | '@' | '%')
        || c as u32 > 0x2000
}
