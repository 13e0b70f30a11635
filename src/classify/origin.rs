//! From whom exposed information comes: the first group of cues that fits, with its reason.

use super::rules::RuleSet;
use super::view::View;
use crate::model::{Field, Origin};

/// The origin of what a document exposes.
pub(super) fn of(rules: &RuleSet, view: &View<'_>) -> (Origin, String) {
    for cue in &rules.origins {
        if !cue.kinds.is_empty() && !cue.kinds.contains(&view.document.kind) {
            continue;
        }
        if let Some(word) = view.word_in(&cue.any, &[Field::Title, Field::Text]) {
            return (cue.is, format!("{} (“{word}”)", cue.because));
        }
    }
    (Origin::Unknown, "nothing says where it comes from".to_owned())
}
