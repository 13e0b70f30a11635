//! `trustwatch classify`: documents in, hits out, by the contract of the design. No network, no store.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{Ended, Place, Usage};
use crate::classify::{Classifier, RuleSet, masked_field};
use crate::config::{own_rules, read_profiles, shipped_profiles};
use crate::extract::Page;
use crate::model::{Document, DocumentKind, Field, Hit, OrganisationId};
use crate::problem::Problems;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Judge for this organisation only; may be given several times.
    #[arg(long, value_name = "ID")]
    organisation: Vec<OrganisationId>,
    /// A folder of profiles instead of the shipped ones, or those of the configuration that --config names.
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// A folder of rule files over the shipped ones [default: that of the configuration, where --config names one].
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Print the whole reasoning instead: for people as text, for programs as JSON Lines.
    #[arg(long, value_name = "FORM", num_args = 0..=1, default_missing_value = "text")]
    explain: Option<Form>,
}

/// How the reasoning is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// One JSON object a document.
    Json,
}

/// One line of input. Unknown fields are ignored, missing ones and null are the same.
#[derive(Debug, Deserialize)]
struct Input {
    id: String,
    url: Option<String>,
    kind: Option<DocumentKind>,
    title: Option<String>,
    author: Option<String>,
    author_handle: Option<String>,
    #[serde(default, deserialize_with = "day_or_time")]
    published: Option<DateTime<Utc>>,
    text: Option<String>,
    html: Option<String>,
}

/// A time by RFC 3339, or a day as 2026-03-27: its noon stands for it.
fn day_or_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let time = text.parse::<DateTime<Utc>>().ok().or_else(|| {
        let noon = text.parse::<NaiveDate>().ok()?.and_hms_opt(12, 0, 0)?;
        Some(noon.and_utc())
    });
    let wrong = || {
        serde::de::Error::custom("neither a time such as 2026-03-27T09:30:00Z nor a day such as 2026-03-27")
    };
    time.map(Some).ok_or_else(wrong)
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    id: &'a str,
    hits: Vec<Hit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let classifier = classifier(args, config)?;
    let mut failed = false;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // Some programs begin a file with a mark for its encoding.
        let text = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&line);
        match answer(&classifier, text, args.explain) {
            Ok(answer) => writeln!(out, "{answer}")?,
            Err((id, error)) => {
                failed = true;
                writeln!(out, "{}", json!({"id": id, "line": number, "error": error}))?;
            }
        }
    }
    out.flush()?;
    Ok(if failed { Ended::WithFailures } else { Ended::Well })
}

/// By what is shipped, unless folders or a configuration are named.
fn classifier(args: &Args, config: &Place) -> anyhow::Result<Classifier> {
    let configured = config.0.as_ref().map(|_| config.load()).transpose()?;
    let mut profiles = match (&args.profiles, &configured) {
        (Some(folder), _) => read_profiles(folder)
            .map_err(Problems)
            .with_context(|| format!("the profiles in {} cannot be used", folder.display()))?,
        (None, Some(config)) => config.profiles.clone(),
        (None, None) => {
            shipped_profiles().map_err(Problems).context("the shipped profiles cannot be used")?
        }
    };
    if let Some(unknown) =
        args.organisation.iter().find(|id| !profiles.iter().any(|profile| profile.id == **id))
    {
        let known: Vec<&str> = profiles.iter().map(|profile| profile.id.as_str()).collect();
        return Err(
            Usage(format!("there is no organisation {unknown}; there are: {}", known.join(", "))).into()
        );
    }
    if !args.organisation.is_empty() {
        profiles.retain(|profile| args.organisation.contains(&profile.id));
    }
    let rules = match (&args.rules, configured) {
        (Some(folder), _) => own_rules(folder)
            .map_err(Problems)
            .with_context(|| format!("the rules in {} cannot be used", folder.display()))?,
        (None, Some(config)) => config.rules,
        (None, None) => RuleSet::shipped().map_err(Problems).context("the shipped rules cannot be used")?,
    };
    Ok(Classifier::new(profiles, rules)?)
}

/// The answer to one line, or its id (where it could be read) and what is wrong with it.
fn answer(classifier: &Classifier, line: &[u8], explain: Option<Form>) -> Result<String, (Value, String)> {
    let value: Value =
        serde_json::from_slice(line).map_err(|error| (Value::Null, format!("not JSON: {error}")))?;
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    if !value.is_object() {
        return Err((id, "not a document: write one JSON object a line".to_owned()));
    }
    // What is wrong is told in serde's words, which quote the line.
    let input: Input = serde_path_to_error::deserialize(value)
        .map_err(|error| (id.clone(), classifier.masker().mask_line(&error.to_string()).to_string()))?;
    let mut document = Document {
        kind: input.kind.unwrap_or_default(),
        url: input.url.unwrap_or_default(),
        title: input.title.unwrap_or_default(),
        text: input.text.unwrap_or_default(),
        author: input.author.unwrap_or_default(),
        author_handle: input.author_handle.unwrap_or_default(),
        published: input.published,
        language: None,
        signals: Vec::new(),
    };
    let mut from_html = false;
    if let Some(html) = input.html.filter(|html| !html.is_empty()) {
        let page = Page::read(
            &html,
            url::Url::parse(&document.url).ok().as_ref(),
            &crate::extract::Options::default(),
        );
        document.text = page.text;
        if document.title.is_empty() {
            document.title = page.metadata.title;
        }
        from_html = true;
    }
    match explain {
        Some(Form::Text) => return Ok(super::explain::text(&input.id, &classifier.explain(&document))),
        Some(Form::Json) => return Ok(super::explain::json(&input.id, &classifier.explain(&document))),
        None => {}
    }
    let hits = classifier.classify(&document);
    let text =
        from_html.then(|| masked_field(classifier.masker(), &document, &hits, Field::Text).to_string());
    let output = Output { id: &input.id, hits, text };
    serde_json::to_string(&output).map_err(|error| (id, error.to_string()))
}
