//! What holds for a whole host, for every process and across restarts: when the next request may go out, and what its
//! robots.txt said.

use super::db::{on_read, on_tx};
use super::{Store, StoreError};

const KNOW_HOST: &str = "INSERT INTO host (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
const TAKE_SLOT: &str = "UPDATE host SET next_at = (CASE WHEN next_at > $1 THEN next_at ELSE $1 END) + $2
WHERE name = $3 AND next_at <= $4 RETURNING next_at";
const RESTS_UNTIL: &str = "SELECT next_at FROM host WHERE name = $1";
const ROBOTS: &str = "SELECT until_at, body, why FROM robots WHERE authority = $1 AND until_at > $2";
const KEEP_ROBOTS: &str = "INSERT INTO robots (authority, until_at, body, why) VALUES ($1, $2, $3, $4)
ON CONFLICT (authority) DO UPDATE SET until_at = excluded.until_at, body = excluded.body, why = excluded.why";

/// A slot for a request to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Taken: the request may go out then (ms).
    At(i64),
    /// None within reach: the host is left alone until then (ms).
    RestsUntil(i64),
}

/// What a robots.txt said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRobots {
    /// Until when it is believed (ms).
    pub until_at: i64,
    /// The file, empty where there is none; or why it could not be read.
    pub file: Result<Vec<u8>, String>,
}

impl Store {
    /// Takes the next slot of `host`, at most `most` from `now` on; the one after comes `gap` later (all ms).
    pub async fn take_slot(&self, host: &str, now: i64, gap: i64, most: i64) -> Result<Slot, StoreError> {
        let mut tx = self.db.begin().await?;
        let next: Option<i64> = on_tx!(&mut tx, tx => {
            sqlx::query(KNOW_HOST).bind(host).execute(&mut **tx).await?;
            sqlx::query_scalar(TAKE_SLOT).bind(now).bind(gap).bind(host).bind(now + most)
                .fetch_optional(&mut **tx).await?
        });
        let slot = match next {
            Some(next) => Slot::At(next - gap),
            None => Slot::RestsUntil(on_tx!(&mut tx, tx =>
                sqlx::query_scalar(RESTS_UNTIL).bind(host).fetch_one(&mut **tx).await?)),
        };
        tx.commit().await?;
        Ok(slot)
    }

    /// What the robots.txt of `authority` (`https://paper.example`) said, as long as it is believed.
    pub async fn robots(&self, authority: &str, now: i64) -> Result<Option<KeptRobots>, StoreError> {
        let found: Option<(i64, Option<Vec<u8>>, String)> = on_read!(&self.db, pool =>
            sqlx::query_as(ROBOTS).bind(authority).bind(now).fetch_optional(pool).await?);
        Ok(found.map(|(until_at, body, why)| KeptRobots { until_at, file: body.ok_or(why) }))
    }

    /// Keeps what it says now.
    pub async fn keep_robots(&self, authority: &str, robots: &KeptRobots) -> Result<(), StoreError> {
        let (body, why) = match &robots.file {
            Ok(body) => (Some(body.as_slice()), ""),
            Err(why) => (None, why.as_str()),
        };
        let mut tx = self.db.begin().await?;
        on_tx!(&mut tx, tx => {
            sqlx::query(KEEP_ROBOTS).bind(authority).bind(robots.until_at).bind(body).bind(why)
                .execute(&mut **tx).await?;
        });
        tx.commit().await
    }
}
