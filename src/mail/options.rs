//! What an operator may set about mail.

use std::path::PathBuf;

use serde::Deserialize;

use crate::problem::Problem;
use crate::secret::SecretString;

/// How mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Through a relay.
    Smtp,
    /// Into a folder, to be looked at.
    #[default]
    Maildir,
}

/// How the way to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    Plaintext,
}

/// The relay.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Smtp {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub security: Security,
    /// The user, where it asks for one.
    pub username: String,
    /// The password.
    pub password: Option<SecretString>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// A certificate authority beside the system's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Time for handing over one mail (seconds).
    pub timeout_s: u64,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            security: Security::default(),
            username: String::new(),
            password: None,
            password_file: None,
            ca_file: None,
            timeout_s: 60,
        }
    }
}

/// How mails leave.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The way out.
    pub transport: Transport,
    /// The sender's address, with or without a name.
    pub from: String,
    /// The folder, for the maildir.
    pub maildir: PathBuf,
    /// The relay, for SMTP.
    pub smtp: Smtp,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            transport: Transport::default(),
            from: "Trustwatch <trustwatch@localhost.localdomain>".to_owned(),
            maildir: "maildir".into(),
            smtp: Smtp::default(),
        }
    }
}

impl Options {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(message) = check_address(&self.from) {
            problems.push(Problem::at("from", message));
        }
        if self.transport == Transport::Smtp {
            let smtp = &self.smtp;
            if smtp.host.is_empty() {
                problems.push(Problem::at("smtp.host", "name the relay, or set mail.transport to maildir"));
            }
            if smtp.password.is_some() && smtp.password_file.is_some() {
                problems.push(Problem::at("smtp.password", "set either password or password_file, not both"));
            }
            let has_password = smtp.password.is_some() || smtp.password_file.is_some();
            if has_password == smtp.username.is_empty() {
                problems.push(Problem::at("smtp.username", "set username and password together, or neither"));
            }
            if smtp.security == Security::Plaintext && has_password {
                problems.push(Problem::at(
                    "smtp.security",
                    "a password is never sent in plaintext: use starttls or tls",
                ));
            }
            if smtp.timeout_s == 0 {
                problems.push(Problem::at("smtp.timeout_s", "must be at least 1"));
            }
        }
        problems
    }
}

/// Whether `text` can stand as an address in a mail.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_address(text: &str) -> Result<(), String> {
    text.parse::<lettre::message::Mailbox>()
        .map(drop)
        .map_err(|error| format!("{text:?} is no mail address: {error}"))
}
