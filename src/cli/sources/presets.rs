//! `trustwatch sources presets`: addresses that are known, and whether they may be used.

use crate::cli::{Ended, Place, Usage, output};
use crate::source::{DAYS, Preset, PresetStatus};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One preset with everything known of it.
    id: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let presets = known(config)?;
    match &args.id {
        Some(id) => show(named(&presets, id)?, args.json)?,
        None if args.json => output::json(&presets)?,
        None => {
            let mut table = output::table(["preset", "what", "may we?", "instead"]);
            for preset in &presets {
                table.add_row([&preset.id, &preset.name, preset.status.as_str(), &preset.instead]);
            }
            output::print_wrapped(table);
            anstream::println!(
                "More of one: trustwatch sources presets ID. Whatever stands here, robots.txt is asked before every visit."
            );
        }
    }
    Ok(Ended::Well)
}

/// The presets of the configuration, or the shipped ones where there is none.
fn known(config: &Place) -> anyhow::Result<Vec<Preset>> {
    if config.exists() {
        match config.load() {
            Ok(config) => return Ok(config.presets),
            Err(error) => anstream::eprintln!("These are the shipped presets alone: {error:#}\n"),
        }
    }
    crate::source::presets(&[]).map_err(anyhow::Error::msg)
}

pub(super) fn named<'a>(presets: &'a [Preset], id: &str) -> anyhow::Result<&'a Preset> {
    let near = || {
        let close = presets
            .iter()
            .filter(|preset| preset.id.contains(id) || strsim::jaro_winkler(&preset.id, id) > 0.8);
        let close: Vec<&str> = close.map(|preset| preset.id.as_str()).collect();
        if close.is_empty() {
            "see trustwatch sources presets".to_owned()
        } else {
            format!("perhaps {}", close.join(", "))
        }
    };
    let found = presets.iter().find(|preset| preset.id == id);
    Ok(found.ok_or_else(|| Usage(format!("there is no preset {id:?}: {}", near())))?)
}

fn show(preset: &Preset, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(preset);
    }
    let row = |key: &str, value: &str| {
        if !value.is_empty() {
            anstream::println!("{key:12} {value}");
        }
    };
    row("preset", &preset.id);
    row("what", &preset.name);
    row("may we?", preset.status.as_str());
    row("why", &preset.why);
    row("instead", &preset.instead);
    for step in &preset.first {
        row("do first", step);
    }
    row("address", &preset.url);
    for parameter in &preset.parameters {
        let meaning = format!("{}: {} (such as {})", parameter.name, parameter.meaning, parameter.example);
        row("fill in", &meaning);
    }
    row("every", preset.every.as_deref().unwrap_or("as the source's own rhythm asks"));
    row("checked", &preset.checked);
    if preset.status == PresetStatus::Disallowed {
        return Ok(());
    }
    let fill: String = preset
        .placeholders()
        .iter()
        .filter(|name| !DAYS.contains(*name) && preset.secret.as_deref() != Some(**name))
        .map(|name| if *name == "query" { " --query \"…\"".to_owned() } else { format!(" --set {name}=…") })
        .collect();
    let secret = if preset.secret.is_some() { " --secret-file FILE" } else { "" };
    row("add it", &format!("trustwatch sources add {}{fill}{secret}", preset.id));
    Ok(())
}
