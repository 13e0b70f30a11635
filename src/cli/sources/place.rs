//! An address as a person gives it on the command line: a URL, or a preset with what is filled in.

use std::path::PathBuf;

use crate::cli::Usage;
use crate::clock::{self, Clock, SystemClock};
use crate::config::Config;
use crate::fetch::Key;
use crate::pipeline::{How, Planned};
use crate::secret::{ExposeSecret, SecretString};
use crate::source::{ApiOptions, Preset, SECRET, dated};

/// How an address is named.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// An address, the name of a preset (trustwatch sources presets), or that of a source of the configuration.
    #[arg(value_name = "URL|PRESET|SOURCE")]
    name: String,
    /// The phrase that is searched for, where the preset has one.
    #[arg(long, value_name = "PHRASE")]
    query: Option<String>,
    /// Fills a part of a preset's address.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    given: Vec<String>,
    /// The file with the secret part: it stands as {secret} in the address and is never stored or shown.
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
}

/// What was named.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The address; its secret part stands as `{secret}`.
    pub(super) address: String,
    /// The preset that it was made of.
    pub(super) preset: Option<&'a Preset>,
    /// The source of the configuration that was named.
    pub(super) planned: Option<&'a Planned>,
    /// What was filled in, for a name.
    pub(super) values: Vec<String>,
}

impl Named {
    /// What was named.
    pub(super) fn find<'a>(&self, config: &'a Config) -> anyhow::Result<Found<'a>> {
        let mut given = Vec::new();
        for pair in &self.given {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Usage(format!("--set {pair:?}: write it as --set name=value")))?;
            given.push((name.trim().to_owned(), value.to_owned()));
        }
        given.extend(self.query.iter().map(|query| ("query".to_owned(), query.clone())));
        if self.name.contains("://") {
            if let Some((name, _)) = given.first() {
                return Err(
                    Usage(format!("{name} fills in a preset, and {} is an address", self.name)).into()
                );
            }
            let address = self.name.clone();
            return Ok(Found { address, preset: None, planned: None, values: Vec::new() });
        }
        let named = |planned: &&Planned| planned.source.id.as_str() == self.name;
        if let Some(planned) = config.planned.iter().find(named).filter(|_| given.is_empty()) {
            let address = planned.source.url.to_string();
            return Ok(Found { address, preset: None, planned: Some(planned), values: Vec::new() });
        }
        let preset = super::presets::named(&config.presets, &self.name)?;
        let address = preset.address(&given).map_err(|error| Usage(format!("{}: {error}", preset.id)))?;
        let needs_key =
            address.contains(SECRET) || preset.api.as_ref().is_some_and(|api| api.header.is_some());
        if needs_key && self.secret_file.is_none() {
            let what = preset.first.first().cloned().unwrap_or_default();
            return Err(Usage(format!(
                "{} needs a key: put it into a file and name it with --secret-file. {what}",
                preset.id
            ))
            .into());
        }
        let values = given.into_iter().map(|(_, value)| value).collect();
        Ok(Found { address, preset: Some(preset), planned: None, values })
    }

    /// The secret, read from its file.
    pub(super) fn secret(&self) -> anyhow::Result<Option<SecretString>> {
        let Some(file) = &self.secret_file else { return Ok(None) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Usage(format!("--secret-file {}: {error}", file.display())))?;
        Ok(Some(SecretString::from(text.trim().to_owned())))
    }
}

impl Found<'_> {
    /// How its answer is read, where it is JSON.
    pub(super) fn api(&self) -> Option<&ApiOptions> {
        match self.planned.map(|planned| &planned.how) {
            Some(How::Api(options)) => Some(options),
            _ => self.preset.and_then(|preset| preset.api.as_ref()),
        }
    }

    /// The key that goes into a header of its request.
    pub(super) fn key(&self, secret: Option<&SecretString>) -> Option<Key> {
        let options = self.api()?;
        let secret = secret.or(self.planned.and_then(|planned| planned.secret.as_ref()))?;
        Some(Key { header: options.header.clone()?, prefix: options.prefix.clone(), secret: secret.clone() })
    }

    /// The address as it is fetched.
    pub(super) fn fetched(&self, secret: Option<&SecretString>) -> String {
        if let Some(planned) = self.planned {
            return planned.address(SystemClock::default().now()).into();
        }
        let address = dated(&self.address, clock::london_day(SystemClock::default().now()));
        let Some(secret) = secret else { return address };
        let encoded: String =
            url::form_urlencoded::byte_serialize(secret.expose_secret().as_bytes()).collect();
        address.replace(SECRET, &encoded)
    }
}
