//! The real program, run as a person or a script runs it: arguments, input, environment; then what it
//! printed and its exit code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The lines of standard output as JSON.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The same run, which must have ended with `code`.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

/// A run to be.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    input: Vec<u8>,
}

/// The program with these arguments, nothing on its input, and nothing in its environment that would
/// change what it does.
pub(crate) fn trustwatch(args: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trustwatch"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("TRUSTWATCH");
        if ours || ["STATE_DIRECTORY", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"].contains(&&*text) {
            command.env_remove(&name);
        }
    }
    Program { command, input: Vec::new() }
}

impl Program {
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn run(mut self) -> Ran {
        let mut child = self.command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        // Written beside the reading, so that long input and long output do not wait for each other. A
        // program that does not read on closes the pipe: that is its good right.
        let input = self.input;
        let writing = std::thread::spawn(move || drop(pipe.write_all(&input)));
        let done = child.wait_with_output().unwrap();
        writing.join().unwrap();
        Ran {
            code: done.status.code().expect("the program ends by itself, not by a signal"),
            out: String::from_utf8(done.stdout).expect("output is UTF-8"),
            err: String::from_utf8(done.stderr).expect("messages are UTF-8"),
        }
    }
}

/// One line each.
pub(crate) fn lines(items: impl IntoIterator<Item: std::fmt::Display>) -> String {
    items.into_iter().fold(String::new(), |lines, item| lines + item.to_string().as_str() + "\n")
}

/// A file or folder below `tests/fixtures`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}
