//! A document with hits, made ready for the store: what is clear gets masked, what compares gets keyed.

use super::Parts;
use crate::classify::{Classifier, is_withheld, masked_field, masked_url};
use crate::extract::{Fingerprints, language_of};
use crate::model::{DateDoubt, Document, Field, Finding, Hit, Source, Span};
use crate::store::{DocumentRecord, HitRecord, Store};
use crate::telemetry;

/// A headline shorter than this is shared by chance (characters).
const MIN_TITLE_CHARS: usize = 25;
/// Words that the name of a paper behind a headline has at most.
const MAX_PAPER_WORDS: usize = 4;
/// A text shorter than this is shared by chance (words).
const MIN_TEXT_WORDS: usize = 8;
/// What is kept of a headline in clear (characters).
const MAX_TITLE_CHARS: usize = 300;

/// What may be kept of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Its text, sealed.
    Text,
    /// Where it stands and what was found, no copy of it: its owner asks for that (`noarchive`).
    Link,
}

/// The record of a document, or `None` where it mentions nobody: then nothing of it is kept.
pub(super) fn of(
    parts: &Parts,
    source: &Source,
    document: &Document,
    doubt: Option<DateDoubt>,
    keep: Keep,
) -> Option<DocumentRecord> {
    let mut hits = parts.classifier.classify(document);
    // A source is polled for the organisations it names, and for nobody else.
    hits.retain(|hit| source.organisations.contains(&hit.organisation));
    if hits.is_empty() {
        return None;
    }
    let masker = parts.classifier.masker();
    let url = masked_url(masker, document, &hits);
    let title = masked_field(masker, document, &hits, Field::Title);
    let shown_title = masker.mask_line(title.as_str()).shortened(MAX_TITLE_CHARS);
    for hit in &hits {
        for rule in &hit.overran {
            telemetry::count_overrun(rule);
            tracing::warn!(source.id = %source.id, organisation = %hit.organisation, rule,
                "this rule cost more than it may on one document and may have missed something");
        }
    }
    let record = |hit| hit_record(&parts.store, &parts.classifier, document, hit);
    let hits: Vec<HitRecord> = hits.into_iter().map(record).collect();
    let prints = Fingerprints::of(&document.text);
    let title = words(headline(&document.title));
    let text = words(&document.text);
    let address = if document.url.is_empty() { &text } else { &document.url };
    let text_key = if prints.words < MIN_TEXT_WORDS {
        parts.store.fingerprint(&["short text", address, &title, &text])
    } else {
        parts.store.fingerprint(&["text", &text])
    };
    let title_key = if title.chars().count() < MIN_TITLE_CHARS {
        String::new()
    } else {
        parts.store.fingerprint(&["title", &title])
    };
    Some(DocumentRecord {
        kind: document.kind,
        url,
        title: shown_title,
        published: document.published,
        doubt,
        // Dear, and of no use for what mentions nobody.
        language: language_of(&document.text, document.language.as_deref()),
        address_key: parts.store.fingerprint(&["address", address]),
        title_key,
        text_key,
        words: i64::try_from(prints.words).unwrap_or(i64::MAX),
        simhash: prints.simhash,
        minhash: if prints.simhash == 0 { Vec::new() } else { prints.minhash.to_vec() },
        bands: prints.bands(),
        clear: clear(document, &hits, keep),
        hits,
    })
}

/// A headline without the name of the paper behind it or the label before it: `Scanner opens in May - The Mere Paper`.
fn headline(title: &str) -> &str {
    const LABELS: [&str; 6] = ["watch", "video", "live", "breaking", "update", "updated"];
    let few = |text: &str, most: usize| text.split_whitespace().count() <= most;
    let cut = [" - ", " | ", " – ", " — "]
        .iter()
        .filter_map(|mark| title.rsplit_once(mark))
        .min_by_key(|(_, end)| end.len());
    let title = match cut {
        Some((start, end)) if few(end, MAX_PAPER_WORDS) && !few(start, MAX_PAPER_WORDS) => start,
        _ => title,
    };
    match title.split_once(':') {
        Some((label, rest)) if LABELS.iter().any(|known| known.eq_ignore_ascii_case(label.trim())) => rest,
        _ => title,
    }
}

/// What is sealed of a document. Where anything about a worker's conduct may not be kept, neither may
/// who wrote it (SEC 2.10).
fn clear(document: &Document, hits: &[HitRecord], keep: Keep) -> Vec<u8> {
    let mut document = document.clone();
    if keep == Keep::Link {
        document.text.clear();
    }
    if hits.iter().any(|hit| hit.withheld > 0) {
        document.author.clear();
        document.author_handle.clear();
    }
    serde_json::to_vec(&document).unwrap_or_default()
}

/// Findings about employees' conduct are counted and not kept, unless the profile says otherwise.
pub(super) fn hit_record(store: &Store, classifier: &Classifier, document: &Document, hit: Hit) -> HitRecord {
    let profile = classifier.profiles().iter().find(|profile| profile.id == hit.organisation);
    let withheld = |category| profile.is_none_or(|profile| is_withheld(category, profile));
    let (kept, dropped): (Vec<_>, Vec<_>) =
        hit.findings.into_iter().partition(|finding| !withheld(finding.category));
    let hit = Hit::new(hit.organisation, hit.mentions, kept);
    let said = hit.findings.iter().flat_map(|finding| said(store, document, finding)).collect();
    HitRecord {
        said,
        organisation: hit.organisation,
        severity: hit.severity,
        mentions: hit.mentions,
        findings: hit.findings,
        withheld: i64::try_from(dropped.len()).unwrap_or(i64::MAX),
    }
}

/// Keyed fingerprints of what a finding found: the same number on the same page is the same fact, however
/// the text around it moves.
fn said(store: &Store, document: &Document, finding: &Finding) -> Vec<String> {
    let fact = |text: &str| {
        let text: String = text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        store.fingerprint(&["said", finding.category.as_str(), finding.severity.as_str(), &text])
    };
    if finding.spans.is_empty() {
        return vec![fact("")];
    }
    let clear = |span: &Span| {
        document.field(span.field).chars().skip(span.start).take(span.end - span.start).collect::<String>()
    };
    finding.spans.iter().map(|span| fact(&clear(span))).collect()
}

/// Lower-case words with single spaces: how texts are compared.
pub(super) fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
