//! `trustwatch hits`: what was found. Restricted findings are opened with a purpose, and that is written
//! down.

use super::{Ended, Place, Usage, on_runtime, output, quiet_logging};
use crate::clock::{self, Clock, SystemClock};
use crate::daemon::store_options;
use crate::model::{HitId, counted};
use crate::store::{HitDetail, HitFilter, Scope, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Show restricted findings too; needs --purpose, and is written to the audit.
    #[arg(long, global = true, requires = "purpose")]
    restricted: bool,
    /// Why restricted findings are looked at.
    #[arg(long, global = true, value_name = "TEXT")]
    purpose: Option<String>,
    /// As JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The newest hits.
    List {
        /// First day (London), such as 2026-11-01.
        #[arg(long, value_name = "DAY")]
        from: Option<chrono::NaiveDate>,
        /// Last day (London).
        #[arg(long, value_name = "DAY")]
        to: Option<chrono::NaiveDate>,
        /// Of one organisation only.
        #[arg(long, value_name = "ID")]
        organisation: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// One hit with its findings and what was decided.
    Show {
        /// Its number, such as TW-17.
        number: HitId,
    },
}

pub(super) fn run(args: Args, config: &Place) -> anyhow::Result<Ended> {
    quiet_logging();
    let config = config.load()?;
    on_runtime(async move {
        let now = SystemClock::default().now().timestamp_millis();
        let store = Store::open_existing(&store_options(&config), now).await?;
        let scope = Scope { restricted: args.restricted, ..Scope::OPEN };
        if args.restricted {
            let purpose = purpose_of(args.purpose.as_deref(), RESTRICTED)?;
            let subject = match &args.command {
                Command::List { .. } => "list of hits".to_owned(),
                Command::Show { number } => number.to_string(),
            };
            store.audit("read restricted", purpose, &operating_system_user(), &subject, now).await?;
        }
        match args.command {
            Command::List { from, to, organisation, limit } => {
                let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string());
                let filter = HitFilter { from: day(from), to: day(to), organisation, limit: limit.into() };
                list(&store, &scope, &filter, args.json).await?;
            }
            Command::Show { number } => {
                let hit = store.hit(number, &scope).await?;
                let hit =
                    hit.ok_or_else(|| Usage(format!("there is no hit {number}: see trustwatch hits list")))?;
                if args.json { output::json(&hit)? } else { show(&hit) }
            }
        }
        store.close().await;
        Ok(Ended::Well)
    })
}

async fn list(store: &Store, scope: &Scope, filter: &HitFilter, json: bool) -> anyhow::Result<()> {
    let hits = store.hits(scope, filter).await?;
    if json {
        return output::json(&hits);
    }
    let mut table = output::table(["hit", "day", "severity", "categories", "organisation", "where"]);
    for hit in &hits {
        let categories =
            if hit.categories.is_empty() { "mention".to_owned() } else { hit.categories.join("\n") };
        let place = if hit.url.is_empty() { "restricted" } else { &hit.url };
        table.add_row([
            &HitId(hit.id).to_string(),
            &hit.day,
            &hit.severity,
            &categories,
            &hit.organisation,
            place,
        ]);
    }
    anstream::println!("{table}\n{}", counted(hits.len(), "hit"));
    Ok(())
}

fn show_place(hit: &HitDetail) {
    let summary = &hit.summary;
    anstream::println!("where      {}\nkind       {}\nsource     {}", summary.url, hit.kind, summary.source);
    if !summary.title.is_empty() {
        anstream::println!("headline   {}", summary.title);
    }
    let published =
        hit.published_at.map_or("not said".to_owned(), |at| clock::london_text(clock::from_ms(at)));
    let first_seen = clock::london_text(clock::from_ms(hit.first_seen_at));
    anstream::println!("published  {published}\nfirst seen {first_seen}");
    anstream::println!("story      {} ({} hits)", summary.story, hit.copies);
}

fn show(hit: &HitDetail) {
    let summary = &hit.summary;
    anstream::println!(
        "{} · {} · {} · {}",
        HitId(summary.id),
        summary.organisation,
        summary.severity,
        summary.status
    );
    if summary.url.is_empty() {
        // When and where would lead to it.
        anstream::println!("where      restricted: --restricted --purpose TEXT shows it");
    } else {
        show_place(hit);
    }
    if hit.findings.is_empty() {
        anstream::println!("\nNo finding: a plain mention.");
    }
    for finding in &hit.findings {
        anstream::println!(
            "\n{} · {} · score {:.2} · rule {} version {}",
            finding.category,
            finding.severity,
            finding.score,
            finding.rule,
            finding.rule_version
        );
        anstream::println!("  why     {}", finding.reason);
        anstream::println!("  clause  {} (binds {})", finding.clauses.join(", "), finding.binds.as_str());
        for span in &finding.spans {
            anstream::println!(
                "  where   {} {}–{}: {}",
                span.field.as_str(),
                span.start,
                span.end,
                span.masked
            );
        }
    }
    for decided in &hit.decisions {
        let mails = match (decided.mails, decided.failed) {
            (0, _) => "no mail yet".to_owned(),
            (mails, 0) => format!("{} of {mails} mails accepted", decided.sent),
            (mails, failed) => {
                format!("{} of {mails} mails accepted, {failed} refused for good", decided.sent)
            }
        };
        let at = clock::london_text(clock::from_ms(decided.at));
        anstream::println!("\ndecided    {} for {}, {at}; {mails}", decided.reason, decided.recipients);
    }
}

/// What is told to who looks at restricted findings without a reason.
pub(super) const RESTRICTED: &str = "--restricted needs --purpose: say why you look";

/// The reason that was given, or what to do.
pub(super) fn purpose_of<'p>(purpose: Option<&'p str>, missing: &str) -> anyhow::Result<&'p str> {
    let purpose = purpose.map(str::trim).filter(|purpose| !purpose.is_empty());
    Ok(purpose.ok_or_else(|| Usage(missing.to_owned()))?)
}

/// Who looks: the user that the operating system knows.
pub(super) fn operating_system_user() -> String {
    let login =
        std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).or_else(|_| std::env::var("LOGNAME"));
    let uid = std::fs::metadata("/proc/self")
        .map(|own| std::os::unix::fs::MetadataExt::uid(&own))
        .unwrap_or_default();
    format!("{} (uid {uid})", login.unwrap_or_else(|_| "unknown".to_owned()))
}
