//! What is answered when the arguments make no sense, or ask for help.

use std::io::Write;
use std::time::Duration;

use clap::error::ErrorKind;

use crate::cli::is_on;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::ui::{Output, Printer, plain};

/// Prints help, version or what is wrong with the arguments.
pub(crate) fn tell(error: &clap::Error, patience: Duration) -> Exit {
    if !error.use_stderr() {
        // A closed pipe behind `--help` is no failure.
        drop(error.print());
        return Exit::Done;
    }
    if wants_json() {
        let printer = Printer::new(Output { json: true, ..Output::default() });
        printer.failure_event(&failure(error));
        printer.drain_within(patience);
    }
    if is_fit_for_a_terminal() {
        drop(error.print());
    } else {
        // What was wrong is repeated, so the colours have to go with what looks like them.
        let text = plain::lines(&error.render().to_string());
        drop(std::io::stderr().write_all(text.as_bytes()));
    }
    Exit::Failed(Kind::Usage)
}

/// The first line of what clap says; the rest is for people.
fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "no command is given",
        _ => text.lines().next().unwrap_or_default().trim_start_matches("error: "),
    };
    let usage = text.lines().find(|line| line.starts_with("Usage: "));
    usage
        .into_iter()
        .fold(Failure::new(Kind::Usage, message), Failure::hint)
        .hint("`adit --help` and `adit COMMAND --help` describe every flag")
}

/// Whether events are wanted, as far as it can be told from arguments that make no sense.
fn wants_json() -> bool {
    let given = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    given.into_iter().any(|argument| argument == "--json")
        || std::env::var("ADIT_JSON").is_ok_and(|value| is_on(&value))
}

/// Whether nothing that may be repeated holds a control character.
fn is_fit_for_a_terminal() -> bool {
    let ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("ADIT_");
    let variables = std::env::vars_os().filter(|(name, _)| ours(name)).map(|(_, value)| value);
    !std::env::args_os()
        .chain(variables)
        .any(|text| text.to_string_lossy().contains(plain::is_control))
}
