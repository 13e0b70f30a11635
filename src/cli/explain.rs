//! The reasoning about a document, printed for people or programs.

use std::fmt::Write;

use serde_json::json;

use crate::classify::Explanation;
use crate::model::Hit;

/// For people: each organisation, what fired and why, then what came close and why not.
pub(super) fn text(id: &str, explained: &[(Hit, Vec<Explanation>)]) -> String {
    let mut out = format!("{id}\n");
    if explained.is_empty() {
        out.push_str("  mentions nobody\n");
    }
    for (hit, told) in explained {
        let names: Vec<String> = hit
            .mentions
            .iter()
            .map(|mention| format!("{} in {}", mention.watch, mention.field.as_str()))
            .collect();
        let _ = writeln!(out, "  {}: {} (watches: {})", hit.organisation, hit.severity, names.join(", "));
        let (fired, close): (Vec<_>, Vec<_>) = told.iter().partition(|told| told.fired);
        for told in fired.into_iter().chain(close) {
            write_rule(&mut out, told);
        }
    }
    out
}

fn write_rule(out: &mut String, told: &Explanation) {
    let place = if told.place.is_empty() { String::new() } else { format!(" at {}", told.place) };
    let verdict = match (told.score, told.fired) {
        (Some(score), true) => format!("FIRES with {score:.2} (needs {:.2})", told.threshold),
        (Some(score), false) if score + 1e-9 >= told.threshold => {
            format!("does not fire: {score:.2} (needs {:.2}), but no word speaks for it", told.threshold)
        }
        (Some(score), false) => format!("does not fire: {score:.2} (needs {:.2})", told.threshold),
        (None, _) => "ruled out".to_owned(),
    };
    let _ = writeln!(out, "    {} [{}]{place}: {verdict}", told.rule, told.category);
    if told.score.is_some() && told.base != 0.0 {
        let _ = writeln!(out, "      {:+.2} to begin with", told.base);
    }
    for held in &told.items {
        let _ = writeln!(out, "      {:+.2} {}", held.weight, held.because);
    }
    if let Some(outcome) = &told.outcome {
        let _ = writeln!(out, "      => {outcome}");
    }
    if told.overran {
        out.push_str("      the rule cost more than it may: something may be missing\n");
    }
}

/// For programs.
pub(super) fn json(id: &str, explained: &[(Hit, Vec<Explanation>)]) -> String {
    let hits: Vec<_> = explained
        .iter()
        .map(|(hit, told)| json!({"organisation": hit.organisation, "severity": hit.severity, "mentions": hit.mentions, "rules": told}))
        .collect();
    json!({"id": id, "hits": hits}).to_string()
}
