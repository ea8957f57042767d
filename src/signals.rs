//! The ways in which a user or a supervisor asks to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM; or SIGHUP, which says that the terminal is gone.
    Terminate,
}

impl Stop {
    /// What `ended` says of it.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        }
    }
}

/// Requests to stop, from the moment that this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    source: Source,
    heard: Heard,
}

/// How many requests to stop have been heard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<AtomicU32>);

impl Heard {
    /// Whether a second request came, which wants an end without any wait.
    pub(crate) fn is_urgent(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { source: Source::new()?, heard: Heard::default() })
    }

    /// Counts what [`next`](Self::next) gives.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Waits for the next request; may be dropped and called again.
    pub(crate) async fn next(&mut self) -> Stop {
        let stop = self.source.next().await;
        self.heard.0.fetch_add(1, Ordering::Relaxed);
        stop
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where it is ignored, as under `nohup`.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) -> Stop {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
            _ = hangup => Stop::Terminate,
        }
    }
}

/// Whether SIGHUP was ignored when the program was started. Listening to it would undo that, and
/// the standard library cannot tell: Linux does in a file, and elsewhere it is taken as heard.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Reads the set of ignored signals, where SIGHUP is the first.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .is_some_and(|set| set & 1 == 1)
}

/// Elsewhere than on Unix that is Ctrl-C alone. Untried.
#[cfg(not(unix))]
#[derive(Debug)]
struct Source;

#[cfg(not(unix))]
impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "the same interface on every platform")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Stop {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Stop::Interrupt
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_set_of_ignored_signals_is_read() {
        assert!(ignores_hangup("Name:\tadit\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"));
        assert!(!ignores_hangup("Name:\tadit\nSigIgn:\t0000000000001000\nSigCgt:\t1\n"));
        assert!(!ignores_hangup(""));
    }
}
