//! What was resolved last time, so that it can be tried at once and checked beside it.
//!
//! One file for each target, region and set of credentials. Whatever is wrong with one, it is as if
//! it were not there: it saves a round trip, and nothing depends on it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The form of the files; another one is not read.
const VERSION: u32 = 1;

/// Where a target was, and the bastion that reached it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// `None` is the bastion itself.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    pub(crate) vpc: Option<String>,
    pub(crate) bastion: String,
}

/// The place of one memory.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    file: PathBuf,
    key: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// What it is for: the file's name is a digest of it.
    key: String,
    #[serde(flatten)]
    remembered: Remembered,
}

impl Memory {
    /// The memory in `folder` for what these parts name together.
    pub(crate) fn of(folder: &Path, parts: &[&str]) -> Self {
        let key = parts.join("\n");
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let [high, low] = [0, 8]
            .map(|at| digest[at..at + 8].iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte)));
        Self { file: folder.join(format!("{high:016x}{low:016x}.json")), key }
    }

    pub(crate) fn recall(&self) -> Option<Remembered> {
        let stored: Stored = serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()?;
        (stored.version == VERSION && stored.key == self.key).then_some(stored.remembered)
    }

    /// Keeps it for the next time, whole or not at all.
    pub(crate) fn keep(&self, remembered: &Remembered) {
        if let Err(error) = self.write(remembered) {
            tracing::debug!(%error, "what was resolved cannot be kept");
        }
    }

    fn write(&self, remembered: &Remembered) -> io::Result<()> {
        let stored =
            Stored { version: VERSION, key: self.key.clone(), remembered: remembered.clone() };
        let folder = self.file.parent().ok_or(io::ErrorKind::NotFound)?;
        create_private(folder)?;
        // Only its owner can read the file from the first byte on.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &stored)?;
        file.flush()?;
        file.persist(&self.file)?;
        Ok(())
    }
}

/// Makes a folder that is the user's alone.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(host: &str) -> Remembered {
        Remembered {
            host: Some(host.to_owned()),
            port: 5432,
            vpc: Some("vpc-1".to_owned()),
            bastion: "i-1".to_owned(),
        }
    }

    #[test]
    fn what_was_kept_is_recalled_for_the_same_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("adit").join("targets");
        let memory = Memory::of(&folder, &["us-east-1", "dev", "rds:orders"]);
        assert_eq!(memory.recall(), None);
        memory.keep(&remembered("old"));
        memory.keep(&remembered("new"));
        assert_eq!(memory.recall(), Some(remembered("new")));
        let other = Memory::of(&folder, &["us-east-1", "prod", "rds:orders"]);
        assert_eq!(other.recall(), None);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("adit");
        let memory = Memory::of(&folder, &["rds:orders"]);
        memory.keep(&remembered("db"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&memory.file), 0o600);
    }

    #[test]
    fn what_cannot_be_read_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::of(folder.path(), &["rds:orders"]);
        memory.keep(&remembered("db"));
        for text in ["", "{}", "{\"version\":1", "\0"] {
            std::fs::write(&memory.file, text).unwrap();
            assert_eq!(memory.recall(), None, "{text:?}");
        }
        memory.keep(&remembered("db"));
        let text = std::fs::read_to_string(&memory.file).unwrap();
        std::fs::write(&memory.file, text.replace("\"version\":1", "\"version\":2")).unwrap();
        assert_eq!(memory.recall(), None);
    }
}
