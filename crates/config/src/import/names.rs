//! Names of Basti made names of adit: Basti takes any text.

use std::collections::{BTreeMap, BTreeSet};

use crate::patterns::{self, fits};

/// The longest name.
const LONGEST: usize = 64;

/// The names given so far.
pub(super) struct Names {
    of: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    /// Those that need no change, and are nobody else's therefore.
    kept: BTreeSet<String>,
}

impl Names {
    /// Begins with the names that there are.
    pub(super) fn beside<'n>(all: impl Iterator<Item = &'n String>) -> Self {
        let kept = all.filter(|name| valid(name) == **name).cloned().collect();
        Self { of: BTreeMap::new(), taken: BTreeSet::new(), kept }
    }

    /// Gives a thing its name, and notes if that is another one.
    pub(super) fn add(&mut self, old: &str, what: &str, notes: &mut Vec<String>) -> String {
        let valid = valid(old);
        let mut name = valid.clone();
        let mut number = 2;
        while self.taken.contains(&name) || name != old && self.kept.contains(&name) {
            let end = format!("-{number}");
            name = valid.chars().take(LONGEST - end.len()).collect::<String>() + &end;
            number += 1;
        }
        if name != old {
            notes.push(format!("{what} is called `{name}` now"));
        }
        self.taken.insert(name.clone());
        self.of.insert(old.to_owned(), name.clone());
        name
    }

    /// The name that a thing has now.
    pub(super) fn of(&self, old: &str) -> Option<&str> {
        self.of.get(old).map(String::as_str)
    }
}

fn valid(old: &str) -> String {
    if fits(old, patterns::NAME) && crate::secret::found(old).is_none() {
        return old.to_owned();
    }
    let text = crate::secret::hidden(old);
    let text: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' })
        .collect();
    let text: String = text
        .trim_matches(['-', '.', '_'])
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let text: String = text.chars().take(LONGEST).collect();
    if text.is_empty() { "unnamed".to_owned() } else { text }
}
