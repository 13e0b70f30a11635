//! The driver: starts the server and one child process for each scenario, and prints what they measured, each figure
//! against its limit.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use super::table::{Limit, Table};
use super::{Connections, Made, Names, Scenario, TASK, Task, process};

/// Limits the number of sources, for a quick run.
const SOURCES: &str = "TRUSTWATCH_BENCH_SOURCES";
const MOST: u32 = 100_000;
/// Sizes at which the cost of a visit must be the same.
const SIZES: [u32; 3] = [100, 1_000, 10_000];
/// The size that memory at the largest is compared with.
const SMALL: u32 = 1_000;
/// Sources visited over kept connections: each holds a file on either side.
const KEPT: u32 = 5_000;
const GROWTH: u32 = 100;
const CHANGED: u32 = 500;
/// No run takes longer.
const TOTAL: Duration = Duration::from_secs(690);
/// How long a child may overrun its time before it is stopped.
const GRACE: Duration = Duration::from_secs(10);

/// How long a child may take (seconds): to load, for little, for more.
const LOAD_S: u64 = 30;
const SHORT_S: u64 = 60;
const LONG_S: u64 = 120;

/// Runs everything and prints the table.
pub(super) fn drive() -> anyhow::Result<()> {
    let most = std::env::var(SOURCES).ok().and_then(|text| text.parse().ok()).unwrap_or(MOST);
    let mut driver = Driver::start()?;
    let mut table = Table::default();
    let sync = process::sync_time(driver.folder.path())?;
    table.row("a page kept by the disk (fsync), ms", Some(sync.as_secs_f64() * 1e3), Limit::None);
    loading(&mut driver, &mut table, most);
    let bare = [Connections::Kept, Connections::Closed]
        .map(|connections| driver.run(Scenario::Bare(connections), 0, SHORT_S));
    for (bare, words) in bare.iter().zip(["kept connections", "a connection each"]) {
        table.row(
            format!("bare reqwest loop, {words}: requests/s"),
            get(bare.as_ref(), "/per_second"),
            Limit::None,
        );
        table.row("    CPU each, µs", get(bare.as_ref(), "/cpu_us"), Limit::None);
    }
    changed(&mut driver, &mut table);
    let [kept, closed] = &bare;
    unchanged(&mut driver, &mut table, most, [kept.as_ref(), closed.as_ref()]);
    table.row("visits that failed", Some(f64::from(driver.failed)), Limit::AtMost(0.0));
    println!("{table}");
    println!("sources: {}; took {:.0} s", driver.made_words(), driver.started.elapsed().as_secs_f64());
    for told in &driver.missing {
        println!("not measured: {told}");
    }
    Ok(())
}

/// How long so many sources take to load; where that is too long, the others get them another way.
fn loading(driver: &mut Driver, table: &mut Table, most: u32) {
    for (names, words) in [(Names::Public, ""), (Names::Mapped, ", all hosts mapped")] {
        let mut sources = most;
        let mut loaded = driver.run(Scenario::Load(names), sources, LOAD_S);
        if loaded.is_none() && matches!(names, Names::Public) {
            sources = most / 10;
            loaded = driver.run(Scenario::Load(names), sources, LOAD_S);
        } else if loaded.is_none() {
            driver.made = Made::InMemory;
        }
        table.row(
            format!("loading {sources} sources{words}: seconds"),
            get(loaded.as_ref(), "/seconds"),
            Limit::None,
        );
        table.row(
            "    memory afterwards, MiB",
            get(loaded.as_ref(), "/rss_kib").map(|kib| kib / 1024.0),
            Limit::None,
        );
    }
}

fn changed(driver: &mut Driver, table: &mut Table) {
    for (new, limit) in [(20, Limit::AtLeast(300.0)), (1, Limit::None)] {
        let told = driver.run(Scenario::Changed(new), CHANGED, LONG_S);
        table.row(
            format!("changed feeds/s, {new} of 20 entries new"),
            get(told.as_ref(), "/per_second"),
            limit,
        );
        table.row("    CPU each, µs", get(told.as_ref(), "/cpu_us"), Limit::None);
        table.row("    hits in the store at the end", get(told.as_ref(), "/hits_stored"), Limit::None);
        table.row(
            "    database growth per new entry, bytes",
            get(told.as_ref(), "/bytes_per_entry"),
            Limit::None,
        );
    }
    let told = driver.run(Scenario::Growth, GROWTH, SHORT_S);
    let growth = get(told.as_ref(), "/bytes_per_1000_polls");
    table.row("database growth per 1,000 unchanged polls, bytes", growth, Limit::None);
    table.row(
        "    database with all outcomes kept, bytes/source",
        get(told.as_ref(), "/bytes_per_source"),
        Limit::None,
    );
}

fn unchanged(driver: &mut Driver, table: &mut Table, most: u32, bare: [Option<&Value>; 2]) {
    let kept = KEPT.min(most);
    let told = driver.run(Scenario::Unchanged(Connections::Kept), kept, LONG_S);
    polls(table, told.as_ref(), (kept, ", kept connections"), bare[0]);
    let mut costs = Vec::new();
    let mut small = None;
    for sources in SIZES.into_iter().filter(|size| *size < most) {
        let told = driver.run(Scenario::Unchanged(Connections::Closed), sources, LONG_S);
        polls(table, told.as_ref(), (sources, ""), bare[1]);
        costs.extend(get(told.as_ref(), "/again/cpu_us"));
        if sources == SMALL {
            small = get(told.as_ref(), "/rss_kib");
        }
    }
    let map = get(driver.run(Scenario::Map, most, SHORT_S).as_ref(), "/kib").unwrap_or_default();
    let told = driver.run(Scenario::Whole, most, TOTAL.as_secs());
    polls(table, told.as_ref(), (most, ""), bare[1]);
    costs.extend(get(told.as_ref(), "/again/cpu_us"));
    let least = costs.iter().copied().reduce(f64::min);
    let highest = costs.iter().copied().reduce(f64::max);
    let flat = highest.zip(least).map(|(highest, least)| highest / least);
    table.row("CPU per unchanged poll, dearest size against cheapest", flat, Limit::AtMost(1.2));
    whole(table, told.as_ref(), most);
    memory(table, told.as_ref(), (most, small, map));
}

/// The figures of visits that found nothing new.
fn polls(table: &mut Table, told: Option<&Value>, (sources, words): (u32, &str), bare: Option<&Value>) {
    let (rate, cpu) = (get(told, "/again/per_second"), get(told, "/again/cpu_us"));
    // Fewer are visited before all connections are in use.
    let limit = if sources < SMALL { Limit::None } else { Limit::AtLeast(3000.0) };
    table.row(format!("unchanged polls/s, {sources} sources{words}"), rate, limit);
    table.row("    CPU each, µs", cpu, Limit::AtMost(400.0));
    let against = |key: &str, ours: Option<f64>| ours.zip(get(bare, key)).map(|(ours, bare)| ours / bare);
    table.row("    speed against the bare loop", against("/per_second", rate), Limit::None);
    table.row("    CPU against the bare loop", against("/cpu_us", cpu), Limit::None);
}

fn whole(table: &mut Table, told: Option<&Value>, most: u32) {
    table.row(format!("start with {most} sources: seconds"), get(told, "/build_s"), Limit::None);
    table.row("    first visits/s, robots.txt included", get(told, "/first/per_second"), Limit::None);
    let (due, done) = (get(told, "/spread/due"), get(told, "/spread/polls"));
    let seconds = get(told, "/spread/seconds").unwrap_or_default();
    let share = done.zip(due).map(|(done, due)| done / due);
    table.row(format!("{most} sources due over 15 minutes: due in {seconds:.0} s"), due, Limit::None);
    table.row("    done of these", done, Limit::None);
    table.row("    share done", share, Limit::AtLeast(0.99));
    table.row("    largest lateness, from due to stored, ms", get(told, "/spread/latest_ms"), Limit::None);
    table.row("    CPU in use, of one core", get(told, "/spread/cpu_share"), Limit::None);
    table.row("    files open, connections included", get(told, "/spread/open_files"), Limit::None);
    table.row(
        format!("unchanged polls/s, {most} due at one instant"),
        get(told, "/at_once/per_second"),
        Limit::None,
    );
    table.row("    CPU each, µs", get(told, "/at_once/cpu_us"), Limit::None);
    table.row(
        "    database, MiB",
        get(told, "/database_bytes").map(|bytes| bytes / 1_048_576.0),
        Limit::None,
    );
}

fn memory(table: &mut Table, told: Option<&Value>, (most, small, map): (u32, Option<f64>, f64)) {
    let mib = |key: &str| get(told, key).map(|kib| kib / 1024.0);
    let words = format!("resident memory with {most} sources, MiB");
    table.row(words, mib("/rss_kib"), Limit::AtMost(400.0));
    table.row("    while due over 15 minutes", mib("/spread/rss_kib"), Limit::AtMost(400.0));
    table.row("    at its highest before that", mib("/peak_kib"), Limit::None);
    table.row("    of it the bench's own map of hosts", Some(map / 1024.0), Limit::None);
    if most > SMALL {
        let grown = get(told, "/rss_kib").zip(small).map(|(large, small)| large - small);
        let each = |kib: f64| kib / f64::from(most - SMALL);
        table.row("    growth per source, KiB", grown.map(each), Limit::AtMost(3.0));
        let own = grown.map(|kib| each(kib - map));
        table.row("    the same without that map, KiB", own, Limit::AtMost(3.0));
    }
}

/// A figure by its JSON pointer.
fn get(told: Option<&Value>, key: &str) -> Option<f64> {
    told?.pointer(key)?.as_f64()
}

/// The server, and whoever asks it next.
struct Driver {
    /// Where the children keep their state, so that it goes even where one of them was stopped.
    folder: tempfile::TempDir,
    server: Child,
    port: u16,
    started: Instant,
    made: Made,
    failed: u32,
    missing: Vec<String>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Driver {
    fn start() -> anyhow::Result<Self> {
        let made = Made::FromFile;
        let task = Task { scenario: Scenario::Server, sources: 0, port: 0, seconds: 0, made };
        let folder = tempfile::tempdir()?;
        let mut server = child(&task, folder.path())?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = server.stdout.take().context("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse().context("the server named no port")?;
        let started = Instant::now();
        Ok(Self { folder, server, port, started, made, failed: 0, missing: Vec::new() })
    }

    /// What a child measured, or nothing where it failed or took too long.
    fn run(&mut self, scenario: Scenario, sources: u32, seconds: u64) -> Option<Value> {
        let left = TOTAL.saturating_sub(self.started.elapsed()).as_secs();
        let seconds = seconds.min(left);
        let task = Task { scenario, sources, port: self.port, seconds, made: self.made };
        eprintln!("{scenario:?}, {sources} sources …");
        let told = self.ask(&task).and_then(|text| Ok(serde_json::from_str(text.trim())?));
        match told {
            Ok(told) => {
                self.note_failed(&told);
                if let Some(cut) = told.get("cut").and_then(Value::as_str) {
                    self.missing.push(format!("{scenario:?} with {sources} sources: {cut} took too long"));
                }
                Some(told)
            }
            Err(error) => {
                self.missing.push(format!("{scenario:?} with {sources} sources: {error}"));
                None
            }
        }
    }

    fn ask(&self, task: &Task) -> anyhow::Result<String> {
        let mut running =
            child(task, self.folder.path())?.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let until = Instant::now() + Duration::from_secs(task.seconds) + GRACE;
        let status = loop {
            if let Some(status) = running.try_wait()? {
                break status;
            }
            if Instant::now() > until {
                running.kill()?;
                running.wait()?;
                anyhow::bail!("not done within {} s", task.seconds);
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        anyhow::ensure!(status.success(), "it ended with {status}");
        // One line: it fits into the pipe, so that nobody waited for us to read it.
        let mut text = String::new();
        running.stdout.take().context("no output")?.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Counts the visits that failed, wherever they stand.
    fn note_failed(&mut self, told: &Value) {
        let Value::Object(parts) = told else { return };
        for (key, part) in parts {
            if key == "failed" {
                for (reason, n) in part.as_object().into_iter().flatten() {
                    self.failed += u32::try_from(n.as_u64().unwrap_or_default()).unwrap_or(u32::MAX);
                    eprintln!("  failed visits: {reason} {n}");
                }
            }
            self.note_failed(part);
        }
    }

    fn made_words(&self) -> &'static str {
        match self.made {
            Made::FromFile => "read from a file",
            Made::InMemory => "copied in memory, since a file of them takes too long to load",
        }
    }
}

fn child(task: &Task, folder: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(TASK, serde_json::to_string(task)?).env("TMPDIR", folder);
    Ok(command)
}
