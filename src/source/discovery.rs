//! What a site offers to programs: feeds and comment feeds that its pages name, sitemaps that its robots.txt names,
//! and the addresses where both usually stand. Pure.

use std::sync::LazyLock;

use scraper::Selector;
use url::Url;

use crate::markup;

/// What stands at an address, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// A feed.
    Feed,
    /// A feed of comments.
    Comments,
    /// A sitemap.
    Sitemap,
}

impl Offer {
    /// The name, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Comments => "comment feed",
            Self::Sitemap => "sitemap",
        }
    }
}

/// An address that a site offers, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub url: Url,
    /// What.
    pub offer: Offer,
    /// Its name, where the site gives one.
    pub title: String,
}

/// Candidates of one page that are looked at.
const MAX_CANDIDATES: usize = 20;
/// Where feeds usually stand, most usual first.
const FEED_PATHS: [&str; 8] =
    ["feed/", "feed", "rss.xml", "rss", "atom.xml", "index.xml", "feed.xml", "feed.json"];
const COMMENT_PATHS: [&str; 1] = ["comments/feed/"];
const SITEMAP_PATHS: [&str; 3] = ["sitemap.xml", "sitemap_index.xml", "news-sitemap.xml"];

static ALTERNATE: LazyLock<Selector> = LazyLock::new(|| {
    Selector::parse("link[rel~='alternate' i][href], a[href][type*='rss'], a[href][type*='atom']")
        .expect("a constant selector parses")
});

/// What a page names itself (autodiscovery), in its order, each address once.
pub fn named_in(html: &str, base: &Url) -> Vec<Candidate> {
    let tree = markup::document(html);
    let mut found: Vec<Candidate> = Vec::new();
    for element in tree.select(&ALTERNATE) {
        let kind = element.attr("type").unwrap_or_default().to_ascii_lowercase();
        let is_feed = ["rss", "atom", "feed+json"].iter().any(|name| kind.contains(name));
        let Some(url) = element.attr("href").and_then(|href| base.join(href.trim()).ok()).filter(|_| is_feed)
        else {
            continue;
        };
        let title = element.attr("title").unwrap_or_default().trim().to_owned();
        let is_comments = url.path().contains("comment") || title.to_lowercase().contains("comment");
        let offer = if is_comments { Offer::Comments } else { Offer::Feed };
        let is_known = found.iter().any(|known| known.url == url);
        if !is_known && matches!(url.scheme(), "http" | "https") && found.len() < MAX_CANDIDATES {
            found.push(Candidate { url, offer, title });
        }
    }
    found
}

/// Where feeds and sitemaps usually stand, below the site's root and below the page itself.
pub fn usual_places(page: &Url) -> Vec<Candidate> {
    let mut places: Vec<Candidate> = Vec::new();
    let mut add = |base: &Url, paths: &[&str], offer| {
        for url in paths.iter().filter_map(|path| base.join(path).ok()) {
            if !places.iter().any(|known| known.url == url) {
                places.push(Candidate { url, offer, title: String::new() });
            }
        }
    };
    let Ok(root) = page.join("/") else { return Vec::new() };
    add(&root, &FEED_PATHS, Offer::Feed);
    add(&root, &COMMENT_PATHS, Offer::Comments);
    add(&root, &SITEMAP_PATHS, Offer::Sitemap);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_names_is_told_apart_and_resolved() {
        let html = "<head><link rel=alternate type='application/rss+xml' title='Paper' href='/feed/'>\
            <link rel='alternate' type='application/rss+xml' title='Paper Comments' href='/comments/feed/'>\
            <link rel='ALTERNATE' type='application/feed+json' href='feed.json'>\
            <link rel='alternate' hreflang='cy' href='/cy/'><link rel='alternate' type='application/rss+xml' href='/feed/'></head>";
        let base = Url::parse("https://paper.example/news/").unwrap();
        let found: Vec<String> = named_in(html, &base)
            .iter()
            .map(|found| format!("{} {} {}", found.offer.as_str(), found.url, found.title))
            .collect();
        assert_eq!(
            found,
            [
                "feed https://paper.example/feed/ Paper",
                "comment feed https://paper.example/comments/feed/ Paper Comments",
                "feed https://paper.example/news/feed.json ",
            ]
        );
    }
}
