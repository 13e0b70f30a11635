//! Ten thousand identifiers through the real service: its store, logs, mails and what its commands print hold
//! none of them in clear.

use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use sqlx::{AssertSqlSafe, SqlitePool};
use trustwatch::mask::Masker;

use super::generated::{Identifier, Seeded};
use super::{IDENTIFIERS, classifier, compact};
use crate::daemon::feeds::Feeds;
use crate::daemon::process::{Setup, now, until};
use crate::smtp::sink::Sink;

/// Hosts, each with a feed of its own.
const HOSTS: usize = 5;
/// Identifiers in the text of an entry; one each stands in title, author and address.
const IN_TEXT: usize = 17;
const IN_ENTRY: usize = IN_TEXT + 3;
const ENTRIES: usize = IDENTIFIERS / IN_ENTRY / HOSTS;
/// What is shorter turns up by chance in a checksum (letters and digits).
const TELLING: usize = 7;
/// Eight digits stand in any time of day.
const TELLING_DIGITS: usize = 9;

/// A feed of entries in which everything that can is an identifier, as JSON Feed.
struct Hostile {
    feed: serde_json::Value,
    identifiers: Vec<Identifier>,
}

impl Hostile {
    fn new(seeded: &mut Seeded, masker: &Masker, host: &str) -> Self {
        let title = Identifier::any(seeded, masker);
        let mut identifiers = vec![title.clone()];
        let entries = (0..ENTRIES).map(|entry| {
            let made: Vec<Identifier> = (0..IN_ENTRY).map(|_| Identifier::any(seeded, masker)).collect();
            let [title, author, url] = [&made[IN_TEXT], &made[IN_TEXT + 1], &made[IN_TEXT + 2]];
            let lines: Vec<String> =
                made[..IN_TEXT].iter().map(|one| format!("The sheet {entry} said {one}, it did.")).collect();
            let address = format!("http://{host}/t/{}/{entry}", url.in_address());
            let item = serde_json::json!({
                "id": address,
                "url": address,
                "title": format!("Northmere Valley NHS Trust: {title} left on a bus"),
                "authors": [{"name": format!("jo {author}")}],
                "date_published": now().to_rfc3339(),
                "content_text": format!("Found outside Northmere General Hospital, a patient's list.\n{}", lines.join("\n")),
            });
            identifiers.extend(made);
            item
        });
        let entries: Vec<serde_json::Value> = entries.collect();
        let feed = serde_json::json!({
            "version": "https://jsonfeed.org/version/1.1",
            "title": format!("The list of {title}"),
            "items": entries,
        });
        Self { feed, identifiers }
    }
}

/// Looks for all identifiers at once.
struct Search {
    identifiers: Vec<Identifier>,
    written: AhoCorasick,
    secrets: AhoCorasick,
}

impl Search {
    fn new(identifiers: Vec<Identifier>) -> Self {
        // What is not telling is looked for as something that stands nowhere.
        let telling = |text: String| {
            let least = if text.bytes().all(|b| b.is_ascii_digit()) { TELLING_DIGITS } else { TELLING };
            if text.len() < least { "\u{10ffff}".repeat(3) } else { text }
        };
        let bare = |one: &Identifier| {
            [compact(&one.secret), compact(&one.written)].into_iter().max_by_key(String::len)
        };
        let written = AhoCorasick::new(identifiers.iter().map(|one| telling(one.written.clone()))).unwrap();
        let secrets =
            AhoCorasick::new(identifiers.iter().map(|one| telling(bare(one).unwrap_or_default()))).unwrap();
        Self { identifiers, written, secrets }
    }

    /// Asserts that none stands in `shown`, as it was written or in letters and digits alone.
    fn assert_none(&self, place: &str, shown: &str) {
        let bare = compact(shown);
        let found = self.written.find(shown).or_else(|| self.secrets.find(&bare));
        if let Some(found) = found {
            let around =
                |text: &str| text.get(found.start().saturating_sub(60)..found.end() + 20).map(str::to_owned);
            panic!(
                "{:?} in {place}: {:?} {:?}",
                self.identifiers[found.pattern().as_usize()],
                around(shown),
                around(&bare)
            );
        }
    }
}

/// Every value of every table, by table and column.
async fn columns(pool: &SqlitePool) -> Vec<(String, Vec<String>)> {
    let tables = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'");
    let tables: Vec<String> = tables.fetch_all(pool).await.unwrap();
    let mut all = Vec::new();
    for table in tables {
        let names =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')")));
        let names: Vec<String> = names.fetch_all(pool).await.unwrap();
        for column in names {
            let sql =
                format!("SELECT CAST(\"{column}\" AS BLOB) FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
            let values: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
            let values = values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect();
            all.push((format!("{table}.{column}"), values));
        }
    }
    all
}

async fn count(pool: &SqlitePool, sql: &'static str) -> usize {
    let count: i64 = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
    usize::try_from(count).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_of_the_service_holds_an_identifier() {
    let classifier = classifier();
    let mut seeded = Seeded::new(20_261_123);
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    let mut setup = Setup::new(&feeds, sink.port).log("debug").licence("permission").lease(60);
    let mut served = Vec::new();
    let mut identifiers = Vec::new();
    for host in 0..HOSTS {
        let name = format!("paper{host}.example");
        let hostile = Hostile::new(&mut seeded, classifier.masker(), &name);
        // Nothing at first: what comes later is news, not backlog.
        feeds.serve_raw(
            &name,
            "application/feed+json",
            &serde_json::json!({
                "version": "https://jsonfeed.org/version/1.1", "title": "empty", "items": [],
            })
            .to_string(),
        );
        setup = setup.source(&format!("paper{host}"), &name, "every = \"1s\"");
        served.push((name, hostile.feed.to_string()));
        identifiers.extend(hostile.identifiers);
    }
    assert!(identifiers.len() >= IDENTIFIERS);
    let search = Search::new(identifiers);
    let service = setup.run();
    until("first polls", || served.iter().all(|(name, _)| feeds.asked(name) > 1)).await;
    for (name, feed) in &served {
        feeds.serve_raw(name, "application/feed+json", feed);
    }
    let pool = SqlitePool::connect(&setup.store_options(None).url).await.unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    while count(&pool, "SELECT COUNT(*) FROM hit").await < HOSTS * ENTRIES
        || count(&pool, "SELECT COUNT(*) FROM outbox").await > 0
        || sink.accepted().is_empty()
    {
        assert!(
            Instant::now() < end,
            "waited in vain for all entries: {} hits",
            count(&pool, "SELECT COUNT(*) FROM hit").await
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log = service.log();
    service.stop().await;
    assert!(count(&pool, "SELECT COUNT(*) FROM finding").await > ENTRIES * HOSTS / 2, "findings fire");

    search.assert_none("the log", &log);
    for mail in sink.accepted() {
        search.assert_none("a mail as sent", &String::from_utf8_lossy(&mail.raw));
        search.assert_none("a mail as read", &mail.text());
        search.assert_none("a mail's page", &mail.parsed().body_html(0).unwrap_or_default());
        search.assert_none("a subject", &mail.subject());
    }
    for (column, values) in columns(&pool).await {
        for value in values {
            search.assert_none(&column, &value);
        }
    }
    let exports: [(&str, &[&str]); 8] = [
        ("hits", &["list", "--limit", "5000"]),
        ("hits", &["list", "--limit", "5000", "--json"]),
        ("hits", &["list", "--limit", "5000", "--json", "--restricted", "--purpose", "to test"]),
        ("hits", &["show", "TW-1"]),
        ("hits", &["show", "TW-2", "--json"]),
        ("report", &["--format", "csv"]),
        ("report", &["--format", "json"]),
        ("sources", &["list", "--json"]),
    ];
    for (command, arguments) in exports {
        let output = setup.done(command, arguments);
        assert!(
            output.status.success(),
            "{command} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.stdout.is_empty());
        search.assert_none(command, &String::from_utf8_lossy(&output.stdout));
        search.assert_none(command, &String::from_utf8_lossy(&output.stderr));
    }
    // What is looked for is found where it stands.
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| search.assert_none("the feed", &served[0].1)));
    assert!(caught.is_err(), "the feed itself holds them");
}

#[test]
fn classify_prints_no_identifier() {
    let classifier = classifier();
    let mut seeded = Seeded::new(20_261_124);
    let hostile = Hostile::new(&mut seeded, classifier.masker(), "paper.example");
    let mut lines = String::new();
    for (number, item) in hostile.feed["items"].as_array().unwrap().iter().enumerate() {
        let text = item["content_text"].as_str().unwrap();
        // Every other document as a page, whose text is given back.
        let (text, html) =
            if number % 2 == 0 { (Some(text), None) } else { (None, Some(format!("<p>{text}</p>"))) };
        let line = serde_json::json!({
            "id": format!("d{number}"), "kind": "forum", "url": item["url"], "title": item["title"],
            "author": item["authors"][0]["name"], "text": text, "html": html,
        });
        lines.push_str(&format!("{line}\n"));
    }
    let search = Search::new(hostile.identifiers);
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("documents.jsonl");
    std::fs::write(&documents, &lines).unwrap();
    for more in [&[][..], &["--explain"], &["--explain=json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trustwatch"));
        command.arg("classify").args(more).stdin(std::fs::File::open(&documents).unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success());
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.lines().count() >= ENTRIES, "{more:?}: {}", shown.lines().count());
        search.assert_none("classify", &shown);
        search.assert_none("classify's messages", &String::from_utf8_lossy(&output.stderr));
    }
}
