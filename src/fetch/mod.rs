//! The one door to the web: guard, robots.txt, pacing, conditional requests, limits before and after
//! decoding, redirects followed by hand. Nothing else in Trustwatch opens an outgoing HTTP socket.

mod client;
mod decode;
mod dns;
mod error;
mod guard;
mod ledger;
mod options;
mod pacing;
mod resolve;
mod retry;
mod robots;
mod wire;

pub use client::{Fetched, Fetcher, Head, Key, Page, Request, Rules, Validators, forbids_copies};
pub use decode::unpacked;
pub use dns::{NameServers, Registration, Registry};
pub use error::{FailureClass, FetchError, TimeLimit};
pub use guard::{Policy, Refusal, is_public, parse_target};
pub use ledger::{KnownRobots, Ledger};
pub use options::Options;
pub use pacing::host_of;
pub use resolve::{Resolve, SystemResolver};
pub use retry::{MAX_RETRY_AFTER, retry_after};
pub use robots::{Robots, Ruling};
pub use wire::{Response, Wire};
