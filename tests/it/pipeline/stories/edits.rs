//! How customers of a news agency edit an article: the recipes of `tests/fixtures/story/edits.toml`, read and applied
//! to a headline and a text. The head of that file says what each operation does; heavy edits are left out here.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Words that house styles put for others.
type Lists = BTreeMap<String, Vec<(String, String)>>;

#[derive(Deserialize)]
pub(super) struct Recipes {
    list: Lists,
    pub(super) copy: Vec<Recipe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    pub(super) name: String,
    host: String,
    path: String,
    query: Option<String>,
    title: Vec<Operation>,
    text: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Operation {
    Swap { list: String },
    Quotes { to: Marks },
    Dashes { to: String },
    // Of the headline:
    Template { text: String },
    FirstWords { count: usize },
    TitleCase,
    Upper,
    Replace { text: String },
    // Of the text:
    Prepend { text: String },
    Append { text: String },
    Insert { at: f64, text: String },
    Prefix { text: String },
    CutEnd { share: f64 },
    ShortenFirst { words: usize },
    Join { at: usize },
    Split { at: usize },
    UpperWords { count: usize },
    Space { style: Space },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Marks {
    Straight,
    Curly,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Space {
    Double,
    NoBreak,
    Lines,
    Wrap,
}

/// Characters in a line of [`Space::Wrap`].
const LINE: usize = 72;

impl Recipes {
    pub(super) fn read() -> Self {
        toml::from_str(include_str!("../../../fixtures/story/edits.toml")).unwrap()
    }

    /// The headline and the text of an article as `recipe` makes them.
    pub(super) fn edited(&self, recipe: &Recipe, title: &str, text: &str) -> (String, String) {
        let title =
            recipe.title.iter().fold(title.to_owned(), |title, operation| self.titled(&title, operation));
        let mut copy = Text::new(text);
        for operation in &recipe.text {
            self.apply(&mut copy, operation);
        }
        (title, copy.paragraphs.join(copy.between))
    }

    /// What headlines and texts may both undergo; `None` where it is something else.
    fn restyled(&self, text: &str, operation: &Operation) -> Option<String> {
        match operation {
            Operation::Swap { list } => Some(swapped(text, &self.list[list])),
            Operation::Quotes { to: Marks::Straight } => {
                Some(text.replace(['“', '”'], "\"").replace(['‘', '’'], "'"))
            }
            Operation::Quotes { to: Marks::Curly } => Some(curly(text)),
            Operation::Dashes { to } => {
                let dash = format!(" {to} ");
                Some([" – ", " — ", " - "].iter().fold(text.to_owned(), |text, old| text.replace(old, &dash)))
            }
            _ => None,
        }
    }

    fn titled(&self, title: &str, operation: &Operation) -> String {
        let words = title.split_whitespace();
        match operation {
            Operation::Template { text } => text.replace("{title}", title),
            Operation::FirstWords { count } => words.take(*count).collect::<Vec<_>>().join(" "),
            Operation::TitleCase => words.map(capital).collect::<Vec<_>>().join(" "),
            Operation::Upper => title.to_uppercase(),
            Operation::Replace { text } => text.clone(),
            other => {
                self.restyled(title, other).unwrap_or_else(|| panic!("{other:?} is nothing for a headline"))
            }
        }
    }

    fn apply(&self, copy: &mut Text, operation: &Operation) {
        let paragraphs = &mut copy.paragraphs;
        match operation {
            Operation::Prepend { text } => paragraphs.insert(0, text.clone()),
            Operation::Append { text } => paragraphs.push(text.clone()),
            Operation::Insert { at, text } => {
                let all = paragraphs.len();
                let place = (1..=all).take_while(|place| number(*place) <= at * number(all)).last();
                paragraphs.insert(place.unwrap_or(1), text.clone());
            }
            Operation::Prefix { text } => paragraphs[0] = format!("{text} {}", paragraphs[0]),
            Operation::CutEnd { share } => copy.cut(*share),
            Operation::ShortenFirst { words } => copy.shorten_first(*words),
            Operation::Join { at } => copy.join(*at),
            Operation::Split { at } => copy.split(*at),
            Operation::UpperWords { count } => copy.raise(*count),
            Operation::Space { style } => copy.space(*style),
            other => {
                for text in paragraphs {
                    let new = self.restyled(text, other);
                    *text = new.unwrap_or_else(|| panic!("{other:?} is nothing for a text"));
                }
            }
        }
    }
}

impl Recipe {
    /// Where the copy of an article stands. Where the path does not name the article, its `number` does: two articles
    /// at one address would be one story by that alone.
    pub(super) fn link(&self, title: &str, number: usize) -> String {
        let mut path = self.path.replace("{slug}", &slug(title));
        if !self.path.contains("{slug}") {
            path.push_str(&format!("-{number}"));
        }
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("http://{}{path}{query}", self.host)
    }
}

/// Small letters and digits of ASCII, one hyphen for whatever is between them.
pub(super) fn slug(title: &str) -> String {
    let title = title.to_lowercase();
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The paragraphs of a text, white space put right: cut at line ends, each word one blank from the next.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    let lines = text.split(['\r', '\n']).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

/// A text in the making.
struct Text {
    paragraphs: Vec<String>,
    /// Words of the article as it came.
    words: usize,
    /// What stands between paragraphs.
    between: &'static str,
}

impl Text {
    fn new(text: &str) -> Self {
        let words = text.split_whitespace().count();
        Self { paragraphs: paragraphs(text), words, between: "\n\n" }
    }

    fn cut(&mut self, share: f64) {
        let mut gone = 0;
        while let [_, .., last] = self.paragraphs.as_slice() {
            gone += last.split_whitespace().count();
            if number(gone) > share * number(self.words) {
                break;
            }
            self.paragraphs.pop();
        }
    }

    fn shorten_first(&mut self, most: usize) {
        let words: Vec<&str> = self.paragraphs[0].split(' ').collect();
        let gone = most.min(words.len() / 5);
        if gone > 0 {
            let rest = words[..words.len() - gone].join(" ");
            self.paragraphs[0] = format!("{}.", rest.trim_end_matches([',', ';', ':', '.', '–', '-']));
        }
    }

    fn join(&mut self, at: usize) {
        if at + 1 < self.paragraphs.len() {
            let next = self.paragraphs.remove(at + 1);
            self.paragraphs[at] = format!("{} {next}", self.paragraphs[at]);
        }
    }

    fn split(&mut self, at: usize) {
        let Some(text) = self.paragraphs.get(at).cloned() else { return };
        let half = text.chars().count().div_ceil(2);
        let half = text.char_indices().nth(half).map_or(text.len(), |(byte, _)| byte);
        if let Some(end) = text[half..].find(". ") {
            let (first, second) = text.split_at(half + end + 1);
            first.clone_into(&mut self.paragraphs[at]);
            self.paragraphs.insert(at + 1, second[1..].to_owned());
        }
    }

    fn raise(&mut self, count: usize) {
        let words = self.paragraphs[0].split(' ').enumerate();
        let words = words.map(|(n, word)| if n < count { word.to_uppercase() } else { word.to_owned() });
        self.paragraphs[0] = words.collect::<Vec<_>>().join(" ");
    }

    fn space(&mut self, style: Space) {
        let spaced = |text: &String| match style {
            Space::Double => text.replace(". ", ".  "),
            Space::NoBreak => unbroken(text),
            Space::Lines => text.clone(),
            Space::Wrap => wrapped(text),
        };
        self.paragraphs = self.paragraphs.iter().map(spaced).collect();
        if matches!(style, Space::Lines) {
            self.between = "\n";
        }
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The first letter in capitals, the others as they are.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn swapped(text: &str, pairs: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (old, new) in pairs {
        text = put_for(&text, old, new);
        if capital(old) != *old {
            text = put_for(&text, &capital(old), &capital(new));
        }
    }
    text
}

/// `new` in the place of every `old` that stands free.
fn put_for(text: &str, old: &str, new: &str) -> String {
    let (mut output, mut copied) = (String::with_capacity(text.len()), 0);
    for (at, _) in text.match_indices(old) {
        let end = at + old.len();
        if !is_bound(text[..at].chars().rev()) && !is_bound(text[end..].chars()) {
            output.push_str(&text[copied..at]);
            output.push_str(new);
            copied = end;
        }
    }
    output + &text[copied..]
}

/// Whether what stands next to a word, read away from it, makes it a part of something longer.
fn is_bound(mut outward: impl Iterator<Item = char>) -> bool {
    let Some(next) = outward.next() else { return false };
    let joins = ['.', ',', ':', '/', '-', '\'', '’'].contains(&next);
    next.is_alphanumeric()
        || ['£', '$', '€', '%'].contains(&next)
        || joins && outward.next().is_some_and(char::is_alphanumeric)
}

fn curly(text: &str) -> String {
    let mut before = ' ';
    let turned = text.chars().map(|mark| {
        let opens = before.is_whitespace() || ['(', '['].contains(&before);
        before = mark;
        match (mark, opens) {
            ('"', true) => '“',
            ('"', false) => '”',
            ('\'', true) => '‘',
            ('\'', false) => '’',
            _ => mark,
        }
    });
    turned.collect()
}

/// A blank between a digit and a letter made one at which no line breaks.
fn unbroken(text: &str) -> String {
    let mut before = ' ';
    let mut left = text.chars().peekable();
    let mut output = String::with_capacity(text.len());
    while let Some(c) = left.next() {
        let holds = c == ' ' && before.is_numeric() && left.peek().is_some_and(|next| next.is_alphabetic());
        output.push(if holds { '\u{a0}' } else { c });
        before = c;
    }
    output
}

fn wrapped(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut length = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count();
        let breaks = length + 1 + more > LINE;
        if length > 0 {
            output.push(if breaks { '\n' } else { ' ' });
        }
        length = if length == 0 || breaks { more } else { length + 1 + more };
        output.push_str(word);
    }
    output
}
