//! `trustwatch sources read`: feeds from files, through the same decoding, repair and readers as a poll.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use url::Url;

use crate::cli::{Ended, Usage, output};
use crate::clock::{Clock, SystemClock};
use crate::extract::{self, decode, document_of_entry};
use crate::model::{DocumentKind, counted};
use crate::source::{Options, ParsedFeed, parse_feed};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files with a feed each.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where they came from: relative links are resolved against it.
    #[arg(long, default_value = "http://127.0.0.1/", value_name = "URL")]
    base: String,
    /// The Content-Type header that they came with.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// One JSON object for each file.
    #[arg(long)]
    json: bool,
}

/// An entry, as people read it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    id: String,
    pub(super) title: String,
    pub(super) link: String,
    pub(super) published: Option<String>,
    author: String,
    pub(super) text: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ended> {
    let base = Url::parse(&args.base).map_err(|error| Usage(format!("--base {:?}: {error}", args.base)))?;
    let mut ended = Ended::Well;
    for file in &args.files {
        let feed = read(file, &base, args.content_type.as_deref());
        if feed.is_err() {
            ended = Ended::WithFailures;
        }
        match (feed, args.json) {
            (Ok(feed), true) => {
                let entries = shown(&feed);
                let line = json!({"file": file, "outcome": "read", "reader": feed.reader, "title": plain(&feed.title), "entries": entries});
                anstream::println!("{line}");
            }
            (Err((outcome, why)), true) => {
                anstream::println!(
                    "{}",
                    json!({"file": file, "outcome": outcome, "error": why, "entries": []})
                );
            }
            (Ok(feed), false) => {
                anstream::println!(
                    "{}: {}{}",
                    file.display(),
                    counted(feed.entries.len(), "entry"),
                    feed.reader.remark()
                );
                print_entries(&shown(&feed));
            }
            (Err((_, why)), false) => anstream::println!("{}: {why}", file.display()),
        }
    }
    Ok(ended)
}

fn read(file: &Path, base: &Url, content_type: Option<&str>) -> Result<ParsedFeed, (&'static str, String)> {
    let bytes = std::fs::read(file).map_err(|error| ("missing", error.to_string()))?;
    let text = decode(&bytes, content_type).text;
    // A parser that panics on one file must not cost the others.
    let parsed = std::panic::catch_unwind(|| {
        parse_feed(&text, base, SystemClock::default().now(), &Options::default())
    });
    let parsed = parsed.map_err(|_| ("unreadable", "the parser failed on it".to_owned()))?;
    parsed.map_err(|error| ("unreadable", error.to_string()))
}

pub(super) fn shown(feed: &ParsedFeed) -> Vec<Shown> {
    feed.entries.iter().map(shown_entry).collect()
}

pub(super) fn shown_entry(entry: &crate::model::Entry) -> Shown {
    let document = document_of_entry(entry, DocumentKind::Web, &extract::Options::default());
    Shown {
        id: entry.key.clone(),
        title: document.title,
        link: entry.url.clone(),
        published: entry.published.map(|at| at.to_rfc3339()),
        author: document.author,
        text: document.text,
    }
}

fn plain(markup: &str) -> String {
    extract::plain_text(markup).replace('\n', " ")
}

pub(super) fn print_entries(entries: &[Shown]) {
    let mut table = output::table(["published", "title", "link"]);
    for entry in entries {
        let day = entry.published.as_deref().map_or("no date", |at| at.get(..10).unwrap_or(at));
        table.add_row([day, &entry.title, &entry.link]);
    }
    anstream::println!("{table}");
}
