//! `trustwatch sources`: what is polled, how it goes, and what could be.

mod add;
mod discover;
mod health;
mod list;
mod place;
mod presets;
mod read;
mod review;
mod robots;
mod test;
mod transfer;
mod visit;

pub use transfer::{Line, from_csv, from_opml};

use super::{Ended, Place, quiet_logging};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every source with its last poll.
    List(list::ListArgs),
    /// One source with everything known of it.
    Show(list::ShowArgs),
    /// Addresses that are known, and whether they may be used.
    Presets(presets::Args),
    /// Find the feeds, comment feeds and sitemaps of a site.
    Discover(discover::Args),
    /// Visit an address once and show what a poll would make of it; nothing is kept.
    Test(test::Args),
    /// Add a source, by its address or from a preset: written into sources.d beside the configuration.
    Add(add::Args),
    /// Add the feeds of an OPML or CSV file.
    Import(transfer::ImportArgs),
    /// Write all sources as OPML or CSV.
    Export(transfer::ExportArgs),
    /// Renew the day by which sources must be looked at again, of many in one audited step.
    Review(review::Args),
    /// Which sources see, which are blind, and what is worth a look; exit code 1 where one is blind.
    Health(health::HealthArgs),
    /// In plain words: what this installation sees, and what nobody can see this way.
    Coverage,
    /// Read feeds from files, as a poll would, and show their entries.
    Read(read::Args),
    /// Whether a robots.txt lets a robot fetch an address, and which line says so.
    Robots(robots::Args),
}

pub(super) fn run(args: Args, config: &Place) -> anyhow::Result<Ended> {
    quiet_logging();
    match args.command {
        Command::List(args) => list::list(&args, config),
        Command::Show(args) => list::show(&args, config),
        Command::Presets(args) => presets::run(&args, config),
        Command::Discover(args) => discover::run(&args, config),
        Command::Test(args) => test::run(&args, config),
        Command::Add(args) => add::run(&args, config),
        Command::Import(args) => transfer::import(&args, config),
        Command::Export(args) => transfer::export(&args, config),
        Command::Review(args) => review::run(&args, config),
        Command::Health(args) => health::health(&args, config),
        Command::Coverage => health::coverage(config),
        Command::Read(args) => read::run(&args),
        Command::Robots(args) => robots::run(&args),
    }
}
