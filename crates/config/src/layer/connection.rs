//! Connections and targets in effect.

use super::settings::Levels;
use super::{Files, Setting, Settings};
use crate::document::{Document, TargetPart, TargetRef};
use crate::kind::TargetKind;
use crate::place::Place;
use crate::problem::{Problem, Problems};
use crate::similar::nearest;
use crate::source::Layer;

/// A connection with all that holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What it leads to.
    pub target: Target,
    /// What holds for it.
    pub settings: Settings,
}

/// A target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Its name, unless it stands in a connection.
    pub name: Option<String>,
    /// What kind it is.
    pub kind: TargetKind,
    /// It as the command line takes it, such as `rds:orders`.
    pub spec: String,
    /// Where it stands, for what is found wrong with it later.
    pub place: Place,
    /// The profile to reach it with.
    pub profile: Option<Setting<String>>,
    /// The region it is in.
    pub region: Option<Setting<String>>,
    /// The account it is in.
    pub account: Option<Setting<String>>,
    /// The bastion to reach it over.
    pub bastion: Option<Setting<String>>,
}

/// A target, its name, and the file that has it.
struct Referred<'a> {
    name: Option<&'a str>,
    part: &'a TargetPart,
    document: &'a Document,
}

impl Files {
    /// The names of all connections: those of the shared file, and the person's own. What a person
    /// says of connections of another project's file is none here.
    pub(crate) fn connection_names(&self) -> Vec<String> {
        let own = self.own.connections.iter().filter(|(_, part)| part.target.is_some());
        let mut names: Vec<String> =
            self.shared.connections.keys().chain(own.map(|(name, _)| name)).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn target_names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.shared.targets.keys().chain(self.own.targets.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// A connection; the name has to be one of them.
    pub(crate) fn connection(&self, name: &str) -> Result<Connection, Problems> {
        let mut problems = Problems::default();
        let shared = self.shared.connections.get(name);
        let own = self.own.connections.get(name);
        let (part, document) = match (shared, own) {
            (Some(part), own) => {
                if let Some(target) = own.and_then(|own| own.target.as_ref()) {
                    let text = format!(
                        "`{name}` is a connection of adit.toml ({}), whose target cannot be changed here",
                        part.place
                    );
                    let hint = "give your own connection another name";
                    problems.push(self.problem(target.place(), text).hint(hint));
                }
                (part, &self.shared)
            }
            (None, Some(part)) => (part, &self.own),
            (None, None) => return Err(problems),
        };
        let Some(target) =
            part.target.as_ref().and_then(|target| self.refer(target, document, &mut problems))
        else {
            return Err(problems);
        };
        let target_is_shared = target.document.layer == Layer::Shared;
        let levels = Levels {
            own_connection: own.map(|part| &part.settings),
            connection: shared.map(|part| &part.settings),
            target: Some(target.part),
            target_is_shared,
            own_defaults: Some(&self.own.defaults),
            // A person's own connection to a target of their own is none of the team's business,
            // in whatever folder it is used.
            defaults: (shared.is_some() || target_is_shared).then_some(&self.shared.defaults),
        };
        let settings = self.settings(levels, &mut problems);
        let (target, _) = self.effective(&target, &mut problems);
        problems.into_result(Connection {
            name: name.to_owned(),
            place: part.place.clone(),
            target,
            settings,
        })
    }

    /// A target; the name has to be one of them.
    pub(crate) fn target(&self, name: &str) -> Result<Target, Problems> {
        let mut problems = Problems::default();
        let referred = self.named(name, &self.own, &mut problems);
        let Some(referred) = referred else { return Err(problems) };
        let (target, of_settings) = self.effective(&referred, &mut problems);
        problems.append(of_settings);
        problems.into_result(target)
    }

    fn refer<'a>(
        &'a self,
        target: &'a TargetRef,
        document: &'a Document,
        problems: &mut Problems,
    ) -> Option<Referred<'a>> {
        match target {
            TargetRef::Inline(part) => Some(Referred { name: None, part, document }),
            TargetRef::Named(name, problem) => {
                let found = self.named(&name.value, document, problems);
                if found.is_none() {
                    let names = self.target_names();
                    let near = nearest(&name.value, names.iter().map(String::as_str));
                    problems.push(problem.as_ref().clone().near(near));
                }
                found
            }
        }
    }

    /// The target that a name in `document` means: the shared file knows its own targets only.
    fn named<'a>(
        &'a self,
        name: &str,
        document: &'a Document,
        problems: &mut Problems,
    ) -> Option<Referred<'a>> {
        let shared = self.shared.targets.get_key_value(name);
        let is_own = document.layer == Layer::Own;
        let own = is_own.then(|| self.own.targets.get_key_value(name)).flatten();
        if shared.is_some() && own.is_some() {
            problems.extend(self.clash(name));
        }
        let shared = shared.map(|found| (found, &self.shared));
        let ((name, part), document) = shared.or_else(|| own.map(|found| (found, &self.own)))?;
        Some(Referred { name: Some(name), part, document })
    }

    /// The problem of a target that both files have.
    fn clash(&self, name: &str) -> Option<Problem> {
        let (shared, own) = (self.shared.targets.get(name)?, self.own.targets.get(name)?);
        let text = format!(
            "`{name}` is a target of adit.toml ({}), which cannot be changed here",
            shared.place
        );
        Some(self.problem(&own.place, text).hint("give your own target another name"))
    }

    /// The problems of all targets that both files have.
    pub(crate) fn clashes(&self) -> impl Iterator<Item = Problem> {
        self.own.targets.keys().filter_map(|name| self.clash(name))
    }

    /// The target, and what is wrong with settings of it, which matters only where they hold.
    fn effective(&self, target: &Referred<'_>, problems: &mut Problems) -> (Target, Problems) {
        for (_, value) in &target.part.parts {
            problems.extend(self.deferred(&value.place));
        }
        if let Some(problem) = self.deferred(&target.part.kind.place) {
            problems.push(problem);
        }
        let is_shared = target.document.layer == Layer::Shared;
        let levels = Levels {
            target: Some(target.part),
            target_is_shared: is_shared,
            own_defaults: Some(&self.own.defaults),
            defaults: is_shared.then_some(&self.shared.defaults),
            ..Levels::default()
        };
        let mut of_settings = Problems::default();
        let settings = self.settings(levels, &mut of_settings);
        let target = Target {
            name: target.name.map(str::to_owned),
            kind: target.part.kind.value,
            spec: target.part.spec.clone(),
            place: target.part.place.clone(),
            profile: settings.profile,
            region: settings.region,
            account: settings.account,
            bastion: settings.bastion,
        };
        (target, of_settings)
    }
}
