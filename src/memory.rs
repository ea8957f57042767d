//! What was resolved last time, so that it can be tried at once and checked beside it.
//!
//! One file for each target, region and set of credentials. Whatever is wrong with one, it is as if
//! it were not there: it saves a round trip, and nothing depends on it.

pub(crate) mod listed;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The form of the files; another one is not read.
const VERSION: u32 = 1;

/// What has not been of use for so long goes.
const KEPT: Duration = Duration::from_hours(30 * 24);

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
        let stored: Stored =
            serde_json::from_slice(&crate::trusted::read(&self.file).ok()?).ok()?;
        (stored.version == VERSION && stored.key == self.key).then_some(stored.remembered)
    }

    /// Forgets it: it was of no use.
    pub(crate) fn forget(&self) {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(%error, "what was resolved cannot be forgotten");
            }
            _ => {}
        }
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
        crate::trusted::own_folder(folder)?;
        // Only its owner can read the file from the first byte on.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &stored)?;
        file.flush()?;
        file.persist(&self.file)?;
        prune(folder);
        Ok(())
    }
}

/// Removes what has not been kept anew for long. What cannot be removed stays.
fn prune(folder: &Path) {
    let is_old = |entry: &std::fs::DirEntry| {
        let modified = entry.metadata().and_then(|data| data.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT))
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|end| end == "json") && is_old(&entry) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
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

    /// Whoever else can write there could lead a tunnel elsewhere.
    #[cfg(unix)]
    #[test]
    fn what_others_may_have_written_is_not_read() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("adit");
        let memory = Memory::of(&folder, &["rds:orders"]);
        memory.keep(&remembered("db"));
        let open = std::fs::Permissions::from_mode(0o770);
        std::fs::set_permissions(&folder, open).unwrap();
        assert_eq!(memory.recall(), None);
        memory.keep(&remembered("db"));
        assert_eq!(memory.recall(), Some(remembered("db")), "the folder is made private again");

        let elsewhere = folder.join("elsewhere");
        std::fs::rename(&memory.file, &elsewhere).unwrap();
        symlink(&elsewhere, &memory.file).unwrap();
        assert_eq!(memory.recall(), None, "a link");
        std::fs::remove_file(&memory.file).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &memory.file,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        assert_eq!(memory.recall(), None, "a pipe");
        std::fs::remove_file(&memory.file).unwrap();
        std::fs::write(&memory.file, vec![b' '; 65 * 1024]).unwrap();
        assert_eq!(memory.recall(), None, "too long");
    }

    #[test]
    fn what_is_of_no_use_goes() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["rds:old", "rds:new"].map(|name| Memory::of(folder.path(), &[name]));
        old.keep(&remembered("old"));
        new.keep(&remembered("new"));
        let file = std::fs::File::options().write(true).open(&old.file).unwrap();
        file.set_modified(std::time::SystemTime::now() - 2 * KEPT).unwrap();
        new.keep(&remembered("new"));
        assert!(!old.file.exists());
        new.forget();
        new.forget();
        assert_eq!(new.recall(), None);
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
