//! The service as a bench needs it: a configuration of so many sources, its parts built as the daemon builds them,
//! due times set for all at once, and the pipeline at work until so much is done or the time is over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_util::sync::CancellationToken;
use trustwatch::clock::{Clock, SystemClock};
use trustwatch::config::{Config, load};
use trustwatch::daemon::{App, Wishes};
use trustwatch::model::SourceId;
use trustwatch::pipeline::Progress;

use super::{Made, Names, Task, process};

/// Fetches under way at once.
pub(super) const CONCURRENCY: usize = 64;
/// Steps from one source to the next in an order of chance: a prime, so that every source has its turn.
const STRIDE: u64 = 7919;
/// How long ago a source became due that is to be visited now: before the service was built, whose new sources are
/// all due at one instant, and not so long that its visit counts as missed (ms).
const OVERDUE_MS: i64 = 10 * 60_000;

/// A service that polls the bench's server.
pub(super) struct Bed {
    app: App,
    progress: UnboundedReceiver<Progress>,
    pub(super) sources: u32,
    /// How long it took to build, the store brought in step included.
    pub(super) built: Duration,
    /// How long it takes to set all due times.
    pub(super) setting: Duration,
}

/// What a time of work came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Work {
    pub(super) polls: u32,
    /// Of these, visits that found a body to read.
    pub(super) read: u32,
    pub(super) hits: usize,
    /// Visits that failed, by reason.
    pub(super) failed: BTreeMap<&'static str, u32>,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

impl Work {
    pub(super) fn add(&mut self, other: Self) {
        self.polls += other.polls;
        self.read += other.read;
        self.hits += other.hits;
        self.wall += other.wall;
        self.cpu += other.cpu;
        for (reason, n) in other.failed {
            *self.failed.entry(reason).or_default() += n;
        }
    }

    fn note(&mut self, progress: &Progress) {
        self.polls += 1;
        self.hits += progress.hits;
        match progress.outcome {
            "unchanged" => {}
            "read" => self.read += 1,
            reason => *self.failed.entry(reason).or_default() += 1,
        }
    }
}

impl Bed {
    /// A service with its state in `folder`; what is there already is kept.
    pub(super) async fn build(task: &Task, folder: &Path, path: &str) -> anyhow::Result<Self> {
        let config = config(task, folder, path)?;
        let (sender, progress) = mpsc::unbounded_channel();
        let start = Instant::now();
        let app = App::build(config, Wishes { progress: Some(sender), ..Wishes::default() }).await?;
        let built = start.elapsed();
        Ok(Self { app, progress, sources: task.sources, built, setting: Duration::ZERO })
    }

    /// Makes every source due at what `due_at` says of its number (ms), unless it is due before: in one transaction,
    /// as a start does it.
    pub(super) async fn make_due(&mut self, due_at: impl Fn(u32) -> i64) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut specs = self.app.pipeline.specs();
        for spec in &mut specs {
            spec.latest_due_at = due_at(number(&spec.id)?);
        }
        self.app.store.sync_sources(&[], &specs, now_ms()).await?;
        self.setting = start.elapsed();
        Ok(())
    }

    /// Makes every source due, in an order of chance: a store finds its rows in another order than it wrote them.
    pub(super) async fn make_all_due(&mut self) -> anyhow::Result<()> {
        let (now, sources) = (now_ms(), self.sources);
        self.make_due(|number| now - OVERDUE_MS - i64::from(turn(number, sources))).await
    }

    /// Works until `most` visits are done or `limit` has passed; `heard` hears of each.
    pub(super) async fn work(
        &mut self,
        most: u32,
        limit: Duration,
        mut heard: impl FnMut(&Progress),
    ) -> anyhow::Result<Work> {
        let stop = CancellationToken::new();
        let (pipeline, token) = (self.app.pipeline.clone(), stop.clone());
        let (start, cpu) = (Instant::now(), process::cpu());
        let running = tokio::spawn(async move { pipeline.run(token).await });
        let over = tokio::time::sleep(limit);
        tokio::pin!(over);
        let mut work = Work::default();
        while work.polls < most {
            tokio::select! {
                () = &mut over => break,
                progress = self.progress.recv() => {
                    let progress = progress.context("the pipeline has ended")?;
                    work.note(&progress);
                    heard(&progress);
                }
            }
        }
        work.wall = start.elapsed();
        work.cpu = process::cpu().saturating_sub(cpu);
        stop.cancel();
        running.await?;
        // What was under way at the end belongs to no time of work.
        while self.progress.try_recv().is_ok() {}
        Ok(work)
    }

    /// Visits every source that is due by now.
    pub(super) async fn visit_all(&mut self, limit: Duration) -> anyhow::Result<Work> {
        let due = self.app.store.overdue(now_ms()).await?;
        self.work(u32::try_from(due)?, limit, |_| ()).await
    }

    /// Closes the store; SQLite then writes its log back into the file.
    pub(super) async fn close(self) {
        self.app.close().await;
    }
}

/// The time of day (ms).
pub(super) fn now_ms() -> i64 {
    SystemClock::default().now().timestamp_millis()
}

/// The number of a source, from its name.
pub(super) fn number(id: &SourceId) -> anyhow::Result<u32> {
    id.as_str()[1..].parse().context("a source of another bench")
}

/// When a source has its turn in an order of chance, among so many.
pub(super) fn turn(number: u32, sources: u32) -> u32 {
    u32::try_from(u64::from(number) * STRIDE % u64::from(sources.max(1))).unwrap_or_default()
}

/// Bytes of the database and its log.
pub(super) fn database_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("trustwatch.db") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// A configuration file of `sources` sources, each of which has a host name of its own.
pub(super) fn config_text(folder: &Path, task: &Task, path: &str, names: Names, sources: u32) -> String {
    let (port, state_dir) = (task.port, folder.display().to_string());
    let mut text = format!(
        "[service]\nstate_dir = {state_dir:?}\n[fetch]\nrequests_per_second = 1000000\nconcurrency = {CONCURRENCY}\n\
         loopback = [\"127.0.0.1:{port}\"]\n[fetch.hosts]\n"
    );
    // Writing to a String never fails.
    if matches!(names, Names::Mapped) {
        for n in 0..sources {
            let _ = writeln!(text, "\"{}\" = \"127.0.0.1:{port}\"", host(n));
        }
    }
    text.push_str(
        "[alert.recipients]\ncommunications = [\"a@example.org\"]\n[web]\nlisten = \"\"\n\
         [[organisation]]\nprofile = \"northmere\"\npurpose = \"Answering what is said of us\"\n\
         basis = \"UK GDPR Art 6(1)(e)\"\nowner = \"Head of Communications\"\nlicence = \"none\"\nreview = 2099-01-01\n",
    );
    for n in 0..sources {
        let _ = writeln!(text, "[[source]]\nid = \"s{n}\"\nurl = \"{}\"\nevery = \"1d\"", address(n, path));
    }
    text
}

/// The configuration of a scenario.
fn config(task: &Task, folder: &Path, path: &str) -> anyhow::Result<Config> {
    let file = folder.join("trustwatch.toml");
    let written = match task.made {
        Made::FromFile => task.sources,
        Made::InMemory => 1,
    };
    std::fs::write(&file, config_text(folder, task, path, Names::Mapped, written))?;
    let mut config = load(&file)?;
    // One for every host that is mapped; in service there is none.
    config.notes = Vec::new();
    let first = config.planned.first().context("a configuration without sources")?.clone();
    for n in written..task.sources {
        config.fetch.hosts.insert(host(n), format!("127.0.0.1:{}", task.port));
        let mut planned = first.clone();
        planned.source.id = format!("s{n}").parse()?;
        planned.source.url = address(n, path).parse()?;
        config.planned.push(planned);
    }
    Ok(config)
}

pub(super) fn host(n: u32) -> String {
    format!("s{n}.bench{n}.example")
}

fn address(n: u32, path: &str) -> String {
    format!("http://{}/{path}/{n}", host(n))
}
