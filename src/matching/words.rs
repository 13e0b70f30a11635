//! Folded text to words, the same for documents and for what queries ask for.

/// A word with its place and how it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawWord {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) key: Box<str>,
}

/// Shortened words after which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 26] = [
    "dr", "mr", "mrs", "ms", "prof", "st", "rd", "ave", "no", "nr", "tel", "ext", "dept", "approx", "etc",
    "vs", "eg", "ie", "e.g", "i.e", "a.m", "p.m", "sgt", "cllr", "rev", "jr",
];

/// Whether the text before a full stop ends in a shortened word or an initial.
pub(super) fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '.')).next().unwrap_or_default();
    let lower = word.to_ascii_lowercase();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    let initials = lower.len() > 2
        && lower.split('.').all(|part| part.len() == 1 && !part.starts_with(|c: char| c.is_ascii_digit()));
    initial || initials || ABBREVIATIONS.contains(&lower.as_str())
}

/// The words of folded `text`. With `wild`, `*` and `?` are letters, as in queries.
pub(super) fn raw_words(text: &str, wild: bool) -> Vec<RawWord> {
    let mut words = Vec::with_capacity(text.len() / 5);
    let bytes = text.as_bytes();
    let mut chars = text.char_indices().peekable();
    let mut in_tag = false;
    while let Some((start, first)) = chars.next() {
        if is_letter(first, wild) {
            let mut end = start + first.len_utf8();
            while let Some(&(at, next)) = chars.peek() {
                let joins = is_letter(next, wild)
                    || is_inner(next)
                        && inner_holds(&bytes[..at], bytes.get(at + next.len_utf8()).copied(), next);
                let parts = in_tag && next.is_ascii_uppercase() && camel_parts(bytes, at);
                if !joins || parts {
                    break;
                }
                end = at + next.len_utf8();
                chars.next();
            }
            push_word(text, start, end, &mut words);
            in_tag &= chars.peek().is_some_and(|(_, next)| next.is_ascii_uppercase() || *next == '_');
        } else {
            in_tag = matches!(first, '#' | '@') || in_tag && first == '_';
            if is_symbol(first) {
                let end = start + first.len_utf8();
                words.push(RawWord { start, end, key: text[start..end].into() });
            }
        }
    }
    words
}

fn is_letter(c: char, wild: bool) -> bool {
    c.is_alphanumeric() || wild && matches!(c, '*' | '?')
}

/// Marks that may stand inside a word.
fn is_inner(c: char) -> bool {
    matches!(c, '\'' | '.' | ',')
}

/// `don't`, `7.99` and `1,200` are words; `end.Start` and `one,two` are not.
fn inner_holds(before: &[u8], after: Option<u8>, mark: char) -> bool {
    let before = before.last().copied();
    match mark {
        '\'' => {
            before.is_some_and(|b| b.is_ascii_alphabetic()) && after.is_some_and(|b| b.is_ascii_alphabetic())
        }
        _ => before.is_some_and(|b| b.is_ascii_digit()) && after.is_some_and(|b| b.is_ascii_digit()),
    }
}

/// A capital after a small letter starts a word in a tag, as does the last capital before small ones.
fn camel_parts(bytes: &[u8], at: usize) -> bool {
    let before = bytes[at - 1];
    let next_is_small = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    before.is_ascii_lowercase() || before.is_ascii_digit() || before.is_ascii_uppercase() && next_is_small
}

/// Signs that say something by themselves.
fn is_symbol(c: char) -> bool {
    matches!(c, '£' | '$' | '€' | '%' | '&' | '©' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn push_word(text: &str, start: usize, end: usize, words: &mut Vec<RawWord>) {
    let word = &text[start..end];
    // `nan's` is the nan and what is hers.
    if let Some(owner) = word.strip_suffix("'s").or_else(|| word.strip_suffix("'S")) {
        let middle = start + owner.len();
        words.push(RawWord { start, end: middle, key: key(owner) });
        words.push(RawWord { start: middle + 1, end, key: "s".into() });
    } else {
        words.push(RawWord { start, end, key: key(word) });
    }
}

fn key(word: &str) -> Box<str> {
    let mut key: String = word.chars().filter(|c| *c != '\'').collect();
    if key.is_ascii() {
        key.make_ascii_lowercase();
    } else {
        key = key.to_lowercase();
    }
    key.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        raw_words(text, false).into_iter().map(|word| word.key.to_string()).collect()
    }

    #[test]
    fn words_are_what_a_person_counts() {
        assert_eq!(
            keys("Don't touch my nan's A&E notes: £7.99, ok?"),
            ["dont", "touch", "my", "nan", "s", "a", "&", "e", "notes", "£", "7.99", "ok"]
        );
        assert_eq!(
            keys("#SolentNHSStrike now @some_body2 eMail"),
            ["solent", "nhs", "strike", "now", "some", "body2", "email"]
        );
        assert_eq!(
            keys("follow-up 12/03/1984 end.Start"),
            ["follow", "up", "12", "03", "1984", "end", "start"]
        );
    }

    #[test]
    fn queries_may_hold_wild_letters() {
        let words = raw_words("harass* wom?n", true);
        assert_eq!(words.iter().map(|word| word.key.as_ref()).collect::<Vec<_>>(), ["harass*", "wom?n"]);
    }
}
