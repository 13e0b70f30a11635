//! What stands at a source's address: fetched, read by its kind, and held against what is known.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::judge::{Judged, Pass, judge};
use super::poll::{Failure, refused, still_lawful};
use super::{How, Parts, Planned, lists, lookalike, mailbox, own};
use crate::extract::{self, Comment, Wall, decode};
use crate::fetch::{FailureClass, Fetched, Head, Key, Page, Request, Rules, Validators, parse_target};
use crate::model::{DateDoubt, Document, DocumentKind, Entry, EntryContent, Reader, Source, SourceKind};
use crate::secret::sha256_hex;
use crate::source::{
    self, Hints, LinkedPages, Pace, PageOptions, ReadPage, linked_pages, page_entry, parse_feed, read_page,
};
use crate::store::{ClaimedSource, EntryState, PollResult, Store};

/// What a visit works with.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) parts: &'a Arc<Parts>,
    pub(super) planned: &'a Planned,
    pub(super) claim: &'a ClaimedSource,
    /// When it began.
    pub(super) at: DateTime<Utc>,
    /// Whether the last one read the same things and looked for the same names.
    pub(super) same_generation: bool,
}

/// What a visit listed.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: Vec<Entry>,
    pub(super) reader: Reader,
    pub(super) hints: Hints,
    /// Whether something is missing that comes another time.
    pub(super) is_cut: bool,
    /// What is remembered of it, where that is not the list of its entries.
    pub(super) blocks: Option<Vec<u8>>,
    /// Whether all of it stood there before we looked, though this is not the first visit.
    pub(super) is_backlog: bool,
    /// Whether its own words ask that no copy is kept.
    pub(super) no_copy: bool,
    /// Names the bodies that were read beside the first.
    pub(super) more: Option<String>,
}

/// An answer to be read, with how to recognise it again.
struct Answer {
    page: Page,
    body_hash: String,
}

/// Visits a source.
pub(super) async fn visit(
    parts: &Arc<Parts>,
    planned: &Planned,
    claim: &ClaimedSource,
    (pace, head): (&mut Pace, &mut Head),
    at: DateTime<Utc>,
) -> Result<PollResult, Failure> {
    still_lawful(&planned.source, at)?;
    let generation = parts.generation_of(planned);
    let visit = Visit { parts, planned, claim, at, same_generation: claim.generation == generation };
    let without_body = match &planned.how {
        How::Mailbox(folder) => Some(mailbox::read(visit, folder).await?),
        How::Lookalike(options) => Some(lookalike::look(visit, options).await?),
        _ => None,
    };
    if let Some(listed) = without_body {
        return read(visit, listed, None, generation, pace).await;
    }
    let fetched = fetch(visit, pace, head).await?;
    let Answer { mut page, mut body_hash } = match fetched {
        Ok(answer) => answer,
        Err(unchanged) => return Ok(unchanged),
    };
    let validators = page.validators.clone();
    if matches!(planned.how, How::Own(_)) {
        return own::look(visit, page, pace).await.map(|listing| PollResult::Read {
            etag: None,
            last_modified: None,
            body_hash: String::new(),
            generation,
            bytes: 0,
            reader: Reader::Strict,
            entries: Vec::new(),
            listed: Vec::new(),
            listing,
            removed: Vec::new(),
        });
    }
    page.head = head.clone();
    let (bytes, no_copy) = (i64::try_from(page.wire_bytes).unwrap_or(i64::MAX), head.no_copy);
    let listed = entries_of(visit, page).await?;
    if let Some(more) = &listed.more {
        body_hash = parts.store.fingerprint(&["bodies", &body_hash, more]);
        if visit.same_generation && claim.body_hash.as_deref() == Some(body_hash.as_str()) {
            return Ok(PollResult::Unchanged { validators: None });
        }
    }
    read(visit, listed, Some((validators, body_hash, bytes, no_copy)), generation, pace).await
}

/// Fetches a source's address; what is unchanged needs no reading.
async fn fetch(
    visit: Visit<'_>,
    pace: &mut Pace,
    head: &mut Head,
) -> Result<Result<Answer, PollResult>, Failure> {
    let Visit { parts, planned, claim, at, same_generation } = visit;
    let validators = if same_generation {
        Validators { etag: claim.etag.clone(), last_modified: claim.last_modified.clone() }
    } else {
        Validators::default()
    };
    let moved = claim.moved_to.as_ref().and_then(|to| parse_target(to, &parts.fetcher.policy()).ok());
    let url = moved.unwrap_or_else(|| planned.address(at));
    let request = Request { validators, is_slotted: true, ..request(planned, url) };
    let fetched = match parts.fetcher.fetch(request).await {
        Ok(fetched) => fetched,
        Err(error) => return Err(refused(error).await),
    };
    let mut page = match fetched {
        Fetched::NotModified(found) => {
            pace.fresh_s = found.fresh_for.map(|fresh| fresh.as_secs());
            pace.answered(found.took);
            if planned.secret.is_none() {
                *head = found;
            }
            return Ok(Err(PollResult::Unchanged { validators: None }));
        }
        Fetched::Page(page) => page,
    };
    *head = page.head.clone();
    if planned.secret.is_some() {
        head.moved.clear();
    }
    if planned.has_secret_address() {
        // What was fetched holds the secret: it must not get into entries, nor into what is stored of a move.
        page.url = planned.source.url.clone();
    }
    pace.fresh_s = head.fresh_for.map(|fresh| fresh.as_secs());
    pace.answered(head.took);
    let body_hash = parts.store.fingerprint(&["body", &sha256_hex(&page.body)]);
    if same_generation && claim.body_hash.as_deref() == Some(body_hash.as_str()) {
        // Validators lie, and many servers give none.
        let Validators { etag, last_modified } = page.validators;
        let validators =
            ((&etag, &last_modified) != (&claim.etag, &claim.last_modified)).then_some((etag, last_modified));
        return Ok(Err(PollResult::Unchanged { validators }));
    }
    Ok(Ok(Answer { page, body_hash }))
}

/// A request for one of a source's addresses, with its key where that stands in a header.
pub(super) fn request(planned: &Planned, url: url::Url) -> Request {
    // What was decided about one host holds for that host, and a key goes to the site that gave it.
    let is_decided = planned.source.robots_override.is_some() && url.host() == planned.source.url.host();
    let rules = if is_decided { Rules::Overridden } else { Rules::Robots };
    let secret = planned.secret.as_ref().filter(|_| url.origin() == planned.source.url.origin());
    let key = match (&planned.how, secret) {
        (How::Api(options), Some(secret)) => options.header.as_ref().map(|name| Key {
            header: name.clone(),
            prefix: options.prefix.clone(),
            secret: secret.clone(),
        }),
        _ => None,
    };
    Request { rules, key, ..Request::new(url) }
}

/// Judges what was listed. `answer` are validators, fingerprint and size of the body that it came in, and whether no
/// copy may be kept.
async fn read(
    visit: Visit<'_>,
    listed: Listed,
    answer: Option<(Validators, String, i64, bool)>,
    generation: String,
    pace: &mut Pace,
) -> Result<PollResult, Failure> {
    let Visit { parts, planned, claim, at, same_generation } = visit;
    let (validators, body_hash, bytes, no_copy) = answer.unwrap_or_default();
    let Listed { mut entries, reader, hints, is_cut, blocks, is_backlog, no_copy: asks, more } = listed;
    planned.hide_secret(&mut entries);
    let is_first = is_backlog || claim.first_polled_at.is_none();
    let pass = Pass { is_first, same_generation, no_copy: no_copy || asks };
    pace.hints = hints;
    let mut learnt = *pace;
    learnt.learn(&entries, at);
    let judged = judge(parts, planned, entries, pass, at).await?;
    if pass.is_first || !judged.records.is_empty() {
        *pace = learnt;
    }
    let Judged { mut records, listed, listing, removed, is_whole } = judged;
    for record in &mut records {
        if let EntryState::Done(Some(document)) = &mut record.state {
            super::copies::join(parts, document).await.map_err(Failure::store)?;
        }
    }
    let listing = match blocks {
        Some(blocks) if is_whole => blocks,
        // What could not be judged must be new again.
        Some(_) => parts.store.listing(&planned.source.id).await.map_err(Failure::store)?,
        None => listing.to_stored(),
    };
    let is_whole = is_whole && !is_cut;
    crate::telemetry::count_entries(records.len() as u64);
    let Validators { etag, last_modified } = validators;
    // Of several bodies the first may stay as it is while others change.
    let keeps_validators = is_whole && more.is_none();
    Ok(PollResult::Read {
        // With an entry left out the body must come again, changed or not.
        etag: etag.filter(|_| keeps_validators),
        last_modified: last_modified.filter(|_| keeps_validators),
        body_hash: if is_whole { body_hash } else { String::new() },
        generation,
        bytes,
        reader,
        entries: records,
        listed,
        listing,
        removed,
    })
}

/// Bytes to entries, off the async threads.
async fn entries_of(visit: Visit<'_>, page: Page) -> Result<Listed, Failure> {
    let Visit { parts, planned, at: now, same_generation, .. } = visit;
    match &planned.how {
        How::Sitemap(options) => return lists::sitemap(visit, page, options).await,
        How::Api(options) => return lists::api(visit, page, options).await,
        How::Feed | How::Page(_) | How::Mailbox(_) | How::Own(_) | How::Lookalike(_) => {}
    }
    // A page behind a redirect that varies is one page all the same.
    let key = planned.source.url.to_string();
    let options = parts.options.source.clone();
    let chosen = match &planned.how {
        How::Page(chosen) => Some(chosen.clone()),
        _ => None,
    };
    let follow = planned.source.follow;
    // What is looked for now was never looked for in what stood there before.
    let before = if chosen.as_ref().is_none_or(PageOptions::is_plain) || !same_generation {
        Vec::new()
    } else {
        parts.store.listing(&planned.source.id).await.map_err(Failure::store)?
    };
    let store = parts.store.clone();
    let parsed = parts.compute(move || {
        let text = text_of(&page)?;
        match chosen {
            Some(chosen) => {
                page_of(&key, &page.url, text, (&chosen, follow), &before, |line| block_print(&store, line))
            }
            None => feed_of(&text, &page.url, now, &options),
        }
    });
    parsed.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))
}

/// The text of a body; none where it is another kind of file.
pub(super) fn text_of(page: &Page) -> Result<String, Failure> {
    if is_binary(&page.body) {
        return Err(Failure::unreadable("it is neither a page nor a feed but another kind of file"));
    }
    Ok(decode(&page.body, page.content_type.as_deref()).text)
}

/// Whether a body begins as documents, archives and pictures do.
fn is_binary(body: &[u8]) -> bool {
    const STARTS: [&[u8]; 8] = [
        b"%PDF-",
        b"PK\x03\x04",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"RIFF",
        b"\x1f\x8b",
        b"\xd0\xcf\x11\xe0",
    ];
    STARTS.iter().any(|start| body.starts_with(start))
}

/// The fingerprint of a page's block: eight bytes of a keyed one.
pub(super) fn block_print(store: &Store, line: &str) -> [u8; 8] {
    let hex = store.fingerprint(&["block", line]);
    u64::from_str_radix(&hex[..16], 16).unwrap_or_default().to_be_bytes()
}

fn page_of(
    key: &str,
    url: &url::Url,
    html: String,
    (options, follow): (&PageOptions, bool),
    before: &[u8],
    print: impl Fn(&str) -> [u8; 8],
) -> Result<Listed, Failure> {
    if html.trim().is_empty() {
        return Err(Failure::new("empty", "the body is empty", FailureClass::Soft));
    }
    let no_copy = extract::asks_for_no_copy(&html);
    match Wall::of(&html) {
        Some(wall) => Err(wall.into()),
        None if follow => {
            let LinkedPages { entries, found } = linked_pages(url, &html, options);
            if found { Ok(Listed { entries, ..Listed::default() }) } else { Err(not_on_page(options)) }
        }
        None if options.is_plain() => {
            let (comments, rest) = comment_entries(key, url, &html);
            let page = page_entry(key, url.as_str(), rest.unwrap_or(html));
            let entries = std::iter::once(page).chain(comments).collect();
            Ok(Listed { entries, no_copy, ..Listed::default() })
        }
        None => {
            let ReadPage { entries, blocks, found } = read_page(key, url, &html, options, before, print);
            if !found {
                return Err(not_on_page(options));
            }
            Ok(Listed { entries, blocks: Some(blocks), no_copy, ..Listed::default() })
        }
    }
}

/// What others said below a page known by `key`; and the page without it.
pub(super) fn comment_entries(key: &str, url: &url::Url, html: &str) -> (Vec<Entry>, Option<String>) {
    let entry = |comment: Comment| {
        let named = if comment.id.is_empty() {
            sha256_hex(format!("{}\n{}", comment.author, comment.text).as_bytes())
        } else {
            comment.id.clone()
        };
        let mut place = url.clone();
        place.set_fragment(Some(comment.id.as_str()).filter(|id| !id.is_empty()));
        Entry {
            key: format!("{key}#comment {named}"),
            url: place.into(),
            author: comment.author,
            doubt: comment.published.is_none().then_some(DateDoubt::Missing),
            published: comment.published,
            content: EntryContent::Text(comment.text),
            kind: Some(DocumentKind::Comment),
            ..Entry::default()
        }
    };
    let (comments, rest) = extract::comments(html);
    (comments.into_iter().map(entry).collect(), rest)
}

fn not_on_page(options: &PageOptions) -> Failure {
    let detail =
        format!("none of the parts that `select` names stands on the page: {}", options.select.join(", "));
    Failure::new("not_on_page", detail, FailureClass::Soft)
}

fn feed_of(
    text: &str,
    url: &url::Url,
    now: DateTime<Utc>,
    options: &source::Options,
) -> Result<Listed, Failure> {
    let feed = parse_feed(text, url, now, options).map_err(|error| {
        let reason = match error {
            source::FeedError::Empty => "empty",
            source::FeedError::WebPage => match Wall::of(text) {
                Some(wall) => return wall.into(),
                None => "not_a_feed",
            },
            source::FeedError::Unreadable(_) => "unreadable",
        };
        Failure::new(reason, error.to_string(), FailureClass::Soft)
    })?;
    if feed.dropped > 0 {
        tracing::warn!(
            url.host = url.host_str(),
            entries.dropped = feed.dropped,
            "the feed lists more entries than max_entries"
        );
    }
    Ok(Listed {
        entries: feed.entries,
        reader: feed.reader,
        hints: feed.hints,
        is_cut: feed.is_cut,
        ..Listed::default()
    })
}

/// The document of an entry whose text is at hand; `plain` is the plain text of its body, where that was made already.
pub(super) fn document_of(
    source: &Source,
    entry: &Entry,
    plain: Option<String>,
    options: &extract::Options,
) -> Document {
    let kind = entry.kind.unwrap_or(source.document_kind);
    if let Some(text) = plain.filter(|_| source.kind != SourceKind::Page) {
        return extract::document_of_words(entry, text, kind, options);
    }
    match (source.kind, url::Url::parse(&entry.url), &entry.content) {
        (SourceKind::Page, Ok(url), EntryContent::Html(_)) => {
            extract::document_of_page(entry.content.as_str(), &url, entry, kind, options)
        }
        _ => extract::document_of_entry(entry, kind, options),
    }
}
