//! Why a fetch brought nothing, as its caller needs to know it: what to record, and how long to wait.

use std::error::Error as _;
use std::time::Duration;

use super::guard::Refusal;

/// Which time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Until connected.
    Connect,
    /// Until the first byte.
    FirstByte,
    /// For the whole fetch.
    Total,
}

/// Why a fetch brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The guard said no.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// robots.txt says no.
    #[error("robots.txt does not allow it (line {line}: {rule})")]
    Robots {
        /// The deciding line.
        line: usize,
        /// What it says.
        rule: String,
    },
    /// robots.txt could not be read, which means no (RFC 9309, 2.3.1.4).
    #[error(
        "robots.txt could not be read ({0}); until it can be, nothing else is asked of this site (RFC 9309)"
    )]
    RobotsUnreachable(String),
    /// The page is gone for good (410).
    #[error("gone for good (410)")]
    Gone,
    /// Another status than success.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: u16,
        /// How long it asks us to stay away.
        retry_after: Option<Duration>,
        /// The page that came with it, decoded; empty where there was none or it could not be read.
        body: Vec<u8>,
    },
    /// A redirect that cannot be followed.
    #[error("redirected {0}")]
    Redirect(String),
    /// More bytes than allowed.
    #[error("the body is larger than {limit} bytes {stage}")]
    TooLarge {
        /// The limit (bytes).
        limit: u64,
        /// `as sent` or `after decoding`.
        stage: &'static str,
    },
    /// Compression that cannot be undone.
    #[error("the body cannot be decoded: {0}")]
    Encoding(String),
    /// Too slow.
    #[error("no {} within {limit:?}", match .what { TimeLimit::Connect => "connection", TimeLimit::FirstByte => "answer", TimeLimit::Total => "complete answer" })]
    Timeout {
        /// Which time ran out.
        what: TimeLimit,
        /// How long it was.
        limit: Duration,
    },
    /// The host asked to be left alone for longer than a request waits.
    #[error("its host asked to be left alone for another {} s", .0.as_secs())]
    Resting(Duration),
    /// A slot for the request could not be written down.
    #[error("no slot could be taken: {0}")]
    Slot(String),
    /// A key that cannot stand in a header.
    #[error("the key cannot be sent: it or the header {0:?} holds a character that no header may hold")]
    Key(String),
    /// The connection failed or broke.
    #[error("the connection failed: {0}")]
    Network(String),
}

/// How a failure weighs (linear back-off: hard 1, soft 0.5, temporary 0.25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Will not change by itself.
    Hard,
    /// May change.
    Soft,
    /// Changes soon.
    Temporary,
}

impl FetchError {
    /// The name under which it is stored and counted.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Robots { .. } => "robots",
            Self::RobotsUnreachable(_) => "robots_unreachable",
            Self::Gone => "gone",
            Self::Status { .. } => "status",
            Self::Redirect(_) => "redirect",
            Self::TooLarge { .. } => "too_large",
            Self::Encoding(_) => "encoding",
            Self::Timeout { .. } => "timeout",
            Self::Resting(_) => "host_resting",
            Self::Slot(_) => "store",
            Self::Key(_) => "key",
            Self::Network(_) => "network",
        }
    }

    /// How it weighs.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Refused(_)
            | Self::Robots { .. }
            | Self::Gone
            | Self::TooLarge { .. }
            | Self::Key(_)
            | Self::Redirect(_) => FailureClass::Hard,
            Self::Status { status, .. } if *status < 500 && *status != 429 && *status != 408 => {
                FailureClass::Hard
            }
            Self::Status { .. } | Self::RobotsUnreachable(_) | Self::Encoding(_) => FailureClass::Soft,
            Self::Timeout { .. } | Self::Network(_) | Self::Resting(_) | Self::Slot(_) => {
                FailureClass::Temporary
            }
        }
    }

    /// How long the server asks us to stay away.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Resting(wait) => Some(*wait),
            _ => None,
        }
    }

    /// The status that the server answered with, if it answered.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Gone => Some(410),
            _ => None,
        }
    }

    /// Sorts out what reqwest says.
    pub(super) fn from_reqwest(error: &reqwest::Error, connect_limit: Duration) -> Self {
        let mut source = error.source();
        // An address may hold a key.
        let mut last = match error.url() {
            Some(url) => error.to_string().replace(url.as_str(), "its address"),
            None => error.to_string(),
        };
        while let Some(inner) = source {
            if let Some(refusal) = inner.downcast_ref::<Refusal>() {
                return Self::Refused(refusal.clone());
            }
            last = inner.to_string();
            source = inner.source();
        }
        if error.is_timeout() {
            let what = if error.is_connect() { TimeLimit::Connect } else { TimeLimit::FirstByte };
            return Self::Timeout { what, limit: connect_limit };
        }
        Self::Network(last)
    }
}
