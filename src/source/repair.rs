//! One repair pass over a feed that strict XML refuses: what careless publishers do most, mended
//! without guessing at content. A feed read this way is flagged.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)(<title\b[^>/]*>)(.*?)(</title\s*>)").expect("a constant pattern compiles")
});
static DESCRIPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)(<description\b[^>/]*>)(.*?)(</description\s*>)").expect("a constant pattern compiles")
});
static RSS_ROOT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<rss\b([^>]*)>").expect("a constant pattern compiles"));
static RSS_VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\bversion\s*=\s*["'](?:2\.0|0\.91|0\.92)?["']"#).expect("a constant pattern compiles")
});

/// The mended text, or `None` where nothing can be done.
pub(super) fn repaired(text: &str) -> Option<String> {
    let trimmed = text.trim_start_matches('\u{feff}').trim_start();
    if trimmed.starts_with('{') {
        return json_ids_as_text(trimmed);
    }
    let text = from_the_root(text)?;
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect();
    let text = escape_bare_ampersands(&text);
    let text = escape_raw_markup(&text);
    let text = name_rss_version(&text);
    Some(close_after_last_item(text))
}

/// JSON Feed asks for text ids; some publishers send numbers.
fn json_ids_as_text(text: &str) -> Option<String> {
    let mut feed: serde_json::Value = serde_json::from_str(text).ok()?;
    for item in feed.get_mut("items")?.as_array_mut()? {
        if let Some(id) = item.get_mut("id").filter(|id| id.is_number()) {
            *id = serde_json::Value::String(id.to_string());
        }
    }
    Some(feed.to_string())
}

/// Drops what stands before the root element.
fn from_the_root(text: &str) -> Option<&str> {
    let start = ["<rss", "<feed", "<rdf:RDF", "<RDF"].iter().filter_map(|root| text.find(root)).min()?;
    Some(&text[start..])
}

fn escape_bare_ampersands(text: &str) -> String {
    let mut output = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(position) = rest.find(['&', '<']) {
        output.push_str(&rest[..position]);
        rest = &rest[position..];
        if let Some(body) = rest.strip_prefix("<![CDATA[") {
            // Inside CDATA an ampersand is itself.
            let end = body.find("]]>").map_or(rest.len(), |end| end + "<![CDATA[]]>".len());
            output.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            let first = &rest[..1];
            output.push_str(if first == "&" && !starts_entity(rest) { "&amp;" } else { first });
            rest = &rest[1..];
        }
    }
    output + rest
}

/// Whether `text`, which starts with `&`, starts an entity or character reference.
fn starts_entity(text: &str) -> bool {
    let Some(end) = text.bytes().take(12).position(|b| b == b';') else { return false };
    let name = &text[1..end];
    match name.strip_prefix('#') {
        Some(number) => {
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_hexdigit() || b == b'x' || b == b'X')
        }
        None => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

/// Markup that stands in an RSS title or description unescaped: well-formed or not, feed-rs would keep
/// only the words before its first tag. It is escaped, so that it is read as the markup it is.
pub(super) fn escape_raw_markup(text: &str) -> Cow<'_, str> {
    let is_rss = text.contains("<rss") || text.contains("<rdf:RDF") || text.contains("<RDF");
    if !is_rss || !holds_raw_markup(text, "<title") && !holds_raw_markup(text, "<description") {
        return Cow::Borrowed(text);
    }
    match escaped_in(&TITLE, text) {
        Cow::Borrowed(text) => escaped_in(&DESCRIPTION, text),
        Cow::Owned(text) => Cow::Owned(escaped_in(&DESCRIPTION, &text).into_owned()),
    }
}

/// Whether a tag other than its own end follows the words of an element: a cheap look before the patterns
/// above, which most feeds then never meet.
fn holds_raw_markup(text: &str, element: &str) -> bool {
    // Behind the last `>` no tag ends: without this, each of many that never end is looked for to the end of the text.
    let last = text.rfind('>').unwrap_or_default();
    text.match_indices(element).take_while(|(at, _)| *at < last).any(|(at, _)| {
        let after = text[at..].find('>').map_or("", |end| &text[at + end + 1..]);
        after
            .find('<')
            .is_some_and(|next| !after[next..].starts_with("</") && !after[next..].starts_with("<![CDATA["))
    })
}

fn escaped_in<'a>(element: &Regex, text: &'a str) -> Cow<'a, str> {
    let raw = |inner: &str| inner.contains('<') && !inner.contains("<![CDATA[");
    if !element.captures_iter(text).any(|captures| raw(&captures[2])) {
        return Cow::Borrowed(text);
    }
    let escaped = element.replace_all(text, |captures: &regex::Captures<'_>| {
        if !raw(&captures[2]) {
            return captures[0].to_owned();
        }
        // The parser unescapes once: an entity of the markup must survive that.
        let inner = captures[2].replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!("{}{inner}{}", &captures[1], &captures[3])
    });
    Cow::Owned(escaped.into_owned())
}

fn name_rss_version(text: &str) -> String {
    let named = RSS_ROOT.replace(text, |captures: &regex::Captures<'_>| {
        if RSS_VERSION.is_match(&captures[1]) {
            return captures[0].to_owned();
        }
        let attributes = captures[1].replace("version", "given-version");
        format!("<rss version=\"2.0\"{attributes}>")
    });
    named.into_owned()
}

/// A body cut off in the middle keeps its whole items.
fn close_after_last_item(mut text: String) -> String {
    let (item_end, closing) = if text.starts_with("<feed") {
        ("</entry>", "</feed>")
    } else if text.starts_with("<rss") {
        ("</item>", "</channel></rss>")
    } else {
        ("</item>", "</rdf:RDF>")
    };
    let root_end = closing.rsplit('<').next().unwrap_or_default();
    if !text.contains(&format!("<{root_end}"))
        && let Some(last) = text.rfind(item_end)
    {
        text.truncate(last + item_end.len());
        text.push_str(closing);
    }
    text
}
