//! The lines of a journal.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use adit_aws::Aws;
use serde::{Deserialize, Serialize};

/// The form of the lines; a journal of another one is left alone until it is old.
pub(super) const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The first one.
    Journal { version: u32, pid: u32, program: String, at: String },
    /// A session was started.
    Began(Began),
    /// Its account became known.
    Account { session: String, account: String },
    /// It is over.
    Ended { session: String },
    /// A file was made that goes with the process.
    Made(Made),
}

/// A session, and what it takes to end it. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Began {
    pub(super) session: String,
    pub(super) region: String,
    pub(super) endpoint: Option<String>,
    pub(super) account: Option<String>,
    /// Which credentials were used, as far as the user's settings tell; may be empty.
    pub(super) identity: String,
    pub(super) at: String,
}

/// A file, and what tells it from another one of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    path: PathBuf,
    device: u64,
    inode: u64,
    modified_ns: u128,
}

impl Entry {
    pub(super) fn first() -> Self {
        Self::Journal {
            version: VERSION,
            pid: std::process::id(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            at: super::now(),
        }
    }

    /// The line, with its end.
    pub(super) fn line(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

impl Began {
    /// Whether these credentials are those of the session's account, and calls go to where it is.
    /// What is not known is not taken for granted: the service says of a session that another account
    /// has that it is ended.
    pub(super) fn is_of(&self, aws: &Aws, account: Option<&str>, identity: &str) -> bool {
        if self.region != aws.region() || self.endpoint.as_deref() != aws.endpoint_url() {
            return false;
        }
        match (self.account.as_deref(), account) {
            (Some(own), Some(other)) => own == other,
            _ => !identity.is_empty() && self.identity == identity,
        }
    }
}

impl Made {
    /// The file that has the name now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let data = std::fs::symlink_metadata(path)?;
        let modified = data.modified()?;
        let (device, inode) = place(&data);
        Ok(Self { path: path.to_owned(), device, inode, modified_ns: nanoseconds(modified) })
    }

    /// Removes it, unless another one has its name by now.
    pub(super) fn remove(&self) {
        match Self::of(&self.path) {
            Ok(there) if there == *self => {
                if let Err(error) = std::fs::remove_file(&self.path) {
                    tracing::debug!(%error, "cannot remove what a killed process has left");
                }
            }
            _ => {}
        }
    }
}

fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

#[cfg(unix)]
fn place(data: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;

    (data.dev(), data.ino())
}

/// Elsewhere the time has to do.
#[cfg(not(unix))]
fn place(_: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_itself_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        std::fs::write(&path, "one").unwrap();
        let made = Made::of(&path).unwrap();
        // Both are there at once, so that neither is the other.
        let other = folder.path().join("other");
        std::fs::write(&other, "another").unwrap();
        std::fs::rename(&other, &path).unwrap();
        made.remove();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "another");
        Made::of(&path).unwrap().remove();
        assert!(!path.exists());
        made.remove();
    }

    #[test]
    fn a_line_is_what_it_was() {
        let made = Made { path: "/a".into(), device: 1, inode: 2, modified_ns: 3 };
        for entry in [Entry::first(), Entry::Ended { session: "s".to_owned() }, Entry::Made(made)] {
            let line = entry.line().unwrap();
            let text = String::from_utf8(line.clone()).unwrap();
            assert_eq!(text.lines().count(), 1);
            assert_eq!(serde_json::from_slice::<Entry>(&line).unwrap(), entry);
        }
    }
}
