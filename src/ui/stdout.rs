//! Standard output, written by a thread of its own.
//!
//! A reader that stops reading blocks whoever writes. That must be neither the tunnel nor the task
//! that waits for signals, so lines are queued and never waited for.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::failure::{Failure, Kind, of_output};

/// The most lines that wait for a reader. It takes hours of events to fill at an ordinary pace, and
/// a few megabytes.
const LIMIT: u64 = 10_000;

/// How often a wait without a runtime looks.
const GLANCE: Duration = Duration::from_millis(2);

/// The queue and the thread behind it.
#[derive(Debug)]
pub(crate) struct Stdout {
    lines: Sender<String>,
    queued: AtomicU64,
    lost: AtomicU64,
    progress: Arc<watch::Sender<Progress>>,
}

/// How far the thread has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    written: u64,
    failure: Option<Failure>,
}

impl Stdout {
    /// Starts the thread, which ends with the process or when `out` fails.
    pub(crate) fn start(out: impl Write + Send + 'static) -> Self {
        let (lines, queue) = channel();
        let progress = Arc::new(watch::Sender::new(Progress::default()));
        let told = Arc::clone(&progress);
        let thread = Builder::new().name("stdout".to_owned());
        if let Err(error) = thread.spawn(move || write(out, &queue, &told)) {
            let failure = Failure::new(Kind::Internal, format!("cannot start a thread: {error}"));
            progress.send_modify(|progress| progress.failure = Some(failure));
        }
        Self { lines, queued: AtomicU64::new(0), lost: AtomicU64::new(0), progress }
    }

    /// Queues a line; fails when an earlier one could not be written.
    pub(crate) fn push(&self, line: String) -> Result<(), Failure> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        // The thread takes no more after a failure only.
        drop(self.lines.send(line));
        self.progress.borrow().failure.clone().map_or(Ok(()), Err)
    }

    /// Whether so much waits for the reader that more should not be added.
    pub(crate) fn is_full(&self) -> bool {
        let written = self.progress.borrow().written;
        self.queued.load(Ordering::Relaxed).saturating_sub(written) >= LIMIT
    }

    /// Counts a line that was left out; true for the first one since the last time.
    pub(crate) fn lose(&self) -> bool {
        self.lost.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// How many lines were left out, told once.
    pub(crate) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Waits until a line could not be written.
    pub(crate) async fn broken(&self) -> Failure {
        self.reach(u64::MAX).await.unwrap_or_else(|| {
            Failure::new(Kind::Internal, "standard output has taken more lines than there are")
        })
    }

    /// Waits until all lines up to here are written, or tells why they cannot be.
    pub(crate) async fn drained(&self) -> Option<Failure> {
        self.reach(self.queued.load(Ordering::Relaxed)).await
    }

    /// The same for where no runtime is, with a limit.
    pub(crate) fn drain_within(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let queued = self.queued.load(Ordering::Relaxed);
        while !self.progress.borrow().is_at(queued) && Instant::now() < deadline {
            sleep(GLANCE);
        }
    }

    async fn reach(&self, queued: u64) -> Option<Failure> {
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(|progress| progress.is_at(queued)).await;
        // The sender lives as long as `self`.
        reached.ok().and_then(|progress| progress.failure.clone())
    }
}

impl Progress {
    fn is_at(&self, queued: u64) -> bool {
        self.failure.is_some() || self.written >= queued
    }
}

/// Writes line after line and sees each through.
fn write(mut out: impl Write, lines: &Receiver<String>, progress: &watch::Sender<Progress>) {
    for mut line in lines {
        line.push('\n');
        let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        match written {
            Ok(()) => progress.send_modify(|progress| progress.written += 1),
            Err(error) => {
                return progress.send_modify(|progress| progress.failure = Some(of_output(&error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, PipeReader, PipeWriter, pipe};

    use tokio::time::timeout;

    use super::*;

    fn piped() -> (PipeReader, Stdout) {
        let (reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
        (reader, Stdout::start(writer))
    }

    #[tokio::test]
    async fn lines_come_whole_and_in_order() {
        let (reader, stdout) = piped();
        for line in ["one", "two"] {
            stdout.push(line.to_owned()).unwrap();
        }
        assert_eq!(stdout.drained().await, None);
        let lines: Vec<String> =
            BufReader::new(reader).lines().take(2).map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_holds_nobody_up() {
        let (reader, stdout) = piped();
        let line = "x".repeat(1_000);
        while !stdout.is_full() {
            stdout.push(line.clone()).unwrap();
        }
        let limit = Duration::from_millis(50);
        assert!(timeout(limit, stdout.drained()).await.is_err());
        assert!(timeout(limit, stdout.broken()).await.is_err());
        stdout.drain_within(limit);
        assert!(stdout.lose() && !stdout.lose());
        assert_eq!((stdout.take_lost(), stdout.take_lost()), (2, 0));

        // It reads again: there is room.
        std::thread::spawn(move || BufReader::new(reader).lines().for_each(drop));
        assert_eq!(stdout.drained().await, None);
        assert!(!stdout.is_full());
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_is_noticed() {
        let (reader, stdout) = piped();
        drop(reader);
        drop(stdout.push("one".to_owned()));
        assert_eq!(stdout.broken().await.kind, Kind::BrokenPipe);
        assert_eq!(stdout.push("two".to_owned()).unwrap_err().kind, Kind::BrokenPipe);
        assert_eq!(stdout.drained().await.unwrap().kind, Kind::BrokenPipe);
    }
}
