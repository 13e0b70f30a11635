//! What the program is made of: licences that let an NHS body build and pass it on, one way to do
//! cryptography, one SQLite, no features that we do without on purpose; and what lies at the top of the
//! repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Licences of dependencies that may be passed on with the program: no more than occur.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MPL-2.0",
    "MPL-2.0+",
    "Unicode-3.0",
    "Zlib",
];

/// What may lie at the top of the repository, beside names that begin with a dot.
const TOP: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "config", "deploy", "migrations", "src", "tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn printed(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).current_dir(root()).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The packages for this machine: those of other systems need not have been downloaded.
fn metadata() -> Value {
    let about = printed("rustc", &["-vV"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let args = ["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host];
    serde_json::from_str(&printed(env!("CARGO"), &args)).unwrap()
}

/// Names and versions of every package on any system.
fn locked() -> Vec<(String, String)> {
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let text = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
    let packages = lock["package"].as_array().unwrap();
    packages.iter().map(|package| (text(package, "name"), text(package, "version"))).collect()
}

/// Whether a licence expression leaves a choice within `allowed`; notes what was chosen.
fn is_allowed(expression: &str, chosen: &mut BTreeSet<&'static str>) -> bool {
    // The old way to write OR.
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut place = 0;
    let holds = any_of(&words, &mut place, chosen);
    assert_eq!(place, words.len(), "a licence expression is read to its end: {expression}");
    holds
}

fn any_of(words: &[&str], place: &mut usize, chosen: &mut BTreeSet<&'static str>) -> bool {
    let mut holds = all_of(words, place, chosen);
    while words.get(*place) == Some(&"OR") {
        *place += 1;
        holds |= all_of(words, place, chosen);
    }
    holds
}

fn all_of(words: &[&str], place: &mut usize, chosen: &mut BTreeSet<&'static str>) -> bool {
    let mut holds = licence(words, place, chosen);
    while words.get(*place) == Some(&"AND") {
        *place += 1;
        holds &= licence(words, place, chosen);
    }
    holds
}

fn licence(words: &[&str], place: &mut usize, chosen: &mut BTreeSet<&'static str>) -> bool {
    let word = words[*place];
    *place += 1;
    if word == "(" {
        let holds = any_of(words, place, chosen);
        *place += 1;
        return holds;
    }
    let name = if words.get(*place) == Some(&"WITH") {
        *place += 2;
        words[*place - 3..*place].join(" ")
    } else {
        word.to_owned()
    };
    let found = LICENCES.iter().find(|allowed| **allowed == name);
    chosen.extend(found);
    found.is_some()
}

#[test]
fn every_dependency_may_be_passed_on() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{}", packages.len());
    let mut chosen = BTreeSet::new();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or("none"), &mut chosen))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert_eq!(chosen, LICENCES.into(), "the list holds what occurs and no more");
}

#[test]
fn a_licence_that_binds_is_refused_unless_there_is_a_choice() {
    let allowed = |expression: &str| is_allowed(expression, &mut BTreeSet::new());
    for good in
        ["MIT OR GPL-3.0-only", "(MIT OR GPL-2.0) AND Unicode-3.0", "MIT/GPL-2.0", "GPL-3.0 OR (ISC AND MIT)"]
    {
        assert!(allowed(good), "{good}");
    }
    for bad in [
        "GPL-3.0-only",
        "MIT AND LGPL-2.1",
        "AGPL-3.0 OR SSPL-1.0",
        "Apache-2.0 WITH Other-exception",
        "none",
    ] {
        assert!(!allowed(bad), "{bad}");
    }
}

#[test]
fn one_way_to_do_cryptography_and_one_sqlite() {
    let locked = locked();
    for refused in [
        "aws-lc-rs",
        "aws-lc-sys",
        "aws-lc-fips-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
        "boring",
        "mbedtls",
        // RUSTSEC-2023-0071, for which there is no cure.
        "rsa",
        "rusqlite",
    ] {
        assert!(locked.iter().all(|(name, _)| name != refused), "{refused} is in Cargo.lock");
    }
    for single in ["ring", "rustls", "libsqlite3-sys"] {
        let found: Vec<_> = locked.iter().filter(|(name, _)| name == single).collect();
        assert_eq!(found.len(), 1, "{single}: {found:?}");
    }
}

#[test]
fn features_that_we_do_without_are_off() {
    let metadata = metadata();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let mut features: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let name = names[node["id"].as_str().unwrap()];
        let on = node["features"].as_array().unwrap().iter().map(|feature| feature.as_str().unwrap());
        features.entry(name).or_default().extend(on);
    }
    // Bodies are unpacked by our own hands, with a limit; feeds are judged as they came; mails are signed
    // by the relay.
    let off: [(&str, &[&str]); 5] = [
        ("reqwest", &["gzip", "brotli", "zstd", "deflate", "cookies", "default-tls", "system-proxy"]),
        ("lettre", &["dkim", "native-tls", "file-transport", "sendmail-transport"]),
        ("feed-rs", &["sanitize"]),
        ("sqlx", &["mysql", "any"]),
        ("rustls", &["aws_lc_rs", "aws-lc-rs", "fips"]),
    ];
    for (name, refused) in off {
        let on = &features[name];
        let wrong: Vec<_> = refused.iter().filter(|feature| on.contains(**feature)).collect();
        assert!(wrong.is_empty(), "{name} has {wrong:?} on");
    }
    for (name, on) in features.iter().filter(|(name, _)| name.starts_with("hickory")) {
        assert!(!on.iter().any(|feature| feature.contains("dnssec")), "{name}: {on:?}");
    }
}

#[test]
fn the_top_of_the_repository_is_tidy() {
    let files = printed("git", &["ls-files"]);
    let top: BTreeSet<&str> = files.lines().map(|file| file.split('/').next().unwrap()).collect();
    let odd: Vec<_> = top.iter().filter(|name| !name.starts_with('.') && !TOP.contains(name)).collect();
    assert!(odd.is_empty(), "{odd:?} belongs into one of {TOP:?}");
    let missing: Vec<_> = TOP.iter().filter(|name| !top.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
