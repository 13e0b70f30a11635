//! `trustwatch sources list` and `show`: what is polled and how it goes.

use std::collections::HashMap;

use serde::Serialize;

use crate::cli::{Ended, Place, Usage, on_runtime, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::store_options;
use crate::pipeline::Planned;
use crate::store::{PastPoll, SourceRow, Store};

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
    /// The last visits, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    polls: Vec<Poll>,
}

#[derive(Debug, Serialize)]
struct Poll {
    at: String,
    /// So many in a row that found nothing new are one.
    times: i64,
    outcome: String,
    detail: String,
    status: Option<i64>,
    hits: i64,
    bytes: i64,
    took_ms: i64,
}

/// Polls that are shown of one source.
const POLLS: i64 = 10;

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
    let config = config.load()?;
    let planned = config.planned.iter().find(|planned| planned.source.id.as_str() == args.id);
    let planned = planned
        .ok_or_else(|| Usage(format!("there is no source {:?}: see trustwatch sources list", args.id)))?;
    let (row, polls) = on_runtime(known_of(&config, planned))?;
    let source = &Shown { polls, ..shown(planned, row.as_ref()) };
    if args.json {
        output::json(source)?;
        return Ok(Ended::Well);
    }
    let failures = match source.failures_in_a_row {
        0.0 => String::new(),
        weight => format!("{weight} (a hard one counts 1, a soft one ½, a temporary one ¼)"),
    };
    let outcome = format!("{} {}", source.outcome, source.detail);
    for (name, value) in [
        ("source", source.source.as_str()),
        ("kind", source.kind),
        ("address", &source.url),
        ("asked at", &source.asked_at),
        ("organisations", &source.organisations.join(", ")),
        ("purpose", &source.purpose),
        ("basis", &source.basis),
        ("owner", &source.owner),
        ("review by", &source.review),
        ("last poll", &source.last_polled),
        ("outcome", outcome.trim()),
        ("last good poll", &source.last_good),
        ("failures in a row", &failures),
        ("reader", &source.reader),
        ("next due", &source.next_due),
    ] {
        if !value.is_empty() {
            anstream::println!("{name:18} {value}");
        }
    }
    if !source.polls.is_empty() {
        anstream::println!("\nThe last polls:");
        let mut table = output::table(["until", "times", "outcome", "hits", "bytes", "ms"]);
        for poll in &source.polls {
            let status = poll.status.map(|status| format!(" ({status})")).unwrap_or_default();
            let outcome = format!("{}{status} {}", poll.outcome, poll.detail);
            // What visits that found nothing new brought is not noted.
            let bytes = if poll.outcome == "unchanged" { String::new() } else { poll.bytes.to_string() };
            let [hits, ms] = [poll.hits, poll.took_ms].map(|number| number.to_string());
            table.add_row([
                poll.at.clone(),
                poll.times.to_string(),
                outcome.trim().to_owned(),
                hits,
                bytes,
                ms,
            ]);
        }
        output::print_wrapped(table);
    }
    Ok(Ended::Well)
}

fn all(config: &Config) -> anyhow::Result<Vec<Shown>> {
    let rows = on_runtime(rows(config))?;
    Ok(config.planned.iter().map(|planned| shown(planned, rows.get(planned.source.id.as_str()))).collect())
}

/// What the store knows; nothing where there is no store yet.
pub(super) async fn rows(config: &Config) -> anyhow::Result<HashMap<String, SourceRow>> {
    let Some(store) = existing(config).await? else { return Ok(HashMap::new()) };
    let rows = store.sources().await?;
    store.close().await;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// What it knows of one source.
async fn known_of(config: &Config, planned: &Planned) -> anyhow::Result<(Option<SourceRow>, Vec<Poll>)> {
    let Some(store) = existing(config).await? else { return Ok((None, Vec::new())) };
    let id = &planned.source.id;
    let row = store.sources().await?.into_iter().find(|row| row.id == id.as_str());
    let polls = store.polls(id, POLLS).await?;
    store.close().await;
    let poll = |poll: PastPoll| Poll {
        at: output::time(Some(poll.at)),
        times: poll.times,
        outcome: poll.outcome,
        detail: poll.detail,
        status: poll.status,
        hits: poll.hits,
        bytes: poll.bytes,
        took_ms: poll.took_ms,
    };
    Ok((row, polls.into_iter().map(poll).collect()))
}

async fn existing(config: &Config) -> anyhow::Result<Option<Store>> {
    let options = store_options(config);
    let missing =
        options.url.strip_prefix("sqlite:").is_some_and(|path| !std::path::Path::new(path).exists());
    if missing {
        return Ok(None);
    }
    Ok(Some(Store::open_existing(&options, SystemClock::default().now().timestamp_millis()).await?))
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
        polls: Vec::new(),
    }
}
