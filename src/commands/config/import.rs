//! `adit config import`: the file of another tool as an adit.toml.

use std::io::Read as _;
use std::path::PathBuf;

use adit_config::{BASTI_FILES, import_basti};

use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::ui::Printer;

pub(super) fn run(file: Option<PathBuf>, write: bool, printer: Printer) -> Result<Exit, Failure> {
    let file = match file {
        Some(file) => file,
        None => find()?,
    };
    let fault = |error: &dyn std::fmt::Display| {
        Failure::new(Kind::Config, format!("{}: {error}", file.display()))
    };
    // A little more than the largest is enough to see that it is too large.
    let opened = fs_err::File::open(&file).map_err(|error| fault(&error))?;
    let mut bytes = Vec::new();
    opened.take(adit_config::LARGEST + 1).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
    let imported = import_basti(&file, &bytes).map_err(|error| fault(&error))?;
    for note in &imported.notes {
        printer.warn(note);
    }
    if !write {
        printer.data(imported.text.trim_end())?;
        return Ok(Exit::Done);
    }
    let target = PathBuf::from(adit_config::FILE_NAME);
    if fs_err::symlink_metadata(&target).is_ok() {
        return Err(Failure::new(Kind::Config, "there is an adit.toml here already")
            .hint("leave --write out, and copy from what is printed"));
    }
    adit_config::edit::write(&target, &imported.text)
        .map_err(|error| Failure::new(Kind::Config, error.to_string()))?;
    printer.note("wrote adit.toml; `adit config check` looks at it");
    Ok(Exit::Done)
}

/// The nearest file upward, as Basti finds it.
fn find() -> Result<PathBuf, Failure> {
    let start = std::env::current_dir().unwrap_or_default();
    let mut candidates =
        start.ancestors().flat_map(|folder| BASTI_FILES.map(|name| folder.join(name)));
    candidates.find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(
            Kind::Config,
            format!("there is no {} here or above", BASTI_FILES[..3].join(", ")),
        )
        .hint("name the file: `adit config import FILE`")
    })
}
