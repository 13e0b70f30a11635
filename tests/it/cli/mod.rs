//! The commands through the real program: contracts, exit codes, messages, and nothing in clear.

mod classify;
mod commands;
mod demo;
mod extract;
mod input;
mod sources;
mod usage;
