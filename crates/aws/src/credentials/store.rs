//! Adit's own cache of temporary credentials: files that nobody else can read.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backon::{ConstantBuilder, Retryable};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::hex;
use super::keys::Keys;
use super::secret;
use super::time;

/// How often a process looks whether another has got its answer.
const LOOK: Duration = Duration::from_millis(100);

/// How often it looks before it goes on by itself: whoever was asked there may have gone to lunch.
const LOOKS: usize = 1800;

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Entry {
    version: u8,
    access_key_id: String,
    #[serde(with = "secret")]
    secret_access_key: Zeroizing<String>,
    #[serde(with = "secret")]
    session_token: Zeroizing<String>,
    expires: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mfa_at: Option<String>,
}

/// Credentials as they were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) keys: Keys,
    /// When the code behind them was given, if there was one.
    pub(crate) mfa_at: Option<SystemTime>,
}

/// What an entry is of: a digest of all that tells it from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(String);

impl Key {
    /// The parts are told apart by their lengths, so that no two lists give one key.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self(hex(&digest.finalize()))
    }
}

/// The folder, once it was found to be ours alone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the folder, making it where it is not there. One that others could read or write, or
    /// that is another's, is refused: what is in it cannot be trusted.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        create_private(folder)?;
        check_private(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.json", key.0))
    }

    /// What is kept, where it is there and whole. A file of others is an error.
    pub(crate) fn read(&self, key: &Key) -> io::Result<Option<Kept>> {
        let path = self.path(key);
        let bytes = match check_private(&path).and_then(|()| fs_err::read(&path)) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_slice::<Entry>(&bytes).ok().and_then(kept))
    }

    /// Keeps credentials that expire. The file appears whole or not at all.
    pub(crate) fn write(&self, key: &Key, kept: &Kept) -> io::Result<()> {
        let (Some(token), Some(expires)) = (&kept.keys.session_token, kept.keys.expires) else {
            return Ok(());
        };
        let entry = Entry {
            version: 1,
            access_key_id: kept.keys.access_key_id.clone(),
            secret_access_key: kept.keys.secret_access_key.clone(),
            session_token: token.clone(),
            expires: time::format(expires),
            account: kept.keys.account.clone(),
            mfa_at: kept.mfa_at.map(time::format),
        };
        let text = Zeroizing::new(serde_json::to_vec_pretty(&entry)?);
        write_private(&self.path(key), &text)
    }

    /// Forgets what is kept.
    pub(crate) fn remove(&self, key: &Key) -> io::Result<()> {
        match fs_err::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until no other process makes what `key` stands for; three minutes at most, after which
    /// there is no lock. `waiting` is called once if there is one. The lock ends with the value, and
    /// with the process.
    pub(crate) async fn lock(&self, key: &Key, waiting: impl FnOnce()) -> io::Result<Option<Lock>> {
        let file = open_private(&self.folder.join(format!("{}.lock", key.0)))?;
        match file.try_lock() {
            Ok(()) => return Ok(Some(Lock { _file: file })),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => waiting(),
        }
        // A blocked thread could not be ended by Ctrl-C, so the lock is looked at now and then.
        let locked = (|| async { file.try_lock() })
            .retry(ConstantBuilder::new().with_delay(LOOK).with_max_times(LOOKS))
            .sleep(tokio::time::sleep)
            .when(|error| matches!(error, TryLockError::WouldBlock))
            .await;
        match locked {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A held lock.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

fn kept(entry: Entry) -> Option<Kept> {
    (entry.version == 1).then_some(())?;
    Some(Kept {
        keys: Keys {
            access_key_id: entry.access_key_id,
            secret_access_key: entry.secret_access_key,
            session_token: Some(entry.session_token),
            account: entry.account,
            expires: Some(time::parse(&entry.expires)?),
        },
        mfa_at: entry.mfa_at.as_deref().and_then(time::parse),
    })
}

/// Makes a folder and those above it, for the user alone.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }
    #[cfg(not(unix))]
    fs_err::create_dir_all(folder)
}

/// Refuses what is not the user's alone.
pub(crate) fn check_private(path: &Path) -> io::Result<()> {
    let meta = fs_err::symlink_metadata(path)?;
    if meta.file_type().is_symlink() {
        return Err(io::Error::other(format!("{} is a link", path.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other(format!("{} belongs to another user", path.display())));
        }
        if meta.mode() & 0o077 != 0 {
            let mode = meta.mode() & 0o7777;
            return Err(io::Error::other(format!(
                "{} can be used by others (mode {mode:o}); `chmod go-rwx` it",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Writes a file for the user alone: whole, or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is made with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".adit").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = fs_err::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?.into_parts().0;
    check_private(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
