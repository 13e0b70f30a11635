//! A term as the automaton holds it, and whether a match in the text is that term and nothing longer.

use super::spaced::{Spaced, spaced_text};
use crate::model::{Field, Profile, folded_text, normal_handle};

/// How a term is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TermForm {
    /// Words with spaces.
    Words,
    /// The words run together, as in hashtags and handles.
    Joined,
    /// A handle.
    Handle,
    /// A domain.
    Domain,
}

/// A joined form shorter than this means too many other things inside a longer handle (characters).
const MIN_JOINED: usize = 7;

/// What one pattern of the automaton stands for.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) organisation: usize,
    pub(super) watch: usize,
    form: TermForm,
    /// The exact spelling, where case must agree.
    exact: Option<String>,
}

/// Every term of a profile: its pattern and what it stands for.
pub(super) fn terms_of(profile: &Profile, organisation: usize) -> Vec<(String, Term)> {
    let mut terms = Vec::new();
    for (watch, spec) in profile.watches.iter().enumerate() {
        for text in &spec.terms {
            let spaced = spaced(text);
            let exact = spec.case_sensitive.then(|| spaced.clone());
            let lower = spaced.to_lowercase();
            let joined = lower.replace(' ', "");
            if lower.contains(' ') && joined.len() >= MIN_JOINED && exact.is_none() {
                terms.push((joined, Term { organisation, watch, form: TermForm::Joined, exact: None }));
            }
            // "Solent's podiatry" is said as often as "Solent podiatry".
            if let Some((first, rest)) = lower.split_once(' ').filter(|_| exact.is_none()) {
                terms.push((
                    format!("{first}'s {rest}"),
                    Term { organisation, watch, form: TermForm::Words, exact: None },
                ));
            }
            if !lower.is_empty() {
                terms.push((lower, Term { organisation, watch, form: TermForm::Words, exact }));
            }
        }
    }
    let handle_watch = profile.watches.len();
    for handle in profile.all_handles().map(normal_handle).filter(|handle| !handle.is_empty()) {
        // Hyphens and underscores are spaces by the time the automaton looks.
        let text = spaced(&handle);
        terms.push((text, Term { organisation, watch: handle_watch, form: TermForm::Handle, exact: None }));
    }
    for domain in &profile.domains {
        let text = spaced(&domain.to_lowercase());
        terms.push((
            text,
            Term { organisation, watch: handle_watch + 1, form: TermForm::Domain, exact: None },
        ));
    }
    terms
}

fn spaced(text: &str) -> String {
    spaced_text(&folded_text(text.trim()))
}

impl Term {
    /// Whether the match at `start..end` is this term, as a whole.
    pub(super) fn fits(&self, spaced: &Spaced, field: Field, start: usize, end: usize) -> bool {
        if self.exact.as_ref().is_some_and(|exact| exact != &spaced.text()[start..end]) {
            return false;
        }
        match self.form {
            TermForm::Words => spaced.is_whole(start, end) || stands_in_tag(spaced, start, end),
            TermForm::Joined => {
                spaced.is_whole(start, end)
                    || stands_in_tag(spaced, start, end)
                    || field == Field::AuthorHandle
                        && !spaced.before(start).is_some_and(|b| b.is_ascii_alphanumeric())
            }
            TermForm::Handle => {
                let marked = spaced.before(start) == Some(b'@') || field == Field::AuthorHandle;
                marked && spaced.is_whole(start, end)
            }
            TermForm::Domain => is_domain_end(spaced, end) && is_domain_start(spaced, start),
        }
    }
}

/// Inside `#SolentNHSStrike` or `@SolentNHSWatch` capitals mark where words begin.
fn stands_in_tag(spaced: &Spaced, start: usize, end: usize) -> bool {
    let token = spaced.token_start(start);
    if !matches!(spaced.at(token), Some(b'#' | b'@')) {
        return false;
    }
    let capital = |at: usize| spaced.at(at).is_some_and(|b| b.is_ascii_uppercase());
    let begins = start == token + 1
        || !spaced.before(start).is_some_and(|b| b.is_ascii_alphanumeric())
        || capital(start);
    let ends = !spaced.at(end).is_some_and(|b| b.is_ascii_alphanumeric()) || capital(end);
    begins && ends
}

/// A sub-domain, mail address or path may stand around a domain; a longer name may not.
fn is_domain_start(spaced: &Spaced, start: usize) -> bool {
    !spaced.before(start).is_some_and(|b| b.is_ascii_alphanumeric())
}

fn is_domain_end(spaced: &Spaced, end: usize) -> bool {
    match spaced.at(end) {
        Some(b'.') => !spaced.at(end + 1).is_some_and(|b| b.is_ascii_alphanumeric()),
        Some(byte) => !byte.is_ascii_alphanumeric(),
        None => true,
    }
}
