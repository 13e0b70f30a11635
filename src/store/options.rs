//! What an operator may set about the store and how long things are kept.

use std::path::PathBuf;

use serde::Deserialize;

use crate::problem::Problem;

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// The file that holds the URL, where it has a password in it.
    pub url_file: Option<PathBuf>,
    /// The file with the store's own key (32 bytes); made at the first start.
    pub key_file: PathBuf,
    /// How long a claim holds before others may take the work over (seconds).
    pub lease_s: u64,
    /// Connections to PostgreSQL, or reading connections to SQLite.
    pub connections: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "sqlite:trustwatch.db".to_owned(),
            url_file: None,
            key_file: "trustwatch.key".into(),
            lease_s: 180,
            connections: 4,
        }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(self.url.starts_with("sqlite:")
            || self.url.starts_with("postgres://")
            || self.url.starts_with("postgresql://"))
        {
            problems.push(Problem::at("url", "must start with sqlite: or postgres://"));
        }
        if self.lease_s == 0 {
            problems.push(Problem::at("lease_s", "must be at least 1"));
        }
        if self.connections == 0 {
            problems.push(Problem::at("connections", "must be at least 1"));
        }
        problems
    }
}

/// How long things are kept, in days (NHS Records Management Code, Appendix II; check with your own
/// records manager).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Fingerprints of entries that mentioned nobody.
    pub entry_days: u32,
    /// Dismissed hits.
    pub dismissed_days: u32,
    /// Coverage, mentions and everything without a graver category: clippings.
    pub clipping_days: u32,
    /// Complaints, thanks and questions.
    pub feedback_days: u32,
    /// Hits with a confidentiality, brand, conduct or concern finding: incidents.
    pub incident_days: u32,
    /// Rendered mails.
    pub alert_days: u32,
    /// Who looked at sealed text.
    pub audit_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            entry_days: 90,
            dismissed_days: 90,
            clipping_days: 6 * 365,
            feedback_days: 10 * 365,
            incident_days: 10 * 365,
            alert_days: 365,
            audit_days: 6 * 365,
        }
    }
}

impl Retention {
    /// What is wrong with these periods.
    pub fn check(&self) -> Vec<Problem> {
        let periods = [
            ("entry_days", self.entry_days, 7),
            ("dismissed_days", self.dismissed_days, 1),
            ("clipping_days", self.clipping_days, 1),
            ("feedback_days", self.feedback_days, 1),
            ("incident_days", self.incident_days, 1),
            ("alert_days", self.alert_days, 1),
            ("audit_days", self.audit_days, 365),
        ];
        let short = periods.into_iter().filter(|(_, days, least)| days < least);
        short.map(|(key, _, least)| Problem::at(key, format!("must be at least {least} days"))).collect()
    }
}
