//! What the cases hand to the store: sources, entries, documents, hits and findings with nothing in
//! them but what a case is about.

use chrono::{DateTime, Utc};
use trustwatch::clock::from_ms;
use trustwatch::mask::Masker;
use trustwatch::model::{
    Binds, Category, Document, DocumentKind, Field, Finding, HitId, Mention, OrganisationId, Reader,
    Severity, Span,
};
use trustwatch::store::{
    ClaimedSource, Committed, DocumentRecord, EntryRecord, EntryState, HitRecord, Outcome, PollOutcome,
    PollResult, Shown, SourceSpec, Store, Terms,
};

/// 2026-07-01, noon UTC.
pub(super) const T0: i64 = 1_782_907_200_000;
pub(super) const SECOND: i64 = 1000;
pub(super) const HOUR: i64 = 3_600_000;
pub(super) const DAY: i64 = 24 * HOUR;
/// How long the claims of these cases hold.
pub(super) const LEASE: i64 = 60 * SECOND;

pub(super) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn organisation(id: &str) -> OrganisationId {
    id.parse().unwrap()
}

/// A source that is due at `T0`, on a host of its own.
pub(super) fn spec(id: &str) -> SourceSpec {
    SourceSpec {
        id: id.parse().unwrap(),
        kind: "feed",
        url: format!("https://{id}.example/feed"),
        host: format!("{id}.example"),
        organisations: vec![organisation("northmere")],
        document_kind: "news",
        first_due_at: T0,
        latest_due_at: i64::MAX,
    }
}

/// Two organisations, and these sources.
pub(super) async fn sync(store: &Store, ids: &[&str]) {
    let specs: Vec<SourceSpec> = ids.iter().map(|id| spec(id)).collect();
    sync_specs(store, &specs, T0).await;
}

pub(super) async fn sync_specs(store: &Store, specs: &[SourceSpec], now: i64) {
    let named = |id: &str, name: &str| (organisation(id), name.to_owned());
    let organisations = [named("northmere", "Northmere Valley"), named("solent", "Solent")];
    store.sync_sources(&organisations, specs, now).await.unwrap();
}

pub(super) const fn terms(now: i64) -> Terms<'static> {
    Terms { worker: "one", now, lease_ms: LEASE, limit: 100, only: "", except: "[]" }
}

/// Claims everything that is due, without gaps.
pub(super) async fn claim(store: &Store, now: i64) -> Vec<ClaimedSource> {
    store.claim_sources(terms(now), |_| 0).await.unwrap()
}

pub(super) fn names(claimed: &[ClaimedSource]) -> Vec<&str> {
    claimed.iter().map(|source| source.id.as_str()).collect()
}

/// A poll's outcome; due again after an hour.
pub(super) fn polled(source: &str, fence: i64, at: i64, result: PollResult) -> Outcome {
    Outcome::Poll(Box::new(PollOutcome {
        was_blind: true,
        was_calm: true,
        silence: None,
        source: source.parse().unwrap(),
        fence,
        at: from_ms(at),
        next_due_at: from_ms(at + HOUR),
        late_since: None,
        took_ms: 12,
        shown: Shown::default(),
        result,
    }))
}

/// A body that was read; it lists just `entries`.
pub(super) fn read(entries: Vec<EntryRecord>) -> PollResult {
    let listed = entries.iter().map(|entry| entry.key.clone()).collect();
    PollResult::Read {
        etag: Some("\"v1\"".to_owned()),
        last_modified: Some("Wed, 01 Jul 2026 10:00:00 GMT".to_owned()),
        body_hash: "body".to_owned(),
        generation: "watches-1".to_owned(),
        bytes: 1234,
        reader: Reader::Strict,
        entries,
        listed,
        listing: Vec::new(),
        removed: Vec::new(),
    }
}

pub(super) fn failed(reason: &'static str) -> PollResult {
    PollResult::Failed {
        reason,
        detail: "the server answered 503".to_owned(),
        status: Some(503),
        weight: 2,
        stay_away_until: None,
    }
}

pub(super) async fn commit_one(store: &Store, outcome: Outcome) -> Committed {
    store.commit(&[outcome]).await.unwrap().pop().unwrap().unwrap()
}

/// Makes a source due, claims it and writes `result` back.
pub(super) async fn poll(store: &Store, source: &str, at: i64, result: PollResult) -> Vec<HitId> {
    assert!(store.make_due(&source.parse().unwrap(), at).await.unwrap());
    let only = Terms { only: source, ..terms(at) };
    let claimed = store.claim_sources(only, |_| 0).await.unwrap().pop().unwrap();
    match commit_one(store, polled(source, claimed.fence, at, result)).await {
        Committed::Stored { hits } => hits.into_iter().map(|(id, _)| id).collect(),
        Committed::Stale => panic!("the claim was still ours"),
    }
}

/// An entry that was read, with a document where somebody was mentioned.
pub(super) fn entry(key: &str, document: Option<DocumentRecord>) -> EntryRecord {
    EntryRecord {
        key: key.to_owned(),
        content: format!("content of {key}"),
        backlog: false,
        edited: false,
        state: EntryState::Done(document.map(Box::new)),
    }
}

/// A document that resembles no other, with these hits. `name` stands in everything that tells it apart.
pub(super) fn document(name: &str, hits: Vec<HitRecord>) -> DocumentRecord {
    let clear = Document {
        title: format!("Title of {name}"),
        text: format!("Text of {name}"),
        ..Document::default()
    };
    let masker = Masker::default();
    DocumentRecord {
        kind: DocumentKind::News,
        url: masker.mask_url(&format!("https://paper.example/{name}")),
        title: masker.mask_line(&clear.title),
        published: None,
        doubt: None,
        language: Some("en".to_owned()),
        address_key: format!("address {name}"),
        title_key: format!("title {name}"),
        text_key: format!("text {name}"),
        words: 20,
        simhash: 0,
        minhash: Vec::new(),
        bands: [0; 4],
        clear: serde_json::to_vec(&clear).unwrap(),
        hits,
    }
}

/// A hit of Northmere with a finding in each of these categories, at its usual severity.
pub(super) fn hit(categories: &[Category]) -> HitRecord {
    let findings: Vec<Finding> = categories.iter().map(|category| finding(*category)).collect();
    HitRecord {
        said: findings.iter().map(|finding| format!("{} {}", finding.category, finding.severity)).collect(),
        organisation: organisation("northmere"),
        severity: findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info),
        mentions: vec![Mention { watch: "name".to_owned(), field: Field::Text, start: 0, end: 4 }],
        findings,
        withheld: 0,
    }
}

pub(super) fn finding(category: Category) -> Finding {
    Finding {
        category,
        rule: format!("rule-{category}"),
        rule_version: 1,
        severity: category.default_severity(),
        score: 0.75,
        clauses: vec!["EPUT 3.3".to_owned()],
        binds: Binds::Anyone,
        origin: None,
        writer: None,
        at_risk: None,
        child: false,
        spans: vec![Span { field: Field::Text, start: 5, end: 15, masked: "943 *** ****".to_owned() }],
        reason: "beside words for it".to_owned(),
    }
}

/// Stores one document with one hit, on a source of that name, at `at`.
pub(super) async fn store_hit(store: &Store, name: &str, at: i64, hit: HitRecord) -> HitId {
    let stored = poll(store, "paper", at, read(vec![entry(name, Some(document(name, vec![hit])))])).await;
    assert_eq!(stored.len(), 1, "{name}");
    stored[0]
}
