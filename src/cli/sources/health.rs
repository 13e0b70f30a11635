//! `trustwatch sources health` and `coverage`: what can be seen, what cannot, and what nobody can see this way.

use std::collections::BTreeMap;

use chrono::Duration;

use super::list::rows;
use crate::cli::{Ended, Place, on_runtime, output};
use crate::clock::{self, Clock, SystemClock};
use crate::config::Config;
use crate::daemon::store_options;
use crate::model::{DocumentKind, counted};
use crate::pipeline::Planned;
use crate::source::Pace;
use crate::store::{SourceRow, Store};

#[derive(Debug, clap::Args)]
pub(super) struct HealthArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Polls in a row that needed a repair before it is worth a look.
const MENDED: i64 = 3;
/// Days before a review in which it is worth a look.
const REVIEW_DAYS: i64 = 30;

#[derive(Debug, serde::Serialize)]
struct Row {
    source: String,
    state: &'static str,
    last_good: String,
    remark: String,
}

pub(super) fn health(args: &HealthArgs, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let rows = on_runtime(rows(&config))?;
    let states: Vec<Row> =
        config.planned.iter().map(|planned| state(planned, rows.get(planned.source.id.as_str()))).collect();
    let blind = states.iter().filter(|state| state.state == "blind").count();
    if args.json {
        output::json(&states)?;
    } else {
        let mut table = output::table(["source", "state", "last seen", "remark"]);
        for state in &states {
            table.add_row([&state.source, state.state, &state.last_good, &state.remark]);
        }
        anstream::println!("{table}");
        anstream::println!("{}, {blind} of them blind", counted(states.len(), "source"));
    }
    Ok(if blind == 0 { Ended::Well } else { Ended::WithFailures })
}

fn state(planned: &Planned, row: Option<&SourceRow>) -> Row {
    let mut remarks = Vec::new();
    let state = match row {
        None => "not polled yet",
        Some(row) if row.stopped_at.is_some() => "blind",
        Some(row) if row.failures > 0 => "blind",
        Some(row) if row.last_polled_at.is_none() => "not polled yet",
        Some(_) => "sees",
    };
    let now = SystemClock::default().now();
    if let Some(row) = row {
        if state == "blind" {
            remarks.push(row.last_detail.clone());
        } else {
            remarks.extend(silence(row, now));
            remarks.extend(slowness(row));
        }
        if row.mended >= MENDED {
            remarks.push(format!("read only after repair, {} times in a row", row.mended));
        }
        if let Some(to) = &row.moved_to {
            remarks.push(format!("moved for good; asked at {to}"));
        }
    }
    let left = (planned.source.accountability.review - clock::london_day(now)).num_days();
    if left < 0 {
        remarks.push(format!("its review was due {} days ago", -left));
    } else if left <= REVIEW_DAYS {
        remarks.push(format!("its review is due in {left} days"));
    }
    Row {
        source: planned.source.id.to_string(),
        state,
        last_good: output::time(row.and_then(|row| row.last_good_at)),
        remark: remarks.join("; "),
    }
}

/// A feed that answers and says nothing new, far longer than usual.
fn silence(row: &SourceRow, now: chrono::DateTime<chrono::Utc>) -> Option<String> {
    let silent = Pace::from_stored(&row.pace).silence(now)?;
    Some(format!("nothing new for {} days, far longer than usual: does it still publish?", silent.num_days()))
}

/// A server that answers ever more slowly, before it does not answer any more.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of an answer are far below 2^52")]
fn slowness(row: &SourceRow) -> Option<String> {
    let (late, usual) = Pace::from_stored(&row.pace).slowness()?;
    let seconds = |ms: u64| ms as f64 / 1000.0;
    Some(format!("its answers take {:.1} s of late, {:.1} s usually", seconds(late), seconds(usual)))
}

/// What this installation sees, by sort of document, and what it cannot.
pub(super) fn coverage(config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let rows = on_runtime(rows(&config))?;
    let mut kinds: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for planned in &config.planned {
        let source = &planned.source;
        let blind =
            rows.get(source.id.as_str()).is_some_and(|row| row.failures > 0 || row.stopped_at.is_some());
        let name = if blind { format!("{} (blind now)", source.id) } else { source.id.to_string() };
        kinds.entry(source.document_kind.as_str()).or_default().push(name);
    }
    anstream::println!("What is looked at:");
    for (kind, what) in KINDS {
        match kinds.get(kind.as_str()) {
            Some(sources) => anstream::println!("  {what}: {}", sources.join(", ")),
            None => anstream::println!("  {what}: nothing"),
        }
    }
    if let Some((blind, service)) = on_runtime(hours(&config))?.filter(|(_, service)| *service >= 1.0) {
        anstream::println!("\nIn the last seven days {blind:.0} of {service:.0} source-hours were blind.");
    }
    anstream::println!("\n{UNSEEN}");
    Ok(Ended::Well)
}

/// Sorts of documents with plain names.
const KINDS: [(DocumentKind, &str); 7] = [
    (DocumentKind::News, "News"),
    (DocumentKind::Social, "Social media"),
    (DocumentKind::Forum, "Forums"),
    (DocumentKind::Blog, "Blogs"),
    (DocumentKind::Review, "Reviews and patient feedback"),
    (DocumentKind::Comment, "Readers' comments"),
    (DocumentKind::Web, "Other pages"),
];

const UNSEEN: &str = "\
What nobody can see this way, whatever is configured:
  - Facebook, Instagram, TikTok, LinkedIn, Snapchat, X and Threads, beyond what others repeat in public
  - WhatsApp, Telegram, Discord and other private or closed groups, direct messages, stories that vanish
  - pages behind a login, a payment or a consent wall; what robots.txt keeps programs from
  - words spoken or shown in videos, pictures and podcasts
  - what was published and taken down between two visits
A silence here is not proof that nothing was said. Reports by people remain the first source.";

async fn hours(config: &Config) -> anyhow::Result<Option<(f64, f64)>> {
    let options = store_options(config);
    if options.url.strip_prefix("sqlite:").is_some_and(|path| !std::path::Path::new(path).exists()) {
        return Ok(None);
    }
    let now = SystemClock::default().now().timestamp_millis();
    let store = Store::open_existing(&options, now).await?;
    let week = store.coverage((now - Duration::days(7).num_milliseconds(), now), "", now).await?;
    store.close().await;
    Ok(Some((week.blind_hours, week.service_hours)))
}
