//! Standard output for data, standard error for everything else.

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::Event;
use crate::cli::OutputArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Kind};

/// How much is printed, and in which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// Events instead of text on standard output.
    pub(crate) json: bool,
    /// Nothing but errors on standard error.
    pub(crate) quiet: bool,
}

impl From<&OutputArgs> for Output {
    fn from(args: &OutputArgs) -> Self {
        Self { json: args.json, quiet: args.quiet }
    }
}

/// Prints; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    output: Output,
}

impl Printer {
    pub(crate) fn new(output: Output) -> Self {
        Self { output }
    }

    /// Prints data as text; nothing with `--json`.
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        if self.output.json { Ok(()) } else { write(text) }
    }

    /// Prints an event; nothing without `--json`.
    pub(crate) fn event(self, event: &Event<'_>) -> Result<(), Failure> {
        if !self.output.json {
            return Ok(());
        }
        let line = event.to_json(Timestamp::now()).map_err(|error| {
            Failure::new(Kind::Internal, format!("cannot write an event: {error}"))
        })?;
        write(&line)
    }

    /// Tells a person what goes on; nothing with `--quiet`.
    pub(crate) fn note(self, text: &str) {
        if !self.output.quiet {
            say(None, text);
        }
    }

    /// Tells a person that what they asked to stop has stopped; nothing with `--quiet`.
    pub(crate) fn parting(self, text: &str) {
        // A terminal has echoed Ctrl-C as two characters, which this line takes the place of.
        let over = if io::stderr().is_terminal() { "\r" } else { "" };
        self.note(&format!("{over}{text}"));
    }

    /// Tells a person that something is not as it should be; nothing with `--quiet`.
    pub(crate) fn warn(self, text: &str) {
        if !self.output.quiet {
            say(Some(("warning", AnsiColor::Yellow)), text);
        }
    }

    /// Tells why the command failed and what to do next, as text and as an event.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.kind == Kind::BrokenPipe {
            return;
        }
        let event = Event::Error {
            code: Exit::Failed(failure.kind).code(),
            kind: failure.kind,
            message: &failure.message,
            hints: &failure.hints,
        };
        // The reader may be gone: the exit code says the rest.
        drop(self.event(&event));
        say(Some(("error", AnsiColor::Red)), &failure.message);
        for hint in &failure.hints {
            say(Some(("hint", AnsiColor::Cyan)), hint);
        }
    }
}

/// Writes a line to standard output and sees it through.
fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(|error| crate::failure::of_output(&error))
}

/// Writes a line to standard error. Nobody can be told when that fails.
fn say(label: Option<(&str, AnsiColor)>, text: &str) {
    let mut stderr = anstream::stderr().lock();
    let written = match label {
        Some((label, color)) => {
            let style = Style::new().bold().fg_color(Some(color.into()));
            writeln!(stderr, "{style}{label}:{style:#} {text}")
        }
        None => writeln!(stderr, "{text}"),
    };
    drop(written);
}
