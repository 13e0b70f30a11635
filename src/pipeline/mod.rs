//! The order of the stages, known here alone: due work → fetch → entries → documents → hits → commit.
//! Each piece of claimed work is one task; what it came to goes through the store's gatherer.

mod copies;
mod due;
mod judge;
mod ledger;
mod lists;
mod lookalike;
mod mailbox;
mod own;
mod poll;
mod record;
mod replay;
mod visit;
mod wait;

pub use replay::{HitChange, Replayed, Request as ReplayRequest, RuleChange, replay};

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::classify::Classifier;
use crate::clock::{self, SharedClock};
use crate::fetch::{Fetcher, Registry, host_of};
use crate::model::{Entry, EntryContent, Source, SourceId, SourceKind};
use crate::problem::Problem;
use crate::schedule::Schedule;
use crate::secret::{ExposeSecret, SecretString};
use crate::store::{Committed, Gatherer, Outcome, SourceSpec, Store, StoreError, Terms};
use crate::{extract, source, telemetry};

/// How the pipeline works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Fetches under way at once.
    pub concurrency: usize,
    /// How long a claim holds.
    pub lease: Duration,
    /// Time between two requests to one registrable domain.
    pub host_gap: Duration,
    /// Limits of reading feeds.
    pub source: source::Options,
    /// Limits of extraction.
    pub extract: extract::Options,
}

/// A source with its schedule.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is polled.
    pub source: Source,
    /// When.
    pub schedule: Schedule,
    /// How it is read.
    pub how: How,
    /// What stands at [`source::SECRET`] in its address, or in a header, when it is fetched.
    pub secret: Option<SecretString>,
}

/// How a source is read, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// As a feed.
    Feed,
    /// As a page, or its parts.
    Page(source::PageOptions),
    /// As a list of a site's pages.
    Sitemap(source::SitemapOptions),
    /// As JSON that the configuration describes.
    Api(Box<source::ApiOptions>),
    /// As mails in a maildir.
    Mailbox(PathBuf),
    /// As one of the Trust's own places.
    Own(OwnOptions),
    /// As domains that resemble the Trust's.
    Lookalike(source::LookalikeOptions),
}

impl How {
    /// The kind of source that is read so.
    pub const fn kind(&self) -> SourceKind {
        match self {
            Self::Feed => SourceKind::Feed,
            Self::Page(_) => SourceKind::Page,
            Self::Sitemap(_) => SourceKind::Sitemap,
            Self::Api(_) => SourceKind::Api,
            Self::Mailbox(_) => SourceKind::Mailbox,
            Self::Own(_) => SourceKind::Own,
            Self::Lookalike(_) => SourceKind::Lookalike,
        }
    }
}

/// What is expected of the Trust's own places.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OwnOptions {
    /// One on which nothing new stood for so long is not kept any more (days).
    pub stale_days: u64,
}

impl Default for OwnOptions {
    fn default() -> Self {
        Self { stale_days: 365 }
    }
}

impl OwnOptions {
    /// What is wrong with these options.
    pub fn check(&self) -> Vec<Problem> {
        if (1..=3650).contains(&self.stale_days) {
            return Vec::new();
        }
        vec![Problem::at("stale_days", "write a number of days from 1 to 3650")]
    }
}

impl Planned {
    /// Whether a secret stands in its address.
    fn has_secret_address(&self) -> bool {
        self.secret.is_some()
            && self.source.url.as_str().replace("%7B", "{").replace("%7D", "}").contains(source::SECRET)
    }

    /// Takes the secret out of what its site says: some repeat the address that they were asked at.
    fn hide_secret(&self, entries: &mut [Entry]) {
        let Some(secret) = self.secret.as_ref().map(ExposeSecret::expose_secret) else { return };
        for Entry { key, url, title, author, content, .. } in entries {
            let (EntryContent::Html(content) | EntryContent::Text(content)) = content;
            for text in [key, url, title, author, content] {
                *text = source::without_secret(text, secret);
            }
        }
    }

    /// The address as it is fetched: never stored, never shown.
    pub fn address(&self, now: DateTime<Utc>) -> Url {
        // In a path the braces were encoded.
        let url = self.source.url.as_str().replace("%7B", "{").replace("%7D", "}");
        if self.secret.is_none() && !url.contains('{') {
            return self.source.url.clone();
        }
        let mut address = source::dated(&url, clock::london_day(now));
        if let Some(secret) = &self.secret {
            let encoded: String =
                url::form_urlencoded::byte_serialize(secret.expose_secret().as_bytes()).collect();
            address = address.replace(source::SECRET, &encoded);
        }
        address.parse().unwrap_or_else(|_| self.source.url.clone())
    }
}

/// What a piece of work came to, for whoever watches.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Which source.
    pub source: SourceId,
    /// In a word: `unchanged`, `read`, or a failure's reason.
    pub outcome: &'static str,
    /// In a sentence.
    pub detail: String,
    /// Hits that are new or changed.
    pub hits: usize,
}

/// Claims due work and does it.
#[derive(Debug, Clone)]
pub struct Pipeline {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    store: Store,
    gatherer: Gatherer,
    fetcher: Fetcher,
    registry: Arc<dyn Registry>,
    classifier: Classifier,
    planned: HashMap<SourceId, Box<Planned>>,
    /// The Trust's own sites, as look-alikes were compared with them last.
    own_sites: Mutex<HashMap<SourceId, (NaiveDate, Arc<lookalike::Own>)>>,
    /// Hosts, as pacing counts them, that are dialled at loopback.
    mapped: HashSet<String>,
    /// Names the watches of all profiles: when it changes, everything listed is matched again.
    generation: String,
    options: Options,
    clock: SharedClock,
    worker: String,
    only: Option<SourceId>,
    /// Sources that this process's configuration does not name, as a JSON list: left to whoever knows them.
    strangers: Mutex<Vec<String>>,
    /// When the claiming loop last went round (ms), for the watchdog.
    moved_at: AtomicI64,
    progress: Option<tokio::sync::mpsc::UnboundedSender<Progress>>,
    /// How much is read and judged at once.
    readers: Arc<Semaphore>,
}

impl Parts {
    /// Runs work that computes off the async threads, a little more of it at once than there are cores: with more, the
    /// store's thread would wait for its turn at every statement.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // Nobody closes it; without a permit there is only more at once.
        let permit = self.readers.clone().acquire_owned().await.ok();
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        work.await
    }
}

/// Work that computes at once, beyond the number of cores: one that a hostile page keeps busy leaves room for others.
const SPARE_READERS: usize = 2;

/// Everything that a pipeline is made of.
#[derive(Debug)]
pub struct Ingredients {
    /// Where work is claimed and written back.
    pub store: Store,
    /// Commits outcomes together.
    pub gatherer: Gatherer,
    /// Opens the sockets.
    pub fetcher: Fetcher,
    /// Says which names are registered.
    pub registry: Arc<dyn Registry>,
    /// Judges documents.
    pub classifier: Classifier,
    /// What is polled.
    pub planned: Vec<Planned>,
    /// How.
    pub options: Options,
    /// Tells the time.
    pub clock: SharedClock,
    /// Names this process in leases.
    pub worker: String,
    /// Work on this source alone.
    pub only: Option<SourceId>,
    /// Hears what each piece of work came to.
    pub progress: Option<tokio::sync::mpsc::UnboundedSender<Progress>>,
}

/// How long the loop rests when nothing is due.
const IDLE: Duration = Duration::from_millis(500);
/// How long it rests after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Work claimed at once.
const MAX_CLAIM: usize = 64;

impl Pipeline {
    /// A pipeline of `ingredients`.
    pub fn new(ingredients: Ingredients) -> Self {
        let Ingredients {
            store,
            gatherer,
            fetcher,
            registry,
            classifier,
            planned,
            options,
            clock,
            worker,
            only,
            progress,
        } = ingredients;
        let generation = generation(&store, &classifier);
        let policy = fetcher.policy();
        let mapped = policy
            .hosts
            .keys()
            .filter_map(|name| Some(host_of(&Url::parse(&format!("http://{name}/")).ok()?)));
        let mapped = mapped.chain(policy.loopback.iter().map(|at| at.ip().to_string())).collect();
        let ledger =
            ledger::StoreLedger { store: store.clone(), clock: clock.clone(), gap: options.host_gap };
        let fetcher = fetcher.with_ledger(Arc::new(ledger));
        let planned =
            planned.into_iter().map(|planned| (planned.source.id.clone(), Box::new(planned))).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let moved_at = AtomicI64::new(clock.now().timestamp_millis());
        let parts = Parts {
            store,
            gatherer,
            fetcher,
            registry,
            classifier,
            planned,
            own_sites: Mutex::default(),
            mapped,
            generation,
            options,
            clock,
            worker,
            only,
            strangers: Mutex::default(),
            moved_at,
            progress,
            readers: Arc::new(Semaphore::new(cores + SPARE_READERS)),
        };
        Self { parts: Arc::new(parts) }
    }

    /// What the store needs to know of the sources; new ones are due at once.
    pub fn specs(&self) -> Vec<SourceSpec> {
        let now = self.parts.clock.now();
        let specs = self.parts.planned.values().map(|planned| {
            let source = &planned.source;
            let first_due_at = match &planned.schedule {
                Schedule::Every(_) | Schedule::Adaptive(_) => now,
                Schedule::Cron(line) => line.next_after(now),
            };
            SourceSpec {
                id: source.id.clone(),
                kind: source.kind.as_str(),
                url: source.url.to_string(),
                host: host_of(&source.url),
                organisations: source.organisations.clone(),
                document_kind: source.document_kind.as_str(),
                first_due_at: first_due_at.timestamp_millis(),
                latest_due_at: match &planned.schedule {
                    // A rhythm that was learnt outlives a restart.
                    Schedule::Adaptive(_) => now + chrono::Duration::days(1),
                    schedule => schedule.next_after(now),
                }
                .timestamp_millis(),
            }
        });
        let mut specs: Vec<SourceSpec> = specs.collect();
        specs.sort_by(|a, b| a.id.cmp(&b.id));
        specs
    }

    /// When the claiming loop last went round (ms).
    pub fn moved_at(&self) -> i64 {
        self.parts.moved_at.load(Ordering::Relaxed)
    }

    /// Works until `stop`; then claims nothing more and finishes what is under way.
    pub async fn run(&self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        while !stop.is_cancelled() {
            let rest = match self.claim_into(&mut tasks).await {
                Ok(0) => IDLE,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::error!(error = %error, "no work could be claimed; trying again shortly");
                    AFTER_FAILURE
                }
            };
            self.parts.moved_at.store(self.parts.clock.now().timestamp_millis(), Ordering::Relaxed);
            let full = tasks.len() >= self.parts.options.concurrency;
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = tasks.join_next() => while tasks.try_join_next().is_some() {},
                () = tokio::time::sleep(rest), if !full => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Works until nothing is due any more and nothing is under way. Hosts that rest are waited for.
    pub async fn run_until_idle(&self) -> Result<(), StoreError> {
        let mut tasks = JoinSet::new();
        loop {
            let claimed = self.claim_into(&mut tasks).await?;
            if claimed == 0 && tasks.join_next().await.is_none() {
                let now = self.parts.clock.now().timestamp_millis();
                match self.parts.store.next_due(self.parts.only.as_ref().map_or("", SourceId::as_str)).await?
                {
                    Some(due) if due <= now => self.parts.clock.sleep(IDLE).await,
                    _ => return Ok(()),
                }
            }
            while tasks.try_join_next().is_some() {}
            if tasks.len() >= self.parts.options.concurrency {
                tasks.join_next().await;
            }
        }
    }

    /// Claims as much as there is room for and starts it. How much that was.
    async fn claim_into(&self, tasks: &mut JoinSet<()>) -> Result<usize, StoreError> {
        let parts = &self.parts;
        let room = parts.options.concurrency.saturating_sub(tasks.len()).min(MAX_CLAIM);
        if room == 0 {
            return Ok(0);
        }
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let now = parts.clock.now().timestamp_millis();
        let lease_ms = i64::try_from(parts.options.lease.as_millis()).unwrap_or(i64::MAX);
        let gap = |id: &str| parts.gap_ms(id);
        let only = parts.only.as_ref().map_or("", SourceId::as_str);
        let except = serde_json::Value::from(parts.strangers()).to_string();
        let terms = Terms { worker: &parts.worker, now, lease_ms, limit, only, except: &except };
        let (sources, strangers): (Vec<_>, Vec<_>) = parts
            .store
            .claim_sources(terms, gap)
            .await?
            .into_iter()
            .partition(|claim| parts.knows(&claim.id));
        for claim in &strangers {
            parts.note_stranger(&claim.id);
            if let Err(error) = parts.store.let_go(claim).await {
                tracing::warn!(source.id = %claim.id, error = %error, "a claim could not be given back; it runs out by itself");
            }
        }
        let mut claimed = sources.len();
        if claimed > 0 {
            telemetry::point("claim.after");
        }
        // Started before more is claimed, so that a failure below costs nothing that is ours already.
        for claim in sources {
            let parts = parts.clone();
            tasks.spawn(async move {
                let started = tokio::time::Instant::now();
                let outcome = poll::poll(&parts, claim).await;
                telemetry::point("poll.before_commit");
                parts.write_back(Outcome::Poll(Box::new(outcome)), started).await;
            });
        }
        let left = limit - i64::try_from(claimed).unwrap_or(limit);
        if left <= 0 {
            return Ok(claimed);
        }
        let entry_gap = |host: &str| parts.host_gap_ms(host);
        let entries = parts.store.claim_entries(Terms { limit: left, ..terms }, entry_gap).await?;
        claimed += entries.len();
        for claim in entries.into_iter().filter(|claim| parts.knows(&claim.source)) {
            let parts = parts.clone();
            tasks.spawn(async move {
                let started = tokio::time::Instant::now();
                let outcome = wait::follow(&parts, claim).await;
                telemetry::point("entry.before_commit");
                parts.write_back(Outcome::Entry(Box::new(outcome)), started).await;
            });
        }
        Ok(claimed)
    }
}

impl Parts {
    fn strangers(&self) -> Vec<String> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_stranger(&self, id: &SourceId) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.push(id.to_string());
        tracing::info!(source.id = %id, "another process's configuration names this source, ours does not: it is left to that one");
    }

    /// Whether this process's configuration names a source. Another's may, while a change is rolled out:
    /// its work is left to whoever knows it.
    fn knows(&self, id: &SourceId) -> bool {
        self.planned.contains_key(id)
    }

    /// The gap that the host of a source keeps; none where it is mapped to loopback.
    fn gap_ms(&self, id: &str) -> i64 {
        let planned = id.parse::<SourceId>().ok().and_then(|id| self.planned.get(&id));
        let mapped = planned.is_some_and(|planned| {
            // A folder needs no pauses; look-alikes are asked one by one, each at its own host.
            matches!(planned.how, How::Mailbox(_) | How::Lookalike(_))
                || self.fetcher.is_mapped(&planned.source.url)
        });
        if mapped { 0 } else { i64::try_from(self.options.host_gap.as_millis()).unwrap_or(i64::MAX) }
    }

    /// The gap that a host keeps, whichever source leads there.
    fn host_gap_ms(&self, host: &str) -> i64 {
        let gap = i64::try_from(self.options.host_gap.as_millis()).unwrap_or(i64::MAX);
        if self.mapped.contains(host) { 0 } else { gap }
    }

    /// How long a visit may go on before it writes back what it has: well before its lease runs out.
    fn patience(&self) -> Duration {
        self.options.lease / 3
    }

    /// Names what a source's entries are matched against and how they are read: when it changes, everything listed is
    /// read again.
    fn generation_of(&self, planned: &Planned) -> String {
        match &planned.how {
            How::Feed => self.generation.clone(),
            how => {
                let how = format!("{how:?} {}", planned.source.follow);
                self.store.fingerprint(&["read", &self.generation, &how])
            }
        }
    }

    async fn write_back(&self, outcome: Outcome, started: tokio::time::Instant) {
        let (source, word, detail) = poll::describe(&outcome);
        match self.gatherer.commit(outcome).await {
            Ok(Committed::Stored { hits }) => {
                telemetry::count_poll(word, started.elapsed().as_secs_f64());
                for (_, severity) in &hits {
                    telemetry::count_hit(severity.as_str());
                }
                if !matches!(word, "read" | "unchanged" | "page") {
                    tracing::warn!(source.id = %source, reason = word, "source could not be read: {detail}");
                } else if !hits.is_empty() {
                    tracing::info!(source.id = %source, hits = hits.len(), "hits stored");
                }
                if let Some(progress) = &self.progress {
                    // Nobody may be watching any more.
                    let _ = progress.send(Progress { source, outcome: word, detail, hits: hits.len() });
                }
            }
            Ok(Committed::Stale) => {
                tracing::warn!(source.id = %source, "another process has taken this work over; its result stands");
            }
            Err(error) => {
                tracing::error!(source.id = %source, error = %error, "result could not be stored; the work will be done again");
            }
        }
    }
}

/// Names what entries are matched against.
fn generation(store: &Store, classifier: &Classifier) -> String {
    let mut watches: Vec<String> = Vec::new();
    for profile in classifier.profiles() {
        watches.push(profile.id.to_string());
        for watch in &profile.all_watches() {
            watches.extend([watch.id.clone(), watch.case_sensitive.to_string(), watch.within.to_string()]);
            watches.extend(watch.query.clone());
            for list in [&watch.terms, &watch.needs, &watch.anywhere, &watch.unless, &watch.never] {
                watches.push(list.join("\n"));
            }
        }
        watches.extend(profile.domains.iter().cloned());
        watches.extend(profile.all_handles().map(str::to_owned));
    }
    store.fingerprint(&watches.iter().map(String::as_str).collect::<Vec<_>>())
}
