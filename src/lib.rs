//! Trustwatch watches public feeds and pages for mentions of an NHS Trust, judges each against the
//! Trust's own social-media policy, stores it with its reasons and tells the right people.

pub mod cli;
pub mod clock;
pub mod mask;
pub mod model;
pub mod problem;
pub mod schedule;
pub mod secret;
pub mod store;
pub mod telemetry;
pub mod web;

pub mod alert;
pub mod classify;
pub mod config;
pub mod daemon;
pub mod extract;
pub mod fetch;
pub mod mail;
pub mod matching;
pub mod pipeline;
pub mod report;
pub mod source;
