//! Sitemaps and news sitemaps (sitemaps.org 0.9, Google News 0.9): lists of a site's pages, or of further lists. Each page
//! that is new or changed is an entry whose page is to be read.

use std::collections::HashSet;

use chrono::{DateTime, Days, Utc};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use url::Url;

use super::date::parse_date;
use super::page::is_same_site;
use crate::model::{DateDoubt, Entry, EntryContent};
use crate::problem::Problem;

/// What of a sitemap is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SitemapOptions {
    /// Only addresses that hold one of these; all where there is none.
    pub include: Vec<String>,
    /// No addresses that hold one of these.
    pub exclude: Vec<String>,
    /// Pages that were changed longer ago are left alone (days).
    pub newest_days: u64,
    /// Lists read at one visit, where a list leads to lists.
    pub max_lists: usize,
}

impl Default for SitemapOptions {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new(), newest_days: 30, max_lists: 5 }
    }
}

impl SitemapOptions {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(1..=3650).contains(&self.newest_days) {
            problems.push(Problem::at("newest_days", "write a number of days from 1 to 3650"));
        }
        if !(1..=20).contains(&self.max_lists) {
            problems.push(Problem::at("max_lists", "write a number from 1 to 20"));
        }
        let empty = |list: &[String]| list.iter().position(|part| part.trim().is_empty());
        for (key, list) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(n) = empty(list) {
                problems.push(Problem::at(format!("{key}[{n}]"), "is empty"));
            }
        }
        problems
    }

    fn wants(&self, url: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|part| url.contains(part)))
            && !self.exclude.iter().any(|part| url.contains(part))
    }
}

/// What a sitemap lists.
#[derive(Debug, Clone, PartialEq)]
pub enum Sitemap {
    /// Pages.
    Pages(Vec<Entry>),
    /// Further lists, those changed last first.
    Lists(Vec<Url>),
}

/// Pages read of one list (the protocol allows 50,000).
const MAX_PAGES: usize = 5000;
/// In a list of at least so many, one date for all of them is that of the list.
const MIN_VARIED: usize = 10;

/// One `<url>` or `<sitemap>`.
#[derive(Debug, Default)]
struct Place {
    loc: String,
    changed: String,
    title: String,
    published: String,
}

/// Reads a list fetched from `base` at `now`; `None` where it is none.
pub fn read_sitemap(text: &str, base: &Url, now: DateTime<Utc>, options: &SitemapOptions) -> Option<Sitemap> {
    let (mut places, is_index) = places(text)?;
    let oldest = now - Days::new(options.newest_days);
    // A site that stamps every page with the time of its list says nothing about any of them.
    let stamps: HashSet<&str> = places.iter().map(|place| place.changed.as_str()).collect();
    if stamps.len() == 1 && places.len() >= MIN_VARIED {
        for place in &mut places {
            place.changed.clear();
        }
    }
    let mut dated: Vec<(Option<DateTime<Utc>>, Place)> =
        places.into_iter().map(|place| (parse_date(&place.changed), place)).collect();
    dated.retain(|(changed, place)| {
        let published = parse_date(&place.published);
        (*changed).max(published).is_none_or(|at| at >= oldest)
    });
    // Newest first; what has no date keeps its order behind them.
    dated.sort_by(|(a, _), (b, _)| b.cmp(a));
    let resolved = dated.into_iter().filter_map(|(_, place)| {
        let mut url = base.join(place.loc.trim()).ok().filter(|url| is_same_site(base, url))?;
        url.set_fragment(None);
        Some((url, place))
    });
    if is_index {
        let mut known = HashSet::new();
        let lists = resolved.map(|(url, _)| url).filter(|url| url != base && known.insert(url.clone()));
        return Some(Sitemap::Lists(lists.take(options.max_lists).collect()));
    }
    let mut known = HashSet::new();
    let pages = resolved.filter(|(url, _)| options.wants(url.as_str()) && known.insert(url.clone())).map(
        |(url, place)| {
            let published = parse_date(&place.published);
            Entry {
                key: url.to_string(),
                url: url.into(),
                title: place.title,
                author: String::new(),
                published,
                doubt: published.is_none().then_some(DateDoubt::Missing),
                // When it was changed tells an edit; nobody reads it.
                content: EntryContent::Text(place.changed),
                ..Entry::default()
            }
        },
    );
    let mut pages: Vec<Entry> = pages.collect();
    if pages.len() > MAX_PAGES {
        // Newest first where there are dates; without them new ones stand at either end.
        let last = pages.split_off(pages.len() - MAX_PAGES / 2);
        pages.truncate(MAX_PAGES / 2);
        pages.extend(last);
    }
    Some(Sitemap::Pages(pages))
}

/// Its places, and whether they are lists themselves. A list of bare addresses, one a line, is a sitemap too.
fn places(text: &str) -> Option<(Vec<Place>, bool)> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('<') {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let read = |line: &str| {
            let is_address = line.starts_with("http://") || line.starts_with("https://");
            is_address.then(|| Place { loc: line.to_owned(), ..Place::default() })
        };
        let places = lines.map(read).collect::<Option<Vec<_>>>()?;
        return (!places.is_empty()).then_some((places, false));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let (mut places, mut is_index, mut is_sitemap) = (Vec::new(), false, false);
    let (mut place, mut inside, mut words) = (Place::default(), String::new(), String::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                inside = tag.local_name().as_ref().to_ascii_lowercase();
                words.clear();
                match inside.as_str() {
                    "urlset" => is_sitemap = true,
                    "sitemapindex" => (is_sitemap, is_index) = (true, true),
                    "url" | "sitemap" => place = Place::default(),
                    _ => {}
                }
            }
            Ok(Event::Text(text)) => words.push_str(&text),
            Ok(Event::CData(text)) => words.push_str(&text),
            Ok(Event::GeneralRef(name)) => words.push_str(&reference(&name)),
            Ok(Event::End(tag)) => {
                let name = tag.local_name().as_ref().to_ascii_lowercase();
                let is_own = tag.name().prefix().is_none();
                let said = words.trim();
                match name.as_str() {
                    "url" | "sitemap" if !place.loc.is_empty() => places.push(std::mem::take(&mut place)),
                    // Pictures and films have addresses and titles of their own.
                    "loc" if is_own && inside == name => said.clone_into(&mut place.loc),
                    "lastmod" if inside == name => said.clone_into(&mut place.changed),
                    "title"
                        if inside == name && tag.name().prefix().is_some_and(|p| p.as_ref() == "news") =>
                    {
                        said.clone_into(&mut place.title);
                    }
                    "publication_date" if inside == name && place.published.is_empty() => {
                        said.clone_into(&mut place.published);
                    }
                    _ => {}
                }
                words.clear();
            }
            // What stood there before it broke is read.
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    is_sitemap.then_some((places, is_index))
}

/// What `&name;` stands for.
fn reference(name: &str) -> String {
    let numbered = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    match (name, numbered.and_then(char::from_u32)) {
        (_, Some(sign)) => sign.to_string(),
        ("amp", _) => "&".to_owned(),
        ("lt", _) => "<".to_owned(),
        ("gt", _) => ">".to_owned(),
        ("quot", _) => "\"".to_owned(),
        ("apos", _) => "'".to_owned(),
        _ => format!("&{name};"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, options: &SitemapOptions) -> Option<Sitemap> {
        let base = Url::parse("https://www.paper.co.uk/sitemap.xml").unwrap();
        read_sitemap(text, &base, "2026-11-22T12:00:00Z".parse().unwrap(), options)
    }

    fn addresses(text: &str, options: &SitemapOptions) -> Vec<String> {
        match read(text, options) {
            Some(Sitemap::Pages(pages)) => pages.into_iter().map(|page| page.url).collect(),
            Some(Sitemap::Lists(lists)) => lists.into_iter().map(String::from).collect(),
            None => panic!("no sitemap"),
        }
    }

    #[test]
    fn pages_come_newest_first_and_old_or_foreign_ones_not_at_all() {
        let text = "<?xml version='1.0'?><urlset xmlns='x'><url><loc>https://www.paper.co.uk/a?x=1&amp;y=2</loc><lastmod>2026-11-20</lastmod></url>\
            <url><loc> /b </loc><lastmod>2026-11-21T10:00:00+00:00</lastmod></url><url><loc>https://www.paper.co.uk/old</loc><lastmod>2024-01-01</lastmod></url>\
            <url><loc>https://other.example/c</loc></url><url><loc>https://www.paper.co.uk/undated#top</loc></url><url><lastmod>2026-11-21</lastmod></url></urlset>";
        assert_eq!(
            addresses(text, &SitemapOptions::default()),
            [
                "https://www.paper.co.uk/b",
                "https://www.paper.co.uk/a?x=1&y=2",
                "https://www.paper.co.uk/undated"
            ]
        );
        let options = SitemapOptions {
            exclude: vec!["/b".to_owned()],
            include: vec!["paper".to_owned()],
            ..SitemapOptions::default()
        };
        assert_eq!(addresses(text, &options).len(), 2);
    }

    #[test]
    fn a_news_sitemap_gives_headline_and_date_and_pictures_are_no_pages() {
        let text = "<urlset xmlns:news='n' xmlns:image='i'><url><loc>https://www.paper.co.uk/n</loc><news:news><news:publication><news:name>Paper</news:name></news:publication>\
            <news:publication_date>2026-11-22T09:00:00Z</news:publication_date><news:title><![CDATA[Ward & clinic]]> open</news:title></news:news>\
            <image:image><image:loc>https://www.paper.co.uk/i.jpg</image:loc><image:title>A picture</image:title></image:image></url></urlset>";
        let Some(Sitemap::Pages(pages)) = read(text, &SitemapOptions::default()) else { panic!() };
        assert_eq!(
            (pages[0].url.as_str(), pages[0].title.as_str()),
            ("https://www.paper.co.uk/n", "Ward & clinic open")
        );
        assert_eq!(pages[0].published.unwrap().to_rfc3339(), "2026-11-22T09:00:00+00:00");
        assert_eq!(pages.len(), 1);
    }

    #[test]
    fn an_index_leads_to_the_lists_that_changed_last() {
        let lists: String = (1..=9)
            .map(|n| format!("<sitemap><loc>https://www.paper.co.uk/s{n}.xml</loc><lastmod>2026-11-1{n}</lastmod></sitemap>"))
            .collect::<Vec<_>>()
            .concat();
        let text = format!(
            "<sitemapindex>{lists}<sitemap><loc>https://www.paper.co.uk/sitemap.xml</loc></sitemap></sitemapindex>"
        );
        let options = SitemapOptions { max_lists: 2, ..SitemapOptions::default() };
        assert_eq!(
            addresses(&text, &options),
            ["https://www.paper.co.uk/s9.xml", "https://www.paper.co.uk/s8.xml"]
        );
    }

    #[test]
    fn one_stamp_for_all_is_none_and_a_broken_list_is_read_as_far_as_it_goes() {
        let all: String = (0..20)
            .map(|n| {
                format!("<url><loc>https://www.paper.co.uk/{n}</loc><lastmod>2020-01-01</lastmod></url>")
            })
            .collect::<Vec<_>>()
            .concat();
        let Some(Sitemap::Pages(pages)) =
            read(&format!("<urlset>{all}<url><loc>https://www.pap"), &SitemapOptions::default())
        else {
            panic!()
        };
        assert_eq!(pages.len(), 20);
        assert!(pages.iter().all(|page| page.content.as_str().is_empty()));
    }

    #[test]
    fn plain_lists_are_read_and_other_files_are_none() {
        assert_eq!(
            addresses("https://www.paper.co.uk/1\r\nhttps://www.paper.co.uk/2\n", &SitemapOptions::default())
                .len(),
            2
        );
        for text in ["<html><body>Not found</body></html>", "<rss><channel/></rss>", "Not found", ""] {
            assert_eq!(read(text, &SitemapOptions::default()), None, "{text}");
        }
    }
}
