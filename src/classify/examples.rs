//! Examples tried and rules looked over: what `trustwatch rules test` and `rules lint` say.

use std::collections::HashSet;

use chrono::{NaiveDate, NaiveTime};

use super::rules::Rule;
use super::{Classifier, RuleExample, RuleSet};
use crate::matching::{Query, VocabularyError};
use crate::model::{Document, DocumentKind, OrganisationId, Profile};

/// Examples of each sort that a rule should have.
const MIN_EXAMPLES: usize = 3;

/// What came of one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The rule.
    pub rule: String,
    /// Its number among the rule's examples, from 1.
    pub number: usize,
    /// What is wrong; `None` where it came out as it should.
    pub wrong: Option<String>,
}

/// Something in a rule that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The rule or list.
    pub of: String,
    /// What is odd, and what to do.
    pub message: String,
}

/// What a query says of a document for one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whose name stands there.
    pub organisation: OrganisationId,
    /// Where it holds; `None` where it does not, nothing where it says nothing about a place.
    pub held: Option<Vec<String>>,
}

impl RuleExample {
    /// The example as a document.
    pub fn document(&self) -> Document {
        let published = self.published.as_ref().and_then(|at| {
            let day: NaiveDate = at.to_string().get(..10)?.parse().ok()?;
            Some(day.and_time(NaiveTime::from_hms_opt(12, 0, 0)?).and_utc())
        });
        Document {
            kind: self.kind,
            url: self.url.clone(),
            title: self.title.clone(),
            text: self.text.clone(),
            author: self.author.clone(),
            author_handle: self.author_handle.clone(),
            published,
            language: None,
            signals: self.signals.clone(),
        }
    }
}

impl Classifier {
    /// Tries every example of every rule.
    pub fn try_examples(&self) -> Vec<Tried> {
        self.rules().iter().flat_map(|rule| self.try_rule(rule)).collect()
    }

    fn try_rule(&self, rule: &Rule) -> Vec<Tried> {
        let tried = rule.examples.iter().enumerate().map(|(index, example)| {
            let hits = self.classify(&example.document());
            let fired = hits.iter().flat_map(|hit| &hit.findings).any(|finding| finding.rule == rule.id);
            let quote = super::view::shortened(&example.text);
            // An innocent domain resembles nobody's: that it mentions nobody is the answer.
            let innocent = !example.fires && example.kind == DocumentKind::Domain;
            let wrong = if hits.is_empty() && !innocent {
                Some(format!("no watched organisation is mentioned in “{quote}”"))
            } else if fired == example.fires {
                None
            } else if fired {
                Some(format!("fires and must not on “{quote}”"))
            } else {
                Some(format!("must fire and does not on “{quote}”"))
            };
            Tried { rule: rule.id.clone(), number: index + 1, wrong }
        });
        tried.collect()
    }

    /// Where `query` holds in `document`, for each organisation that is mentioned; `None` where it does not.
    ///
    /// # Errors
    /// A list that there is not.
    pub fn ask(&self, query: &Query, document: &Document) -> Result<Vec<Answer>, VocabularyError> {
        let (rules, plans) = self.rules().with(&[query]).map_err(|(_, error)| error)?;
        let parts = &*self.parts;
        let seen = super::Seen::new(document, &rules, &parts.masker);
        let answers = parts.mentioned(&seen, parts.matcher.find(document)).map(|mentioned| {
            let profile = &parts.profiles[mentioned.profile];
            let view =
                super::View::new(&seen, profile, &mentioned.mentions, &rules, &parts.masker, parts.learned);
            let budget = crate::matching::Budget::new(super::RULE_BUDGET);
            let runs = view.ask(&plans[0], super::This::NONE, &budget);
            let held = runs.map(|runs| runs.into_iter().map(|run| view.quote(run)).collect());
            Answer { organisation: mentioned.organisation, held }
        });
        Ok(answers.collect())
    }
}

impl RuleSet {
    /// What is allowed and probably not meant. The watches of `profiles` ask for lists too.
    pub fn lint(&self, profiles: &[Profile]) -> Vec<Lint> {
        let mut found = Vec::new();
        for rule in self.iter() {
            let mut say = |message: String| found.push(Lint { of: rule.id.clone(), message });
            for (fires, words) in [(true, "fire"), (false, "must not fire")] {
                let n = rule.examples.iter().filter(|example| example.fires == fires).count();
                if n < MIN_EXAMPLES {
                    say(format!("has {n} examples that {words}: give it at least {MIN_EXAMPLES}"));
                }
            }
            let most: f64 = rule.most();
            if most + 1e-9 < rule.threshold {
                say(format!("can reach {most:.2} at most and needs {:.2}: it never fires", rule.threshold));
            }
            if rule.base >= rule.threshold && rule.detects_document() && rule.when.is_none() {
                say("fires on every hit before any evidence speaks: lower `base` or ask for something in `when`".to_owned());
            }
            if rule.evidence.iter().any(|item| item.weight == 0.0) {
                say("has evidence with weight 0, which changes nothing: remove it".to_owned());
            }
        }
        let watches = profiles.iter().flat_map(|profile| &profile.watches);
        let asked: Vec<Query> = watches.filter_map(|watch| watch.query.as_ref()?.parse().ok()).collect();
        let mut used: HashSet<&str> = self.used_lists();
        used.extend(asked.iter().flat_map(Query::lists));
        for name in self.own_lists().filter(|name| !used.contains(name)) {
            let near = used.iter().filter(|known| strsim::damerau_levenshtein(known, name) <= 2).min();
            let hint = near.map(|near| format!(" (did you mean {{{near}}}?)")).unwrap_or_default();
            let message = format!("no rule and no other list asks for this list{hint}");
            found.push(Lint { of: format!("{{{name}}}"), message });
        }
        found
    }
}
