//! Finding `adit.toml`, and opening only what may be trusted.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::platform::{self, Links, Opened};
use crate::problem::{Problem, Problems};
use crate::source::{Layer, Source};

/// What the shared file is called.
pub const FILE_NAME: &str = "adit.toml";

/// The largest file that is read.
pub const LARGEST: u64 = 256 * 1024;

/// Finds the shared file from `start` upward and reads it; `None` when there is none.
///
/// The search ends after a folder with `.git`, at the home folder, and before another file system. A
/// file that is there but cannot be trusted is an error: passing over it would use another one.
pub(crate) fn discover(start: &Path, home: Option<&Path>) -> Result<Option<Source>, Problems> {
    // A folder that is gone or closed to us holds nothing that we could read.
    let Ok(start) = fs_err::canonicalize(start) else { return Ok(None) };
    let home = home.and_then(|home| fs_err::canonicalize(home).ok());
    let device = platform::device(&start);
    for folder in start.ancestors() {
        if platform::device(folder) != device {
            break;
        }
        let file = folder.join(FILE_NAME);
        if let Some(source) = open(&file, Layer::Shared, Links::Refused)? {
            return Ok(Some(source));
        }
        let is_repository = fs_err::symlink_metadata(folder.join(".git")).is_ok();
        if is_repository || home.as_deref() == Some(folder) {
            break;
        }
    }
    Ok(None)
}

/// Reads the file that the user named: it has to be there, and may be reached over a link.
pub(crate) fn explicit(file: &Path) -> Result<Source, Problems> {
    open(file, Layer::Shared, Links::Followed)?
        .ok_or_else(|| Problem::of(file, "there is no such file").into())
}

/// Reads the user's own file, if there is one.
pub(crate) fn own(file: &Path) -> Result<Option<Source>, Problems> {
    open(file, Layer::Own, Links::Followed)
}

/// The path of the shared file that [`Config::load`](crate::Config::load) would read, so that an
/// editor of it finds the same one.
pub fn locate(
    start: &Path,
    home: Option<&Path>,
    explicit: Option<&Path>,
) -> Result<Option<PathBuf>, Problems> {
    let source = match explicit {
        Some(file) => Some(self::explicit(file)?),
        None => discover(start, home)?,
    };
    Ok(source.map(|source| source.file.to_path_buf()))
}

fn open(path: &Path, layer: Layer, links: Links) -> Result<Option<Source>, Problems> {
    let refuse = |why: &str| Problem::of(path, why);
    let file = match platform::open(path, links) {
        Ok(Opened::File(file)) => file,
        Ok(Opened::Missing) => return Ok(None),
        Ok(Opened::Link) => {
            return Err(refuse("it is a symbolic link, and a found file must not be one")
                .hint("put the file itself here, or name it with --config")
                .into());
        }
        Ok(Opened::NoFile) => return Err(refuse("it is not a regular file").into()),
        Ok(Opened::Stranger(owner)) => {
            let why = format!("it belongs to user {owner}, who is neither you nor root");
            return Err(refuse(&why)
                .hint("a file of another user could lead you elsewhere: take a copy that is yours")
                .into());
        }
        Ok(Opened::Writable) => {
            return Err(refuse("everybody may write to it")
                .hint("chmod o-w takes that away")
                .into());
        }
        Err(error) => return Err(refuse(&format!("it cannot be opened: {error}")).into()),
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(LARGEST + 1).read_to_end(&mut bytes) {
        return Err(refuse(&format!("it cannot be read: {error}")).into());
    }
    if bytes.len() as u64 > LARGEST {
        return Err(refuse("it is larger than 256 KiB").into());
    }
    decode(path, layer, &bytes).map(Some)
}

/// Makes text of bytes; the place of the first that is none is said.
pub(crate) fn decode(path: &Path, layer: Layer, bytes: &[u8]) -> Result<Source, Problems> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(path, layer, text)),
        Err(error) => {
            let at = error.valid_up_to();
            let source = Source::new(path, layer, &String::from_utf8_lossy(bytes));
            // The byte order mark is not part of the source's text.
            let mark = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
            Err(source.broken(at - mark..at - mark + 3, "it is not UTF-8 text").into())
        }
    }
}
