//! What stands in a rule file.

use serde::{Deserialize, Serialize};

use crate::model::{Binds, Category, DocumentKind, Severity};

/// What finds the places that a rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::classify) enum Detector {
    /// The document as a whole.
    Document,
    /// Ten digits that pass Modulus 11.
    NhsNumber,
    /// A National Insurance number with a prefix that HMRC issues.
    NiNumber,
    /// A full postcode that is not the Trust's own.
    Postcode,
    /// A full date beside a word for birth.
    DateOfBirth,
    /// A house number and street that is not the Trust's own.
    Address,
    /// A phone number or e-mail address that nobody publishes as theirs.
    Contact,
    /// A number plate.
    Plate,
    /// A person's name, with every place where it stands.
    Person,
    /// The document's domain, where it resembles one of the Trust's.
    Lookalike,
}

/// One piece of evidence for or against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classify) struct Evidence {
    /// What it adds to the score.
    pub(in crate::classify) weight: f64,
    /// When it counts.
    pub(in crate::classify) when: String,
    /// What it says, in words that fit after the rule's own.
    pub(in crate::classify) because: String,
}

/// Another severity where something holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classify) struct Regrade {
    /// The severity.
    pub(in crate::classify) to: Severity,
    /// When.
    pub(in crate::classify) when: String,
    /// Why.
    pub(in crate::classify) because: String,
}

/// A document that a rule must, or must not, fire on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// When it was published, as 2026-04-20.
    #[serde(default)]
    pub published: Option<toml::value::Datetime>,
    /// What was seen of it beside its words.
    #[serde(default)]
    pub signals: Vec<String>,
    /// Its text.
    pub text: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(default = "document")]
    pub(in crate::classify) detector: Detector,
    /// What a place is worth before any evidence.
    #[serde(default)]
    pub base: f64,
    /// The score from which it fires.
    pub threshold: f64,
    /// The policy clauses behind it.
    pub clauses: Vec<String>,
    /// Whom they bind.
    pub binds: Binds,
    /// What it found, in words for people.
    pub because: String,
    /// The most that the statistical model may add; 0 where it has no say.
    #[serde(default)]
    pub(in crate::classify) learned: f64,
    /// What must hold for the rule to be asked at all.
    #[serde(default)]
    pub when: Option<String>,
    /// What rules it out.
    #[serde(default)]
    pub unless: Option<String>,
    /// The list that its places become for the rules after it.
    #[serde(default)]
    pub(in crate::classify) marks: Option<String>,
    #[serde(default)]
    pub(in crate::classify) evidence: Vec<Evidence>,
    #[serde(default)]
    pub(in crate::classify) regrade: Vec<Regrade>,
    /// What it must and must not fire on.
    #[serde(default, rename = "example")]
    pub examples: Vec<RuleExample>,
}

const fn document() -> Detector {
    Detector::Document
}

impl Rule {
    /// The severity before origin and evidence speak.
    pub fn severity(&self) -> Severity {
        self.severity.unwrap_or(self.category.default_severity())
    }
}

impl Rule {
    /// The highest score that it can reach.
    pub(in crate::classify) fn most(&self) -> f64 {
        let pro: f64 = self.evidence.iter().map(|item| item.weight.max(0.0)).sum();
        (self.base + pro + self.learned).clamp(0.0, 1.0)
    }

    /// What it found, in words for people.
    pub fn because_words(&self) -> &str {
        &self.because
    }

    /// Each piece of evidence: weight, query, and what it says.
    pub fn evidence_items(&self) -> impl Iterator<Item = (f64, &str, &str)> {
        self.evidence.iter().map(|item| (item.weight, item.when.as_str(), item.because.as_str()))
    }

    /// The most that the statistical model may add, where it has a say.
    pub fn learned_weight(&self) -> Option<f64> {
        (self.learned > 0.0).then_some(self.learned)
    }

    /// Whether it judges the document as a whole.
    pub(in crate::classify) fn detects_document(&self) -> bool {
        self.detector == Detector::Document
    }

    /// Every query in it.
    pub(in crate::classify) fn queries(&self) -> impl Iterator<Item = &str> {
        let evidence = self.evidence.iter().map(|item| item.when.as_str());
        let regrade = self.regrade.iter().map(|item| item.when.as_str());
        self.when.iter().chain(&self.unless).map(String::as_str).chain(evidence).chain(regrade)
    }
}

/// Something that is said of a finding: the first cue that holds counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classify) struct Cue<T> {
    /// What.
    pub(in crate::classify) is: T,
    /// When.
    pub(in crate::classify) when: String,
    /// Why, for people.
    pub(in crate::classify) because: String,
}

/// A named list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classify) struct ListSpec {
    /// Its name, as in `{name}`.
    pub(in crate::classify) name: String,
    /// What it holds, for people.
    #[serde(default, rename = "about")]
    _about: String,
    /// Words and phrases.
    #[serde(default)]
    pub(in crate::classify) any: Vec<String>,
    /// Queries: what they match is of the list too.
    #[serde(default)]
    pub(in crate::classify) queries: Vec<String>,
}

/// A rule file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classify) struct RuleFile {
    #[serde(default, rename = "list")]
    pub(in crate::classify) lists: Vec<ListSpec>,
    #[serde(default, rename = "rule")]
    pub(in crate::classify) rules: Vec<Rule>,
    #[serde(default, rename = "origin")]
    pub(in crate::classify) origins: Vec<Cue<crate::model::Origin>>,
    #[serde(default, rename = "writer")]
    pub(in crate::classify) writers: Vec<Cue<crate::model::Writer>>,
    #[serde(default, rename = "at_risk")]
    pub(in crate::classify) at_risk: Vec<Cue<bool>>,
    #[serde(default, rename = "child")]
    pub(in crate::classify) child: Vec<Cue<bool>>,
}
