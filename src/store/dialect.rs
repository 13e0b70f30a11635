//! The only places where the two databases are asked in different words.

use super::db::{Db, Tx};

/// SQL in both dialects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl Both {
    pub(super) fn of_db(self, db: &Db) -> &'static str {
        match db {
            Db::Sqlite { .. } => self.sqlite,
            Db::Postgres(_) => self.postgres,
        }
    }

    pub(super) fn of_tx(self, tx: &Tx) -> &'static str {
        match tx {
            Tx::Sqlite(_) => self.sqlite,
            Tx::Postgres(_) => self.postgres,
        }
    }
}

/// Lets one process at a time give a store its key: SQLite has one writer anyway.
pub(super) const LOCK_KEY: Both =
    Both { sqlite: "SELECT 1", postgres: "LOCK TABLE key IN SHARE ROW EXCLUSIVE MODE" };

/// SQL that differs only in how a JSON list parameter is opened: `LIST($2)` in the text.
macro_rules! with_list {
    ($before:literal, $n:literal, $after:literal) => {
        $crate::store::dialect::Both {
            sqlite: concat!($before, "(SELECT value FROM json_each($", $n, "))", $after),
            postgres: concat!($before, "(SELECT jsonb_array_elements_text($", $n, "::jsonb))", $after),
        }
    };
}

/// The same for a list of row numbers.
macro_rules! with_ids {
    ($before:literal, $n:literal, $after:literal) => {
        $crate::store::dialect::Both {
            sqlite: concat!($before, "(SELECT value FROM json_each($", $n, "))", $after),
            postgres: concat!(
                $before,
                "(SELECT id::bigint FROM jsonb_array_elements_text($",
                $n,
                "::jsonb) AS ids (id))",
                $after
            ),
        }
    };
}

/// SQL whose rows are locked where several processes claim: PostgreSQL skips what others hold; SQLite
/// has one writer and needs nothing.
macro_rules! claiming {
    ($sql:literal, $lock:literal) => {
        $crate::store::dialect::Both { sqlite: $sql, postgres: concat!($sql, " ", $lock) }
    };
}

/// The same with a JSON list parameter: `NOT IN LIST($n)` between both parts of the text.
macro_rules! claiming_except {
    ($before:literal, $n:literal, $after:literal, $lock:literal) => {
        $crate::store::dialect::Both {
            sqlite: concat!($before, "(SELECT value FROM json_each($", $n, "))", $after),
            postgres: concat!(
                $before,
                "(SELECT jsonb_array_elements_text($",
                $n,
                "::jsonb))",
                $after,
                " ",
                $lock
            ),
        }
    };
}

pub(super) use {claiming, claiming_except, with_ids, with_list};
