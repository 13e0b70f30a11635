//! Opening the store: schema and key are checked before anything is read.

use std::sync::Arc;

use super::db::{Db, on_read, on_tx};
use super::dialect::LOCK_KEY;
use super::{Options, Store, StoreError};
use crate::secret::ServiceKey;

const KNOWN: &str = "SELECT id FROM key";
const KEEP: &str = "INSERT INTO key (id, created_at) VALUES ($1, $2)";

impl Store {
    /// Opens the store, brings its schema up to date and checks that the key is its own. `now` is in
    /// milliseconds.
    pub async fn open(options: &Options, now: i64) -> Result<Self, StoreError> {
        let db = Db::connect(options).await?;
        let (found, known) = (db.found_schema().await?, Db::known_schema());
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        db.migrate().await?;
        Self::with_key(db, options, now).await
    }

    /// Opens a store that must be up to date already: for commands that only read.
    pub async fn open_existing(options: &Options, now: i64) -> Result<Self, StoreError> {
        if let Some(path) = options.url.strip_prefix("sqlite:")
            && !std::path::Path::new(path.trim_start_matches("//")).exists()
        {
            let why =
                "there is no such file yet: start `trustwatch run` or `trustwatch poll` first".to_owned();
            return Err(StoreError::Open { url: options.url.clone(), why });
        }
        let db = Db::connect(options).await?;
        let (found, known) = (db.found_schema().await?, Db::known_schema());
        match found.cmp(&known) {
            std::cmp::Ordering::Greater => Err(StoreError::Newer { found, known }),
            std::cmp::Ordering::Less => Err(StoreError::Older { found, known }),
            std::cmp::Ordering::Equal => Self::with_key(db, options, now).await,
        }
    }

    /// A key is made only for a store that has none: a lost key file is never papered over.
    async fn with_key(db: Db, options: &Options, now: i64) -> Result<Self, StoreError> {
        let known: Option<String> =
            on_read!(&db, pool => sqlx::query_scalar(KNOWN).fetch_optional(pool).await?);
        let expected = match known {
            Some(known) => known,
            None => give_key(&db, options, now).await?,
        };
        if !options.key_file.exists() {
            let why = format!(
                "it was sealed with key {expected}, and the key file {} is missing: restore it from your backup",
                options.key_file.display()
            );
            return Err(StoreError::Open { url: super::db::without_password(&options.url), why });
        }
        let key = ServiceKey::load(&options.key_file)?;
        if key.id() != expected {
            return Err(StoreError::WrongKey { found: key.id().to_owned(), expected });
        }
        Ok(Self { db, key: Arc::new(key) })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// Gives a new store its key, unless another process was faster. Answers the id of the store's key.
async fn give_key(db: &Db, options: &Options, now: i64) -> Result<String, StoreError> {
    let mut tx = db.begin().await?;
    tx.run(LOCK_KEY.of_tx(&tx)).await?;
    let known: Option<String> =
        on_tx!(&mut tx, tx => sqlx::query_scalar(KNOWN).fetch_optional(&mut **tx).await?);
    if let Some(known) = known {
        return Ok(known);
    }
    let (key, _) = ServiceKey::load_or_create(&options.key_file)?;
    on_tx!(&mut tx, tx => { sqlx::query(KEEP).bind(key.id()).bind(now).execute(&mut **tx).await?; });
    tx.commit().await?;
    Ok(key.id().to_owned())
}
