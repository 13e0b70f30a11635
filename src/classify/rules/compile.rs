//! What was read from rule files turned into plans, with file and rule named in every problem.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::file::{Cue, ListSpec, Rule, RuleFile};
use super::set::{CompiledCue, CompiledRule, DETECTED, Parts, RuleSet, SHIPPED};
use crate::matching::{FactKey, List, Query, QueryError, Vocabulary};
use crate::model::Category;
use crate::problem::Problem;

/// A rule file as read.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) parsed: RuleFile,
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
pub(super) struct Compiler {
    vocabulary: Vocabulary,
}

impl Compiler {
    pub(super) fn new(sources: &[Source<'_>], problems: &mut Vec<Problem>) -> Option<Self> {
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

    pub(super) fn compile(mut self, sources: Vec<Source<'_>>, problems: &mut Vec<Problem>) -> RuleSet {
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
pub(super) fn check_facts(query: &Query, earlier: &HashSet<Category>) -> Result<(), String> {
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
