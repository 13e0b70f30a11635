//! The whole way on real sockets and a real store: a scripted web on loopback, the real fetcher,
//! classifier and pipeline, and what they leave behind. Time stands still unless a case moves it.

mod bed;
mod copies;
mod entries;
mod failures;
mod first_look;
mod follow;
mod kinds;
mod lookalikes;
mod manners;
mod pages;
pub(crate) mod server;
mod stories;
mod unchanged;
