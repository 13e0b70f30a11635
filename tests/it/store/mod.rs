//! One suite over every backend: SQLite always, PostgreSQL where `TEST_POSTGRES_URL` names a server.
//! Each case gets a store of its own and looks at the tables through a connection of its own, so that
//! what it claims about rows does not rest on the code that wrote them.

mod alerts;
pub(crate) mod backend;
mod claims;
mod deliveries;
mod edits;
mod entries;
mod hits;
mod opening;
mod polls;
mod purge;
mod records;
mod replay;
mod reports;
mod sealing;
mod stories;
mod telling;
mod trends;
