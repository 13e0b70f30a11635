//! What one child process measures, told as one line of JSON.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trustwatch::config::load;

use super::bed::{self, Bed, CONCURRENCY, Work};
use super::{Connections, Names, Scenario, Task, process, server};

/// Visits after which a figure stands.
const POLLS: u32 = 20_000;
/// Time after which it stands too.
const ENOUGH: Duration = Duration::from_secs(15);
/// Parts of a scenario's time for the first visits, and for the measured ones.
const FIRST_PART: f64 = 0.38;
const MEASURED_PART: f64 = 0.3;
/// Outcomes that the store keeps of a source.
const KEPT_OUTCOMES: u32 = 50;
/// Rounds over which growth is measured after that.
const GROWTH_ROUNDS: u32 = 20;
/// Over this time due times are spread.
const SPREAD: Duration = Duration::from_secs(15 * 60);
/// How long a spread of all sources is watched; of fewer, in a quick run, so long.
const WINDOW: Duration = Duration::from_secs(60);
const QUICK_WINDOW: Duration = Duration::from_secs(15);
/// Sources from which on a run is no quick one.
const FULL: u32 = 100_000;
/// How long sources are visited that are due at one instant.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Does what a task asks for.
pub(super) fn run(task: &Task) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    runtime.block_on(async {
        match task.scenario {
            Scenario::Server => Ok(Value::Null),
            Scenario::Bare(connections) => bare(task.port, connections).await,
            Scenario::Load(names) => loaded(task, folder, names),
            Scenario::Map => Ok(map(task)),
            Scenario::Unchanged(connections) => {
                let (bed, told) = unchanged(task, folder, connections).await?;
                bed.close().await;
                Ok(told)
            }
            Scenario::Whole => whole(task, folder).await,
            Scenario::Growth => growth(task, folder).await,
            Scenario::Changed(new) => changed(task, folder, new).await,
        }
    })
}

fn told(work: &Work) -> Value {
    let polls = f64::from(work.polls.max(1));
    json!({
        "polls": work.polls,
        "per_second": polls / work.wall.as_secs_f64(),
        "cpu_us": work.cpu.as_secs_f64() * 1e6 / polls,
        "seconds": work.wall.as_secs_f64(),
        "hits": work.hits,
        "failed": work.failed,
    })
}

fn part(task: &Task, part: f64) -> Duration {
    Duration::from_secs(task.seconds).mul_f64(part)
}

/// Everything read once, robots.txt included; then visited again and again with nothing new.
async fn unchanged(task: &Task, folder: &Path, connections: Connections) -> anyhow::Result<(Bed, Value)> {
    server::tell(task.port, Connections::Closed).await?;
    let mut bed = Bed::build(task, folder, "feed").await?;
    bed.make_all_due().await?;
    let first = bed.visit_all(part(task, FIRST_PART)).await?;
    let mut all = json!({
        "build_s": bed.built.as_secs_f64(), "setting_s": bed.setting.as_secs_f64(), "first": told(&first),
    });
    if first.polls < task.sources {
        all["cut"] = Value::from("the first visits");
        return Ok((bed, all));
    }
    if matches!(connections, Connections::Kept) {
        server::tell(task.port, connections).await?;
        bed.make_all_due().await?;
        bed.visit_all(ENOUGH).await?;
    }
    let limit = part(task, MEASURED_PART);
    let mut work = Work::default();
    while work.polls < POLLS && work.wall < limit.min(ENOUGH) && all.get("cut").is_none() {
        bed.make_all_due().await?;
        // A round that was begun is finished where it can be: who is left over would disturb what follows.
        let round = bed.visit_all(limit.saturating_sub(work.wall)).await?;
        if round.polls < task.sources {
            all["cut"] = Value::from("a round of visits");
        }
        work.add(round);
    }
    anyhow::ensure!(work.read == 0, "the server must answer 304");
    all["again"] = told(&work);
    all["rss_kib"] = Value::from(process::memory_kib("VmRSS"));
    all["peak_kib"] = Value::from(process::memory_kib("VmHWM"));
    Ok((bed, all))
}

/// As many sources as there are, in the three ways in which they come due.
async fn whole(task: &Task, folder: &Path) -> anyhow::Result<Value> {
    let (mut bed, mut all) = unchanged(task, folder, Connections::Closed).await?;
    if all.get("cut").is_none() {
        all["spread"] = spread(&mut bed, task).await?;
        server::tell(task.port, Connections::Closed).await?;
        let now = bed::now_ms();
        bed.make_due(|_| now).await?;
        all["at_once"] = told(&bed.visit_all(AT_ONCE).await?);
        all["rss_end_kib"] = Value::from(process::memory_kib("VmRSS"));
    }
    bed.close().await;
    all["database_bytes"] = Value::from(bed::database_bytes(folder)?);
    Ok(all)
}

/// All sources due within a quarter of an hour, watched for its first part. Servers keep their connections here, as
/// many do: what that takes counts.
async fn spread(bed: &mut Bed, task: &Task) -> anyhow::Result<Value> {
    server::tell(task.port, Connections::Kept).await?;
    let window = if task.sources < FULL { QUICK_WINDOW } else { WINDOW };
    // The first is due when all due times are set.
    let lead = bed.setting.mul_f64(1.5) + Duration::from_secs(1);
    let start = bed::now_ms() + ms(lead);
    let sources = task.sources;
    let due_at =
        |number: u32| start + ms(SPREAD) * i64::from(bed::turn(number, sources)) / i64::from(sources);
    bed.make_due(due_at).await?;
    let wait = start - bed::now_ms();
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or_default())).await;
    let end = start + ms(window);
    let mut visited = vec![false; usize::try_from(sources)?];
    let mut latest = 0;
    let work = bed
        .work(u32::MAX, window, |progress| {
            let Ok(number) = bed::number(&progress.source) else { return };
            latest = latest.max(bed::now_ms() - due_at(number));
            if let Some(visited) = visited.get_mut(number as usize) {
                *visited = true;
            }
        })
        .await?;
    let (rss, open) = (process::memory_kib("VmRSS"), process::open_files());
    let due: Vec<u32> = (0..sources).filter(|number| due_at(*number) <= end).collect();
    let left = due.iter().filter(|number| !visited[**number as usize]);
    let latest = left.map(|number| end - due_at(*number)).fold(latest, i64::max);
    let mut all = told(&work);
    all["due"] = Value::from(due.len());
    all["late_start_ms"] = Value::from((-wait).max(0));
    all["latest_ms"] = Value::from(latest);
    all["cpu_share"] = Value::from(work.cpu.as_secs_f64() / work.wall.as_secs_f64());
    all["rss_kib"] = Value::from(rss);
    all["open_files"] = Value::from(open);
    Ok(all)
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The database, closed each time so that its log is in its file: with as many outcomes as are kept, and later.
async fn growth(task: &Task, folder: &Path) -> anyhow::Result<Value> {
    server::tell(task.port, Connections::Closed).await?;
    let before = rounds(task, folder, KEPT_OUTCOMES + 2).await?;
    let after = rounds(task, folder, GROWTH_ROUNDS).await?;
    let polls = f64::from(GROWTH_ROUNDS * task.sources);
    Ok(json!({
        "bytes_per_1000_polls": (after as f64 - before as f64) / polls * 1000.0,
        "bytes_per_source": after as f64 / f64::from(task.sources),
    }))
}

async fn rounds(task: &Task, folder: &Path, rounds: u32) -> anyhow::Result<u64> {
    let mut bed = Bed::build(task, folder, "feed").await?;
    for _ in 0..rounds {
        bed.make_all_due().await?;
        let visited = bed.visit_all(ENOUGH).await?;
        anyhow::ensure!(visited.polls == task.sources, "a round was not finished");
    }
    bed.close().await;
    Ok(bed::database_bytes(folder)?)
}

/// Feeds that list `new` new entries at every visit.
async fn changed(task: &Task, folder: &Path, new: u32) -> anyhow::Result<Value> {
    server::tell(task.port, Connections::Closed).await?;
    let path = format!("new/{new}");
    let mut bed = Bed::build(task, folder, &path).await?;
    bed.make_all_due().await?;
    let first = bed.visit_all(part(task, FIRST_PART)).await?;
    bed.close().await;
    anyhow::ensure!(first.polls == task.sources, "the first round was not finished");
    let before = bed::database_bytes(folder)?;
    let mut bed = Bed::build(task, folder, &path).await?;
    // Reads robots.txt again, which a new process does not know.
    bed.make_all_due().await?;
    let warm = bed.visit_all(part(task, FIRST_PART)).await?;
    let limit = part(task, MEASURED_PART).min(ENOUGH);
    let mut work = Work::default();
    while work.polls < POLLS && work.wall < limit {
        bed.make_all_due().await?;
        work.add(bed.visit_all(limit.saturating_sub(work.wall)).await?);
    }
    anyhow::ensure!(work.read > 0, "the server must answer with a new body");
    let rss = process::memory_kib("VmRSS");
    bed.close().await;
    let grown = bed::database_bytes(folder)? as f64 - before as f64;
    let entries = f64::from((warm.polls + work.polls) * new);
    let mut all = told(&work);
    all["bytes_per_entry"] = Value::from(grown / entries);
    all["hits_stored"] = Value::from(first.hits + warm.hits + work.hits);
    all["first"] = told(&first);
    all["rss_kib"] = Value::from(rss);
    Ok(all)
}

/// How long a file of all sources takes to load.
fn loaded(task: &Task, folder: &Path, names: Names) -> anyhow::Result<Value> {
    let file = folder.join("trustwatch.toml");
    let text = bed::config_text(folder, task, "feed", names, task.sources);
    std::fs::write(&file, &text)?;
    let bytes = text.len();
    drop(text);
    let start = Instant::now();
    let config = load(&file)?;
    let seconds = start.elapsed().as_secs_f64();
    let rss = process::memory_kib("VmRSS");
    let peak = process::memory_kib("VmHWM");
    Ok(json!({
        "seconds": seconds, "bytes": bytes, "sources": config.planned.len(), "rss_kib": rss, "peak_kib": peak,
    }))
}

/// What the map of host names takes: the service holds it twice as text and once as addresses.
fn map(task: &Task) -> Value {
    let before = process::memory_kib("VmRSS");
    let address = format!("127.0.0.1:{}", task.port);
    let texts = || (0..task.sources).map(|n| (bed::host(n), address.clone())).collect();
    let held: [BTreeMap<String, String>; 2] = [texts(), texts()];
    let parsed: BTreeMap<String, SocketAddr> =
        (0..task.sources).map(|n| (bed::host(n), SocketAddr::from(([127, 0, 0, 1], task.port)))).collect();
    let kib = process::memory_kib("VmRSS").saturating_sub(before);
    drop((held, parsed));
    json!({ "kib": kib })
}

/// The same conditional requests with nothing around them, as many at once.
#[expect(clippy::disallowed_methods, reason = "the bare loop is what the pipeline is measured against")]
async fn bare(port: u16, connections: Connections) -> anyhow::Result<Value> {
    server::tell(port, connections).await?;
    // Without the fetcher nobody has chosen one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    let (start, cpu) = (Instant::now(), process::cpu());
    let mut tasks = tokio::task::JoinSet::new();
    let each = POLLS as usize / CONCURRENCY;
    for _ in 0..CONCURRENCY {
        let client = client.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                let url = format!("http://127.0.0.1:{port}/feed/0");
                let answer = client.get(url).header("If-None-Match", "\"1\"").send().await?;
                anyhow::ensure!(answer.status() == 304, "the server must answer 304");
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let requests = (each * CONCURRENCY) as f64;
    Ok(json!({
        "per_second": requests / start.elapsed().as_secs_f64(),
        "cpu_us": process::cpu().saturating_sub(cpu).as_secs_f64() * 1e6 / requests,
    }))
}
