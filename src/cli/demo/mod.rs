//! `trustwatch demo`: the real daemon for an invented Trust, over a small web of its own on loopback.

mod serve;
mod show;
mod world;

pub(super) use show::{Args, run};
