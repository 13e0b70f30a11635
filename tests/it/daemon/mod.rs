//! The service as systemd, monitoring and an operator see it: the real process.

pub(crate) mod feeds;
pub(crate) mod postgres;
pub(crate) mod process;

mod health;
mod refusals;
mod replay;
mod shadow;
mod shutdown;
mod systemd;
