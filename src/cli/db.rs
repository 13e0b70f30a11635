//! `trustwatch db`: migrate, back up, check.

use std::path::PathBuf;

use super::{Ended, Place, on_runtime, quiet_logging};
use crate::clock::{Clock, SystemClock};
use crate::daemon::store_options;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Bring the schema up to date (the service does so itself at its start).
    Migrate,
    /// Write a whole, consistent copy of an SQLite store; the service may go on running.
    Backup {
        /// The copy; must not exist yet.
        file: PathBuf,
    },
    /// Look whether everything in the store fits together.
    Check,
}

pub(super) fn run(args: Args, config: &Place) -> anyhow::Result<Ended> {
    quiet_logging();
    let config = config.load()?;
    let options = store_options(&config);
    on_runtime(async move {
        let now = SystemClock::default().now().timestamp_millis();
        match args.command {
            Command::Migrate => {
                std::fs::create_dir_all(&config.service.state_dir)?;
                let (before, after) = Store::migrate(&options).await?;
                anstream::println!("schema {before} → {after}");
            }
            Command::Backup { file } => {
                let store = Store::open_existing(&options, now).await?;
                store.backup(&file).await?;
                store.close().await;
                anstream::println!(
                    "{}: written. It cannot be read without the key file {}: keep a copy of that too, elsewhere.",
                    file.display(),
                    options.key_file.display()
                );
            }
            Command::Check => {
                let store = Store::open_existing(&options, now).await?;
                let wrong = store.check().await?;
                store.close().await;
                for line in &wrong {
                    anstream::println!("{line}");
                }
                if !wrong.is_empty() {
                    return Ok(Ended::WithFailures);
                }
                anstream::println!("the store is well");
            }
        }
        Ok(Ended::Well)
    })
}
