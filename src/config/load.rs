//! Loading: file, sources beside it, environment; then every section's own checks.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;

use super::layer::{Layer, joined};
use super::profiles::{self, OrganisationConfig};
use super::sources::{self, SourceConfig};
use super::{Config, Service};
use crate::classify::RuleSet;
use crate::clock::{self, Clock, SystemClock};
use crate::model::Profile;
use crate::problem::{Problem, Problems};
use crate::{alert, extract, fetch, mail, source, store, web};

/// The example configuration: every key with its unit and default.
pub const EXAMPLE: &str = include_str!("../../config/trustwatch.toml");

/// What starts the name of an environment override; `__` parts the keys.
const ENVIRONMENT: &str = "TRUSTWATCH__";

/// The sections and keys that the example names, each with the section that it stands in.
pub(super) fn known_keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_name = |key: &str| {
        !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let profiles = profiles::SHIPPED_PROFILES.iter().map(|(_, text)| *text);
    [EXAMPLE]
        .into_iter()
        .chain(profiles)
        .flat_map(|text| std::iter::once("[]").chain(text.lines()))
        .scan("", move |section, line| {
            let line = line.trim_start_matches(['#', ' ']);
            if let Some(header) = line.strip_prefix('[') {
                *section = header.trim_start_matches('[').split(']').next().unwrap_or_default();
                return Some(Some(section.rsplit_once('.').unwrap_or(("", section))));
            }
            let key = line.split_once('=').map_or("", |(key, _)| key.trim());
            Some(is_name(key).then_some((*section, key)))
        })
        .flatten()
}

/// Sections that are read as one value each.
#[derive(Debug, Default)]
struct Sections {
    service: Service,
    store: store::Options,
    retention: store::Retention,
    fetch: fetch::Options,
    source: source::Options,
    extract: extract::Options,
    mail: mail::Options,
    alert: alert::Options,
    web: web::Options,
}

/// Folders that overlay what is compiled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the keys as people write them")]
struct Overlay {
    profiles_dir: Option<PathBuf>,
    rules_dir: Option<PathBuf>,
    presets_dir: Option<PathBuf>,
}

/// Loads and checks the configuration in `file`.
///
/// # Errors
/// Every problem at once.
pub fn load(file: &Path) -> Result<Config, Problems> {
    load_with(file, environment(), None)
}

/// The same, as if `text` stood in `sources.d` under the name of `added` already.
///
/// # Errors
/// Every problem at once.
pub fn load_with_added(file: &Path, added: &Path, text: &str) -> Result<Config, Problems> {
    load_with(file, environment(), Some((added, text)))
}

/// Our variables.
fn environment() -> Vec<(String, String)> {
    // Other programs' variables may hold anything; ours are text.
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, _)| name.starts_with(ENVIRONMENT))
        .collect()
}

fn load_with(
    file: &Path,
    environment: Vec<(String, String)>,
    added: Option<(&Path, &str)>,
) -> Result<Config, Problems> {
    let mut problems = Vec::new();
    let text = std::fs::read_to_string(file).map_err(|error| {
        let hint = "; copy config/trustwatch.toml to begin with, or name a file with --config";
        Problems(vec![Problem::at("", format!("cannot be read: {error}{hint}")).located(file, None)])
    })?;
    let mut layer = Layer::read(file, &text).map_err(|problem| Problems(vec![problem]))?;
    for (name, value) in environment {
        // `TRUSTWATCH__MAIL__SMTP__HOST=relay` sets `mail.smtp.host`.
        let path = name[ENVIRONMENT.len()..].to_lowercase();
        let keys: Vec<&str> = path.split("__").collect();
        if let Err(problem) = layer.override_key(&keys, &name, &value) {
            problems.push(problem);
        }
    }
    let mut sections = read_sections(&mut layer, &mut problems);
    // The unit's state directory, also for commands that run beside the service.
    let default_dir = sections.service.state_dir == Service::default().state_dir;
    if default_dir && std::env::var_os("STATE_DIRECTORY").is_none() && file.starts_with("/etc") {
        sections.service.state_dir = "/var/lib/trustwatch".into();
    }
    read_store_url(&mut sections.store, &layer, &mut problems);
    let overlay: Overlay = take(&mut layer, "overlay", &mut problems);
    let organisations = take_list::<OrganisationConfig>(&mut layer, "organisation", &mut problems);
    let mut listed = take_list::<SourceConfig>(&mut layer, "source", &mut problems);
    let unknown: Vec<String> = layer.table.keys().cloned().collect();
    problems.extend(unknown.iter().map(|key| layer.unknown_key(key)));
    let base = file.parent().unwrap_or(Path::new("."));
    let mut layers = vec![layer];
    for (place, extra) in read_extra_sources(&base.join("sources.d"), added, &mut problems) {
        layers.push(place);
        listed.extend(extra.into_iter().map(|(index, source)| (index, layers.len() - 1, source)));
    }
    let folders = [overlay.profiles_dir.clone(), overlay.rules_dir.clone()]
        .map(|folder| folder.map(|dir| base.join(dir)));
    let profiles = profiles::chosen(&organisations, &layers[0], folders[0].as_deref(), &mut problems);
    let rules = read_rules(folders[1].as_deref(), &layers[0], &mut problems);
    if let Some(rules) = &rules {
        problems.extend(profiles.iter().flat_map(|profile| profiles::against_rules(profile, rules)));
    }
    let presets = read_presets(overlay.presets_dir.map(|dir| base.join(dir)), &layers[0], &mut problems);
    let mut notes = notes(&sections);
    notes.extend(overlay_notes(base, &folders, rules.as_ref(), &profiles));
    let planned = sources::planned(
        &listed,
        &layers,
        sources::Around {
            organisations: &organisations,
            profiles: &profiles,
            fetch: &sections.fetch,
            presets: &presets,
        },
        (&mut problems, &mut notes),
    );
    let Sections { service, store, retention, fetch, source, extract, mail, alert, web } = sections;
    match rules {
        Some(rules) if problems.is_empty() => Ok(Config {
            file: file.to_owned(),
            service,
            store,
            retention,
            fetch,
            source,
            extract,
            mail,
            alert,
            web,
            profiles,
            rules,
            planned,
            presets,
            notes,
        }),
        _ => {
            // What cannot be read came first; that it is then missing or empty is no news.
            let mut told = HashSet::new();
            problems.retain(|problem| told.insert((problem.file.clone(), problem.key.clone())));
            problems.sort();
            Err(Problems(problems))
        }
    }
}

/// An item of a list: its place in the list, which file it stands in, and what it says.
pub(super) type Listed<T> = (usize, usize, T);

fn take<T: Default + serde::de::DeserializeOwned>(
    layer: &mut Layer,
    key: &str,
    problems: &mut Vec<Problem>,
) -> T {
    let Some(value) = layer.take(key) else { return T::default() };
    layer.section(value, key, problems).unwrap_or_default()
}

fn take_list<T: serde::de::DeserializeOwned>(
    layer: &mut Layer,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Listed<T>> {
    let Some(value) = layer.take(key) else { return Vec::new() };
    let Value::Array(items) = value else {
        problems.push(layer.problem(key, format!("write it as [[{key}]]")));
        return Vec::new();
    };
    let read = items.into_iter().enumerate().filter_map(|(index, item)| {
        Some((index, 0, layer.section(item, &format!("{key}[{index}]"), problems)?))
    });
    read.collect()
}

fn read_sections(layer: &mut Layer, problems: &mut Vec<Problem>) -> Sections {
    let sections = Sections {
        service: take(layer, "service", problems),
        store: take(layer, "store", problems),
        retention: take(layer, "retention", problems),
        fetch: take(layer, "fetch", problems),
        source: take(layer, "feed", problems),
        extract: take(layer, "extract", problems),
        mail: take(layer, "mail", problems),
        alert: take(layer, "alert", problems),
        web: take(layer, "web", problems),
    };
    let checks = [
        ("store", sections.store.check()),
        ("retention", sections.retention.check()),
        ("fetch", sections.fetch.check()),
        ("feed", sections.source.check()),
        ("extract", sections.extract.check()),
        ("mail", sections.mail.check()),
        ("alert", sections.alert.check()),
        ("web", sections.web.check()),
    ];
    for (prefix, found) in checks {
        problems.extend(layer.locate(prefix, found));
    }
    sections
}

/// The store's URL may stand in a file of its own, since it can hold a password.
fn read_store_url(store: &mut store::Options, layer: &Layer, problems: &mut Vec<Problem>) {
    let Some(path) = &store.url_file else { return };
    if store.url != store::Options::default().url {
        problems.push(layer.problem("store.url", "set either url or url_file, not both"));
        return;
    }
    match std::fs::read_to_string(path) {
        Ok(text) => {
            text.trim().clone_into(&mut store.url);
            problems.extend(layer.locate("store", store.check()));
        }
        Err(error) => problems
            .push(layer.problem("store.url_file", format!("{} cannot be read: {error}", path.display()))),
    }
}

/// `sources.d/*.toml`, in the order of their names, and one that is not there yet.
fn read_extra_sources(
    folder: &Path,
    added: Option<(&Path, &str)>,
    problems: &mut Vec<Problem>,
) -> Vec<(Layer, Vec<(usize, SourceConfig)>)> {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(Problem::at("", format!("cannot be read: {error}")).located(folder, None));
            Vec::new()
        }
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let texts = files.into_iter().map(|file| (std::fs::read_to_string(&file), file));
    let added = added.map(|(file, text)| (Ok(text.to_owned()), file.to_owned()));
    let mut extra = Vec::new();
    for (read, file) in texts.chain(added) {
        let read =
            read.map_err(|error| Problem::at("", format!("cannot be read: {error}")).located(&file, None));
        let mut layer = match read.and_then(|text| Layer::read(&file, &text)) {
            Ok(layer) => layer,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let listed = take_list::<SourceConfig>(&mut layer, "source", problems);
        let unknown: Vec<String> = layer.table.keys().cloned().collect();
        problems
            .extend(unknown.iter().map(|key| layer.problem(key, "only [[source]] may stand in sources.d")));
        extra.push((layer, listed.into_iter().map(|(index, _, source)| (index, source)).collect()));
    }
    extra
}

/// The shipped rules with those of a folder over them.
///
/// # Errors
/// Every problem at once.
pub fn own_rules(folder: &Path) -> Result<RuleSet, Vec<Problem>> {
    let files = profiles::toml_files(folder)
        .map_err(|error| vec![Problem::at("", format!("cannot be read: {error}")).located(folder, None)])?;
    RuleSet::overlaid(&located(folder, files))
}

fn read_rules(folder: Option<&Path>, layer: &Layer, problems: &mut Vec<Problem>) -> Option<RuleSet> {
    let rules = match folder {
        None => RuleSet::shipped(),
        Some(folder) => match profiles::toml_files(folder) {
            Ok(files) => RuleSet::overlaid(&located(folder, files)),
            Err(error) => {
                problems.push(
                    layer.problem(&joined("overlay", "rules_dir"), format!("{}: {error}", folder.display())),
                );
                return None;
            }
        },
    };
    rules.map_err(|found| problems.extend(found)).ok()
}

fn read_presets(folder: Option<PathBuf>, layer: &Layer, problems: &mut Vec<Problem>) -> Vec<source::Preset> {
    let mut files = Vec::new();
    if let Some(folder) = folder {
        match profiles::toml_files(&folder) {
            Ok(found) => files = located(&folder, found),
            Err(error) => {
                let message = format!("{}: {error}", folder.display());
                problems.push(layer.problem(&joined("overlay", "presets_dir"), message));
            }
        }
    }
    source::presets(&files).unwrap_or_else(|error| {
        problems.push(layer.problem(&joined("overlay", "presets_dir"), error));
        Vec::new()
    })
}

/// Files by the paths that people know them by.
fn located(folder: &Path, files: Vec<(String, String)>) -> Vec<(String, String)> {
    files.into_iter().map(|(name, text)| (folder.join(name).display().to_string(), text)).collect()
}

/// What stands over the shipped profiles and rules, and what was perhaps meant to.
fn overlay_notes(
    base: &Path,
    folders: &[Option<PathBuf>; 2],
    rules: Option<&RuleSet>,
    profiles: &[Profile],
) -> Vec<String> {
    let mut notes = Vec::new();
    let today = clock::london_day(SystemClock::default().now());
    for (key, name, folder) in
        [("profiles_dir", "profiles", &folders[0]), ("rules_dir", "rules", &folders[1])]
    {
        let Some(folder) = folder else {
            // Copies as shipped say nothing that is not read anyway.
            let files = profiles::toml_files(&base.join(name)).unwrap_or_default();
            let is_shipped = |text: &str| {
                RuleSet::is_shipped(text)
                    || profiles::SHIPPED_PROFILES.iter().any(|(_, shipped)| *shipped == text)
            };
            if files.iter().any(|(_, text)| !is_shipped(text)) {
                notes.push(format!("{} is not read: name it in overlay.{key}", base.join(name).display()));
            }
            continue;
        };
        let files = profiles::toml_files(folder).unwrap_or_default();
        let read: Vec<&str> = files.iter().map(|(file, _)| file.as_str()).collect();
        notes.push(format!("overlay.{key}: {} read from {}", read.join(", "), folder.display()));
        let others = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let others = others
            .filter(|entry| entry.path().is_file() && entry.path().extension() != Some("toml".as_ref()));
        notes.extend(others.map(|entry| format!("{} is not read: only *.toml is", entry.path().display())));
    }
    if folders[0].is_some() {
        let whose = |profile: &Profile| {
            let periods: Vec<String> = profile
                .pre_election
                .iter()
                .map(|period| format!("{} to {}", period.from, period.to))
                .collect();
            let periods = if periods.is_empty() { "none".to_owned() } else { periods.join(", ") };
            let terms: usize = profile.watches.iter().map(|watch| watch.terms.len()).sum();
            let registered = profile.register.len();
            let copies = if profile.jigsaw_across_copies { ", copies of a story put together" } else { "" };
            format!(
                "{}: {terms} names, {registered} registered, pre-election periods: {periods}{copies}",
                profile.id
            )
        };
        notes.extend(profiles.iter().map(whose));
        let in_office = profiles.iter().flat_map(|profile| {
            profile.office_holders.iter().map(|holder| {
                let (name, role, review) = (&holder.name, &holder.role, holder.review);
                let late = if review < today { ", which is past: look whether it still holds" } else { "" };
                format!(
                    "{}: {name} ({role}) is watched for in office, to be reviewed by {review}{late}",
                    profile.id
                )
            })
        });
        notes.extend(in_office);
    }
    if folders[1].is_some() {
        let lints = rules.map(|rules| rules.lint(profiles)).unwrap_or_default();
        notes.extend(lints.into_iter().map(|lint| format!("rules: {}: {}", lint.of, lint.message)));
    }
    notes
}

/// What is allowed and should be known all the same.
fn notes(sections: &Sections) -> Vec<String> {
    let mut notes = Vec::new();
    let mapped: Vec<&str> = sections.fetch.hosts.keys().map(String::as_str).collect();
    let dialled = "dialled at loopback instead of being looked up (for demo and tests only)";
    match mapped.as_slice() {
        [] => {}
        [name] => notes.push(format!("fetch.hosts: {name} is {dialled}")),
        [first, .., last] => {
            let n = mapped.len();
            notes.push(format!("fetch.hosts: {n} names, {first} and {last} among them, are {dialled}"));
        }
    }
    let least = 2 * sections.fetch.total_timeout_s;
    if sections.store.lease_s < least {
        notes.push(format!(
            "store.lease_s is {}: below {least}, twice fetch.total_timeout_s, slow work is begun again before it is done",
            sections.store.lease_s
        ));
    }
    if sections.alert.recipients.crisis.is_empty() {
        notes.push("alert.recipients.crisis is empty: where somebody may be in danger, communications only learns that a restricted item exists".to_owned());
    }
    if sections.alert.recipients.restricted.is_empty() {
        notes.push("alert.recipients.restricted is empty: of protected disclosures communications only learns that a restricted item exists".to_owned());
    }
    if sections.service.shadow && sections.alert.recipients.operator.is_empty() {
        notes.push(
            "service.shadow is on and alert.recipients.operator is empty: nobody gets any mail".to_owned(),
        );
    }
    notes
}
