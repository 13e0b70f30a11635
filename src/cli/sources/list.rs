//! `trustwatch sources list` and `show`: what is polled and how it goes.

use std::collections::HashMap;

use serde::Serialize;

use crate::cli::{Ended, Place, Usage, on_runtime, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::store_options;
use crate::pipeline::Planned;
use crate::store::{SourceRow, Store};

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Its name.
    id: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    source: String,
    kind: &'static str,
    url: String,
    asked_at: String,
    organisations: Vec<String>,
    purpose: String,
    basis: String,
    owner: String,
    review: String,
    last_polled: String,
    last_good: String,
    next_due: String,
    outcome: String,
    detail: String,
    failures_in_a_row: f64,
    reader: String,
}

pub(super) fn list(args: &ListArgs, config: &Place) -> anyhow::Result<Ended> {
    let shown = all(&config.load()?)?;
    if args.json {
        output::json(&shown)?;
        return Ok(Ended::Well);
    }
    let mut table = output::table(["source", "last poll", "outcome", "next due", "review by"]);
    for source in &shown {
        let outcome = format!("{} {}", source.outcome, source.detail);
        table.add_row([
            &source.source,
            &source.last_polled,
            outcome.trim(),
            &source.next_due,
            &source.review,
        ]);
    }
    anstream::println!("{table}");
    Ok(Ended::Well)
}

pub(super) fn show(args: &ShowArgs, config: &Place) -> anyhow::Result<Ended> {
    let shown = all(&config.load()?)?;
    let found = shown.iter().find(|source| source.source == args.id);
    let source = found
        .ok_or_else(|| Usage(format!("there is no source {:?}: see trustwatch sources list", args.id)))?;
    if args.json {
        output::json(source)?;
        return Ok(Ended::Well);
    }
    let serde_json::Value::Object(fields) = serde_json::to_value(source)? else { return Ok(Ended::Well) };
    for (key, value) in fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        anstream::println!("{:18} {value}", key.replace('_', " "));
    }
    Ok(Ended::Well)
}

fn all(config: &Config) -> anyhow::Result<Vec<Shown>> {
    let rows = on_runtime(rows(config))?;
    Ok(config.planned.iter().map(|planned| shown(planned, rows.get(planned.source.id.as_str()))).collect())
}

/// What the store knows; nothing where there is no store yet.
pub(super) async fn rows(config: &Config) -> anyhow::Result<HashMap<String, SourceRow>> {
    let options = store_options(config);
    let missing =
        options.url.strip_prefix("sqlite:").is_some_and(|path| !std::path::Path::new(path).exists());
    if missing {
        return Ok(HashMap::new());
    }
    let store = Store::open_existing(&options, SystemClock::default().now().timestamp_millis()).await?;
    let rows = store.sources().await?;
    store.close().await;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

fn shown(planned: &Planned, row: Option<&SourceRow>) -> Shown {
    let source = &planned.source;
    #[expect(clippy::cast_precision_loss, reason = "a handful of failures")]
    let failures_in_a_row = row.map_or(0.0, |row| row.failures as f64 / 4.0);
    Shown {
        source: source.id.to_string(),
        kind: source.kind.as_str(),
        url: source.url.to_string(),
        organisations: source.organisations.iter().map(ToString::to_string).collect(),
        purpose: source.accountability.purpose.clone(),
        basis: source.accountability.basis.clone(),
        owner: source.accountability.owner.clone(),
        review: source.accountability.review.to_string(),
        last_polled: output::time(row.and_then(|row| row.last_polled_at)),
        last_good: output::time(row.and_then(|row| row.last_good_at)),
        next_due: match row {
            None => "at the start".to_owned(),
            Some(row) if row.stopped_at.is_some() => "not by itself".to_owned(),
            Some(row) => output::time(Some(row.next_due_at)),
        },
        asked_at: row.and_then(|row| row.moved_to.clone()).unwrap_or_default(),
        outcome: row.map(|row| row.last_outcome.clone()).unwrap_or_default(),
        detail: row.map(|row| row.last_detail.clone()).unwrap_or_default(),
        failures_in_a_row,
        reader: row.map(|row| row.reader.clone()).unwrap_or_default(),
    }
}
