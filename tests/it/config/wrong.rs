//! Wrong configurations through the real program. Each file of `fixtures/config/bad` is named for its
//! case and holds several mistakes; what is said of it stands beside it as a snapshot. A folder is a case
//! of several files; a line `# environment: NAME=value` is set for the run.

use std::path::{Path, PathBuf};

use crate::program::{Ran, fixture, trustwatch};

/// A case by its name, the folder to stand in, and its file there.
fn cases() -> Vec<(String, PathBuf, String)> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(fixture("config/bad")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            cases.push((name, path, "trustwatch.toml".to_owned()));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            cases.push((name, path.parent().unwrap().to_owned(), file));
        }
    }
    cases.sort();
    cases
}

fn check(folder: &Path, file: &str) -> Ran {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut program = trustwatch(&["check", "--config", file]).within(folder);
    for line in text.lines().filter_map(|line| line.strip_prefix("# environment: ")) {
        let (name, value) = line.split_once('=').unwrap();
        program = program.env(name, value);
    }
    program.run()
}

#[test]
fn each_wrong_configuration_tells_all_its_mistakes_at_once() {
    let cases = cases();
    assert!(cases.len() >= 10, "{cases:?}");
    insta::with_settings!({
        snapshot_path => fixture("config/bad"), prepend_module_to_snapshot => false, omit_expression => true,
    }, {
        for (name, folder, file) in cases {
            let ran = check(&folder, &file).ended(2);
            assert_eq!(ran.out, "", "{name}: a wrong configuration has no plan");
            insta::assert_snapshot!(name, ran.err);
        }
    });
}

#[test]
fn each_mistake_has_its_file_its_line_and_its_key() {
    // In `places_not_there` a folder is what is wrong, in `empty` what is not there has no line.
    const WITHOUT_LINE: [&str; 3] = ["empty.toml: ", "no_profiles: ", "environment variable "];
    let located = regex::Regex::new(r"^(sources\.d/|profiles/)?\w+\.toml:\d+: [a-z_\[\]0-9.-]+: \S").unwrap();
    for (name, folder, file) in cases() {
        let ran = check(&folder, &file);
        let lines: Vec<&str> = ran.err.lines().collect();
        let [first, problems @ .., last] = &lines[..] else { panic!("{name}: {}", ran.err) };
        assert_eq!(*first, format!("trustwatch: the configuration in {file} cannot be used"));
        let number: usize = last.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(number, problems.len(), "{name}: one line a problem");
        for problem in problems {
            let free = WITHOUT_LINE.iter().any(|start| problem.starts_with(start))
                || problem.contains("this is not TOML");
            assert!(free || located.is_match(problem), "{name}: {problem}");
        }
        assert!(number >= 2 || name == "not_toml", "{name} holds several mistakes");
    }
}

#[test]
fn no_secret_is_ever_shown() {
    for (name, folder, file) in cases() {
        let said = check(&folder, &file).err;
        for secret in ["correct horse", "943476", "trustwatch:secret", "user:secret"] {
            assert!(!said.contains(secret), "{name}: {said}");
        }
    }
}

#[test]
fn a_missing_configuration_says_where_to_begin() {
    let ran = trustwatch(&["check", "--config", "no_such.toml"]).within(&fixture("config")).run().ended(2);
    assert!(ran.err.contains("no_such.toml: cannot be read: No such file"), "{}", ran.err);
    assert!(ran.err.contains("copy config/trustwatch.toml"), "{}", ran.err);
}

#[test]
fn a_place_for_sources_that_cannot_be_read_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("config/good/least.toml"), folder.path().join("trustwatch.toml")).unwrap();
    trustwatch(&["check"]).within(folder.path()).run().ended(0);
    std::fs::write(folder.path().join("sources.d"), "a file where a folder belongs").unwrap();
    let ran = trustwatch(&["check"]).within(folder.path()).run().ended(2);
    assert!(ran.err.contains("sources.d: cannot be read: Not a directory"), "{}", ran.err);
}
