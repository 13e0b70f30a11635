//! One TOML file with the lines of its keys, and reading sections from it so that one mistake does not
//! hide the next.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::problem::Problem;

/// A file that was read.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) file: PathBuf,
    pub(super) table: Table,
    lines: HashMap<String, usize>,
}

/// Mistakes in one section before we give up on it.
const MAX_MISTAKES: usize = 50;

impl Layer {
    /// Reads TOML text.
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, Problem> {
        let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let wrong = |error: toml::de::Error| {
            let line = error.span().map(|span| line_of(span.start));
            Problem::at("", format!("this is not TOML: {}", error.message().trim())).located(file, line)
        };
        let spanned = DeTable::parse(text).map_err(wrong)?;
        let mut lines = HashMap::new();
        note_table(spanned.get_ref(), "", &line_of, &mut lines);
        let table = text.parse::<Table>().map_err(wrong)?;
        Ok(Self { file: file.to_owned(), table, lines })
    }

    /// Takes a section out of the file.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    /// A problem at a key, with file and line; the nearest key above it where it has no line itself.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
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
                    problems.push(self.problem(&joined(prefix, &path), error.message().trim().to_owned()));
                    if !remove(&mut value, &path) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// A key that means nothing, with the one that was perhaps meant.
    pub(super) fn unknown_key(&self, key: &str) -> Problem {
        let name = key.rsplit('.').next().unwrap_or(key);
        let near = super::load::known_keys()
            .filter(|known| strsim::damerau_levenshtein(known, name) <= 2)
            .min_by_key(|known| strsim::damerau_levenshtein(known, name));
        let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        self.problem(key, format!("unknown key{hint}"))
    }
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
