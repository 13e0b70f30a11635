//! Rendered messages on their way out: SMTP or a maildir. The only user of lettre. Whether a failure
//! is for ever or for now is decided here, once.

mod maildir;
mod message;
mod options;
mod smtp;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

pub use options::{Options, Security, Smtp, Transport, check_address};

/// A message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whom it goes to.
    pub to: String,
    /// Fixed with its alert: a repeat is the same message.
    pub message_id: String,
    /// Fixed with its alert.
    pub date: DateTime<Utc>,
    /// What sort of alert, for filters.
    pub kind: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, equal in content.
    pub html: String,
}

/// Why a message did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It never will, as it is.
    #[error("refused for good: {0}")]
    Permanent(String),
    /// It may later.
    #[error("not accepted now: {0}")]
    Temporary(String),
}

impl MailError {
    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Temporary(_))
    }
}

/// Sends mails.
#[derive(Debug, Clone)]
pub struct Mailer {
    from: String,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Smtp(Box<smtp::Relay>),
    Maildir(maildir::Maildir),
    Memory(Arc<Mutex<Vec<Mail>>>),
}

impl Mailer {
    /// A mailer by `options`.
    ///
    /// # Errors
    /// When a certificate cannot be read or the maildir cannot be made.
    pub fn new(options: &Options) -> Result<Self, MailError> {
        // A second installation finds the first in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let way = match options.transport {
            Transport::Smtp => Way::Smtp(Box::new(smtp::Relay::new(&options.smtp)?)),
            Transport::Maildir => Way::Maildir(maildir::Maildir::open(&options.maildir)?),
        };
        Ok(Self { from: options.from.clone(), way })
    }

    /// A mailer that keeps what it is given, for tests.
    pub fn memory(from: &str) -> (Self, Arc<Mutex<Vec<Mail>>>) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        (Self { from: from.to_owned(), way: Way::Memory(kept.clone()) }, kept)
    }

    /// The channel's name, as stored with a delivery.
    pub const fn channel() -> &'static str {
        "mail"
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// Says whether trying again may help.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        match &self.way {
            Way::Memory(kept) => {
                let mut kept =
                    kept.lock().map_err(|_| MailError::Temporary("the list is poisoned".to_owned()))?;
                kept.push(mail.clone());
                Ok(())
            }
            Way::Smtp(relay) => relay.send(&message::built(&self.from, mail)?).await,
            Way::Maildir(maildir) => {
                let (maildir, bytes) = (maildir.clone(), message::built(&self.from, mail)?.formatted());
                let name = format!("{}.{}", mail.message_id, mail.to);
                let kept = tokio::task::spawn_blocking(move || maildir.keep(&name, &bytes)).await;
                kept.map_err(|error| MailError::Temporary(error.to_string()))?
            }
        }
    }
}
