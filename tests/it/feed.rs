//! Every feed of tests/fixtures/feed, read as the poll reads it: decoded, parsed, made into documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use trustwatch::extract::{self, decode, document_of_entry};
use trustwatch::model::{DateDoubt, Document, DocumentKind, Entry, Reader};
use trustwatch::source::{FeedError, Options, ParsedFeed, parse_feed};
use url::Url;

/// What EXPECT.toml says of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    entries: usize,
    first_title: Option<String>,
    repaired: Option<bool>,
    /// Of interest to whoever compares with a strict parser.
    #[serde(rename = "strict_xml")]
    _strict_xml: Option<bool>,
    refused: Option<String>,
    base: Option<Url>,
    titles: Option<Vec<String>>,
    links: Option<Vec<String>>,
    ids: Option<Vec<String>>,
    published: Option<Vec<String>>,
    #[serde(default)]
    must: Vec<String>,
    #[serde(default)]
    must_not: Vec<String>,
}

/// Where feeds come from that do not say.
const BASE: &str = "https://feeds.example.com/feed.xml";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feed")
}

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn expected() -> BTreeMap<String, Expected> {
    toml::from_str(&std::fs::read_to_string(folder().join("EXPECT.toml")).unwrap()).unwrap()
}

fn read(name: &str, base: Option<&Url>) -> Result<ParsedFeed, FeedError> {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    let base = base.cloned().unwrap_or_else(|| Url::parse(BASE).unwrap());
    parse_feed(&decode(&bytes, None).text, &base, now(), &Options::default())
}

fn document(entry: &Entry) -> Document {
    document_of_entry(entry, DocumentKind::News, &extract::Options::default())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What differs from the expectation, in words.
fn differences(name: &str, expected: &Expected) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: &str, got: String, wanted: String| {
        if got != wanted {
            found.push(format!("{name}: {what} is {got}, not {wanted}"));
        }
    };
    let feed = match (read(name, expected.base.as_ref()), &expected.refused) {
        (Ok(_), Some(why)) => return vec![format!("{name}: read, though it is refused: {why}")],
        (Err(error), None) => return vec![format!("{name}: refused: {error}")],
        (Err(error), Some(why)) => {
            let wanted = if why.contains("empty") { FeedError::Empty } else { FeedError::WebPage };
            same("the refusal", format!("{error:?}"), format!("{wanted:?}"));
            return found;
        }
        (Ok(feed), None) => feed,
    };
    let documents: Vec<Document> = feed.entries.iter().map(document).collect();
    let titles: Vec<&str> = documents.iter().map(|document| document.title.as_str()).collect();
    same("the number of entries", feed.entries.len().to_string(), expected.entries.to_string());
    if let Some(repaired) = expected.repaired {
        let mended = feed.reader != Reader::Strict;
        same("repaired", mended.to_string(), repaired.to_string());
    }
    let first = expected.first_title.as_deref();
    same("the first title", format!("{:?}", titles.first().copied()), format!("{first:?}"));
    let published: Vec<String> = feed
        .entries
        .iter()
        .map(|entry| {
            entry.published.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
        })
        .collect();
    let links: Vec<&str> = feed.entries.iter().map(|entry| entry.url.as_str()).collect();
    // A second story under one id has a key of its own that begins with it.
    let ids: Vec<&str> = feed
        .entries
        .iter()
        .map(|entry| entry.key.split_once('#').map_or(entry.key.as_str(), |(id, _)| id))
        .collect();
    for (what, got, wanted) in [
        ("titles", format!("{titles:?}"), &expected.titles),
        ("links", format!("{links:?}"), &expected.links),
        ("ids", format!("{ids:?}"), &expected.ids),
        ("dates", format!("{published:?}"), &expected.published),
    ] {
        if let Some(wanted) = wanted {
            same(what, got, format!("{wanted:?}"));
        }
    }
    let texts: Vec<String> = documents.iter().map(|document| one_line(&document.text)).collect();
    for must in &expected.must {
        if !texts.iter().any(|text| text.contains(must.as_str())) {
            found.push(format!("{name}: {must:?} is in no text of {texts:#?}"));
        }
    }
    for must_not in &expected.must_not {
        if texts.iter().any(|text| text.contains(must_not.as_str()))
            || titles.iter().any(|title| title.contains(must_not.as_str()))
        {
            found.push(format!("{name}: {must_not:?} is in {titles:?} or {texts:#?}"));
        }
    }
    found
}

#[test]
fn every_fixture_reads_as_expected() {
    let expected = expected();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "EXPECT.toml")
        .collect();
    let named: BTreeSet<String> = expected.keys().cloned().collect();
    assert_eq!(files, named, "every file has its expectation, every expectation its file");
    let found: Vec<String> =
        expected.iter().flat_map(|(name, expected)| differences(name, expected)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn keys_are_the_same_at_every_poll_and_different_within_one() {
    for (name, expected) in expected() {
        let keys = || match read(&name, expected.base.as_ref()) {
            Ok(feed) => feed.entries.into_iter().map(|entry| entry.key).collect(),
            Err(_) => Vec::new(),
        };
        let first: Vec<String> = keys();
        assert_eq!(first, keys(), "{name}: an entry without an id is not new at every poll");
        let different: BTreeSet<&String> = first.iter().collect();
        assert_eq!(different.len(), first.len(), "{name}: {first:?}");
        assert!(first.iter().all(|key| !key.is_empty()), "{name}: {first:?}");
    }
}

#[test]
fn doubtful_dates_are_flagged_in_every_fixture() {
    for (name, expected) in expected() {
        let Ok(feed) = read(&name, expected.base.as_ref()) else { continue };
        for entry in feed.entries {
            let wanted = match entry.published {
                None => Some(DateDoubt::Missing),
                Some(at) if at > now() + chrono::Duration::days(1) => Some(DateDoubt::Future),
                Some(_) => None,
            };
            assert_eq!(entry.doubt, wanted, "{name}: {}", entry.title);
        }
    }
}

#[test]
fn the_header_of_the_server_decides_the_charset_before_the_file_does() {
    let bytes = std::fs::read(folder().join("undeclared_latin1.xml")).unwrap();
    let titles = |header: &str| -> Vec<String> {
        let text = decode(&bytes, Some(header)).text;
        let feed = parse_feed(&text, &Url::parse(BASE).unwrap(), now(), &Options::default()).unwrap();
        feed.entries.iter().map(|entry| document(entry).title).collect()
    };
    assert_eq!(titles("text/xml; charset=ISO-8859-1")[0], "Café at the infirmary raises £20 an hour");
    assert!(titles("text/xml; charset=ISO-8859-5")[0].starts_with("Cafщ"), "the header is believed");
    assert_eq!(
        titles("text/xml; charset=utf-8")[0],
        "Café at the infirmary raises £20 an hour",
        "unless it shows"
    );
}
