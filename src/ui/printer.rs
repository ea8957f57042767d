//! Standard output for data, standard error for everything else.

use std::io::{self, IsTerminal as _, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// Standard error, for events where standard output is somebody else's.
static ASIDE: LazyLock<Stdout> = LazyLock::new(|| Stdout::start(io::stderr()));

/// Whose words and events these are, where a command has several connections.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// Lives as long as the process, like the few names that a command is given.
    connection: &'static str,
    /// Whether words need it as well: there are others.
    is_spoken: bool,
}

/// Prints; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    output: Output,
    stdout: &'static Stdout,
    label: Option<Label>,
    /// Whether standard output is somebody else's.
    is_aside: bool,
}

impl Printer {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, stdout: &STDOUT, label: None, is_aside: false }
    }

    /// The same where standard output belongs to another program: there is no data, and events go
    /// to standard error, alone.
    pub(crate) fn aside(mut self) -> Self {
        if self.output.json {
            self.stdout = &ASIDE;
            self.output.quiet = true;
        }
        self.is_aside = true;
        self
    }

    /// The same where somebody else prints the data; events are printed where they belong.
    pub(crate) fn without_data(mut self) -> Self {
        // There is none with events.
        self.is_aside |= !self.output.json;
        self
    }

    /// The same for one connection, which its events name; its words too, where it `is_one_of_many`.
    pub(crate) fn of(mut self, connection: &'static str, is_one_of_many: bool) -> Self {
        self.label = Some(Label { connection, is_spoken: is_one_of_many });
        self
    }

    /// Whether words have to say whose they are.
    pub(crate) fn is_one_of_many(self) -> bool {
        self.label.is_some_and(|label| label.is_spoken)
    }

    /// Prints data as text, with line breaks where it has them; nothing with `--json`.
    ///
    /// Fails when something before it could not be written; whether this can is told later, by
    /// [`broken`](Self::broken).
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        if self.output.json || self.is_aside {
            return Ok(());
        }
        self.stdout.push(plain::lines(text))
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
                self.stdout.push(self.json(&Event::warning(&message))?)?;
            }
        }
        self.stdout.push(self.json(event)?)
    }

    /// An event as a line of text.
    fn json(self, event: &Event<'_>) -> Result<String, Failure> {
        let connection = self.label.map(|label| label.connection);
        event.to_json(Timestamp::now(), connection).map(plain::json).map_err(|error| {
            Failure::new(Kind::Internal, format!("cannot write an event: {error}"))
        })
    }

    /// Says a line on standard error, with whose it is where that is not plain.
    fn say(self, label: Option<(&str, AnsiColor)>, text: &str) {
        match self.label.filter(|own| own.is_spoken) {
            Some(own) => say(label, &format!("{}: {text}", own.connection)),
            None => say(label, text),
        }
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

    /// Whether standard output is somebody else's.
    pub(crate) fn is_aside(self) -> bool {
        self.is_aside
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
            self.say(None, text);
        }
    }

    /// Tells a person what they have to do for this to go on; also with `--quiet`.
    pub(crate) fn instruct(self, text: &str) {
        self.say(None, text);
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
            self.say(Some(("warning", AnsiColor::Yellow)), text);
        }
    }

    /// Tells why the command failed and what to do next, as text and as an event.
    pub(crate) fn failure(self, failure: &Failure) {
        self.failure_with(failure, Exit::Failed(failure.kind).code());
    }

    /// The same where the command ends with another code than that of the failure's kind.
    pub(crate) fn failure_with(self, failure: &Failure, code: u8) {
        if failure.kind == Kind::BrokenPipe {
            return;
        }
        self.failure_event_with(failure, code);
        if self.is_aside && self.output.json {
            return;
        }
        self.say(Some(("error", AnsiColor::Red)), &failure.message);
        for hint in &failure.hints {
            self.say(Some(("hint", AnsiColor::Cyan)), hint);
        }
    }

    /// Tells the same as an event alone.
    pub(crate) fn failure_event(self, failure: &Failure) {
        self.failure_event_with(failure, Exit::Failed(failure.kind).code());
    }

    fn failure_event_with(self, failure: &Failure, code: u8) {
        let event = Event::Error {
            code,
            kind: failure.kind,
            message: &failure.message,
            hints: &failure.hints,
        };
        // The reader may be gone: the exit code says the rest.
        drop(self.event(&event));
    }
}

/// Whether lines on standard error begin with the time.
static TIMED: AtomicBool = AtomicBool::new(false);

/// Has every line on standard error begin with the time, from here on: it goes to a log.
pub(crate) fn with_times() {
    TIMED.store(true, Ordering::Relaxed);
}

/// Writes a line to standard error. Nobody can be told when that fails.
fn say(label: Option<(&str, AnsiColor)>, text: &str) {
    let mut text = plain::line(text);
    if TIMED.load(Ordering::Relaxed) {
        text = format!("{} {text}", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"));
    }
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
