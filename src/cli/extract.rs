//! `trustwatch extract`: pages in, main text and metadata out. No network, no store.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::Ended;
use crate::extract::{Options, Page, canonical_url, decode, language_of};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// HTML files; without any, JSON Lines with "html" and "url" on standard input.
    files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Input {
    html: String,
    url: Option<String>,
}

#[derive(Debug, Serialize)]
struct Output {
    url: Option<String>,
    title: String,
    text: String,
    author: Option<String>,
    published: Option<String>,
    canonical_url: Option<String>,
    language: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ended> {
    let mut failed = false;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in &args.files {
        match std::fs::read(file) {
            Ok(bytes) => {
                let html = decode(&bytes, None).text;
                writeln!(out, "{}", serde_json::to_string(&extract(&html, None))?)?;
            }
            Err(error) => {
                failed = true;
                writeln!(out, "{}", json!({"file": file, "error": error.to_string()}))?;
            }
        }
    }
    if args.files.is_empty() {
        for (index, line) in std::io::stdin().lock().lines().enumerate() {
            let read = line.map_err(|error| error.to_string());
            let read = read.and_then(|line| {
                let line = line.strip_prefix('\u{feff}').filter(|_| index == 0).unwrap_or(&line);
                if line.trim().is_empty() {
                    Ok(None)
                } else {
                    serde_json::from_str(line).map(Some).map_err(|error| error.to_string())
                }
            });
            match read {
                Ok(None) => {}
                Ok(Some(Input { html, url })) => {
                    writeln!(out, "{}", serde_json::to_string(&extract(&html, url))?)?;
                }
                Err(error) => {
                    failed = true;
                    writeln!(out, "{}", json!({"line": index + 1, "error": error}))?;
                }
            }
        }
    }
    out.flush()?;
    Ok(if failed { Ended::WithFailures } else { Ended::Well })
}

fn extract(html: &str, url: Option<String>) -> Output {
    let options = Options::default();
    let address = url.as_deref().and_then(|url| Url::parse(url).ok());
    let page = Page::read(html, address.as_ref(), &options);
    let canonical =
        page.metadata.canonical.as_ref().or(address.as_ref()).map(|url| canonical_url(url, &options).into());
    let some = |text: String| (!text.is_empty()).then_some(text);
    Output {
        url,
        title: page.metadata.title,
        language: language_of(&page.text, page.metadata.language.as_deref()),
        text: page.text,
        author: some(page.metadata.author),
        published: page.metadata.published.map(|at| at.to_rfc3339()),
        canonical_url: canonical,
    }
}
