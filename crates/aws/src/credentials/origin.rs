//! Where a value came from, in words.

use std::fmt;

/// Where a setting or a credential comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Named(&'static str),
    Profile { name: String, file: String },
}

impl Origin {
    /// A flag, a variable of the environment, or a service of the machine, by its name.
    pub(crate) const fn named(name: &'static str) -> Self {
        Self(Place::Named(name))
    }

    /// A profile in a file.
    pub(crate) fn profile(name: &str, file: &str) -> Self {
        Self(Place::Profile { name: name.to_owned(), file: file.to_owned() })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Named(name) => f.write_str(name),
            Place::Profile { name, file } => write!(f, "profile `{name}` in {file}"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}
