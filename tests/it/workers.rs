//! Two real processes on one PostgreSQL share forty sources. One of them is stopped past its leases and
//! wakes up with answers in hand: the other has taken its work over, and what it brings late changes
//! nothing.

mod processes {
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    /// A running `trustwatch run`; ends with the test.
    pub(super) struct Process(pub(super) Child);

    impl Drop for Process {
        fn drop(&mut self) {
            // Gone already when the test ended well.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Process {
        pub(super) fn start(config: &Path, log: &Path) -> Self {
            let log = std::fs::File::create(log).unwrap();
            let child = Command::new(env!("CARGO_BIN_EXE_trustwatch"))
                .args(["run", "--config"])
                .arg(config)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn();
            Self(child.unwrap())
        }

        pub(super) fn signal(&self, name: &str) {
            let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.0.id())]).status();
            assert!(sent.unwrap().success(), "{name}");
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;

use crate::pipeline::server::{Answer, Item, Server, rss};
use crate::store::backend::fresh_postgres;
use processes::Process;

const SOURCES: usize = 40;
/// What all of them list in the end.
const ENTRIES: i64 = 120;
const LEASE_MS: i64 = 2000;
/// How long an answer takes: long enough that a process always has some under way.
const ANSWER: Duration = Duration::from_millis(250);
/// The longest that any one thing is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A source as it was seen at some moment.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Seen {
    id: String,
    fence: i64,
    lease_by: String,
    lease_until: i64,
}

/// A poll that was accepted.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Poll {
    source: String,
    at: i64,
    took_ms: i64,
    outcome: String,
}

/// Visits that found nothing new are counted where they happen; here each is noted too.
const NOTE_CALM: [&str; 3] = [
    "CREATE TABLE calm_visit (source TEXT, at BIGINT, took_ms BIGINT)",
    "CREATE FUNCTION note_calm() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO calm_visit VALUES (NEW.id, NEW.last_polled_at, NEW.calm_ms); RETURN NULL; END'",
    "CREATE TRIGGER note_calm AFTER UPDATE ON source FOR EACH ROW WHEN (NEW.calm > OLD.calm) EXECUTE FUNCTION note_calm()",
];

/// Claims as they were seen: source and fence, with whose it was and until when.
type Claims = BTreeMap<(String, i64), (String, i64)>;

struct Watcher {
    pool: PgPool,
    claims: Claims,
}

impl Watcher {
    /// Looks at every source and keeps the claims that stand.
    async fn look(&mut self) -> Vec<Seen> {
        let sql = "SELECT id, fence, lease_by, lease_until FROM source ORDER BY id";
        let seen: Vec<Seen> = sqlx::query_as(sql).fetch_all(&self.pool).await.unwrap();
        for source in seen.iter().filter(|source| source.lease_until > 0) {
            self.claims
                .insert((source.id.clone(), source.fence), (source.lease_by.clone(), source.lease_until));
        }
        seen
    }

    /// Looks again and again until `wanted` is true of what is seen.
    async fn until(&mut self, what: &str, wanted: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.look().await;
            if wanted(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

fn host(n: usize) -> String {
    format!("paper{n}.example")
}

fn write_config(folder: &Path, name: &str, database: &str, address: &str) -> PathBuf {
    let hosts: Vec<String> = (0..SOURCES).map(|n| format!("\"{}\" = \"{address}\"\n", host(n))).collect();
    let sources: Vec<String> = (0..SOURCES)
        .map(|n| format!("[[source]]\nid = \"s{n}\"\nurl = \"http://{}/feed\"\ndocument_kind = \"news\"\nevery = \"1s\"\n", host(n)))
        .collect();
    let text = format!(
        "[service]\nstate_dir = {:?}\n[store]\nurl = \"{database}\"\nlease_s = {}\n[fetch]\ncontact = \"{name}\"\n\
         requests_per_second = 500\nconcurrency = 12\nloopback = [\"{address}\"]\n[fetch.hosts]\n{}\
         [mail]\nfrom = \"trustwatch@northmerevalley.nhs.uk\"\n[alert.recipients]\ncommunications = [\"comms@northmerevalley.nhs.uk\"]\n\
         [web]\nlisten = \"\"\n[[organisation]]\nprofile = \"northmere\"\npurpose = \"tests\"\nbasis = \"UK GDPR Art 6(1)(e)\"\n\
         owner = \"Head of Communications\"\nlicence = \"none\"\nreview = 2099-01-01\n{}",
        folder.join("state").display().to_string(),
        LEASE_MS / 1000,
        hosts.concat(),
        sources.concat(),
    );
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, text).unwrap();
    file
}

/// Every feed grows by an entry with a hit at each of its first three answers.
async fn growing_web() -> Server {
    let server = Server::start().await;
    for n in 0..SOURCES {
        let texts: Vec<[String; 2]> = (0..3)
            .map(|k| {
                [
                    format!("e{k}"),
                    format!("Northmere Valley NHS Foundation Trust said in paper {n} that {k} of them came."),
                ]
            })
            .collect();
        let items: Vec<Item<'_>> = texts.iter().map(|[id, text]| Item { id, title: "News", text }).collect();
        let answers = (1..=3).map(|k| Answer::feed(rss(&host(n), &items[..k])).after(ANSWER));
        server.put(&host(n), "/feed", answers);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_work_and_a_late_one_changes_nothing() {
    let Some(database) = fresh_postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = growing_web().await;
    let config = |name: &str| write_config(folder.path(), name, &database, &server.address());
    let (log_one, log_two) = (folder.path().join("one.log"), folder.path().join("two.log"));

    let mut one = Process::start(&config("one"), &log_one);
    let deadline = Instant::now() + PATIENCE;
    while server.asked().is_empty() {
        assert!(
            Instant::now() < deadline,
            "the first never asked: {}",
            std::fs::read_to_string(&log_one).unwrap()
        );
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(2).connect(&database).await.unwrap();
    for statement in NOTE_CALM {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let mut watcher = Watcher { pool, claims: Claims::new() };
    let seen =
        watcher.until("the first claims", |seen| seen.iter().any(|source| !source.lease_by.is_empty())).await;
    let first = seen.iter().find(|source| !source.lease_by.is_empty()).unwrap().lease_by.clone();
    let mut two = Process::start(&config("two"), &log_two);
    let by_other =
        |seen: &[Seen]| seen.iter().filter(|s| !s.lease_by.is_empty() && s.lease_by != first).count();
    watcher.until("both work", |seen| by_other(seen) >= 5).await;

    let mine = |seen: &[Seen]| -> Vec<Seen> {
        seen.iter().filter(|source| source.lease_by == first && source.lease_until > 0).cloned().collect()
    };
    watcher.until("the first has work in hand", |seen| mine(seen).len() >= 3).await;
    one.signal("STOP");
    let held = mine(&watcher.look().await);
    let taken = |seen: &[Seen]| -> BTreeSet<String> {
        let newer = |old: &Seen| {
            seen.iter().any(|now| now.id == old.id && now.fence > old.fence && now.lease_by != first)
        };
        held.iter().filter(|old| newer(old)).map(|old| old.id.clone()).collect()
    };
    let seen = watcher.until("its work is taken over", |seen| !taken(seen).is_empty()).await;
    let taken_over = taken(&seen);
    let fences: BTreeMap<String, i64> = seen.iter().map(|source| (source.id.clone(), source.fence)).collect();
    one.signal("CONT");
    watcher
        .until("the first works again", |seen| {
            seen.iter().any(|now| now.lease_by == first && now.fence > fences[&now.id])
        })
        .await;
    let documents = "SELECT COUNT(*) FROM document";
    let deadline = Instant::now() + PATIENCE;
    while sqlx::query_scalar::<_, i64>(documents).fetch_one(&watcher.pool).await.unwrap() < ENTRIES {
        assert!(Instant::now() < deadline, "not everything was found");
        watcher.look().await;
    }
    for process in [&one, &two] {
        process.signal("TERM");
    }
    for process in [&mut one, &mut two] {
        let deadline = Instant::now() + PATIENCE;
        while process.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it did not end");
            watcher.look().await;
        }
        assert!(process.0.wait().unwrap().success());
    }
    let seen = watcher.look().await;
    let polls = "SELECT source, at, took_ms, outcome FROM poll WHERE outcome <> 'unchanged'
UNION ALL SELECT source, at, took_ms, 'unchanged' FROM calm_visit ORDER BY source, at";
    let polls: Vec<Poll> = sqlx::query_as(polls).fetch_all(&watcher.pool).await.unwrap();
    assert!(polls.iter().all(|poll| matches!(poll.outcome.as_str(), "read" | "unchanged")), "{polls:?}");

    both_worked(&server);
    no_source_was_fetched_twice(&server, &seen, &polls, &watcher.claims);
    late_results_were_refused(&taken_over, &seen, &polls, &log_one);
    everything_was_stored_once(&watcher.pool).await;
}

/// Who asked stands in the User-Agent header.
fn both_worked(server: &Server) {
    let feeds = server.asked().into_iter().filter(|asked| asked.path == "/feed");
    let agents: Vec<String> = feeds.map(|asked| asked.header("user-agent").unwrap().to_owned()).collect();
    for name in ["(+one)", "(+two)"] {
        let count = agents.iter().filter(|agent| agent.contains(name)).count();
        assert!(count >= 10, "{name} asked {count} times of {}", agents.len());
    }
}

/// A claim is at most one request. Two claims of one source in a row: the first was written back before
/// the second began, or its lease had run out.
fn no_source_was_fetched_twice(server: &Server, seen: &[Seen], polls: &[Poll], claims: &Claims) {
    for source in seen {
        let host = host(source.id[1..].parse().unwrap());
        let asked = i64::try_from(server.asked_for(&host, "/feed").len()).unwrap();
        assert!(asked <= source.fence, "{}: {asked} requests under {} claims", source.id, source.fence);
        let of = polls.iter().filter(|poll| poll.source == source.id).collect::<Vec<_>>();
        assert!(of.windows(2).all(|pair| pair[0].at + pair[0].took_ms <= pair[1].at + 50), "{of:?}");
    }
    let mut compared = 0;
    for ((id, fence), (_, until)) in claims {
        let Some((_, next_until)) = claims.get(&(id.clone(), fence + 1)) else { continue };
        let (claimed, next_claimed) = (until - LEASE_MS, next_until - LEASE_MS);
        let written = polls
            .iter()
            .any(|poll| poll.source == *id && poll.at >= claimed - 50 && poll.at < next_claimed + 50);
        assert!(written || *until <= next_claimed, "{id}: claim {} began within claim {fence}", fence + 1);
        compared += 1;
    }
    assert!(compared > SOURCES, "only {compared} pairs of claims were seen");
}

/// Of each source that was taken over, one claim's result at least was not accepted, and the process
/// that brought it late says so.
fn late_results_were_refused(taken_over: &BTreeSet<String>, seen: &[Seen], polls: &[Poll], log: &Path) {
    for source in seen {
        let accepted = i64::try_from(polls.iter().filter(|poll| poll.source == source.id).count()).unwrap();
        let lost = source.fence - accepted;
        assert!(lost >= 0, "{}: {accepted} results under {} claims", source.id, source.fence);
        assert!(lost >= 1 || !taken_over.contains(&source.id), "{}: the late result was accepted", source.id);
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("another process has taken this work over"), "{log}");
}

async fn everything_was_stored_once(pool: &PgPool) {
    let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM entry").await, ENTRIES);
    assert_eq!(count("SELECT COUNT(DISTINCT (source, key)) FROM entry").await, ENTRIES);
    assert_eq!(count("SELECT COUNT(*) FROM hit").await, ENTRIES);
    assert_eq!(count("SELECT COUNT(DISTINCT document) FROM hit").await, ENTRIES);
    assert_eq!(count("SELECT COUNT(*) FROM hit WHERE version <> 1").await, 0, "none was judged as an edit");
    let decided = "SELECT COUNT(*) FROM (SELECT hit FROM decision UNION ALL SELECT hit FROM outbox) AS known";
    assert_eq!(count(decided).await, ENTRIES, "each hit is decided once or waits");
    let twice = "SELECT COUNT(*) FROM (SELECT hit, recipients FROM decision GROUP BY 1, 2 HAVING COUNT(*) > 1) AS twice";
    assert_eq!(count(twice).await, 0);
}
