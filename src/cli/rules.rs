//! `trustwatch rules`: what fires, on what evidence, under which clause; tried and linted.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Ended, Place, Usage, output};
use crate::classify::{Classifier, Rule, RuleSet};
use crate::config::{SHIPPED_PROFILES, own_rules, read_profile_text};
use crate::matching::Query;
use crate::model::{Category, Document, DocumentKind, Profile};
use crate::problem::Problems;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder of rule files over the shipped ones [default: that of the configuration, where --config names one].
    #[arg(long, global = true, value_name = "DIR")]
    rules: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every rule with what it finds and when it fires.
    List {
        /// Only rules of this category, or family such as `brand`.
        #[arg(long)]
        category: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// One rule with its evidence and examples.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try every example of every rule.
    Test,
    /// Look for what is allowed and probably not meant.
    Lint,
    /// What the rules in force, or those of --rules, would change in stored hits.
    Replay(super::replay::Args),
    /// Try a query on a text (standard input where none is given): how it is read, and where it holds.
    Explain {
        /// The query, as in a rule's `when`.
        query: String,
        /// The text.
        #[arg(long)]
        text: Option<String>,
        /// The kind of document.
        #[arg(long, default_value = "web")]
        kind: String,
    },
}

pub(super) fn run(args: Args, config: &Place) -> anyhow::Result<Ended> {
    let folder = args.rules.as_deref();
    let in_force = || in_force(folder, config);
    match args.command {
        Command::List { category, json } => list(&in_force()?.0, category.as_deref(), json),
        Command::Show { id, json } => show(&in_force()?.0, &id, json),
        Command::Test => test(in_force()?),
        Command::Lint => Ok(lint(&in_force()?)),
        Command::Replay(replay) => super::replay::run(&replay, folder, config),
        Command::Explain { query, text, kind } => explain(in_force()?, &query, text, &kind),
    }
}

/// The rules, and the profiles whose names examples may use: the shipped ones, the invented Trust's and one's own.
fn in_force(folder: Option<&Path>, config: &Place) -> anyhow::Result<(RuleSet, Vec<Profile>)> {
    let mut profiles = Vec::new();
    let rules = match (folder, &config.0) {
        (Some(folder), _) => own(folder)?,
        (None, Some(_)) => {
            let config = config.load()?;
            profiles = config.profiles;
            config.rules
        }
        (None, None) => RuleSet::shipped().map_err(Problems).context("the shipped rules cannot be used")?,
    };
    for (id, text) in SHIPPED_PROFILES {
        if !profiles.iter().any(|profile| profile.id.as_str() == id) {
            profiles.push(read_profile_text(id, text).map_err(Problems)?);
        }
    }
    Ok((rules, profiles))
}

/// The shipped rules with those of `folder` over them.
pub(super) fn own(folder: &Path) -> anyhow::Result<RuleSet> {
    own_rules(folder)
        .map_err(Problems)
        .with_context(|| format!("the rules in {} cannot be used", folder.display()))
}

fn list(rules: &RuleSet, category: Option<&str>, json: bool) -> anyhow::Result<Ended> {
    let wanted = |rule: &&Rule| {
        category.is_none_or(|wanted| {
            rule.category.as_str() == wanted || rule.category.family().as_str() == wanted
        })
    };
    let chosen: Vec<&Rule> = rules.iter().filter(wanted).collect();
    if let Some(category) = category.filter(|_| chosen.is_empty()) {
        let known: Vec<&str> = Category::ALL.iter().map(|category| category.as_str()).collect();
        return Err(Usage(format!("no rule finds {category:?}; there are: {}", known.join(", "))).into());
    }
    if json {
        output::json(&chosen)?;
        return Ok(Ended::Well);
    }
    let mut table =
        output::table(["rule", "version", "finds", "severity", "fires from", "clauses", "binds", "examples"]);
    for rule in chosen {
        table.add_row([
            rule.id.clone(),
            rule.version.to_string(),
            rule.category.to_string(),
            rule.severity().to_string(),
            format!("{:.2}", rule.threshold),
            rule.clauses.join(", "),
            rule.binds.as_str().to_owned(),
            rule.examples.len().to_string(),
        ]);
    }
    anstream::println!("{table}");
    Ok(Ended::Well)
}

fn find<'r>(rules: &'r RuleSet, id: &str) -> anyhow::Result<&'r Rule> {
    rules.iter().find(|rule| rule.id == id).ok_or_else(|| {
        let of_category: Vec<&str> =
            rules.iter().filter(|rule| rule.category.as_str() == id).map(|rule| rule.id.as_str()).collect();
        if !of_category.is_empty() {
            return Usage(format!("{id} is a category; rules that find it: {}", of_category.join(", ")))
                .into();
        }
        let near = rules
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(&a.id, id).total_cmp(&strsim::jaro_winkler(&b.id, id)));
        let hint = near.map(|near| format!(" (did you mean {}?)", near.id)).unwrap_or_default();
        Usage(format!("there is no rule {id:?}{hint}: see `trustwatch rules list`")).into()
    })
}

fn show(rules: &RuleSet, id: &str, json: bool) -> anyhow::Result<Ended> {
    let rule = find(rules, id)?;
    if json {
        output::json(rule)?;
        return Ok(Ended::Well);
    }
    anstream::println!("{} (version {}): {}", rule.id, rule.version, rule.because_words());
    anstream::println!(
        "  finds {} ({}), {}, binds {}",
        rule.category,
        rule.severity(),
        rule.clauses.join(", "),
        rule.binds.as_str()
    );
    anstream::println!("  starts at {:.2}, fires from {:.2}", rule.base, rule.threshold);
    for (name, query) in [("asked where", &rule.when), ("never where", &rule.unless)] {
        if let Some(query) = query {
            anstream::println!("  {name} {}", formatted(query));
        }
    }
    for (weight, query, because) in rule.evidence_items() {
        anstream::println!("  {weight:+.2} {because}\n        {}", formatted(query));
    }
    if let Some(most) = rule.learned_weight() {
        anstream::println!("  {most:+.2} at most: what the statistical model says");
    }
    for example in &rule.examples {
        anstream::println!(
            "  {} “{}”",
            if example.fires { "fires on    " } else { "does not on " },
            example.text
        );
    }
    Ok(Ended::Well)
}

/// A query as it is read; as it was written where it cannot be.
fn formatted(query: &str) -> String {
    query.parse::<Query>().map_or_else(|_| query.to_owned(), |query| query.to_string())
}

fn test((rules, profiles): (RuleSet, Vec<Profile>)) -> anyhow::Result<Ended> {
    let tried = Classifier::new(profiles, rules)?.try_examples();
    let wrong: Vec<_> = tried.iter().filter_map(|tried| Some((tried, tried.wrong.as_ref()?))).collect();
    for (tried, wrong) in &wrong {
        anstream::println!("{}, example {}: {wrong}", tried.rule, tried.number);
    }
    anstream::println!("{} examples, {} wrong", tried.len(), wrong.len());
    Ok(if wrong.is_empty() { Ended::Well } else { Ended::WithFailures })
}

fn lint((rules, profiles): &(RuleSet, Vec<Profile>)) -> Ended {
    let found = rules.lint(profiles);
    for lint in &found {
        anstream::println!("{}: {}", lint.of, lint.message);
    }
    let remarks = if found.len() == 1 { "remark" } else { "remarks" };
    anstream::println!("{} rules, {} {remarks}", rules.iter().count(), found.len());
    if found.is_empty() { Ended::Well } else { Ended::WithFailures }
}

fn explain(
    (rules, profiles): (RuleSet, Vec<Profile>),
    query: &str,
    text: Option<String>,
    kind: &str,
) -> anyhow::Result<Ended> {
    let query: Query = query.parse().map_err(|error| Usage(format!("the query cannot be read: {error}")))?;
    let kind = DocumentKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(|| {
        Usage(format!(
            "there is no kind {kind:?}: use one of {}",
            DocumentKind::ALL.map(DocumentKind::as_str).join(", ")
        ))
    })?;
    let text = if let Some(text) = text {
        text
    } else {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        text
    };
    let classifier = Classifier::new(profiles, rules)?;
    let document = Document { kind, text, ..Document::default() };
    let answers = classifier.ask(&query, &document).map_err(|error| Usage(error.to_string()))?;
    anstream::println!("read as: {query}");
    if answers.is_empty() {
        anstream::println!("the text mentions no watched organisation: rules are asked of mentions only");
    }
    for answer in answers {
        let organisation = answer.organisation;
        match answer.held {
            None => anstream::println!("{organisation}: does not hold"),
            Some(places) if places.is_empty() => anstream::println!("{organisation}: holds"),
            Some(places) => anstream::println!("{organisation}: holds on “{}”", places.join("”, “")),
        }
    }
    Ok(Ended::Well)
}
