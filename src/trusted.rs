//! Reading and making files that nobody else can have had a hand in.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// More than any memory has; the rest of a file is not read.
const LIMIT: u64 = 64 * 1024;

/// What is in the file, if nobody but the user can have written it: the folder is the user's alone,
/// and the file a plain one in it.
pub(crate) fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(file, false)?.take(LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

/// Opens such a file to be read and added to.
pub(crate) fn edit(file: &Path) -> io::Result<File> {
    open(file, true)
}

/// Makes a folder that is the user's alone, or one of it that the user has.
#[cfg(unix)]
pub(crate) fn own_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let opened = open_folder(folder)?;
    File::from(opened).set_permissions(std::fs::Permissions::from_mode(0o700))
}

#[cfg(unix)]
fn open_folder(folder: &Path) -> io::Result<rustix::fd::OwnedFd> {
    use rustix::fs::{CWD, Mode, OFlags, fstat, openat};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(CWD, folder, flags, Mode::empty())?;
    if fstat(&folder)?.st_uid == rustix::process::geteuid().as_raw() {
        Ok(folder)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

#[cfg(unix)]
fn open(file: &Path, to_edit: bool) -> io::Result<File> {
    use rustix::fs::{FileType, Mode, OFlags, fstat, openat};

    let name = file.file_name().ok_or(io::ErrorKind::NotFound)?;
    let folder = open_folder(file.parent().ok_or(io::ErrorKind::NotFound)?)?;
    if Mode::from_raw_mode(fstat(&folder)?.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    // A pipe would be waited for, and a link leads out of the folder.
    let access = if to_edit { OFlags::RDWR | OFlags::APPEND } else { OFlags::RDONLY };
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&folder, name, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if is_plain && stat.st_uid == rustix::process::geteuid().as_raw() {
        Ok(file.into())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Elsewhere than on Unix the user's folder of caches is the user's alone.
#[cfg(not(unix))]
pub(crate) fn own_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn open(file: &Path, to_edit: bool) -> io::Result<File> {
    File::options().read(true).append(to_edit).open(file)
}
