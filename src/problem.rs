//! What is wrong with a configuration: every problem at once, each with key path, file and line.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::counted;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// In which file, where it is known.
    pub file: Option<PathBuf>,
    /// On which line, counted from 1.
    pub line: Option<usize>,
    /// At which key, such as `source[2].url`; empty for the file as a whole.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// A problem at a key; file and line are added by whoever knows them.
    pub fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: None, line: None, key: key.into(), message: message.into() }
    }

    /// The same problem below `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.key = if self.key.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.key) };
        self
    }

    /// The same problem in `file` at `line`.
    #[must_use]
    pub fn located(mut self, file: &Path, line: Option<usize>) -> Self {
        self.file = Some(file.to_owned());
        self.line = line;
        self
    }
}

/// What makes `text` no TOML, with the line and what was probably meant.
pub fn not_toml(file: &Path, text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map(|span| span.start.min(text.len()));
    let line = at.map(|at| text[..at].matches('\n').count() + 1);
    let message = error.message().trim();
    let written = line.and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
    let value = written.split_once('=').map_or("", |(_, value)| value.trim());
    let curly = ['“', '”', '‘', '’', '„'];
    let in_list = value.trim_start_matches(['[', ' ']).split(',').chain(written.split(','));
    let hint =
        if in_list.into_iter().any(|item| item.trim().starts_with(curly) || item.trim().ends_with(curly)) {
            "; use straight quotes, \" and not “ or ”"
        } else if message.contains("must be quoted") && value.starts_with(|c: char| c.is_ascii_digit()) {
            "; a day is written as 2027-03-15, without quotes"
        } else if message.contains("duplicate key") {
            "; where there may be several of a kind, each begins with two brackets, such as [[watch]]"
        } else {
            ""
        };
    Problem::at("", format!("this is not TOML: {message}{hint}")).located(file, line)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong, as an error.
#[derive(Debug, Clone)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        f.write_str(&counted(self.0.len(), "problem"))
    }
}

impl std::error::Error for Problems {}
