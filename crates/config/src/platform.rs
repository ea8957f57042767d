//! What differs between systems: opening without following, hanging or racing, and who owns a file.

#[cfg(not(unix))]
use std::path::Path;

use fs_err::File;

/// Whether a symbolic link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// It is.
    Followed,
    /// It is not.
    Refused,
}

/// What came of opening a file.
#[derive(Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "elsewhere files have no such owners and modes"))]
pub(crate) enum Opened {
    /// A regular file of the user or of root.
    File(File),
    /// Nothing is there.
    Missing,
    /// A symbolic link that was not to be followed.
    Link,
    /// A folder, a pipe, a device.
    NoFile,
    /// A file of this user.
    Stranger(u32),
    /// A file to which everybody may write.
    Writable,
}

#[cfg(unix)]
pub(crate) use unix::{device, open};

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use fs_err::os::unix::fs::OpenOptionsExt as _;
    use fs_err::{File, OpenOptions};
    use rustix::fs::OFlags;

    use super::{Links, Opened};

    /// The file system that a folder is on.
    pub(crate) fn device(folder: &Path) -> Option<u64> {
        fs_err::metadata(folder).ok().map(|found| found.dev())
    }

    pub(crate) fn open(path: &Path, links: Links) -> io::Result<Opened> {
        // Looked at before it is opened, as opening a device may do something, and after, as it may
        // have been replaced in between.
        let seen = match links {
            Links::Followed => fs_err::metadata(path),
            Links::Refused => fs_err::symlink_metadata(path),
        };
        match seen {
            Ok(seen) if seen.is_symlink() => return Ok(Opened::Link),
            Ok(seen) if !seen.is_file() => return Ok(Opened::NoFile),
            Ok(_) => {}
            Err(error) if is_missing(&error) => return Ok(Opened::Missing),
            Err(error) => return Err(error),
        }
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        if links == Links::Refused {
            flags |= OFlags::NOFOLLOW;
        }
        let opened =
            OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(Opened::Missing),
            Err(error) if is_loop(&error) => return Ok(Opened::Link),
            Err(error) => return Err(error),
        };
        judge(file)
    }

    fn judge(file: File) -> io::Result<Opened> {
        let found = file.metadata()?;
        if !found.is_file() {
            return Ok(Opened::NoFile);
        }
        let me = rustix::process::geteuid().as_raw();
        if found.uid() != me && found.uid() != 0 {
            return Ok(Opened::Stranger(found.uid()));
        }
        if found.mode() & 0o002 != 0 {
            return Ok(Opened::Writable);
        }
        Ok(Opened::File(file))
    }

    fn is_missing(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    }

    fn is_loop(error: &io::Error) -> bool {
        rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
    }
}

/// Systems without owners and modes in this sense: links and other kinds of files are still refused.
#[cfg(not(unix))]
pub(crate) fn open(path: &Path, links: Links) -> std::io::Result<Opened> {
    let seen = match links {
        Links::Followed => fs_err::metadata(path),
        Links::Refused => fs_err::symlink_metadata(path),
    };
    match seen {
        Ok(seen) if seen.is_symlink() => Ok(Opened::Link),
        Ok(seen) if !seen.is_file() => Ok(Opened::NoFile),
        Ok(_) => File::open(path).map(Opened::File),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Opened::Missing),
        Err(error) => Err(error),
    }
}

/// File systems are told apart by the roots of paths, which a search upward never leaves.
#[cfg(not(unix))]
pub(crate) fn device(_folder: &Path) -> Option<u64> {
    None
}
