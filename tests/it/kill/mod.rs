//! The real process, killed with SIGKILL at named points and at random moments, loses no hit and no mail
//! and doubles none; a mail that is repeated is the same message.
//!
//! `TRUSTWATCH_KILL_ROUNDS` says how often it is killed on each store (20), `TRUSTWATCH_KILL_SEED` repeats
//! the random choices of a run that printed it.

mod check;
pub(crate) mod items;

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::daemon::feeds::Feeds;
use crate::daemon::postgres::Database;
use crate::daemon::process::{Setup, now, until};
use crate::smtp::sink::{Act, Sink, Verb};
use items::{Item, Random};

/// Where the feeds are; the last one's pages have to be fetched.
const HOSTS: [&str; 3] = ["paper.example", "forum.example", "followed.example"];

/// How a round ends.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// At a named point.
    At(&'static str),
    /// While the relay has the message and has not yet said 250.
    DuringSend,
    /// At any moment.
    AnyTime,
}

/// Every way of being killed; rounds go through them in turn.
const KILLS: [Kill; 12] = [
    Kill::At("commit.before"),
    Kill::At("send.after"),
    Kill::At("alert.before_commit"),
    Kill::AnyTime,
    Kill::At("commit.after"),
    Kill::At("send.before"),
    Kill::DuringSend,
    Kill::At("alert.after_commit"),
    Kill::At("entry.before_commit"),
    Kill::At("poll.before_commit"),
    Kill::AnyTime,
    Kill::At("claim.after"),
];

/// How long a point may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(30);

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_the_service_loses_and_doubles_nothing_on_sqlite() {
    let world = World::new(None).await;
    world.series("SQLite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_the_service_loses_and_doubles_nothing_on_postgresql() {
    let Some(database) = Database::fresh().await else { return };
    let world = World::new(Some(database.url.clone())).await;
    world.series("PostgreSQL").await;
    database.remove().await;
}

/// Feeds, relay and configuration of one series.
struct World {
    feeds: Arc<Feeds>,
    sink: Sink,
    setup: Setup,
    url: Option<String>,
    count: Arc<AtomicU64>,
}

impl World {
    async fn new(url: Option<String>) -> Self {
        let (feeds, sink) = (Arc::new(Feeds::start().await), Sink::start().await);
        let mut setup = Setup::new(&feeds, sink.port).log("warn").digest("* * * * *");
        for host in HOSTS {
            let id = host.split('.').next().unwrap();
            let follow = id == "followed";
            setup = setup.source(id, host, &format!("every = \"1s\"\nfollow = {follow}"));
        }
        if let Some(url) = &url {
            setup = setup.store(url);
        }
        Self { feeds, sink, setup, url, count: Arc::default() }
    }

    async fn series(&self, store: &str) {
        if !cfg!(feature = "failpoints") {
            println!("skipped: built without the feature failpoints");
            return;
        }
        let rounds = from_environment("TRUSTWATCH_KILL_ROUNDS").unwrap_or(20);
        let seed = from_environment("TRUSTWATCH_KILL_SEED")
            .unwrap_or_else(|| now().timestamp_millis().unsigned_abs());
        println!("{store}: {rounds} rounds, TRUSTWATCH_KILL_SEED={seed}");
        let mut random = Random::new(seed);
        let started = Instant::now();
        for (round, kill) in (0..rounds).zip(KILLS.into_iter().cycle()) {
            self.round(kill, &mut random).await;
            let check = self.setup.done("db", &["check"]);
            let said = String::from_utf8_lossy(&check.stdout).into_owned();
            assert_eq!(check.status.code(), Some(0), "after round {round}, {kill:?}: {said}");
        }
        self.settle().await;
        let told = check::everything(&self.feeds.items(), &self.sink, &self.setup, self.url.as_deref()).await;
        println!("{store}: {told}, {} s", started.elapsed().as_secs());
    }

    /// Starts the service and kills it.
    async fn round(&self, kill: Kill, random: &mut Random) {
        let growing = Growing::start(self);
        let nth = 1 + random.below(2);
        let at = match kill {
            Kill::At(name) => format!("{name}:{nth}"),
            _ => String::new(),
        };
        let mut service = self.setup.run_with(&[], &[("TRUSTWATCH_KILL_AT", &at)]);
        match kill {
            Kill::At(_) => {
                let status = service.ended_within(PATIENCE).await;
                let status = status.unwrap_or_else(|| panic!("{at} was not reached"));
                assert_eq!(status.signal(), Some(9), "{at}: {status}");
            }
            Kill::DuringSend => {
                self.sink.script(|step| {
                    if step.verb == Verb::Dot { Act::Late(Duration::from_millis(300)) } else { Act::Usual }
                });
                let before = self.sink.steps(Verb::Dot);
                until("a message on its way", || self.sink.steps(Verb::Dot) > before).await;
                service.kill();
                self.sink.recover();
            }
            Kill::AnyTime => {
                let wait = Duration::from_millis(20 + random.below(3000));
                let ended = service.ended_within(wait).await;
                assert_eq!(ended, None, "the service ended by itself");
                service.kill();
            }
        }
        drop(growing);
    }

    /// Lets the service work until there is nothing left to do.
    async fn settle(&self) {
        let service = self.setup.run();
        let expected = self.feeds.items().len();
        let end = Instant::now() + Duration::from_secs(60);
        while !check::is_quiet(&self.setup, self.url.as_deref(), expected).await {
            assert!(Instant::now() < end, "something is left undone or was lost: {}", service.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        service.stop().await;
    }

    /// Two more items. One in eight is plain, so that no minute's digest grows past what it lists.
    fn grow(feeds: &Feeds, count: &AtomicU64) {
        for _ in 0..2 {
            let n = count.fetch_add(1, Ordering::SeqCst);
            let host = HOSTS[usize::try_from(n % 3).unwrap()];
            let item = if n % 8 == 7 { Item::plain(n, host, now()) } else { Item::critical(n, host, now()) };
            feeds.add(host, item);
        }
    }
}

/// Items that appear while the service runs; no more once it is dropped.
struct Growing(JoinHandle<()>);

impl Drop for Growing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Growing {
    fn start(world: &World) -> Self {
        World::grow(&world.feeds, &world.count);
        let (feeds, count) = (world.feeds.clone(), world.count.clone());
        Self(tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(700));
            loop {
                tick.tick().await;
                World::grow(&feeds, &count);
            }
        }))
    }
}
