//! The composition root: builds every part from a checked configuration, spawns the tasks, tells
//! systemd how it goes, and shuts down in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alert::{Deliverer, Enqueuer, SourceFacts};
use crate::classify::Classifier;
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::Config;
use crate::fetch::{Fetcher, NameServers, SystemResolver};
use crate::mail::Mailer;
use crate::model::{SourceId, SourceKind};
use crate::pipeline::{Ingredients, Options, Pipeline, Planned, Progress};
use crate::store::{Gatherer, Store};
use crate::web::{Health, serve};
use crate::{secret, telemetry};

/// How often the outbox is looked at.
const ALERT_EVERY: Duration = Duration::from_secs(1);
/// How often old rows are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often what was measured is summed up: kept one by one, it would fill the memory until somebody asks.
const METRICS_EVERY: Duration = Duration::from_secs(5);
/// How often the clock is compared with the database's.
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// How long work under way may take to finish after SIGTERM; with closing it stays under 20 s.
const DRAIN: Duration = Duration::from_secs(12);
/// How long the last results may take to be written, and the store to close, after that.
const CLOSING: Duration = Duration::from_secs(3);
/// How long the store may take to answer the watchdog.
const STORE_ANSWER: Duration = Duration::from_secs(5);
/// The scheduler has stopped when it did not go round for this long (ms).
const MAX_STILL_MS: i64 = 30_000;

/// Everything built, nothing started.
#[derive(Debug)]
pub struct App {
    config: Config,
    /// How many are polled.
    sources: usize,
    /// The open store.
    pub store: Store,
    /// The claiming side.
    pub pipeline: Pipeline,
    enqueuer: Enqueuer,
    deliverer: Deliverer,
    clock: Arc<SystemClock>,
    gathering: JoinHandle<()>,
}

/// What to build differently.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Work on this source alone.
    pub only: Option<SourceId>,
    /// Hears what each piece of work came to.
    pub progress: Option<tokio::sync::mpsc::UnboundedSender<Progress>>,
}

impl App {
    /// Builds every part and brings the store in step with the configuration.
    pub async fn build(mut config: Config, wishes: Wishes) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock::default());
        let shared: SharedClock = clock.clone();
        make_state_dir(&config)?;
        let store = open_store(&config, &clock).await?;
        let (gatherer, gathering) = Gatherer::new(store.clone());
        let gathering = tokio::spawn(gathering);
        let classifier = Classifier::new(config.profiles.clone(), config.rules.clone())?;
        let fetcher = Fetcher::new(config.fetch.clone(), Arc::new(SystemResolver), shared.clone())?;
        let mut mail = config.mail.clone();
        mail.maildir = config.in_state(&mail.maildir);
        let lease = Duration::from_secs(config.store.lease_s);
        let deliverer = Deliverer::new(store.clone(), Mailer::new(&mail)?, lease, shared.clone());
        let enqueuer = enqueuer(&config, &store, shared.clone())?;
        let overridden =
            |planned: &Planned| Some((planned.source.id.clone(), planned.source.robots_override.clone()?));
        let overrides: Vec<_> = config.planned.iter().filter_map(overridden).collect();
        let sources = config.planned.len();
        // Not kept twice: there may be a hundred thousand.
        let pipeline = Pipeline::new(Ingredients {
            store: store.clone(),
            gatherer,
            fetcher,
            registry: Arc::new(name_servers(&config)?),
            classifier,
            planned: std::mem::take(&mut config.planned),
            options: Options {
                concurrency: config.fetch.concurrency,
                lease,
                host_gap: Duration::from_secs(config.fetch.host_gap_s),
                source: config.source.clone(),
                extract: config.extract.clone(),
            },
            clock: shared,
            worker: secret::random_token()?,
            only: wishes.only,
            progress: wishes.progress,
        });
        let names: Vec<_> =
            config.profiles.iter().map(|profile| (profile.id.clone(), profile.name.clone())).collect();
        store.sync_sources(&names, &pipeline.specs(), clock.now().timestamp_millis()).await?;
        for (source, decision) in &overrides {
            store.note_override(source, decision, clock.now().timestamp_millis()).await?;
        }
        for note in &config.notes {
            tracing::warn!("{note}");
        }
        Ok(Self { config, sources, store, pipeline, enqueuer, deliverer, clock, gathering })
    }

    /// Decides on everything in the outbox and hands over every mail that is due. How many alerts were
    /// made.
    pub async fn alert_round(&self) -> anyhow::Result<usize> {
        let made = self.enqueuer.round().await?;
        self.deliverer.round().await?;
        Ok(made)
    }

    /// Lets what is under way be written, then closes the store.
    pub async fn close(self) {
        let Self { store, pipeline, gathering, .. } = self;
        drop(pipeline);
        // Work that was given up still holds on to both; what it claimed is claimed again.
        let _ = tokio::time::timeout(CLOSING, gathering).await;
        let _ = tokio::time::timeout(CLOSING, store.close()).await;
    }

    /// Works until told to stop: by a signal, by `stop`, or by a task that ended when it should not.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let vital = Vital { tasks: tasks.clone(), stop: stop.clone(), failed: Arc::default() };
        let (pipeline, scheduler_stop) = (self.pipeline.clone(), stop.clone());
        vital.spawn("scheduler", async move { pipeline.run(scheduler_stop).await });
        self.spawn_web(&tasks, &stop).await?;
        self.spawn_alerts(&vital);
        self.spawn_upkeep(&tasks, &stop);
        self.spawn_watchdog(&tasks, &stop);
        // The first answer of the store is what READY promises.
        self.store.ping().await?;
        notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status("watching")]);
        tracing::info!(sources = self.sources, organisations = self.config.profiles.len(), "watching");
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: finishing what is under way"),
            _ = interrupt.recv() => tracing::info!("interrupted: finishing what is under way"),
            () = stop.cancelled() => {}
        }
        notify(&[sd_notify::NotifyState::Stopping]);
        stop.cancel();
        tasks.close();
        tokio::select! {
            () = tasks.wait() => {}
            () = tokio::time::sleep(DRAIN) => tracing::warn!("some work did not finish in time; it will be done again"),
            // Every commit stands and every claim runs out: nothing is lost by not waiting.
            () = either(&mut terminate, &mut interrupt) => {
                tracing::warn!("second signal: leaving at once");
                return Ok(());
            }
        }
        self.close().await;
        anyhow::ensure!(
            !vital.failed.load(Ordering::Relaxed),
            "a part of the service stopped; its last log lines say why"
        );
        Ok(())
    }

    async fn spawn_web(&self, tasks: &TaskTracker, stop: &CancellationToken) -> anyhow::Result<()> {
        let listen = &self.config.web.listen;
        if listen.is_empty() {
            return Ok(());
        }
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("web.listen: {listen} cannot be listened on"))?;
        let pipeline = self.pipeline.clone();
        let health = Health {
            store: self.store.clone(),
            heartbeat: Arc::new(move || pipeline.moved_at()),
            clock: self.clock.clone(),
            metrics: telemetry::start_metrics(),
        };
        if let Some(metrics) = health.metrics.clone() {
            let stop = stop.clone();
            tasks.spawn(async move {
                let mut tick = tokio::time::interval(METRICS_EVERY);
                while stop.run_until_cancelled(tick.tick()).await.is_some() {
                    metrics.run_upkeep();
                }
            });
        }
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = serve(listener, health, stop).await {
                tracing::error!(error = %error, "the health address stopped answering");
            }
        });
        Ok(())
    }

    fn spawn_alerts(&self, vital: &Vital) {
        let (enqueuer, deliverer, stop) = (self.enqueuer.clone(), self.deliverer.clone(), vital.stop.clone());
        vital.spawn("alerts", async move {
            loop {
                if let Err(error) = enqueuer.round().await {
                    tracing::error!(error = %error, "alerts could not be made; trying again");
                }
                if let Err(error) = deliverer.round().await {
                    tracing::error!(error = %error, "mails could not be handed over; trying again");
                }
                if stop.is_cancelled() {
                    break;
                }
                tokio::select! {
                    // One more round, for what was stored last.
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(ALERT_EVERY) => {}
                }
            }
        });
    }

    /// Retention daily from the start on; the clock by the minute.
    fn spawn_upkeep(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let (store, clock, retention) =
            (self.store.clone(), self.clock.clone(), self.config.retention.clone());
        let stop = stop.clone();
        tasks.spawn(async move {
            let mut purge = tokio::time::interval(PURGE_EVERY);
            let mut compare = tokio::time::interval(CLOCK_EVERY);
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    _ = purge.tick() => match store.purge(&retention, clock.now().timestamp_millis()).await {
                        Ok(purged) => tracing::info!(hits = purged.hits, entries = purged.entries, alerts = purged.alerts, "retention applied"),
                        Err(error) => tracing::error!(error = %error, "retention could not be applied; trying again tomorrow"),
                    },
                    _ = compare.tick() => if let Err(error) = correct_clock(&store, &clock).await {
                        tracing::warn!(error = %error, "the database's clock could not be read");
                    },
                }
            }
        });
    }

    /// Feeds systemd's watchdog only while scheduler and store move.
    fn spawn_watchdog(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let Some(limit) = sd_notify::watchdog_enabled() else { return };
        let (store, pipeline, clock, stop) =
            (self.store.clone(), self.pipeline.clone(), self.clock.clone(), stop.clone());
        let gathering = self.gathering.abort_handle();
        tasks.spawn(async move {
            let mut tick = tokio::time::interval(limit / 3);
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    _ = tick.tick() => {}
                }
                let still = clock.now().timestamp_millis() - pipeline.moved_at();
                let moves = still < MAX_STILL_MS && !gathering.is_finished();
                let answers = matches!(tokio::time::timeout(STORE_ANSWER, store.ping()).await, Ok(Ok(())));
                if moves && answers {
                    notify(&[sd_notify::NotifyState::Watchdog]);
                } else {
                    tracing::error!(
                        scheduler.moves = moves,
                        store.answers = answers,
                        "the watchdog is not fed"
                    );
                }
            }
        });
    }
}

/// Tasks without which the service does nothing: when one ends by itself the whole ends with an error, so
/// that systemd starts it again and nobody believes that it still watches.
#[derive(Debug, Clone)]
struct Vital {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: Arc<AtomicBool>,
}

impl Vital {
    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let Self { stop, failed, .. } = self.clone();
        self.tasks.spawn(async move {
            let ended = tokio::spawn(work).await;
            if !stop.is_cancelled() {
                tracing::error!(
                    task = name,
                    panicked = ended.is_err(),
                    "a task ended that must not end; stopping"
                );
                failed.store(true, Ordering::Relaxed);
                stop.cancel();
            }
        });
    }
}

/// Makes the folder of everything relative, for this user alone, where there is none.
pub fn make_state_dir(config: &Config) -> anyhow::Result<()> {
    let state_dir = &config.service.state_dir;
    std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
        .create(state_dir)
        .with_context(|| format!("the state directory {} cannot be made", state_dir.display()))
}

/// The name servers, where some source asks them.
fn name_servers(config: &Config) -> anyhow::Result<NameServers> {
    let asks = |planned: &Planned| planned.source.kind == SourceKind::Lookalike;
    if config.planned.iter().any(asks) {
        return NameServers::new(&config.fetch.name_servers()).map_err(anyhow::Error::msg);
    }
    Ok(NameServers::none())
}

/// Opens the store of a configuration, making it where there is none.
pub async fn open_store(config: &Config, clock: &SystemClock) -> anyhow::Result<Store> {
    let store = Store::open(&store_options(config), clock.now().timestamp_millis()).await?;
    correct_clock(&store, clock).await?;
    Ok(store)
}

/// The store's options with their paths below the state directory.
pub fn store_options(config: &Config) -> crate::store::Options {
    let mut options = config.store.clone();
    if let Some(path) = options.url.strip_prefix("sqlite:") {
        let path = config.in_state(std::path::Path::new(path.trim_start_matches("//")));
        options.url = format!("sqlite:{}", path.display());
    }
    options.key_file = config.in_state(&options.key_file);
    options
}

fn enqueuer(config: &Config, store: &Store, clock: SharedClock) -> anyhow::Result<Enqueuer> {
    let names = config
        .profiles
        .iter()
        .map(|profile| (profile.id.clone(), (profile.name.clone(), profile.short_name.clone())));
    let facts = |planned: &Planned| (planned.source.id.to_string(), planned.source.accountability.clone());
    let sources: HashMap<String, SourceFacts> = config.planned.iter().map(facts).collect();
    let domain = config.mail.from.rsplit('@').next().unwrap_or_default().trim_end_matches('>').to_owned();
    Ok(Enqueuer::new(
        store.clone(),
        config.alert.clone(),
        names.collect(),
        sources,
        (domain, config.service.shadow),
        clock,
    )?)
}

/// Several processes on one PostgreSQL go by its clock.
async fn correct_clock(store: &Store, clock: &SystemClock) -> anyhow::Result<()> {
    let before = SystemClock::default().now().timestamp_millis();
    if let Some(database) = store.database_time().await? {
        let after = SystemClock::default().now().timestamp_millis();
        clock.correct(database - i64::midpoint(before, after));
    }
    Ok(())
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "systemd could not be told");
    }
}
