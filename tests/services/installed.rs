//! Finding servers on this machine, and starting them as an unprivileged user.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What a test needs and this machine lacks.
#[derive(Clone, Debug)]
pub(crate) struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not installed", self.0)
    }
}

/// The path of a program in `PATH` or one of `folders`.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Missing(program.to_owned()))
}

/// The user that servers run as: PostgreSQL refuses to be root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// An unprivileged user where this process is root, nobody else otherwise.
    pub(crate) fn unprivileged() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let accounts = std::fs::read_to_string("/etc/passwd").expect("a list of users");
        let wanted = std::env::var("ADIT_TEST_USER").ok();
        wanted
            .iter()
            .map(String::as_str)
            .chain(["adit-test", "postgres", "nobody"])
            .find_map(|name| Self::named(&accounts, name))
    }

    fn named(accounts: &str, name: &str) -> Option<Self> {
        let mut fields = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == name)?
            .into_iter()
            .skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }
}

/// A folder that belongs to the servers' user.
pub(crate) fn folder(user: Option<User>) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some(user) = user {
        std::os::unix::fs::chown(folder.path(), Some(user.uid), Some(user.gid))
            .expect("root may give a folder away");
    }
    folder
}

/// A program to be run as the servers' user in a folder of theirs.
pub(crate) fn command(program: &Path, folder: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").current_dir(folder);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// A port that is free at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("bound").port()
}
