//! Changing a file without touching what else stands in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::config::Config;
use crate::file::{Bastion, Connection, Defaults, Target};
use crate::problem::{Problem, Problems};
use crate::source::Layer;

/// What a new shared file begins with.
const HEADER: &str = "\
# What adit opens tunnels to: `adit connect NAME`. Meant to be committed; it holds no secrets.
# `adit config schema` prints its JSON Schema, for editors.

version = 1
";

/// What a new file of a person begins with.
const OWN_HEADER: &str = "\
# Your own settings for adit. They go before those of an adit.toml where they are a matter of taste,
# and can tighten its limits, never loosen them.

version = 1
";

/// A file that is being changed. Comments, order and everything else that is not replaced stay.
#[derive(Debug)]
pub struct Edit {
    path: PathBuf,
    layer: Layer,
    document: DocumentMut,
}

impl Edit {
    /// Begins to change the text of a shared file, or to write a new one.
    pub fn shared(path: &Path, text: Option<&str>) -> Result<Self, Problems> {
        Self::new(path, Layer::Shared, text.unwrap_or(HEADER))
    }

    /// The same for a person's own file.
    pub fn own(path: &Path, text: Option<&str>) -> Result<Self, Problems> {
        Self::new(path, Layer::Own, text.unwrap_or(OWN_HEADER))
    }

    fn new(path: &Path, layer: Layer, text: &str) -> Result<Self, Problems> {
        // An empty text is a new file whose author was quicker.
        let text = match text.trim_start_matches('\u{feff}').trim() {
            "" if layer == Layer::Own => OWN_HEADER,
            "" => HEADER,
            _ => text,
        };
        check(path, layer, text)?;
        let document = text.parse::<DocumentMut>();
        let document =
            document.map_err(|_| Problem::of(path, "it cannot be changed by a program"))?;
        Ok(Self { path: path.to_owned(), layer, document })
    }

    /// Adds a target, or replaces it.
    pub fn set_target(&mut self, name: &str, target: &Target) -> Result<(), Problems> {
        self.set("targets", name, target)
    }

    /// Adds a connection, or replaces it.
    pub fn set_connection(&mut self, name: &str, connection: &Connection) -> Result<(), Problems> {
        self.set("connections", name, connection)
    }

    /// Adds a group, or replaces it.
    pub fn set_group(&mut self, name: &str, members: &[String]) -> Result<(), Problems> {
        let members: Value = members.iter().map(String::as_str).collect();
        let groups = self.section("groups")?;
        put(groups, name, members);
        Ok(())
    }

    /// Replaces the defaults.
    pub fn set_defaults(&mut self, defaults: &Defaults) -> Result<(), Problems> {
        let new = self.document_of(defaults)?;
        fill(self.section("defaults")?, &new);
        Ok(())
    }

    /// Replaces the wishes for a bastion.
    pub fn set_bastion(&mut self, bastion: &Bastion) -> Result<(), Problems> {
        let new = self.document_of(bastion)?;
        fill(self.section("bastion")?, &new);
        Ok(())
    }

    /// The text of the file, which reads without problems.
    pub fn text(&self) -> Result<String, Problems> {
        let text = self.document.to_string();
        check(&self.path, self.layer, &text)?;
        Ok(text)
    }

    fn set(&mut self, section: &str, name: &str, value: &impl Serialize) -> Result<(), Problems> {
        let new = self.document_of(value)?;
        let section = self.section(section)?;
        if let Some(old) = section.get_mut(name).and_then(Item::as_table_like_mut) {
            fill(old, &new);
            return Ok(());
        }
        let mut table = Table::new();
        fill(&mut table, &new);
        // A section in one line takes entries in one line.
        section.insert(name, Item::Table(table));
        Ok(())
    }

    fn document_of(&self, value: &impl Serialize) -> Result<Table, Problems> {
        let document = toml_edit::ser::to_document(value);
        let refuse = |error| Problem::of(&self.path, format!("it cannot be written: {error}"));
        Ok(document.map_err(refuse)?.into_table())
    }

    fn section(&mut self, key: &str) -> Result<&mut dyn TableLike, Problems> {
        let is_section = matches!(key, "targets" | "connections");
        let item = self.document.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            // Only the tables below it have headers.
            table.set_implicit(is_section);
            Item::Table(table)
        });
        let problem = || Problem::of(&self.path, format!("`{key}` is not a table"));
        item.as_table_like_mut().ok_or_else(|| problem().into())
    }
}

/// Makes a table hold exactly what the new one does; what stays keeps its place and its comments.
fn fill(table: &mut dyn TableLike, new: &Table) {
    let gone: Vec<String> =
        table.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, item) in new {
        if let Ok(value) = item.clone().into_value() {
            put(table, key, value);
        }
    }
}

/// Puts a value in; the comment behind the old one stays.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    value.decor_mut().clear();
    if let Some(old) = table.get_mut(key) {
        if let Some(old) = old.as_value() {
            *value.decor_mut() = old.decor().clone();
        }
        *old = Item::Value(value);
        return;
    }
    table.insert(key, Item::Value(value));
}

fn check(path: &Path, layer: Layer, text: &str) -> Result<(), Problems> {
    let file = Some((path, text.as_bytes()));
    let (shared, own) = if layer == Layer::Shared { (file, None) } else { (None, file) };
    Config::of_texts(shared, own, None, &|_| None).map(|_| ())
}

/// Writes a file whole or not at all. One that is there keeps its mode, and a link stays one.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let path = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".adit-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The user's mask takes away from it, as from any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut file = builder.tempfile_in(folder)?;
    if let Ok(old) = fs_err::metadata(&path) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
