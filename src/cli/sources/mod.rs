//! `trustwatch sources`: what is polled, how it goes, and what could be.

mod list;
mod read;
mod robots;

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
        Command::Read(args) => read::run(&args),
        Command::Robots(args) => robots::run(&args),
    }
}
