//! A clock that tests move, and the program that goes by it.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::wait::until;

/// A clock that the program with a moved clock follows.
pub(crate) struct MovedClock {
    fifo: PathBuf,
    /// Open for reading too, so that a program that has ended blocks no test.
    orders: RefCell<File>,
    moved_s: Cell<u64>,
    _folder: TempDir,
}

impl MovedClock {
    pub(crate) fn new() -> Self {
        Self::ahead(0)
    }

    /// One that is ahead from the start.
    pub(crate) fn ahead(seconds: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("clock");
        let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
        assert!(made.success(), "mkfifo: {made}");
        let orders = File::options().read(true).write(true).open(&fifo).expect("a FIFO");
        let (orders, moved_s) = (RefCell::new(orders), Cell::new(seconds));
        Self { fifo, orders, moved_s, _folder: folder }
    }

    /// Moves the clock; returns once the program goes by it.
    pub(crate) fn advance(&self, seconds: u64) {
        let moved_s = self.moved_s.get() + seconds;
        self.moved_s.set(moved_s);
        writeln!(self.orders.borrow_mut(), "+{seconds}").expect("the FIFO takes it");
        let done = self.fifo.with_extension("done");
        until("the program's clock to be moved", || {
            let text = std::fs::read_to_string(&done).ok()?;
            (text.parse() == Ok(moved_s)).then_some(())
        });
    }

    /// The program with this clock, and nothing in its environment but a home of its own.
    pub(crate) fn program(&self, home: &Path) -> Command {
        let mut command = Command::new(program());
        command.env_clear().env("HOME", home).current_dir(home).stdin(Stdio::null());
        command.env("ADIT_TEST_CLOCK", &self.fifo);
        command.env("ADIT_TEST_CLOCK_AHEAD", self.moved_s.get().to_string());
        command
    }

    /// How far it is moved.
    pub(crate) fn moved(&self) -> Duration {
        Duration::from_secs(self.moved_s.get())
    }
}

/// The program with a clock that tests move, an example of this package.
fn program() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_adit")).parent().expect("a folder");
    let path = folder.join("examples/adit-moved-clock");
    assert!(path.exists(), "{} is not built; `cargo build --examples`", path.display());
    path
}
