//! Rules as data: read from TOML, checked at the edge, with their examples.

use std::collections::HashSet;

use serde::Deserialize;

use crate::model::{Binds, Category, DocumentKind, Origin, Severity};

/// What finds the places that a rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detector {
    /// The document as a whole.
    Document,
    /// Ten digits that pass Modulus 11.
    NhsNumber,
    /// A full postcode that is not the Trust's own.
    Postcode,
}

/// One piece of evidence for or against.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    /// What it adds to the score.
    pub(super) weight: f64,
    /// Signals that must all hold.
    #[serde(default)]
    pub(super) signals: Vec<String>,
    /// Words of which one must stand near the place.
    #[serde(default)]
    pub(super) near: Vec<String>,
    /// How near, in characters.
    #[serde(default)]
    pub(super) within: usize,
    /// Words of which one must stand anywhere in title or text.
    #[serde(default)]
    pub(super) anywhere: Vec<String>,
    /// Words of which one must stand in the author's name or handle.
    #[serde(default)]
    pub(super) role: Vec<String>,
    /// Phrases of which one must stand in title or text; `{name}` is a mention.
    #[serde(default)]
    pub(super) phrases: Vec<String>,
    /// What it says, in words that fit after the rule's own.
    pub(super) because: String,
}

/// A document that a rule must, or must not, fire on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleExample {
    /// Whether it must.
    pub fires: bool,
    /// The document's kind.
    #[serde(default)]
    pub kind: DocumentKind,
    /// Its address.
    #[serde(default)]
    pub url: String,
    /// Its headline.
    #[serde(default)]
    pub title: String,
    /// Its author.
    #[serde(default)]
    pub author: String,
    /// Its author's handle.
    #[serde(default)]
    pub author_handle: String,
    /// Its text.
    pub text: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// Its version, raised with every change.
    pub version: u32,
    /// What it finds.
    pub category: Category,
    #[serde(default)]
    severity: Option<Severity>,
    pub(super) detector: Detector,
    #[serde(default)]
    pub(super) base: f64,
    pub(super) threshold: f64,
    /// The policy clauses behind it.
    pub clauses: Vec<String>,
    /// Whom they bind.
    pub binds: Binds,
    pub(super) because: String,
    /// The kinds of document it looks at; all where empty.
    #[serde(default)]
    pub(super) kinds: Vec<DocumentKind>,
    /// Signals that rule it out.
    #[serde(default)]
    pub(super) unless_signals: Vec<String>,
    #[serde(default)]
    pub(super) evidence: Vec<Evidence>,
    /// What it must and must not fire on.
    #[serde(default, rename = "example")]
    pub examples: Vec<RuleExample>,
}

impl Rule {
    /// The severity before origin speaks.
    pub fn severity(&self) -> Severity {
        self.severity.unwrap_or(self.category.default_severity())
    }
}

/// Words that tell from whom exposed information comes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OriginCue {
    pub(super) is: Origin,
    pub(super) because: String,
    pub(super) any: Vec<String>,
    #[serde(default)]
    pub(super) kinds: Vec<DocumentKind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
    #[serde(default, rename = "origin")]
    origins: Vec<OriginCue>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct RuleError {
    /// In which file.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

/// Every rule, with the words that they ask for compiled once.
#[derive(Debug, Clone)]
pub struct RuleSet {
    rules: Vec<Rule>,
    pub(super) origins: Vec<OriginCue>,
    pub(super) lexicon: super::view::Lexicon,
}

/// The rules in the binary.
const SHIPPED: [(&str, &str); 4] = [
    ("rules/confidentiality.toml", include_str!("../../config/rules/confidentiality.toml")),
    ("rules/brand.toml", include_str!("../../config/rules/brand.toml")),
    ("rules/press.toml", include_str!("../../config/rules/press.toml")),
    ("rules/origin.toml", include_str!("../../config/rules/origin.toml")),
];

impl RuleSet {
    /// The rules compiled into the binary.
    pub fn shipped() -> Result<Self, RuleError> {
        Self::read(&SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned())))
    }

    /// Rules from files, given as name and text.
    pub fn read(files: &[(String, String)]) -> Result<Self, RuleError> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut origins = Vec::new();
        let mut seen = HashSet::new();
        for (file, text) in files {
            let wrong = |message: String| RuleError { file: file.clone(), message };
            let read: RuleFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
            for rule in &read.rules {
                check(rule).map_err(|message| wrong(format!("rule {:?}: {message}", rule.id)))?;
                if !seen.insert(rule.id.clone()) {
                    return Err(wrong(format!("rule {:?} occurs twice", rule.id)));
                }
            }
            rules.extend(read.rules);
            origins.extend(read.origins);
        }
        let lexicon = super::view::Lexicon::new(&rules, &origins)
            .map_err(|message| RuleError { file: "rules".to_owned(), message })?;
        Ok(Self { rules, origins, lexicon })
    }

    /// The rules, in the order of their files.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
}

fn check(rule: &Rule) -> Result<(), String> {
    if !(0.0..=1.0).contains(&rule.threshold) || rule.threshold == 0.0 {
        return Err("threshold must be above 0 and at most 1".to_owned());
    }
    if rule.clauses.is_empty() {
        return Err("clauses: name at least one policy clause".to_owned());
    }
    let known = |signal: &String| super::view::SIGNALS.contains(&signal.as_str());
    let signals = rule.evidence.iter().flat_map(|item| &item.signals).chain(&rule.unless_signals);
    if let Some(unknown) = signals.into_iter().find(|signal| !known(signal)) {
        return Err(format!("unknown signal {unknown:?}: use one of {}", super::view::SIGNALS.join(", ")));
    }
    for item in &rule.evidence {
        if !item.near.is_empty() && item.within == 0 {
            return Err(format!("the evidence {:?} has `near` words and no `within`", item.because));
        }
    }
    Ok(())
}
