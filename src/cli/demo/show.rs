//! Running the demo: a folder, a configuration, the world's server, the daemon, and what a person is
//! shown of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::Days;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::serve::{Served, serve};
use super::world::{Form, World};
use crate::cli::{Ended, load_file, on_runtime};
use crate::clock::{self, Clock, SystemClock};
use crate::daemon::{App, Wishes};
use crate::model::HitId;
use crate::pipeline::Progress;
use crate::report::{self, Format, Period};
use crate::secret;
use crate::store::{AlertRow, GroupBy, HitFilter, Scope, Store};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// End after the first look at everything.
    #[arg(long)]
    once: bool,
}

/// How often the demo polls each site (seconds).
const POLL_S: u64 = 5;
/// How long the summary of the first pass waits for more (seconds).
const SETTLE_S: u64 = 1;
/// How often the screen is brought up to date.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// The longest that `--once` waits for the summary of the first pass.
const ONCE_PATIENCE: Duration = Duration::from_secs(60);

pub(in crate::cli) fn run(args: &Args) -> anyhow::Result<Ended> {
    // That the names of this world are dialled on loopback is said in words of our own.
    telemetry::start_logging("error", telemetry::LogFormat::Text);
    let folder = std::env::temp_dir().join(format!("trustwatch-demo-{}", &secret::random_token()?[..8]));
    std::fs::create_dir_all(&folder)?;
    on_runtime(demo(args.once, &folder))?;
    Ok(Ended::Well)
}

async fn demo(once: bool, folder: &Path) -> anyhow::Result<()> {
    let world = Arc::new(World::read()?);
    let start = SystemClock::default().now();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let file = write_config(folder, &world, listener.local_addr()?.port(), start)?;
    let served = Served { world: world.clone(), start, since: tokio::time::Instant::now() };
    let server = tokio::spawn(serve(listener, served));
    anstream::println!(
        "A small world of {} sites is served on this machine for an invented Trust.",
        world.sites.len()
    );
    anstream::println!("Store, mails and configuration are in {}\n", folder.display());
    let config = load_file(&file)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let app = App::build(config, Wishes { only: None, progress: Some(sender) }).await?;
    let screen = Screen { store: app.store.clone(), seen_hits: 0, seen_alerts: 0 };
    if once {
        let polling = tokio::spawn(tell(receiver));
        app.pipeline.run_until_idle().await?;
        first_pass_told(&app).await?;
        screen.summary(&file).await?;
        app.close().await;
        polling.await?;
    } else {
        let stop = CancellationToken::new();
        let showing = tokio::spawn(screen.follow(receiver, file, stop.clone()));
        app.run(stop.clone()).await?;
        stop.cancel();
        showing.await??;
    }
    server.abort();
    Ok(())
}

/// Works alerts off until the summary of the first pass has left.
async fn first_pass_told(app: &App) -> anyhow::Result<()> {
    let until = tokio::time::Instant::now() + ONCE_PATIENCE;
    loop {
        app.alert_round().await?;
        let told = app.store.alerts(50).await?.iter().any(|alert| alert.kind == "backlog");
        if told || tokio::time::Instant::now() > until {
            return Ok(());
        }
        tokio::time::sleep(SHOW_EVERY).await;
    }
}

/// The demo's configuration, written out so that every other command can be tried on it.
fn write_config(
    folder: &Path,
    world: &World,
    port: u16,
    start: chrono::DateTime<chrono::Utc>,
) -> anyhow::Result<PathBuf> {
    let review = clock::london_day(start) + Days::new(365);
    let mut text = format!(
        "# Written by `trustwatch demo`.\n[service]\nstate_dir = {:?}\n[fetch]\ncontact = \"demo@northmerevalley.nhs.uk\"\nloopback = [\"127.0.0.1:{port}\"]\n[fetch.hosts]\n",
        folder.join("state").display().to_string()
    );
    for site in &world.sites {
        text.push_str(&format!("{:?} = \"127.0.0.1:{port}\"\n", site.host));
    }
    text.push_str(&format!(
        "[mail]\nfrom = \"Trustwatch <trustwatch@northmerevalley.nhs.uk>\"\n[alert]\nbacklog_settle_s = {SETTLE_S}\n[alert.recipients]\n\
         communications = [\"communications@northmerevalley.nhs.uk\"]\nrestricted = [\"speak-up-guardian@northmerevalley.nhs.uk\"]\n\
         crisis = [\"crisis-team@northmerevalley.nhs.uk\"]\n[web]\nlisten = \"\"\n[[organisation]]\nprofile = \"northmere\"\n\
         purpose = \"To show how Trustwatch works\"\nbasis = \"UK GDPR Art 6(1)(e), public task\"\nowner = \"Head of Communications\"\n\
         licence = \"none\"\nreview = {review}\n"
    ));
    for site in &world.sites {
        let (kind, path) = match site.form {
            Form::Page => ("page", world.items(site, 0).first().map_or("/", |item| item.path.as_str())),
            Form::Json => ("feed", "/feed.json"),
            Form::Feed | Form::Followed | Form::Atom => ("feed", "/feed"),
        };
        text.push_str(&format!(
            "[[source]]\nid = {:?}\nkind = \"{kind}\"\nurl = \"http://{}{path}\"\ndocument_kind = \"{}\"\nfollow = {}\nevery = \"{POLL_S}s\"\n",
            site.id, site.host, site.kind.as_str(), site.form == Form::Followed
        ));
    }
    let file = folder.join("trustwatch.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

async fn tell(mut receiver: mpsc::UnboundedReceiver<Progress>) {
    while let Some(progress) = receiver.recv().await {
        tell_one(&progress);
    }
}

fn tell_one(progress: &Progress) {
    if progress.outcome != "unchanged" && (progress.outcome != "page" || progress.hits > 0) {
        let what = if progress.outcome == "page" { "followed a page" } else { progress.outcome };
        anstream::println!(
            "  {:<10} {what} {} – {} new hits",
            progress.source.as_str(),
            progress.detail,
            progress.hits
        );
    }
}

/// What a person sees while the daemon works.
struct Screen {
    store: Store,
    seen_hits: i64,
    seen_alerts: usize,
}

impl Screen {
    /// Shows what happens as it happens, until `stop`.
    async fn follow(
        mut self,
        mut receiver: mpsc::UnboundedReceiver<Progress>,
        file: PathBuf,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut summed_up = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(SHOW_EVERY) => {}
            }
            while let Ok(progress) = receiver.try_recv() {
                tell_one(&progress);
            }
            let alerts = self.store.alerts(200).await?;
            for alert in alerts.iter().rev().skip(self.seen_alerts) {
                anstream::println!("  mail       {} ({} recipients)", alert.subject, alert.deliveries);
            }
            self.seen_alerts = alerts.len();
            if !summed_up && alerts.iter().any(|alert| alert.kind == "backlog") {
                summed_up = true;
                self.summary(&file).await?;
                anstream::println!("\nMore will arrive during the next minutes. Stop with Ctrl-C.\n");
                self.seen_hits = self.newest().await?;
            } else if summed_up {
                self.show_new_hits().await?;
            }
        }
    }

    async fn newest(&self) -> anyhow::Result<i64> {
        let hits = self.store.hits(&Scope::OPEN, &HitFilter { limit: 200, ..HitFilter::default() }).await?;
        Ok(hits.iter().map(|hit| hit.id).max().unwrap_or_default())
    }

    async fn show_new_hits(&mut self) -> anyhow::Result<()> {
        let hits = self.store.hits(&Scope::OPEN, &HitFilter { limit: 50, ..HitFilter::default() }).await?;
        let mut fresh: Vec<_> = hits.iter().filter(|hit| hit.id > self.seen_hits).collect();
        fresh.sort_by_key(|hit| hit.id);
        for hit in fresh {
            anstream::println!(
                "  hit        {} {} {} {}",
                HitId(hit.id),
                hit.severity,
                hit.categories.join(", "),
                hit.url
            );
            self.seen_hits = self.seen_hits.max(hit.id);
        }
        Ok(())
    }

    /// Hits, one mail in full, a trend, and where everything is.
    async fn summary(&self, file: &Path) -> anyhow::Result<()> {
        let now = SystemClock::default().now();
        let hits = self.store.hits(&Scope::OPEN, &HitFilter { limit: 200, ..HitFilter::default() }).await?;
        anstream::println!("\nThe gravest of {} hits:", hits.len());
        let mut graves: Vec<_> = hits
            .iter()
            .filter(|hit| matches!(hit.severity.as_str(), "high" | "critical" | "medium"))
            .collect();
        graves.sort_by_key(|hit| hit.severity.parse::<crate::model::Severity>().ok().map(std::cmp::Reverse));
        for hit in graves.iter().take(12) {
            anstream::println!(
                "  {:<7} {:<9} {:<44} {}",
                HitId(hit.id).to_string(),
                hit.severity,
                hit.categories.join(", "),
                hit.url
            );
        }
        let alerts = self.store.alerts(200).await?;
        anstream::println!("\nMails so far:");
        for alert in alerts.iter().rev() {
            anstream::println!("  {}", alert.subject);
        }
        if let Some(shown) = alerts.iter().find(|alert| alert.kind == "immediate").or(alerts.first()) {
            show_mail(shown);
        }
        let today = clock::london_day(now);
        let trend =
            report::build(&self.store, (today - Days::new(55), today), Period::Month, GroupBy::Category, now)
                .await?;
        anstream::println!("{}", report::render(&trend, Format::Table)?);
        let (file, folder) = (file.display(), file.parent().unwrap_or(Path::new(".")).display());
        anstream::println!("Mails:  {folder}/state/maildir/new\nStore:  {folder}/state/trustwatch.db");
        anstream::println!("Try:    trustwatch --config {file} hits list");
        anstream::println!("        trustwatch --config {file} report --by week --group-by severity");
        Ok(())
    }
}

fn show_mail(alert: &AlertRow) {
    let line = "-".repeat(78);
    anstream::println!("\nOne of them, as it reads:\n{line}");
    anstream::println!("Subject: {}\n\n{}\n{line}\n", alert.subject, alert.text.trim_end());
}
