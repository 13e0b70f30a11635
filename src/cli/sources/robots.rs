//! `trustwatch sources robots`: one decision on one file.

use std::path::PathBuf;

use anyhow::Context;
use url::Url;

use crate::cli::{Ended, Usage, output};
use crate::fetch::Robots;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The robots.txt.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The robot's product token.
    #[arg(long, default_value = "Trustwatch", value_name = "TOKEN")]
    agent: String,
    /// The address, or its path.
    url: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Ended> {
    let bytes =
        std::fs::read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let url = address(&args.url).map_err(|error| Usage(format!("{:?} is no address: {error}", args.url)))?;
    let ruling = Robots::read(&bytes, &args.agent).ruling(&url);
    let word = if ruling.allowed { "allowed" } else { "disallowed" };
    if args.json {
        let line = (ruling.line > 0).then_some(ruling.line);
        output::json(&serde_json::json!({"allowed": ruling.allowed, "line": line, "rule": ruling.rule}))?;
    } else if ruling.line == 0 {
        anstream::println!("{word}: no line speaks of it");
    } else {
        anstream::println!("{word}: line {}: {}", ruling.line, ruling.rule);
    }
    Ok(Ended::Well)
}

/// An address, or a path of any site.
fn address(text: &str) -> Result<Url, url::ParseError> {
    let site = || Url::parse("http://site.example/").and_then(|site| site.join(text));
    match Url::parse(text) {
        Err(url::ParseError::RelativeUrlWithoutBase) => site(),
        found => found,
    }
}
