//! What can go wrong with the store, as its callers need to tell it apart.

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("the store {url} cannot be opened: {why}")]
    Open {
        /// Which, without a password.
        url: String,
        /// Why, and what to do.
        why: String,
    },
    /// A newer program has been here.
    #[error(
        "the store was written by a newer version of trustwatch (schema {found}, this one knows {known}): install that version again, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// Tables are missing.
    #[error("the store has schema {found} and this version needs {known}: run `trustwatch db migrate`")]
    Older {
        /// The schema found.
        found: i64,
        /// The schema needed.
        known: i64,
    },
    /// The key is not the one that sealed the store.
    #[error(
        "the key file does not belong to this store (it is {found}, the store was sealed with {expected}): restore the key file from your backup"
    )]
    WrongKey {
        /// The key id found.
        found: String,
        /// The key id in the store.
        expected: String,
    },
    /// Something sealed cannot be opened.
    #[error(transparent)]
    Unseal(#[from] crate::secret::UnsealError),
    /// Something cannot be sealed.
    #[error(transparent)]
    Key(#[from] crate::secret::KeyError),
    /// What stands in the store makes no sense.
    #[error("the store holds something that makes no sense: {0}")]
    Inconsistent(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl StoreError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_)) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                // Busy, locked, full; serialisation failure, deadlock, admin shutdown, too many clients.
                let code = error.code().unwrap_or_default();
                matches!(
                    code.as_ref(),
                    "5" | "6" | "10" | "13" | "517" | "261" | "40001" | "40P01" | "57P01" | "57P03" | "53300"
                )
            }
            _ => false,
        }
    }
}
