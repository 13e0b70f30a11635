//! A maildir: written in `tmp`, flushed to the disk, then moved to `new`, so that a reader never sees
//! half a message. A repeat of the same message lands under the same name and changes nothing.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::MailError;

#[derive(Debug, Clone)]
pub(super) struct Maildir {
    folder: PathBuf,
}

impl Maildir {
    /// Opens the folder, making it where there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, MailError> {
        for part in ["tmp", "new", "cur"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|error| {
                MailError::Temporary(format!("the maildir {} cannot be made: {error}", path.display()))
            })?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Keeps a message under a name that only it has.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), MailError> {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '@') { c } else { '_' })
            .collect();
        self.write(&name, bytes)
            .map_err(|error| MailError::Temporary(format!("the maildir {}: {error}", self.folder.display())))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (draft, kept) = (self.folder.join("tmp").join(name), self.folder.join("new").join(name));
        let mut file = fs::File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, &kept)?;
        fs::File::open(self.folder.join("new"))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path()).unwrap();
        maildir.keep("<a@b>.x@y", b"1").unwrap();
        maildir.keep("<a@b>.x@y", b"1").unwrap();
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    }
}
