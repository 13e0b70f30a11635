//! The fuzzer: one target, named by the environment, given to libFuzzer. Built and run by `tests/run --long fuzz`;
//! it needs compiler flags that no other build has.

#![no_main]

mod targets;

use std::sync::LazyLock;

use targets::{TARGETS, Target};

/// Names the target.
const VARIABLE: &str = "TRUSTWATCH_FUZZ";

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) else {
        let names = TARGETS.map(|(name, _)| name).join(", ");
        eprintln!("{VARIABLE} is {name:?}: set it to one of {names}");
        std::process::exit(2);
    };
    *target
});

libfuzzer_sys::fuzz_target!(init: start(), |bytes: &[u8]| TARGET(bytes));

fn start() {
    // libFuzzer's wrapper ends the process at any panic, also at those of foreign parsers that are caught on
    // purpose. Without its hook the uncaught ones still end it.
    let _ = std::panic::take_hook();
    LazyLock::force(&TARGET);
}
