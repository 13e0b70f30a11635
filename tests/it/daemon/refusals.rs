//! What the service cannot work with it says in one clear line, with the exit code that scripts rely on.

use std::path::Path;
use std::process::Output;

use sqlx::Connection;

use super::feeds::Feeds;
use super::process::{Setup, free_port, until};
use crate::smtp::sink::Sink;

async fn setup() -> Setup {
    let feeds = Feeds::start().await;
    let setup = Setup::new(&feeds, free_port()).log("error");
    setup.source("paper", "paper.example", "every = \"1h\"")
}

/// A store that has been in use.
fn used(setup: &Setup) {
    // A run needs no mail server to make its store and key.
    assert_eq!(setup.done("poll", &["--all"]).status.code(), Some(1), "the feed is gone: reported");
}

/// Expects exit code 3 and a single line that names every word.
fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("trustwatch: "), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    assert_eq!(output.stdout, b"");
}

fn database(setup: &Setup) -> String {
    setup.state_dir().join("trustwatch.db").display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_no_database_is_refused() {
    let setup = setup().await;
    std::fs::create_dir(setup.state_dir()).unwrap();
    std::fs::write(database(&setup), "this is no database, however long it may be ".repeat(100)).unwrap();
    assert_refused(&setup.done("run", &[]), &["trustwatch.db", "not a database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_a_folder_is_refused() {
    let setup = setup().await;
    std::fs::create_dir_all(database(&setup)).unwrap();
    assert_refused(&setup.done("run", &[]), &["trustwatch.db", "cannot be opened"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_reached_is_refused_without_its_password() {
    let setup = setup().await.store(&format!("postgres://watch:hunter2@127.0.0.1:{}/none", free_port()));
    let output = setup.done("run", &[]);
    assert_refused(&output, &["postgres://watch@127.0.0.1", "cannot be opened"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_cannot_be_made_is_refused() {
    let setup = setup().await;
    std::fs::write(setup.state_dir(), "a file").unwrap();
    assert_refused(&setup.done("run", &[]), &["state"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused_and_says_what_to_restore() {
    let setup = setup().await;
    used(&setup);
    std::fs::write(setup.state_dir().join("trustwatch.key"), [7; 32]).unwrap();
    assert_refused(&setup.done("run", &[]), &["key file", "restore"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_refused_and_not_made_anew() {
    let setup = setup().await;
    used(&setup);
    let key = setup.state_dir().join("trustwatch.key");
    std::fs::remove_file(&key).unwrap();
    assert_refused(&setup.done("run", &[]), &["trustwatch.key", "missing", "restore"]);
    assert!(!key.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_key_is_refused() {
    let setup = setup().await;
    used(&setup);
    std::fs::write(setup.state_dir().join("trustwatch.key"), "short").unwrap();
    assert_refused(&setup.done("run", &[]), &["trustwatch.key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let setup = setup().await;
    used(&setup);
    let url = setup.store_options(None).url;
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (99999999999999, 'from the future', TRUE, X'00', 0)";
    sqlx::query(newer).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    assert_refused(&setup.done("run", &[]), &["newer version", "99999999999999"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let setup = setup().await.web(port);
    assert_refused(&setup.done("run", &[]), &["web.listen", &port.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildir_that_cannot_be_made_is_refused() {
    let setup = setup().await;
    let file = setup.folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let setup = setup.maildir(&Path::new(&file).join("maildir"));
    assert_refused(&setup.done("run", &[]), &["maildir", "cannot be made"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_file_that_is_missing_is_named() {
    let feeds = Feeds::start().await;
    let setup = Setup::new(&feeds, free_port()).log("error");
    let output = setup.source("paper", "paper.example", "every = \"1h\"");
    let output = output.done_with(
        "run",
        &[
            ("TRUSTWATCH__MAIL__SMTP__CA_FILE", "/nowhere/ca.pem"),
            ("TRUSTWATCH__MAIL__SMTP__SECURITY", "starttls"),
        ],
    );
    assert_refused(&output, &["/nowhere/ca.pem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_exit_code_two_with_every_problem() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    let setup = Setup::new(&feeds, sink.port)
        .digest("61 25 * * *")
        .source("paper", "paper.example", "every = \"1 fortnight\"")
        .source("forum", "forum.example", "evry = \"1h\"");
    let output = setup.done("run", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for word in ["alert.digest", "source[0].every", "evry", "trustwatch.toml"] {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    assert!(!setup.state_dir().exists(), "nothing was begun");
    assert_eq!(feeds.asked("paper.example"), 0);
    let nowhere = setup.folder.path().join("nowhere.toml");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_trustwatch"))
        .args(["run", "--config"])
        .arg(&nowhere)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.toml"));
}

/// Two services on one SQLite file are a mistake that must cost nothing: they share the work.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_on_the_same_file_doubles_nothing() {
    let (feeds, sink) = (Feeds::start().await, Sink::start().await);
    let setup = Setup::new(&feeds, sink.port).source("paper", "paper.example", "every = \"1s\"");
    let now = super::process::now;
    feeds.add("paper.example", crate::kill::items::Item::critical(1, "paper.example", now()));
    let first = setup.run();
    until("the first mail", || sink.accepted().len() == 1).await;
    let second = setup.run();
    feeds.add("paper.example", crate::kill::items::Item::critical(2, "paper.example", now()));
    let asked = feeds.asked("paper.example");
    until("the second mail", || sink.accepted().len() == 2).await;
    until("more polls", || feeds.asked("paper.example") >= asked + 4).await;
    first.stop().await;
    second.stop().await;
    assert_eq!(sink.received().len(), 2);
}
