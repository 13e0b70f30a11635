//! `trustwatch demo --once`: the whole way through the real program; and that no NHS number of its world is
//! anywhere in clear afterwards: not on the screen, not in a mail, not in a column, not in the file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mail_parser::MessageParser;
use sqlx::{Column, Row, SqlitePool, ValueRef};
use trustwatch::mask::{digit_windows, is_nhs_number};
use trustwatch::model::Folded;

use crate::program::{Ran, trustwatch};

const WORLD: &str = include_str!("../../../src/cli/demo/world/world.toml");

/// The NHS numbers in a text, however they are spaced.
fn numbers(text: &str) -> BTreeSet<[u8; 10]> {
    let folded = Folded::new(text);
    let windows = digit_windows(folded.text());
    windows.into_iter().map(|window| window.digits).filter(is_nhs_number).collect()
}

/// Those of the world that stand in `text`.
#[track_caller]
fn assert_none_in(place: &str, text: &str, secret: &BTreeSet<[u8; 10]>) {
    let seen: Vec<_> = numbers(text).intersection(secret).copied().collect();
    assert!(seen.is_empty(), "{place} shows {seen:?}");
}

fn secrets() -> BTreeSet<[u8; 10]> {
    let secret = numbers(WORLD);
    assert!(secret.len() >= 4, "the world has NHS numbers to hide: {secret:?}");
    secret
}

/// Runs the demo below `folder`; what it showed, and where it kept everything.
fn demo(folder: &Path) -> (Ran, PathBuf) {
    let ran = trustwatch(&["demo", "--once"]).env("TMPDIR", folder).run().ended(0);
    let mut kept = std::fs::read_dir(folder).unwrap();
    let place = kept.next().unwrap().unwrap().path();
    assert!(kept.next().is_none(), "one folder, nothing beside it");
    (ran, place)
}

/// Every cell of every table, as `table.column`, its text or bytes read as text.
async fn cells(store: &Path) -> Vec<(String, String)> {
    let pool = SqlitePool::connect(&format!("sqlite:{}?mode=ro", store.display())).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&pool)
        .await
        .unwrap();
    let mut cells = Vec::new();
    for table in &tables {
        let all = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM \"{table}\"")));
        for row in all.fetch_all(&pool).await.unwrap() {
            for (index, column) in row.columns().iter().enumerate() {
                if row.try_get_raw(index).unwrap().is_null() {
                    continue;
                }
                let bytes: Vec<u8> = match row.try_get_unchecked::<Vec<u8>, _>(index) {
                    Ok(bytes) => bytes,
                    Err(_) => row.try_get_unchecked::<i64, _>(index).map(|n| n.to_string().into()).unwrap(),
                };
                cells.push((
                    format!("{table}.{}", column.name()),
                    String::from_utf8_lossy(&bytes).into_owned(),
                ));
            }
        }
    }
    pool.close().await;
    cells
}

#[test]
fn the_demo_shows_hits_mails_and_a_trend_and_nothing_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let secret = secrets();
    let (ran, place) = demo(folder.path());
    for shown in [
        "hits:",
        "TW-",
        "confidentiality.nhs_number",
        "Subject: [Northmere Valley]",
        "Trend from ",
        "press.coverage",
        "Mails:",
        "Store:",
    ] {
        assert!(ran.out.contains(shown), "{shown} is not in {}", ran.out);
    }
    assert_none_in("the screen", &ran.out, &secret);
    assert_none_in("the log", &ran.err, &secret);
    assert_none_in(
        "the configuration",
        &std::fs::read_to_string(place.join("trustwatch.toml")).unwrap(),
        &secret,
    );

    let mails: Vec<PathBuf> = std::fs::read_dir(place.join("state/maildir/new"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(mails.len() >= 2, "{mails:?}");
    for path in &mails {
        let bytes = std::fs::read(path).unwrap();
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let parts = [mail.body_text(0), mail.body_html(0)].map(|part| part.unwrap().into_owned());
        let subject = mail.subject().unwrap();
        assert!(subject.starts_with("[Northmere Valley]"), "{subject}");
        assert!(parts.iter().all(|part| part.contains("Northmere Valley")), "{parts:?}");
        for text in [subject, &parts[0], &parts[1], &String::from_utf8_lossy(&bytes)] {
            assert_none_in("a mail", text, &secret);
        }
    }

    let store = place.join("state/trustwatch.db");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cells = runtime.block_on(cells(&store));
    let of = |name: &str| cells.iter().filter(|(column, _)| column == name).count();
    assert!(of("hit.id") >= 20 && of("finding.id") >= 5 && of("alert.id") >= 2, "{} cells", cells.len());
    for (column, text) in &cells {
        assert_none_in(column, text, &secret);
    }
    for file in std::fs::read_dir(place.join("state")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            assert_none_in(&file.display().to_string(), &String::from_utf8_lossy(&bytes), &secret);
        }
    }
}

#[test]
fn the_store_of_the_demo_answers_every_other_command() {
    let folder = tempfile::tempdir().unwrap();
    let secret = secrets();
    let (_, place) = demo(folder.path());
    let file = place.join("trustwatch.toml").display().to_string();
    let run = |args: &[&str]| {
        let ran = trustwatch(&[&["--config", &file], args].concat()).run().ended(0);
        assert_none_in(&args.join(" "), &(ran.out.clone() + ran.err.as_str()), &secret);
        ran.out
    };
    assert_eq!(run(&["db", "check"]), "the store is well\n");
    let hits: serde_json::Value =
        serde_json::from_str(&run(&["hits", "list", "--json", "--limit", "200"])).unwrap();
    let hits = hits.as_array().unwrap();
    assert!(hits.len() >= 20);
    let exposes = |hit: &&serde_json::Value| hit["categories"].to_string().contains("nhs_number");
    let critical = hits.iter().filter(|hit| hit["severity"] == "critical").find(exposes).unwrap();
    let number = critical["id"].to_string();
    let shown = run(&["hits", "show", &number]);
    for part in ["confidentiality.nhs_number", "why ", "clause  EPUT 3.3", "*** *** **", "decided "] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    run(&["hits", "--restricted", "--purpose", "a look at the demo", "show", &number]);
    let report = run(&["report", "--by", "month", "--group-by", "severity", "--format", "csv"]);
    assert!(report.lines().any(|line| line.contains(",critical,")), "{report}");
    let sources: serde_json::Value = serde_json::from_str(&run(&["sources", "list", "--json"])).unwrap();
    assert!(sources.as_array().unwrap().iter().all(|source| source["last_polled"] != "never"), "{sources}");
}

#[test]
fn a_dry_run_finds_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let feed = r#"<rss version="2.0"><channel><title>Paper</title><item><guid>1</guid><link>http://paper.example/1</link>
        <title>Ward reopens</title><description>Northmere General Hospital reopened a ward; the NHS number 523 476 5911
        lay on a sheet.</description></item></channel></rss>"#;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || serve(&listener, feed));
    let least = std::fs::read_to_string(crate::program::fixture("config/good/least.toml")).unwrap();
    let mapped =
        format!("[fetch]\nloopback = [\"{address}\"]\n[fetch.hosts]\n\"paper.example\" = \"{address}\"\n");
    let source = "[[source]]\nid = \"paper\"\nurl = \"http://paper.example/feed\"\n";
    std::fs::write(folder.path().join("trustwatch.toml"), format!("{mapped}{least}{source}")).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let poll = |args: &[&str]| {
        trustwatch(&[&["poll"], args].concat())
            .within(folder.path())
            .env("TMPDIR", scratch.path())
            .run()
            .ended(0)
            .out
    };
    for args in [&["--dry-run"][..], &["--dry-run", "--all"], &["--dry-run", "--source", "paper"]] {
        let said = poll(args);
        assert!(said.contains("would store: northmere"), "{said}");
        assert!(said.contains("1 hit found; nothing was kept and nobody was told"), "{said}");
        assert!(!folder.path().join("trustwatch-data").exists(), "nothing in the state directory");
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "and nothing left elsewhere");
    }
    let said = poll(&[]);
    assert!(said.contains("paper: read 1 entry,"), "{said}");
    assert!(folder.path().join("trustwatch-data/trustwatch.db").exists(), "a real one keeps");
    let objects = poll(&["--all", "--json"]);
    let object: serde_json::Value = serde_json::from_str(objects.trim()).unwrap();
    assert_eq!(object["source"], "paper");
    drop(
        std::net::TcpStream::connect(address)
            .map(|stop| std::io::Write::write_all(&mut &stop, b"STOP\r\n\r\n")),
    );
    served.join().unwrap();
}

/// Answers `/feed` with the feed and anything else with 404, one request a connection, until told to stop.
fn serve(listener: &std::net::TcpListener, feed: &str) {
    use std::io::{BufRead, BufReader, Write};
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let head: Vec<String> = BufReader::new(&stream)
            .lines()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        let request = head.first().map_or("", String::as_str);
        if request.starts_with("STOP") {
            return;
        }
        let (status, body) =
            if request.starts_with("GET /feed ") { ("200 OK", feed) } else { ("404 Not Found", "") };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
    }
}
