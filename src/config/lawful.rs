//! What makes it lawful to poll a source: who answers for it, the record for a single person's profile, the decision
//! against a robots.txt, presets that are refused; and the secret part of an address.

use chrono::NaiveDate;
use url::Url;

use super::profiles::OrganisationConfig;
use super::sources::{Check, OverrideConfig, PersonConfig, SourceConfig};
use crate::model::{Accountability, DocumentKind, Licence, OrganisationId, PersonRecord, RobotsOverride};
use crate::problem::Problem;
use crate::secret::{ExposeSecret, SecretString};
use crate::source::{PresetStatus, SECRET, dated};

impl Check<'_> {
    /// What stands at `{secret}` in the address.
    pub(super) fn secret(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<SecretString> {
        let has_header = config.api.as_ref().is_some_and(|api| api.header.is_some());
        let has_place = config.url.contains(SECRET) || has_header;
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
            (None, Some(file)) => match std::fs::read_to_string(self.layer.beside(file)) {
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
                if has_header {
                    "missing: the header in [source.api] carries a key; name the file that holds it"
                } else {
                    "missing: the address has a {secret} in it; name the file that holds it"
                },
            )),
            (Some(_), false) => {
                problems.push(self.problem(
                    "secret",
                    "neither the address has a {secret} in it nor [source.api] a header to put this at",
                ));
            }
            (Some(secret), true) if secret.expose_secret().is_empty() => {
                problems.push(self.problem("secret_file", "is empty"));
            }
            _ => {}
        }
        secret
    }

    /// The decision to read a source against its robots.txt needs a name, a day and a reason.
    pub(super) fn robots_override(
        &self,
        config: &SourceConfig,
        problems: &mut Vec<Problem>,
    ) -> Option<RobotsOverride> {
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

    /// A source whose owner refuses us is refused too, whether it comes from a preset or only has its address, unless
    /// somebody decided otherwise.
    pub(super) fn check_preset(
        &self,
        config: &SourceConfig,
        is_overridden: bool,
        problems: &mut Vec<Problem>,
    ) {
        let unknown =
            config.preset.as_ref().filter(|id| !self.presets.iter().any(|preset| preset.id == **id));
        if let Some(id) = unknown {
            let message = format!("there is no preset {id:?}: see trustwatch sources presets");
            problems.push(self.problem("preset", message));
        }
        let mut refused = self.presets.iter().filter(|preset| preset.status == PresetStatus::Disallowed);
        let refused = refused
            .find(|preset| config.preset.as_ref() == Some(&preset.id) || starts_as(&config.url, &preset.url));
        if let Some(preset) = refused.filter(|_| !is_overridden) {
            let (id, why, instead) = (&preset.id, &preset.why, &preset.instead);
            let key = if config.preset.is_some() { "preset" } else { "url" };
            problems.push(self.problem(key, format!("{id} is refused: {why} Instead: {instead} [source.robots_override] with name, date and reason decides otherwise")));
        }
    }

    /// Purpose, basis, owner, licence and review: the source's own, else what its first organisation
    /// gives (SOL 6.1).
    pub(super) fn accountability(
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

    pub(super) fn person(&self, config: &SourceConfig, problems: &mut Vec<Problem>) -> Option<PersonRecord> {
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

    /// A single person's profile is refused without a record; the Trust's own accounts are no persons.
    pub(super) fn check_person(
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

/// Whether an address is made as a preset's: the same up to what is filled in, beyond the host alone.
fn starts_as(address: &str, preset: &str) -> bool {
    let start = preset.split('{').next().unwrap_or_default();
    let path = start.splitn(4, '/').nth(3).unwrap_or_default();
    !path.is_empty() && address.starts_with(start)
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
