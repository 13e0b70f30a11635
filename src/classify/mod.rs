//! Hits to findings: rules as data, judged on the evidence around each place that a detector names.
//! Pure, and the same for the same input: the `classify` command and the service share it whole.

mod annotate;
mod evidence;
mod examples;
mod explain;
mod facts;
mod hide;
mod identifiers;
mod learned;
mod person;
mod rules;
mod view;

use std::collections::HashMap;
use std::sync::Arc;

pub use evidence::Held;
pub use examples::{Answer, Lint, Tried};
pub use explain::Explanation;
pub use hide::{masked_field, masked_url};
pub use learned::{Feature, Features, Learned, Letters, ModelError, Opinion, Weights, values};
pub use rules::{Rule, RuleExample, RuleSet};

use crate::mask::Masker;
use crate::matching::{
    Budget, FactKey, Matcher, MatcherError, Mentioned, Plan, Query, QueryError, lookalike, settled,
};
use crate::model::{
    Category, Document, DocumentKind, Family, Field, Finding, Hit, OrganisationId, Profile, Span,
};
use evidence::Verdict;
use identifiers::Place;
use rules::CompiledRule;
use view::{RULE_BUDGET, Seen, This, View};

/// Why no classifier can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// The watches cannot be compiled.
    #[error(transparent)]
    Matcher(#[from] MatcherError),
    /// The statistical model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The query of a watch cannot be used.
    #[error("profile {profile}, watch {watch:?}: query: {message}")]
    WatchQuery {
        /// Whose profile.
        profile: OrganisationId,
        /// Which watch.
        watch: String,
        /// What is wrong.
        message: String,
    },
}

/// What is put together of the copies of one story (bytes).
const MAX_JOINED: usize = 100_000;

/// Judges documents for every organisation.
#[derive(Debug, Clone)]
pub struct Classifier {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    matcher: Matcher,
    profiles: Vec<Profile>,
    rules: RuleSet,
    masker: Masker,
    learned: &'static Learned,
    /// What watches ask for beside their names, for each profile by the watch's name.
    watch_plans: Vec<HashMap<String, Plan>>,
}

impl Classifier {
    /// A classifier for `profiles` by `rules`.
    pub fn new(profiles: Vec<Profile>, rules: RuleSet) -> Result<Self, ClassifierError> {
        let matcher = Matcher::new(&profiles)?;
        let masker = Masker::new(&profiles);
        let learned = Learned::shipped()?;
        let (rules, watch_plans) = watch_plans(&profiles, rules)?;
        Ok(Self { parts: Arc::new(Parts { matcher, profiles, rules, masker, learned, watch_plans }) })
    }

    /// The masker that spares what these organisations publish.
    pub fn masker(&self) -> &Masker {
        &self.parts.masker
    }

    /// The profiles, in order.
    pub fn profiles(&self) -> &[Profile] {
        &self.parts.profiles
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.parts.rules
    }

    /// What the statistical model sees of `document` for each organisation that it mentions: what it is
    /// trained on.
    pub fn features(&self, document: &Document) -> Vec<Features> {
        let parts = &*self.parts;
        let seen = Seen::new(document, &parts.rules, &parts.masker);
        let mentioned = parts.mentioned(&seen, parts.matcher.find(document));
        let view = |mentioned: &Mentioned| {
            View::new(
                &seen,
                &parts.profiles[mentioned.profile],
                &mentioned.mentions,
                &parts.rules,
                &parts.masker,
                parts.learned,
            )
        };
        mentioned.map(|mentioned| learned::features_of(&view(&mentioned))).collect()
    }

    /// The hits of `document`, in the order of the profiles; none where nobody is mentioned.
    pub fn classify(&self, document: &Document) -> Vec<Hit> {
        let parts = &*self.parts;
        let mentioned = parts.matcher.find(document);
        if mentioned.is_empty() {
            return Vec::new();
        }
        let seen = Seen::new(document, &parts.rules, &parts.masker);
        parts.mentioned(&seen, mentioned).map(|mentioned| parts.judge(&seen, mentioned, None)).collect()
    }
}

impl Classifier {
    /// What `documents`, copies of one story, give away together about a person and none gives away alone.
    pub fn jigsaw_across(&self, documents: &[Document], organisation: &OrganisationId) -> Option<Finding> {
        let jigsaw = |document: &Document| {
            let hit = self.classify(document).into_iter().find(|hit| hit.organisation == *organisation)?;
            hit.findings.into_iter().find(|finding| finding.category == Category::Jigsaw)
        };
        let first = documents.first()?;
        if documents.iter().any(|document| jigsaw(document).is_some()) {
            return None;
        }
        let (mut told, mut length) = (std::collections::BTreeSet::new(), 0);
        let lines = documents.iter().flat_map(|document| document.text.lines());
        let fresh = lines.filter(|line| !line.trim().is_empty() && told.insert(line.trim().to_lowercase()));
        let fresh = fresh.take_while(|line| {
            length += line.len();
            length <= MAX_JOINED
        });
        let text = fresh.collect::<Vec<_>>().join("\n\n");
        let mut finding = jigsaw(&Document { text, ..first.clone() })?;
        // Its places are in several documents: none of them is this one's.
        finding.spans.clear();
        finding.reason =
            format!("told by {} copies of one story together: {}", documents.len(), finding.reason);
        Some(finding)
    }
}

impl Parts {
    /// Those whose names hold up to what their watches ask of the words around them.
    fn mentioned<'p>(
        &'p self,
        seen: &'p Seen<'_>,
        found: Vec<Mentioned>,
    ) -> impl Iterator<Item = Mentioned> + 'p {
        found.into_iter().filter_map(|mut mentioned| {
            let plans = &self.watch_plans[mentioned.profile];
            if mentioned.mentions.iter().any(|mention| plans.contains_key(&mention.watch)) {
                let profile = &self.profiles[mentioned.profile];
                let view =
                    View::new(seen, profile, &mentioned.mentions, &self.rules, &self.masker, self.learned);
                let overran = &mut mentioned.overran;
                mentioned.mentions.retain(|mention| {
                    let Some(plan) = plans.get(&mention.watch) else { return true };
                    let run = seen.reading.run_of_original(mention.field, mention.start, mention.end);
                    let budget = Budget::new(RULE_BUDGET);
                    let holds = run.is_some_and(|run| view.holds_around(plan, run, &budget));
                    let name = format!("watch {}", mention.watch);
                    if budget.is_overrun() && !overran.contains(&name) {
                        overran.push(name);
                    }
                    // What could not be asked to the end is no reason to overlook the Trust.
                    holds || budget.is_overrun()
                });
                mentioned.mentions = settled(mentioned.mentions);
            }
            (!mentioned.mentions.is_empty()).then_some(mentioned)
        })
    }

    /// Asks every rule. With `told`, every rule's reasoning is written there.
    fn judge(&self, seen: &Seen<'_>, mentioned: Mentioned, mut told: Option<&mut Vec<Explanation>>) -> Hit {
        let profile = &self.profiles[mentioned.profile];
        let mut view = View::new(seen, profile, &mentioned.mentions, &self.rules, &self.masker, self.learned);
        view.opinion = self.learned.opinion(&learned::features_of(&view));
        let mut findings = Vec::new();
        let mut overran = mentioned.overran;
        for rule in self.rules.compiled() {
            let budget = Budget::new(RULE_BUDGET);
            let judged = Self::ask(rule, &view, &budget);
            if budget.is_overrun() {
                overran.push(rule.rule.id.clone());
            }
            let finding = judged.finding(rule, &view, &budget);
            if let Some(told) = told.as_deref_mut() {
                told.extend(judged.explain(rule, finding.as_ref(), budget.is_overrun()));
            }
            let Some(finding) = finding else { continue };
            view.facts.add(finding.category);
            if let Some(marks) = rule.marks {
                let fired = judged.fired(rule).flat_map(|(place, _)| place.runs.iter().copied());
                view.mark(marks, fired);
            }
            findings.push(finding);
        }
        let mut hit = Hit::new(mentioned.organisation, mentioned.mentions, findings);
        hit.overran = overran;
        hit
    }

    /// What a rule says of each place of its detector.
    fn ask(rule: &CompiledRule, view: &View<'_>, budget: &Budget) -> Judged {
        if let Some(when) = &rule.when
            && view.ask(when, This::NONE, budget).is_none()
        {
            return Judged::NotAsked;
        }
        if let Some(unless) = &rule.unless
            && let Some(runs) = view.ask(unless, This::NONE, budget)
        {
            return Judged::RuledOut(view.because("it was ruled out", &runs));
        }
        let threshold =
            view.profile.threshold(&rule.rule.id, rule.rule.category).unwrap_or(rule.rule.threshold);
        let places = identifiers::places(rule.rule.detector, view);
        let weighed = places
            .into_iter()
            .map(|place| {
                let verdict = evidence::weigh(rule, view, &place, budget);
                (place, verdict)
            })
            .collect();
        Judged::Weighed { places: weighed, threshold }
    }
}

/// Compiles the queries of all watches together with the rules, whose lists they may name.
fn watch_plans(
    profiles: &[Profile],
    rules: RuleSet,
) -> Result<(RuleSet, Vec<HashMap<String, Plan>>), ClassifierError> {
    let mut plans = vec![HashMap::new(); profiles.len()];
    let asking = profiles.iter().enumerate().flat_map(|(index, profile)| {
        profile.watches.iter().filter_map(move |watch| Some((index, watch, watch.query.as_deref()?)))
    });
    let asking: Vec<_> = asking.collect();
    if asking.is_empty() {
        return Ok((rules, plans));
    }
    let wrong = |place: usize, message: String| {
        let (index, watch, _) = asking[place];
        ClassifierError::WatchQuery { profile: profiles[index].id.clone(), watch: watch.id.clone(), message }
    };
    let mut queries: Vec<Query> = Vec::new();
    for (place, (_, _, text)) in asking.iter().enumerate() {
        queries.push(text.parse().map_err(|error: QueryError| wrong(place, error.to_string()))?);
    }
    let (rules, compiled) = rules
        .with(&queries.iter().collect::<Vec<_>>())
        .map_err(|(place, error)| wrong(place, error.to_string()))?;
    for ((index, watch, _), plan) in asking.iter().zip(compiled) {
        plans[*index].insert(watch.id.clone(), plan);
    }
    Ok((rules, plans))
}

/// What became of a rule.
enum Judged {
    /// What it needs does not hold.
    NotAsked,
    /// Something rules it out.
    RuledOut(String),
    /// Its places were weighed.
    Weighed { places: Vec<(Place, Verdict)>, threshold: f64 },
}

impl Judged {
    /// The places that reach the threshold.
    fn fired<'j>(&'j self, rule: &'j CompiledRule) -> impl Iterator<Item = &'j (Place, Verdict)> {
        let (places, threshold) = match self {
            Self::Weighed { places, threshold } => (places.as_slice(), *threshold),
            _ => (&[][..], 1.0),
        };
        places.iter().filter(move |(place, verdict)| verdict.fires(rule, place, threshold))
    }

    /// The finding: the places where the rule fires become spans, the best score counts.
    fn finding(&self, rule: &CompiledRule, view: &View<'_>, budget: &Budget) -> Option<Finding> {
        let fired: Vec<&(Place, Verdict)> = self.fired(rule).collect();
        let (best_place, best) = fired.iter().max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score))?;
        let spec = &rule.rule;
        let mut severity = fired.iter().map(|(place, _)| place.severity.unwrap_or(spec.severity())).max()?;
        let mut reason = best.reason(rule, fired.len());
        let this = This { runs: &best_place.runs, signals: &best_place.signals };
        let regraded = spec.regrade.iter().zip(&rule.regrade).find_map(|(item, plan)| {
            view.ask(plan, this, budget).map(|runs| (item.to, view.because(&item.because, &runs)))
        });
        if let Some((to, because)) = regraded {
            severity = to;
            reason = format!("{reason}; {because}");
        }
        if let Some(own) = view.profile.severity(spec.category) {
            severity = own;
        }
        let confidential = spec.category.family() == Family::Confidentiality;
        let mut child = false;
        if confidential && let Some((true, because)) = view.cue(view.rules.child(), this, budget) {
            child = true;
            severity = severity.raised();
            reason = format!("{reason}; {because}");
        }
        let origin = confidential.then(|| {
            let (origin, because) = view
                .cue(view.rules.origins(), this, budget)
                .unwrap_or((crate::model::Origin::Unknown, "nothing says where it comes from".to_owned()));
            severity = origin.adjust(severity);
            reason = format!("{reason}; {because}");
            origin
        });
        let is_safety = spec.category == Category::Safety;
        let writer = is_safety.then(|| {
            view.cue(view.rules.writers(), this, budget)
                .map_or(crate::model::Writer::Unknown, |(writer, _)| writer)
        });
        let at_risk = is_safety
            .then(|| view.cue(view.rules.at_risk(), this, budget).is_some_and(|(at_risk, _)| at_risk));
        Some(Finding {
            category: spec.category,
            rule: spec.id.clone(),
            rule_version: spec.version,
            severity,
            score: (best.score * 100.0).round() / 100.0,
            clauses: spec.clauses.clone(),
            binds: spec.binds,
            origin,
            child,
            writer,
            at_risk,
            spans: fired.iter().flat_map(|(place, _)| place.spans.clone()).collect(),
            reason: view.masker.mask_line(&reason).to_string(),
        })
    }
}

/// The document's domain as a place, where it resembles one of the Trust's.
fn lookalike_place(view: &View<'_>) -> Option<Place> {
    let document = view.seen.document;
    let host = document.host();
    let is_domain = document.kind == DocumentKind::Domain;
    let name = if host.is_empty() && is_domain {
        document.text.split_whitespace().next().unwrap_or_default().to_lowercase()
    } else {
        host
    };
    // An ordinary page may have an address one letter away: then its headline has to name the Trust as well.
    let likeness = lookalike(&name, view.profile).filter(|likeness| {
        is_domain || likeness.is_meant() || view.facts.holds(FactKey::Is, "title_named", &[])
    })?;
    let mut place = Place { signals: vec![likeness.signal()], ..Place::default() };
    // A line on what it serves stands beside the bare name; a page is what it serves.
    if !is_domain || document.text.split_whitespace().count() > 3 {
        place.signals.push("served");
    }
    let lower = document.url.to_lowercase();
    if let Some(byte) = lower.find(&name) {
        let start = lower[..byte].chars().count();
        place.spans.push(Span { field: Field::Url, start, end: start + name.chars().count(), masked: name });
    }
    Some(place)
}

/// Whether a category needs its author kept out of the store: employee conduct, unless the profile
/// turned it on.
pub fn is_withheld(category: Category, profile: &Profile) -> bool {
    category.is_employee_conduct() && profile.employee_conduct != crate::model::EmployeeConduct::On
}

#[cfg(test)]
mod tests;
