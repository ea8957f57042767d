//! What is going on, for a person who waits: a line that turns on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Printer, plain};

/// How often the line turns: often enough to look alive.
const TURN: Duration = Duration::from_millis(120);

/// The line that turns; what else is written to standard error goes above it.
static LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Something that is being waited for; one at a time.
#[derive(Debug)]
pub(crate) struct Progress {
    printer: Printer,
    line: Option<ProgressBar>,
    /// What was said last.
    said: String,
}

impl Progress {
    /// Says what is begun. On a terminal the line turns until the end, with the time it has taken.
    pub(crate) fn begin(printer: Printer, what: &str) -> Self {
        let line = is_animated(printer).then(|| {
            let target = ProgressDrawTarget::stderr();
            let line = ProgressBar::with_draw_target(None, target).with_style(style());
            line.set_message(plain::line(what));
            line.enable_steady_tick(TURN);
            line
        });
        if line.is_none() {
            printer.note(what);
        }
        replace(line.clone());
        Self { printer, line, said: what.to_owned() }
    }

    /// Says what is being waited for by now.
    pub(crate) fn now(&mut self, what: &str) {
        what.clone_into(&mut self.said);
        match &self.line {
            Some(line) => line.set_message(plain::line(what)),
            None => self.printer.note(what),
        }
    }

    /// Ends it, and says how it went, unless that has been said.
    pub(crate) fn done(self, how: &str) {
        let printer = self.printer;
        let is_said = self.line.is_none() && self.said == how;
        drop(self);
        if !is_said {
            printer.note(how);
        }
    }
}

impl Drop for Progress {
    /// Whatever it was that came between, the line is gone.
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            replace(None);
            line.finish_and_clear();
        }
    }
}

fn replace(line: Option<ProgressBar>) {
    *LINE.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// Writes to standard error, above the line that turns there.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    let line = LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match line {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

/// Standard error for logs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Above;

impl Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        above(|| io::stderr().write(text))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Whether a line can turn: on a terminal that can erase it, in front of somebody who wants it, and
/// for one connection alone.
fn is_animated(printer: Printer) -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
    !printer.is_quiet() && !printer.is_one_of_many() && !dumb && io::stderr().is_terminal()
}

fn style() -> ProgressStyle {
    ProgressStyle::default_spinner()
        .tick_chars("-\\|/ ")
        .template("{spinner} {wide_msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
