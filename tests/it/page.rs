//! Every page of tests/fixtures/page, read through the library as the poll does and through the
//! `extract` command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use trustwatch::extract::{Options, Page, decode, document_of_page, language_of};
use trustwatch::model::DocumentKind;
use trustwatch::source::page_entry;
use url::Url;

/// What EXPECT.toml says of one page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    url: Option<Url>,
    title: Option<String>,
    author: Option<String>,
    published: Option<DateTime<Utc>>,
    canonical: Option<String>,
    language: Option<String>,
    #[serde(default)]
    must: Vec<String>,
    #[serde(default)]
    must_not: Vec<String>,
}

/// What was found, whichever way.
#[derive(Debug, Default, PartialEq)]
struct Found {
    title: String,
    text: String,
    author: String,
    published: Option<DateTime<Utc>>,
    canonical: String,
    language: String,
}

/// The contract of the `extract` command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    url: Option<String>,
    title: String,
    text: String,
    author: Option<String>,
    published: Option<DateTime<Utc>>,
    canonical_url: Option<String>,
    language: Option<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/page")
}

fn expected() -> BTreeMap<String, Expected> {
    let all: BTreeMap<String, Expected> =
        toml::from_str(&std::fs::read_to_string(folder().join("EXPECT.toml")).unwrap()).unwrap();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "EXPECT.toml")
        .collect();
    assert_eq!(files, all.keys().cloned().collect(), "every page has its expectation");
    all
}

impl Expected {
    fn url(&self) -> Url {
        self.url.clone().unwrap_or_else(|| Url::parse("https://www.example.org/page").unwrap())
    }

    /// What differs, in words.
    fn differences(&self, name: &str, found: &Found) -> Vec<String> {
        let mut differences = Vec::new();
        for (what, wanted, got) in [
            ("title", &self.title, &found.title),
            ("author", &self.author, &found.author),
            ("canonical", &self.canonical, &found.canonical),
            ("language", &self.language, &found.language),
        ] {
            if wanted.as_ref().is_some_and(|wanted| wanted != got) {
                differences.push(format!("{name}: {what} is {got:?}, not {wanted:?}"));
            }
        }
        if self.published.is_some() && self.published != found.published {
            differences.push(format!("{name}: published is {:?}, not {:?}", found.published, self.published));
        }
        let text = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let missing = self.must.iter().filter(|must| !text.contains(must.as_str()));
        differences.extend(missing.map(|must| format!("{name}: {must:?} is not in {text:?}")));
        let extra = self.must_not.iter().filter(|must_not| text.contains(must_not.as_str()));
        differences.extend(extra.map(|must_not| format!("{name}: {must_not:?} is in {text:?}")));
        differences
    }
}

/// As the poll of a watched page reads it.
fn by_library(name: &str, expected: &Expected) -> Found {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    let (html, url, options) = (decode(&bytes, Some("text/html")).text, expected.url(), Options::default());
    let entry = page_entry(url.as_str(), url.as_str(), html.clone());
    let document = document_of_page(&html, &url, &entry, DocumentKind::Web, &options);
    let page = Page::read(&html, Some(&url), &options);
    assert_eq!(page.text, document.text, "{name}: one page, one text");
    let language = language_of(&document.text, document.language.as_deref()).unwrap_or_default();
    Found {
        title: document.title,
        text: document.text,
        author: document.author,
        published: document.published,
        canonical: document.url,
        language,
    }
}

/// As the `extract` command reads it: from files, or from JSON Lines on standard input.
fn by_command(files: &[PathBuf], lines: &str) -> (Vec<serde_json::Value>, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trustwatch"))
        .arg("extract")
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // With files the command does not read its input: a closed pipe is no error then.
    let _ = writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code())
}

fn found(value: &serde_json::Value) -> (Option<String>, Found) {
    let output: Output =
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    let found = Found {
        title: output.title,
        text: output.text,
        author: output.author.unwrap_or_default(),
        published: output.published,
        canonical: output.canonical_url.unwrap_or_default(),
        language: output.language.unwrap_or_default(),
    };
    (output.url, found)
}

#[test]
fn every_page_reads_as_expected() {
    let found: Vec<String> = expected()
        .iter()
        .flat_map(|(name, expected)| expected.differences(name, &by_library(name, expected)))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_command_answers_json_lines_as_the_library_does() {
    let expected = expected();
    let lines: String = expected
        .iter()
        .map(|(name, expected)| {
            let html = decode(&std::fs::read(folder().join(name)).unwrap(), None).text;
            serde_json::json!({"html": html, "url": expected.url()}).to_string() + "\n"
        })
        .collect();
    let (answers, code) = by_command(&[], &lines);
    assert_eq!((answers.len(), code), (expected.len(), Some(0)));
    for ((name, expected), answer) in expected.iter().zip(&answers) {
        let (url, found) = found(answer);
        assert_eq!(url.as_deref(), Some(expected.url().as_str()), "{name}");
        assert_eq!(found, by_library(name, expected), "{name}");
    }
}

#[test]
fn the_command_reads_files_in_their_own_charset() {
    let expected = expected();
    let files: Vec<PathBuf> = expected.keys().map(|name| folder().join(name)).collect();
    let (answers, code) = by_command(&files, "");
    assert_eq!((answers.len(), code), (expected.len(), Some(0)));
    for ((name, expected), answer) in expected.iter().zip(&answers) {
        let (url, mut found) = found(answer);
        assert_eq!(url, None, "{name}: a file has no address");
        // Without an address a relative canonical link leads nowhere.
        if expected.canonical.as_ref().is_some_and(|_| found.canonical.is_empty()) {
            found.canonical = expected.canonical.clone().unwrap_or_default();
        }
        let differences = expected.differences(name, &found);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[test]
fn the_command_names_what_it_cannot_read_and_goes_on() {
    let lines = "{\"html\":\"<p>One</p>\"}\nnot json\n\n{\"url\":\"https://a.example/\"}\n{\"html\":\"<p>Two</p>\"}\n";
    let (answers, code) = by_command(&[], lines);
    assert_eq!(code, Some(1), "done with failures that were reported");
    assert_eq!(answers.len(), 4);
    assert_eq!((answers[0]["text"].as_str(), answers[3]["text"].as_str()), (Some("One"), Some("Two")));
    assert_eq!((answers[1]["line"].as_u64(), answers[2]["line"].as_u64()), (Some(2), Some(4)));
    assert!(answers[1]["error"].is_string() && answers[2]["error"].is_string());
    let (answers, code) = by_command(&[folder().join("no-such-page.html"), folder().join("welsh.html")], "");
    assert_eq!((answers.len(), code), (2, Some(1)));
    assert!(answers[0]["error"].is_string() && answers[1]["title"].is_string());
}
