//! `trustwatch sources add`: writes a source into `sources.d`, where the configuration bears it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use url::Url;

use super::place::{Found, Named};
use crate::cli::{Ended, Place, Usage, cannot_be_used};
use crate::config::{Config, load_with_added};
use crate::model::{DocumentKind, SourceId, SourceKind};
use crate::schedule::parse_interval;
use crate::source::{ApiOptions, PresetStatus};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    /// The source's name in files and mails; made from the address where it is left out.
    #[arg(long)]
    id: Option<String>,
    /// How it is read: feed, page or sitemap.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// What sort of documents it lists: news, social, forum, blog, review, web, comment.
    #[arg(long, value_name = "KIND")]
    document_kind: Option<String>,
    /// Poll it this often (30m, 2h); left out, its own rhythm is followed.
    #[arg(long)]
    every: Option<String>,
    /// Fetch each entry's page too.
    #[arg(long)]
    follow: bool,
    /// Show what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A source as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) kind: SourceKind,
    pub(super) url: String,
    pub(super) document_kind: DocumentKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) every: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) follow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_file: Option<std::path::PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) licence: Option<String>,
    /// After all plain keys: in TOML a table ends only at the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api: Option<ApiOptions>,
}

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let found = args.named.find(&config)?;
    let source = written(args, &found, &config)?;
    let text = as_toml(std::slice::from_ref(&source))?;
    let file = NewFile::checked(&config, &source.id, &text).context("nothing was added")?;
    file.tell_notes();
    if args.dry_run {
        anstream::print!("{text}");
        return Ok(Ended::Well);
    }
    let file = file.write()?;
    anstream::println!("{} is written. A running service reads it after a restart.", file.display());
    if let Some(preset) = found.preset.filter(|preset| !preset.first.is_empty()) {
        anstream::println!("Before you rely on it:");
        for step in &preset.first {
            anstream::println!("  - {step}");
        }
    }
    anstream::println!("Poll it now: trustwatch poll --source {}", source.id);
    Ok(Ended::Well)
}

fn written(args: &Args, found: &Found<'_>, config: &Config) -> anyhow::Result<Written> {
    let preset = found.preset;
    let kind = match (&args.kind, preset.map(|preset| preset.kind)) {
        (None, Some(kind)) => kind.source(),
        (None, None) => SourceKind::Feed,
        (Some(kind), _) => {
            word(kind, "--kind", "feed, page or sitemap; the other kinds are written by hand (README)")?
        }
    };
    let document_kind = match (&args.document_kind, preset) {
        (Some(kind), _) => {
            word(kind, "--document-kind", "news, social, forum, blog, review, web or comment")?
        }
        (None, Some(preset)) => preset.document_kind,
        (None, None) => DocumentKind::Web,
    };
    if let Some(preset) = preset.filter(|preset| preset.status == PresetStatus::Disallowed) {
        let message = format!(
            "{} is not added: {}\nInstead: {}\nIf its owner agreed, write it by hand with [source.robots_override] (name, date, reason).",
            preset.id, preset.why, preset.instead
        );
        return Err(Usage(message).into());
    }
    let id = args.id.clone().unwrap_or_else(|| name_of(found));
    id.parse::<SourceId>().map_err(|error| Usage(error.to_string()))?;
    if let Some(every) = &args.every {
        parse_interval(every).map_err(|error| Usage(error.to_string()))?;
    }
    if let Some(same) = config.planned.iter().find(|planned| planned.source.url.as_str() == found.address) {
        let message = format!("{} is polled already, as {:?}", found.address, same.source.id.as_str());
        return Err(Usage(message).into());
    }
    if config.planned.iter().any(|planned| planned.source.id.as_str() == id) {
        return Err(Usage(format!("there is a source {id:?} already: give another name with --id")).into());
    }
    let licence =
        preset.and_then(|preset| serde_json::to_value(preset.licence).ok()?.as_str().map(str::to_owned));
    Ok(Written {
        id,
        kind,
        url: found.address.clone(),
        document_kind,
        every: args.every.clone().or_else(|| preset.and_then(|preset| preset.every.clone())),
        follow: args.follow || preset.is_some_and(|preset| preset.follow),
        preset: preset.map(|preset| preset.id.clone()),
        secret_file: args
            .named
            .secret_file
            .as_ref()
            .map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone())),
        licence,
        api: preset.and_then(|preset| preset.api.clone()),
    })
}

fn word<T: serde::de::DeserializeOwned>(text: &str, option: &str, words: &str) -> anyhow::Result<T> {
    let read = serde_json::from_value(serde_json::Value::from(text));
    Ok(read.map_err(|_| Usage(format!("{option} {text:?} is none of: {words}")))?)
}

/// A name made of the preset and what was filled in, or of the host and path.
pub(super) fn name_of(found: &Found<'_>) -> String {
    let parts = match (found.preset, Url::parse(&found.address)) {
        (Some(preset), _) => format!("{} {}", preset.id, found.values.join(" ")),
        (None, Ok(url)) => {
            let host = url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
            format!("{host} {}", url.path())
        }
        (None, Err(_)) => found.address.clone(),
    };
    slug(&parts)
}

/// The longest name that is made (characters).
const MAX_ID: usize = 50;

pub(super) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut slug = words.join("-");
    slug.truncate(MAX_ID);
    slug.trim_end_matches('-').to_owned()
}

pub(super) fn as_toml(sources: &[Written]) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct File<'a> {
        source: &'a [Written],
    }
    Ok(toml::to_string(&File { source: sources })?)
}

/// A file of sources beside the configuration that is not written yet, and that the configuration bears.
pub(super) struct NewFile<'a> {
    file: PathBuf,
    text: &'a str,
    /// What should be known of it all the same.
    notes: Vec<String>,
}

impl<'a> NewFile<'a> {
    /// Loads everything as if the file were there.
    ///
    /// # Errors
    /// All that is wrong with it; nothing is written.
    pub(super) fn checked(config: &Config, name: &str, text: &'a str) -> anyhow::Result<Self> {
        let file = Self::path(config, name);
        if file.exists() {
            let message = format!("{} is there already: give another name with --id", file.display());
            return Err(Usage(message).into());
        }
        let loaded = load_with_added(&config.file, &file, text)
            .map_err(|problems| cannot_be_used(&config.file, problems))?;
        let notes = loaded.notes.into_iter().filter(|note| !config.notes.contains(note)).collect();
        Ok(Self { file, text, notes })
    }

    /// Where a file of that name stands.
    pub(super) fn path(config: &Config, name: &str) -> PathBuf {
        config.file.parent().unwrap_or(Path::new(".")).join("sources.d").join(format!("{name}.toml"))
    }

    /// Tells what should be known, beside what goes to standard output.
    pub(super) fn tell_notes(&self) {
        for note in &self.notes {
            anstream::eprintln!("note: {note}");
        }
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(self) -> anyhow::Result<PathBuf> {
        let Self { file, text, .. } = self;
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let half = file.with_extension("toml.new");
        std::fs::write(&half, text).with_context(|| format!("{} cannot be written", half.display()))?;
        std::fs::rename(&half, &file).with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(file)
    }
}
