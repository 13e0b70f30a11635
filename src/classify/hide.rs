//! Clear fields of a document with everything hidden that its findings expose: names, addresses and numbers.

use crate::mask::{Masked, MaskedUrl, Masker};
use crate::model::{Category, Document, Field, Hit};

/// Parts of a name shorter than this stand in too many addresses (characters).
const MIN_PART: usize = 3;

/// A field as it may be shown beside the findings of all hits.
pub fn masked_field(masker: &Masker, document: &Document, hits: &[Hit], field: Field) -> Masked {
    let spans = hits.iter().flat_map(|hit| &hit.findings).flat_map(|finding| &finding.spans);
    let found: Vec<(usize, usize, &str)> = spans
        .filter(|span| span.field == field)
        .map(|span| (span.start, span.end, span.masked.as_str()))
        .collect();
    masker.mask_found(document.field(field), &found)
}

/// The address as it may be shown: hidden where a finding stands in it, or the name of a private person.
pub fn masked_url(masker: &Masker, document: &Document, hits: &[Hit]) -> MaskedUrl {
    let findings = || hits.iter().flat_map(|hit| &hit.findings);
    let confidential = |category: Category| category.family() == crate::model::Family::Confidentiality;
    let exposed = findings()
        .filter(|finding| confidential(finding.category))
        .any(|finding| finding.spans.iter().any(|span| span.field == Field::Url));
    let address = document.url.to_lowercase();
    let names = findings().filter(|finding| finding.category == Category::NamedPerson);
    let named = names.flat_map(|finding| &finding.spans).any(|span| {
        let name: String = document
            .field(span.field)
            .chars()
            .skip(span.start)
            .take(span.end.saturating_sub(span.start))
            .collect();
        let parts: Vec<String> = name
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| part.chars().count() >= MIN_PART)
            .map(str::to_lowercase)
            .collect();
        parts.len() > 1 && parts.iter().all(|part| address.contains(part.as_str()))
    });
    if exposed || named { masker.hide_url(&document.url) } else { masker.mask_url(&document.url) }
}
