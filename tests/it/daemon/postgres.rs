//! A PostgreSQL database of a test's own, on the server that `TEST_POSTGRES_URL` names.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// An empty database.
pub(crate) struct Database {
    pub(crate) url: String,
    server: String,
    name: String,
}

impl Database {
    /// Makes one, or says why there is nothing to test against.
    pub(crate) async fn fresh() -> Option<Self> {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            println!("skipped: TEST_POSTGRES_URL names no server");
            return None;
        };
        let name = format!("service_{}", trustwatch::secret::random_token().unwrap());
        let (base, _) = server.rsplit_once('/').unwrap();
        let database = Self { url: format!("{base}/{name}"), server, name };
        database.say(format!("CREATE DATABASE {}", database.name)).await;
        Some(database)
    }

    /// Takes it away, whoever is still using it.
    pub(crate) async fn remove(self) {
        self.say(format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }

    async fn say(&self, sql: String) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}
