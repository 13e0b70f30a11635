//! Every rule and list, compiled: what they look for is found in one pass over a document.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::file::{Cue, ListSpec, Rule, RuleFile};
use crate::matching::{
    FactKey, Found, Leaf, List, Plan, Query, QueryError, Reading, Vocabulary, VocabularyError,
};
use crate::model::{Category, Origin, Writer};
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
const SHIPPED: [(&str, &str); 11] = [
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
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    rules: Vec<CompiledRule>,
    origins: Vec<CompiledCue<Origin>>,
    writers: Vec<CompiledCue<Writer>>,
    at_risk: Vec<CompiledCue<bool>>,
    child: Vec<CompiledCue<bool>>,
    vocabulary: Vocabulary,
    detected: HashMap<&'static str, Leaf>,
    lists: Vec<(String, Leaf)>,
    used: HashSet<String>,
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

/// A rule file as read.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
    parsed: RuleFile,
}

impl Source<'_> {
    /// A problem with something named in this file, at the line where its name stands.
    fn problem(&self, key: &str, name: &str, message: impl Into<String>) -> Problem {
        let quoted = format!("\"{name}\"");
        let named = |line: &&str| {
            line.contains(&quoted)
                && (line.trim_start().starts_with("id") || line.trim_start().starts_with("name"))
        };
        let line = self.text.lines().position(|line| named(&line)).map(|line| line + 1);
        Problem::at(format!("{key} {name}"), message).located(Path::new(self.file), line)
    }
}

/// Turns what was read into plans, naming file and rule in every problem.
struct Compiler {
    vocabulary: Vocabulary,
}

impl Compiler {
    fn new(sources: &[Source<'_>], problems: &mut Vec<Problem>) -> Option<Self> {
        let mut lists: HashMap<String, List> = HashMap::new();
        for source in sources {
            for spec in &source.parsed.lists {
                if DETECTED.contains(&spec.name.as_str()) {
                    let message = "this name belongs to a detector: choose another";
                    problems.push(source.problem("list", &spec.name, message));
                    continue;
                }
                let list = lists.entry(spec.name.clone()).or_default();
                problems.extend(
                    add_list(spec, list)
                        .into_iter()
                        .map(|message| source.problem("list", &spec.name, message)),
                );
            }
        }
        let rules = sources.iter().flat_map(|source| &source.parsed.rules);
        let marks = rules.filter_map(|rule| rule.marks.as_deref()).filter(|name| !lists.contains_key(*name));
        let detected: Vec<&str> = DETECTED.into_iter().chain(marks).collect();
        match Vocabulary::new(&lists, &detected) {
            Ok(vocabulary) => Some(Self { vocabulary }),
            Err(wrong) => {
                for (name, error) in wrong {
                    let defines =
                        |source: &&Source<'_>| source.parsed.lists.iter().any(|spec| spec.name == name);
                    let source = sources.iter().rfind(defines);
                    problems.extend(source.map(|source| source.problem("list", &name, error.to_string())));
                }
                None
            }
        }
    }

    fn compile(mut self, sources: Vec<Source<'_>>, problems: &mut Vec<Problem>) -> RuleSet {
        let mut parts = Parts {
            rules: Vec::new(),
            origins: Vec::new(),
            writers: Vec::new(),
            at_risk: Vec::new(),
            child: Vec::new(),
            vocabulary: Vocabulary::default(),
            detected: HashMap::new(),
            lists: Vec::new(),
            used: used(&sources),
        };
        let shipped = SHIPPED.len();
        for (index, rule) in chosen(&sources, shipped, problems) {
            let earlier: HashSet<Category> = parts.rules.iter().map(|rule| rule.rule.category).collect();
            match self.rule(rule, &earlier) {
                Ok(compiled) => parts.rules.push(compiled),
                Err(messages) => {
                    let problem = |message| sources[index].problem("rule", &rule.id, message);
                    problems.extend(messages.into_iter().map(problem));
                }
            }
        }
        // What is said in a file of one's own is asked first.
        let (own, first) =
            (sources[shipped.min(sources.len())..].iter(), sources[..shipped.min(sources.len())].iter());
        for source in own.chain(first) {
            let file = &source.parsed;
            parts.origins.extend(self.cues(source, &file.origins, problems));
            parts.writers.extend(self.cues(source, &file.writers, problems));
            parts.at_risk.extend(self.cues(source, &file.at_risk, problems));
            parts.child.extend(self.cues(source, &file.child, problems));
        }
        parts.detected = DETECTED
            .into_iter()
            .map(|name| (name, self.vocabulary.named(name).expect("every detector was given a leaf")))
            .collect();
        parts.lists = self.vocabulary.names();
        parts.vocabulary = self.vocabulary;
        RuleSet { parts: Arc::new(parts) }
    }

    fn rule(&mut self, rule: &Rule, earlier: &HashSet<Category>) -> Result<CompiledRule, Vec<String>> {
        let mut wrong = check(rule);
        let mut plan = |what: &str, text: &str| {
            let compiled =
                text.parse().map_err(|error: QueryError| error.to_string()).and_then(|query: Query| {
                    check_facts(&query, earlier)?;
                    self.vocabulary.compile(&query).map_err(|error| error.to_string())
                });
            compiled.map_err(|message| wrong.push(format!("{what}: {message}"))).ok()
        };
        let when = rule.when.as_ref().map(|text| plan("when", text));
        let unless = rule.unless.as_ref().map(|text| plan("unless", text));
        let evidence: Vec<_> = rule
            .evidence
            .iter()
            .map(|item| plan(&format!("evidence {:?}", item.because), &item.when))
            .collect();
        let regrade: Vec<_> = rule
            .regrade
            .iter()
            .map(|item| plan(&format!("regrade {:?}", item.because), &item.when))
            .collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let marks = rule.marks.as_ref().and_then(|name| self.vocabulary.named(name));
        Ok(CompiledRule {
            rule: rule.clone(),
            when: when.flatten(),
            unless: unless.flatten(),
            evidence: evidence.into_iter().flatten().collect(),
            regrade: regrade.into_iter().flatten().collect(),
            marks,
        })
    }

    fn cues<T: Clone>(
        &mut self,
        source: &Source<'_>,
        cues: &[Cue<T>],
        problems: &mut Vec<Problem>,
    ) -> Vec<CompiledCue<T>> {
        let mut compiled = Vec::new();
        for cue in cues {
            let plan =
                cue.when.parse().map_err(|error: QueryError| error.to_string()).and_then(|query: Query| {
                    self.vocabulary.compile(&query).map_err(|error| error.to_string())
                });
            match plan {
                Ok(plan) => compiled.push(CompiledCue { cue: cue.clone(), plan }),
                Err(message) => problems.push(source.problem("cue", &cue.because, message)),
            }
        }
        compiled
    }
}

/// Every list that something asks for, those that detectors read included.
fn used(sources: &[Source<'_>]) -> HashSet<String> {
    const READ_BY_DETECTORS: [&str; 8] = [
        "forename",
        "forename_word",
        "surname",
        "surname_word",
        "person_title",
        "person_cue",
        "relation",
        "clinical_role",
    ];
    let mut used: HashSet<String> = READ_BY_DETECTORS.map(str::to_owned).into();
    let mut add = |query: Result<Query, QueryError>| {
        used.extend(query.iter().flat_map(Query::lists).map(str::to_owned));
    };
    for file in sources.iter().map(|source| &source.parsed) {
        file.rules.iter().flat_map(Rule::queries).for_each(|query| add(query.parse()));
        file.lists.iter().flat_map(|list| &list.queries).for_each(|query| add(query.parse()));
        file.lists.iter().flat_map(|list| &list.any).for_each(|phrase| add(Query::phrase(phrase)));
        let cues = file.origins.iter().map(|cue| &cue.when).chain(file.writers.iter().map(|cue| &cue.when));
        let flags = file.at_risk.iter().chain(&file.child).map(|cue| &cue.when);
        cues.chain(flags).for_each(|query| add(query.parse()));
    }
    used
}

/// The rules that hold, each with the place of its file: an own rule in the place of the shipped one whose
/// id it bears, new ones at the end.
fn chosen<'s>(
    sources: &'s [Source<'_>],
    shipped: usize,
    problems: &mut Vec<Problem>,
) -> Vec<(usize, &'s Rule)> {
    let mut rules: Vec<(usize, &Rule)> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        for rule in &source.parsed.rules {
            match rules.iter_mut().find(|(_, known)| known.id == rule.id) {
                None => rules.push((index, rule)),
                Some(known) if known.0 < shipped && index >= shipped => *known = (index, rule),
                Some(_) => problems.push(source.problem("rule", &rule.id, "occurs twice")),
            }
        }
    }
    rules
}

fn add_list(spec: &ListSpec, list: &mut List) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if spec.name.is_empty() || !spec.name.chars().all(name) {
        wrong.push("a list's name is written in small letters, digits and _".to_owned());
    }
    let mut keep = |read: Result<Query, QueryError>, text: &str, kept: &mut Vec<Query>| match read {
        Ok(query) => kept.push(query),
        Err(error) => wrong.push(format!("{text:?}: {error}")),
    };
    for phrase in &spec.any {
        keep(Query::phrase(phrase), phrase, &mut list.phrases);
    }
    for query in &spec.queries {
        keep(query.parse(), query, &mut list.queries);
    }
    wrong
}

fn check(rule: &Rule) -> Vec<String> {
    let mut wrong = Vec::new();
    if !(0.0..=1.0).contains(&rule.threshold) || rule.threshold == 0.0 {
        wrong.push("threshold must be above 0 and at most 1".to_owned());
    }
    if rule.clauses.is_empty() {
        wrong.push("clauses: name at least one policy clause".to_owned());
    }
    wrong
}

/// Facts that nobody knows never hold: say so before anybody relies on them.
fn check_facts(query: &Query, earlier: &HashSet<Category>) -> Result<(), String> {
    let mut wrong = None;
    query.visit(&mut |part| {
        let Query::Fact { key, value } = part else { return };
        let message = match key {
            FactKey::Is if !super::super::facts::SIGNALS.contains(&value.as_str()) => Some(format!(
                "is:{value} is not known: use one of {}",
                super::super::facts::SIGNALS.join(", ")
            )),
            FactKey::Found => match value.parse::<Category>() {
                Err(error) => Some(format!("found:{value}: {error}")),
                Ok(category) if !earlier.contains(&category) => {
                    Some(format!("found:{value} stands before the rules of that category are asked"))
                }
                Ok(_) => None,
            },
            FactKey::Kind if crate::model::DocumentKind::ALL.iter().all(|kind| kind.as_str() != value) => {
                Some(format!("kind:{value} is no kind of document"))
            }
            _ => None,
        };
        wrong = wrong.take().or(message);
    });
    wrong.map_or(Ok(()), Err)
}
