//! Why a value is what it is.

use std::fmt;

use serde::Serialize;

use super::{Files, Lost, Setting};
use crate::keys;
use crate::place::Origin;
use crate::shown::escaped;

/// A value in effect as text, where it comes from, and what it went before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The key.
    pub key: String,
    /// The value; none where nothing is said and adit has no default.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// What was said too, and does not hold.
    pub lost: Vec<Lost>,
}

impl Explanation {
    pub(super) fn of<T>(key: &str, setting: &Setting<T>, show: impl Fn(&T) -> String) -> Self {
        Self {
            key: key.to_owned(),
            value: Some(show(&setting.value)),
            origin: setting.origin.clone(),
            lost: setting.lost.clone(),
        }
    }

    fn at(key: &str, value: String, origin: Origin) -> Self {
        Self { key: key.to_owned(), value: Some(value), origin, lost: Vec::new() }
    }

    fn below(mut self, prefix: &str) -> Self {
        self.key = format!("{prefix}.{}", self.key);
        self
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref().unwrap_or("not set");
        write!(f, "{} = {} ({})", escaped(&self.key), escaped(value), self.origin)?;
        for lost in &self.lost {
            write!(
                f,
                "\n  not {} ({}): {}",
                escaped(&lost.value),
                lost.origin,
                escaped(&lost.why)
            )?;
        }
        Ok(())
    }
}

impl Files {
    /// All that can be asked about.
    pub(crate) fn explained(&self) -> Vec<Explanation> {
        let mut all = Vec::new();
        for name in self.connection_names() {
            let Ok(connection) = self.connection(&name) else { continue };
            let prefix = format!("connections.{name}");
            let target = Origin::File(connection.target.place.clone());
            all.push(Explanation::at("target", connection.target.spec, target).below(&prefix));
            all.extend(
                connection.settings.explained().into_iter().map(|found| found.below(&prefix)),
            );
        }
        for name in self.target_names() {
            let Ok(target) = self.target(&name) else { continue };
            let prefix = format!("targets.{name}");
            let Some(part) = self.own.targets.get(&name).or_else(|| self.shared.targets.get(&name))
            else {
                continue;
            };
            let kind = Origin::File(part.kind.place.clone());
            all.push(Explanation::at("kind", target.kind.to_string(), kind).below(&prefix));
            for (key, value) in &part.parts {
                let origin = Origin::File(value.place.clone());
                all.push(Explanation::at(key, value.value.clone(), origin).below(&prefix));
            }
            let settings = [
                ("profile", target.profile),
                ("region", target.region),
                ("account", target.account),
                ("bastion", target.bastion),
            ];
            for (key, setting) in settings {
                all.extend(
                    setting.map(|setting| {
                        Explanation::of(key, &setting, String::clone).below(&prefix)
                    }),
                );
            }
        }
        for (name, members, place) in self.groups() {
            all.push(Explanation::at(
                &format!("groups.{name}"),
                members.join(", "),
                Origin::File(place),
            ));
        }
        let bastion = self.bastion().unwrap_or_default();
        all.extend(bastion.explained().into_iter().map(|found| found.below("bastion")));
        let (defaults, _) = self.defaults();
        all.extend(defaults.explained().into_iter().map(|found| found.below("defaults")));
        all
    }

    /// A key that could be said of something that is there, and is not.
    pub(crate) fn unset(&self, key: &str) -> Option<Explanation> {
        let (whole, last) = key.rsplit_once('.')?;
        let is_known = |keys: &[&[&str]]| keys.iter().any(|keys| keys.contains(&last));
        let settable = match whole.split_once('.') {
            None if whole == "bastion" => is_known(&[keys::BASTION]),
            None if whole == "defaults" => is_known(&[keys::SETTINGS, keys::OWN]),
            Some(("targets", name)) => self.target(name).is_ok() && is_known(&[keys::TARGET]),
            Some(("connections", name)) => {
                self.connection(name).is_ok()
                    && is_known(&[keys::SETTINGS, keys::CONNECTION, keys::OWN])
            }
            _ => false,
        };
        settable.then(|| Explanation {
            key: key.to_owned(),
            value: None,
            origin: Origin::Default,
            lost: Vec::new(),
        })
    }
}
