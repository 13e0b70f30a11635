//! Weighing: a place's base, and whatever its rule's evidence adds or takes away.

use super::detect::Place;
use super::rules::{Evidence, Rule};
use super::view::View;
use crate::model::Field;

/// What the evidence says of one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// 0 to 1.
    pub(super) score: f64,
    /// What spoke for it, in order.
    pro: Vec<String>,
    /// What spoke against it.
    contra: Vec<String>,
}

impl Verdict {
    /// A sentence for people, not yet masked.
    pub(super) fn reason(&self, rule: &Rule, places: usize) -> String {
        let mut reason = rule.because.clone();
        if places > 1 {
            reason = format!("{reason} ({places} places)");
        }
        for because in &self.pro {
            reason = format!("{reason}; {because}");
        }
        for because in &self.contra {
            reason = format!("{reason}; against it: {because}");
        }
        reason
    }
}

/// Weighs one place. Each item counts once, however often its words stand there.
pub(super) fn weigh(rule: &Rule, view: &View<'_>, place: &Place) -> Verdict {
    let mut verdict = Verdict { score: rule.base, pro: Vec::new(), contra: Vec::new() };
    for item in &rule.evidence {
        let Some(words) = holds(item, view, place) else { continue };
        verdict.score += item.weight;
        let because =
            if words.is_empty() { item.because.clone() } else { format!("{} (“{words}”)", item.because) };
        if item.weight > 0.0 { verdict.pro.push(because) } else { verdict.contra.push(because) }
    }
    verdict.score = verdict.score.clamp(0.0, 1.0);
    verdict
}

/// The words by which an item holds, empty where only signals were asked for; `None` where it does not.
fn holds(item: &Evidence, view: &View<'_>, place: &Place) -> Option<String> {
    if !item.signals.iter().all(|signal| view.has(signal, &place.signals)) {
        return None;
    }
    let mut words = Vec::new();
    if !item.near.is_empty() {
        let (field, start, end) = place.at?;
        words.push(view.word_near(&item.near, field, start, end, item.within)?);
    }
    if !item.anywhere.is_empty() {
        words.push(view.word_in(&item.anywhere, &[Field::Title, Field::Text])?);
    }
    if !item.role.is_empty() {
        words.push(view.word_in(&item.role, &[Field::Author, Field::AuthorHandle])?);
    }
    if !item.phrases.is_empty() {
        words.push(view.phrase(&item.phrases)?);
    }
    Some(words.join("”, “").replace("{name}", "…"))
}
