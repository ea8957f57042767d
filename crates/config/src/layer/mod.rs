//! Two files made one: what is personal is the person's, what is a limit is the stricter one's.

mod bastion;
mod combine;
mod connection;
mod explain;
mod settings;
mod tighten;

use serde::Serialize;

use crate::document::Document;
use crate::place::{Origin, Place};
use crate::problem::Problem;
use crate::source::Source;

pub use bastion::Bastion;
pub use connection::{Connection, Target};
pub use explain::Explanation;
pub use settings::Settings;
pub use tighten::{Flags, Refusal, tighten};

/// A value in effect, where it comes from, and what it went before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
    /// What was said too, and does not hold.
    pub lost: Vec<Lost>,
}

/// A value that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The value as text.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Why it does not hold.
    pub why: String,
}

impl<T> Setting<T> {
    pub(crate) fn default(value: T) -> Self {
        Self { value, origin: Origin::Default, lost: Vec::new() }
    }
}

/// Both files as they were read.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) shared: Document,
    pub(crate) own: Document,
    pub(crate) sources: Vec<Source>,
}

impl Files {
    /// What is wrong with the value at a place, which matters now that it is used.
    fn deferred(&self, place: &Place) -> Option<Problem> {
        let both = [&self.shared, &self.own];
        both.into_iter().find_map(|document| document.deferred.get(place)).cloned()
    }

    fn problem(&self, place: &Place, message: impl Into<String>) -> Problem {
        match self.sources.iter().find(|source| source.file == place.file) {
            Some(source) => source.problem_at(place, message),
            None => Problem::at(place, message.into(), None),
        }
    }
}
