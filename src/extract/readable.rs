//! The main text of a page. `dom_smoothie` finds articles; pages that are none (notices, tables, short
//! posts) give their whole body without the furniture around it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use dom_smoothie::{Config, Readability};
use regex::Regex;
use scraper::node::Element;
use url::Url;

use crate::markup;

use super::text::{collapsed, plain_text, text_of};
use super::{Metadata, Options};

/// What a page says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Its main text.
    pub text: String,
    /// Captions and credits of its pictures.
    pub beside: String,
    /// What it says of itself.
    pub metadata: Metadata,
}

/// An article shorter than this (bytes) is believed only where it is half of what the body says: on
/// notices and short posts the library keeps one paragraph of several.
const MIN_ARTICLE: usize = 600;

/// An article shorter than this (bytes) is looked at by the second library too, which finds more in short and odd
/// pages.
const SHORT: usize = 800;
/// A second opinion of less than this (bytes) says nothing against a longer first.
const FEW: usize = 150;
/// So many tenths of the first opinion the second must say to count.
const KEPT_TENTHS: usize = 9;
/// A page whose whole body says more than this (bytes) is no notice.
const MAX_NOTICE: usize = 4000;

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

/// Words in class or id of what is about pictures.
const BESIDE_WORDS: [&str; 9] = [
    "caption",
    "captions",
    "figcaption",
    "credit",
    "credits",
    "gallery",
    "slideshow",
    "carousel",
    "copyright",
];
/// Words in class or id of what leads on to other pages.
const EXTRA_WORDS: [&str; 12] = [
    "related",
    "recommended",
    "newsletter",
    "promo",
    "share",
    "sharing",
    "social",
    "breadcrumb",
    "breadcrumbs",
    "advert",
    "subscribe",
    "trending",
];

impl Page {
    /// Reads a decoded page. Never panics: a page that the parsers cannot bear has no text.
    pub fn read(html: &str, url: Option<&Url>, options: &Options) -> Self {
        catch_unwind(AssertUnwindSafe(|| Self::read_unguarded(html, url, options))).unwrap_or_default()
    }

    fn read_unguarded(html: &str, url: Option<&Url>, options: &Options) -> Self {
        Self::read_bearable(html, url, options)
            .or_else(|| Self::read_bearable(&markup::without_tags(html), url, options))
            .unwrap_or_default()
    }

    /// Nothing where a tree of the page would be too deep or too large.
    fn read_bearable(html: &str, url: Option<&Url>, options: &Options) -> Option<Self> {
        let page = markup::bearable_article(html)?;
        let Article { mut text, mut beside, title, byline, published } =
            article(page, url, options).unwrap_or_default();
        if text.len() >= SHORT {
            // Where an article was found, the rest of the page need not be read again.
            let mut metadata = Metadata::read(&markup::document(&head_of(html)), url);
            metadata.fill(title, byline, published.or_else(|| first_time(html)));
            return Some(Self { text, beside, metadata });
        }
        let tree = markup::bearable_document(html)?;
        let metadata = Metadata::read(&tree, url);
        let body = text_of(&tree, |element| !is_furniture(element));
        let visible = text_of(&tree, |_| true).replace('\n', " ");
        let other =
            second_opinion(html, options).map(|other| without_furniture(shown_in(&visible, &other), &body));
        let other = other.filter(|other| {
            other.len() >= FEW && other.len() * 10 >= text.len() * KEPT_TENTHS || text.is_empty()
        });
        if let Some(other) = other {
            text = other;
        }
        // Notices and short posts are no articles: both libraries keep one paragraph of several.
        if text.len() < MIN_ARTICLE && text.len() * 2 < body.len() && body.len() < MAX_NOTICE {
            text = body;
        }
        // Captions are in no main text and name people all the same.
        let captions = beside.lines().filter(|line| !text.contains(line));
        beside = captions.collect::<Vec<_>>().join("\n");
        Some(Self { text, beside, metadata })
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

/// What a page says of itself before its body, and the data that it holds for search engines further down.
fn head_of(html: &str) -> String {
    let body = html.find("<body").or_else(|| html.find("<BODY")).unwrap_or(html.len());
    let mut head = html[..body].to_owned();
    let mut rest = &html[body..];
    while let Some(at) = rest.find("application/ld+json") {
        rest = &rest[at..];
        let Some((start, end)) = rest.find('>').zip(rest.find("</script")).filter(|(start, end)| start < end)
        else {
            break;
        };
        head.push_str("<script type=\"application/ld+json\">");
        head.push_str(&rest[start + 1..end]);
        head.push_str("</script>");
        rest = &rest[end..];
    }
    head
}

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)<time\b[^>]{0,300}?\bdatetime\s*=\s*["']?([^"'>]{8,40})"#)
        .expect("a constant pattern compiles")
});

/// The first date that the body names for machines.
fn first_time(html: &str) -> Option<String> {
    Some(TIME.captures(html)?[1].to_owned())
}

/// What another library takes for the main text of a page whose tree is bearable.
fn second_opinion(html: &str, options: &Options) -> Option<String> {
    // It knows no limit of its own.
    if html.bytes().filter(|byte| *byte == b'<').count() > options.max_elements {
        return None;
    }
    let mut options = trafilatura::Options::default()
        .with_fallback(true)
        .with_exclude_comments(true)
        .with_html_date_mode(trafilatura::HtmlDateMode::Disabled);
    options.enable_log = false;
    // Its plain text runs paragraphs into each other.
    Some(plain_text(&trafilatura::extract(html, &options).ok()?.content_html))
}

/// The lines of `text` that a reader sees: the second library also keeps what is hidden.
fn shown_in(visible: &str, text: &str) -> String {
    let lines = text.lines().take(MAX_LINES).filter(|line| visible.contains(line));
    lines.collect::<Vec<&str>>().join("\n")
}

/// Lines of a second opinion that are looked at.
const MAX_LINES: usize = 500;

/// What the first library makes of a page.
#[derive(Debug, Default)]
struct Article {
    text: String,
    /// Captions and credits of its pictures.
    beside: String,
    title: String,
    byline: Option<String>,
    published: Option<String>,
}

fn article(page: dom_query::Document, url: Option<&Url>, options: &Options) -> Option<Article> {
    let config =
        Config { max_elements_to_parse: options.max_elements, keep_classes: true, ..Config::default() };
    let mut reader = Readability::with_document(page, url.map(Url::as_str), Some(config)).ok()?;
    let read = reader.parse().ok()?;
    let content = markup::fragment(&read.content);
    let text = text_of(&content, |element| !is_beside(element) && !is_extra(element));
    let text: Vec<&str> = text.lines().filter(|line| !is_remark(line)).collect();
    let beside = content.tree.root().descendants().filter_map(scraper::ElementRef::wrap);
    let beside: Vec<String> = beside
        .filter(|element| is_beside(element.value()))
        .map(|element| collapsed(&element.text().collect::<String>()))
        .filter(|text| !text.is_empty())
        .collect();
    Some(Article {
        text: text.join("\n"),
        beside: beside.join("\n"),
        title: read.title,
        byline: read.byline,
        published: read.published_time,
    })
}

/// Whether an element of an article is about its pictures.
fn is_beside(element: &Element) -> bool {
    matches!(element.name(), "figure" | "figcaption") || has_word(element, &BESIDE_WORDS)
}

/// Whether an element of an article only leads on to others.
fn is_extra(element: &Element) -> bool {
    element.name() == "aside" || has_word(element, &EXTRA_WORDS)
}

fn has_word(element: &Element, words: &[&str]) -> bool {
    let names = element.attr("id").into_iter().chain(element.attr("class"));
    let mut parts = names.flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()));
    parts.any(|part| words.iter().any(|word| word.eq_ignore_ascii_case(part)))
}

/// Whether a line is a remark of the page's own: dates, credits, labels.
fn is_remark(line: &str) -> bool {
    REMARK.is_match(line)
}

static REMARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^(?:
            (?:\|?\s*)?(?:first\ )?(?:published|posted|updated|last\ updated|last\ modified)\b.{0,60}
            | image\ (?:copyright|caption|source|credit).{0,60}
            | (?:getty\ images|press\ association|alamy|reuters)
            | (?:image|photo|picture|photograph|credit|video)s?:.{0,80}
            | \(?(?:image|photo|picture|photograph|credit)s?:[^.]{0,80}\)?
            | (?:advert|advertisement|sponsored|caption|close|image|share|comments?|loading)\W*
            | \d+\ comments?
            | (?:read|see|watch|don'?t\ miss)(?:\ (?:more|also))?(?::.{0,150}|\W*)
            | (?:more|related)(?:\ (?:from|on|stories|articles|news))?:.{0,150}
            | follow\ .{2,40}\ on\ (?:instagram|facebook|twitter|youtube|x\b).{0,60}
        )$",
    )
    .expect("a constant pattern compiles")
});

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
    has_word(element, &FURNITURE_WORDS)
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
        // Just below the depth at which tags are cut out; a test's thread has the stack of a worker's.
        for hostile in [
            format!("<html><body><svg>{}", "<path>".repeat(10_000)),
            format!("<html><body>{}", "<div></i>".repeat(10_000)),
            format!("<html><body>{}", "<span></i>".repeat(20_000)),
            format!("<html><body><svg>{}", "<td>".repeat(10_000)),
        ] {
            let _ = read(&hostile);
        }
        let almost = format!("<html><body>{}<p>A word or two here.</p>", "<div>".repeat(500));
        assert!(read(&almost).contains("A word or two"));
        let spans = format!("<html><body><p>{}A word or two here.</p>", "<b><i>".repeat(250));
        assert!(read(&spans).contains("A word or two"));
    }
}
