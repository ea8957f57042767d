//! A program in a terminal, of 100 by 40 unless told otherwise.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::termios::LocalModes;
use tempfile::TempDir;

use crate::common::secrets::{expect_none_of_fixtures, watch_stores};
use crate::common::wait::until;

/// A guard against hanging, far above what is needed.
const PATIENCE: Duration = Duration::from_mins(2);

/// Columns and rows.
pub(crate) type Size = (NonZero<u16>, NonZero<u16>);

pub(crate) const SIZE: Size = size(100, 40);

/// So many columns and rows.
pub(crate) const fn size(columns: u16, rows: u16) -> Size {
    (NonZero::new(columns).expect("not zero"), NonZero::new(rows).expect("not zero"))
}

/// A running program and what it has drawn.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    shared: Arc<(Mutex<Drawn>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    /// Whether it is there to tell secrets.
    tells_secrets: bool,
    /// Where its stores are.
    home: PathBuf,
    _own_home: TempDir,
}

struct Drawn {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

impl Terminal {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub(crate) fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_in(SIZE, arguments, environment)
    }

    pub(crate) fn start_in(
        (columns, rows): Size,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let own_home = tempfile::tempdir().expect("a temporary folder");
        let home = environment.iter().find(|(name, _)| *name == "HOME");
        let home = home.map_or(own_home.path(), |(_, home)| Path::new(home)).to_owned();
        let size =
            PtySize { rows: rows.get(), cols: columns.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_adit"));
        command.env_clear();
        command.env("HOME", &home);
        command.env("TERM", "xterm-256color");
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd(own_home.path());
        command.args(arguments);
        let child = pair.slave.spawn_command(command).expect("the program runs");
        drop(pair.slave);

        let keyboard = pair.master.take_writer().expect("the keyboard");
        let mut screen = pair.master.try_clone_reader().expect("the screen");
        let drawn = Drawn {
            parser: vt100::Parser::new(rows, columns, 1000),
            raw: Vec::new(),
            ended: false,
        };
        let shared = Arc::new((Mutex::new(drawn), Condvar::new()));
        let target = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut buffer) {
                let mut drawn = target.0.lock().expect("no panic under the lock");
                drawn.parser.process(&buffer[..n]);
                drawn.raw.extend_from_slice(&buffer[..n]);
                target.1.notify_all();
            }
            target.0.lock().expect("no panic under the lock").ended = true;
            target.1.notify_all();
        });
        let master = pair.master;
        Self {
            child,
            keyboard,
            master,
            shared,
            reader: Some(reader),
            tells_secrets: false,
            home,
            _own_home: own_home,
        }
    }

    /// Lets it tell secrets.
    pub(crate) fn telling_secrets(mut self) -> Self {
        self.tells_secrets = true;
        self
    }

    /// Waits until a text is on the screen, and gives the screen.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut drawn = self.shared.0.lock().expect("no panic under the lock");
        loop {
            let contents = drawn.parser.screen().contents();
            if contents.contains(text) {
                return contents;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!drawn.ended && !left.is_zero(), "no {text:?} on the screen:\n{contents}");
            drawn = self.shared.1.wait_timeout(drawn, left).expect("no panic under the lock").0;
        }
    }

    /// Waits until what is typed is not shown: what was typed before is thrown away.
    pub(crate) fn wait_until_hidden(&self) {
        until("a question whose answer is not shown", || {
            let modes = self.master.get_termios()?.local_flags.bits();
            (modes & LocalModes::ECHO.bits() == 0).then_some(())
        });
    }

    /// Waits until what is typed is shown, and given line by line.
    pub(crate) fn wait_until_shown(&self) {
        let wanted = (LocalModes::ECHO | LocalModes::ICANON).bits();
        until("a terminal as it was", || {
            let modes = self.master.get_termios()?.local_flags.bits();
            (modes & wanted == wanted).then_some(())
        });
    }

    /// All that has been written to the terminal.
    pub(crate) fn raw(&self) -> String {
        let drawn = self.shared.0.lock().expect("no panic under the lock");
        String::from_utf8_lossy(&drawn.raw).into_owned()
    }

    /// Types on the keyboard.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes it");
        self.keyboard.flush().expect("the terminal takes it");
    }

    /// Sends a signal, as another terminal would.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw).expect("a running child");
        rustix::process::kill_process(pid, signal).expect("the child is ours");
    }

    /// Waits for the end, and gives the exit code.
    pub(crate) fn wait(&mut self) -> u32 {
        let code = self.child.wait().expect("a child of ours").exit_code();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        code
    }

    /// Runs to the end; gives all that was written to the terminal, and the exit code.
    pub(crate) fn run(mut self) -> (Vec<u8>, u32) {
        let code = self.wait();
        let raw = self.shared.0.lock().expect("no panic under the lock").raw.clone();
        (raw, code)
    }

    /// The screen is one that a shell can go on with: cursor shown and at the start of a line,
    /// no colour left, no other screen, no mouse.
    pub(crate) fn expect_usable(&self) {
        let drawn = self.shared.0.lock().expect("no panic under the lock");
        let screen = drawn.parser.screen();
        let contents = screen.contents();
        assert!(!screen.hide_cursor(), "the cursor is hidden:\n{contents}");
        assert!(!screen.alternate_screen(), "another screen is left:\n{contents}");
        assert!(!screen.bracketed_paste(), "bracketed paste is left on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert!(!screen.bold());
        assert_eq!(screen.cursor_position().1, 0, "the cursor is within a line:\n{contents}");
        assert!(!contents.contains("panicked"), "{contents}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        if !std::thread::panicking() && !self.tells_secrets {
            watch_stores(&self.home);
            expect_none_of_fixtures("the terminal", self.raw().as_bytes());
        }
    }
}
