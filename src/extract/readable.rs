//! The main text of a page. `dom_smoothie` finds articles; pages that are none (notices, tables, short
//! posts) give their whole body without the furniture around it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_smoothie::{Config, Readability};
use scraper::Html;
use scraper::node::Element;
use url::Url;

use super::text::{plain_text, shallow, text_of};
use super::{Metadata, Options};

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Its main text.
    pub text: String,
    /// What it says of itself.
    pub metadata: Metadata,
}

/// An article shorter than this (bytes) is believed only where it is half of what the body says: on
/// notices and short posts the library keeps one paragraph of several.
const MIN_ARTICLE: usize = 600;

/// Elements and roles around the main text.
const FURNITURE: [&str; 4] = ["nav", "footer", "aside", "dialog"];
/// Words in class or id that mark furniture.
const FURNITURE_WORDS: [&str; 34] = [
    "cookie",
    "consent",
    "gdpr",
    "cmp",
    "banner",
    "promo",
    "advert",
    "ad",
    "ads",
    "sponsor",
    "sponsored",
    "ticker",
    "breadcrumb",
    "breadcrumbs",
    "nav",
    "navbar",
    "navigation",
    "menu",
    "sidebar",
    "footer",
    "topbar",
    "share",
    "sharing",
    "social",
    "related",
    "recommended",
    "trending",
    "newsletter",
    "subscribe",
    "popup",
    "modal",
    "skip",
    "partners",
    "masthead",
];

impl Page {
    /// Reads a decoded page. Never panics: a page that the parsers cannot bear has no text.
    pub fn read(html: &str, url: Option<&Url>, options: &Options) -> Self {
        catch_unwind(AssertUnwindSafe(|| Self::read_unguarded(html, url, options))).unwrap_or_default()
    }

    fn read_unguarded(html: &str, url: Option<&Url>, options: &Options) -> Self {
        let html = &shallow(html);
        let tree = Html::parse_document(html);
        let metadata = Metadata::read(&tree, url);
        let body = text_of(&tree, |element| !is_furniture(element));
        let article = article_text(html, url, options).unwrap_or_default();
        let article = without_furniture(article, &body);
        let text =
            if article.len() >= MIN_ARTICLE || article.len() * 2 >= body.len() { article } else { body };
        Self { text, metadata }
    }
}

/// Drops the lines of an article that stand in the page's furniture only. Where that would take much of
/// it, the furniture is not what it seems, and the article stays whole.
fn without_furniture(article: String, body: &str) -> String {
    let lines: HashSet<&str> = body.lines().collect();
    let kept: Vec<&str> = article.lines().filter(|line| lines.contains(line)).collect();
    let kept = kept.join("\n");
    if kept.len() * 10 >= article.len() * 6 { kept } else { article }
}

fn article_text(html: &str, url: Option<&Url>, options: &Options) -> Option<String> {
    let config = Config { max_elements_to_parse: options.max_elements, ..Config::default() };
    let mut reader = Readability::new(html, url.map(Url::as_str), Some(config)).ok()?;
    let article = reader.parse().ok()?;
    Some(plain_text(&article.content))
}

fn is_furniture(element: &Element) -> bool {
    if FURNITURE.contains(&element.name()) {
        return true;
    }
    if matches!(
        element.attr("role"),
        Some("navigation" | "banner" | "contentinfo" | "complementary" | "dialog" | "search")
    ) {
        return true;
    }
    if matches!(element.name(), "body" | "html" | "main" | "article") {
        return false;
    }
    let names = element.attr("id").into_iter().chain(element.attr("class"));
    names
        .flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()))
        .any(|word| FURNITURE_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> String {
        Page::read(html, None, &Options::default()).text
    }

    #[test]
    fn furniture_is_left_out() {
        let text = read(
            "<html><body><nav>Other stories</nav><div class='cookie-banner'>Partners</div><article><h1>Panto</h1>\
             <p>The dame is a triumph, and the cow is two people who plainly loathe each other.</p></article>\
             <aside>Trust declares incident</aside><footer>© Paper</footer></body></html>",
        );
        assert!(text.contains("dame is a triumph"), "{text}");
        assert!(
            !text.contains("incident") && !text.contains("Partners") && !text.contains("Other"),
            "{text}"
        );
    }

    #[test]
    fn a_short_notice_in_a_table_is_read_whole() {
        let text = read(
            "<html><body><table><tr><td>Applicant</td><td>Solent NHS Trust</td></tr><tr><td>Proposal</td><td>Shelter</td></tr></table></body></html>",
        );
        assert!(
            text.contains("Applicant") && text.contains("Solent NHS Trust") && text.contains("Shelter"),
            "{text}"
        );
    }

    #[test]
    fn hostile_depth_and_emptiness_are_borne() {
        assert_eq!(read(""), "");
        let deep = format!("<html><body>{}x", "<div>".repeat(50_000));
        assert_eq!(read(&deep), "x");
    }
}
