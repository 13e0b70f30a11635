//! What an operator may set about alerts: a small table of recipients and when digests leave.

use serde::Deserialize;

use crate::mail::check_address;
use crate::problem::Problem;

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Recipients {
    /// The Communications Team: everything that is not restricted.
    pub communications: Vec<String>,
    /// Who may read protected disclosures (`concern.safety`): the Freedom to Speak Up Guardian's post.
    pub restricted: Vec<String>,
    /// Who answers when somebody may be in danger (`concern.welfare`), at any hour.
    pub crisis: Vec<String>,
    /// The operator: everything in shadow mode, and warnings about the service itself.
    pub operator: Vec<String>,
}

/// When mails leave.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// When the digest leaves, London time, as a five-field cron line.
    pub digest: String,
    /// Quiet time after the last first pass before its summary leaves (seconds).
    pub backlog_settle_s: u64,
    /// The longest that a summary waits for sources that never answer (seconds).
    pub backlog_patience_s: u64,
    /// Who is told.
    pub recipients: Recipients,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            digest: "30 7 * * *".to_owned(),
            backlog_settle_s: 60,
            backlog_patience_s: 3600,
            recipients: Recipients::default(),
        }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(error) = self.digest.parse::<crate::schedule::CronLine>() {
            problems.push(Problem::at("digest", error.to_string()));
        }
        let lists = [
            ("communications", &self.recipients.communications),
            ("restricted", &self.recipients.restricted),
            ("crisis", &self.recipients.crisis),
            ("operator", &self.recipients.operator),
        ];
        for (name, list) in lists {
            for (index, address) in list.iter().enumerate() {
                if let Err(message) = check_address(address) {
                    problems.push(Problem::at(format!("recipients.{name}[{index}]"), message));
                }
            }
        }
        if self.recipients.communications.is_empty() {
            problems.push(Problem::at(
                "recipients.communications",
                "name at least one address: somebody must be told",
            ));
        }
        problems
    }
}
