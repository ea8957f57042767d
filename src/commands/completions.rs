//! `adit completions`, and what a shell asks for while somebody types.

use std::ffi::OsStr;

use adit_config::Config;
use clap_complete::engine::{CompletionCandidate, ValueCompleter};
use clap_complete::env::Shells;

use crate::cli::CompletionsArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::memory::listed;
use crate::settings::team;
use crate::ui::Printer;

/// The variable by which a shell's script asks for candidates.
pub(crate) const VARIABLE: &str = "ADIT_COMPLETE";

/// Prints the script that a shell is to read.
pub(crate) fn run(args: &CompletionsArgs, printer: Printer) -> Result<Exit, Failure> {
    let fault = |error: &dyn std::fmt::Display| {
        Failure::new(Kind::Internal, format!("cannot make the script: {error}"))
    };
    let shells = Shells::builtins();
    let shell = shells
        .completer(args.shell.name())
        .ok_or_else(|| fault(&format!("there is none for {}", args.shell.name())))?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "adit", "adit", "adit", &mut script)
        .map_err(|error| fault(&error))?;
    let script = String::from_utf8(script).map_err(|error| fault(&error))?;
    printer.data(script.trim_end())?;
    Ok(Exit::Done)
}

/// Connections and groups of the files at hand. A file that is wrong has none to offer.
pub(crate) fn names(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(config) = config() else { return Vec::new() };
    let groups = config.groups().into_iter().map(|(name, members)| {
        CompletionCandidate::new(name).help(Some(members.join(", ").into()))
    });
    begun(single(&config).chain(groups), typed)
}

/// The same without groups, for what is done with one connection.
pub(crate) fn connections(typed: &OsStr) -> Vec<CompletionCandidate> {
    config().map_or_else(Vec::new, |config| begun(single(&config), typed))
}

fn config() -> Option<Config> {
    let env = |name: &str| std::env::var(name).ok();
    team::load(&crate::cli::ConfigArgs::default(), &env).ok()
}

fn single(config: &Config) -> impl Iterator<Item = CompletionCandidate> {
    config.names().into_iter().map(|name| {
        let target = config.connection(&name).map(|found| found.target.spec);
        CompletionCandidate::new(name).help(target.ok().map(Into::into))
    })
}

/// Targets that were listed before.
pub(crate) fn targets(typed: &OsStr) -> Vec<CompletionCandidate> {
    let env = |name: &str| std::env::var(name).ok();
    begun(listed::recall(&env).into_iter().map(CompletionCandidate::new), typed)
}

fn begun(
    candidates: impl Iterator<Item = CompletionCandidate>,
    typed: &OsStr,
) -> Vec<CompletionCandidate> {
    let typed = typed.as_encoded_bytes();
    candidates
        .filter(|candidate| candidate.get_value().as_encoded_bytes().starts_with(typed))
        .collect()
}

/// Completes by a function.
#[derive(Clone, Copy)]
pub(crate) struct By(pub(crate) fn(&OsStr) -> Vec<CompletionCandidate>);

impl ValueCompleter for By {
    fn complete(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        (self.0)(typed)
    }
}
