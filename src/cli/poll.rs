//! `trustwatch poll`: one round, now.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use super::{Ended, Place, Usage, on_runtime, quiet_logging};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon::{App, Wishes};
use crate::model::{SourceId, counted};
use crate::pipeline::Progress;
use crate::secret;
use crate::store::{HitFilter, Scope};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Poll this source now, whether due or not.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    source: Option<String>,
    /// Poll every source now, whether due or not. Without --source and --all only what is due.
    #[arg(long)]
    all: bool,
    /// Fetch and judge, but keep nothing and tell nobody.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object for each source.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    quiet_logging();
    let mut config = config.load()?;
    let only = args.source.as_ref().map(|id| known(id, &config)).transpose()?;
    let scratch = if args.dry_run { Some(Scratch::new(&mut config)?) } else { None };
    let failures = on_runtime(poll(args, config, only))?;
    drop(scratch);
    Ok(if failures == 0 { Ended::Well } else { Ended::WithFailures })
}

fn known(id: &str, config: &Config) -> anyhow::Result<SourceId> {
    let found = config.planned.iter().find(|planned| planned.source.id.as_str() == id);
    let names =
        || config.planned.iter().map(|planned| planned.source.id.to_string()).collect::<Vec<_>>().join(", ");
    Ok(found
        .map(|planned| planned.source.id.clone())
        .ok_or_else(|| Usage(format!("there is no source {id:?}; there are: {}", names())))?)
}

async fn poll(args: &Args, config: Config, only: Option<SourceId>) -> anyhow::Result<usize> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let ids: Vec<SourceId> = config.planned.iter().map(|planned| planned.source.id.clone()).collect();
    let app = App::build(config, Wishes { only: only.clone(), progress: Some(sender) }).await?;
    let now = SystemClock::default().now().timestamp_millis();
    for id in ids.iter().filter(|id| args.all || only.as_ref() == Some(id)) {
        app.store.make_due(id, now).await?;
    }
    if let Some(id) = &only
        && let Some(until) = app.store.leased_until(id, now).await?
    {
        let until = super::output::time(Some(until));
        anstream::eprintln!(
            "{id} is held by another process that polls it, or that was killed while it did: waiting, until {until} at most"
        );
    }
    let watching = tokio::spawn(watch(receiver, args.json, if args.all { ids.len() } else { 1 }));
    app.pipeline.run_until_idle().await?;
    if args.dry_run {
        show_found(&app).await?;
    } else {
        app.alert_round().await?;
    }
    app.close().await;
    Ok(watching.await?)
}

/// Prints what each source came to; answers how many failed.
async fn watch(mut receiver: mpsc::UnboundedReceiver<Progress>, json: bool, total: usize) -> usize {
    let bar = (!json && std::io::stderr().is_terminal()).then(|| {
        let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total as u64).with_style(style)
    });
    let mut failures = 0;
    while let Some(progress) = receiver.recv().await {
        let well = matches!(progress.outcome, "read" | "unchanged" | "page");
        failures += usize::from(!well);
        let say = |line: String| match &bar {
            Some(bar) => bar.suspend(|| anstream::println!("{line}")),
            None => anstream::println!("{line}"),
        };
        if json {
            say(serde_json::json!({
                "source": progress.source, "outcome": progress.outcome, "detail": progress.detail, "hits": progress.hits
            })
            .to_string());
        } else if progress.outcome != "page" || progress.hits > 0 {
            say(format!(
                "{}: {} {} ({})",
                progress.source,
                progress.outcome,
                progress.detail,
                counted(progress.hits, "hit")
            ));
        }
        if let Some(bar) = &bar {
            bar.inc(u64::from(progress.outcome != "page"));
        }
    }
    failures
}

async fn show_found(app: &App) -> anyhow::Result<()> {
    let hits = app.store.hits(&Scope::OPEN, &HitFilter { limit: 1000, ..HitFilter::default() }).await?;
    for hit in &hits {
        anstream::println!(
            "would store: {} {} {} {}",
            hit.organisation,
            hit.severity,
            hit.categories.join(","),
            hit.url
        );
    }
    anstream::println!("{} found; nothing was kept and nobody was told", counted(hits.len(), "hit"));
    Ok(())
}

/// A folder for a dry run, removed at its end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(config: &mut Config) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("trustwatch-dry-run-{}", secret::random_token()?));
        std::fs::create_dir_all(&folder)?;
        config.service.state_dir.clone_from(&folder);
        config.store = crate::store::Options::default();
        config.mail = crate::mail::Options::default();
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
