//! What polling costs: through the whole pipeline with SQLite and synchronous FULL, beside a bare reqwest loop on
//! the same loopback server in the same run. Every figure is printed against its limit; nothing is asserted.
//!
//! The driver starts this program again for each task, so that memory and CPU are those of one scenario alone,
//! and once as the server, whose CPU is then nobody's. Every source has a host name of its own, and robots.txt is
//! known before the clock starts. `TRUSTWATCH_BENCH_SOURCES=2000` makes a quick run; `TMPDIR` names a folder on a real
//! disk where `/tmp` is none; the configuration's own variables hold here too, such as
//! `TRUSTWATCH__FETCH__CONCURRENCY=256`.

#![expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^52")]

mod bed;
mod driver;
mod process;
mod scenario;
mod server;
mod table;
mod text;

use serde::{Deserialize, Serialize};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Holds the task of a child process, as JSON.
const TASK: &str = "TRUSTWATCH_BENCH_TASK";

/// What one child process does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Task {
    scenario: Scenario,
    /// How many sources there are.
    sources: u32,
    /// Where the server listens.
    port: u16,
    /// How long it may take.
    seconds: u64,
    made: Made,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Scenario {
    /// Answers the others until its standard input ends.
    Server,
    /// Conditional requests with nothing around them.
    Bare(Connections),
    /// Loads a configuration.
    Load(Names),
    /// What the map of host names takes, which only a bench has.
    Map,
    /// Visits that find nothing new.
    Unchanged(Connections),
    /// The same, then due times spread over a quarter of an hour, then all at one instant.
    Whole,
    /// The database after many such visits.
    Growth,
    /// Visits of which each finds so many new entries among twenty.
    Changed(u32),
}

/// What becomes of a connection after an answer. Between two visits to one source no server keeps it: the
/// shortest interval is longer than their patience.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Connections {
    Kept,
    Closed,
}

/// Whether a configuration maps host names to the server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Names {
    /// It does, as the other scenarios need it.
    Mapped,
    /// It does not, as an operator writes it.
    Public,
}

/// Where the sources of a scenario come from.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Made {
    /// A file of all sources, as in service.
    FromFile,
    /// Copies of one source that was read: where so large a file takes too long to load.
    InMemory,
}

fn main() -> anyhow::Result<()> {
    let Ok(task) = std::env::var(TASK) else { return driver::drive() };
    let task: Task = serde_json::from_str(&task)?;
    if matches!(task.scenario, Scenario::Server) {
        return server::run();
    }
    println!("{}", scenario::run(&task)?);
    Ok(())
}
