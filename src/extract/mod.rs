//! An entry or page becomes a document: charset, readable text, metadata, canonical address, language
//! and fingerprints. Pure; the caller runs it off the async threads, since pages can be large.

mod canonical;
mod charset;
mod comments;
mod fingerprint;
mod language;
mod metadata;
mod picture;
mod readable;
mod text;
mod wall;

use serde::Deserialize;
use url::Url;

pub use canonical::canonical_url;
pub use charset::{Decoded, decode};
pub use comments::{Comment, comments};
pub use fingerprint::{Fingerprints, MINHASHES, simhash_distance};
pub use language::language_of;
pub use metadata::{Metadata, asks_for_no_copy};
pub use picture::{Picture, logos};
pub use readable::Page;
pub use text::plain_text;
pub use wall::Wall;

use crate::model::{Document, DocumentKind, Entry, EntryContent};
use crate::problem::Problem;

/// Limits and lists of extraction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Text kept of one document, first characters first (characters).
    pub max_text_chars: usize,
    /// Elements of one page that are looked at.
    pub max_elements: usize,
    /// Query parameters removed from addresses; a `*` at the end stands for any rest.
    pub tracking_parameters: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        let tracking = [
            "utm_*", "fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "ns_*", "at_*",
            "xtor", "cmpid", "ref_src",
        ];
        Self {
            max_text_chars: 200_000,
            max_elements: 60_000,
            tracking_parameters: tracking.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.max_text_chars < 1000 {
            problems.push(Problem::at("max_text_chars", "must be at least 1000"));
        }
        if self.max_elements < 1000 {
            problems.push(Problem::at("max_elements", "must be at least 1000"));
        }
        problems
    }
}

/// The document of an entry whose text came with its feed.
pub fn document_of_entry(entry: &Entry, kind: DocumentKind, options: &Options) -> Document {
    let text = match &entry.content {
        EntryContent::Html(html) => plain_text(html),
        EntryContent::Text(text) => text.trim().to_owned(),
    };
    document_of_words(entry, text, kind, options)
}

/// The same, where the plain text of its body is at hand.
pub fn document_of_words(entry: &Entry, text: String, kind: DocumentKind, options: &Options) -> Document {
    let author = one_line(&entry.author);
    let author_handle =
        if author.starts_with('@') && !author.contains(' ') { author.clone() } else { String::new() };
    finish(
        Document {
            kind,
            url: Url::parse(&entry.url).map(|url| canonical_url(&url, options).into()).unwrap_or_default(),
            title: one_line(&entry.title),
            text,
            author,
            author_handle,
            published: entry.published,
            language: None,
            signals: entry.signals.clone(),
        },
        options,
    )
}

/// The document of a page that was fetched; what the feed said of it fills the gaps.
pub fn document_of_page(
    html: &str,
    url: &Url,
    entry: &Entry,
    kind: DocumentKind,
    options: &Options,
) -> Document {
    let page = Page::read(html, Some(url), options);
    let or = |first: String, second: String| if first.is_empty() { second } else { first };
    let canonical = page.metadata.canonical.as_ref().unwrap_or(url);
    // A name in a caption is a name on the page.
    let text = [page.text, page.beside].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>();
    finish(
        Document {
            kind,
            url: canonical_url(canonical, options).into(),
            title: or(one_line(&entry.title), page.metadata.title),
            text: text.join("\n"),
            author: or(page.metadata.author, one_line(&entry.author)),
            author_handle: String::new(),
            published: entry.published.or(page.metadata.published),
            language: page.metadata.language,
            signals: entry.signals.clone(),
        },
        options,
    )
}

/// The plain text of a title or name, on one line.
fn one_line(markup: &str) -> String {
    plain_text(markup).replace('\n', " ")
}

fn finish(mut document: Document, options: &Options) -> Document {
    if document.text.len() > options.max_text_chars
        && let Some((end, _)) = document.text.char_indices().nth(options.max_text_chars)
    {
        document.text.truncate(end);
    }
    document
}
