//! Weighing: a place's base, and whatever its rule's evidence adds or takes away.

use super::identifiers::Place;
use super::rules::CompiledRule;
use super::view::{This, View};
use crate::matching::Budget;

/// Log-odds from which the statistical model counts as sure.
const SURE: f64 = 4.0;

/// Log-odds from which the statistical model may speak alone.
const LIKELY: f64 = 1.0;

/// What the model adds is told from here on.
const WORTH_TELLING: f64 = 0.05;

/// A piece of evidence that held.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Held {
    /// Its number among the rule's evidence, from 0.
    pub item: usize,
    /// What it added to the score.
    pub weight: f64,
    /// What it says, with the words that speak for it, masked.
    pub because: String,
}

/// What the evidence says of one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// 0 to 1.
    pub(super) score: f64,
    /// Whether the statistical model may speak alone.
    likely: bool,
    /// Every item that held, in the rule's order.
    pub(super) items: Vec<Held>,
}

impl Verdict {
    /// Whether it reaches `threshold`, and something speaks for it in words: evidence of the rule, or a model
    /// that finds it likely; a rule without evidence asks in `when` alone.
    pub(super) fn fires(&self, rule: &CompiledRule, place: &Place, threshold: f64) -> bool {
        let said = self.items.iter().any(|held| held.weight > 0.0 && held.item < rule.evidence.len());
        // A score is a sum of weights with two decimals.
        self.score + 1e-9 >= threshold
            && (said
                || self.likely
                || rule.evidence.is_empty()
                || !place.runs.is_empty()
                || !place.spans.is_empty())
    }

    /// A sentence for people.
    pub(super) fn reason(&self, rule: &CompiledRule, places: usize) -> String {
        let mut reason = rule.rule.because.clone();
        if places > 1 {
            reason = format!("{reason} ({places} places)");
        }
        for held in self.items.iter().filter(|held| held.weight > 0.0) {
            reason = format!("{reason}; {}", held.because);
        }
        for held in self.items.iter().filter(|held| held.weight <= 0.0) {
            reason = format!("{reason}; against it: {}", held.because);
        }
        reason
    }
}

/// Weighs one place. Each item counts once, however often its words stand there.
pub(super) fn weigh(rule: &CompiledRule, view: &View<'_>, place: &Place, budget: &Budget) -> Verdict {
    let this = This { runs: &place.runs, signals: &place.signals };
    let mut verdict = Verdict { score: rule.rule.base, likely: false, items: Vec::new() };
    for (number, (item, plan)) in rule.rule.evidence.iter().zip(&rule.evidence).enumerate() {
        let Some(runs) = view.ask(plan, this, budget) else { continue };
        verdict.score += item.weight;
        let because = view.because(&item.because, &runs);
        verdict.items.push(Held { item: number, weight: item.weight, because });
    }
    if rule.rule.learned > 0.0 {
        let odds = view.opinion.odds(rule.rule.category);
        let weight = rule.rule.learned * (odds / SURE).clamp(-1.0, 1.0).midpoint(1.0);
        verdict.score += weight;
        verdict.likely = odds > LIKELY;
        if weight >= WORTH_TELLING {
            let words =
                if odds > 0.0 { view.learned.words(&view.opinion, rule.rule.category) } else { Vec::new() };
            let words = view.masker.mask_line(&words.join("”, “"));
            let because = if words.as_str().is_empty() {
                "reads a little like documents of this kind".to_owned()
            } else {
                format!("reads like documents of this kind (“{words}”)")
            };
            verdict.items.push(Held { item: rule.evidence.len(), weight, because });
        }
    }
    verdict.score = verdict.score.clamp(0.0, 1.0);
    verdict
}
