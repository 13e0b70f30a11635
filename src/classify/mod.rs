//! Hits to findings: rules as data, judged on the evidence around each place that a detector names.
//! Pure, and the same for the same input: the `classify` command and the service share it whole.

mod detect;
mod evidence;
mod origin;
mod rules;
mod view;

use std::sync::Arc;

pub use rules::{Rule, RuleError, RuleExample, RuleSet};

use crate::mask::Masker;
use crate::matching::{Matcher, MatcherError, Mentioned};
use crate::model::{Category, Document, Family, Finding, Hit, Profile};
use detect::Place;
use evidence::Verdict;
use view::View;

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
}

impl Classifier {
    /// A classifier for `profiles` by `rules`.
    pub fn new(profiles: Vec<Profile>, rules: RuleSet) -> Result<Self, MatcherError> {
        let matcher = Matcher::new(&profiles)?;
        let masker = Masker::new(&profiles);
        Ok(Self { parts: Arc::new(Parts { matcher, profiles, rules, masker }) })
    }

    /// The masker that spares what these organisations publish.
    pub fn masker(&self) -> &Masker {
        &self.parts.masker
    }

    /// The profiles, in order.
    pub fn profiles(&self) -> &[Profile] {
        &self.parts.profiles
    }

    /// The names part alone.
    pub fn matcher(&self) -> &Matcher {
        &self.parts.matcher
    }

    /// The hits of `document`, in the order of the profiles; none where nobody is mentioned.
    pub fn classify(&self, document: &Document) -> Vec<Hit> {
        let parts = &*self.parts;
        let mentioned = parts.matcher.find(document);
        if mentioned.is_empty() {
            return Vec::new();
        }
        mentioned.into_iter().map(|mentioned| parts.judge(document, mentioned)).collect()
    }
}

impl Parts {
    fn judge(&self, document: &Document, mentioned: Mentioned) -> Hit {
        let profile = &self.profiles[mentioned.profile];
        let view = View::new(document, profile, &mentioned.mentions, &self.rules);
        let findings = self.rules.iter().filter_map(|rule| self.apply(rule, &view)).collect();
        Hit::new(mentioned.organisation, mentioned.mentions, findings)
    }

    /// The finding of one rule: the places where it fires become spans, the best score counts.
    fn apply(&self, rule: &Rule, view: &View<'_>) -> Option<Finding> {
        if !rule.kinds.is_empty() && !rule.kinds.contains(&view.document.kind)
            || view.has_any(&rule.unless_signals)
        {
            return None;
        }
        let places = detect::places(rule.detector, view, &self.masker);
        let judged: Vec<(Place, Verdict)> = places
            .into_iter()
            .map(|place| {
                let verdict = evidence::weigh(rule, view, &place);
                (place, verdict)
            })
            .filter(|(_, verdict)| verdict.score >= rule.threshold)
            .collect();
        let (_, best) = judged.iter().max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score))?;
        let mut severity = judged.iter().map(|(place, _)| place.severity.unwrap_or(rule.severity())).max()?;
        let mut reason = best.reason(rule, judged.len());
        let origin = (rule.category.family() == Family::Confidentiality).then(|| {
            let (origin, because) = origin::of(&self.rules, view);
            severity = origin.adjust(severity);
            reason = format!("{reason}; {because}");
            origin
        });
        Some(Finding {
            category: rule.category,
            rule: rule.id.clone(),
            rule_version: rule.version,
            severity,
            score: (best.score * 100.0).round() / 100.0,
            clauses: rule.clauses.clone(),
            binds: rule.binds,
            origin,
            writer: None,
            at_risk: None,
            spans: judged.into_iter().filter_map(|(place, _)| place.span()).collect(),
            reason: self.masker.mask_line(&reason).to_string(),
        })
    }
}

/// Whether a category needs its author kept out of the store: employee conduct, unless the profile
/// turned it on.
pub fn is_withheld(category: Category, profile: &Profile) -> bool {
    category.is_employee_conduct() && profile.employee_conduct != crate::model::EmployeeConduct::On
}

#[cfg(test)]
mod tests;
