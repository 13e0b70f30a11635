//! What operators ask of the store: is it well, and give me a copy.

use std::path::Path;

use super::db::{Db, on_read};
use super::{Options, Store, StoreError};

const ALIVE: &str = "SELECT 1";
const ORPHANS: &str = "SELECT
  (SELECT COUNT(*) FROM hit WHERE NOT EXISTS (SELECT 1 FROM document WHERE document.id = hit.document))
  + (SELECT COUNT(*) FROM document WHERE NOT EXISTS (SELECT 1 FROM hit WHERE hit.document = document.id))";
const UNDECIDED: &str =
    "SELECT COUNT(*) FROM hit h WHERE NOT EXISTS (SELECT 1 FROM decision x WHERE x.hit = h.id)
  AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.hit = h.id)";
const FOREIGN_KEYS: &str = "SELECT COUNT(*) FROM document WHERE key_id <> $1";
const NOW_MS: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

impl Store {
    /// Brings a store's schema up to date without opening it for work. Answers schema before and after.
    pub async fn migrate(options: &Options) -> Result<(i64, i64), StoreError> {
        let db = Db::connect(options).await?;
        let (found, known) = (db.found_schema().await?, Db::known_schema());
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        db.migrate().await?;
        db.close().await;
        Ok((found, known))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_read!(&self.db, pool => { sqlx::query(ALIVE).execute(pool).await?; });
        Ok(())
    }

    /// The database's clock (ms), where several processes go by it; `None` for SQLite.
    pub async fn database_time(&self) -> Result<Option<i64>, StoreError> {
        match &self.db {
            Db::Sqlite { .. } => Ok(None),
            Db::Postgres(pool) => Ok(Some(sqlx::query_scalar(NOW_MS).fetch_one(pool).await?)),
        }
    }

    /// What is wrong with the store, in sentences; nothing when it is well.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut wrong = Vec::new();
        if let Db::Sqlite { read, .. } = &self.db {
            let lines: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(read).await?;
            wrong.extend(lines.into_iter().filter(|line| line != "ok"));
            let broken: Vec<(String,)> =
                sqlx::query_as("SELECT \"table\" FROM pragma_foreign_key_check").fetch_all(read).await?;
            wrong.extend(
                broken.into_iter().map(|(table,)| format!("{table}: a row refers to one that is gone")),
            );
        }
        let mut count = |n: i64, what: &str| {
            if n > 0 {
                wrong.push(format!("{n} {what}"));
            }
        };
        count(
            on_read!(&self.db, pool => sqlx::query_scalar(ORPHANS).fetch_one(pool).await?),
            "hits or documents without their other half",
        );
        count(
            on_read!(&self.db, pool => sqlx::query_scalar(UNDECIDED).fetch_one(pool).await?),
            "hits that nobody decided on and that wait nowhere",
        );
        count(
            on_read!(&self.db, pool => sqlx::query_scalar(FOREIGN_KEYS).bind(self.key.id()).fetch_one(pool).await?),
            "documents sealed with another key",
        );
        Ok(wrong)
    }

    /// Writes a whole, consistent copy of an SQLite store to `target`, which must not exist.
    pub async fn backup(&self, target: &Path) -> Result<(), StoreError> {
        let fail = |why: String| StoreError::Open { url: target.display().to_string(), why };
        let Db::Sqlite { read, .. } = &self.db else {
            return Err(fail("PostgreSQL is backed up with its own tools: use pg_dump".to_owned()));
        };
        if target.exists() {
            return Err(fail("there is a file already: name another, or move it away".to_owned()));
        }
        let path = target.to_str().ok_or_else(|| fail("the path is not UTF-8".to_owned()))?;
        let mut connection = read.acquire().await?;
        // The copy is written by a connection that otherwise only reads.
        sqlx::query("PRAGMA query_only = OFF").execute(&mut *connection).await?;
        let copied = sqlx::query("VACUUM INTO $1").bind(path).execute(&mut *connection).await;
        sqlx::query("PRAGMA query_only = ON").execute(&mut *connection).await?;
        copied?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(target, private).map_err(|error| fail(error.to_string()))?;
        let sync = || {
            std::fs::File::open(target)?.sync_all()?;
            let folder =
                target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::File::open(folder)?.sync_all()
        };
        sync().map_err(|error: std::io::Error| fail(error.to_string()))
    }
}
