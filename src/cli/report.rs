//! `trustwatch report`: trends.

use chrono::{Days, NaiveDate};
use clap::ValueEnum;

use super::{Ended, Place, Usage, on_runtime, quiet_logging};
use crate::clock::{self, Clock, SystemClock};
use crate::daemon::store_options;
use crate::report::{self, BuildError};
use crate::store::{self, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// First day (London) [default: eight weeks ago].
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Last day (London) [default: today].
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// The length of a period.
    #[arg(long, value_enum, default_value_t = By::Week)]
    by: By,
    /// What is counted apart.
    #[arg(long, value_enum, default_value_t = GroupBy::Category)]
    group_by: GroupBy,
    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Day,
    Week,
    Month,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GroupBy {
    Category,
    Severity,
    Source,
    Organisation,
    Status,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// Days shown where none are named.
const DEFAULT_DAYS: u64 = 55;

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    quiet_logging();
    let config = config.load()?;
    let text = on_runtime(async {
        let now = SystemClock::default().now();
        let store = Store::open_existing(&store_options(&config), now.timestamp_millis()).await?;
        let to = args.to.unwrap_or_else(|| clock::london_day(now));
        let from = args.from.unwrap_or_else(|| to - Days::new(DEFAULT_DAYS));
        let text = rendered(&store, (from, to), args, now).await;
        store.close().await;
        text
    })?;
    anstream::print!("{text}");
    Ok(Ended::Well)
}

async fn rendered(
    store: &Store,
    span: (NaiveDate, NaiveDate),
    args: &Args,
    now: chrono::DateTime<chrono::Utc>,
) -> anyhow::Result<String> {
    let period = match args.by {
        By::Day => report::Period::Day,
        By::Week => report::Period::Week,
        By::Month => report::Period::Month,
    };
    let group_by = match args.group_by {
        GroupBy::Category => store::GroupBy::Category,
        GroupBy::Severity => store::GroupBy::Severity,
        GroupBy::Source => store::GroupBy::Source,
        GroupBy::Organisation => store::GroupBy::Organisation,
        GroupBy::Status => store::GroupBy::Status,
    };
    let format = match args.format {
        Format::Table => report::Format::Table,
        Format::Csv => report::Format::Csv,
        Format::Json => report::Format::Json,
    };
    let built = report::build(store, span, period, group_by, now).await.map_err(|error| match error {
        BuildError::Period(error) => anyhow::Error::new(Usage(error.to_string())),
        BuildError::Store(error) => error.into(),
    })?;
    Ok(report::render(&built, format)?)
}
