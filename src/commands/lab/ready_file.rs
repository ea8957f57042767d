//! The file that tells programs that the lab is up.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::Ready;
use crate::failure::{Failure, Kind};

/// The file of this lab; it goes with the lab.
pub(super) struct ReadyFile {
    path: PathBuf,
    text: String,
}

/// Removes the file that a lab has left which was killed.
pub(super) fn clear(path: &Path) -> Result<(), Failure> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::new(Kind::Config, format!("the ready file is in the way: {error}")))
        }
        _ => Ok(()),
    }
}

impl ReadyFile {
    /// Writes it at once and whole, for the user's eyes only.
    pub(super) fn write(path: PathBuf, ready: &Ready<'_>) -> Result<Self, Failure> {
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

    /// Whether no other lab has put its own in this place. What it says tells them apart: as long
    /// as this lab listens, no other has its endpoint.
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

    const READY: Ready<'static> = Ready {
        endpoint: "http://127.0.0.1:1",
        tls_endpoint: None,
        region: "us-east-1",
        access_key_id: "AKIA",
        secret_access_key: "secret",
        instances: &[],
    };

    #[test]
    fn the_ready_file_is_whole_private_and_goes_with_the_lab() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let file = ReadyFile::write(path.clone(), &READY).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["endpoint"], "http://127.0.0.1:1");
        assert_eq!(value["tls_endpoint"], serde_json::Value::Null);
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
        let failure = ReadyFile::write(path, &READY).err().unwrap();
        assert!(failure.message.contains("/nonexistent/ready"), "{}", failure.message);
    }

    #[test]
    fn a_ready_file_of_another_lab_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let first = ReadyFile::write(path.clone(), &READY).unwrap();
        let other = Ready { endpoint: "http://127.0.0.1:2", ..READY };
        let second = ReadyFile::write(path.clone(), &other).unwrap();
        drop(first);
        assert!(std::fs::read_to_string(&path).unwrap().contains("127.0.0.1:2"));
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_lab_has_left_is_cleared() {
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
