//! What the operating system says of this process (Linux), and of the disk.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// The unit of CPU times in `/proc`; the same on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);
/// The place of `utime` behind the program's name in `/proc/self/stat`; `stime` follows (proc(5)).
const UTIME: usize = 11;
/// Writes of which the median is told.
const WRITES: usize = 31;

/// User and system time of all threads so far.
pub(super) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may hold spaces and brackets itself.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u32 = fields.skip(UTIME).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// Memory in KiB: `VmRSS` now, `VmHWM` at its highest.
pub(super) fn memory_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Open files and sockets.
pub(super) fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// How long the disk takes to keep a page (median): what every commit waits for.
pub(super) fn sync_time(folder: &Path) -> std::io::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let start = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[WRITES / 2])
}
