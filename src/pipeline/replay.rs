//! Stored hits judged anew, before a rule goes live or after: what would change, and on request the change.

use std::collections::BTreeMap;

use serde::Serialize;

use super::record;
use crate::classify::{Classifier, is_withheld};
use crate::model::{Category, Finding, Hit, HitId, OrganisationId, Severity};
use crate::store::{Applied, Store, StoreError, StoredHit};

/// Hits read at once.
const BATCH: i64 = 200;
/// Who opens the texts, as the audit names it.
const ACTOR: &str = "system";

/// What is replayed.
#[derive(Debug, Clone)]
pub struct Request {
    /// Hits that count since then (ms).
    pub since: i64,
    /// Of one organisation only.
    pub organisation: Option<OrganisationId>,
    /// Why, for the audit.
    pub purpose: String,
    /// Whether to write what changed.
    pub apply: bool,
    /// Whether restricted findings are named.
    pub restricted: bool,
    /// Now (ms).
    pub now: i64,
}

/// What one rule would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// What it finds.
    pub category: String,
    /// Hits on which it fires now as before.
    pub same: u32,
    /// Hits on which it would fire and did not.
    pub added: u32,
    /// Hits on which it fired and would not.
    pub dropped: u32,
    /// Hits on which it would be graver.
    pub raised: u32,
    /// Hits on which it would be less grave.
    pub lowered: u32,
}

/// A hit that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HitChange {
    /// Its number.
    pub hit: HitId,
    /// Whose name stands there.
    pub organisation: OrganisationId,
    /// London day.
    pub day: String,
    /// Its severity as stored and as it would be.
    pub severity: (Severity, Severity),
    /// What changes, in a phrase for each rule.
    pub changes: Vec<String>,
}

/// What a replay came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Replayed {
    /// Hits judged anew.
    pub hits: u32,
    /// Hits whose text could not be opened, with the reason.
    pub unreadable: Vec<(HitId, String)>,
    /// What each rule would change, by its id.
    pub rules: BTreeMap<String, RuleChange>,
    /// The hits that would change.
    pub changed: Vec<HitChange>,
    /// Hits that would change in restricted findings, which are not shown.
    pub restricted: u32,
    /// Hits in which the organisation's name would no longer count.
    pub unmentioned: u32,
    /// Hits written.
    pub written: u32,
    /// Of them, hits of which people are told.
    pub told: u32,
    /// Hits that changed meanwhile and were left alone.
    pub meanwhile: u32,
}

/// Judges every stored hit of `request` anew by `classifier`.
///
/// # Errors
/// When the store fails; a text that cannot be opened is in its own place.
pub async fn replay(
    store: &Store,
    classifier: &Classifier,
    request: &Request,
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    let mut after = HitId(0);
    loop {
        let audit = (ACTOR, request.purpose.as_str(), request.now);
        let stored =
            store.hits_to_replay(after, request.since, request.organisation.as_ref(), BATCH, audit).await?;
        let Some(last) = stored.last() else { return Ok(replayed) };
        after = last.id;
        for hit in stored {
            one(store, classifier, request, hit, &mut replayed).await?;
        }
    }
}

async fn one(
    store: &Store,
    classifier: &Classifier,
    request: &Request,
    stored: StoredHit,
    replayed: &mut Replayed,
) -> Result<(), StoreError> {
    replayed.hits += 1;
    let document = match &stored.document {
        Ok(document) => document,
        Err(error) => {
            replayed.unreadable.push((stored.id, error.clone()));
            return Ok(());
        }
    };
    let hits = classifier.classify(document);
    let now = hits.into_iter().find(|hit| hit.organisation == stored.organisation);
    replayed.unmentioned += u32::from(now.is_none());
    let now = now.unwrap_or_else(|| Hit::new(stored.organisation.clone(), Vec::new(), Vec::new()));
    let profile = classifier.profiles().iter().find(|profile| profile.id == stored.organisation);
    let kept = |finding: &&Finding| profile.is_some_and(|profile| !is_withheld(finding.category, profile));
    let found: Vec<&Finding> = now.findings.iter().filter(kept).collect();
    if !replayed.compare(request, &stored, &found) || !request.apply {
        return Ok(());
    }
    let record = record::hit_record(store, classifier, document, now);
    match store.reapply(stored.id, stored.version, &record, request.now).await? {
        Applied::Changed => replayed.meanwhile += 1,
        applied => {
            replayed.written += 1;
            replayed.told += u32::from(applied == Applied::Told);
        }
    }
    Ok(())
}

impl Replayed {
    /// Notes what differs; whether anything does.
    fn compare(&mut self, request: &Request, stored: &StoredHit, found: &[&Finding]) -> bool {
        let before: BTreeMap<&str, &Finding> =
            stored.findings.iter().map(|finding| (finding.rule.as_str(), finding)).collect();
        let after: BTreeMap<&str, &Finding> =
            found.iter().map(|finding| (finding.rule.as_str(), *finding)).collect();
        let (mut changes, mut hidden) = (Vec::new(), false);
        let rules: std::collections::BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        for rule in rules {
            let (was, is) = (before.get(rule).copied(), after.get(rule).copied());
            let Some(category) = was.or(is).map(|finding| finding.category) else { continue };
            let shown = request.restricted || !category.is_restricted();
            let phrase = phrase(rule, category, was, is);
            hidden |= phrase.is_some() && !shown;
            if shown {
                self.rules.entry(rule.to_owned()).or_default().note(category, was, is);
                changes.extend(phrase);
            }
        }
        self.restricted += u32::from(hidden);
        let differs = hidden || !changes.is_empty();
        if !changes.is_empty() {
            let open = |finding: &&&Finding| request.restricted || !finding.category.is_restricted();
            let worst = |findings: &BTreeMap<&str, &Finding>| {
                let severities = findings.values().filter(open).map(|finding| finding.severity);
                severities.max().unwrap_or(Severity::Info)
            };
            self.changed.push(HitChange {
                hit: stored.id,
                organisation: stored.organisation.clone(),
                day: stored.day.clone(),
                severity: (worst(&before), worst(&after)),
                changes,
            });
        }
        differs
    }
}

impl RuleChange {
    fn note(&mut self, category: Category, was: Option<&Finding>, is: Option<&Finding>) {
        category.as_str().clone_into(&mut self.category);
        match (was, is) {
            (Some(was), Some(is)) if is.severity > was.severity => self.raised += 1,
            (Some(was), Some(is)) if is.severity < was.severity => self.lowered += 1,
            (Some(_), Some(_)) => self.same += 1,
            (None, _) => self.added += 1,
            (Some(_), None) => self.dropped += 1,
        }
    }
}

/// What happens to a rule's finding; `None` where it stays as grave as it is.
fn phrase(rule: &str, category: Category, was: Option<&Finding>, is: Option<&Finding>) -> Option<String> {
    match (was, is) {
        (None, Some(is)) => Some(format!("+ {category}, {} (rule {rule} {})", is.severity, is.rule_version)),
        (Some(was), None) => {
            Some(format!("- {category}, {} (rule {rule} {})", was.severity, was.rule_version))
        }
        (Some(was), Some(is)) if was.severity != is.severity => {
            Some(format!("~ {category}, {} → {} (rule {rule})", was.severity, is.severity))
        }
        _ => None,
    }
}
