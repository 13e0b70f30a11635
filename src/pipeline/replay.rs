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
    /// Who writes, and why texts are opened, for the audit.
    pub actor: String,
    /// Why.
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
    /// Hits of organisations that nobody watches for any more: left alone.
    pub unwatched: u32,
    /// Hits of which the author may not be kept (SEC 2.10): without it nothing is judged anew.
    pub withheld: u32,
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
    let Some(profile) = classifier.profiles().iter().find(|profile| profile.id == stored.organisation) else {
        replayed.unwatched += 1;
        return Ok(());
    };
    let hits = classifier.classify(document);
    let profile_of = |hit: &Hit| classifier.profiles().iter().find(|profile| profile.id == hit.organisation);
    let withholds = |hit: &Hit| {
        let withheld = |profile| hit.findings.iter().any(|finding| is_withheld(finding.category, profile));
        profile_of(hit).is_some_and(withheld)
    };
    if hits.iter().any(withholds) {
        replayed.withheld += 1;
        return Ok(());
    }
    let now = hits.into_iter().find(|hit| hit.organisation == profile.id);
    replayed.unmentioned += u32::from(now.is_none());
    let mut now = now.unwrap_or_else(|| Hit::new(profile.id.clone(), Vec::new(), Vec::new()));
    // What copies of the story tell together is no single document's.
    let joined = |finding: &&Finding| finding.category == Category::Jigsaw && finding.spans.is_empty();
    if !now.findings.iter().any(|finding| finding.category == Category::Jigsaw) {
        now.findings.extend(stored.findings.iter().filter(joined).cloned());
        now = Hit::new(now.organisation, now.mentions, now.findings);
    }
    let found: Vec<&Finding> = now.findings.iter().collect();
    let Some(news) = replayed.compare(request, &stored, &found) else { return Ok(()) };
    if !request.apply {
        return Ok(());
    }
    let record = record::hit_record(store, classifier, document, now);
    let audit = (request.actor.as_str(), request.purpose.as_str(), request.now);
    match store.reapply(stored.id, stored.version, &record, news, audit).await? {
        Applied::Changed => replayed.meanwhile += 1,
        applied => {
            replayed.written += 1;
            replayed.told += u32::from(applied == Applied::Told);
        }
    }
    Ok(())
}

impl Replayed {
    /// Notes what differs: whether it is something new or graver. `None` where nothing does.
    fn compare(&mut self, request: &Request, stored: &StoredHit, found: &[&Finding]) -> Option<bool> {
        let before: BTreeMap<&str, &Finding> =
            stored.findings.iter().map(|finding| (finding.rule.as_str(), finding)).collect();
        let after: BTreeMap<&str, &Finding> =
            found.iter().map(|finding| (finding.rule.as_str(), *finding)).collect();
        let (mut changes, mut hidden, mut news) = (Vec::new(), false, false);
        let rules: std::collections::BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        for rule in rules {
            let (was, is) = (before.get(rule).copied(), after.get(rule).copied());
            let Some(category) = is.or(was).map(|finding| finding.category) else { continue };
            let restricted = was.into_iter().chain(is).any(|finding| finding.category.is_restricted());
            let shown = request.restricted || !restricted;
            let phrase = phrase(rule, category, was, is);
            news |= is.is_some_and(|is| was.is_none_or(|was| is.severity > was.severity));
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
        differs.then_some(news)
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

/// What happens to a rule's finding; `None` where it stays as it is.
fn phrase(rule: &str, category: Category, was: Option<&Finding>, is: Option<&Finding>) -> Option<String> {
    match (was, is) {
        (None, Some(is)) => Some(format!("+ {category}, {} (rule {rule} {})", is.severity, is.rule_version)),
        (Some(was), None) => {
            Some(format!("- {}, {} (rule {rule} {})", was.category, was.severity, was.rule_version))
        }
        (Some(was), Some(is)) if was.severity != is.severity => {
            Some(format!("~ {category}, {} → {} (rule {rule})", was.severity, is.severity))
        }
        (Some(was), Some(is)) if terms(was) != terms(is) => Some(format!(
            "~ {category}, otherwise than by rule {rule} {} (now {})",
            was.rule_version, is.rule_version
        )),
        _ => None,
    }
}

/// What of a finding counts besides its severity: not where it stands, nor in what words it is explained.
fn terms(finding: &Finding) -> impl PartialEq + '_ {
    let Finding { category, clauses, binds, origin, child, writer, at_risk, rule_version, .. } = finding;
    (category, clauses, binds, origin, child, writer, at_risk, rule_version)
}
