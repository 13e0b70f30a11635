//! Articles of real papers against the text that a person marked, by shingles of four words.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::LazyLock;

use async_compression::tokio::bufread::GzipDecoder;
use regex::Regex;
use tokio::io::AsyncReadExt;
use trustwatch::extract::{Options, Page, decode};
use url::Url;

static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+").unwrap());

#[derive(serde::Deserialize)]
struct Marked {
    #[serde(rename = "articleBody")]
    text: String,
    url: Option<String>,
}

/// How often every run of four words stands in `text`; a shorter text is one run.
fn shingles(text: &str) -> HashMap<Vec<&str>, usize> {
    let words: Vec<&str> = WORD.find_iter(text).map(|word| word.as_str()).collect();
    let mut found = HashMap::new();
    if words.is_empty() {
        return found;
    }
    for run in words.windows(4.min(words.len())) {
        *found.entry(run.to_vec()).or_default() += 1;
    }
    found
}

/// True positives, false positives, false negatives, normalised by their sum.
#[expect(clippy::cast_precision_loss, reason = "a page has few words")]
fn score(wanted: &str, got: &str) -> (f64, f64, f64) {
    let (wanted, got) = (shingles(wanted), shingles(got));
    let total = |counts: &HashMap<Vec<&str>, usize>| counts.values().sum::<usize>();
    let both: usize = got.iter().map(|(run, n)| (*n).min(wanted.get(run).copied().unwrap_or_default())).sum();
    let (extra, missed) = (total(&got) - both, total(&wanted) - both);
    let sum = (both + extra + missed).max(1) as f64;
    (both as f64 / sum, extra as f64 / sum, missed as f64 / sum)
}

pub(crate) async fn unpacked(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let mut body = Vec::new();
    GzipDecoder::new(bytes.as_slice()).read_to_end(&mut body).await.unwrap();
    body
}

#[tokio::test]
#[expect(clippy::cast_precision_loss, reason = "there are few pages")]
async fn articles_of_real_papers_are_read_without_a_panic_and_mostly_whole() {
    let Some(folder) = super::data("article-pages") else { return };
    let marked: BTreeMap<String, Marked> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("ground-truth.json")).unwrap()).unwrap();
    let (mut precisions, mut recalls, mut worst) = (Vec::new(), Vec::new(), Vec::new());
    for (key, wanted) in &marked {
        let html = decode(&unpacked(&folder.join(format!("html/{key}.html.gz"))).await, None).text;
        let url = wanted.url.as_deref().and_then(|url| Url::parse(url).ok());
        let page = Page::read(&html, url.as_ref(), &Options::default());
        let (both, extra, missed) = score(&wanted.text, &page.text);
        // Nothing found is nothing wrong; nothing wanted is nothing missed.
        let share = |part: f64| if both + part > 0.0 { both / (both + part) } else { 1.0 };
        precisions.push(share(extra));
        recalls.push(share(missed));
        worst.push((share(extra).min(share(missed)), key.as_str()));
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (precision, recall) = (mean(&precisions), mean(&recalls));
    let f1 = 2.0 * precision * recall / (precision + recall);
    worst.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("{} pages: F1 {f1:.3}, precision {precision:.3}, recall {recall:.3}", marked.len());
    println!("worst: {:?}", &worst[..worst.len().min(5)]);
    assert!(marked.len() >= 80 && f1 > 0.9, "F1 {f1:.3}");
}
