//! Reading a file: all that is wrong is collected, so that one run shows it all.

mod bastion;
mod settings;
mod target;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use crate::document::{ConnectionPart, Document, GroupPart, TargetRef};
use crate::expand::Surroundings;
use crate::keys;
use crate::patterns::{self, fits};
use crate::place::{Located, Place};
use crate::problem::{Problem, Problems};
use crate::shown::{shown, shown_message};
use crate::similar::nearest;
use crate::source::{Layer, Source};

pub(crate) use target::is_host;

type Value<'d> = Spanned<DeValue<'d>>;

/// The version of the format that this program reads.
pub(crate) const VERSION: i128 = 1;

/// Reads a file.
pub(crate) fn read(source: &Source, around: Surroundings<'_>) -> Result<Document, Problems> {
    if let Some(at) = too_deep(&source.text) {
        return Err(source.broken(at..at + 1, "it is nested too deep").into());
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let mut reader = Reader::new(source, around);
    let mut is_whole = true;
    for error in errors {
        is_whole &= error.message().starts_with("duplicate key");
        let span = error.span().unwrap_or_default();
        if reader.problems.is_full() {
            reader.problems.skip();
            continue;
        }
        reader.problems.push(source.broken(span, shown_message(error.message())));
    }
    // What stands after a slip of the pen may be read as something else than was meant.
    if !is_whole {
        return reader.problems.into_result(Document::empty(source.layer));
    }
    let document = reader.document(table.get_ref());
    reader.problems.into_result(document)
}

/// The deepest that values nest; we need three levels.
const DEEPEST: usize = 32;

/// Where brackets or dots nest too deep. The parser refuses that too, but takes its time: minutes for
/// a file of nothing but brackets.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut dots) = (0_usize, 0_usize);
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                depth = depth.saturating_sub(1);
            }
            TokenKind::Dot => dots += 1,
            TokenKind::Equals | TokenKind::Newline => dots = 0,
            _ => {}
        }
        if depth > DEEPEST || dots > DEEPEST {
            return Some(token.span().start());
        }
    }
    None
}

/// What reading a file needs and collects.
struct Reader<'a> {
    source: &'a Source,
    around: Surroundings<'a>,
    problems: Problems,
    deferred: BTreeMap<Place, Problem>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source, around: Surroundings<'a>) -> Self {
        Self { source, around, problems: Problems::default(), deferred: BTreeMap::new() }
    }

    fn document(&mut self, table: &DeTable<'_>) -> Document {
        let mut document = Document::empty(self.source.layer);
        if !self.version(table) {
            return document;
        }
        self.keys(table, &[keys::TOP], "");
        if let Some(defaults) = self.table_at(table, "defaults") {
            document.defaults = self.defaults(defaults);
        }
        if let Some(bastion) = self.table_at(table, "bastion") {
            document.bastion = self.bastion(bastion);
        }
        for (name, value) in self.named(table, "targets", "target") {
            if let Some(target) = self.target_table(value) {
                document.targets.insert(name.value, target);
            }
        }
        for (name, value) in self.named(table, "connections", "connection") {
            if let Some(connection) = self.connection(&name, value) {
                document.connections.insert(name.value, connection);
            }
        }
        for (name, value) in self.named(table, "groups", "group") {
            if document.connections.contains_key(&name.value) {
                let text = format!("`{}` is a connection already", name.value);
                self.report(name.span.clone(), text);
            }
            if let Some(group) = self.group(&name, value) {
                document.groups.insert(name.value, group);
            }
        }
        self.references(
            &document,
            &names_below(table, "targets"),
            &names_below(table, "connections"),
        );
        document.deferred = std::mem::take(&mut self.deferred);
        document
    }

    /// Whether the file is of a version that can be read.
    fn version(&mut self, table: &DeTable<'_>) -> bool {
        let Some(value) = table.get("version") else {
            if table.is_empty() {
                if self.source.is_shared() {
                    let text = "the file says nothing; it begins with `version = 1`, and `adit config schema` tells what may follow";
                    self.problems.push(Problem::of(&self.source.file, text));
                }
                return false;
            }
            let text = "the file does not say its version";
            let problem = Problem::of(&self.source.file, text).hint("begin it with `version = 1`");
            self.problems.push(problem);
            return true;
        };
        match self.integer(value, "the version of the format, 1") {
            Some(VERSION) | None => true,
            Some(other) => {
                let text = format!("version {other} of the format is not known here");
                let problem = self.source.problem(value.span(), text);
                self.problems.push(problem.hint(if other > VERSION {
                    "this adit reads version 1: a newer adit may be needed"
                } else {
                    "write `version = 1`"
                }));
                false
            }
        }
    }

    fn connection(&mut self, name: &Name, value: &Value<'_>) -> Option<ConnectionPart> {
        let table = self.table(value, "a table, such as { target = \"rds:orders\" }")?;
        self.keys(table, &[keys::CONNECTION, keys::SETTINGS, self.own_keys()], "of a connection");
        let settings = self.settings(table);
        let target = table.get("target").and_then(|value| self.reference(value));
        // A person's own file may say something about a connection of the shared one.
        if !table.contains_key("target") && self.source.is_shared() {
            let text = format!("the connection `{}` has no `target`", name.value);
            let hint = "the name of a target, or KIND:ID such as \"rds:orders\"";
            let problem = self.source.problem(name.span.clone(), text).hint(hint);
            self.problems.push(problem);
        }
        let place = self.source.place(name.span.start);
        Some(ConnectionPart { place, target, settings })
    }

    /// The target of a connection: its name, KIND:ID, or a table.
    fn reference(&mut self, value: &Value<'_>) -> Option<TargetRef> {
        if value.get_ref().is_table() {
            return self.target_table(value).map(|target| TargetRef::Inline(Box::new(target)));
        }
        let want = "the name of a target, KIND:ID, or a table with `kind` and `id`";
        if value.get_ref().as_str().is_some_and(|text| !text.contains(':') && !text.contains("${"))
        {
            let name = self.fitting_literal(value, patterns::NAME, want)?;
            let text = format!("there is no target `{}`", name.value);
            let problem = self.source.problem(value.span(), text);
            return Some(TargetRef::Named(name, Box::new(problem)));
        }
        self.target_text(value, want).map(|target| TargetRef::Inline(Box::new(target)))
    }

    fn group(&mut self, name: &Name, value: &Value<'_>) -> Option<GroupPart> {
        let want = "an array of names of connections";
        let members = self.array(value, want)?;
        let mut group =
            GroupPart { place: self.source.place(name.span.start), members: Vec::new() };
        for member in members {
            if let Some(found) =
                self.fitting_literal(member, patterns::NAME, "the name of a connection")
            {
                let text = format!("there is no connection `{}`", found.value);
                let problem = self.source.problem(member.span(), text);
                group.members.push((found, problem));
            }
        }
        if members.is_empty() {
            self.report(value.span(), "the group has no connections");
        }
        Some(group)
    }

    /// What the shared file refers to has to be in it. A person's file may be read in a folder whose
    /// shared file is another one: there it is a problem only of what is used.
    fn references(&mut self, document: &Document, targets: &Names, connections: &Names) {
        if self.source.layer == Layer::Own {
            return;
        }
        for connection in document.connections.values() {
            if let Some(TargetRef::Named(name, problem)) = &connection.target
                && !targets.contains(&name.value)
            {
                let near = self.near(&name.value, targets);
                self.problems.push(problem.as_ref().clone().near(near.as_deref()));
            }
        }
        for (name, problem) in document.groups.values().flat_map(|group| &group.members) {
            if connections.contains(&name.value) {
                continue;
            }
            let problem = if document.groups.contains_key(&name.value) {
                problem.clone().hint("that is a group; groups hold connections only")
            } else {
                problem.clone().near(self.near(&name.value, connections).as_deref())
            };
            self.problems.push(problem);
        }
    }

    fn near(&self, name: &str, known: &Names) -> Option<String> {
        let wanted = self.problems.wants_hints();
        wanted.then(|| nearest(name, known.iter().map(String::as_str)).map(str::to_owned)).flatten()
    }

    /// The tables below a key, by their names.
    fn named<'t, 'd>(
        &mut self,
        table: &'t DeTable<'d>,
        key: &str,
        what: &str,
    ) -> Vec<(Name, &'t Value<'d>)> {
        let Some(below) = self.table_at(table, key) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, value) in below {
            let text = name.get_ref();
            if fits(text, patterns::NAME) {
                found.push((Name { value: text.to_string(), span: name.span() }, value));
                continue;
            }
            let text = format!(
                "`{}` cannot be the name of a {what}: it has 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit",
                shown(text)
            );
            self.report(name.span(), text);
        }
        found
    }

    fn table_at<'t, 'd>(&mut self, table: &'t DeTable<'d>, key: &str) -> Option<&'t DeTable<'d>> {
        let value = table.get(key)?;
        self.table(value, &format!("a table, [{key}]"))
    }

    /// Reports the keys that are not known, or must not stand there.
    fn keys(&mut self, table: &DeTable<'_>, known: &[&[&str]], section: &str) {
        for (key, value) in table {
            let name: &str = key.get_ref();
            if known.iter().any(|keys| keys.contains(&name)) {
                continue;
            }
            let problem = match keys::refused(name, self.source.layer) {
                Some(refused) => self
                    .source
                    .hiding(
                        key.span(),
                        if refused.hides { value.span() } else { 0..0 },
                        format!(
                            "`{}` cannot be set in {}: {}",
                            shown(name),
                            self.file(),
                            refused.why
                        ),
                    )
                    .hint(refused.instead),
                None => self.unknown(key.span(), name, known, section),
            };
            self.problems.push(problem);
        }
    }

    fn unknown(&self, span: Range<usize>, name: &str, known: &[&[&str]], section: &str) -> Problem {
        let problem = self.source.problem(span, format!("unknown key `{}`", shown(name)));
        if !self.problems.wants_hints() {
            return problem;
        }
        let elsewhere = [
            (keys::SETTINGS, "a connection or of [defaults]"),
            (keys::CONNECTION, "a connection"),
            (keys::TARGET, "a target"),
            (keys::BASTION, "[bastion]"),
        ];
        if let Some((_, place)) = elsewhere.iter().find(|(keys, _)| keys.contains(&name)) {
            return problem.hint(format!("it is a key of {place}"));
        }
        let known: Vec<&str> = known.iter().flat_map(|keys| keys.iter().copied()).collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => problem.near(Some(near)),
            None => problem
                .hint(format!("the keys {section} are {}", known.join(", ")).replace("  ", " ")),
        }
    }

    fn report(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(self.source.problem(span, message));
    }

    /// The keys that only a person's own file has.
    fn own_keys(&self) -> &'static [&'static str] {
        if self.source.is_shared() { &[] } else { keys::OWN }
    }

    /// What the file is called in sentences.
    fn file(&self) -> &'static str {
        if self.source.is_shared() { "adit.toml" } else { "config.toml" }
    }
}

type Names = BTreeSet<String>;

/// The names below a key, also of what is wrong: that is said already.
fn names_below(table: &DeTable<'_>, key: &str) -> Names {
    let below = table.get(key).and_then(|value| value.get_ref().as_table());
    below.into_iter().flatten().map(|(name, _)| name.get_ref().to_string()).collect()
}

/// A name and where it stands in the text.
struct Name {
    value: String,
    span: Range<usize>,
}

impl Reader<'_> {
    fn located<T>(&self, value: T, span: &Range<usize>) -> Located<T> {
        Located { value, place: self.source.place(span.start) }
    }
}
