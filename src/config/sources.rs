//! Sources: what each inherits, when it is polled, and the lawful limits that the code holds.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use serde::Deserialize;
use url::Url;

use super::layer::{Layer, joined};
use super::load::Listed;
use super::profiles::OrganisationConfig;
use crate::fetch::{self, host_of, parse_target};
use crate::model::{
    Accountability, DocumentKind, Licence, OrganisationId, PersonRecord, Profile, RobotsOverride, Source,
    SourceId, SourceKind,
};
use crate::pipeline::Planned;
use crate::problem::Problem;
use crate::schedule::{CronLine, Schedule, parse_interval};
use crate::secret::{ExposeSecret, SecretString};
use crate::source::{PageOptions, Preset, PresetStatus, SECRET, dated};

/// A source as the configuration names it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceConfig {
    id: String,
    kind: Option<SourceKind>,
    url: String,
    organisations: Option<Vec<String>>,
    document_kind: DocumentKind,
    follow: bool,
    every: Option<String>,
    cron: Option<String>,
    purpose: Option<String>,
    basis: Option<String>,
    owner: Option<String>,
    licence: Option<String>,
    review: Option<toml::value::Datetime>,
    page: PageOptions,
    preset: Option<String>,
    secret: Option<SecretString>,
    secret_file: Option<PathBuf>,
    person: Option<PersonConfig>,
    robots_override: Option<OverrideConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OverrideConfig {
    name: String,
    date: Option<toml::value::Datetime>,
    reason: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PersonConfig {
    incident: String,
    reason: String,
    approver: String,
    until: Option<toml::value::Datetime>,
}

/// The shortest interval on the organisation's own hosts.
const OWN_FLOOR: Duration = Duration::from_secs(5 * 60);
/// The shortest interval elsewhere.
const FLOOR: Duration = Duration::from_secs(15 * 60);

/// A day from which the intervals of a cron line are looked at; any will do.
fn some_day() -> chrono::DateTime<chrono::Utc> {
    crate::clock::from_ms(1_767_225_600_000)
}

/// What a check of one source rests on.
struct Check<'a> {
    layer: &'a Layer,
    key: String,
    organisations: &'a [Listed<OrganisationConfig>],
    profiles: &'a [Profile],
    fetch: &'a fetch::Options,
    presets: &'a [Preset],
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
    let mut planned: Vec<Planned> = Vec::new();
    let mut seen: HashMap<SourceId, String> = HashMap::new();
    for (index, layer, source) in listed {
        let check = Check {
            layer: &layers[*layer],
            key: format!("source[{index}]"),
            organisations,
            profiles,
            fetch,
            presets,
        };
        let before = problems.len();
        let Some(found) = check.source(source, problems) else { continue };
        let place = format!("{} of {}", check.key, check.layer.file.display());
        if let Some(other) = seen.insert(found.source.id.clone(), place) {
            problems
                .push(check.problem("id", format!("{} is named twice, first at {other}", found.source.id)));
        }
        if problems.len() == before {
            planned.push(found);
        }
    }
    note_politeness(&planned, fetch, notes);
    planned
}

impl Check<'_> {
    fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        self.layer.problem(&joined(&self.key, key), message)
    }

    fn source(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<Planned> {
        let id = config
            .id
            .parse::<SourceId>()
            .map_err(|error| problems.push(self.problem("id", error.to_string())))
            .ok();
        let url = parse_target(&config.url, &self.fetch.policy())
            .map_err(|refusal| problems.push(self.problem("url", refusal.to_string())))
            .ok();
        let secret = self.secret(config, problems);
        let robots_override = self.robots_override(config, problems);
        self.check_preset(config, robots_override.is_some(), problems);
        let organisations = self.organisations(config, problems);
        let accountability = self.accountability(config, &organisations, problems);
        let person = self.person(config, problems);
        let url = url?;
        let schedule = self.schedule(config, &url, problems);
        self.check_person(config, &url, &organisations, person.is_some(), problems);
        let kind = config.kind.unwrap_or(SourceKind::Feed);
        if kind != SourceKind::Page && !config.page.is_plain() {
            problems.push(self.problem("page", "only a source of kind \"page\" has parts to choose"));
        }
        problems.extend(
            config
                .page
                .check()
                .into_iter()
                .map(|found| self.problem(&joined("page", &found.key), found.message)),
        );
        if config.page.diff && config.follow {
            problems.push(
                self.problem("page.diff", "a page is either compared or its links are followed, not both"),
            );
        }
        let source = Source {
            id: id?,
            kind,
            url,
            document_kind: config.document_kind,
            follow: config.follow,
            organisations,
            accountability: accountability?,
            person,
            robots_override,
        };
        Some(Planned { source, schedule: schedule?, page: config.page.clone(), secret })
    }

    /// What stands at `{secret}` in the address.
    fn secret(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<SecretString> {
        let has_place = config.url.contains(SECRET);
        let left = dated(&config.url.replace(SECRET, ""), NaiveDate::default());
        if let Some(at) = left.find(['{', '}']) {
            problems.push(self.problem("url", format!("something must be filled in here: {}", &left[at..])));
        }
        let secret = match (&config.secret, &config.secret_file) {
            (Some(_), Some(_)) => {
                problems.push(self.problem("secret", "set either secret or secret_file, not both"));
                None
            }
            (Some(secret), None) => Some(secret.clone()),
            (None, Some(file)) => match std::fs::read_to_string(file) {
                Ok(text) => Some(SecretString::from(text.trim().to_owned())),
                Err(error) => {
                    let message = format!("{} cannot be read: {error}", file.display());
                    problems.push(self.problem("secret_file", message));
                    return None;
                }
            },
            (None, None) => None,
        };
        match (&secret, has_place) {
            (None, true) => problems.push(self.problem(
                "secret_file",
                "missing: the address has a {secret} in it; name the file that holds it",
            )),
            (Some(_), false) => {
                problems.push(self.problem("secret", "the address has no {secret} in it to put this at"));
            }
            (Some(secret), true) if secret.expose_secret().is_empty() => {
                problems.push(self.problem("secret_file", "is empty"));
            }
            _ => {}
        }
        secret
    }

    /// The decision to read a source against its robots.txt needs a name, a day and a reason.
    fn robots_override(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<RobotsOverride> {
        let given = config.robots_override.as_ref()?;
        let before = problems.len();
        for (key, value) in [("name", &given.name), ("reason", &given.reason)] {
            if value.trim().is_empty() {
                let message = "missing: reading against robots.txt needs name, date and reason, and stands in the audit";
                problems.push(self.problem(&format!("robots_override.{key}"), message));
            }
        }
        let date = given.date.and_then(|date| date.to_string().parse().ok());
        if date.is_none() {
            problems.push(self.problem(
                "robots_override.date",
                "missing: write the day of the decision, such as 2026-11-22",
            ));
        }
        let OverrideConfig { name, reason, .. } = given.clone();
        date.filter(|_| problems.len() == before).map(|date| RobotsOverride { name, date, reason })
    }

    /// A source from a preset whose owner refuses us is refused too, unless somebody decided otherwise.
    fn check_preset(&self, config: &SourceConfig, is_overridden: bool, problems: &mut Vec<Problem>) {
        let Some(id) = &config.preset else { return };
        match self.presets.iter().find(|preset| preset.id == *id) {
            None => problems.push(
                self.problem("preset", format!("there is no preset {id:?}: see trustwatch sources presets")),
            ),
            Some(preset) if preset.status == PresetStatus::Disallowed && !is_overridden => {
                let message = format!(
                    "{id} is refused: {} Instead: {} [source.robots_override] with name, date and reason decides otherwise",
                    preset.why, preset.instead
                );
                problems.push(self.problem("preset", message));
            }
            Some(_) => {}
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

    /// Purpose, basis, owner, licence and review: the source's own, else what its first organisation
    /// gives (SOL 6.1).
    fn accountability(
        &self,
        config: &SourceConfig,
        organisations: &[OrganisationId],
        problems: &mut Vec<Problem>,
    ) -> Option<Accountability> {
        let first = organisations.first()?;
        let inherited = self
            .organisations
            .iter()
            .map(|(_, _, organisation)| organisation)
            .find(|o| o.profile == first.as_str());
        let pick = |own: &Option<String>, theirs: fn(&OrganisationConfig) -> &Option<String>| {
            own.clone()
                .or_else(|| inherited.and_then(|organisation| theirs(organisation).clone()))
                .filter(|text| !text.trim().is_empty())
        };
        let mut need = |key: &str, value: Option<String>| {
            if value.is_none() {
                problems.push(self.problem(key, format!("missing: give {key} here or once at its [[organisation]]; nothing is polled without it (SOL 6.1)")));
            }
            value
        };
        let purpose = need("purpose", pick(&config.purpose, |o| &o.purpose));
        let basis = need("basis", pick(&config.basis, |o| &o.basis));
        let owner = need("owner", pick(&config.owner, |o| &o.owner));
        let licence = need("licence", pick(&config.licence, |o| &o.licence));
        let licence = licence.and_then(|text| {
            let read = serde_json::from_value::<Licence>(serde_json::Value::from(text.clone()));
            read.map_err(|_| {
                problems.push(self.problem(
                    "licence",
                    format!("{text:?} is none of: none, nla, cla, ogl, own, permission"),
                ));
            })
            .ok()
        });
        let review = config.review.or_else(|| inherited.and_then(|organisation| organisation.review));
        let review = match review.map(|date| date.to_string().parse::<NaiveDate>()) {
            Some(Ok(date)) => Some(date),
            Some(Err(_)) => {
                problems.push(self.problem("review", "write a date, such as 2027-05-01"));
                None
            }
            None => {
                problems.push(self.problem("review", "missing: give the day by which somebody looks at this again, here or once at its [[organisation]] (SOL 6.1)"));
                None
            }
        };
        Some(Accountability {
            purpose: purpose?,
            basis: basis?,
            owner: owner?,
            licence: licence?,
            review: review?,
        })
    }

    fn person(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<PersonRecord> {
        let person = config.person.as_ref()?;
        let before = problems.len();
        let fields =
            [("incident", &person.incident), ("reason", &person.reason), ("approver", &person.approver)];
        for (key, _) in fields.into_iter().filter(|(_, value)| value.trim().is_empty()) {
            problems.push(self.problem(
                &format!("person.{key}"),
                "missing: a single person's profile needs incident, reason, approver and until (SEC 2.10)",
            ));
        }
        let until = person.until.and_then(|date| date.to_string().parse().ok());
        if until.is_none() {
            problems.push(
                self.problem("person.until", "missing: write the last day, such as 2026-12-31 (SEC 2.10)"),
            );
        }
        let PersonConfig { incident, reason, approver, .. } = person.clone();
        until.filter(|_| problems.len() == before).map(|until| PersonRecord {
            incident,
            reason,
            approver,
            until,
        })
    }

    fn schedule(&self, config: &SourceConfig, url: &Url, problems: &mut Vec<Problem>) -> Option<Schedule> {
        let host = url.host_str().unwrap_or_default();
        let own = self.profiles.iter().any(|profile| profile.owns_host(host));
        let mapped = self.fetch.policy().mapped(host).is_some();
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
            (None, None) => Some(Schedule::Adaptive(floor)),
        }
    }

    /// A single person's profile is refused without a record; the Trust's own accounts are no persons.
    fn check_person(
        &self,
        config: &SourceConfig,
        url: &Url,
        organisations: &[OrganisationId],
        has_record: bool,
        problems: &mut Vec<Problem>,
    ) {
        if has_record || config.person.is_some() {
            return;
        }
        let profiles = self.profiles.iter().filter(|profile| organisations.contains(&profile.id));
        let registered = |handle: &str| profiles.clone().any(|profile| profile.owns_handle(handle));
        let personal = person_handle(url).filter(|handle| !registered(handle));
        if let Some(handle) = personal {
            problems.push(self.problem("url", format!(
                "points at the profile of one person ({handle}): refused unless [source.person] gives incident, reason, approver and until (SEC 2.10), or the account is registered"
            )));
        } else if config.document_kind == DocumentKind::Profile && person_handle(url).is_none() {
            problems.push(self.problem("document_kind", "profiles of persons are not polled: [source.person] must give incident, reason, approver and until (SEC 2.10)"));
        }
    }
}

/// The handle of the person whose profile an address is, on the platforms that have such addresses.
fn person_handle(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_start_matches("www.").to_lowercase();
    let segments: Vec<&str> = url.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    let first = *segments.first()?;
    let second = segments.get(1).copied();
    let plain = |name: &str| {
        name.trim_end_matches(".rss").trim_end_matches(".atom").trim_end_matches(".json").to_owned()
    };
    // Mastodon, YouTube, TikTok, Medium and others: /@name.
    if let Some(name) = first.strip_prefix('@').filter(|name| !name.is_empty()) {
        return Some(plain(name));
    }
    let under = |names: &[&str]| names.contains(&first).then(|| second.map(plain)).flatten();
    let site = |names: &[&str]| names.iter().any(|name| host == *name || host.ends_with(&format!(".{name}")));
    if site(&["x.com", "twitter.com", "instagram.com", "facebook.com", "threads.net", "tumblr.com"]) {
        const PAGES: [&str; 10] =
            ["search", "hashtag", "explore", "groups", "events", "i", "home", "p", "pages", "tagged"];
        return (!PAGES.contains(&first)).then(|| plain(first));
    }
    if site(&["linkedin.com"]) {
        return under(&["in", "pub"]);
    }
    if site(&["reddit.com"]) {
        return under(&["user", "u"]);
    }
    under(&["users", "user", "u", "in", "people", "author"])
        .or_else(|| (first == "profile").then(|| second.map(plain)).flatten())
}

/// Where politeness makes polling slower in fact than the configuration says.
fn note_politeness(planned: &[Planned], fetch: &fetch::Options, notes: &mut Vec<String>) {
    let mut hosts: HashMap<String, (u64, Duration)> = HashMap::new();
    for planned in planned {
        let mapped = fetch.policy().mapped(planned.source.url.host_str().unwrap_or_default()).is_some();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_single_persons_are_known() {
        let handle = |text: &str| person_handle(&Url::parse(text).unwrap());
        for (address, name) in [
            ("https://mastodon.example/@jo.rss", "jo"),
            ("https://mastodon.example/users/jo.rss", "jo"),
            ("https://x.com/jo", "jo"),
            ("https://www.linkedin.com/in/jo-bloggs", "jo-bloggs"),
            ("https://bsky.app/profile/jo.example/rss", "jo.example"),
            ("https://www.reddit.com/user/jo/.rss", "jo"),
        ] {
            assert_eq!(handle(address).as_deref(), Some(name), "{address}");
        }
        for address in [
            "https://paper.example/feed",
            "https://x.com/search?q=solent",
            "https://mastodon.example/tags/nhs.rss",
            "https://www.reddit.com/r/nhs/.rss",
        ] {
            assert_eq!(handle(address), None, "{address}");
        }
    }
}
