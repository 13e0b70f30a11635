//! Rules and lists as data: read from TOML, checked at the edge, compiled once.

mod compile;
mod file;
mod set;

pub(super) use file::Detector;
pub use file::{Rule, RuleExample};
pub use set::RuleSet;
pub(super) use set::{CompiledCue, CompiledRule};
