//! Classification with 1, 4 and 200 organisations, against a bare automaton that holds the same terms,
//! over ASCII text without mentions; and documents with mentions a second. Prints ratios (target: at
//! least 0.80 of the bare automaton).

use std::hint::black_box;
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use trustwatch::classify::{Classifier, RuleSet};
use trustwatch::config::shipped_profiles;
use trustwatch::model::{Document, DocumentKind, Profile};

/// Organisations in each round.
const SIZES: [usize; 3] = [1, 4, 200];
/// Bytes of text without mentions.
const TEXT_BYTES: u32 = 256 * 1024;

/// The shipped profiles, then invented ones with as many names as those.
fn profiles(n: usize) -> Vec<Profile> {
    let shipped = shipped_profiles().unwrap_or_else(|problem| panic!("{problem:?}"));
    let mut profiles = shipped.clone();
    for number in profiles.len()..n {
        let mut profile = shipped[number % shipped.len()].clone();
        profile.id = format!("invented-{number}").parse().expect("a slug");
        for term in profile.watches.iter_mut().flat_map(|watch| &mut watch.terms) {
            *term = format!("{term} Zyx{number}");
        }
        profile.domains = vec![format!("invented{number}.nhs.uk")];
        profile.handles = vec![format!("@Invented{number}NHS")];
        profiles.push(profile);
    }
    profiles.truncate(n);
    profiles
}

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

fn plain_text() -> String {
    let sentence = "The market hall was full on Saturday when the council showed its plans for the old square, and \
        most people who came wanted to know what would become of the trees, the bus stop and the little cinema. ";
    sentence.repeat(TEXT_BYTES as usize / sentence.len() + 1)[..TEXT_BYTES as usize].to_owned()
}

fn mentioning() -> Document {
    Document {
        kind: DocumentKind::News,
        url: "https://paper.example/a".to_owned(),
        title: "New scanner for the clinic".to_owned(),
        text: "Solent NHS Trust said on Tuesday that its new scanner would open in May. ".repeat(6),
        ..Document::default()
    }
}

/// Medians of two pieces of work that take turns for two seconds.
fn medians(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        let start = Instant::now();
        first();
        a.push(start.elapsed());
        let start = Instant::now();
        second();
        b.push(start.elapsed());
    }
    a.sort();
    b.sort();
    (a[a.len() / 2].as_secs_f64(), b[b.len() / 2].as_secs_f64())
}

fn bench(criterion: &mut Criterion) {
    let text = plain_text();
    let document = Document { text: text.clone(), ..Document::default() };
    let hit = mentioning();
    let mut group = criterion.benchmark_group("classify");
    group.sample_size(20);
    let mut lines = Vec::new();
    for n in SIZES {
        let profiles = profiles(n);
        let limit = bare(&profiles);
        let rules = RuleSet::shipped().unwrap_or_else(|problems| panic!("{problems:?}"));
        let classifier = Classifier::new(profiles, rules).unwrap_or_else(|error| panic!("{error}"));
        assert!(classifier.classify(&document).is_empty());
        assert!(!classifier.classify(&hit).is_empty());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("no mention, {n} organisations"), |b| {
            b.iter(|| classifier.classify(&document));
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("a mention, {n} organisations"), |b| {
            b.iter(|| classifier.classify(&hit));
        });
        let scan = || {
            black_box(limit.find_overlapping_iter(&text).count());
        };
        let (ours, theirs) = medians(
            || {
                black_box(classifier.classify(&document));
            },
            scan,
        );
        lines.push(format!(
            "{n} organisations: names at {:.2} of a bare automaton ({:.0} MB/s)",
            theirs / ours,
            f64::from(TEXT_BYTES) / ours / 1e6
        ));
    }
    group.finish();
    for line in lines {
        println!("{line}");
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
