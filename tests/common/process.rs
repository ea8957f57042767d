//! Child processes that do not outlive their test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::secrets::expect_none_of_fixtures;
use super::wait::{PATIENCE, until};

/// How long a child has to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The program under test with nothing in its environment but a home of its own.
pub(crate) fn adit(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
    command.env_clear().env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

/// A running child whose output is collected line by line.
pub(crate) struct Program {
    child: Child,
    stop: Signal,
    /// Whether it is there to tell secrets on standard output.
    tells_secrets: bool,
    stdout: Lines,
    stderr: Lines,
}

impl Program {
    /// Starts a command with both outputs piped.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let stdout = Lines::of(child.stdout.take().expect("piped"));
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        Self { child, stop: Signal::TERM, tells_secrets: false, stdout, stderr }
    }

    /// Lets it tell secrets on standard output.
    pub(crate) fn telling_secrets(mut self) -> Self {
        self.tells_secrets = true;
        self
    }

    /// Chooses the signal that ends the child when it is dropped.
    pub(crate) fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop = signal;
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid_of(&self.child), signal).expect("the child is ours and not yet reaped");
    }

    /// Whether the child still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for the child's end and for all of its output.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = until("the end of a child", || child.try_wait().expect("a child of ours"));
        self.stdout.join();
        self.stderr.join();
        self.expect_no_secrets();
        status
    }

    /// Fails when a secret of a fixture was in what it said up to this moment.
    fn expect_no_secrets(&self) {
        if !self.tells_secrets {
            expect_none_of_fixtures("standard output", self.stdout().as_bytes());
        }
        expect_none_of_fixtures("standard error", self.stderr().as_bytes());
    }

    /// Waits for a line on standard output that `pick` takes.
    pub(crate) fn expect_line<T>(&self, what: &str, pick: impl FnMut(&str) -> Option<T>) -> T {
        match self.stdout.wait_for(pick) {
            Some(found) => found,
            None => {
                panic!("{what} never came\nstdout:\n{}\nstderr:\n{}", self.stdout(), self.stderr())
            }
        }
    }

    /// Standard output up to this moment.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Standard error up to this moment.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.expect_no_secrets();
        }
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let pid = pid_of(&self.child);
        kill_process(pid, self.stop).ok();
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                self.child.kill().ok();
                self.child.wait().ok();
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// What a child has written, as lines, filled by a thread of its own.
struct Lines {
    shared: Arc<(Mutex<Collected>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Collected {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn of(source: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Collected::default()), Condvar::new()));
        let target = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while matches!(source.read_until(b'\n', &mut line), Ok(n) if n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                target.0.lock().expect("no panic under the lock").lines.push(text);
                target.1.notify_all();
                line.clear();
            }
            target.0.lock().expect("no panic under the lock").ended = true;
            target.1.notify_all();
        });
        Self { shared, reader: Some(reader) }
    }

    /// The first line that `pick` takes, whether it was there already or comes yet; `None` at the
    /// end of the output.
    fn wait_for<T>(&self, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        let mut collected = self.shared.0.lock().expect("no panic under the lock");
        loop {
            for line in &collected.lines[seen..] {
                if let Some(found) = pick(line) {
                    return Some(found);
                }
            }
            seen = collected.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if collected.ended || left.is_zero() {
                return None;
            }
            collected =
                self.shared.1.wait_timeout(collected, left).expect("no panic under the lock").0;
        }
    }

    fn text(&self) -> String {
        self.shared.0.lock().expect("no panic under the lock").lines.join("\n")
    }

    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
    }
}
