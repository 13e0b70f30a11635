//! What a page says of itself: title, author, date, canonical address, language, in the order of how
//! often each place is right.

use chrono::{DateTime, Utc};
use scraper::{ElementRef, Html, Selector};
use std::sync::LazyLock;
use url::Url;

use crate::markup;

use super::text::collapsed;

/// What a page says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Its headline.
    pub title: String,
    /// Its author.
    pub author: String,
    /// When it was published.
    pub published: Option<DateTime<Utc>>,
    /// The address it wants to be known by, on the same registrable domain.
    pub canonical: Option<Url>,
    /// Its declared language.
    pub language: Option<String>,
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a constant selector parses")
}

static META: LazyLock<Selector> = LazyLock::new(|| selector("meta[content]"));
static TITLE: LazyLock<Selector> = LazyLock::new(|| selector("title"));
static HEADLINE: LazyLock<Selector> = LazyLock::new(|| selector("h1"));
static CANONICAL: LazyLock<Selector> = LazyLock::new(|| selector("link[rel~='canonical'][href]"));
static TIME: LazyLock<Selector> = LazyLock::new(|| selector("time[datetime]"));
static ROOT: LazyLock<Selector> = LazyLock::new(|| selector("html"));
static JSON_LD: LazyLock<Selector> = LazyLock::new(|| selector("script[type='application/ld+json']"));
static BYLINE: LazyLock<Selector> =
    LazyLock::new(|| selector("[rel='author'], [itemprop='author'], .byline, .author"));

/// A byline longer than this is something else (characters).
const MAX_AUTHOR_CHARS: usize = 100;

impl Metadata {
    /// Fills what the page's head did not say with what its body was found to say.
    pub(super) fn fill(&mut self, title: String, byline: Option<String>, published: Option<String>) {
        if self.title.is_empty() {
            self.title = one_line(&title);
        }
        if self.author.is_empty() {
            self.author = byline.map(|author| one_line(&author)).and_then(plain_author).unwrap_or_default();
        }
        self.published = self.published.or_else(|| parse_page_date(&published?));
    }

    pub(super) fn read(tree: &Html, url: Option<&Url>) -> Self {
        let json = json_ld(tree);
        let first_json = |keys: &[&str]| {
            keys.iter().find_map(|key| json.iter().find_map(|value| text_in(value.get(*key)?)))
        };
        let title = first_json(&["headline"])
            .or_else(|| meta(tree, &["og:title", "twitter:title"]))
            .or_else(|| only(tree, &HEADLINE))
            .or_else(|| tree.select(&TITLE).next().map(text))
            .unwrap_or_default();
        let author = first_json(&["author"])
            .or_else(|| meta(tree, &["author", "article:author", "parsely-author", "dc.creator"]))
            .filter(|author| !author.starts_with("http"))
            .or_else(|| tree.select(&BYLINE).next().map(text))
            .and_then(plain_author)
            .unwrap_or_default();
        let published = first_json(&["datePublished", "dateCreated"])
            .or_else(|| {
                meta(
                    tree,
                    &[
                        "article:published_time",
                        "datepublished",
                        "date",
                        "dc.date",
                        "dc.date.issued",
                        "parsely-pub-date",
                    ],
                )
            })
            .or_else(|| tree.select(&TIME).next()?.attr("datetime").map(str::to_owned))
            .and_then(|date| parse_page_date(&date));
        let language = tree.select(&ROOT).next().and_then(|root| root.attr("lang")).and_then(|lang| {
            lang.split(['-', '_']).next().map(str::to_lowercase).filter(|code| (2..=3).contains(&code.len()))
        });
        Self {
            title: one_line(&title),
            author: one_line(&author),
            published,
            canonical: canonical(tree, url),
            language,
        }
    }
}

fn one_line(text: &str) -> String {
    collapsed(text).replace('\n', " ")
}

/// A name without what stands before it; `None` where it is too long for one.
fn plain_author(author: String) -> Option<String> {
    let author = author.strip_prefix("By ").map(str::to_owned).unwrap_or(author);
    (author.chars().count() <= MAX_AUTHOR_CHARS).then_some(author)
}

/// ISO forms only: what pages put into attributes is machine-written or worthless.
pub(super) fn parse_page_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(found) =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z"))
    {
        return Some(found.to_utc());
    }
    let naive = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S")
        .ok()
        .or_else(|| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok());
    let day = || text.get(..10)?.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    naive.or_else(day).map(crate::clock::london_instant)
}

/// A canonical address on another site is not believed.
fn canonical(tree: &Html, url: Option<&Url>) -> Option<Url> {
    let href = tree.select(&CANONICAL).next()?.attr("href")?;
    let found = url.map_or_else(|| Url::parse(href), |base| base.join(href)).ok()?;
    let site = |url: &Url| psl::domain_str(url.host_str().unwrap_or_default()).map(str::to_owned);
    let same = url.is_none_or(|base| site(base) == site(&found));
    // A careless template names the front page on every page.
    let front = found.path() == "/" && found.query().is_none() && url.is_some_and(|base| base.path() != "/");
    (same && !front && matches!(found.scheme(), "http" | "https")).then_some(found)
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<Vec<_>>().join(" ")
}

/// The text of the only element that matches: two headlines are none.
fn only(tree: &Html, selector: &Selector) -> Option<String> {
    let mut found = tree.select(selector);
    let first = found.next()?;
    found.next().is_none().then(|| text(first)).filter(|text| !text.trim().is_empty())
}

fn meta(tree: &Html, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let named = tree.select(&META).find(|element| {
            let key = element
                .attr("property")
                .or_else(|| element.attr("name"))
                .or_else(|| element.attr("itemprop"));
            key.is_some_and(|key| key.eq_ignore_ascii_case(name))
        });
        named?.attr("content").map(str::to_owned).filter(|content| !content.trim().is_empty())
    })
}

/// Whether a page's `<meta name="robots">`, or one for us by name, asks that no copy is kept.
pub fn asks_for_no_copy(html: &str) -> bool {
    // Parsing costs: nearly no page has the word in it.
    if !html.as_bytes().windows(NOARCHIVE.len()).any(|part| part.eq_ignore_ascii_case(NOARCHIVE)) {
        return false;
    }
    // Where the page cannot be read, the word itself decides.
    let Some(tree) = markup::bearable_document(html) else { return true };
    let for_us = |name: &str| ["robots", "trustwatch"].iter().any(|known| name.eq_ignore_ascii_case(known));
    tree.select(&META).filter(|meta| meta.attr("name").is_some_and(for_us)).any(|meta| {
        let words = meta.attr("content").unwrap_or_default();
        words.split(',').any(|word| word.trim().as_bytes().eq_ignore_ascii_case(NOARCHIVE))
    })
}

/// The word by which copies are forbidden.
const NOARCHIVE: &[u8] = b"noarchive";

/// The objects of all JSON-LD blocks, `@graph` opened.
pub(super) fn json_ld(tree: &Html) -> Vec<serde_json::Value> {
    let blocks = tree
        .select(&JSON_LD)
        .filter_map(|block| serde_json::from_str(&block.text().collect::<String>()).ok());
    blocks
        .flat_map(|value: serde_json::Value| match value {
            serde_json::Value::Array(items) => items,
            serde_json::Value::Object(mut object) => match object.remove("@graph") {
                Some(serde_json::Value::Array(items)) => items,
                _ => vec![serde_json::Value::Object(object)],
            },
            _ => Vec::new(),
        })
        .collect()
}

/// A text, or the name of the first person where a list or object stands.
fn text_in(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(items) => items.first().and_then(text_in),
        serde_json::Value::Object(object) => object.get("name").and_then(text_in),
        _ => None,
    }
    .filter(|text| !text.trim().is_empty())
}
