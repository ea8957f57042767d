//! Child processes that do not outlive their test.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::secrets::{expect_none_of_fixtures, fixtures_within, watch_stores};
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
    home: Option<PathBuf>,
    /// The arguments and variables that it was started with.
    given: Vec<u8>,
    /// The arguments and variables that it and its own children were seen with.
    seen: Mutex<BTreeSet<Vec<u8>>>,
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
        let home = command.get_envs().find(|(name, _)| *name == "HOME").and_then(|(_, home)| home);
        let program = Self {
            child,
            stop: Signal::TERM,
            tells_secrets: false,
            home: home.map(PathBuf::from),
            given: given(command),
            seen: Mutex::default(),
            stdout,
            stderr,
        };
        program.look_around();
        program
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
        self.look_around();
        kill_process(pid_of(&self.child), signal).expect("the child is ours and not yet reaped");
    }

    /// Whether the child still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for the child's end and for all of its output.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = until("the end of a child", || {
            self.look_around();
            self.child.try_wait().expect("a child of ours")
        });
        self.stdout.join();
        self.stderr.join();
        self.expect_no_secrets();
        status
    }

    /// Notes what all users of the machine can see of it and its children, and what their own user
    /// can.
    fn look_around(&self) {
        let mut seen = self.seen.lock().expect("no panic under the lock");
        for pid in family(self.child.id()) {
            let parts = ["cmdline", "environ"].map(|name| format!("/proc/{pid}/{name}"));
            // What has ended, or lets nobody read, has no such file.
            seen.extend(parts.iter().filter_map(|path| std::fs::read(path).ok()));
        }
    }

    /// The secrets of fixtures that are in arguments and variables of it and its children; what the
    /// test put there itself does not count.
    pub(crate) fn secrets_around(&self) -> Vec<String> {
        self.look_around();
        let seen = self.seen.lock().expect("no panic under the lock");
        seen.iter().flat_map(|seen| fixtures_within(seen, &self.given)).collect()
    }

    /// Has what its home's stores hold now watched for.
    pub(crate) fn watch_stores(&self) {
        if let Some(home) = &self.home {
            watch_stores(home);
        }
    }

    /// Fails when a secret of a fixture was in what it said up to this moment, or in what others
    /// can see of it.
    fn expect_no_secrets(&self) {
        self.watch_stores();
        let around = self.secrets_around();
        assert!(around.is_empty(), "{around:?} in arguments or variables");
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
        self.end();
        if !std::thread::panicking() {
            // What it says at its end is searched too. A child of its own may hold the pipes open.
            self.stdout.ended_within(GRACE);
            self.stderr.ended_within(GRACE);
            self.expect_no_secrets();
        }
    }
}

impl Program {
    /// Ends the child, if it still runs.
    fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.look_around();
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

/// All arguments and variables of a command.
fn given(command: &Command) -> Vec<u8> {
    let values = command.get_envs().filter_map(|(_, value)| value);
    let words: Vec<&OsStr> = command.get_args().chain(values).collect();
    words.join(OsStr::new("\0")).into_encoded_bytes()
}

/// A process and those that it started, and so on.
fn family(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(pid).chain(children.flat_map(family)).collect()
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

    /// Waits for the end of the output, but not for long.
    fn ended_within(&self, limit: Duration) {
        let (collected, changed) = &*self.shared;
        let collected = collected.lock().expect("no panic under the lock");
        drop(changed.wait_timeout_while(collected, limit, |collected| !collected.ended));
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
