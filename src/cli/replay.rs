//! `trustwatch rules replay`: what the rules would change in stored hits, before they go live.

use std::path::Path;
use std::time::Duration;

use super::hits::{RESTRICTED, operating_system_user, purpose_of};
use super::{Ended, Place, Usage, on_runtime, output, quiet_logging};
use crate::classify::Classifier;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::store_options;
use crate::model::OrganisationId;
use crate::pipeline::{ReplayRequest, Replayed, replay};
use crate::schedule::parse_interval;
use crate::store::Store;

/// Hits listed on a screen.
const LISTED: usize = 50;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How far back, such as 12h or 30d.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = |text: &str| parse_interval(text).map_err(|error| error.to_string()))]
    since: Duration,
    /// Of one organisation only.
    #[arg(long, value_name = "ID")]
    organisation: Option<OrganisationId>,
    /// Write what changed over the stored findings; needs --purpose. Of what is new or graver people are told in the
    /// summary of a first look, and singly where it is critical and under a week old or was told singly before.
    #[arg(long, requires = "purpose")]
    apply: bool,
    /// Name restricted findings too; needs --purpose, and is written to the audit.
    #[arg(long, requires = "purpose")]
    restricted: bool,
    /// Why, for the audit: every text that is opened is noted there.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// As JSON, with every hit that would change.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, folder: Option<&Path>, config: &Place) -> anyhow::Result<Ended> {
    quiet_logging();
    let config = config.load()?;
    let rules = match folder {
        Some(folder) if args.apply => {
            let shown = folder.display();
            let hint = format!(
                "--apply writes what the service would find: put {shown} into the configuration first, or leave --apply out"
            );
            return Err(Usage(hint).into());
        }
        Some(folder) => super::rules::own(folder)?,
        None => config.rules.clone(),
    };
    if args.apply {
        purpose_of(args.purpose.as_deref(), "--apply needs --purpose: say why you write")?;
    }
    let classifier = Classifier::new(config.profiles.clone(), rules)?;
    let now = SystemClock::default().now();
    let since = chrono::Duration::from_std(args.since).ok().and_then(|back| now.checked_sub_signed(back));
    let request = ReplayRequest {
        since: since.map_or(0, |since| since.timestamp_millis()),
        organisation: known(args.organisation.as_ref(), &config)?,
        actor: operating_system_user(),
        purpose: args.purpose.clone().unwrap_or_else(|| "rules replay".to_owned()),
        apply: args.apply,
        restricted: args.restricted,
        now: now.timestamp_millis(),
    };
    let replayed = on_runtime(async {
        let store = Store::open_existing(&store_options(&config), request.now).await?;
        if args.restricted {
            let purpose = purpose_of(args.purpose.as_deref(), RESTRICTED)?;
            let user = operating_system_user();
            store.audit("read restricted", purpose, &user, "rules replay", request.now).await?;
        }
        let replayed = replay(&store, &classifier, &request).await?;
        store.close().await;
        anyhow::Ok(replayed)
    })?;
    if args.json {
        output::json(&replayed)?;
    } else {
        show(&replayed, args);
    }
    let well = replayed.unreadable.is_empty() && replayed.meanwhile == 0;
    Ok(if well { Ended::Well } else { Ended::WithFailures })
}

/// The organisation, if the configuration names it.
fn known(wanted: Option<&OrganisationId>, config: &Config) -> anyhow::Result<Option<OrganisationId>> {
    let Some(wanted) = wanted else { return Ok(None) };
    if config.profiles.iter().any(|profile| profile.id == *wanted) {
        return Ok(Some(wanted.clone()));
    }
    let known: Vec<&str> = config.profiles.iter().map(|profile| profile.id.as_str()).collect();
    Err(Usage(format!("the configuration watches no {wanted}; it watches {}", known.join(", "))).into())
}

fn show(replayed: &Replayed, args: &Args) {
    let mut table = output::table(["rule", "finds", "as before", "more", "fewer", "graver", "less grave"]);
    for (rule, change) in &replayed.rules {
        let counts = [change.same, change.added, change.dropped, change.raised, change.lowered];
        let cells = [rule.clone(), change.category.clone()].into_iter();
        table.add_row(cells.chain(counts.map(|count| count.to_string())));
    }
    anstream::println!("{table}");
    let mut table = output::table(["hit", "day", "organisation", "severity", "what changes"]);
    for hit in replayed.changed.iter().take(LISTED) {
        let (was, is) = hit.severity;
        let severity = if was == is { was.to_string() } else { format!("{was} → {is}") };
        table.add_row([
            hit.hit.to_string(),
            hit.day.clone(),
            hit.organisation.to_string(),
            severity,
            hit.changes.join("\n"),
        ]);
    }
    if !replayed.changed.is_empty() {
        anstream::println!("{table}");
    }
    if replayed.changed.len() > LISTED {
        anstream::println!("… and {} more: --json lists them all", replayed.changed.len() - LISTED);
    }
    let changed = if args.apply { "change" } else { "would change" };
    anstream::println!("{} hits judged anew, {} {changed}", replayed.hits, replayed.changed.len());
    for (count, what) in [
        (replayed.restricted, "change in restricted findings (--restricted --purpose TEXT names them)"),
        (replayed.unwatched, "are of organisations that are watched for no more: left alone"),
        (replayed.withheld, "are judged by conduct, whose author is not kept: left alone"),
        (replayed.unmentioned, "name the organisation no more by its present watches"),
        (replayed.meanwhile, "changed meanwhile and were left alone: run it again"),
    ] {
        if count > 0 {
            anstream::println!("{count} {what}");
        }
    }
    for (hit, error) in &replayed.unreadable {
        anstream::println!("{hit} could not be opened: {error}");
    }
    if args.apply {
        anstream::println!(
            "{} hits written; people are told of {} when the service runs",
            replayed.written,
            replayed.told
        );
    }
}
