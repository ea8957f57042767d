//! What a program in the background would have said to a terminal.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folders::Folders;
use crate::failure::{Failure, Kind};

/// How many logs are kept.
const KEPT: usize = 20;
/// How a log begins, before the names of its connections.
const HEAD: &str = "# adit ";

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) file: File,
}

impl Log {
    /// Begins the log of this process and these connections; the oldest of many others goes.
    pub(crate) fn begin(folders: &Folders, names: &[&str]) -> Result<Self, Failure> {
        let folder = folders.logs()?;
        // The number alone may be another's too, in a container that shares the folder.
        let name = format!("{}-{:08x}.log", std::process::id(), rand::random::<u32>());
        let path = folder.join(name);
        let mut file = fs_err::OpenOptions::new();
        file.create_new(true).append(true);
        let fault = |error: std::io::Error| {
            Failure::new(Kind::Config, format!("cannot write the log: {error}"))
        };
        file.options_mut().mode(0o600);
        let mut file = file.open(&path).map_err(fault)?.into_file();
        let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
        writeln!(file, "{HEAD}{version}, process {pid}: {}", names.join(" ")).map_err(fault)?;
        prune(&all(folders));
        Ok(Self { file })
    }
}

/// The newest log that is about this connection; of all where none is named.
pub(crate) fn newest(folders: &Folders, name: Option<&str>) -> Option<PathBuf> {
    all(folders).into_iter().rev().find(|path| name.is_none_or(|name| is_about(path, name)))
}

fn is_about(path: &PathBuf, name: &str) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut first = String::new();
    let read = BufReader::new(file.take(64 * 1024)).read_line(&mut first);
    let names = first.split_once(": ").filter(|_| read.is_ok() && first.starts_with(HEAD));
    names.is_some_and(|(_, names)| names.split_whitespace().any(|one| one == name))
}

/// All logs, the oldest first.
fn all(folders: &Folders) -> Vec<PathBuf> {
    let entries = folders.logs_if_any().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut logs: Vec<(SystemTime, PathBuf)> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let path = entry.path();
            let is_log = path.extension().is_some_and(|end| end == "log");
            is_log.then_some((entry.metadata().ok()?.modified().ok()?, path))
        })
        .collect();
    logs.sort();
    logs.into_iter().map(|(_, path)| path).collect()
}

fn prune(logs: &[PathBuf]) {
    let ended: Vec<&PathBuf> = logs.iter().filter(|log| !is_alive(log)).collect();
    for old in ended.iter().take(ended.len().saturating_sub(KEPT)) {
        drop(std::fs::remove_file(old));
    }
}

/// Whether the process that writes it is there: the log has its number.
pub(crate) fn is_alive(log: &Path) -> bool {
    let pid = log.file_stem().and_then(|stem| stem.to_str()?.split('-').next()?.parse().ok());
    pid.and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
