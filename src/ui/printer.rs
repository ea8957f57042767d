//! Standard output for data, standard error for everything else.

use std::io::{self, IsTerminal as _, Write};
use std::sync::LazyLock;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::progress::above;
use super::stdout::Stdout;
use super::{Event, plain, prompt};
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
    /// Questions are not to be asked.
    pub(crate) no_input: bool,
}

impl From<&OutputArgs> for Output {
    fn from(args: &OutputArgs) -> Self {
        Self { json: args.json, quiet: args.quiet, no_input: args.no_input }
    }
}

/// The one standard output, from the first line on.
static STDOUT: LazyLock<Stdout> = LazyLock::new(|| Stdout::start(io::stdout()));

/// Prints; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    output: Output,
    stdout: &'static Stdout,
}

impl Printer {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, stdout: &STDOUT }
    }

    /// Prints data as text, with line breaks where it has them; nothing with `--json`.
    ///
    /// Fails when something before it could not be written; whether this can is told later, by
    /// [`broken`](Self::broken).
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        if self.output.json { Ok(()) } else { self.stdout.push(plain::lines(text)) }
    }

    /// Prints one line of data as text, whatever is in it; nothing with `--json`.
    pub(crate) fn line(self, text: &str) -> Result<(), Failure> {
        self.data(&plain::line(text))
    }

    /// Prints an event; nothing without `--json`. Fails as [`data`](Self::data) does.
    ///
    /// Events that nobody reads are left out beyond a limit, and counted: the tunnel goes on. The
    /// last ones of a command are kept.
    pub(crate) fn event(self, event: &Event<'_>) -> Result<(), Failure> {
        if !self.output.json {
            return Ok(());
        }
        if self.stdout.is_full() && !event.is_last() {
            if self.stdout.lose() {
                self.warn("nobody reads standard output; events are left out until somebody does");
            }
            return Ok(());
        }
        match self.stdout.take_lost() {
            0 => {}
            lost => {
                let message = format!("{lost} events were left out: nobody read standard output");
                self.stdout.push(json(&Event::warning(&message))?)?;
            }
        }
        self.stdout.push(json(event)?)
    }

    /// The same without words on standard error, for what somebody else tells about.
    pub(crate) fn hushed(mut self) -> Self {
        self.output.quiet = true;
        self
    }

    /// Whether nothing but errors is wanted on standard error.
    pub(crate) fn is_quiet(self) -> bool {
        self.output.quiet
    }

    /// Whether somebody can be asked: there is a terminal, and neither a program that reads events
    /// nor a wish against it.
    pub(crate) fn may_ask(self) -> bool {
        !self.output.no_input && !self.output.json && prompt::is_possible()
    }

    /// Waits until standard output fails; for ever when it does not.
    pub(crate) async fn broken(self) -> Failure {
        self.stdout.broken().await
    }

    /// Waits until all that was printed is written, or tells why it cannot be.
    pub(crate) async fn drained(self) -> Option<Failure> {
        self.stdout.drained().await
    }

    /// Waits until data stands where it belongs: above what is said on standard error after it.
    pub(crate) async fn settled(self) -> Result<(), Failure> {
        self.drained().await.map_or(Ok(()), Err)
    }

    /// The same for where no runtime is, with a limit.
    pub(crate) fn drain_within(self, limit: Duration) {
        self.stdout.drain_within(limit);
    }

    /// Tells a person what goes on; nothing with `--quiet`.
    pub(crate) fn note(self, text: &str) {
        if !self.output.quiet {
            say(None, text);
        }
    }

    /// Tells a person what they have to do for this to go on; also with `--quiet`.
    #[expect(clippy::unused_self, reason = "told like everything else, whatever is wanted")]
    pub(crate) fn instruct(self, text: &str) {
        say(None, text);
    }

    /// Tells a person that what they asked to stop has stopped; nothing with `--quiet`.
    pub(crate) fn parting(self, text: &str) {
        // A terminal has echoed Ctrl-C as two characters, which this line takes the place of.
        if !self.output.quiet && io::stderr().is_terminal() {
            drop(io::stderr().write_all(b"\r"));
        }
        self.note(text);
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
        self.failure_event(failure);
        say(Some(("error", AnsiColor::Red)), &failure.message);
        for hint in &failure.hints {
            say(Some(("hint", AnsiColor::Cyan)), hint);
        }
    }

    /// Tells the same as an event alone.
    pub(crate) fn failure_event(self, failure: &Failure) {
        let event = Event::Error {
            code: Exit::Failed(failure.kind).code(),
            kind: failure.kind,
            message: &failure.message,
            hints: &failure.hints,
        };
        // The reader may be gone: the exit code says the rest.
        drop(self.event(&event));
    }
}

/// An event as a line of text.
fn json(event: &Event<'_>) -> Result<String, Failure> {
    event
        .to_json(Timestamp::now())
        .map(plain::json)
        .map_err(|error| Failure::new(Kind::Internal, format!("cannot write an event: {error}")))
}

/// Writes a line to standard error. Nobody can be told when that fails.
fn say(label: Option<(&str, AnsiColor)>, text: &str) {
    let text = plain::line(text);
    above(|| {
        let mut stderr = anstream::stderr().lock();
        let written = match label {
            Some((label, color)) => {
                let style = Style::new().bold().fg_color(Some(color.into()));
                writeln!(stderr, "{style}{label}:{style:#} {text}")
            }
            None => writeln!(stderr, "{text}"),
        };
        drop(written);
    });
}
