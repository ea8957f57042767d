//! The file that tells programs that what they wait for is up.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::failure::{Failure, Kind};

/// The file of this program; it goes with the program.
#[derive(Debug)]
pub(crate) struct ReadyFile {
    path: PathBuf,
    text: String,
}

/// Removes the file that a program has left which was killed.
pub(crate) fn clear(path: &Path) -> Result<(), Failure> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::new(Kind::Config, format!("the ready file is in the way: {error}")))
        }
        _ => Ok(()),
    }
}

impl ReadyFile {
    /// Writes it at once and whole, for the user's eyes only.
    pub(crate) fn write(path: PathBuf, ready: &impl Serialize) -> Result<Self, Failure> {
        let fault = |error: &dyn std::fmt::Display| {
            let name = path.display();
            Failure::new(Kind::Config, format!("cannot write the ready file {name}: {error}"))
        };
        let mut text = serde_json::to_string_pretty(ready).map_err(|error| fault(&error))?;
        text.push('\n');
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .map_err(|error| fault(&error))?;
        file.write_all(text.as_bytes()).map_err(|error| fault(&error))?;
        file.persist(&path).map_err(|error| fault(&error))?;
        Ok(Self { path, text })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether no other program has put its own in this place. What it says tells them apart: as
    /// long as this one listens, no other has its address.
    fn is_ours(&self) -> bool {
        fs_err::read(&self.path).is_ok_and(|text| text == self.text.as_bytes())
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if self.is_ours()
            && let Err(error) = fs_err::remove_file(&self.path)
        {
            tracing::debug!(%error, "cannot remove the ready file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(endpoint: &str) -> serde_json::Value {
        serde_json::json!({ "endpoint": endpoint, "secret": "s" })
    }

    #[test]
    fn the_ready_file_is_whole_private_and_goes_with_its_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let file = ReadyFile::write(path.clone(), &ready("http://127.0.0.1:1")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["endpoint"], "http://127.0.0.1:1");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_ready_file_that_cannot_be_written_is_named() {
        let path = PathBuf::from("/nonexistent/ready");
        let failure = ReadyFile::write(path, &ready("http://127.0.0.1:1")).err().unwrap();
        assert!(failure.message.contains("/nonexistent/ready"), "{}", failure.message);
    }

    #[test]
    fn a_ready_file_of_another_program_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let first = ReadyFile::write(path.clone(), &ready("http://127.0.0.1:1")).unwrap();
        let other = ready("http://127.0.0.1:2");
        let second = ReadyFile::write(path.clone(), &other).unwrap();
        drop(first);
        assert!(std::fs::read_to_string(&path).unwrap().contains("127.0.0.1:2"));
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_program_has_left_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        clear(&path).unwrap();
        std::fs::write(&path, "{}").unwrap();
        clear(&path).unwrap();
        assert!(!path.exists());
        let failure = clear(folder.path()).unwrap_err();
        assert_eq!(failure.kind, Kind::Config);
        assert!(failure.message.contains(folder.path().to_str().unwrap()), "{}", failure.message);
    }
}
