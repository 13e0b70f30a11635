//! What the program says about itself is what the README shows, and colours stay on terminals.

use std::path::Path;

use crate::program::{fixture, trustwatch};

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- usage -->").expect("README.md has <!-- usage -->");
    let (block, _) = rest.split_once("<!-- /usage -->").expect("README.md has <!-- /usage -->");
    let help = trustwatch(&["--help"]).run().ended(0).out;
    assert_eq!(block.trim(), format!("```text\n{}\n```", help.trim()));
}

#[test]
fn every_command_explains_itself_and_what_it_takes() {
    let help = trustwatch(&["--help"]).run().ended(0).out;
    for command in ["run", "poll", "check", "classify", "extract", "sources", "hits", "report", "db", "demo"]
    {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}");
        let own = trustwatch(&[command, "--help"]).run().ended(0).out;
        let usage = format!("Usage: trustwatch {command}");
        assert!(own.contains(&usage) && own.contains("--help"), "{own}");
    }
}

#[test]
fn wrong_usage_is_told_on_standard_error_with_code_2() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "Usage: trustwatch"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["report", "--by", "fortnight"], "invalid value 'fortnight'"),
        (&["classify", "--organisation", "No Such"], "is no identifier"),
        (&["hits", "show", "seventeen"], "is no hit number: write it as TW-17 or 17"),
    ];
    for (args, message) in cases {
        let ran = trustwatch(args).run().ended(2);
        assert!(ran.err.contains(message), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn without_a_configuration_the_places_looked_at_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", "poll", "run", "report"] {
        let ran = trustwatch(&[command]).within(folder.path()).run();
        // A machine on which the service is installed has one in /etc.
        if !Path::new("/etc/trustwatch/trustwatch.toml").exists() {
            let ran = ran.ended(2);
            assert!(
                ran.err
                    .contains("there is no configuration at trustwatch.toml, config/trustwatch.toml, /etc")
            );
            assert!(ran.err.contains("--config"), "{}", ran.err);
        }
    }
}

#[test]
fn no_escape_codes_where_nobody_reads_them() {
    let folder = fixture("config/bad");
    let runs = |forced: bool| {
        let cases: [&[&str]; 4] = [
            &["--help"],
            &["frobnicate"],
            &["check", "--config", "unknown_keys.toml"],
            &["check", "--config", "../good/least.toml"],
        ];
        cases.map(|args| {
            let program = trustwatch(args).within(&folder);
            let program = if forced {
                program.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")
            } else {
                program.env("TERM", "xterm-256color")
            };
            let ran = program.run();
            (args, ran.out + ran.err.as_str())
        })
    };
    for (args, said) in runs(false) {
        assert!(!said.is_empty() && !said.contains('\u{1b}'), "{args:?} into a pipe: {said:?}");
    }
    for (args, said) in runs(true) {
        assert!(!said.contains('\u{1b}'), "{args:?} with NO_COLOR: {said:?}");
    }
}
