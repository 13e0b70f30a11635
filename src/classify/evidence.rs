//! Weighing: a place's base, and whatever its rule's evidence adds or takes away.

use super::identifiers::Place;
use super::rules::CompiledRule;
use super::view::{This, View};
use crate::matching::Budget;

/// What the evidence says of one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// 0 to 1.
    pub(super) score: f64,
    /// Every item that held, with its weight and its words, in the rule's order.
    pub(super) items: Vec<(f64, String)>,
}

impl Verdict {
    /// A sentence for people.
    pub(super) fn reason(&self, rule: &CompiledRule, places: usize) -> String {
        let mut reason = rule.rule.because.clone();
        if places > 1 {
            reason = format!("{reason} ({places} places)");
        }
        for (_, because) in self.items.iter().filter(|(weight, _)| *weight > 0.0) {
            reason = format!("{reason}; {because}");
        }
        for (_, because) in self.items.iter().filter(|(weight, _)| *weight <= 0.0) {
            reason = format!("{reason}; against it: {because}");
        }
        reason
    }
}

/// Weighs one place. Each item counts once, however often its words stand there.
pub(super) fn weigh(rule: &CompiledRule, view: &View<'_>, place: &Place, budget: &Budget) -> Verdict {
    let this = This { runs: &place.runs, signals: &place.signals };
    let mut verdict = Verdict { score: rule.rule.base, items: Vec::new() };
    for (item, plan) in rule.rule.evidence.iter().zip(&rule.evidence) {
        let Some(runs) = view.ask(plan, this, budget) else { continue };
        verdict.score += item.weight;
        verdict.items.push((item.weight, view.because(&item.because, &runs)));
    }
    verdict.score = verdict.score.clamp(0.0, 1.0);
    verdict
}
