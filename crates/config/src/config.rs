//! The configuration in effect.

use std::path::{Path, PathBuf};

use crate::document::{Document, GroupPart};
use crate::expand::Surroundings;
use crate::layer::{Bastion, Connection, Explanation, Files, Settings, Target};
use crate::locate;
use crate::place::Place;
use crate::problem::Problems;
use crate::read::read;
use crate::shown::shown;
use crate::similar::nearest;
use crate::source::{Layer, Source};

/// Where to look, and what values may refer to.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The folder from which the shared file is looked for, upward.
    pub start: &'a Path,
    /// The user's home folder, above which it is not.
    pub home: Option<&'a Path>,
    /// The shared file, where the user names it: nothing is looked for then.
    pub explicit: Option<&'a Path>,
    /// The user's own file, if it is there.
    pub user_file: Option<&'a Path>,
    /// What `${user}` means.
    pub user_name: Option<&'a str>,
    /// What `${env:NAME}` means. Only names that begin with `ADIT_` are asked for.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Both files, read and checked. Where there is none, it is empty.
#[derive(Debug)]
pub struct Config {
    files: Files,
}

/// A name that nothing has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{}`{}", shown(name), hint(similar.as_deref()))]
pub struct Unknown {
    /// What was looked for, such as `connection`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// The name that looks most like it.
    pub similar: Option<String>,
}

fn hint(similar: Option<&str>) -> String {
    similar.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Why something of the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// There is none of that name.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// There is one, and something is wrong with it.
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl Config {
    /// Finds and reads both files. What is wrong with a file by itself is an error; what is wrong only
    /// where it is used, such as a variable that is not set, is left to [`connection`](Self::connection)
    /// and [`check`](Self::check).
    pub fn load(request: &Request<'_>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let shared = match request.explicit {
            Some(file) => locate::explicit(file).map(Some),
            None => locate::discover(request.start, request.home),
        };
        let own = request.user_file.map_or(Ok(None), locate::own);
        let mut sources = Vec::new();
        for source in [shared, own] {
            match source {
                Ok(source) => sources.extend(source),
                Err(found) => problems.append(found),
            }
        }
        Self::of_sources(sources, problems, request.user_name, request.env)
    }

    /// Reads texts instead of files; the paths are only for places.
    pub fn of_texts(
        shared: Option<(&Path, &[u8])>,
        own: Option<(&Path, &[u8])>,
        user_name: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut sources = Vec::new();
        for (layer, text) in [(Layer::Shared, shared), (Layer::Own, own)] {
            let Some((path, bytes)) = text else { continue };
            match locate::decode(path, layer, bytes) {
                Ok(source) => sources.push(source),
                Err(found) => problems.append(found),
            }
        }
        Self::of_sources(sources, problems, user_name, env)
    }

    fn of_sources(
        sources: Vec<Source>,
        mut problems: Problems,
        user: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        let mut files = Files {
            shared: Document::empty(Layer::Shared),
            own: Document::empty(Layer::Own),
            sources: Vec::new(),
        };
        for source in sources {
            match read(&source, Surroundings { user, env }) {
                Ok(document) if source.is_shared() => files.shared = document,
                Ok(document) => files.own = document,
                Err(found) => problems.append(found),
            }
            files.sources.push(source);
        }
        problems.into_result(Self { files })
    }

    /// The shared file, if one was found.
    pub fn shared_file(&self) -> Option<PathBuf> {
        self.file(Layer::Shared)
    }

    /// The user's own file, if it is there.
    pub fn user_file(&self) -> Option<PathBuf> {
        self.file(Layer::Own)
    }

    fn file(&self, layer: Layer) -> Option<PathBuf> {
        let source = self.files.sources.iter().find(|source| source.layer == layer)?;
        Some(source.file.to_path_buf())
    }

    /// The names of all connections, sorted.
    pub fn names(&self) -> Vec<String> {
        self.files.connection_names()
    }

    /// The names of all targets, sorted.
    pub fn targets(&self) -> Vec<String> {
        self.files.target_names()
    }

    /// The groups and the connections in each, sorted by name.
    pub fn groups(&self) -> Vec<(String, Vec<String>)> {
        self.files.groups().into_iter().map(|(name, members, _)| (name, members)).collect()
    }

    /// The connections that names of connections and groups mean, in order, each once.
    pub fn expand(&self, given: &[String]) -> Result<Vec<String>, LookupError> {
        let names = self.names();
        let mut expanded: Vec<String> = Vec::new();
        for name in given {
            let members = if names.contains(name) {
                vec![name.clone()]
            } else if let Some(group) = self.files.group(name) {
                known_members(group, &names)?
            } else {
                let groups = self.files.groups();
                let known = names.iter().chain(groups.iter().map(|(name, ..)| name));
                return Err(unknown("connection or group", name, known).into());
            };
            for member in members {
                if !expanded.contains(&member) {
                    expanded.push(member);
                }
            }
        }
        Ok(expanded)
    }

    /// A connection, with all that holds for it.
    pub fn connection(&self, name: &str) -> Result<Connection, LookupError> {
        let names = self.names();
        if !names.iter().any(|known| known == name) {
            return Err(unknown("connection", name, &names).into());
        }
        Ok(self.files.connection(name)?)
    }

    /// A target by its name.
    pub fn target(&self, name: &str) -> Result<Target, LookupError> {
        let names = self.targets();
        if !names.iter().any(|known| known == name) {
            return Err(unknown("target", name, &names).into());
        }
        Ok(self.files.target(name)?)
    }

    /// What is wished of a bastion.
    pub fn bastion(&self) -> Result<Bastion, Problems> {
        self.files.bastion()
    }

    /// What holds for a target that no connection leads to, such as one that a flag names.
    pub fn defaults(&self) -> Result<Settings, Problems> {
        let (settings, problems) = self.files.defaults();
        problems.into_result(settings)
    }

    /// Everything that [`load`](Self::load) leaves to those who use it.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let connections =
            self.names().into_iter().filter_map(|name| self.files.connection(&name).err());
        connections.for_each(|found| problems.append(found));
        let targets = self.targets().into_iter().filter_map(|name| self.files.target(&name).err());
        targets.for_each(|found| problems.append(found));
        for (name, ..) in self.files.groups() {
            if let Err(LookupError::Problems(found)) = self.expand(&[name]) {
                problems.append(found);
            }
        }
        problems.extend(self.files.clashes());
        if let Err(found) = self.bastion() {
            problems.append(found);
        }
        if let Err(found) = self.defaults() {
            problems.append(found);
        }
        problems.into_result(())
    }

    /// The value in effect of a key such as `connections.prod-db.max-duration`, where it comes from,
    /// and what it went before.
    pub fn explain(&self, key: &str) -> Result<Explanation, LookupError> {
        let all = self.explain_all();
        if let Some(found) = all.iter().find(|found| found.key == key) {
            return Ok(found.clone());
        }
        if let Some(found) = self.files.unset(key) {
            return Ok(found);
        }
        // What is wrong with a connection goes before not knowing its keys.
        if let Some((name, _)) =
            key.strip_prefix("connections.").and_then(|rest| rest.rsplit_once('.'))
        {
            self.connection(name)?;
        }
        Err(unknown("key", key, all.iter().map(|found| &found.key)).into())
    }

    /// The same for all keys that have a value.
    pub fn explain_all(&self) -> Vec<Explanation> {
        self.files.explained()
    }
}

fn known_members(group: &GroupPart, names: &[String]) -> Result<Vec<String>, Problems> {
    let mut problems = Problems::default();
    let mut members = Vec::new();
    for (member, problem) in &group.members {
        if names.contains(&member.value) {
            members.push(member.value.clone());
        } else {
            let near = nearest(&member.value, names.iter().map(String::as_str));
            problems.push(problem.clone().near(near));
        }
    }
    problems.into_result(members)
}

fn unknown<'a>(
    what: &'static str,
    name: &str,
    known: impl IntoIterator<Item = &'a String>,
) -> Unknown {
    let similar = nearest(name, known.into_iter().map(String::as_str)).map(str::to_owned);
    Unknown { what, name: name.to_owned(), similar }
}

impl Files {
    /// The defaults by themselves, and what is wrong with them.
    pub(crate) fn defaults(&self) -> (Settings, Problems) {
        let mut problems = Problems::default();
        let settings = self.default_settings(&mut problems);
        (settings, problems)
    }

    /// A group; a person's own goes before one of the team's.
    fn group(&self, name: &str) -> Option<&GroupPart> {
        self.own.groups.get(name).or_else(|| self.shared.groups.get(name))
    }

    pub(crate) fn groups(&self) -> Vec<(String, Vec<String>, Place)> {
        let mut names: Vec<&String> =
            self.own.groups.keys().chain(self.shared.groups.keys()).collect();
        names.sort();
        names.dedup();
        let members = |name: &String| {
            let group = self.group(name)?;
            let members = group.members.iter().map(|(member, _)| member.value.clone()).collect();
            Some((name.clone(), members, group.place.clone()))
        };
        names.into_iter().filter_map(members).collect()
    }
}
