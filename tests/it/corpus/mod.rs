//! Real input: feeds and pages as their publishers wrote them, through the real daemon where it
//! matters. Runs where the shared data stands beside the repository, else says that it was skipped.

pub(crate) mod articles;
mod base_rate;
mod daemon;
mod feeds;
mod mentions;

use std::path::{Path, PathBuf};

/// A folder of the shared data, or `None`, said aloud, where there is none.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {name} of the shared data is not here");
    None
}
