//! What the pipeline hands over to be stored: plain values in which text is masked, sealed or keyed.

use chrono::{DateTime, Utc};

use crate::mask::{Masked, MaskedUrl};
use crate::model::{
    DateDoubt, DocumentKind, EntryId, Finding, Mention, OrganisationId, Reader, Severity, SourceId,
};

/// What one piece of claimed work came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A source was polled.
    Poll(Box<PollOutcome>),
    /// A waiting entry's page was fetched.
    Entry(Box<EntryOutcome>),
}

impl Outcome {
    pub(super) fn poll(&self) -> Option<&PollOutcome> {
        match self {
            Self::Poll(poll) => Some(poll),
            Self::Entry(_) => None,
        }
    }
}

/// What one visit to a source came to.
#[derive(Debug, Clone)]
pub struct PollOutcome {
    /// Which source.
    pub source: SourceId,
    /// The fence of the claim.
    pub fence: i64,
    /// When it was polled.
    pub at: DateTime<Utc>,
    /// When it is due next.
    pub next_due_at: DateTime<Utc>,
    /// Since when nobody looked, where the visit came far too late.
    pub late_since: Option<DateTime<Utc>>,
    /// Whether a gap was open.
    pub was_blind: bool,
    /// Whether the visit before found nothing new.
    pub was_calm: bool,
    /// In a sentence, where it answers and has said nothing new for far longer than usual.
    pub silence: Option<String>,
    /// How long it took, from claim to here (ms).
    pub took_ms: i64,
    /// What it showed of the source itself.
    pub shown: Shown,
    /// What it came to.
    pub result: PollResult,
}

/// What a visit showed of the source itself.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Its rhythm, as JSON.
    pub pace: String,
    /// Permanent redirects seen in a row, as JSON; empty for none.
    pub moving: String,
    /// Where it is asked from now on, where that changed.
    pub moved: Option<Move>,
    /// Whether it is gone for good and not asked any more by itself.
    pub stopped: bool,
}

/// A change of the address that a source is asked at.
#[derive(Debug, Clone)]
pub struct Move {
    /// The address that stands for the configured one; none: the configured one itself, again.
    pub to: Option<String>,
    /// Its host, as pacing counts hosts.
    pub host: String,
}

/// What a visit came to.
#[derive(Debug, Clone)]
pub enum PollResult {
    /// Nothing new: 304, or the same bytes again, perhaps under other validators.
    Unchanged {
        /// `ETag` and `Last-Modified` that came with the same bytes; none with a 304.
        validators: Option<(Option<String>, Option<String>)>,
    },
    /// A body was read.
    Read {
        /// `ETag`, verbatim.
        etag: Option<String>,
        /// `Last-Modified`, verbatim.
        last_modified: Option<String>,
        /// Keyed fingerprint of the body.
        body_hash: String,
        /// What the entries were matched against.
        generation: String,
        /// Bytes over the wire.
        bytes: i64,
        /// What it took to read it.
        reader: Reader,
        /// Entries that are new or changed.
        entries: Vec<EntryRecord>,
        /// Keyed fingerprints of the keys of all entries that were listed.
        listed: Vec<String>,
        /// The same with their aliases, in order, to be compared with the next.
        listing: Vec<u8>,
        /// Keys of entries that their publisher took away.
        removed: Vec<String>,
    },
    /// Nothing could be read.
    Failed {
        /// The reason's name.
        reason: &'static str,
        /// What to tell the operator.
        detail: String,
        /// The status the server answered with.
        status: Option<u16>,
        /// How it weighs, in quarters.
        weight: i64,
        /// Until when the server asks us to stay away from it.
        stay_away_until: Option<DateTime<Utc>>,
    },
}

/// An entry that is new or changed.
#[derive(Debug, Clone)]
pub struct EntryRecord {
    /// Keyed fingerprint of its key.
    pub key: String,
    /// Keyed fingerprint of what it said.
    pub content: String,
    /// Whether it belongs to a first pass.
    pub backlog: bool,
    /// Whether its words were others before.
    pub edited: bool,
    /// Where it stands.
    pub state: EntryState,
}

impl EntryRecord {
    /// Mentions nobody and never did: a key and a fingerprint are all that is kept of it.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.state, EntryState::Done(None)) && !self.edited
    }
}

/// Where an entry stands.
#[derive(Debug, Clone)]
pub enum EntryState {
    /// Read; a document where somebody was mentioned.
    Done(Option<Box<DocumentRecord>>),
    /// Its page is to be fetched.
    Waiting {
        /// What the feed said of it, as JSON, to be sealed.
        payload: Vec<u8>,
        /// Its page's host, as pacing counts hosts.
        host: String,
        /// When its page may be fetched.
        due_at: DateTime<Utc>,
    },
}

/// A document with at least one hit.
#[derive(Debug, Clone)]
pub struct DocumentRecord {
    /// What sort of text it is.
    pub kind: DocumentKind,
    /// Where it was read.
    pub url: MaskedUrl,
    /// Its headline.
    pub title: Masked,
    /// When it says that it was published.
    pub published: Option<DateTime<Utc>>,
    /// Why that is doubtful.
    pub doubt: Option<DateDoubt>,
    /// Its language.
    pub language: Option<String>,
    /// Keyed fingerprint of its canonical address.
    pub address_key: String,
    /// Keyed fingerprint of its normalised title.
    pub title_key: String,
    /// Keyed fingerprint of its normalised text.
    pub text_key: String,
    /// How many words its text has.
    pub words: i64,
    /// The SimHash of its text, 0 for none.
    pub simhash: u64,
    /// The MinHash of its text; empty for none.
    pub minhash: Vec<u8>,
    /// The SimHash's bands.
    pub bands: [u16; 4],
    /// The document in clear, as JSON, to be sealed.
    pub clear: Vec<u8>,
    /// Whom it mentions.
    pub hits: Vec<HitRecord>,
}

/// A hit to be stored.
#[derive(Debug, Clone)]
pub struct HitRecord {
    /// Whose name stands there.
    pub organisation: OrganisationId,
    /// The highest severity among the findings.
    pub severity: Severity,
    /// Where the names stand.
    pub mentions: Vec<Mention>,
    /// What the rules found, masked.
    pub findings: Vec<Finding>,
    /// Keyed fingerprints of what was found, one for each place.
    pub said: Vec<String>,
    /// Findings on employees' conduct that the profile does not let us keep: counted only.
    pub withheld: i64,
}

/// What fetching a waiting entry's page came to.
#[derive(Debug, Clone)]
pub struct EntryOutcome {
    /// Which entry.
    pub entry: EntryId,
    /// Of which source.
    pub source: SourceId,
    /// The fence of the claim.
    pub fence: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What it came to.
    pub result: EntryResult,
    /// What others said below the page: entries of the same source, judged.
    pub comments: Vec<EntryRecord>,
}

/// What fetching a waiting entry's page came to.
#[derive(Debug, Clone)]
pub enum EntryResult {
    /// Read; a document where somebody was mentioned.
    Done(Option<Box<DocumentRecord>>),
    /// Not this time.
    Retry {
        /// When to try again.
        at: DateTime<Utc>,
        /// Why.
        detail: String,
    },
    /// Not any more.
    Failed {
        /// Why.
        detail: String,
    },
    /// The page is gone for good.
    Gone,
}
