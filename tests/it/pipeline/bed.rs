//! A configuration written to a file and loaded as everybody's is, and the parts built from it, with a
//! clock that a case can move.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use trustwatch::alert::{Deliverer, Enqueuer, SourceFacts};
use trustwatch::classify::Classifier;
use trustwatch::clock::{Clock, ManualClock};
use trustwatch::config::{Config, SHIPPED_PROFILES, load};
use trustwatch::daemon::{open_store, store_options};
use trustwatch::fetch::{Fetcher, NameServers, SystemResolver};
use trustwatch::mail::{Mail, Mailer};
use trustwatch::pipeline::{Ingredients, Options, Pipeline};
use trustwatch::store::{Gatherer, HitFilter, HitSummary, Scope, SourceRow, Store};

use super::server::Server;

pub(super) const HOSTS: [&str; 8] = [
    "paper.example",
    "forum.example",
    "other.example",
    // The Trust's own.
    "northmerevalley.nhs.uk",
    "charity.northmerevalley.nhs.uk",
    // Somebody else's.
    "northmerevalley-careers.co.uk",
    "northmerevalley.com",
    "northmerevalley.org.uk",
];

/// A Trust's own words, which its profile watches for; `press.coverage` in a newspaper.
pub(super) const NEWS: &str = "Northmere Valley NHS Foundation Trust said the scanner would open in May.";
/// A number from a block that nobody was given, on a list that looks like the Trust's own.
pub(super) const LEAK: &str = "Ward list from Northmere General, found on the bus: bed 4, 5123456783, hip";
pub(super) const NOTHING: &str = "The Kettlewick swan was seen on the boating lake again on Saturday.";

/// A small world: a server and a folder for configuration and state.
pub(super) struct World {
    pub(super) server: Server,
    /// Where all hosts are.
    address: String,
    /// Lines for `[fetch]` and sections after it.
    more: String,
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

/// A source of `[[source]]` in the configuration.
pub(super) fn source(id: &str, host: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"feed\"\nurl = \"http://{host}/feed\"\ndocument_kind = \"news\"\nevery = \"30m\"\n{more}\n"
    )
}

impl World {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new("2026-07-01T09:00:00Z".parse().unwrap()));
        let server = Server::start().await;
        let (address, folder) = (server.address(), tempfile::tempdir().unwrap());
        Self { server, address, more: String::new(), folder, clock }
    }

    /// A world in which another server answers for all hosts, under other limits.
    pub(super) async fn at(address: String, more: &str) -> Self {
        Self { address, more: more.to_owned(), ..Self::new().await }
    }

    /// The same world with more lines in `[fetch]`.
    pub(super) fn with_fetch(&self, more: &str) -> WithFetch<'_> {
        WithFetch { world: self, more: more.to_owned() }
    }

    pub(super) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a configuration with these sources and loads it.
    pub(super) fn config(&self, sources: &str) -> Config {
        self.config_with(&self.more, sources)
    }

    fn config_with(&self, more: &str, sources: &str) -> Config {
        let (address, state) = (&self.address, self.state_dir().display().to_string());
        let hosts = HOSTS.map(|host| format!("\"{host}\" = \"{address}\"\n")).concat();
        let text = format!(
            "[service]\nstate_dir = {state:?}\n[fetch]\ncontact = \"tests@northmerevalley.nhs.uk\"\nloopback = [\"{address}\"]\n{more}\n\
             [fetch.hosts]\n{hosts}[mail]\nfrom = \"Trustwatch <trustwatch@northmerevalley.nhs.uk>\"\n[alert]\nbacklog_settle_s = 60\n\
             [alert.recipients]\ncommunications = [\"comms@northmerevalley.nhs.uk\"]\n[web]\nlisten = \"\"\n\
             [overlay]\nprofiles_dir = \"profiles\"\n\
             [[organisation]]\nprofile = \"northmere\"\npurpose = \"tests\"\nbasis = \"UK GDPR Art 6(1)(e)\"\n\
             owner = \"Head of Communications\"\nlicence = \"none\"\nreview = 2099-01-01\n{sources}"
        );
        let file = self.folder.path().join("trustwatch.toml");
        std::fs::write(&file, text).unwrap();
        let profiles = self.folder.path().join("profiles");
        if !profiles.exists() {
            self.write_profile("");
        }
        load(&file).unwrap()
    }

    /// Writes the Trust's profile with `more` before everything else.
    pub(super) fn write_profile_with(&self, more: &str) {
        self.write_profile("");
        let file = self.folder.path().join("profiles/northmere.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{more}{text}")).unwrap();
    }

    /// Writes the Trust's profile with `more` at its end.
    pub(super) fn write_profile(&self, more: &str) {
        let (_, shipped) = SHIPPED_PROFILES.iter().find(|(id, _)| *id == "northmere").unwrap();
        let folder = self.folder.path().join("profiles");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("northmere.toml"), format!("{shipped}\n{more}")).unwrap();
    }

    /// Builds everything from a configuration with these sources.
    pub(super) async fn machine(&self, sources: &str) -> Machine {
        let config = self.config(sources);
        Machine::build(&config, self.clock.clone()).await
    }

    /// Every byte that the store keeps, its sealed columns and its log included.
    pub(super) fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.state_dir()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
    }
}

/// A world with more lines in `[fetch]`.
pub(super) struct WithFetch<'a> {
    world: &'a World,
    more: String,
}

impl WithFetch<'_> {
    pub(super) async fn machine(&self, sources: &str) -> Machine {
        Machine::build(&self.world.config_with(&self.more, sources), self.world.clock.clone()).await
    }
}

/// The parts that work together, as the daemon puts them together.
pub(super) struct Machine {
    pub(super) store: Store,
    pub(super) mails: Arc<Mutex<Vec<Mail>>>,
    pub(super) clock: Arc<ManualClock>,
    pipeline: Pipeline,
    enqueuer: Enqueuer,
    deliverer: Deliverer,
    gathering: tokio::task::JoinHandle<()>,
    database: String,
}

impl Machine {
    async fn build(config: &Config, clock: Arc<ManualClock>) -> Self {
        std::fs::create_dir_all(&config.service.state_dir).unwrap();
        let store = open_store(config, &trustwatch::clock::SystemClock::default()).await.unwrap();
        let (gatherer, gathering) = Gatherer::new(store.clone());
        let gathering = tokio::spawn(gathering);
        let lease = Duration::from_secs(config.store.lease_s);
        let pipeline = Pipeline::new(Ingredients {
            store: store.clone(),
            gatherer,
            fetcher: Fetcher::new(config.fetch.clone(), Arc::new(SystemResolver), clock.clone()).unwrap(),
            registry: Arc::new(NameServers::new(&config.fetch.name_servers()).unwrap()),
            classifier: Classifier::new(config.profiles.clone(), config.rules.clone()).unwrap(),
            planned: config.planned.clone(),
            options: Options {
                concurrency: 8,
                lease,
                host_gap: Duration::from_secs(5),
                source: config.source.clone(),
                extract: config.extract.clone(),
            },
            clock: clock.clone(),
            worker: "tests".to_owned(),
            only: None,
            progress: None,
        });
        let profiles = config.profiles.iter();
        let named = profiles.map(|profile| (profile.id.clone(), profile.name.clone())).collect::<Vec<_>>();
        let now = clock.now().timestamp_millis();
        store.sync_sources(&named, &pipeline.specs(), now).await.unwrap();
        let names = config.profiles.iter().map(|p| (p.id.clone(), (p.name.clone(), p.short_name.clone())));
        let facts = config
            .planned
            .iter()
            .map(|planned| (planned.source.id.to_string(), planned.source.accountability.clone()));
        let facts: HashMap<String, SourceFacts> = facts.collect();
        let domain = ("northmerevalley.nhs.uk".to_owned(), false);
        let enqueuer =
            Enqueuer::new(store.clone(), config.alert.clone(), names.collect(), facts, domain, clock.clone());
        let (mailer, mails) = Mailer::memory(&config.mail.from);
        let deliverer = Deliverer::new(store.clone(), mailer, lease, clock.clone());
        let database = store_options(config).url;
        Self { store, mails, clock, pipeline, enqueuer: enqueuer.unwrap(), deliverer, gathering, database }
    }

    /// Does everything that is due.
    pub(super) async fn look(&self) {
        self.pipeline.run_until_idle().await.unwrap();
    }

    /// Moves the clock on and does everything that is due then.
    pub(super) async fn look_after(&self, minutes: i64) {
        self.clock.advance(chrono::Duration::minutes(minutes));
        self.look().await;
    }

    /// Decides and delivers; the subjects of all mails so far, in order.
    pub(super) async fn tell(&self) -> Vec<String> {
        self.enqueuer.round().await.unwrap();
        self.deliverer.round().await.unwrap();
        self.mails.lock().unwrap().iter().map(|mail| mail.subject.clone()).collect()
    }

    /// What the clock says (ms).
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    pub(super) fn set_clock(&self, to: &str) {
        self.clock.set(to.parse::<DateTime<Utc>>().unwrap());
    }

    pub(super) async fn hits(&self) -> Vec<HitSummary> {
        let mut hits =
            self.store.hits(&Scope::OPEN, &HitFilter { limit: 100, ..HitFilter::default() }).await.unwrap();
        hits.sort_by_key(|hit| hit.id);
        hits
    }

    pub(super) async fn titles(&self) -> Vec<String> {
        self.hits().await.into_iter().map(|hit| hit.title).collect()
    }

    /// How a source stands.
    pub(super) async fn source(&self, id: &str) -> SourceRow {
        self.store.sources().await.unwrap().into_iter().find(|row| row.id == id).unwrap()
    }

    /// The numbers that a query answers, asked behind the store's back.
    pub(super) async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        let pool = sqlx::SqlitePool::connect(&self.database).await.unwrap();
        let numbers = sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap();
        pool.close().await;
        numbers
    }

    /// Lets everything be written and closes the store.
    pub(super) async fn close(self) {
        let Self { store, pipeline, gathering, .. } = self;
        drop(pipeline);
        gathering.await.unwrap();
        store.close().await;
    }
}
