//! The configuration: one file over the shipped defaults, further sources beside it, the environment
//! over both. Everything that is wrong is reported at once, with key path, file and line.

mod expand;
mod lawful;
mod layer;
mod load;
mod own;
mod profiles;
mod sources;

use std::path::PathBuf;

use serde::Deserialize;

pub use load::{EXAMPLE, load, load_with_added, own_rules};
pub use profiles::{SHIPPED_PROFILES, read_profile_text, read_profiles, shipped_profiles};

use crate::classify::RuleSet;
use crate::model::Profile;
use crate::pipeline::Planned;
use crate::telemetry::LogFormat;
use crate::{alert, extract, fetch, mail, source, store, web};

/// The service as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Where everything relative is kept.
    pub state_dir: PathBuf,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Decide, store and show, and mail the operator alone.
    pub shadow: bool,
}

impl Default for Service {
    fn default() -> Self {
        let state_dir =
            std::env::var_os("STATE_DIRECTORY").map_or_else(|| "trustwatch-data".into(), PathBuf::from);
        Self { state_dir, log: "info".to_owned(), log_format: LogFormat::default(), shadow: false }
    }
}

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which file it came from.
    pub file: PathBuf,
    /// The service as a whole.
    pub service: Service,
    /// Where things are stored.
    pub store: store::Options,
    /// How long.
    pub retention: store::Retention,
    /// How the web is read.
    pub fetch: fetch::Options,
    /// How feeds are read.
    pub source: source::Options,
    /// How pages are read.
    pub extract: extract::Options,
    /// How mails leave.
    pub mail: mail::Options,
    /// Who is told.
    pub alert: alert::Options,
    /// Where monitoring asks.
    pub web: web::Options,
    /// Whom we watch for.
    pub profiles: Vec<Profile>,
    /// By which rules.
    pub rules: RuleSet,
    /// What is polled.
    pub planned: Vec<Planned>,
    /// Addresses that are known.
    pub presets: Vec<source::Preset>,
    /// What is allowed and should be known all the same.
    pub notes: Vec<String>,
}

impl Config {
    /// `path` below the state directory, unless it is absolute.
    pub fn in_state(&self, path: &std::path::Path) -> PathBuf {
        self.service.state_dir.join(path)
    }
}
