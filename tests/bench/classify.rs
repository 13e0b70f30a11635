//! What classification costs, each beside its target and measured in one run: text without mentions at 1, 4
//! and 200 organisations against a bare automaton of the same terms; documents with mentions a second, through
//! every rule; and how long the rules take to compile.

#![expect(clippy::cast_precision_loss, reason = "counts are shown as ratios")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::clock::from_ms;
use trustwatch::config::shipped_profiles;
use trustwatch::extract::{decode, plain_text};
use trustwatch::model::{Document, DocumentKind, Entry, EntryContent, Profile};
use trustwatch::source::{Options, ParsedFeed, parse_feed};
use url::Url;

/// Organisations in each round.
const SIZES: [usize; 3] = [1, 4, 200];
/// Bytes of plain text.
const TEXT_BYTES: usize = 256 * 1024;
/// What counts as a long text (bytes).
const LONG: usize = 4096;
/// How long two pieces of work take turns.
const ROUND: Duration = Duration::from_secs(2);

fn main() {
    let mut texts = vec![("plain text", vec![market_day()])];
    match feeds() {
        Some(feeds) => texts.push(("feeds", feeds)),
        None => println!("feeds: skipped, ../shared/data is not here"),
    }
    for n in SIZES {
        let profiles = profiles(n);
        let bare = bare(&profiles);
        let classifier = classifier(profiles);
        for (name, texts) in &texts {
            without_mentions(&classifier, &bare, n, name, texts);
        }
    }
    mentions_a_second();
    compiling();
}

fn classifier(profiles: Vec<Profile>) -> Classifier {
    let rules = RuleSet::shipped().unwrap_or_else(|problems| panic!("{problems:?}"));
    Classifier::new(profiles, rules).unwrap_or_else(|error| panic!("{error}"))
}

/// The shipped profiles, then as many with names of their own.
fn profiles(n: usize) -> Vec<Profile> {
    let shipped = shipped_profiles().unwrap_or_else(|problem| panic!("{problem:?}"));
    let mut profiles = shipped.clone();
    for number in profiles.len()..n {
        let mut profile = shipped[number % shipped.len()].clone();
        profile.id = format!("invented-{number}").parse().expect("a slug");
        for watch in &mut profile.watches {
            watch.query = None;
            for term in &mut watch.terms {
                let longest = term.split(' ').max_by_key(|word| word.len()).unwrap_or_default().to_owned();
                *term = term.replace(&longest, &format!("{longest}{}", letters(number)));
            }
        }
        profile.domains = vec![format!("invented{number}.nhs.uk")];
        profile.handles = vec![format!("@Invented{number}NHS")];
        profiles.push(profile);
    }
    profiles.truncate(n);
    profiles
}

/// A number in letters, so that the names of invented Trusts are words.
fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'l')).collect()
}

/// The same terms in an automaton and nothing else, as fast as it can be.
fn bare(profiles: &[Profile]) -> AhoCorasick {
    let terms: Vec<&String> =
        profiles.iter().flat_map(|profile| &profile.watches).flat_map(|watch| &watch.terms).collect();
    let kind = (terms.len() < 5000).then_some(AhoCorasickKind::DFA);
    AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .kind(kind)
        .build(terms)
        .expect("the terms of the profiles fit into an automaton")
}

fn market_day() -> String {
    let sentence = "The market hall was full on Saturday when the council showed its plans for the old square, and \
        most people who came wanted to know what would become of the trees, the bus stop and the little cinema. ";
    sentence.repeat(TEXT_BYTES / sentence.len())
}

/// The text of real feeds, each one document; of short ones the time to look at the address is most of all.
fn feeds() -> Option<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/feeds/files");
    let base = Url::parse("https://paper.example/feed").expect("a constant address parses");
    let files = std::fs::read_dir(folder).ok()?.filter_map(|file| std::fs::read(file.ok()?.path()).ok());
    let feed = |bytes: Vec<u8>| {
        parse_feed(&decode(&bytes, Some("text/xml")).text, &base, from_ms(0), &Options::default()).ok()
    };
    let text = |entry: Entry| match entry.content {
        EntryContent::Html(html) => plain_text(&html),
        EntryContent::Text(text) => text,
    };
    let whole = |feed: ParsedFeed| feed.entries.into_iter().map(text).collect::<Vec<_>>().join("\n\n");
    Some(files.filter_map(feed).map(whole).filter(|text| text.len() >= LONG).collect())
}

/// Medians of two pieces of work that take turns, in seconds.
fn medians(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let until = Instant::now() + ROUND;
    while Instant::now() < until {
        a.push(timed(&mut first));
        b.push(timed(&mut second));
    }
    (median(a), median(b))
}

fn timed(work: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn without_mentions(classifier: &Classifier, bare: &AhoCorasick, n: usize, name: &str, texts: &[String]) {
    let documents: Vec<Document> = texts
        .iter()
        .map(|text| Document {
            kind: DocumentKind::Web,
            url: "https://www.northtown-gazette.example/news/a".to_owned(),
            text: text.clone(),
            ..Document::default()
        })
        .filter(|document| classifier.classify(document).is_empty())
        .collect();
    let megabytes: f64 = documents.iter().map(|document| document.text.len() as f64 / 1e6).sum();
    let (ours, theirs) = medians(
        || {
            for document in &documents {
                black_box(classifier.classify(document));
            }
        },
        || {
            for document in &documents {
                black_box(bare.find_overlapping_iter(&document.text).count());
            }
        },
    );
    println!(
        "{name}, {n} organisations: {:.2} of a bare automaton ({:.0} MB/s, {} documents; target 0.80)",
        theirs / ours,
        megabytes / ours,
        documents.len()
    );
}

/// A document as `classify` reads it: what is null is not there.
fn document(line: &str) -> Document {
    let mut fields: serde_json::Map<_, _> = serde_json::from_str(line).expect("an exam holds objects");
    fields.retain(|_, value| !value.is_null());
    serde_json::from_value(fields.into()).expect("an exam holds documents")
}

/// The documents of the unseen exams, which are written to be hard to judge.
fn mentions_a_second() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exam");
    let classifier = classifier(profiles(4));
    let exam = |name| std::fs::read_to_string(folder.join(name)).expect("the exams are in the project");
    let lines = ["unseen-1.jsonl", "unseen-2.jsonl", "unseen-3.jsonl"].map(exam);
    let documents: Vec<Document> = lines
        .iter()
        .flat_map(|lines| lines.lines())
        .map(document)
        .filter(|document| !classifier.classify(document).is_empty())
        .collect();
    let all = || documents.iter().for_each(|document| drop(black_box(classifier.classify(document))));
    let (all, _) = medians(all, || ());
    let words: usize = documents.iter().map(|document| document.text.split_whitespace().count()).sum();
    println!(
        "{} documents with mentions, {} words on average: {:.0} a second on one core (target 2,000)",
        documents.len(),
        words / documents.len(),
        documents.len() as f64 / all
    );
}

fn compiling() {
    let profiles = profiles(4);
    // Without a rule of one's own they are compiled once for the process.
    let anew = || RuleSet::overlaid(&[]).unwrap_or_else(|problems| panic!("{problems:?}"));
    let times = (0..9).map(|_| timed(&mut || drop(black_box(Classifier::new(profiles.clone(), anew())))));
    println!("profiles and rules compiled in {:.0} ms (target: under 300)", median(times.collect()) * 1e3);
}
