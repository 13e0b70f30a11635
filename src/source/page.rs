//! Watched pages: which part of one is read, and, where the configuration asks for it, only what is new on it since the
//! last visit, or the pages that it links to. Differences are taken on keyed fingerprints of blocks, so that no page's
//! text is kept for it.

use std::collections::HashSet;

use scraper::{ElementRef, Html, Node, Selector};
use serde::Deserialize;
use url::Url;

use crate::markup;
use crate::model::{DateDoubt, Entry, EntryContent};
use crate::problem::Problem;

/// What of a page is read, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PageOptions {
    /// CSS selectors of the parts that are read; the whole page where there is none.
    pub select: Vec<String>,
    /// CSS selectors of parts that are left out.
    pub ignore: Vec<String>,
    /// Read only what is new since the last visit.
    pub diff: bool,
}

/// Blocks of one page that are remembered.
const MAX_BLOCKS: usize = 20_000;
/// Links of one page that are followed.
const MAX_LINKS: usize = 200;
/// A block of fewer words says nothing by itself.
const MIN_WORDS: usize = 3;
/// Bytes of a block's fingerprint.
const BLOCK: usize = 8;
/// Elements that make a block of their own.
const BLOCKS: [&str; 20] = [
    "p",
    "div",
    "li",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "blockquote",
    "pre",
    "dt",
    "dd",
    "figcaption",
    "td",
    "main",
    "br",
];
/// Elements that hold no text for readers.
const SILENT: [&str; 8] = ["script", "style", "noscript", "template", "svg", "head", "nav", "footer"];

impl PageOptions {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let lists = [("select", &self.select), ("ignore", &self.ignore)];
        let all = lists
            .into_iter()
            .flat_map(|(key, list)| list.iter().enumerate().map(move |(n, css)| (key, n, css)));
        let wrong = |(key, n, css): (&str, usize, &String)| {
            Selector::parse(css).err()?;
            let message =
                format!("{css:?} is no CSS selector: write it as \"main\", \".news\" or \"#notices li\"");
            Some(Problem::at(format!("{key}[{n}]"), message))
        };
        all.filter_map(wrong).collect()
    }

    /// Whether a page is read as it is.
    pub fn is_plain(&self) -> bool {
        self.select.is_empty() && self.ignore.is_empty() && !self.diff
    }
}

/// A page as it is to be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadPage {
    /// What is to be judged; nothing where nothing is new.
    pub entries: Vec<Entry>,
    /// Fingerprints of its blocks, to be compared with at the next visit.
    pub blocks: Vec<u8>,
    /// Whether any of the chosen parts stood there.
    pub found: bool,
}

/// Reads the chosen parts of a page known by `key`. `before` are the blocks of the last visit, `print` makes a keyed
/// fingerprint of a block.
pub fn read_page(
    key: &str,
    url: &Url,
    html: &str,
    options: &PageOptions,
    before: &[u8],
    print: impl Fn(&str) -> [u8; BLOCK],
) -> ReadPage {
    let tree = markup::document(html);
    let parts = chosen(&tree, options);
    let found = !parts.is_empty();
    let lines: Vec<String> = parts.into_iter().flat_map(|part| lines_of(part, options)).collect();
    let title = Selector::parse("title")
        .ok()
        .and_then(|css| tree.select(&css).next().map(|title| title.text().collect()));
    let known: HashSet<[u8; BLOCK]> =
        before.chunks_exact(BLOCK).filter_map(|block| block.try_into().ok()).collect();
    let (mut blocks, mut here) = (Vec::new(), HashSet::new());
    let mut new: Vec<&str> = Vec::new();
    // What lies beyond the limit cannot be remembered: reported once, it would be new for ever.
    let sayings = lines.iter().filter(|line| line.split_whitespace().count() >= MIN_WORDS);
    for (line, block) in sayings.map(|line| (line, print(line))).take(MAX_BLOCKS) {
        if here.insert(block) {
            blocks.push(block);
            if !options.diff || !known.contains(&block) {
                new.push(line);
            }
        }
    }
    // What stood there before is remembered for a while: a block that comes and goes is no news.
    let before = before.chunks_exact(BLOCK).filter_map(|block| <[u8; BLOCK]>::try_from(block).ok());
    blocks.extend(before.filter(|block| !here.contains(block)));
    blocks.truncate(MAX_BLOCKS);
    let text = new.join("\n");
    // Each difference is an entry of its own, so that none takes the place of what was found before.
    let key = match new.first() {
        Some(first) if options.diff && !known.is_empty() => {
            let print =
                print(&text).iter().fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
            format!("{key}#{print}{}", first.len())
        }
        _ => key.to_owned(),
    };
    let entry = Entry {
        key,
        url: url.to_string(),
        title: title.unwrap_or_default(),
        author: String::new(),
        published: None,
        doubt: Some(DateDoubt::Missing),
        content: EntryContent::Text(text),
        ..Entry::default()
    };
    let entries = if new.is_empty() { Vec::new() } else { vec![entry] };
    ReadPage { entries, blocks: blocks.concat(), found }
}

/// The pages that a page links to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinkedPages {
    /// Each an entry whose page is to be read.
    pub entries: Vec<Entry>,
    /// Whether any of the chosen parts stood there.
    pub found: bool,
}

/// The pages that the chosen parts link to, on the same site, in their order.
pub fn linked_pages(url: &Url, html: &str, options: &PageOptions) -> LinkedPages {
    let tree = markup::document(html);
    let ignored = selectors(&options.ignore);
    let (mut entries, mut known): (Vec<Entry>, HashSet<Url>) = (Vec::new(), HashSet::new());
    let parts = chosen(&tree, options);
    let found = !parts.is_empty();
    let links = parts.into_iter().flat_map(|part| {
        let own = part.value().name() == "a";
        let inner = Selector::parse("a[href]").ok();
        let below = inner.map(|css| part.select(&css).collect::<Vec<_>>()).unwrap_or_default();
        own.then_some(part).into_iter().chain(below)
    });
    for link in links.filter(|link| !is_ignored(*link, &ignored)) {
        let target = link.attr("href").and_then(|href| url.join(href.trim()).ok());
        let Some(mut target) = target.filter(|target| is_same_site(url, target)) else { continue };
        target.set_fragment(None);
        let title = link.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        if target == *url || title.is_empty() || entries.len() >= MAX_LINKS || !known.insert(target.clone()) {
            continue;
        }
        entries.push(Entry {
            key: target.to_string(),
            url: target.into(),
            title,
            author: String::new(),
            published: None,
            doubt: Some(DateDoubt::Missing),
            content: EntryContent::Text(String::new()),
            ..Entry::default()
        });
    }
    LinkedPages { entries, found }
}

pub(super) fn is_same_site(a: &Url, b: &Url) -> bool {
    let site = |url: &Url| psl::domain_str(url.host_str().unwrap_or_default()).map(str::to_owned);
    matches!(b.scheme(), "http" | "https")
        && (a.host_str() == b.host_str() || site(a).is_some() && site(a) == site(b))
}

fn selectors(list: &[String]) -> Vec<Selector> {
    list.iter().filter_map(|css| Selector::parse(css).ok()).collect()
}

fn chosen<'a>(tree: &'a Html, options: &PageOptions) -> Vec<ElementRef<'a>> {
    if options.select.is_empty() {
        return vec![tree.root_element()];
    }
    let (mut parts, mut ids) = (Vec::new(), HashSet::new());
    for selector in selectors(&options.select) {
        for part in tree.select(&selector) {
            // A part inside a chosen part is read with it.
            let is_inside = part.ancestors().any(|above| ids.contains(&above.id()));
            if !is_inside && ids.insert(part.id()) {
                parts.push(part);
            }
        }
    }
    parts
}

fn is_ignored(element: ElementRef<'_>, ignored: &[Selector]) -> bool {
    ignored.iter().any(|selector| selector.matches(&element))
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|above| ignored.iter().any(|selector| selector.matches(&above)))
}

/// The text of a part by blocks, without what is to be ignored. Walks without recursion.
fn lines_of(part: ElementRef<'_>, options: &PageOptions) -> Vec<String> {
    enum Step<'a> {
        Enter(ego_tree::NodeRef<'a, Node>),
        Leave,
    }
    let ignored = selectors(&options.ignore);
    let mut text = String::new();
    let mut stack = vec![Step::Enter(*part)];
    while let Some(step) = stack.pop() {
        let node = match step {
            Step::Leave => {
                text.push('\n');
                continue;
            }
            Step::Enter(node) => node,
        };
        if let Some(words) = node.value().as_text() {
            text.push_str(words);
            continue;
        }
        if let Some(element) = ElementRef::wrap(node) {
            let name = element.value().name();
            if SILENT.contains(&name) || ignored.iter().any(|selector| selector.matches(&element)) {
                continue;
            }
            if BLOCKS.contains(&name) {
                text.push('\n');
                stack.push(Step::Leave);
            }
        }
        stack.extend(node.children().rev().map(Step::Enter));
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(line: &str) -> [u8; BLOCK] {
        let mut sum: u64 = 7;
        for byte in line.bytes() {
            sum = sum.wrapping_mul(31).wrapping_add(u64::from(byte));
        }
        sum.to_le_bytes()
    }

    fn page(html: &str, options: &PageOptions, before: &[u8]) -> ReadPage {
        let url = Url::parse("https://paper.example/news").unwrap();
        read_page("page", &url, html, options, before, print)
    }

    fn text(read: &ReadPage) -> Vec<&str> {
        read.entries.iter().flat_map(|entry| entry.content.as_str().lines()).collect()
    }

    #[test]
    fn only_what_is_new_is_read_and_what_comes_back_is_not() {
        let options = PageOptions { diff: true, ..PageOptions::default() };
        let first = page("<p>The first notice stands here.</p><p>A second one follows.</p>", &options, &[]);
        assert_eq!(text(&first).len(), 2);
        let html = "<p>A third one came today.</p><p>The first notice stands here.</p>";
        let second = page(html, &options, &first.blocks);
        assert_eq!(text(&second), ["A third one came today."]);
        assert_ne!(second.entries[0].key, first.entries[0].key);
        let again = page(html, &options, &second.blocks);
        assert!(again.entries.is_empty());
        let back = page("<p>A second one follows.</p>", &options, &again.blocks);
        assert!(back.entries.is_empty(), "it stood there before");
    }

    #[test]
    fn parts_are_chosen_and_left_out() {
        let options = PageOptions {
            select: vec!["main".to_owned(), ".news".to_owned()],
            ignore: vec![".ad, time".to_owned()],
            diff: false,
        };
        let html = "<p>Outside of everything here</p><main><p>Inside there is news</p><p class=ad>Buy this now please</p>\
            <div class=news>Inside the inside too</div></main><div class=news>And beside it as well</div>";
        assert_eq!(
            text(&page(html, &options, &[])),
            ["Inside there is news", "Inside the inside too", "And beside it as well"]
        );
        let wrong = PageOptions { select: vec!["main[".to_owned()], ..PageOptions::default() };
        assert_eq!(wrong.check()[0].key, "select[0]");
    }

    #[test]
    fn links_of_the_same_site_become_entries_once() {
        let url = Url::parse("https://www.paper.example.org/news").unwrap();
        let options = PageOptions { select: vec!["main".to_owned()], ..PageOptions::default() };
        let html = "<a href='/about'>About</a><main><a href='/1#top'>One</a><a href='/1'>One again</a>\
            <a href='https://other.example/2'>Other</a><a href='//cdn.example.org/3'>Three</a><a href='mailto:x@y'>Mail</a><a href='/4'></a></main>";
        let found: Vec<String> = linked_pages(&url, html, &options)
            .entries
            .into_iter()
            .map(|entry| format!("{} {}", entry.url, entry.title))
            .collect();
        assert_eq!(found, ["https://www.paper.example.org/1 One", "https://cdn.example.org/3 Three"]);
    }
}
