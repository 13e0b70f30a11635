//! The commands on a store: what they answer, and with which exit code when they cannot.

use std::path::Path;

use tempfile::TempDir;

use crate::program::{Program, fixture, trustwatch};

/// A folder with the least of configurations and no store yet.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("config/good/least.toml"), folder.path().join("trustwatch.toml")).unwrap();
    folder
}

/// The same with an empty store.
fn folder_with_store() -> TempDir {
    let folder = folder();
    run(folder.path(), &["db", "migrate"]).run().ended(0);
    folder
}

fn run(folder: &Path, args: &[&str]) -> Program {
    trustwatch(args).within(folder)
}

#[test]
fn without_a_store_reading_commands_say_how_to_get_one() {
    let folder = folder();
    let commands: [&[&str]; 6] = [
        &["hits", "list"],
        &["hits", "show", "999"],
        &["report"],
        &["report", "--format", "json"],
        &["db", "check"],
        &["db", "backup", "copy.db"],
    ];
    for args in commands {
        let ran = run(folder.path(), args).run().ended(3);
        assert!(
            ran.err.contains("there is no such file yet: start `trustwatch run` or `trustwatch poll`"),
            "{}",
            ran.err
        );
        assert_eq!(ran.out, "");
    }
    assert!(!folder.path().join("trustwatch-data").exists(), "looking makes nothing");
    // What is configured can be shown before anything was polled.
    run(folder.path(), &["sources", "list"]).run().ended(0);
}

#[test]
fn a_hit_that_is_not_there_is_wrong_usage() {
    let folder = folder_with_store();
    for number in ["999", "TW-999", "tw-999"] {
        let ran = run(folder.path(), &["hits", "show", number]).run().ended(2);
        assert!(ran.err.contains("there is no hit TW-999: see trustwatch hits list"), "{}", ran.err);
    }
    let ran = run(folder.path(), &["hits", "list"]).run().ended(0);
    assert!(ran.out.ends_with("0 hits\n"), "{}", ran.out);
    assert_eq!(run(folder.path(), &["hits", "list", "--json"]).run().ended(0).out.trim(), "[]");
}

#[test]
fn restricted_findings_are_opened_with_a_purpose_and_that_is_written_down() {
    let folder = folder_with_store();
    let cases: [&[&str]; 2] = [&["hits", "list", "--restricted"], &["hits", "--restricted", "show", "1"]];
    for args in cases {
        let ran = run(folder.path(), args).run().ended(2);
        assert!(ran.err.contains("--purpose <TEXT>"), "{}", ran.err);
    }
    let ran = run(folder.path(), &["hits", "list", "--restricted", "--purpose", "  "]).run().ended(2);
    assert!(ran.err.contains("say why you look"), "{}", ran.err);
    let store = folder.path().join("trustwatch-data/trustwatch.db");
    assert_eq!(audited(&store), Vec::<String>::new(), "a refusal is no reading");
    run(folder.path(), &["hits", "list", "--restricted", "--purpose", "INC-12"]).run().ended(0);
    assert_eq!(audited(&store), ["INC-12"]);
}

/// The purposes in the audit.
fn audited(store: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", store.display())).await.unwrap();
        let purposes =
            sqlx::query_scalar("SELECT purpose FROM audit ORDER BY id").fetch_all(&pool).await.unwrap();
        pool.close().await;
        purposes
    })
}

#[test]
fn a_report_that_ends_before_it_starts_is_refused() {
    let folder = folder_with_store();
    let ran = run(folder.path(), &["report", "--from", "2026-02-01", "--to", "2026-01-31"]).run().ended(2);
    assert!(ran.err.contains("the report ends (2026-01-31) before it starts (2026-02-01)"), "{}", ran.err);
    run(folder.path(), &["report", "--from", "2026-01-31", "--to", "2026-01-31"]).run().ended(0);
    run(folder.path(), &["report", "--from", "31.1.2026"]).run().ended(2);
}

#[test]
fn an_empty_report_is_a_report_in_every_form() {
    let folder = folder_with_store();
    let report = |args: &[&str]| run(folder.path(), &[&["report"], args].concat()).run().ended(0).out;
    assert!(report(&[]).contains("(nothing)"), "a time in which nothing was found is a line too");
    assert!(report(&[]).contains("Closed platforms, private groups and messages are not seen at all."));
    let json: serde_json::Value = serde_json::from_str(&report(&["--format", "json"])).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["hits"] == 0 && row["blind_hours"].is_number()));
    let csv = report(&["--format", "csv"]);
    assert!(csv.starts_with("period,group,hits,stories,previous_hits,"), "{csv}");
    for (by, group) in
        [("day", "severity"), ("week", "source"), ("month", "organisation"), ("week", "status")]
    {
        report(&["--by", by, "--group-by", group]);
    }
}

#[test]
fn a_backup_is_a_whole_store_and_never_written_over_anything() {
    let folder = folder_with_store();
    let copy = folder.path().join("copy.db");
    let ran = run(folder.path(), &["db", "backup", "copy.db"]).run().ended(0);
    assert!(ran.out.contains("It cannot be read without the key file"), "{}", ran.out);
    let before = std::fs::read(&copy).unwrap();
    let ran = run(folder.path(), &["db", "backup", "copy.db"]).run().ended(3);
    assert!(ran.err.contains("copy.db") && ran.err.contains("there is a file already"), "{}", ran.err);
    assert_eq!(std::fs::read(&copy).unwrap(), before);
    run(folder.path(), &["db", "backup", "no/such/folder/copy.db"]).run().ended(3);
    // The copy is a store: with its key it opens and is well.
    let url = format!("sqlite:{}", copy.display());
    let ran = run(folder.path(), &["db", "check"]).env("TRUSTWATCH__STORE__URL", url).run().ended(0);
    assert_eq!(ran.out, "the store is well\n");
}

#[test]
fn a_store_that_is_none_is_told_and_left_alone() {
    let folder = folder_with_store();
    assert_eq!(run(folder.path(), &["db", "check"]).run().ended(0).out, "the store is well\n");
    let store = folder.path().join("trustwatch-data/trustwatch.db");
    for side in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(store.with_extension(format!("db{side}")));
    }
    std::fs::write(&store, "this is a shopping list, not a database ".repeat(200)).unwrap();
    let before = std::fs::read(&store).unwrap();
    for args in [&["db", "check"][..], &["hits", "list"], &["report"], &["db", "migrate"], &["poll"]] {
        let ran = run(folder.path(), args).run().ended(3);
        assert!(ran.err.contains("trustwatch.db"), "it is named: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }
    assert_eq!(std::fs::read(&store).unwrap(), before);
}

#[test]
fn a_lost_key_is_told_with_what_to_restore() {
    let folder = folder_with_store();
    run(folder.path(), &["poll"]).run().ended(0);
    let key = folder.path().join("trustwatch-data/trustwatch.key");
    std::fs::remove_file(&key).unwrap();
    let ran = run(folder.path(), &["hits", "list"]).run().ended(3);
    assert!(ran.err.contains("key") && ran.err.contains("restore"), "{}", ran.err);
    std::fs::write(&key, [9; 31]).unwrap();
    run(folder.path(), &["hits", "list"]).run().ended(3);
}

#[test]
fn sources_are_shown_by_name_and_an_unknown_one_is_wrong_usage() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let state = tempfile::tempdir().unwrap();
    let sources = |args: &[&str]| {
        run(root, &[&["sources"], args].concat()).env("TRUSTWATCH__SERVICE__STATE_DIR", state.path()).run()
    };
    let list: serde_json::Value = serde_json::from_str(&sources(&["list", "--json"]).ended(0).out).unwrap();
    for source in list.as_array().unwrap() {
        let id = source["source"].as_str().unwrap();
        let shown = sources(&["show", id]).ended(0).out;
        for key in ["purpose", "basis", "owner", "review"] {
            assert!(shown.contains(source[key].as_str().unwrap()), "{key}: {shown}");
        }
        assert!(sources(&["list"]).ended(0).out.contains(id));
    }
    let ran = sources(&["show", "nowhere"]).ended(2);
    assert!(ran.err.contains("there is no source \"nowhere\""), "{}", ran.err);
    let ran = run(root, &["poll", "--source", "nowhere"]).run().ended(2);
    assert!(ran.err.contains("there is no source \"nowhere\"; there are: bbc-hampshire"), "{}", ran.err);
}
