//! `trustwatch check`: is the configuration fine, and when is each source due?

use serde::Serialize;

use super::{Ended, Place, output};
use crate::clock::{self, Clock, SystemClock};
use crate::model::counted;
use crate::pipeline::Planned;
use crate::schedule::Schedule;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Plan {
    source: String,
    url: String,
    /// Nothing where the source's own rhythm is followed, which only its visits show.
    next_runs: Vec<String>,
    review: String,
}

#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    organisations: Vec<String>,
    sources: Vec<Plan>,
    notes: Vec<String>,
}

/// Due times shown of each source.
const RUNS: usize = 3;

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let checked = Checked {
        file: config.file.display().to_string(),
        organisations: config.profiles.iter().map(|profile| profile.name.clone()).collect(),
        sources: config.planned.iter().map(plan).collect(),
        notes: config.notes.iter().cloned().chain(config.planned.iter().filter_map(review_note)).collect(),
    };
    if args.json {
        output::json(&checked)?;
        return Ok(Ended::Well);
    }
    let mut table = output::table(["source", "next three runs (London)", "review by"]);
    for plan in &checked.sources {
        let runs = match plan.next_runs.as_slice() {
            [] => "as its own rhythm asks".to_owned(),
            runs => runs.join("\n"),
        };
        table.add_row([plan.source.clone(), runs, plan.review.clone()]);
    }
    anstream::println!("{table}");
    for note in &checked.notes {
        anstream::println!("note: {note}");
    }
    let sources = counted(checked.sources.len(), "source");
    anstream::println!("{}: fine. {sources} for {}.", checked.file, checked.organisations.join(", "));
    Ok(Ended::Well)
}

/// Days before a review in which it is mentioned.
const REVIEW_NOTICE_DAYS: i64 = 30;

/// A review that is due soon, or was: past its grace the source is not polled and counts as blind.
fn review_note(planned: &Planned) -> Option<String> {
    let review = planned.source.accountability.review;
    let days = (review - clock::london_day(SystemClock::default().now())).num_days();
    let (id, owner) = (&planned.source.id, &planned.source.accountability.owner);
    match days {
        days if days > REVIEW_NOTICE_DAYS => None,
        0.. => Some(format!("{id}: its review is due in {days} days ({review}, {owner})")),
        _ => Some(format!(
            "{id}: its review was due on {review} ({owner}); 14 days later it is no longer polled"
        )),
    }
}

fn plan(planned: &Planned) -> Plan {
    let mut at = SystemClock::default().now();
    let mut next_runs = Vec::with_capacity(RUNS);
    let runs = if matches!(planned.schedule, Schedule::Adaptive(_)) { 0 } else { RUNS };
    for _ in 0..runs {
        at = planned.schedule.next_after(at);
        next_runs.push(output::time(Some(at.timestamp_millis())));
    }
    Plan {
        source: planned.source.id.to_string(),
        url: planned.source.url.to_string(),
        next_runs,
        review: planned.source.accountability.review.to_string(),
    }
}
