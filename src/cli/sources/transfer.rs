//! `trustwatch sources import` and `export`: lists of feeds as OPML (what feed readers exchange) or CSV.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use serde::Deserialize;

use super::add::{NewFile, Written, as_toml, name_of, slug};
use super::place::Found;
use crate::cli::{Ended, Place, Usage};
use crate::fetch::parse_target;
use crate::model::{DocumentKind, SourceKind, counted};
use crate::pipeline::Planned;
use crate::problem::{Problem, Problems};
use crate::schedule::parse_interval;

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// An OPML file, or a CSV file with the columns `url` and, where wanted, `id`, `kind`, `document_kind`, `every`, `follow`.
    file: PathBuf,
    /// Show what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// opml or csv.
    #[arg(long, default_value = "opml", value_parser = ["opml", "csv"])]
    format: String,
}

/// A line of a list.
#[derive(Debug, Default, Deserialize)]
pub struct Line {
    /// The address, as it was written.
    pub url: String,
    /// The name that it was given, if any.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    document_kind: String,
    #[serde(default)]
    every: String,
    #[serde(default)]
    follow: String,
    /// Where it stands in the file, for people.
    #[serde(skip)]
    place: String,
}

/// What stands for a cell that a spreadsheet would take for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

pub(super) fn import(args: &ImportArgs, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Usage(format!("{}: {error}", args.file.display())))?;
    let is_csv = args.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let lines = if is_csv { from_csv(&text) } else { from_opml(&text) };
    let lines = lines.map_err(|error| Usage(format!("{}: {error}", args.file.display())))?;
    let mut taken: Vec<(String, String)> = config
        .planned
        .iter()
        .map(|planned| (planned.source.id.to_string(), planned.source.url.to_string()))
        .collect();
    let (mut sources, mut places, mut wrong, mut known) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for line in lines {
        let same = |url: &str| url::Url::parse(&line.url).is_ok_and(|given| given.as_str() == url);
        if taken.iter().any(|(_, url)| same(url) || *url == line.url) {
            known += 1;
            continue;
        }
        // All that is wrong is told at once, as the person wrote it.
        let target = if line.url.is_empty() {
            Err("it has no address".to_owned())
        } else {
            parse_target(&line.url, &config.fetch.policy()).map(|_| ()).map_err(|refusal| refusal.to_string())
        };
        let place =
            if line.url.is_empty() { line.place.clone() } else { format!("{} ({})", line.place, line.url) };
        match target.and_then(|()| source(&line, &taken)) {
            Ok(source) => {
                taken.push((source.id.clone(), source.url.clone()));
                sources.push(source);
                places.push(place);
            }
            Err(why) => wrong.push(format!("{place}: {why}")),
        }
    }
    let refuse = |wrong: &[String]| {
        let message = format!("nothing was imported; in {}:\n  {}", args.file.display(), wrong.join("\n  "));
        Err(Usage(message).into())
    };
    if sources.is_empty() && wrong.is_empty() {
        anstream::println!("nothing new: {known} are polled already");
        return Ok(Ended::Well);
    }
    let text = as_toml(&sources)?;
    let stem = args.file.file_stem().map(|stem| slug(&stem.to_string_lossy())).unwrap_or_default();
    let names = std::iter::once(format!("import-{stem}")).chain((2..).map(|n| format!("import-{stem}-{n}")));
    let name = names.into_iter().find(|name| !NewFile::path(&config, name).exists()).unwrap_or_default();
    let file = match NewFile::checked(&config, &name, &text) {
        Ok(file) if wrong.is_empty() => file,
        Ok(_) => return refuse(&wrong),
        Err(error) => {
            wrong.extend(as_listed(&error, &NewFile::path(&config, &name), &places));
            return if wrong.is_empty() {
                Err(error.context("nothing was imported"))
            } else {
                refuse(&wrong)
            };
        }
    };
    file.tell_notes();
    if args.dry_run {
        anstream::print!("{text}");
        return Ok(Ended::Well);
    }
    let file = file.write()?;
    anstream::println!(
        "{} written to {}; {known} polled already. A running service reads them after a restart.",
        counted(sources.len(), "source"),
        file.display()
    );
    Ok(Ended::Well)
}

/// What the configuration would not bear of the sources of `file`, by where each stands in the list.
fn as_listed(error: &anyhow::Error, file: &Path, places: &[String]) -> Vec<String> {
    let Some(Problems(problems)) = error.downcast_ref::<Problems>() else { return Vec::new() };
    let of_list = |problem: &&Problem| problem.file.as_deref() == Some(file);
    let listed = problems.iter().filter(of_list).filter_map(|problem| {
        let index = problem.key.strip_prefix("source[")?.split(']').next()?.parse::<usize>().ok()?;
        Some(format!("{}: {}", places.get(index)?, problem.message))
    });
    listed.collect()
}

fn source(line: &Line, taken: &[(String, String)]) -> Result<Written, String> {
    let word = |text: &str| serde_json::Value::from(text.trim().to_lowercase());
    let kind: SourceKind = if line.kind.is_empty() {
        SourceKind::Feed
    } else {
        serde_json::from_value(word(&line.kind))
            .ok()
            .filter(|kind| matches!(kind, SourceKind::Feed | SourceKind::Page | SourceKind::Sitemap))
            .ok_or_else(|| format!("kind {:?} is none of: feed, page, sitemap", line.kind))?
    };
    let document_kind: DocumentKind = if line.document_kind.is_empty() {
        DocumentKind::Web
    } else {
        serde_json::from_value(word(&line.document_kind))
            .map_err(|_| format!("there is no document_kind {:?}", line.document_kind))?
    };
    let id = if line.id.is_empty() {
        name_of(&Found { address: line.url.clone(), preset: None, planned: None, values: Vec::new() })
    } else {
        slug(&line.id)
    };
    let follow = match line.follow.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => true,
        "" | "false" | "no" | "0" => false,
        other => return Err(format!("follow {other:?} is neither true nor false")),
    };
    if !line.every.trim().is_empty() {
        parse_interval(&line.every).map_err(|error| error.to_string())?;
    }
    let is_taken = |id: &str| taken.iter().any(|(known, _)| known == id);
    let free = (2..).map(|n| format!("{id}-{n}"));
    let id = std::iter::once(id.clone()).chain(free).find(|id| !is_taken(id)).unwrap_or(id);
    Ok(Written {
        id,
        kind,
        url: line.url.clone(),
        document_kind,
        every: Some(line.every.trim().to_owned()).filter(|every| !every.is_empty()),
        follow,
        preset: None,
        secret_file: None,
        licence: None,
        api: None,
    })
}

/// Lines of a table with a head, empty ones left out.
pub fn from_csv(text: &str) -> Result<Vec<Line>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    // Spreadsheets of half of Europe write semicolons.
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    if !reader.headers().map_err(|error| error.to_string())?.iter().any(|name| name == "url") {
        return Err(format!("its first line must name the columns, with url among them: {head:?} does not"));
    }
    let mut lines = Vec::new();
    for (index, line) in reader.deserialize().enumerate() {
        let place = format!("line {}", index + 2);
        let line: Line = line.map_err(|error| format!("{place}: {error}"))?;
        // What was written to keep a spreadsheet from reckoning is taken away again.
        let url = line.url.trim_start_matches(|c: char| c == '\'' || c.is_whitespace()).trim_end().to_owned();
        let is_empty = [&url, &line.id, &line.kind, &line.document_kind, &line.every, &line.follow]
            .iter()
            .all(|cell| cell.trim().is_empty());
        if !is_empty {
            lines.push(Line { url, place, ..line });
        }
    }
    Ok(lines)
}

/// Outlines with an `xmlUrl`, however deep they stand in folders.
pub fn from_opml(text: &str) -> Result<Vec<Line>, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut lines = Vec::new();
    let mut is_opml = false;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("no OPML can be read at byte {}: {error}", reader.error_position()))?;
        match event {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => {
                is_opml |= element.name().as_ref().eq_ignore_ascii_case("opml");
                if let Some(line) = outline(&element)? {
                    let place = format!("outline {}", lines.len() + 1);
                    lines.push(Line { place, ..line });
                }
            }
            _ => {}
        }
    }
    if is_opml { Ok(lines) } else { Err("this is neither OPML nor, by its name, CSV".to_owned()) }
}

fn outline(element: &BytesStart<'_>) -> Result<Option<Line>, String> {
    if !element.name().as_ref().eq_ignore_ascii_case("outline") {
        return Ok(None);
    }
    let mut line = Line::default();
    for attribute in element.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = &attribute.value;
        let value = unescape(value).map_or_else(|_| value.to_string(), std::borrow::Cow::into_owned);
        match attribute.key.as_ref().to_ascii_lowercase().as_str() {
            "xmlurl" => value.trim().clone_into(&mut line.url),
            "title" => line.id = value,
            "text" if line.id.is_empty() => line.id = value,
            _ => {}
        }
    }
    Ok((!line.url.is_empty()).then_some(line))
}

pub(super) fn export(args: &ExportArgs, config: &Place) -> anyhow::Result<Ended> {
    let config = config.load()?;
    // What is more than an address is not told by one.
    let kinds: &[SourceKind] = match args.format.as_str() {
        "csv" => &[SourceKind::Feed, SourceKind::Page, SourceKind::Sitemap],
        _ => &[SourceKind::Feed],
    };
    let (told, left): (Vec<&Planned>, Vec<&Planned>) = config
        .planned
        .iter()
        .partition(|planned| kinds.contains(&planned.source.kind) && planned.secret.is_none());
    let mut out = std::io::stdout().lock();
    if args.format == "csv" {
        write_csv(&mut out, &told)?;
    } else {
        write_opml(&mut out, &told).context("the list cannot be written")?;
        writeln!(out)?;
    }
    if !left.is_empty() {
        let left: Vec<&str> = left.iter().map(|planned| planned.source.id.as_str()).collect();
        anstream::eprintln!(
            "left out, since an address alone does not tell how they are read: {}",
            left.join(", ")
        );
    }
    Ok(Ended::Well)
}

fn write_csv(out: &mut impl Write, planned: &[&Planned]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["id", "kind", "url", "document_kind", "every", "follow"])?;
    for planned in planned {
        let source = &planned.source;
        let cells = [
            source.id.to_string(),
            source.kind.as_str().to_owned(),
            source.url.to_string(),
            source.document_kind.as_str().to_owned(),
            planned.schedule.written().unwrap_or_default(),
            source.follow.to_string(),
        ];
        writer.write_record(
            cells.map(|cell| if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell }),
        )?;
    }
    writer.flush()?;
    Ok(())
}

fn write_opml(out: &mut impl Write, planned: &[&Planned]) -> std::io::Result<()> {
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.write_event(Event::Start(BytesStart::new("opml").with_attributes([("version", "2.0")])))?;
    writer.write_event(Event::Start(BytesStart::new("head")))?;
    writer.write_event(Event::Start(BytesStart::new("title")))?;
    writer.write_event(Event::Text(BytesText::new("Sources of Trustwatch")))?;
    writer.write_event(Event::End(BytesEnd::new("title")))?;
    writer.write_event(Event::End(BytesEnd::new("head")))?;
    writer.write_event(Event::Start(BytesStart::new("body")))?;
    for source in planned.iter().map(|planned| &planned.source) {
        let outline = BytesStart::new("outline").with_attributes([
            ("type", "rss"),
            ("text", source.id.as_str()),
            ("xmlUrl", source.url.as_str()),
        ]);
        writer.write_event(Event::Empty(outline))?;
    }
    writer.write_event(Event::End(BytesEnd::new("body")))?;
    writer.write_event(Event::End(BytesEnd::new("opml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_are_read_in_folders_and_with_signs() {
        let text = "<?xml version=\"1.0\"?><opml version=\"1.0\"><body><outline text=\"Local\">\
            <outline text=\"The Mere &amp; Vale\" type=\"rss\" xmlUrl=\"https://paper.example/feed?a=1&amp;b=2\"/>\
            </outline><outline title=\"Blog\" text=\"x\" XMLURL=\"https://blog.example/atom\"></outline></body></opml>";
        let lines = from_opml(text).unwrap();
        let read: Vec<(&str, &str)> =
            lines.iter().map(|line| (line.id.as_str(), line.url.as_str())).collect();
        assert_eq!(
            read,
            [
                ("The Mere & Vale", "https://paper.example/feed?a=1&b=2"),
                ("Blog", "https://blog.example/atom")
            ]
        );
        for wrong in ["", "<rss></rss>", "plain words", "<opml><body></wrong>"] {
            assert!(from_opml(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tables_are_read_with_and_without_their_further_columns() {
        let lines =
            from_csv("\u{feff}url,kind,every\nhttps://a.example/,page,2h\n,,\nhttps://b.example/feed,,\n")
                .unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(from_csv("url,kind\n,page\n,\n").unwrap().len(), 1, "one without an address is told of");
        assert_eq!(
            (lines[0].kind.as_str(), lines[0].every.as_str(), lines[1].kind.as_str()),
            ("page", "2h", "")
        );
        assert!(from_csv("address\nhttps://a.example/\n").unwrap_err().contains("with url among them"));
    }
}
