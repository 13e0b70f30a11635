//! A maildir into which a service's mails are delivered. Nothing is written there: which files were read is remembered
//! with the source, in the same transaction as what they said, so that a crash neither loses a mail nor reads one twice.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::poll::Failure;
use super::visit::{Listed, Visit, block_print};
use crate::fetch::FailureClass;
use crate::source::read_mail;

/// Mails read at one visit; the rest comes at the next.
const MAX_MAILS: usize = 200;
/// A mail larger than this is not read (bytes).
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of a file's fingerprint.
const PRINT: usize = 8;
/// Stands among the fingerprints while mails are read that were there before we were.
const CATCHING_UP: [u8; PRINT] = [0; PRINT];

/// Reads what was delivered since the last visit.
pub(super) async fn read(visit: Visit<'_>, folder: &Path) -> Result<Listed, Failure> {
    let Visit { parts, planned, at, same_generation, .. } = visit;
    let before = if same_generation {
        parts.store.listing(&planned.source.id).await.map_err(Failure::store)?
    } else {
        Vec::new()
    };
    let (store, folder, id) = (parts.store.clone(), folder.to_owned(), planned.source.id.clone());
    let read = parts.compute(move || {
        let known: HashSet<&[u8]> = before.chunks_exact(PRINT).collect();
        // All that stands there at first is backlog, however many visits it takes to read it.
        let is_backlog = known.is_empty() || known.contains(CATCHING_UP.as_slice());
        let mut listed = Listed { is_backlog, ..Listed::default() };
        let (mut prints, mut mails) = (Vec::new(), 0);
        for (name, path) in files(&folder)? {
            let print = block_print(&store, &name);
            if known.contains(print.as_slice()) {
                prints.push(print);
                continue;
            }
            if mails == MAX_MAILS {
                listed.is_cut = true;
                break;
            }
            mails += 1;
            match read_file(&path) {
                Ok(Some(bytes)) => {
                    match read_mail(&bytes, at) {
                        Some(entries) => listed.entries.extend(entries),
                        None => {
                            tracing::warn!(source.id = %id, file = name, "this file is no mail; it is left out");
                        }
                    }
                    prints.push(print);
                }
                Ok(None) => {
                    tracing::warn!(source.id = %id, file = name, "this mail is larger than 4 MiB; it is left out");
                    prints.push(print);
                }
                // Moved on by whoever reads the mailbox too: it comes again under the same name.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                // One that cannot be read must not keep the others from being read.
                Err(error) => {
                    tracing::warn!(source.id = %id, file = name, %error, "this mail cannot be read; it is tried again");
                }
            }
        }
        if listed.is_cut && is_backlog {
            prints.push(CATCHING_UP);
        }
        listed.blocks = Some(prints.concat());
        Ok(listed)
    });
    read.await.unwrap_or_else(|_| Err(Failure::unreadable("the parser failed on it")))
}

/// The mails of a maildir, oldest first: their names without flags, and where they are.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        let part = folder.join(part);
        let entries = std::fs::read_dir(&part).map_err(|error| unreadable(&part, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&part, &error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && !name.starts_with('.') {
                let name = name.split(":2,").next().unwrap_or_default().to_owned();
                found.push((name, path));
            }
        }
    }
    // A maildir's names begin with the time of delivery.
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    Ok(found)
}

/// The bytes of a file, unless it is too large.
fn read_file(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    if std::fs::metadata(path)?.len() > MAX_BYTES {
        return Ok(None);
    }
    std::fs::read(path).map(Some)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let detail = format!("{} cannot be read: {error}", path.display());
    Failure::new("maildir", detail, FailureClass::Soft)
}
