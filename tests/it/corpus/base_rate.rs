//! How often neutral text would trouble anybody: real feeds and pages cut into passages, a Trust's name set in each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::clock::{Clock, SystemClock};
use trustwatch::config::shipped_profiles;
use trustwatch::extract::{self, Page, decode, plain_text};
use trustwatch::model::{Document, DocumentKind, EntryContent, Severity};
use trustwatch::source::{Options, parse_feed};
use url::Url;

use super::articles::unpacked;
use super::daemon::read;
use crate::masking::generated::Seeded;

const NAMES: [&str; 7] = [
    "Solent NHS Trust",
    "Heart of England NHS Foundation Trust",
    "Essex Partnership University NHS Foundation Trust",
    "South East Coast Ambulance Service",
    "SECAmb",
    "EPUT",
    "Solent NHS",
];
/// Characters of one passage, about: a long page is several documents.
const PASSAGE: usize = 1_200;
/// A passage shorter than this says nothing (characters).
const SHORTEST: usize = 80;
/// Of so many neutral documents at most [`FALSE_ONES`] may come out `medium` or above.
const DOCUMENTS: usize = 1_000;
const FALSE_ONES: usize = 5;

fn sentences(text: &str) -> Vec<&str> {
    text.split_inclusive(['.', '!', '?']).map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

fn passages(text: &str) -> Vec<Vec<&str>> {
    let mut passages: Vec<Vec<&str>> = vec![Vec::new()];
    let mut length = 0;
    for sentence in sentences(text) {
        if length > PASSAGE {
            passages.push(Vec::new());
            length = 0;
        }
        length += sentence.len();
        passages.last_mut().unwrap().push(sentence);
    }
    passages.retain(|passage| passage.iter().map(|sentence| sentence.len()).sum::<usize>() >= SHORTEST);
    passages
}

/// A name in place of another capitalised name, or at the end of a sentence.
fn with_name(passage: &[&str], seeded: &mut Seeded) -> String {
    let name = seeded.pick(&NAMES);
    let mut sentences: Vec<String> = passage.iter().map(|sentence| (*sentence).to_owned()).collect();
    let at = seeded.below(sentences.len());
    let words: Vec<&str> = passage[at].split(' ').collect();
    let is_name = |word: &&str| {
        word.len() > 3 && word.starts_with(char::is_uppercase) && word.chars().skip(1).all(char::is_lowercase)
    };
    sentences[at] = match words.iter().skip(1).position(is_name) {
        Some(place) => {
            let mut words: Vec<&str> = words;
            words[place + 1] = name;
            words.join(" ")
        }
        None => format!("{}, {name} said.", passage[at].trim_end_matches(['.', '!', '?'])),
    };
    sentences.join(" ")
}

fn from_feeds(folder: &Path, texts: &mut Vec<(DocumentKind, String, String)>, seeded: &mut Seeded) {
    let kinds = [DocumentKind::News, DocumentKind::Blog, DocumentKind::Web];
    let (now, base) = (SystemClock::default().now(), Url::parse("https://place.example/feed").unwrap());
    for (_, bytes) in read(folder) {
        let text = decode(&bytes, Some("text/xml")).text;
        let entries =
            parse_feed(&text, &base, now, &Options::default()).map(|feed| feed.entries).unwrap_or_default();
        for entry in entries.into_iter().take(12) {
            let body = match &entry.content {
                EntryContent::Html(html) => plain_text(html),
                EntryContent::Text(text) => text.clone(),
            };
            texts.push((kinds[seeded.below(3)], plain_text(&entry.title), body));
        }
    }
}

async fn from_pages(folder: &Path, kind: DocumentKind, texts: &mut Vec<(DocumentKind, String, String)>) {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let html = match file.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => unpacked(&file).await,
            _ => std::fs::read(&file).unwrap(),
        };
        let page = Page::read(&decode(&html, Some("text/html")).text, None, &extract::Options::default());
        texts.push((kind, page.metadata.title, page.text));
    }
}

#[tokio::test]
async fn neutral_text_with_a_trusts_name_is_left_alone() {
    let (Some(feeds), Some(articles), Some(snippets)) =
        (super::data("feeds/files"), super::data("article-pages/html"), super::data("snippet-pages/html"))
    else {
        return;
    };
    let mut seeded = Seeded::new(7);
    let mut texts = Vec::new();
    from_feeds(&feeds, &mut texts, &mut seeded);
    from_pages(&articles, DocumentKind::News, &mut texts).await;
    from_pages(&snippets, DocumentKind::Web, &mut texts).await;
    let classifier = Classifier::new(shipped_profiles().unwrap(), RuleSet::shipped().unwrap()).unwrap();
    let (mut documents, mut mentioned, mut told) = (0, 0, Vec::new());
    let mut by_severity: BTreeMap<Severity, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (kind, title, text) in texts {
        for passage in passages(&text) {
            if !seen.insert(passage.concat().chars().take(120).collect::<String>()) {
                continue;
            }
            documents += 1;
            let text = with_name(&passage, &mut seeded);
            let url = "https://place.example/x".to_owned();
            let document = Document { kind, title: title.clone(), url, text, ..Document::default() };
            for hit in classifier.classify(&document) {
                mentioned += 1;
                *by_severity.entry(hit.severity).or_default() += 1;
                if hit.severity >= Severity::Medium {
                    let reasons: Vec<String> = hit
                        .findings
                        .iter()
                        .map(|finding| format!("{}: {}", finding.category, finding.reason))
                        .collect();
                    let opening: String = document.text.chars().take(160).collect();
                    told.push(format!("{reasons:?} in “{opening}”"));
                }
            }
        }
    }
    println!(
        "{documents} neutral documents, {mentioned} hits {by_severity:?}, medium or above: {}",
        told.len()
    );
    for line in &told {
        println!("  {line}");
    }
    assert!(documents >= DOCUMENTS && mentioned * 10 >= documents * 9, "{documents} {mentioned}");
    assert!(told.len() * DOCUMENTS <= FALSE_ONES * documents, "{} of {documents}", told.len());
}
