//! `trustwatch sources review`: renews the day by which sources must be looked at again, of many in one step that stands
//! in the audit (SOL 6.1).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::cli::{Ended, Place, Usage, load_file, on_runtime};
use crate::clock::{self, Clock, SystemClock};
use crate::daemon::{make_state_dir, open_store};
use crate::model::counted;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sources; those that a list stands for are renewed with their list.
    #[arg(value_name = "SOURCE", required_unless_present = "all")]
    sources: Vec<String>,
    /// Every source, and what they inherit from their organisation.
    #[arg(long, conflicts_with = "sources")]
    all: bool,
    /// The new day, such as 2027-11-30: at most two years ahead.
    #[arg(long, value_name = "DATE")]
    until: NaiveDate,
    /// Who looked at them and decided.
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// The longest time between two reviews (days).
const MAX_DAYS: i64 = 731;

/// A file of the configuration, with comments and order kept.
struct File {
    path: PathBuf,
    before: String,
    tree: DocumentMut,
}

pub(super) fn run(args: &Args, config: &Place) -> anyhow::Result<Ended> {
    let loaded = config.load()?;
    let now = SystemClock::default().now();
    let ahead = (args.until - clock::london_day(now)).num_days();
    if !(1..=MAX_DAYS).contains(&ahead) {
        return Err(Usage(format!("--until {}: name a day within the next two years", args.until)).into());
    }
    if args.by.trim().is_empty() {
        return Err(Usage("--by: name who looked at them and decided".to_owned()).into());
    }
    let mut files = read(&loaded.file)?;
    let mut renewed = Vec::new();
    let known = |id: &str| loaded.planned.iter().any(|planned| planned.source.id.as_str() == id);
    for table in files.iter_mut().flat_map(|file| tables(&mut file.tree, "source")) {
        let id = table.get("id").and_then(Item::as_str).unwrap_or_default().to_owned();
        let stands_for = |wanted: &String| {
            *wanted == id || known(wanted) && wanted.starts_with(&format!("{id}-")) && is_list(table)
        };
        // Where nothing of its own stands there, it inherits what is renewed above it.
        if args.sources.iter().any(stands_for) || args.all && table.contains_key("review") {
            set(table, args.until);
            renewed.push(id);
        } else if args.all {
            renewed.push(id);
        }
    }
    if args.all {
        for table in files.iter_mut().flat_map(|file| tables(&mut file.tree, "organisation")) {
            set(table, args.until);
        }
    }
    let is_found =
        |wanted: &&String| !renewed.iter().any(|id| id == *wanted || wanted.starts_with(&format!("{id}-")));
    if let Some(missing) = args.sources.iter().find(is_found) {
        return Err(Usage(format!(
            "there is no source {missing:?}: see trustwatch sources list; nothing was changed"
        ))
        .into());
    }
    make_state_dir(&loaded)?;
    let noted = on_runtime(async {
        // The store comes first: what cannot be noted is not done.
        let store = open_store(&loaded, &SystemClock::default()).await?;
        let purpose = format!("reviewed, next by {}", args.until);
        let done = match write(&files).and_then(|()| load_file(&loaded.file).map(drop)) {
            Ok(()) => store
                .note_reviews(&renewed, &args.by, &purpose, now.timestamp_millis())
                .await
                .map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        store.close().await;
        done
    });
    if let Err(error) = noted {
        for file in files.iter().filter(|file| file.tree.to_string() != file.before) {
            replace(&file.path, &file.before)?;
        }
        return Err(error.context("nothing was changed"));
    }
    anstream::println!(
        "{} renewed until {}, and the audit says by whom. A running service reads it after a restart.",
        counted(renewed.len(), "source"),
        args.until
    );
    Ok(Ended::Well)
}

/// The configuration's own file and those beside it.
fn read(main: &Path) -> anyhow::Result<Vec<File>> {
    let folder = main.parent().unwrap_or(Path::new(".")).join("sources.d");
    let mut paths = vec![main.to_owned()];
    if folder.is_dir() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?
        {
            let path = entry?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
                paths.push(path);
            }
        }
    }
    let read = |path: PathBuf| {
        let before =
            std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let tree = before.parse().with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(File { path, before, tree })
    };
    paths.into_iter().map(read).collect()
}

fn tables<'a>(tree: &'a mut DocumentMut, name: &str) -> Vec<&'a mut Table> {
    let tables = tree.get_mut(name).and_then(Item::as_array_of_tables_mut);
    tables.map(ArrayOfTables::iter_mut).into_iter().flatten().collect()
}

fn is_list(table: &Table) -> bool {
    matches!(table.get("kind").and_then(Item::as_str), Some("links" | "own"))
}

fn set(table: &mut Table, until: NaiveDate) {
    let day: toml_edit::Datetime = until.to_string().parse().expect("a day is a date of TOML");
    match table.get_mut("review") {
        // A remark behind the day stays.
        Some(Item::Value(old)) => {
            let decor = old.decor().clone();
            *old = day.into();
            *old.decor_mut() = decor;
        }
        _ => {
            table.insert("review", value(day));
        }
    }
}

/// Writes what changed, each file whole beside its place first.
fn write(files: &[File]) -> anyhow::Result<()> {
    for file in files {
        let text = file.tree.to_string();
        if text == file.before {
            continue;
        }
        replace(&file.path, &text)?;
    }
    Ok(())
}

/// Writes a file anew, whole, beside its place first; owner and mode stay, a link leads where it led.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let path = path.canonicalize().with_context(|| format!("{} cannot be found", path.display()))?;
    let fail = || format!("{} cannot be written", path.display());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let half = path.with_file_name(format!(".{name}.new"));
    let before = std::fs::metadata(&path).with_context(fail)?;
    std::fs::write(&half, "").with_context(fail)?;
    std::fs::set_permissions(&half, before.permissions()).with_context(fail)?;
    // Only root may give a file away; whoever owns it already need not.
    if std::fs::metadata(&half).with_context(fail)?.uid() != before.uid() {
        std::os::unix::fs::chown(&half, Some(before.uid()), Some(before.gid())).with_context(fail)?;
    }
    std::fs::write(&half, text).with_context(fail)?;
    std::fs::rename(&half, &path).with_context(fail)
}
