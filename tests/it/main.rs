//! The integration tests, one binary: each module is one behaviour of the whole.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod architecture;
mod cli;
mod config;
mod corpus;
mod daemon;
mod day;
mod feed;
mod fetch;
mod fuzz;
mod identifiers;
mod kill;
mod lookalikes;
mod masking;
mod migrations;
mod model;
mod page;
mod pipeline;
mod program;
mod rhythm;
mod rules;
mod smtp;
mod store;
mod supply;
mod workers;
