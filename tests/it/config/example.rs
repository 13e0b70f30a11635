//! `config/trustwatch.toml` is true: it runs as it is, every key of every section stands in it, every
//! default that it shows is the default in code, and nothing in it is unknown.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use trustwatch::config::{Config, EXAMPLE, SHIPPED_PROFILES, Service, load, shipped_profiles};
use trustwatch::{alert, extract, fetch, mail, source, store, web};

use crate::program::{fixture, trustwatch};

/// Commented lines that show how a value looks, since there is no default.
const WITHOUT_DEFAULT: [&str; 20] = [
    "store.url_file",
    "fetch.ca_file",
    "fetch.proxy",
    "overlay.presets_dir",
    "source.id",
    "source.kind",
    "source.url",
    "source.document_kind",
    "source.secret_file",
    "source.preset",
    "source.maildir",
    "source.links",
    "source.links_file",
    "fetch.loopback",
    "mail.smtp.host",
    "mail.smtp.password",
    "mail.smtp.password_file",
    "mail.smtp.ca_file",
    "overlay.profiles_dir",
    "overlay.rules_dir",
];

/// Sections that are lists, or are not kept as options.
const LISTS: [&str; 10] = [
    "organisation",
    "source",
    "source.person",
    "source.page",
    "source.sitemap",
    "source.api",
    "source.own",
    "source.lookalike",
    "source.robots_override",
    "overlay",
];

/// A key that the example names: its section, its name, whether it is commented out, and its line.
#[derive(Debug, Clone)]
struct Key {
    section: String,
    name: String,
    commented: bool,
    line: usize,
}

impl Key {
    fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

/// What a commented line says once it is no comment: a key or a section, or nothing.
fn uncommented(line: &str) -> Option<&str> {
    let shape = regex::Regex::new(r#"^# (\[\[?[a-z_.]+\]\]?|[a-z_0-9]+ = |"[a-z.]+" = )"#).unwrap();
    shape.is_match(line).then(|| &line[2..])
}

fn keys() -> Vec<Key> {
    let key = regex::Regex::new(r"^([a-z_0-9]+) = ").unwrap();
    let mut section = String::new();
    let mut keys = Vec::new();
    for (line, text) in EXAMPLE.lines().enumerate() {
        let commented = uncommented(text).is_some();
        let text = uncommented(text).unwrap_or(text);
        if text.starts_with('[') {
            let header = text.trim_start_matches('[').split(']').next().unwrap();
            header.clone_into(&mut section);
        } else if let Some(found) = key.captures(text) {
            keys.push(Key { section: section.clone(), name: found[1].to_owned(), commented, line });
        }
    }
    keys
}

/// Loads `text` as a file in a folder where the places that the example names exist.
fn loaded(folder: &Path, text: &str) -> Config {
    let file = folder.join("trustwatch.toml");
    std::fs::write(&file, text).unwrap();
    load(&file).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Everything that the sections say.
fn sections(config: &Config) -> String {
    let Config { service, store, retention, fetch, source, extract, mail, alert, web, planned, .. } = config;
    format!(
        "{service:?}{store:?}{retention:?}{fetch:?}{source:?}{extract:?}{mail:?}{alert:?}{web:?}{planned:?}"
    )
}

/// The key paths of a section's options, read off how they print: a derived `Debug` leaves nothing out.
fn paths_of(section: &str, options: &impl Debug) -> Vec<String> {
    let field = regex::Regex::new(r"^( +)([a-z_0-9]+): (.*)$").unwrap();
    let mut open: Vec<String> = vec![section.to_owned()];
    let mut paths = Vec::new();
    for line in format!("{options:#?}").lines() {
        let Some(found) = field.captures(line) else { continue };
        open.truncate(found[1].len() / 4);
        let path = format!("{}.{}", open.join("."), &found[2]);
        open.push(found[2].to_owned());
        // A section within a section is no key itself.
        let is_section = found[3].ends_with(" {") && found[3].starts_with(|c: char| c.is_ascii_uppercase());
        if !is_section && &found[3] != "{}," {
            paths.push(path);
        }
    }
    paths
}

#[test]
fn the_example_runs_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran =
        trustwatch(&["check", "--json", "--config", "config/trustwatch.toml"]).within(root).run().ended(0);
    let checked: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let sources = checked["sources"].as_array().unwrap();
    assert!(!sources.is_empty());
    for source in sources {
        let runs: Vec<&str> =
            source["next_runs"].as_array().unwrap().iter().map(|run| run.as_str().unwrap()).collect();
        assert_eq!(runs.len(), 3, "{source}");
        assert!(runs.is_sorted() && runs[0] < runs[2], "one after the other: {source}");
    }
    let table = trustwatch(&["check"]).within(root).run().ended(0).out;
    let times = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d").unwrap();
    assert_eq!(times.find_iter(&table).count(), sources.len() * 3, "{table}");
    for source in sources {
        assert!(table.contains(source["source"].as_str().unwrap()), "{table}");
    }
}

#[test]
fn every_default_that_the_example_shows_is_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let plain = sections(&loaded(folder.path(), EXAMPLE));
    let known: Vec<String> = keys().iter().map(Key::path).collect();
    assert!(
        WITHOUT_DEFAULT.iter().all(|path| known.iter().any(|key| key == path)),
        "none is stale: {known:?}"
    );
    let mut tried = 0;
    for key in keys().into_iter().filter(|key| {
        // What belongs to a source has no meaning without its source.
        key.commented && !key.section.starts_with("source.") && !WITHOUT_DEFAULT.contains(&&*key.path())
    }) {
        let text: Vec<&str> = EXAMPLE
            .lines()
            .enumerate()
            .map(|(line, text)| if line == key.line { uncommented(text).unwrap() } else { text })
            .collect();
        assert_eq!(sections(&loaded(folder.path(), &text.join("\n"))), plain, "{}", key.path());
        tried += 1;
    }
    assert!(tried >= 30, "only {tried} defaults were found in the example");
}

#[test]
fn a_default_shown_wrongly_would_be_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let plain = sections(&loaded(folder.path(), EXAMPLE));
    let wrong = EXAMPLE.replace("# lease_s = 180", "lease_s = 181");
    assert_ne!(sections(&loaded(folder.path(), &wrong)), plain);
}

#[test]
fn every_key_of_every_section_stands_in_the_example() {
    let of_code: BTreeSet<String> = [
        paths_of("service", &Service::default()),
        paths_of("store", &store::Options::default()),
        paths_of("retention", &store::Retention::default()),
        paths_of("fetch", &fetch::Options::default()),
        paths_of("feed", &source::Options::default()),
        paths_of("extract", &extract::Options::default()),
        paths_of("mail", &mail::Options::default()),
        paths_of("alert", &alert::Options::default()),
        paths_of("web", &web::Options::default()),
    ]
    .concat()
    .into_iter()
    .collect();
    let of_file: BTreeSet<String> =
        keys().into_iter().filter(|key| !LISTS.contains(&&*key.section)).map(|key| key.path()).collect();
    assert!(of_code.contains("mail.smtp.password_file") && of_code.contains("alert.recipients.crisis"));
    assert_eq!(of_code, of_file);
}

#[test]
fn every_key_that_the_example_names_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for place in ["profiles", "rules"] {
        std::fs::create_dir(folder.path().join(place)).unwrap();
        for entry in std::fs::read_dir(root.join("config").join(place)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(place).join(entry.file_name())).unwrap();
        }
    }
    let url_file = folder.path().join("url");
    std::fs::write(&url_file, "sqlite:elsewhere.db").unwrap();
    std::fs::create_dir(folder.path().join("presets")).unwrap();
    std::fs::copy(root.join("config/presets.toml"), folder.path().join("presets/presets.toml")).unwrap();
    let (ca, secret) = (folder.path().join("ca.pem"), folder.path().join("secret"));
    std::fs::write(&ca, rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).unwrap().cert.pem())
        .unwrap();
    std::fs::write(&secret, "a secret").unwrap();
    let cuttings = folder.path().join("cuttings");
    for part in ["new", "cur"] {
        std::fs::create_dir_all(cuttings.join(part)).unwrap();
    }
    std::fs::write(folder.path().join("links.txt"), "https://forum.example.org/thread/8\n").unwrap();
    let text: Vec<&str> = EXAMPLE.lines().map(|line| uncommented(line).unwrap_or(line)).collect();
    let text = text
        .join("\n")
        .replace("/run/credentials/trustwatch.service/postgres_url", &url_file.display().to_string())
        .replace("/etc/trustwatch/ca.pem", &ca.display().to_string())
        .replace("/var/spool/trustwatch/cuttings", &cuttings.display().to_string())
        .replace("/etc/trustwatch/secrets/notices", &secret.display().to_string())
        .replace("/etc/trustwatch/secrets/feedback", &secret.display().to_string());
    let config = loaded(folder.path(), &text);
    assert_eq!(config.store.url, "sqlite:elsewhere.db", "nothing was left a comment");
    assert_eq!(config.fetch.hosts.len(), 1);
    assert!(config.planned.iter().any(|planned| planned.source.person.is_some()));
    assert!(
        config
            .planned
            .iter()
            .any(|planned| matches!(&planned.how, trustwatch::pipeline::How::Page(page) if page.diff)
                && planned.secret.is_some())
    );
}

#[test]
fn the_shipped_profiles_load_and_can_be_watched_for() {
    let real: Vec<String> =
        shipped_profiles().unwrap().iter().map(|profile| profile.id.to_string()).collect();
    assert_eq!(real, ["solent", "heart-of-england", "essex-partnership", "secamb"]);
    let folder = tempfile::tempdir().unwrap();
    let least = std::fs::read_to_string(fixture("config/good/least.toml")).unwrap();
    assert_eq!(SHIPPED_PROFILES.len(), 5);
    for (id, _) in SHIPPED_PROFILES {
        let config = loaded(folder.path(), &least.replace("northmere", id));
        let profile = &config.profiles[0];
        assert_eq!(profile.id.as_str(), id);
        assert!(
            !profile.watches.is_empty() && !profile.domains.is_empty() && !profile.sites.is_empty(),
            "{id}"
        );
        let postcodes = profile.sites.iter().flat_map(|site| &site.postcodes);
        assert!(
            postcodes.clone().count() > 0 && postcodes.clone().all(|code| profile.owns_postcode(code)),
            "{id}"
        );
    }
}
