//! One TOML file with the lines of its keys, and reading sections from it so that one mistake does not
//! hide the next.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::problem::{Problem, not_toml};

/// A file that was read.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) file: PathBuf,
    pub(super) table: Table,
    lines: HashMap<String, usize>,
    overrides: Vec<Override>,
}

/// A key that the environment sets.
#[derive(Debug, Clone)]
struct Override {
    key: String,
    variable: String,
    text: String,
}

/// Mistakes in one section before we give up on it.
const MAX_MISTAKES: usize = 50;

impl Layer {
    /// Reads TOML text.
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, Problem> {
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line_of = |at: usize| ends.partition_point(|end| *end < at) + 1;
        let wrong = |error: toml::de::Error| not_toml(file, text, &error);
        let spanned = DeTable::parse(text).map_err(wrong)?;
        let mut lines = HashMap::new();
        note_table(spanned.get_ref(), "", &line_of, &mut lines);
        let table = text.parse::<Table>().map_err(wrong)?;
        Ok(Self { file: file.to_owned(), table, lines, overrides: Vec::new() })
    }

    /// Sets what the variable says at `keys`, and remembers where it came from.
    pub(super) fn override_key(&mut self, keys: &[&str], variable: &str, text: &str) -> Result<(), Problem> {
        let wrong = |what: &str| Problem::at(format!("environment variable {variable}"), what.to_owned());
        let Some((last, parents)) = keys.split_last().filter(|_| keys.iter().all(|key| !key.is_empty()))
        else {
            return Err(wrong("names no key: write it as TRUSTWATCH__SECTION__KEY"));
        };
        let mut place = &mut self.table;
        for key in parents {
            let entry = place.entry((*key).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            place = entry.as_table_mut().ok_or_else(|| wrong("goes through a key that is no section"))?;
        }
        // A number or a list is read as one; anything else is the text that it is.
        let value = format!("x = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("x"));
        place.insert((*last).to_owned(), value.unwrap_or_else(|| Value::String(text.to_owned())));
        let (variable, text) = (variable.to_owned(), text.to_owned());
        self.overrides.push(Override { key: keys.join("."), variable, text });
        Ok(())
    }

    /// What the environment sets at `key` or above it, or in a section that no file names.
    fn overridden(&self, key: &str) -> Option<&Override> {
        let unwritten = !key.is_empty() && !self.lines.contains_key(key);
        self.overrides
            .iter()
            .find(|set| is_at_or_below(key, &set.key) || unwritten && is_at_or_below(&set.key, key))
    }

    /// A path as this file names it: beside the file, where it is relative.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new(".")).join(path)
    }

    /// Takes a section out of the file.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    /// A problem at a key, with file and line; the nearest key above it where it has no line itself.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        if let Some(set) = self.overridden(key) {
            return Problem::at(format!("environment variable {} ({key})", set.variable), message);
        }
        let mut path = key;
        let line = loop {
            if let Some(line) = self.lines.get(path) {
                break Some(*line);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => break None,
            }
        };
        Problem::at(key, message).located(&self.file, line)
    }

    /// The same problems below `prefix`, with file and line.
    pub(super) fn locate(&self, prefix: &str, problems: Vec<Problem>) -> Vec<Problem> {
        problems
            .into_iter()
            .map(|problem| {
                let problem = problem.below(prefix);
                self.problem(&problem.key, problem.message)
            })
            .collect()
    }

    /// Reads a section. Each key that cannot be read is reported and left out, so that the next mistake
    /// shows too; unknown keys are reported. `None` where nothing could be made of it.
    pub(super) fn section<T: DeserializeOwned>(
        &self,
        mut value: Value,
        prefix: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let mut removed = Vec::new();
        for _ in 0..MAX_MISTAKES {
            let mut track = serde_path_to_error::Track::new();
            let mut unknown = Vec::new();
            let tracked = serde_path_to_error::Deserializer::new(value.clone(), &mut track);
            let read = serde_ignored::deserialize(tracked, |path| unknown.push(clean(&path.to_string())));
            match read {
                Ok(section) => {
                    problems.extend(unknown.iter().map(|key| self.unknown_key(&joined(prefix, key))));
                    return Some(section);
                }
                Err(error) => {
                    let error: toml::de::Error = error;
                    let path = clean(&track.path().to_string());
                    let key = joined(prefix, &as_written(&path, &removed));
                    if self.read_as_text(&mut value, &path, &key) {
                        continue;
                    }
                    // A key that was taken out because of its value is not missing.
                    let gone = removed.iter().any(|gone| is_missing(error.message(), &path, gone));
                    if !gone {
                        problems.push(self.problem(&key, plain(&path, error.message())));
                    }
                    if !remove(&mut value, &path) {
                        return None;
                    }
                    removed.push(path);
                }
            }
        }
        None
    }

    /// Takes what the environment says at `key` as text: `12345` can be a password as well.
    fn read_as_text(&self, value: &mut Value, path: &str, key: &str) -> bool {
        let set = self.overrides.iter().find(|set| set.key == key);
        match (set, find(value, path)) {
            (Some(set), Some(place)) if !place.is_str() => {
                *place = Value::String(set.text.clone());
                true
            }
            _ => false,
        }
    }

    /// A key that means nothing, with the one that was perhaps meant.
    pub(super) fn unknown_key(&self, key: &str) -> Problem {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let section = without_places(section);
        let distance = |known: &str| strsim::damerau_levenshtein(known, name);
        let near = super::load::known_keys()
            .filter(|(place, known)| {
                distance(known) <= MAX_SLIPS.min(name.len() / 2) && (*place != section || *known != name)
            })
            .min_by_key(|(place, known)| (*place != section, distance(known)));
        let hint = near.map(|(place, known)| {
            let known = if place == section { known.to_owned() } else { joined(place, known) };
            format!("; did you mean {known:?}?")
        });
        self.problem(key, format!("unknown key{}", hint.unwrap_or_default()))
    }
}

/// Slips of the keyboard in a key that we still recognise.
const MAX_SLIPS: usize = 2;

fn is_at_or_below(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// `source[2].person` as the example writes it: `source.person`.
fn without_places(section: &str) -> String {
    section.split('.').map(|part| part.split('[').next().unwrap_or_default()).collect::<Vec<_>>().join(".")
}

/// `path` as the file counts it, before the list items in `removed` were taken out one by one.
fn as_written(path: &str, removed: &[String]) -> String {
    let place = |path: &str| {
        let (list, index) = path.strip_suffix(']')?.rsplit_once('[')?;
        Some((list.to_owned(), index.parse::<usize>().ok()?))
    };
    let Some((list, index)) = place(path) else { return path.to_owned() };
    let earlier = removed.iter().rev().filter_map(|path| place(path)).filter(|(other, _)| *other == list);
    let index = earlier.fold(index, |index, (_, gone)| if gone <= index { index + 1 } else { index });
    format!("{list}[{index}]")
}

fn is_missing(message: &str, section: &str, key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    joined(section, name) == key && message.trim() == format!("missing field `{name}`")
}

/// What serde says, without its words for Rust's types.
fn plain(path: &str, message: &str) -> String {
    const WORDS: [(&str, &str); 12] = [
        ("unknown variant", "unknown value"),
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected u32", "expected a whole number"),
        ("expected u16", "expected a whole number up to 65535"),
        ("expected a TOML datetime", "expected a day such as 2027-03-15, without quotes"),
        ("invalid type: map", "invalid type: section, write [[name]] with two brackets"),
        ("sequence", "list"),
        ("expected a string", "expected text in quotes"),
        ("expected a map", "expected a section"),
        ("expected struct Options", "expected a section"),
        ("unit variant, expected string only", "expected text in quotes"),
    ];
    // What stands where a password belongs is never shown.
    if path.ends_with("password") {
        return "expected text in quotes".to_owned();
    }
    WORDS.into_iter().fold(message.trim().to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

/// serde's paths mark options and newtypes; people do not write those.
fn clean(path: &str) -> String {
    let path = path.replace(".?", "").replace("?.", "");
    // serde_ignored writes list places as `.0`, everybody else as `[0]`.
    let mut cleaned = String::new();
    for part in path.split('.') {
        if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            cleaned.push_str(&format!("[{part}]"));
        } else {
            if !cleaned.is_empty() {
                cleaned.push('.');
            }
            cleaned.push_str(part);
        }
    }
    if cleaned == "." || cleaned == "?" { String::new() } else { cleaned }
}

pub(super) fn joined(prefix: &str, path: &str) -> String {
    match (prefix.is_empty(), path.is_empty()) {
        (true, _) => path.to_owned(),
        (_, true) => prefix.to_owned(),
        _ if path.starts_with('[') => format!("{prefix}{path}"),
        _ => format!("{prefix}.{path}"),
    }
}

/// Removes what stands at `path`; whether there was anything.
fn remove(value: &mut Value, path: &str) -> bool {
    let Some(cut) = path.rfind(['.', '[']) else {
        return value.as_table_mut().is_some_and(|table| table.remove(path).is_some());
    };
    let (parent, last) = (&path[..cut], path[cut + 1..].trim_end_matches(']'));
    let Some(parent) = find(value, parent) else { return false };
    match parent {
        Value::Table(table) => table.remove(last).is_some(),
        Value::Array(items) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn find<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty()).try_fold(
        value,
        |value, part| match value {
            Value::Table(table) => table.get_mut(part),
            Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
            _ => None,
        },
    )
}

fn note_table(
    table: &DeTable<'_>,
    prefix: &str,
    line_of: &dyn Fn(usize) -> usize,
    lines: &mut HashMap<String, usize>,
) {
    for (key, value) in table {
        let path = joined(prefix, key.get_ref());
        lines.insert(path.clone(), line_of(key.span().start));
        note(value, &path, line_of, lines);
    }
}

fn note(
    value: &Spanned<DeValue<'_>>,
    path: &str,
    line_of: &dyn Fn(usize) -> usize,
    lines: &mut HashMap<String, usize>,
) {
    match value.get_ref() {
        DeValue::Table(table) => note_table(table, path, line_of, lines),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                lines.insert(path.clone(), line_of(item.span().start));
                note(item, &path, line_of, lines);
            }
        }
        _ => {}
    }
}
