//! One visit to an address, outside of service: `sources test` and `sources discover`. Nothing is stored.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::extract::{self, Wall, decode};
use crate::fetch::{
    self, FetchError, Fetched, Fetcher, Key, Request, Ruling, SystemResolver, parse_target, unpacked,
};
use crate::model::Entry;
use crate::secret::{ExposeSecret, SecretString};
use crate::source::{
    ApiOptions, FeedError, Pace, ParsedFeed, Sitemap, SitemapOptions, parse_feed, read_api, read_sitemap,
    without_secret,
};

/// The shortest interval that is suggested; a site's own sources may be asked more often.
const FLOOR: Duration = Duration::from_secs(15 * 60);

/// Visits addresses.
pub(super) struct Visitor {
    fetcher: Fetcher,
    clock: SharedClock,
    extract: extract::Options,
    source: crate::source::Options,
}

/// What stands at an address.
pub(super) enum Seen {
    /// A feed, with the interval that its rhythm suggests.
    Feed { feed: Box<ParsedFeed>, interval: Duration },
    /// Something else that lists entries: a sitemap, an interface.
    List { what: &'static str, entries: Vec<Entry>, more: String },
    /// A page.
    Page { html: String, page: Box<extract::Page> },
    /// Something that stands in front of it.
    Wall(Wall),
    /// Neither.
    Neither(String),
}

/// A visit that brought something.
pub(super) struct Visited {
    /// Where it was in the end.
    pub(super) url: Url,
    /// How many bytes came over the wire.
    pub(super) bytes: u64,
    /// Whether it may be recognised as unchanged next time.
    pub(super) has_validators: bool,
    /// What stood there.
    pub(super) seen: Seen,
}

impl Visitor {
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock::default());
        let fetcher = Fetcher::new(config.fetch.clone(), Arc::new(SystemResolver), clock.clone())?;
        Ok(Self { fetcher, clock, extract: config.extract.clone(), source: config.source.clone() })
    }

    /// Reads an address that may be fetched.
    pub(super) fn target(&self, text: &str) -> Result<Url, FetchError> {
        Ok(parse_target(text, &self.fetcher.policy())?)
    }

    /// What robots.txt says of an address, and the sitemaps that it names; why it could not be read, otherwise.
    pub(super) async fn robots(&self, url: &Url) -> Result<(Ruling, Vec<String>), String> {
        let robots = self.fetcher.robots_of(url).await?;
        Ok((robots.ruling(url), robots.sitemaps().to_vec()))
    }

    /// Fetches and reads an address; JSON as `api` describes it, with a key where it needs one.
    pub(super) async fn visit(
        &self,
        url: Url,
        (api, key): (Option<&ApiOptions>, Option<Key>),
        secret: Option<&SecretString>,
    ) -> Result<Visited, FetchError> {
        let now = self.clock.now();
        let request = Request { key, ..Request::new(url) };
        let mut page = match self.fetcher.fetch(request).await? {
            Fetched::Page(page) => page,
            Fetched::NotModified(_) => {
                return Err(FetchError::Status { status: 304, retry_after: None, body: Vec::new() });
            }
        };
        page.body = unpacked(page.body, self.fetcher.max_body_bytes()).await?;
        let mut text = decode(&page.body, page.content_type.as_deref()).text;
        if let Some(secret) = secret {
            text = without_secret(&text, secret.expose_secret());
        }
        let list = match api {
            Some(options) => Some(match read_api(&text, &page.url, now, options) {
                Ok(read) => {
                    let more = if options.max_pages > 1 { " on its first page" } else { "" };
                    Seen::List { what: "an interface", entries: read.entries, more: more.to_owned() }
                }
                Err(error) => Seen::Neither(error.to_string()),
            }),
            None => sitemap(&text, &page.url, now),
        };
        let seen = match list {
            Some(list) => list,
            None => self.feed_or_page(&text, &page, now),
        };
        let has_validators = page.validators != crate::fetch::Validators::default();
        Ok(Visited { url: page.url, bytes: page.wire_bytes, has_validators, seen })
    }

    fn feed_or_page(&self, text: &str, page: &fetch::Page, now: DateTime<Utc>) -> Seen {
        match parse_feed(text, &page.url, now, &self.source) {
            Ok(feed) => {
                let mut pace = Pace { hints: feed.hints, ..Pace::default() };
                pace.fresh_s = page.head.fresh_for.map(|fresh| fresh.as_secs());
                pace.learn(&feed.entries, now);
                Seen::Feed { interval: pace.interval(FLOOR, now), feed: Box::new(feed) }
            }
            Err(FeedError::WebPage) => {
                if let Some(wall) = Wall::of(text) {
                    Seen::Wall(wall)
                } else {
                    let read = extract::Page::read(text, Some(&page.url), &self.extract);
                    Seen::Page { page: Box::new(read), html: text.to_owned() }
                }
            }
            Err(error) => Seen::Neither(error.to_string()),
        }
    }
}

/// What a sitemap lists, where the text is one.
fn sitemap(text: &str, url: &Url, now: DateTime<Utc>) -> Option<Seen> {
    let read = read_sitemap(text, url, now, &SitemapOptions::default())?;
    Some(match read {
        Sitemap::Pages(entries) => Seen::List {
            what: "a sitemap",
            entries,
            more: " of the last 30 days or without a date; add it with --kind sitemap".to_owned(),
        },
        Sitemap::Lists(lists) => Seen::List {
            what: "a sitemap of sitemaps",
            entries: Vec::new(),
            more: format!("; it leads to {}", lists.iter().map(Url::as_str).collect::<Vec<_>>().join(", ")),
        },
    })
}
