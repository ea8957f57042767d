//! Children that do not outlive what they were started for, and what `/proc` says of them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

/// A running child in a home of its own, with nothing else in its environment.
pub(crate) struct Process {
    child: Child,
    home: TempDir,
    started: Instant,
    lines: Receiver<(Instant, String)>,
}

impl Process {
    /// Starts a program with what `prepare` adds, which also learns the child's home.
    pub(crate) fn start(program: &Path, prepare: impl FnOnce(&mut Command, &Path)) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(home.path().join("stderr"))?);
        prepare(&mut command, home.path());
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // Nobody asks any more when the child was dropped.
                    sender.send((Instant::now(), line)).ok();
                }
            });
        }
        Ok(Self { child, home, started, lines })
    }

    /// Waits for a line that begins so; gives its rest and when it came, from the start on.
    pub(crate) fn expect_line(&self, start: &str, limit: Duration) -> Result<(Duration, String)> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, line) = self.lines.recv_timeout(left).map_err(|_| {
                anyhow!("no line {start:?} within {limit:?}; {}", self.last_words())
            })?;
            if let Some(rest) = line.strip_prefix(start) {
                return Ok((at - self.started, rest.to_owned()));
            }
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    #[allow(dead_code, reason = "not every program here needs it")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last line on standard error.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(self.home.path().join("stderr")).unwrap_or_default();
        text.lines().next_back().unwrap_or("it said nothing").to_owned()
    }

    /// Processor time that the child has used, all threads, user and system.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name may hold anything, also spaces; behind it the third field follows.
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [user, system] = [14, 15].map(|number| fields.get(number - 3));
        let (Some(user), Some(system)) = (user, system) else { bail!("short /proc/PID/stat") };
        let ticks = user.parse::<u64>()? + system.parse::<u64>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// The most memory that the child ever had in use, in megabytes.
    pub(crate) fn peak_megabytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let text = line.context("no VmHWM")?.trim().trim_end_matches(" kB");
        Ok(text.parse::<f64>()? * 1024.0 / 1e6)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing that it holds is needed any more; its lab goes with it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
