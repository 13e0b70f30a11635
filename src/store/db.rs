//! Two databases behind one face: pools, transactions, migrations, and the macros that run one query
//! text on either.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Postgres, Sqlite, Transaction};
use tokio::time::timeout;

use super::{Options, StoreError};

/// An open database.
#[derive(Debug, Clone)]
pub(super) enum Db {
    /// One writer, several readers.
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// One pool for both.
    Postgres(PgPool),
}

/// A transaction that writes.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs `$body` with `$at` as the reading pool of whichever database it is.
macro_rules! on_read {
    ($db:expr, $at:ident => $body:expr) => {
        match $db {
            $crate::store::db::Db::Sqlite { read: $at, .. } => $body,
            $crate::store::db::Db::Postgres($at) => $body,
        }
    };
}

/// Runs `$body` with `$at` as the open transaction.
macro_rules! on_tx {
    ($tx:expr, $at:ident => $body:expr) => {
        match $tx {
            $crate::store::db::Tx::Sqlite($at) => $body,
            $crate::store::db::Tx::Postgres($at) => $body,
        }
    };
}

pub(super) use {on_read, on_tx};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// SQLite before this version can lose data when a checkpoint meets a writer (the WAL-reset bug).
const MIN_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// How long a writer waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a task waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

impl Db {
    /// Connects. An SQLite file is made where there is none.
    pub(super) async fn connect(options: &Options) -> Result<Self, StoreError> {
        let fail = |why: String| StoreError::Open { url: without_password(&options.url), why };
        if let Some(path) = options.url.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//");
            let connect = sqlite_options(path);
            let write = SqlitePoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
            let write =
                write.connect_with(connect).await.map_err(|error| fail(explain_sqlite(path, &error)))?;
            let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&write).await?;
            if parse_version(&version) < MIN_SQLITE {
                return Err(fail(format!("SQLite {version} can lose data; at least 3.51.3 is needed")));
            }
            // Opened at once: a reader that joins later would wait for the writer's lock.
            let read = SqlitePoolOptions::new()
                .min_connections(options.connections)
                .max_connections(options.connections);
            let read = read.acquire_timeout(ACQUIRE_TIMEOUT).idle_timeout(None).max_lifetime(None);
            let read = read.connect_with(reader_options(path)).await?;
            return Ok(Self::Sqlite { write, read });
        }
        let connect = PgConnectOptions::from_str(&options.url).map_err(|error| fail(error.to_string()))?;
        // The pool would try a server that refuses for half a minute, and then not say why.
        let probe = timeout(ACQUIRE_TIMEOUT, connect.connect()).await;
        let probe = probe.map_err(|_| fail(format!("no answer within {ACQUIRE_TIMEOUT:?}")))?;
        probe.map_err(|error| fail(error.to_string()))?.close().await?;
        let pool =
            PgPoolOptions::new().max_connections(options.connections.max(4)).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = pool.connect_with(connect).await.map_err(|error| fail(error.to_string()))?;
        Ok(Self::Postgres(pool))
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            // A deferred transaction that upgrades fails at once when another writes.
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// The schema that this program knows.
    pub(super) fn known_schema() -> i64 {
        SQLITE.iter().map(|migration| migration.version).max().unwrap_or_default()
    }

    /// The schema found; 0 for an empty database.
    pub(super) async fn found_schema(&self) -> Result<i64, StoreError> {
        const MIGRATED: &str =
            "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations WHERE success";
        let exists: i64 = match self {
            Self::Sqlite { read, .. } => {
                let sql =
                    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
                sqlx::query_scalar(sql).fetch_one(read).await?
            }
            Self::Postgres(pool) => {
                let sql = "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()";
                sqlx::query_scalar(sql).fetch_one(pool).await?
            }
        };
        if exists == 0 {
            return Ok(0);
        }
        Ok(on_read!(self, pool => sqlx::query_scalar(MIGRATED).fetch_one(pool).await?))
    }

    /// Brings the schema up to date.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        let done = match self {
            Self::Sqlite { write, .. } => SQLITE.run(write).await,
            Self::Postgres(pool) => POSTGRES.run(pool).await,
        };
        done.map_err(|error| StoreError::Database(sqlx::Error::Migrate(Box::new(error))))
    }

    /// Closes all connections; SQLite writes its log back into the file.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Commits.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        on_tx!(self, tx => tx.commit().await?);
        Ok(())
    }

    /// Runs a statement without parameters.
    pub(super) async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        on_tx!(self, tx => { sqlx::query(sql).execute(&mut **tx).await?; });
        Ok(())
    }
}

fn sqlite_options(path: &str) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A mail once sent must not be forgotten at a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("secure_delete", "ON")
        .pragma("journal_size_limit", "67108864")
        // With many sources every commit touches pages all over the file: written back seldom, in one go.
        .pragma("wal_autocheckpoint", "16000")
        .pragma("cache_size", "-32768")
        .auto_vacuum(sqlx::sqlite::SqliteAutoVacuum::Incremental)
}

/// Readers change nothing, not even the journal's mode.
fn reader_options(path: &str) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("query_only", "ON")
}

fn explain_sqlite(path: &str, error: &sqlx::Error) -> String {
    format!(
        "{error}; check that the folder of {path} exists, that this user may write there, and that the disk is not full"
    )
}

fn parse_version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// The URL as it may be logged.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    }
}
