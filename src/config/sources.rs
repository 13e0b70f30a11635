//! Sources: what each inherits, when it is polled, and the lawful limits that the code holds.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::layer::{Layer, joined};
use super::load::Listed;
use super::profiles::OrganisationConfig;
use crate::fetch::{self, Policy, host_of, parse_target};
use crate::model::{Accountability, DocumentKind, OrganisationId, Profile, Source, SourceId, SourceKind};
use crate::pipeline::{How, OwnOptions, Planned};
use crate::problem::Problem;
use crate::schedule::{CronLine, Schedule, parse_interval};
use crate::secret::SecretString;
use crate::source::{ApiOptions, LookalikeOptions, PageOptions, Preset, SECRET, SitemapOptions};

/// How a source is read, as the configuration says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Feed,
    Page,
    Sitemap,
    Api,
    Mailbox,
    /// Many pages, each a source of its own.
    Links,
    /// The Trust's own sites and accounts, each a source of its own.
    Own,
    Lookalike,
}

/// A source as the configuration names it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceConfig {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) url: String,
    pub(super) organisations: Option<Vec<String>>,
    pub(super) document_kind: DocumentKind,
    pub(super) follow: bool,
    pub(super) every: Option<String>,
    pub(super) cron: Option<String>,
    pub(super) purpose: Option<String>,
    pub(super) basis: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) licence: Option<String>,
    pub(super) review: Option<toml::value::Datetime>,
    pub(super) page: PageOptions,
    pub(super) sitemap: SitemapOptions,
    pub(super) api: Option<ApiOptions>,
    pub(super) maildir: Option<PathBuf>,
    pub(super) links: Vec<String>,
    pub(super) links_file: Option<PathBuf>,
    pub(super) own: OwnOptions,
    pub(super) lookalike: LookalikeOptions,
    pub(super) preset: Option<String>,
    pub(super) secret: Option<SecretString>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) person: Option<PersonConfig>,
    pub(super) robots_override: Option<OverrideConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct OverrideConfig {
    pub(super) name: String,
    pub(super) date: Option<toml::value::Datetime>,
    pub(super) reason: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PersonConfig {
    pub(super) incident: String,
    pub(super) reason: String,
    pub(super) approver: String,
    pub(super) until: Option<toml::value::Datetime>,
}

/// The shortest interval on the organisation's own hosts.
const OWN_FLOOR: Duration = Duration::from_secs(5 * 60);
/// The shortest interval elsewhere.
const FLOOR: Duration = Duration::from_secs(15 * 60);

/// How often a folder is looked into where nobody says.
const MAILBOX: Duration = Duration::from_secs(5 * 60);

/// How often a part of the day's look-alikes is looked up.
const LOOKALIKE: Duration = Duration::from_secs(3600);

/// A day from which the intervals of a cron line are looked at; any will do.
fn some_day() -> chrono::DateTime<chrono::Utc> {
    crate::clock::from_ms(1_767_225_600_000)
}

/// What a check of one source rests on.
pub(super) struct Check<'a> {
    pub(super) layer: &'a Layer,
    key: String,
    pub(super) organisations: &'a [Listed<OrganisationConfig>],
    pub(super) profiles: &'a [Profile],
    policy: &'a Policy,
    pub(super) presets: &'a [Preset],
}

/// What sources are checked against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) organisations: &'a [Listed<OrganisationConfig>],
    pub(super) profiles: &'a [Profile],
    pub(super) fetch: &'a fetch::Options,
    pub(super) presets: &'a [Preset],
}

/// Every source, checked.
pub(super) fn planned(
    listed: &[Listed<SourceConfig>],
    layers: &[Layer],
    around: Around<'_>,
    (problems, notes): (&mut Vec<Problem>, &mut Vec<String>),
) -> Vec<Planned> {
    let Around { organisations, profiles, fetch, presets } = around;
    let policy = fetch.policy();
    let mut planned: Vec<Planned> = Vec::new();
    let mut seen: HashMap<SourceId, String> = HashMap::new();
    let mut alike: HashSet<Arc<Accountability>> = HashSet::new();
    for (index, layer, source) in listed {
        let check = Check {
            layer: &layers[*layer],
            key: format!("source[{index}]"),
            organisations,
            profiles,
            policy: &policy,
            presets,
        };
        let place = format!("{} of {}", check.key, check.layer.file.display());
        for source in check.expanded(source, problems) {
            let before = problems.len();
            let Some(mut found) = check.source(&source, problems) else { continue };
            if let Some(other) = seen.insert(found.source.id.clone(), place.clone()) {
                problems.push(
                    check.problem("id", format!("{} is named twice, first at {other}", found.source.id)),
                );
            }
            if problems.len() == before {
                let shared = &mut found.source.accountability;
                *shared = alike.get(shared).cloned().unwrap_or_else(|| {
                    alike.insert(shared.clone());
                    shared.clone()
                });
                planned.push(found);
            }
        }
    }
    note_politeness(&planned, fetch, &policy, notes);
    notes.extend(planned.iter().filter_map(note_key));
    planned
}

impl Check<'_> {
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        self.layer.problem(&joined(&self.key, key), message)
    }

    fn source(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<Planned> {
        let id = config
            .id
            .parse::<SourceId>()
            .map_err(|error| problems.push(self.problem("id", error.to_string())))
            .ok();
        let url = self.url(config, problems);
        let secret = self.secret(config, problems);
        let robots_override = self.robots_override(config, problems);
        self.check_preset(config, robots_override.is_some(), problems);
        let organisations = self.organisations(config, problems);
        let accountability = self.accountability(config, &organisations, problems);
        let person = self.person(config, problems);
        let url = url?;
        let schedule = self.schedule(config, &url, problems);
        self.check_person(config, &url, &organisations, person.is_some(), problems);
        let how = self.how(config, problems);
        let kind = how.as_ref()?.kind();
        let source = Source {
            id: id?,
            kind,
            url,
            document_kind: match kind {
                SourceKind::Lookalike => DocumentKind::Domain,
                _ => config.document_kind,
            },
            // A sitemap is nothing but links.
            follow: config.follow || config.kind == Kind::Sitemap,
            organisations,
            accountability: Arc::new(accountability?),
            person: person.map(Box::new),
            robots_override: robots_override.map(Box::new),
        };
        Some(Planned { source, schedule: schedule?, how: how?, secret })
    }

    /// Where it is; of a maildir, its folder.
    fn url(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<Url> {
        if config.kind == Kind::Lookalike {
            if !config.url.is_empty() {
                problems.push(
                    self.problem(
                        "url",
                        "look-alikes have no address: they are made of the profile's domains",
                    ),
                );
            }
            return Url::parse(&format!("lookalike:{}", config.id)).ok();
        }
        if config.kind != Kind::Mailbox {
            return parse_target(&config.url, self.policy)
                .map_err(|refusal| problems.push(self.problem("url", refusal.to_string())))
                .ok();
        }
        let Some(folder) = &config.maildir else {
            problems
                .push(self.problem("maildir", "missing: name the folder that the mails are delivered to"));
            return None;
        };
        if !config.url.is_empty() {
            problems.push(self.problem("url", "a mailbox has no address: its folder stands in maildir"));
        }
        let folder = self.layer.beside(folder);
        let is_maildir = ["new", "cur"].iter().all(|part| folder.join(part).is_dir());
        if !is_maildir {
            let message =
                format!("{} is no maildir that can be read: it has no folders new and cur", folder.display());
            problems.push(self.problem("maildir", message));
        }
        Url::from_directory_path(std::path::absolute(folder).ok()?).ok()
    }

    /// How it is read; what belongs to another kind is named.
    fn how(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<How> {
        let kind = config.kind;
        let foreign = [
            ("page", kind != Kind::Page && config.page != PageOptions::default(), "page"),
            ("sitemap", kind != Kind::Sitemap && config.sitemap != SitemapOptions::default(), "sitemap"),
            ("api", kind != Kind::Api && config.api.is_some(), "api"),
            ("maildir", kind != Kind::Mailbox && config.maildir.is_some(), "mailbox"),
            (
                "lookalike",
                kind != Kind::Lookalike && config.lookalike != LookalikeOptions::default(),
                "lookalike",
            ),
            ("own", kind != Kind::Own && config.own != OwnOptions::default(), "own"),
        ];
        for (key, _, name) in foreign.into_iter().filter(|(_, is_set, _)| *is_set) {
            problems.push(self.problem(key, format!("belongs to a source of kind {name:?}")));
        }
        let mut found = |part: &str, list: Vec<Problem>| {
            problems
                .extend(list.into_iter().map(|found| self.problem(&joined(part, &found.key), found.message)));
        };
        match kind {
            Kind::Feed => Some(How::Feed),
            Kind::Page | Kind::Links => {
                found("page", config.page.check());
                if config.page.diff && config.follow {
                    let message = "a page is either compared or its links are followed, not both";
                    found("page", vec![Problem::at("diff", message)]);
                }
                Some(How::Page(config.page.clone()))
            }
            Kind::Sitemap => {
                found("sitemap", config.sitemap.check());
                Some(How::Sitemap(config.sitemap.clone()))
            }
            Kind::Api => {
                let Some(api) = &config.api else {
                    problems.push(
                        self.problem("api", "missing: [source.api] says where things stand in the answer"),
                    );
                    return None;
                };
                found("api", api.check());
                Some(How::Api(Box::new(api.clone())))
            }
            Kind::Mailbox => config.maildir.as_ref().map(|folder| How::Mailbox(self.layer.beside(folder))),
            Kind::Own => {
                found("own", config.own.check());
                Some(How::Own(config.own.clone()))
            }
            Kind::Lookalike => {
                found("lookalike", config.lookalike.check());
                Some(How::Lookalike(config.lookalike.clone()))
            }
        }
    }

    fn organisations(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Vec<OrganisationId> {
        let Some(named) = &config.organisations else {
            return self.profiles.iter().map(|profile| profile.id.clone()).collect();
        };
        let mut found = Vec::new();
        for (index, name) in named.iter().enumerate() {
            match self.profiles.iter().find(|profile| profile.id.as_str() == name) {
                Some(profile) => found.push(profile.id.clone()),
                None => problems.push(self.problem(
                    &format!("organisations[{index}]"),
                    format!("there is no [[organisation]] {name:?}"),
                )),
            }
        }
        if named.is_empty() {
            problems.push(self.problem("organisations", "name at least one, or leave the key out for all"));
        }
        found
    }

    fn schedule(&self, config: &SourceConfig, url: &Url, problems: &mut Vec<Problem>) -> Option<Schedule> {
        let host = url.host_str().unwrap_or_default();
        let own = self.profiles.iter().any(|profile| profile.owns_host(host));
        // Reading a folder costs nobody anything.
        let mapped =
            self.policy.mapped(host).is_some() || matches!(config.kind, Kind::Mailbox | Kind::Lookalike);
        let floor = if mapped {
            Duration::ZERO
        } else if own {
            OWN_FLOOR
        } else {
            FLOOR
        };
        match (&config.every, &config.cron) {
            (Some(_), Some(_)) => {
                problems.push(self.problem("every", "set either every or cron, not both"));
                None
            }
            (Some(every), None) => {
                match parse_interval(every) {
                    Err(error) => {
                        problems.push(self.problem("every", error.to_string()));
                        None
                    }
                    Ok(interval) if interval < floor => {
                        let minutes = floor.as_secs() / 60;
                        problems.push(self.problem(
                            "every",
                            format!("{every} is too often: at least {minutes}m on this host"),
                        ));
                        None
                    }
                    Ok(interval) => Some(Schedule::Every(interval)),
                }
            }
            (None, Some(cron)) => match cron.parse::<CronLine>() {
                Err(error) => {
                    problems.push(self.problem("cron", error.to_string()));
                    None
                }
                Ok(line) if line.shortest_interval(some_day()) < floor => {
                    let minutes = floor.as_secs() / 60;
                    let message =
                        format!("{cron} is too often: at least {minutes} minutes apart on this host");
                    problems.push(self.problem("cron", message));
                    None
                }
                Ok(line) => Some(Schedule::Cron(line)),
            },
            (None, None) if config.kind == Kind::Lookalike => Some(Schedule::Every(LOOKALIKE)),
            (None, None) if config.kind == Kind::Mailbox => Some(Schedule::Every(MAILBOX)),
            (None, None) => Some(Schedule::Adaptive(floor)),
        }
    }
}

/// An address that seems to hold a key in clear.
fn note_key(planned: &Planned) -> Option<String> {
    const KEYS: [&str; 12] = [
        "k",
        "key",
        "apikey",
        "api_key",
        "api-key",
        "token",
        "access_token",
        "secret",
        "password",
        "auth",
        "sig",
        "signature",
    ];
    let mut pairs = planned.source.url.query_pairs();
    let (name, _) = pairs.find(|(name, value)| {
        KEYS.contains(&name.to_lowercase().as_str()) && !value.is_empty() && value != SECRET
    })?;
    Some(format!(
        "{}: its address seems to hold a key ({name}=…), which is stored and shown: put the key into a file, write {name}={{secret}} and name the file in secret_file",
        planned.source.id
    ))
}

/// Where politeness makes polling slower in fact than the configuration says.
fn note_politeness(planned: &[Planned], fetch: &fetch::Options, policy: &Policy, notes: &mut Vec<String>) {
    let mut hosts: HashMap<String, (u64, Duration)> = HashMap::new();
    for planned in planned {
        let mapped = policy.mapped(planned.source.url.host_str().unwrap_or_default()).is_some();
        if let Schedule::Every(interval) = planned.schedule
            && !mapped
        {
            let host = hosts.entry(host_of(&planned.source.url)).or_insert((0, interval));
            host.0 += 1;
            host.1 = host.1.min(interval);
        }
    }
    let mut slow: Vec<String> = hosts
        .into_iter()
        .filter(|(_, (n, interval))| n * fetch.host_gap_s > interval.as_secs())
        .map(|(host, (n, _))| format!("{host}: {n} sources with {} s between requests take {} s a round, longer than the shortest interval there", fetch.host_gap_s, n * fetch.host_gap_s))
        .collect();
    slow.sort();
    notes.extend(slow);
}
