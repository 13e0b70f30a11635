//! The environment over the file, and secrets that stand in files of their own. Through the real program.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Program, fixture, trustwatch};

/// A folder with the least of configurations, which keeps everything in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("config/good/least.toml"), folder.path().join("trustwatch.toml")).unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> Program {
    trustwatch(args).within(folder).env("TRUSTWATCH__SERVICE__STATE_DIR", folder.join("kept"))
}

#[test]
fn a_key_in_the_environment_wins_over_the_file() {
    let folder = folder();
    run(folder.path(), &["db", "migrate"]).run().ended(0);
    assert!(folder.path().join("kept/trustwatch.db").exists(), "the state directory is the environment's");
    assert!(!folder.path().join("trustwatch-data").exists());
    let text = std::fs::read_to_string(folder.path().join("trustwatch.toml")).unwrap();
    std::fs::write(
        folder.path().join("trustwatch.toml"),
        format!("[store]\nurl = \"sqlite:of_the_file.db\"\n{text}"),
    )
    .unwrap();
    run(folder.path(), &["db", "migrate"]).env("TRUSTWATCH__STORE__URL", "sqlite:other.db").run().ended(0);
    assert!(folder.path().join("kept/other.db").exists());
    assert!(!folder.path().join("kept/of_the_file.db").exists());
}

#[test]
fn lists_truths_and_sections_can_be_set_by_the_environment() {
    let folder = folder();
    let notes = |program: Program| -> String {
        let ran = program.run().ended(0);
        serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()["notes"].to_string()
    };
    let check = || run(folder.path(), &["check", "--json"]);
    assert!(notes(check()).contains("alert.recipients.crisis is empty"));
    let crisis = check().env("TRUSTWATCH__ALERT__RECIPIENTS__CRISIS", "[\"crisis@example.nhs.uk\"]");
    assert!(!notes(crisis).contains("alert.recipients.crisis is empty"));
    assert!(!notes(check()).contains("service.shadow"));
    assert!(notes(check().env("TRUSTWATCH__SERVICE__SHADOW", "true")).contains("service.shadow is on"));
}

#[test]
fn the_configuration_itself_can_be_named_by_the_environment() {
    let folder = folder();
    let named = folder.path().join("trustwatch.toml");
    let ran = trustwatch(&["check"]).within(Path::new("/")).env("TRUSTWATCH_CONFIG", &named).run().ended(0);
    assert!(ran.out.contains(&format!("{}: fine.", named.display())), "{}", ran.out);
}

#[test]
fn a_password_of_digits_is_text_all_the_same() {
    let folder = folder();
    let smtp = |program: Program| {
        program
            .env("TRUSTWATCH__MAIL__TRANSPORT", "smtp")
            .env("TRUSTWATCH__MAIL__SMTP__HOST", "relay.example.nhs.uk")
            .env("TRUSTWATCH__MAIL__SMTP__USERNAME", "1234")
            .env("TRUSTWATCH__MAIL__SMTP__PASSWORD", "943476")
    };
    smtp(run(folder.path(), &["check"])).run().ended(0);
    let both = smtp(run(folder.path(), &["check"])).env("TRUSTWATCH__MAIL__SMTP__PASSWORD_FILE", "x");
    let ran = both.run().ended(2);
    assert!(ran.err.contains("set either password or password_file, not both"), "{}", ran.err);
    assert!(
        ran.err.contains("TRUSTWATCH__MAIL__SMTP__PASSWORD "),
        "and says by what it was set: {}",
        ran.err
    );
    assert!(!ran.err.contains("943476"), "{}", ran.err);
}

#[test]
fn a_variable_of_another_program_may_hold_any_bytes() {
    let folder = folder();
    run(folder.path(), &["check"]).env("LESS_TERMCAP", OsStr::from_bytes(b"\xff\xfe")).run().ended(0);
}

#[test]
fn the_store_may_be_named_in_a_file_of_its_own() {
    let folder = folder();
    let file = folder.path().join("url");
    std::fs::write(&file, "sqlite:secret_place.db\n").unwrap();
    let with = || run(folder.path(), &["db", "migrate"]).env("TRUSTWATCH__STORE__URL_FILE", &file);
    with().run().ended(0);
    assert!(folder.path().join("kept/secret_place.db").exists());
    assert!(!folder.path().join("kept/trustwatch.db").exists());
    let ran = with().env("TRUSTWATCH__STORE__URL", "sqlite:both.db").run().ended(2);
    assert!(ran.err.contains("set either url or url_file, not both"), "{}", ran.err);
    std::fs::write(&file, "mysql://trustwatch:secret@db.example/x").unwrap();
    let ran = with().run().ended(2);
    assert!(ran.err.contains("must start with sqlite: or postgres://"), "{}", ran.err);
    assert!(!ran.err.contains("secret@"), "{}", ran.err);
}

#[test]
fn a_password_file_is_read_when_mail_is_to_leave() {
    let folder = folder();
    let poll = |password_file: &Path| {
        run(folder.path(), &["poll"])
            .env("TRUSTWATCH__MAIL__TRANSPORT", "smtp")
            .env("TRUSTWATCH__MAIL__SMTP__HOST", "relay.example.nhs.uk")
            .env("TRUSTWATCH__MAIL__SMTP__USERNAME", "trustwatch")
            .env("TRUSTWATCH__MAIL__SMTP__PASSWORD_FILE", password_file)
            .run()
    };
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse\n").unwrap();
    poll(&file).ended(0);
    let missing = folder.path().join("no_such_password");
    let ran = poll(&missing);
    assert_ne!(ran.code, 0);
    assert!(
        ran.err.contains(&format!("the password file {} cannot be read", missing.display())),
        "{}",
        ran.err
    );
}
