//! The command line: one file a command. Exit codes: 0 done, 1 done with failures that were reported,
//! 2 wrong usage or configuration, 3 the store, the key or another resource cannot be used.

mod check;
mod classify;
mod db;
mod demo;
mod explain;
mod extract;
mod hits;
mod output;
mod poll;
mod replay;
mod report;
mod rules;
mod run;
mod sources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, load};
use crate::mail::MailError;
use crate::problem::Problems;
use crate::secret::KeyError;
use crate::store::StoreError;
use crate::telemetry;

/// The reader of lists of sources: what a stranger sent is read here too, so it is fuzzed like the rest.
pub use sources::{Line, from_csv, from_opml};

/// Watches public feeds and pages for mentions of an NHS Trust, judges them against its own policy and tells the right people.
#[derive(Debug, Parser)]
#[command(name = "trustwatch", version)]
pub struct Cli {
    /// The configuration [default: the first of ./trustwatch.toml, ./config/trustwatch.toml, /etc/trustwatch/trustwatch.toml].
    #[arg(long, global = true, env = "TRUSTWATCH_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch until stopped: the service itself.
    Run(run::Args),
    /// Poll sources once and tell what is new.
    Poll(poll::Args),
    /// Check the configuration and show when each source is due.
    Check(check::Args),
    /// Judge documents given as JSON Lines on standard input, without network or store.
    Classify(classify::Args),
    /// Look at the rules, try them and lint them.
    Rules(rules::Args),
    /// Read the main text and metadata of HTML files, or of JSON Lines on standard input.
    Extract(extract::Args),
    /// Show what is polled and how it goes.
    Sources(sources::Args),
    /// Show what was found.
    Hits(hits::Args),
    /// Show trends.
    Report(report::Args),
    /// Look after the store.
    Db(db::Args),
    /// Show the whole way with an invented Trust: a small web on this machine, real mails in a folder.
    Demo(demo::Args),
}

/// How a command ended, when nothing stood in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Done.
    Well,
    /// Done, with failures that were reported.
    WithFailures,
}

impl Cli {
    /// Runs the command; says what went wrong on standard error.
    pub fn run(self) -> ExitCode {
        let result = self.dispatch();
        match result {
            Ok(Ended::Well) => ExitCode::SUCCESS,
            Ok(Ended::WithFailures) => ExitCode::from(1),
            // Whoever read our output has seen enough (`| head`).
            Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
            Err(error) => {
                match error.downcast_ref::<Problems>() {
                    Some(problems) => anstream::eprintln!("trustwatch: {error}\n{problems}"),
                    None => anstream::eprintln!("trustwatch: {error:#}"),
                }
                ExitCode::from(exit_code(&error))
            }
        }
    }

    fn dispatch(self) -> anyhow::Result<Ended> {
        let config = Place(self.config);
        match self.command {
            Command::Run(args) => run::run(args, &config),
            Command::Poll(args) => poll::run(&args, &config),
            Command::Check(args) => check::run(&args, &config),
            Command::Classify(args) => classify::run(&args, &config),
            Command::Rules(args) => rules::run(args, &config),
            Command::Extract(args) => extract::run(&args),
            Command::Sources(args) => sources::run(args, &config),
            Command::Hits(args) => hits::run(args, &config),
            Command::Report(args) => report::run(&args, &config),
            Command::Db(args) => db::run(args, &config),
            Command::Demo(args) => demo::run(&args),
        }
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let is = |probe: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(probe);
    if is(|cause| cause.is::<Problems>() || cause.is::<Usage>()) {
        2
    } else if is(|cause| cause.is::<StoreError>() || cause.is::<KeyError>())
        || is(|cause| cause.is::<MailError>() || cause.is::<std::io::Error>())
    {
        3
    } else {
        1
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
    };
    error.chain().any(|cause| io(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

/// A request that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Where a configuration is looked for.
const PLACES: [&str; 3] = ["trustwatch.toml", "config/trustwatch.toml", "/etc/trustwatch/trustwatch.toml"];

/// Where the configuration is.
#[derive(Debug)]
struct Place(Option<PathBuf>);

impl Place {
    fn find(&self) -> Option<PathBuf> {
        self.0.clone().or_else(|| PLACES.iter().map(PathBuf::from).find(|path| path.exists()))
    }

    /// Whether there is one.
    fn exists(&self) -> bool {
        self.find().is_some()
    }

    fn load(&self) -> anyhow::Result<Config> {
        let file = self.find().ok_or_else(|| {
            Usage(format!("there is no configuration at {}: name one with --config", PLACES.join(", ")))
        })?;
        load_file(&file)
    }
}

fn load_file(file: &Path) -> anyhow::Result<Config> {
    load(file).map_err(|problems| cannot_be_used(file, problems))
}

fn cannot_be_used(file: &Path, problems: Problems) -> anyhow::Error {
    anyhow::Error::new(problems).context(format!("the configuration in {} cannot be used", file.display()))
}

/// A runtime for commands that need one.
fn on_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // A look-up or parser that still runs holds nothing that is not safe to leave.
    runtime.shutdown_background();
    done
}

/// Starts logging for a command: warnings, unless the environment says otherwise.
fn quiet_logging() {
    telemetry::start_logging("warn", telemetry::LogFormat::Text);
}
