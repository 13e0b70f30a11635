//! A profile: a Trust's policy as data. Read from TOML, compiled in or from the operator's folder.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Category, OrganisationId, Severity};

/// What the service does with findings about a worker's conduct (SEC 2.10, SOL 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum EmployeeConduct {
    /// Counted, never shown.
    Off,
    /// Counted; shown on a hit that somebody reported.
    #[default]
    OnReport,
    /// Shown; needs a reference to an impact assessment.
    On,
}

/// A Trust that is watched for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Profile {
    /// Its identifier.
    pub id: OrganisationId,
    /// Its full name.
    pub name: String,
    /// What stands in mail subjects.
    pub short_name: String,
    /// Its own domains; sub-domains are its own too.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Domains that resemble its own and belong to somebody else.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// Its own handles.
    #[serde(default)]
    pub handles: Vec<String>,
    /// How its policy is named to people.
    #[serde(default)]
    pub policy: String,
    /// The prefix of its clauses: `SOL`, `HEFT`, `EPUT` or `SEC`.
    #[serde(default)]
    pub clause_prefix: String,
    /// What happens with findings about a worker's conduct.
    #[serde(default)]
    pub employee_conduct: EmployeeConduct,
    /// The impact assessment that `employee_conduct = "on"` needs.
    #[serde(default)]
    pub impact_assessment: Option<String>,
    /// Whether what several copies of a story tell together is judged too (SEC 4.5).
    #[serde(default)]
    pub jigsaw_across_copies: bool,
    /// What is looked for.
    #[serde(default, rename = "watch")]
    pub watches: Vec<Watch>,
    /// People on its board whose names count as its own beside their role or its name.
    #[serde(default, rename = "office_holder")]
    pub office_holders: Vec<OfficeHolder>,
    /// Its own premises.
    #[serde(default, rename = "site")]
    pub sites: Vec<Site>,
    /// Its published numbers and mailboxes.
    #[serde(default)]
    pub contact: Contact,
    /// Approved accounts, sites and domains.
    #[serde(default, rename = "register")]
    pub register: Vec<RegisterEntry>,
    /// Scores from which rules fire, by rule id or category, where they differ from the rules' own.
    #[serde(default)]
    pub thresholds: BTreeMap<String, f64>,
    /// Severities by category, where they differ from the taxonomy's.
    #[serde(default)]
    pub severities: BTreeMap<Category, Severity>,
    /// Pre-election periods, both days inside.
    #[serde(default)]
    pub pre_election: Vec<PreElection>,
}

/// What is looked for: names with the context that makes them the Trust's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Watch {
    /// Its name within the profile.
    pub id: String,
    /// Words and phrases.
    pub terms: Vec<String>,
    /// Whether case must agree.
    #[serde(default)]
    pub case_sensitive: bool,
    /// Words of which one must stand near, where the list is not empty.
    #[serde(default)]
    pub needs: Vec<String>,
    /// How near, in characters.
    #[serde(default = "default_within")]
    pub within: usize,
    /// Words of which one anywhere in the document will do as well.
    #[serde(default)]
    pub anywhere: Vec<String>,
    /// Phrases around the term that make it something else.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Words of which one anywhere in the document makes it something else.
    #[serde(default)]
    pub never: Vec<String>,
    /// A query that must hold as well; in it `{this}` is the name found.
    #[serde(default)]
    pub query: Option<String>,
}

const fn default_within() -> usize {
    80
}

/// Somebody on the board, watched for in office and never as a person (SEC 2.10).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OfficeHolder {
    /// As the Trust publishes it.
    pub name: String,
    /// The office: chair, chief executive, or a director of the board.
    pub role: String,
    /// Why the public has an interest in it.
    pub justification: String,
    /// The day by which somebody looks at this again.
    #[serde(deserialize_with = "toml_date")]
    pub review: NaiveDate,
}

impl OfficeHolder {
    /// Titles before a name.
    const TITLES: [&str; 10] = ["dr", "prof", "professor", "mr", "mrs", "ms", "miss", "sir", "dame", "lord"];

    /// The name without its titles.
    pub fn plain_name(&self) -> String {
        let is_title = |word: &&str| {
            let word = word.trim_end_matches('.').to_lowercase();
            Self::TITLES.contains(&word.as_str())
        };
        self.name.split_whitespace().skip_while(is_title).collect::<Vec<_>>().join(" ")
    }

    /// What the office is called.
    pub fn role_words(&self) -> Vec<String> {
        let role = self.role.trim().to_lowercase();
        let short: &[&str] = match role.as_str() {
            "chief executive" | "chief executive officer" => &["chief executive", "chief exec", "ceo"],
            "chair" | "chairman" | "chairwoman" => &["chair", "chairman", "chairwoman", "chairperson"],
            _ => &[],
        };
        std::iter::once(role.clone()).chain(short.iter().map(|word| (*word).to_owned())).collect()
    }
}

/// One of the Trust's own premises.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Its postcodes: never exposed, since they are published.
    #[serde(default)]
    pub postcodes: Vec<String>,
}

/// What the Trust publishes for people to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
pub struct Contact {
    /// Phone numbers.
    #[serde(default)]
    pub phones: Vec<String>,
    /// Mailboxes outside the Trust's own domains.
    #[serde(default)]
    pub mailboxes: Vec<String>,
}

/// What a register entry approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegisterKind {
    /// An account on a platform, by handle.
    Account,
    /// A domain.
    Domain,
    /// A page or site, by address.
    Site,
}

/// An approved account, site or domain (EPUT 2.2–2.4, HEFT App 1).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RegisterEntry {
    /// What it approves.
    pub kind: RegisterKind,
    /// The handle, domain or address.
    pub name: String,
    /// On which platform.
    #[serde(default)]
    pub platform: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<String>,
}

/// A pre-election period (SOL 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PreElection {
    /// First day.
    #[serde(deserialize_with = "toml_date")]
    pub from: NaiveDate,
    /// Last day.
    #[serde(deserialize_with = "toml_date")]
    pub to: NaiveDate,
}

fn toml_date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = toml::value::Datetime::deserialize(deserializer)?.to_string();
    text.parse().map_err(|_| serde::de::Error::custom(format!("{text} is no date: write it as 2026-03-27")))
}

impl Profile {
    /// What is looked for, office holders among it: their name near their role or the Trust's name.
    pub fn all_watches(&self) -> Vec<Watch> {
        let in_office = self.office_holders.iter().enumerate().map(|(number, holder)| Watch {
            id: format!("office-holder-{}", number + 1),
            terms: vec![holder.plain_name()],
            case_sensitive: false,
            needs: holder
                .role_words()
                .into_iter()
                .chain([self.name.clone(), self.short_name.clone()])
                .collect(),
            within: default_within(),
            anywhere: Vec::new(),
            unless: Vec::new(),
            never: Vec::new(),
            query: None,
        });
        self.watches.iter().cloned().chain(in_office).collect()
    }

    /// Whoever of the board has this full name.
    pub fn office_holder(&self, forename: &str, surname: &str) -> Option<&OfficeHolder> {
        let is = |word: Option<&str>, name: &str| {
            word.is_some_and(|word| word.to_lowercase() == name.to_lowercase())
        };
        self.office_holders.iter().find(|holder| {
            let name = holder.plain_name();
            let mut words = name.split_whitespace();
            is(words.next(), forename) && is(words.last(), surname)
        })
    }

    /// The score from which a rule fires here, where the profile says.
    pub fn threshold(&self, rule: &str, category: Category) -> Option<f64> {
        self.thresholds.get(rule).or_else(|| self.thresholds.get(category.as_str())).copied()
    }

    /// The severity of a category here, where the profile says.
    pub fn severity(&self, category: Category) -> Option<Severity> {
        self.severities.get(&category).copied()
    }

    /// Whether `host` is one of the Trust's own domains, of its register, or below one.
    pub fn owns_host(&self, host: &str) -> bool {
        let own = |domain: &str| {
            let domain = domain.trim_start_matches("www.");
            host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        };
        self.domains.iter().any(|domain| own(domain)) || self.registered(RegisterKind::Domain).any(own)
    }

    /// Whether `handle` (with or without `@`, any case) is registered.
    pub fn owns_handle(&self, handle: &str) -> bool {
        let wanted = normal_handle(handle);
        !wanted.is_empty() && self.all_handles().any(|known| normal_handle(known) == wanted)
    }

    /// The handles of the profile and of its register.
    pub fn all_handles(&self) -> impl Iterator<Item = &str> {
        self.handles.iter().map(String::as_str).chain(self.registered(RegisterKind::Account))
    }

    /// Whether `postcode` belongs to one of the Trust's own sites.
    pub fn owns_postcode(&self, postcode: &str) -> bool {
        let wanted = normal_postcode(postcode);
        self.sites.iter().flat_map(|site| &site.postcodes).any(|known| normal_postcode(known) == wanted)
    }

    /// The names registered under one kind.
    pub fn registered(&self, kind: RegisterKind) -> impl Iterator<Item = &str> {
        self.register.iter().filter(move |entry| entry.kind == kind).map(|entry| entry.name.as_str())
    }
}

/// A handle without `@`, in lower case.
pub fn normal_handle(handle: &str) -> String {
    handle.trim().trim_start_matches('@').to_lowercase()
}

/// A postcode without spaces, in upper case.
pub fn normal_postcode(postcode: &str) -> String {
    postcode.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}
