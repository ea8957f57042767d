//! What is wrong with a file, in words and as data.

use std::fmt::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::place::Place;
use crate::shown::{escaped, shown_path};

/// The most problems that are shown.
pub const MOST_SHOWN: usize = 20;

/// The most problems that are kept; the rest is counted.
const MOST_KEPT: usize = 200;

/// One thing that is wrong with a file.
///
/// [`Display`](fmt::Display) gives plain text of several lines, free of what a terminal would obey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from one, where it is about one.
    pub line: Option<usize>,
    /// The column, from one, in characters.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do or write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip)]
    snippet: Option<Snippet>,
}

/// A line of the file as it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snippet {
    pub(crate) text: String,
    /// Where the mark begins, from zero.
    pub(crate) column: usize,
    /// How long it is.
    pub(crate) width: usize,
}

impl Problem {
    /// A problem with a file as a whole.
    pub(crate) fn of(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: shown_path(file),
            line: None,
            column: None,
            message: escaped(&message.into()),
            hint: None,
            snippet: None,
        }
    }

    pub(crate) fn at(place: &Place, message: String, snippet: Option<Snippet>) -> Self {
        let mut problem = Self::of(&place.file, message);
        (problem.line, problem.column) = (Some(place.line), Some(place.column));
        problem.snippet = snippet;
        problem
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(escaped(&hint.into()));
        self
    }

    /// Suggests the nearest name, if there is one.
    pub(crate) fn near(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if let (Some(line), Some(snippet)) = (self.line, &self.snippet) {
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            let (before, mark) = (" ".repeat(snippet.column), "^".repeat(snippet.width));
            write!(f, "\n{number} | {}\n{margin} | {before}{mark}", snippet.text)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  = {hint}")?;
        }
        Ok(())
    }
}

/// All that is wrong, in the order of the files and their lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Problems {
    list: Vec<Problem>,
    /// How many there are beyond those that are kept.
    #[serde(rename = "more")]
    dropped: usize,
}

impl Problems {
    /// The problems, as many as are kept.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many there are, those included that are not kept.
    pub fn count(&self) -> usize {
        self.list.len() + self.dropped
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        if self.is_full() {
            self.skip();
        } else {
            self.list.push(problem);
        }
    }

    /// Whether further ones are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MOST_KEPT
    }

    /// Counts one that is not kept.
    pub(crate) fn skip(&mut self) {
        self.dropped += 1;
    }

    pub(crate) fn extend(&mut self, others: impl IntoIterator<Item = Problem>) {
        for problem in others {
            self.push(problem);
        }
    }

    pub(crate) fn append(&mut self, others: Self) {
        self.extend(others.list);
        self.dropped += others.dropped;
    }

    /// Whether looking for the nearest name is worth while: nobody reads that many.
    pub(crate) fn wants_hints(&self) -> bool {
        self.list.len() < MOST_SHOWN
    }

    pub(crate) fn sort(&mut self) {
        self.list.sort_by(|left, right| {
            let key = |problem: &Problem| (problem.file.clone(), problem.line, problem.column);
            key(left).cmp(&key(right))
        });
        self.list.dedup();
    }

    pub(crate) fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            return Ok(value);
        }
        self.sort();
        Err(self)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { list: vec![problem], dropped: 0 }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().take(MOST_SHOWN).enumerate() {
            if number > 0 {
                f.write_char('\n')?;
            }
            problem.fmt(f)?;
        }
        match self.count().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}
