//! A fresh store on each backend, with a second connection that looks at the tables behind the store's
//! back.

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use trustwatch::secret::random_token;
use trustwatch::store::{Options, Store};

use super::records::T0;

/// A store with its options and a look behind its back.
pub(super) struct Bed {
    pub(super) store: Store,
    pub(super) options: Options,
    raw: Raw,
    folder: tempfile::TempDir,
}

enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs `$body` with `$pool` as whichever pool it is.
macro_rules! on_raw {
    ($raw:expr, $pool:ident => $body:expr) => {
        match $raw {
            Raw::Sqlite($pool) => $body,
            Raw::Postgres($pool) => $body,
        }
    };
}

/// Runs `case` on every backend.
pub(super) async fn each(case: impl AsyncFn(&Bed)) {
    for bed in beds().await {
        case(&bed).await;
        bed.store.close().await;
    }
}

async fn beds() -> Vec<Bed> {
    let mut beds = vec![Bed::sqlite().await];
    beds.extend(Bed::postgres().await);
    beds
}

/// The address of a new, empty database; `None` where no server is named.
pub(crate) async fn fresh_postgres() -> Option<String> {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        println!("skipped: PostgreSQL");
        return None;
    };
    let name = format!("tw_test_{}", &random_token().unwrap()[..16]);
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&server).await.unwrap();
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    pool.close().await;
    let (front, _) = server.rsplit_once('/').unwrap();
    Some(format!("{front}/{name}"))
}

impl Bed {
    pub(super) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let (store, options) = opened(&folder, url).await;
        let raw = Raw::Sqlite(SqlitePool::connect(&options.url).await.unwrap());
        Self { store, options, raw, folder }
    }

    async fn postgres() -> Option<Self> {
        let url = fresh_postgres().await?;
        let folder = tempfile::tempdir().unwrap();
        let (store, options) = opened(&folder, url).await;
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(2);
        let raw = Raw::Postgres(pool.connect(&options.url).await.unwrap());
        Some(Self { store, options, raw, folder })
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.raw, Raw::Sqlite(_))
    }

    /// Every byte of every file beside the store, except the key.
    pub(super) fn files(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| *path != self.options.key_file);
        files.flat_map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Runs a statement behind the store's back. How many rows it touched.
    pub(super) async fn run(&self, sql: &'static str) -> u64 {
        on_raw!(&self.raw, pool => sqlx::query(sql).execute(pool).await.unwrap().rows_affected())
    }

    /// The one number that a query answers; `None` for NULL.
    pub(super) async fn number(&self, sql: &'static str) -> Option<i64> {
        on_raw!(&self.raw, pool => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap())
    }

    /// The one text that a query answers.
    pub(super) async fn text(&self, sql: &'static str) -> String {
        on_raw!(&self.raw, pool => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap())
    }

    /// How many rows a table has.
    pub(super) async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        on_raw!(&self.raw, pool => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap())
    }

    /// Tables with their columns, as the database itself lists them.
    pub(super) async fn columns(&self) -> Vec<(String, String)> {
        const SQLITE: &str = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
            WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations' ORDER BY 1, 2";
        const POSTGRES: &str = "SELECT table_name::text, column_name::text FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' ORDER BY 1, 2";
        let mut columns: Vec<(String, String)> = match &self.raw {
            Raw::Sqlite(pool) => sqlx::query_as(SQLITE).fetch_all(pool).await.unwrap(),
            Raw::Postgres(pool) => sqlx::query_as(POSTGRES).fetch_all(pool).await.unwrap(),
        };
        columns.sort();
        columns
    }

    /// Every value of every column, as text: two dumps are equal when nothing was written between them.
    /// Bytes come as hexadecimal.
    pub(super) async fn dump(&self) -> Vec<String> {
        let mut values = Vec::new();
        for (table, column) in self.columns().await {
            let sql = match &self.raw {
                Raw::Sqlite(_) => format!(
                    "SELECT COALESCE(CASE typeof({column}) WHEN 'blob' THEN hex({column}) ELSE CAST({column} AS TEXT) END, '') FROM {table}"
                ),
                Raw::Postgres(_) => format!("SELECT COALESCE({column}::text, '') FROM {table}"),
            };
            let found: Vec<String> = on_raw!(&self.raw, pool => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap());
            let mut found: Vec<String> =
                found.into_iter().map(|value| format!("{table}.{column}: {value}")).collect();
            found.sort();
            values.extend(found);
        }
        values
    }

    /// A second process: the same store, opened again.
    pub(super) async fn second(&self) -> Store {
        Store::open(&self.options, T0).await.unwrap()
    }
}

async fn opened(folder: &tempfile::TempDir, url: String) -> (Store, Options) {
    let options = Options { url, key_file: folder.path().join("key"), ..Options::default() };
    (Store::open(&options, T0).await.unwrap(), options)
}
