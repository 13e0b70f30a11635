//! Presets: addresses that are known, with what is known about using them. Data, compiled in and overlaid.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use url::Url;

use super::ApiOptions;
use crate::model::{DocumentKind, Licence, SourceKind};

/// The shipped presets.
const SHIPPED: &str = include_str!("../../config/presets.toml");
/// Where the secret part of an address stands until it is fetched.
pub const SECRET: &str = "{secret}";
/// Shorter ones stand in texts by chance (bytes).
const SHORTEST_SECRET: usize = 4;
/// Parts of an address that are filled in anew at every visit.
pub const DAYS: [&str; 3] = ["now", "date", "since"];
/// Days that `{date}` lies before today.
const WINDOW_DAYS: u64 = 7;

/// Whether a preset may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PresetStatus {
    /// Published for readers or programs, and nothing was seen that refuses us.
    Allowed,
    /// The same, with a key of one's own.
    NeedsKey,
    /// Not known well enough: a person must look first.
    Unverified,
    /// Its owner refuses programs like ours.
    Disallowed,
}

impl PresetStatus {
    /// The name, for people and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::NeedsKey => "needs-key",
            Self::Unverified => "unverified",
            Self::Disallowed => "disallowed",
        }
    }
}

/// A part of an address that a person fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, as it stands in the address.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// What one may look like.
    #[serde(default)]
    pub example: String,
    /// What it is where nobody says.
    #[serde(default)]
    pub default: Option<String>,
}

/// How a source is read, as a preset names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresetKind {
    /// A feed.
    Feed,
    /// A page.
    Page,
    /// JSON with its own description.
    Api,
}

impl PresetKind {
    /// The kind of source that it makes.
    pub const fn source(self) -> SourceKind {
        match self {
            Self::Feed => SourceKind::Feed,
            Self::Page => SourceKind::Page,
            Self::Api => SourceKind::Api,
        }
    }
}

/// An address that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// Its name in commands.
    pub id: String,
    /// What it is.
    pub name: String,
    /// What it belongs to: `press`, `search`, `social` …
    pub group: String,
    /// How it is read.
    pub kind: PresetKind,
    /// The address, with `{names}` to be filled in.
    pub url: String,
    /// What sort of documents it lists.
    pub document_kind: DocumentKind,
    /// Whether it may be used.
    pub status: PresetStatus,
    /// What was seen, and where.
    pub why: String,
    /// The lawful way instead.
    #[serde(default)]
    pub instead: String,
    /// What a person must do first.
    #[serde(default)]
    pub first: Vec<String>,
    /// What may be done with its words.
    pub licence: Licence,
    /// A polite interval.
    #[serde(default)]
    pub every: Option<String>,
    /// Whether each entry's page is fetched.
    #[serde(default)]
    pub follow: bool,
    /// Where things stand in the answer, where it is an interface.
    #[serde(default)]
    pub api: Option<ApiOptions>,
    /// Which part is a secret.
    #[serde(default)]
    pub secret: Option<String>,
    /// When it was checked, and what was not.
    #[serde(default)]
    pub checked: String,
    /// What a person fills in.
    #[serde(default, rename = "parameter")]
    pub parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct File {
    preset: Vec<Preset>,
}

/// Why an address cannot be made of a preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// Something must be filled in.
    #[error("{0} is missing: {1}")]
    Missing(String, String),
    /// Something is filled in that the preset does not have.
    #[error("there is no {0:?} in this preset: it has {1}")]
    Unknown(String, String),
    /// What was filled in makes no address.
    #[error("{0:?} makes no address: {1}")]
    Address(String, String),
}

/// The shipped presets, with those of `overlay` (texts of files) before those of the same name.
///
/// # Errors
/// Says what is wrong with which text.
pub fn presets(overlay: &[(String, String)]) -> Result<Vec<Preset>, String> {
    let mut all = read("the shipped presets", SHIPPED)?;
    for (name, text) in overlay {
        for preset in read(name, text)? {
            all.retain(|known| known.id != preset.id);
            all.push(preset);
        }
    }
    Ok(all)
}

fn read(name: &str, text: &str) -> Result<Vec<Preset>, String> {
    toml::from_str::<File>(text).map(|file| file.preset).map_err(|error| format!("{name}: {error}"))
}

impl Preset {
    /// The address with everything filled in; its secret part stays [`SECRET`], its days stay to be filled in at
    /// every visit ([`dated`]).
    ///
    /// # Errors
    /// Says what is missing or too much.
    pub fn address(&self, given: &[(String, String)]) -> Result<String, PresetError> {
        let names = self.placeholders();
        if let Some((name, _)) = given.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            return Err(PresetError::Unknown(name.clone(), list(&names)));
        }
        let mut address = self.url.clone();
        for name in names {
            if DAYS.contains(&name) {
                continue;
            }
            let value = self.value(name, given)?;
            let place = format!("{{{name}}}");
            // A whole address or host at the start keeps its signs.
            let starts = address.starts_with(&place) || address.find(&place) == Some("https://".len());
            let value = match (starts, value.as_str()) {
                (_, SECRET) => value,
                (true, _) => value.trim_end_matches('/').to_owned(),
                (false, _) => encoded(value.trim_matches(['"', '“', '”'])),
            };
            address = address.replace(&place, &value);
        }
        let checked = dated(&address.replace(SECRET, "secret"), NaiveDate::default());
        Url::parse(&checked).map_err(|error| PresetError::Address(checked, error.to_string()))?;
        Ok(address)
    }

    fn value(&self, name: &str, given: &[(String, String)]) -> Result<String, PresetError> {
        if self.secret.as_deref() == Some(name) {
            return Ok(SECRET.to_owned());
        }
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        let given = given.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
        let known = parameter.and_then(|parameter| parameter.default.clone());
        given.filter(|value| !value.is_empty()).or(known).ok_or_else(|| {
            let meaning = match (name, parameter) {
                (_, Some(parameter)) => format!("{}, such as {}", parameter.meaning, parameter.example),
                ("query", None) => "the phrase that is searched for: give --query".to_owned(),
                _ => format!("give --set {name}=…"),
            };
            PresetError::Missing(name.to_owned(), meaning)
        })
    }

    /// The names in its address.
    pub fn placeholders(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for part in self.url.split('{').skip(1) {
            if let Some((name, _)) = part.split_once('}')
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }
}

/// An address with its days filled in, as they are when it is fetched.
pub fn dated(address: &str, today: NaiveDate) -> String {
    let before = today - Days::new(WINDOW_DAYS);
    let address = address.replace("{now}", &today.to_string());
    address.replace("{date}", &before.to_string()).replace("{since}", &before.to_string())
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing to fill in".to_owned() } else { names.join(", ") }
}

/// Percent-encoded for a path segment or a query value.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |done, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            done + char::from(byte).to_string().as_str()
        }
        byte => done + format!("%{byte:02X}").as_str(),
    })
}

/// `text` with [`SECRET`] in place of the secret itself, as it is and as it is written in addresses: some sites repeat
/// the address that they were asked at.
pub fn without_secret(text: &str, secret: &str) -> String {
    if secret.len() < SHORTEST_SECRET {
        return text.to_owned();
    }
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    text.replace(secret, SECRET).replace(&encoded, SECRET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Vec<Preset> {
        presets(&[]).unwrap()
    }

    #[test]
    fn every_preset_makes_an_address_and_a_refused_one_names_another_way() {
        let all = shipped();
        assert!(all.len() >= 40, "{}", all.len());
        for preset in &all {
            let mut given: Vec<(String, String)> = preset
                .parameters
                .iter()
                .filter(|parameter| preset.secret.as_ref() != Some(&parameter.name))
                .map(|parameter| (parameter.name.clone(), parameter.example.clone()))
                .collect();
            if preset.placeholders().contains(&"query") {
                given.push(("query".to_owned(), "Solent NHS Trust".to_owned()));
            }
            let address = preset.address(&given).unwrap_or_else(|error| panic!("{}: {error}", preset.id));
            assert!(address.starts_with("https://"), "{}: {address}", preset.id);
            let api = preset.api.as_ref();
            assert_eq!(api.is_some(), preset.kind == PresetKind::Api, "{}", preset.id);
            assert_eq!(api.map(ApiOptions::check).unwrap_or_default(), [], "{}", preset.id);
            assert!(!preset.why.is_empty() && preset.checked.starts_with("2026-"), "{}", preset.id);
            if preset.status == PresetStatus::Disallowed {
                assert!(!preset.instead.is_empty(), "{} names no lawful way", preset.id);
            }
            let named = preset.instead.split("preset ").skip(1).map(|rest| {
                rest.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-')
                    .next()
                    .unwrap()
            });
            for id in named.filter(|id| !id.is_empty()) {
                assert!(all.iter().any(|known| known.id == id), "{} names {id}", preset.id);
            }
        }
    }

    #[test]
    fn what_is_filled_in_is_encoded_and_a_secret_is_kept_out() {
        let all = shipped();
        let preset = |id: &str| all.iter().find(|preset| preset.id == id).unwrap();
        let query = |text: &str| vec![("query".to_owned(), text.to_owned())];
        let address = preset("wordpress-search").placeholders().contains(&"site");
        assert!(address);
        let keyed = preset("whatdotheyknow-own-requests");
        let given: Vec<(String, String)> = keyed
            .placeholders()
            .into_iter()
            .filter(|name| {
                keyed.secret.as_deref() != Some(*name) && !matches!(*name, "now" | "date" | "since")
            })
            .map(|name| (name.to_owned(), "42".to_owned()))
            .collect();
        assert!(keyed.address(&given).unwrap().contains(SECRET));
        let gdelt = preset("gdelt-doc").address(&query("Solent & \"NHS\" Trust")).unwrap();
        assert!(gdelt.contains("Solent%20%26%20%22NHS%22%20Trust"), "{gdelt}");
        assert!(matches!(preset("gdelt-doc").address(&[]), Err(PresetError::Missing(..))));
        let wrong = [("town".to_owned(), "x".to_owned())];
        assert!(matches!(preset("bbc-health").address(&wrong), Err(PresetError::Unknown(..))));
    }

    #[test]
    fn an_overlay_takes_the_place_of_a_preset() {
        let text = "[[preset]]\nid = \"bbc-health\"\nname = \"n\"\ngroup = \"press\"\nkind = \"feed\"\nurl = \"https://x.example/\"\n\
                    document_kind = \"news\"\nstatus = \"disallowed\"\nwhy = \"w\"\nlicence = \"none\"\n";
        let all = presets(&[("own.toml".to_owned(), text.to_owned())]).unwrap();
        assert_eq!(all.len(), shipped().len());
        let own = all.iter().find(|preset| preset.id == "bbc-health").unwrap();
        assert_eq!(own.status, PresetStatus::Disallowed);
        assert!(
            presets(&[("own.toml".to_owned(), "[[preset]]".to_owned())])
                .unwrap_err()
                .starts_with("own.toml: ")
        );
    }
}
