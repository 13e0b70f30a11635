//! Holds the import table of the design: which module may use which. Reads the source as text, so
//! that `use crate::…` (nested trees too) and inline `crate::…` paths both count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The leaves, each allowed to use those listed before it.
const LEAVES: [&str; 8] = ["model", "clock", "schedule", "mask", "secret", "problem", "telemetry", "markup"];

/// What each other module may use beside the leaves.
const STAGES: [(&str, &[&str]); 11] = [
    ("source", &[]),
    ("extract", &[]),
    ("matching", &[]),
    ("classify", &["matching"]),
    ("fetch", &[]),
    ("store", &[]),
    ("mail", &[]),
    ("evidence", &[]),
    ("pipeline", &["fetch", "source", "extract", "matching", "classify", "evidence", "store"]),
    ("alert", &["store", "mail", "fetch"]),
    ("report", &["store", "matching"]),
];

/// `web` may use these.
const WEB: &[&str] = &["store", "report", "evidence", "alert", "matching", "classify", "fetch"];

/// `config` may use the `Options` of every stage.
const CONFIG: &[&str] = &[
    "source", "extract", "matching", "classify", "fetch", "store", "mail", "evidence", "pipeline", "alert",
    "report", "web",
];

/// Crates that hide one outside world each: only the module named may use them.
const ONLY_IN: [(&str, &[&str]); 6] = [
    ("reqwest", &["fetch"]),
    ("governor", &["fetch"]),
    ("sqlx", &["store"]),
    ("lettre", &["mail"]),
    ("feed_rs", &["source"]),
    ("axum", &["web", "cli"]),
];

/// Modules without I/O: no runtime, no sockets, no database.
const PURE: [&str; 6] = ["source", "extract", "matching", "classify", "model", "markup"];

fn source_files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    found
}

fn top_module(path: &Path) -> String {
    let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The first path segments that follow each `crate::` in `text`, comments and strings aside.
fn crate_imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    for (position, _) in code.match_indices("crate::") {
        let before = code[..position].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[position + "crate::".len()..];
        if let Some(tree) = rest.strip_prefix('{') {
            found.extend(first_segments(tree));
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

/// The first segment of each branch of a `use` tree, given what follows its opening brace.
fn first_segments(tree: &str) -> Vec<String> {
    let mut depth = 1;
    let mut segments = vec![String::new()];
    let mut reading = true;
    for character in tree.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                segments.push(String::new());
                reading = true;
                continue;
            }
            ':' if depth == 1 => reading = false,
            c if depth == 1 && reading && (c.is_alphanumeric() || c == '_') => {
                segments.last_mut().unwrap().push(c);
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

fn allowed(module: &str) -> Option<BTreeSet<&'static str>> {
    if let Some(place) = LEAVES.iter().position(|leaf| *leaf == module) {
        return Some(LEAVES[..place].iter().copied().collect());
    }
    let extra: &[&str] = match module {
        "web" => WEB,
        "config" => CONFIG,
        // Composition root, command line and crate roots see everything (the daemon all but cli).
        "cli" | "main" | "lib" => return None,
        "daemon" => &[
            "config", "source", "extract", "matching", "classify", "fetch", "store", "mail", "evidence",
            "pipeline", "alert", "report", "web",
        ],
        other => {
            STAGES
                .iter()
                .find(|(name, _)| *name == other)
                .unwrap_or_else(|| panic!("unknown module {other}"))
                .1
        }
    };
    Some(LEAVES.iter().copied().chain(extra.iter().copied()).collect())
}

#[test]
fn imports_follow_the_table() {
    let mut wrong = Vec::new();
    for path in source_files() {
        let module = top_module(&path);
        let Some(allowed) = allowed(&module) else { continue };
        for import in crate_imports(&std::fs::read_to_string(&path).unwrap()) {
            if import != module && !allowed.contains(import.as_str()) {
                wrong.push(format!("{}: {module} may not use {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_worlds_have_one_door_each() {
    let mut wrong = Vec::new();
    for path in source_files() {
        let module = top_module(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let mut doors: BTreeMap<&str, &[&str]> = ONLY_IN.into_iter().collect();
        if PURE.contains(&module.as_str()) {
            doors.insert("tokio", &[]);
        }
        for (name, owners) in doors {
            let used = code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            if used && !owners.contains(&module.as_str()) {
                wrong.push(format!("{}: only {owners:?} may use {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_trees_and_inline_paths() {
    let text = "use crate::{store::{Db, Tx}, model::Hit,\n mask};\nlet x = crate::fetch::Fetcher::new();\n// crate::web::no\n";
    let expected = ["store", "model", "mask", "fetch"].map(str::to_owned);
    assert_eq!(crate_imports(text), expected.into_iter().collect());
}
