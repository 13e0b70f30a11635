//! A document with hits, made ready for the store: what is clear gets masked, what compares gets keyed.

use super::Parts;
use crate::classify::is_withheld;
use crate::extract::Fingerprints;
use crate::model::{DateDoubt, Document, Hit};
use crate::store::{DocumentRecord, HitRecord};

/// A headline shorter than this is shared by chance (characters).
const MIN_TITLE_CHARS: usize = 25;
/// A text shorter than this is shared by chance (words).
const MIN_TEXT_WORDS: usize = 8;
/// What is kept of a headline in clear (characters).
const MAX_TITLE_CHARS: usize = 300;

/// The record of a document, or `None` where it mentions nobody: then nothing of it is kept.
pub(super) fn of(parts: &Parts, document: &Document, doubt: Option<DateDoubt>) -> Option<DocumentRecord> {
    let hits = parts.classifier.classify(document);
    if hits.is_empty() {
        return None;
    }
    let masker = parts.classifier.masker();
    let prints = Fingerprints::of(&document.text);
    let title = words(&document.title);
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
        url: masker.mask_url(&document.url),
        title: masker.mask_line(&document.title).shortened(MAX_TITLE_CHARS),
        published: document.published,
        doubt,
        language: document.language.clone(),
        address_key: parts.store.fingerprint(&["address", address]),
        title_key,
        text_key,
        simhash: prints.simhash,
        bands: prints.bands(),
        clear: serde_json::to_vec(document).unwrap_or_default(),
        hits: hits.into_iter().map(|hit| hit_record(parts, hit)).collect(),
    })
}

/// Findings about employees' conduct are counted and not kept, unless the profile says otherwise.
fn hit_record(parts: &Parts, hit: Hit) -> HitRecord {
    let profile = parts.classifier.profiles().iter().find(|profile| profile.id == hit.organisation);
    let withheld = |category| profile.is_none_or(|profile| is_withheld(category, profile));
    let (kept, dropped): (Vec<_>, Vec<_>) =
        hit.findings.into_iter().partition(|finding| !withheld(finding.category));
    let hit = Hit::new(hit.organisation, hit.mentions, kept);
    HitRecord {
        organisation: hit.organisation,
        severity: hit.severity,
        mentions: hit.mentions,
        findings: hit.findings,
        withheld: i64::try_from(dropped.len()).unwrap_or(i64::MAX),
    }
}

/// Lower-case words with single spaces: how texts are compared.
fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
