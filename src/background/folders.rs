//! Where the sockets and the logs are.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};
use crate::trusted;

/// The folders of this user; none where there is no place for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Folders {
    runtime: Option<PathBuf>,
    state: Option<PathBuf>,
}

impl Folders {
    /// As the XDG base directories say; without a runtime folder its part is in the state folder.
    pub(crate) fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        // A path that does not begin at the root is to be ignored.
        let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = folder("XDG_STATE_HOME")
            .or_else(|| Some(folder("HOME")?.join(".local").join("state")))
            .map(|state| state.join("adit"));
        let runtime = folder("XDG_RUNTIME_DIR")
            .map(|runtime| runtime.join("adit"))
            .or_else(|| Some(state.as_ref()?.join("run")));
        Self { runtime, state }
    }

    /// The folder of sockets, which nobody else can enter.
    pub(crate) fn sockets(&self) -> Result<&Path, Failure> {
        made(self.runtime.as_deref(), "sockets")
    }

    /// The same, without making it.
    pub(crate) fn sockets_if_any(&self) -> Option<&Path> {
        self.runtime.as_deref().filter(|folder| folder.is_dir())
    }

    /// The folder of logs.
    pub(crate) fn logs(&self) -> Result<PathBuf, Failure> {
        let logs = self.logs_if_any();
        made(logs.as_deref(), "logs").map(Path::to_path_buf)
    }

    /// The folder of journals: what each process would leave behind if it were killed.
    pub(crate) fn journals(&self) -> Result<PathBuf, Failure> {
        let journals = self.journals_if_any();
        made(journals.as_deref(), "journals").map(Path::to_path_buf)
    }

    /// The same, without making it.
    pub(crate) fn journals_if_any(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.join("journals"))
    }

    /// The same, without making it.
    pub(crate) fn logs_if_any(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.join("logs"))
    }
}

fn made<'a>(folder: Option<&'a Path>, of: &str) -> Result<&'a Path, Failure> {
    let folder = folder.ok_or_else(|| {
        Failure::new(Kind::Config, format!("there is no folder for {of}"))
            .hint("set HOME, or XDG_RUNTIME_DIR and XDG_STATE_HOME")
    })?;
    trusted::own_folder(folder).map_err(|error| {
        let name = folder.display();
        Failure::new(Kind::Config, format!("the folder for {of}, {name}, cannot be used: {error}"))
            .hint("it has to be yours alone; XDG_RUNTIME_DIR and XDG_STATE_HOME name other places")
    })?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(variables: &[(&str, &str)]) -> Folders {
        Folders::of(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn folders_are_where_the_base_directories_say() {
        let all = folders(&[("XDG_RUNTIME_DIR", "/run/user/7"), ("HOME", "/home/ann")]);
        assert_eq!(all.runtime, Some("/run/user/7/adit".into()));
        assert_eq!(all.state, Some("/home/ann/.local/state/adit".into()));
        let home = folders(&[("HOME", "/home/ann"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(home.runtime, Some("/home/ann/.local/state/adit/run".into()));
        assert_eq!(folders(&[]), Folders::default());
        assert_eq!(folders(&[]).sockets().unwrap_err().kind, Kind::Config);
    }
}
