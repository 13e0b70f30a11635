//! `trustwatch run`: the service.

use tokio_util::sync::CancellationToken;

use super::{Ended, Place, on_runtime};
use crate::daemon::{App, Wishes};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Decide, store and show, but mail the operator alone.
    #[arg(long)]
    shadow: bool,
}

pub(super) fn run(args: Args, config: &Place) -> anyhow::Result<Ended> {
    let mut config = config.load()?;
    config.service.shadow |= args.shadow;
    telemetry::start_logging(&config.service.log, config.service.log_format);
    if config.service.shadow && config.alert.recipients.operator.is_empty() {
        tracing::warn!("shadow mode is on and alert.recipients.operator is empty: nobody gets any mail");
    }
    on_runtime(async move {
        let app = App::build(config, Wishes::default()).await?;
        app.run(CancellationToken::new()).await
    })?;
    Ok(Ended::Well)
}
