//! Every rule and list, compiled: what they look for is found in one pass over a document.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::compile::{Compiler, Source};
use super::file::{Cue, Rule, RuleFile};
use crate::matching::{FactKey, Found, Leaf, Plan, Query, QueryError, Reading, Vocabulary, VocabularyError};
use crate::model::{Origin, Writer};
use crate::problem::{Problem, not_toml};

/// What detectors find, as lists that queries may name.
pub(in crate::classify) const DETECTED: [&str; 18] = [
    "this",
    "name",
    "person",
    "age",
    "date",
    "birth_date",
    "time",
    "money",
    "nhs_number",
    "ni_number",
    "postcode",
    "phone",
    "email",
    "handle",
    "plate",
    "address",
    "question",
    "masked_word",
];

/// The rule files in the binary, in the order in which rules are asked.
pub(super) const SHIPPED: [(&str, &str); 11] = [
    ("rules/names.toml", include_str!("../../../config/rules/names.toml")),
    ("rules/health.toml", include_str!("../../../config/rules/health.toml")),
    ("rules/words.toml", include_str!("../../../config/rules/words.toml")),
    ("rules/brand.toml", include_str!("../../../config/rules/brand.toml")),
    ("rules/identifiers.toml", include_str!("../../../config/rules/identifiers.toml")),
    ("rules/confidentiality.toml", include_str!("../../../config/rules/confidentiality.toml")),
    ("rules/concern.toml", include_str!("../../../config/rules/concern.toml")),
    ("rules/conduct.toml", include_str!("../../../config/rules/conduct.toml")),
    ("rules/press.toml", include_str!("../../../config/rules/press.toml")),
    ("rules/feedback.toml", include_str!("../../../config/rules/feedback.toml")),
    ("rules/origin.toml", include_str!("../../../config/rules/origin.toml")),
];

/// A rule with its queries compiled.
#[derive(Debug, Clone)]
pub(in crate::classify) struct CompiledRule {
    pub(in crate::classify) rule: Rule,
    pub(in crate::classify) when: Option<Plan>,
    pub(in crate::classify) unless: Option<Plan>,
    pub(in crate::classify) evidence: Vec<Plan>,
    pub(in crate::classify) regrade: Vec<Plan>,
    pub(in crate::classify) marks: Option<Leaf>,
}

/// A cue with its query compiled.
#[derive(Debug, Clone)]
pub(in crate::classify) struct CompiledCue<T> {
    pub(in crate::classify) cue: Cue<T>,
    pub(in crate::classify) plan: Plan,
}

/// Every rule, with what they look for compiled once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(super) parts: Arc<Parts>,
}

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) rules: Vec<CompiledRule>,
    pub(super) origins: Vec<CompiledCue<Origin>>,
    pub(super) writers: Vec<CompiledCue<Writer>>,
    pub(super) at_risk: Vec<CompiledCue<bool>>,
    pub(super) child: Vec<CompiledCue<bool>>,
    pub(super) vocabulary: Vocabulary,
    pub(super) detected: HashMap<&'static str, Leaf>,
    pub(super) lists: Vec<(String, Leaf)>,
    pub(super) used: HashSet<String>,
}

impl RuleSet {
    /// The rules compiled into the binary.
    ///
    /// # Errors
    /// Never for the rules in the binary; a test reads them.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        static SHIPPED_SET: LazyLock<Result<RuleSet, Vec<Problem>>> =
            LazyLock::new(|| RuleSet::overlaid(&[]));
        SHIPPED_SET.clone()
    }

    /// The rules in the binary with those of `files` (name and text) over them: a rule of the same id
    /// takes the place of the shipped one, a list of the same name adds to it.
    ///
    /// # Errors
    /// Every problem at once, with file and line.
    pub fn overlaid(files: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let shipped = SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for (file, text) in shipped.iter().chain(files) {
            match toml::from_str::<RuleFile>(text) {
                Ok(parsed) => read.push(Source { file, text, parsed }),
                Err(error) if text.parse::<toml::Table>().is_err() => {
                    problems.push(not_toml(Path::new(file), text, &error));
                }
                Err(error) => {
                    let line =
                        error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
                    let message = error.message().replace("sequence", "list");
                    let message = message.replace(
                        "invalid type: map",
                        "invalid type: section, write [[name]] with two brackets",
                    );
                    problems.push(Problem::at("", message).located(Path::new(file), line));
                }
            }
        }
        // What one file lacks, all that names its lists would miss: the cause alone is told.
        if !problems.is_empty() {
            return Err(problems);
        }
        let compiler = Compiler::new(&read, &mut problems);
        match compiler.map(|compiler| compiler.compile(read, &mut problems)) {
            Some(set) if problems.is_empty() => Ok(set),
            _ => Err(problems),
        }
    }

    /// Whether `text` is a rule file as it is shipped.
    pub fn is_shipped(text: &str) -> bool {
        SHIPPED.iter().any(|(_, shipped)| *shipped == text)
    }

    /// The rules, in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.parts.rules.iter().map(|rule| &rule.rule)
    }

    pub(in crate::classify) fn compiled(&self) -> &[CompiledRule] {
        &self.parts.rules
    }

    pub(in crate::classify) fn origins(&self) -> &[CompiledCue<Origin>] {
        &self.parts.origins
    }

    pub(in crate::classify) fn writers(&self) -> &[CompiledCue<Writer>] {
        &self.parts.writers
    }

    pub(in crate::classify) fn at_risk(&self) -> &[CompiledCue<bool>] {
        &self.parts.at_risk
    }

    pub(in crate::classify) fn child(&self) -> &[CompiledCue<bool>] {
        &self.parts.child
    }

    /// The lists of the rule files, by name.
    pub(in crate::classify) fn own_lists(&self) -> impl Iterator<Item = &str> {
        let detected = |name: &&str| !DETECTED.contains(name);
        self.lists().map(|(name, _)| name).filter(detected)
    }

    /// The lists that a rule, a cue, a list or a detector asks for.
    pub(in crate::classify) fn used_lists(&self) -> HashSet<&str> {
        self.parts.used.iter().map(String::as_str).collect()
    }

    /// These rules with more queries, and their plans in the same order.
    ///
    /// # Errors
    /// The first query that cannot be asked, by its place, and why.
    pub(in crate::classify) fn with(
        &self,
        queries: &[&Query],
    ) -> Result<(Self, Vec<Plan>), (usize, VocabularyError)> {
        let mut vocabulary = self.parts.vocabulary.clone();
        let compiled = queries
            .iter()
            .enumerate()
            .map(|(place, query)| vocabulary.compile(query).map_err(|error| (place, error)));
        let plans = compiled.collect::<Result<_, _>>()?;
        let parts = Parts {
            rules: self.parts.rules.clone(),
            origins: self.parts.origins.clone(),
            writers: self.parts.writers.clone(),
            at_risk: self.parts.at_risk.clone(),
            child: self.parts.child.clone(),
            detected: self.parts.detected.clone(),
            lists: self.parts.lists.clone(),
            used: self.parts.used.clone(),
            vocabulary,
        };
        Ok((Self { parts: Arc::new(parts) }, plans))
    }

    /// What is wrong with queries that are asked beside these rules: for each its form, a list that there is not, a
    /// phrase too long; `None` where nothing is.
    pub fn wrong_with(&self, queries: &[&str]) -> Vec<Option<String>> {
        let mut vocabulary = self.parts.vocabulary.clone();
        let wrong = queries.iter().map(|text| {
            let query: Query = text.parse().map_err(|error: QueryError| error.to_string())?;
            vocabulary.compile(&query).map_err(|error| error.to_string())
        });
        wrong.map(Result::err).collect()
    }

    /// Finds every word of every rule and list.
    pub(in crate::classify) fn find(&self, reading: &Reading<'_>) -> Found {
        self.parts.vocabulary.find(reading)
    }

    /// Finds the lists that are made of others and of what detectors found.
    pub(in crate::classify) fn derive(
        &self,
        reading: &Reading<'_>,
        found: &mut Found,
        facts: &dyn Fn(FactKey, &str) -> bool,
    ) {
        self.parts.vocabulary.derive(reading, found, facts);
    }

    /// The leaf of what a detector finds.
    pub(in crate::classify) fn detected(&self, name: &'static str) -> Leaf {
        self.parts.detected[name]
    }

    /// Every list and detector with its leaf, in order of the names.
    pub(in crate::classify) fn lists(&self) -> impl Iterator<Item = (&str, Leaf)> {
        self.parts.lists.iter().map(|(name, leaf)| (name.as_str(), *leaf))
    }

    /// The leaf of a list, where there is one.
    pub(in crate::classify) fn list(&self, name: &str) -> Option<Leaf> {
        self.parts.vocabulary.named(name)
    }
}
