//! The whole reasoning about a document, for a person: every rule that had something to judge, what spoke
//! for it and against it, and what it would have taken.

use super::evidence::Held;
use super::rules::CompiledRule;
use super::view::Seen;
use super::{Classifier, Judged};
use crate::model::{Document, Finding, Hit};

/// What one rule made of one place.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// The rule's id and category.
    pub rule: String,
    /// Its category's identifier.
    pub category: &'static str,
    /// Whether it fired here.
    pub fired: bool,
    /// The score and what it must reach; `None` where the rule was ruled out.
    pub score: Option<f64>,
    /// What the score must reach.
    pub threshold: f64,
    /// What it is about, masked; empty for the document as a whole.
    pub place: String,
    /// What the place was worth before any evidence.
    pub base: f64,
    /// What spoke for it (weight above 0) and against it, masked.
    pub items: Vec<Held>,
    /// Severity, origin and the like of the finding that came of it.
    pub outcome: Option<String>,
    /// Whether the rule cost more than it may, so that something may be missing.
    pub overran: bool,
}

impl Classifier {
    /// The hits of `document` with the reasoning behind each.
    pub fn explain(&self, document: &Document) -> Vec<(Hit, Vec<Explanation>)> {
        let parts = &*self.parts;
        let mentioned = parts.matcher.find(document);
        let seen = Seen::new(document, &parts.rules, &parts.masker);
        parts
            .mentioned(&seen, mentioned)
            .map(|mentioned| {
                let mut told = Vec::new();
                let hit = parts.judge(&seen, mentioned, Some(&mut told));
                (hit, told)
            })
            .collect()
    }
}

impl Judged {
    /// What is worth telling: places with any evidence, and rules that were ruled out.
    pub(super) fn explain(
        &self,
        rule: &CompiledRule,
        finding: Option<&Finding>,
        overran: bool,
    ) -> Vec<Explanation> {
        let blank = Explanation {
            rule: rule.rule.id.clone(),
            category: rule.rule.category.as_str(),
            fired: false,
            score: None,
            threshold: rule.rule.threshold,
            place: String::new(),
            base: rule.rule.base,
            items: Vec::new(),
            outcome: None,
            overran,
        };
        match self {
            Self::NotAsked => Vec::new(),
            Self::RuledOut(because) => vec![Explanation {
                items: vec![Held { item: 0, weight: -1.0, because: because.clone() }],
                ..blank
            }],
            Self::Weighed { places, threshold } => places
                .iter()
                .filter(|(place, verdict)| {
                    !verdict.items.is_empty()
                        || !place.spans.is_empty()
                        || rule.evidence.is_empty()
                        || overran
                })
                .map(|(place, verdict)| {
                    let fired = verdict.fires(rule, place, *threshold);
                    Explanation {
                        fired,
                        score: Some(verdict.score),
                        threshold: *threshold,
                        place: place.spans.first().map(|span| span.masked.clone()).unwrap_or_default(),
                        items: verdict.items.clone(),
                        outcome: finding.filter(|_| fired).map(outcome),
                        ..blank.clone()
                    }
                })
                .collect(),
        }
    }
}

fn outcome(finding: &Finding) -> String {
    let mut words = vec![finding.severity.to_string()];
    words.extend(finding.origin.map(|origin| format!("origin {}", origin.as_str())));
    words.extend(finding.child.then(|| "a child".to_owned()));
    words.extend(finding.writer.map(|writer| format!("written by {}", writer.as_str())));
    words.extend(
        finding.at_risk.map(|at_risk| if at_risk { "at risk now" } else { "nobody at risk now" }.to_owned()),
    );
    words.join(", ")
}
