//! Basti's configuration made one of adit.

mod names;
mod target;

use std::path::Path;

use serde_json::{Map, Value};
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy};

use crate::edit::Edit;
use crate::file::{Connection, ConnectionTarget, LocalPort, Settings};
use crate::locate::{FILE_NAME, LARGEST};
use crate::problem::Problems;
use crate::shown::{shown, shown_message};
use names::Names;

/// What Basti's file may be called, in the order in which Basti looks.
pub const BASTI_FILES: [&str; 6] =
    [".basti.yaml", ".basti.yml", ".basti.json", "basti.yaml", "basti.yml", "basti.json"];

/// The deepest that Basti's file nests: `connections`, a name, `target`, and some room.
const DEEPEST: usize = 16;

/// The most values that are read: far more than a file of people has.
const MOST_VALUES: usize = 20_000;

/// A file of Basti as `adit.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of an `adit.toml`.
    pub text: String,
    /// How many connections it has.
    pub connections: usize,
    /// What was changed on the way, or could not be carried over.
    pub notes: Vec<String>,
}

/// Why a file of Basti could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is too large to be one.
    #[error("it is larger than 256 KiB")]
    TooLarge,
    /// It is not text.
    #[error("it is not UTF-8 text")]
    NoText,
    /// It is neither YAML nor JSON, or unfolds into more than a file of people holds.
    #[error("it cannot be read: {0}")]
    Syntax(String),
    /// It has another shape than Basti's.
    #[error("it is no file of Basti's: {0}")]
    Shape(&'static str),
    /// What came of it could not be read again.
    #[error("what came of it is not an adit.toml:\n{0}")]
    Problems(#[from] Problems),
}

/// Makes an `adit.toml` of a file of Basti. `path` only tells JSON from YAML.
pub fn import_basti(path: &Path, bytes: &[u8]) -> Result<Imported, ImportError> {
    if bytes.len() as u64 > LARGEST {
        return Err(ImportError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NoText)?;
    let text = text.trim_start_matches('\u{feff}');
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let value = if is_json { json(text)? } else { yaml(text)? };
    Import::default().run(&value)
}

fn json(text: &str) -> Result<Value, ImportError> {
    serde_json::from_str(text)
        .map_err(|error| ImportError::Syntax(shown_message(&error.to_string())))
}

/// Aliases can unfold a small file into an enormous one, so all that is read is counted.
fn yaml(text: &str) -> Result<Value, ImportError> {
    let mut aliases = AliasLimits::default();
    aliases.max_total_replayed_events = MOST_VALUES;
    aliases.max_replay_stack_depth = DEEPEST;
    aliases.max_alias_expansions_per_anchor = 1000;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: MOST_VALUES,
            max_nodes: MOST_VALUES,
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_documents: 1,
            max_aliases: 1000,
            max_anchors: 1000,
            max_recorded_anchor_events: MOST_VALUES,
        },
        alias_limits: aliases,
        duplicate_keys: DuplicateKeyPolicy::Error,
        // `y` and `no` are texts, as they are to Basti.
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error
            .location()
            .map(|found| format!(" (line {}, column {})", found.line(), found.column()));
        let message = error.without_snippet().to_string();
        ImportError::Syntax(shown_message(&message) + &place.unwrap_or_default())
    })
}

#[derive(Default)]
struct Import {
    notes: Vec<String>,
}

impl Import {
    fn run(mut self, value: &Value) -> Result<Imported, ImportError> {
        let Value::Object(whole) = value else {
            return Err(ImportError::Shape("it is not a table of `connections` and `targets`"));
        };
        let targets = section(whole, "targets")?;
        let connections = section(whole, "connections")?;
        self.unknown(whole, &["targets", "connections"], "the file");
        let mut edit = Edit::shared(Path::new(FILE_NAME), None)?;
        let mut target_names = Names::beside(targets.clone().map(|(name, _)| name));
        let mut names = Names::beside(connections.clone().map(|(name, _)| name));
        for (name, value) in targets {
            let what = format!("the target `{}`", shown(name));
            if let Some(target) = self.target(&what, value) {
                let name = target_names.add(name, &what, &mut self.notes);
                edit.set_target(&name, &target)?;
            }
        }
        let mut count = 0;
        for (name, value) in connections {
            let what = format!("the connection `{}`", shown(name));
            if let Some(connection) = self.connection(&what, value, &target_names) {
                let name = names.add(name, &what, &mut self.notes);
                edit.set_connection(&name, &connection)?;
                count += 1;
            }
        }
        Ok(Imported { text: edit.text()?, connections: count, notes: self.notes })
    }

    fn connection(&mut self, what: &str, value: &Value, targets: &Names) -> Option<Connection> {
        let Value::Object(fields) = value else {
            return self.leave(what, "it is not a table");
        };
        self.unknown(fields, &["target", "localPort"], what);
        let target = match fields.get("target") {
            Some(Value::String(name)) => match targets.of(name) {
                Some(name) => ConnectionTarget::Text(name.to_owned()),
                None => return self.leave(what, &format!("there is no target `{}`", shown(name))),
            },
            Some(value) => ConnectionTarget::Table(Box::new(
                self.target(&format!("the target of {what}"), value)?,
            )),
            None => return self.leave(what, "it has no target"),
        };
        let port = fields
            .get("localPort")
            .map(|port| port.as_u64().and_then(|port| u16::try_from(port).ok()));
        let local_port = match port {
            Some(Some(port)) if port > 0 => Some(LocalPort::Number(port)),
            None => None,
            Some(_) => {
                self.notes.push(format!("the local port of {what} is no port, and was left out"));
                None
            }
        };
        Some(Connection { target, local_port, settings: Settings::default() })
    }

    /// Notes what Basti does not know either, and passes over.
    fn unknown(&mut self, fields: &Map<String, Value>, known: &[&str], what: &str) {
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            self.notes.push(format!(
                "`{}` of {what} means nothing to Basti, and was left out",
                shown(key)
            ));
        }
    }

    fn leave<T>(&mut self, what: &str, why: &str) -> Option<T> {
        self.notes.push(format!("{what} was left out: {why}"));
        None
    }
}

fn section<'v>(
    whole: &'v Map<String, Value>,
    key: &str,
) -> Result<impl Iterator<Item = (&'v String, &'v Value)> + Clone + use<'v>, ImportError> {
    let found = match whole.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::Object(found)) => Some(found),
        Some(_) => {
            return Err(ImportError::Shape("`connections` and `targets` are tables by name"));
        }
    };
    Ok(found.into_iter().flatten())
}
