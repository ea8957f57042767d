//! The ways in which a user or a supervisor asks to stop.

use std::io;

use futures_util::future::select_all;
use tokio::sync::watch;

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, which says that the terminal is gone.
    Hangup,
    /// `adit down`.
    Down,
    /// What the tunnel was for is done.
    Done,
    /// Another tunnel failed, without which this one is not wanted.
    Alone,
}

impl Stop {
    /// What `ended` says of it.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate | Self::Hangup => "terminated",
            Self::Down => "down",
            Self::Done => "done",
            Self::Alone => "another_failed",
        }
    }
}

/// How often somebody asked, and what for the last time.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    times: u32,
    last: Option<Stop>,
}

/// Requests to stop, from the moment that this is made; clones hear the same.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// The process's own requests first, then those of whoever was given a [`Stopper`]; each with
    /// how many of them were heard.
    sources: Vec<(watch::Receiver<Asked>, u32)>,
    /// Whether the first of them is the process's own.
    has_process: bool,
}

/// Asks those to stop who hear of it.
#[derive(Debug, Clone)]
pub(crate) struct Stopper(watch::Sender<Asked>);

impl Stopper {
    pub(crate) fn stop(&self, stop: Stop) {
        self.0.send_modify(|asked| {
            asked.times += 1;
            asked.last = Some(stop);
        });
    }
}

/// How many requests to stop the process has had.
#[derive(Debug, Clone)]
pub(crate) struct Heard(watch::Receiver<Asked>);

impl Heard {
    /// Whether a second request came, which wants an end without any wait.
    pub(crate) fn is_urgent(&self) -> bool {
        self.0.borrow().times > 1
    }
}

impl Signals {
    /// Listens to the process's signals from here on.
    pub(crate) fn new() -> io::Result<Self> {
        let mut source = Source::new()?;
        let (sender, requests) = watch::channel(Asked::default());
        let stopper = Stopper(sender);
        tokio::spawn(async move {
            loop {
                let stop = source.next().await;
                stopper.stop(stop);
            }
        });
        Ok(Self { sources: vec![(requests, 0)], has_process: true })
    }

    /// Hears nothing; its branches hear their stoppers alone.
    pub(crate) fn none() -> Self {
        Self { sources: Vec::new(), has_process: false }
    }

    /// Counts the process's requests.
    pub(crate) fn heard(&self) -> Heard {
        // There is always the process's own source.
        Heard(
            self.sources
                .first()
                .map_or_else(|| watch::channel(Asked::default()).1, |first| first.0.clone()),
        )
    }

    /// One that hears what this one hears, and what the stopper says.
    pub(crate) fn branch(&self) -> (Self, Stopper) {
        let (sender, requests) = watch::channel(Asked::default());
        let mut branch = self.clone();
        branch.sources.push((requests, 0));
        (branch, Stopper(sender))
    }

    /// Waits until the process has been asked for the second time: whoever asks twice waits for no
    /// goodbyes. What others ask for never is so urgent.
    pub(crate) async fn urgent(&self) {
        self.asked_times(2).await;
    }

    /// Waits until the process is asked twice more: the first may be one that something else, which
    /// has ended, was told as well.
    pub(crate) fn twice_more(&self) -> impl Future<Output = ()> + use<> {
        let had = self.process().map_or(0, |process| process.borrow().times);
        let listener = self.clone();
        async move { listener.asked_times(had + 2).await }
    }

    fn process(&self) -> Option<&watch::Receiver<Asked>> {
        self.sources.first().filter(|_| self.has_process).map(|(process, _)| process)
    }

    async fn asked_times(&self, times: u32) {
        let Some(process) = self.process() else { return std::future::pending().await };
        if process.clone().wait_for(|asked| asked.times >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the next request; may be dropped and called again.
    pub(crate) async fn next(&mut self) -> Stop {
        if self.sources.is_empty() {
            return std::future::pending().await;
        }
        let waits = self.sources.iter_mut().map(|(requests, heard)| {
            Box::pin(async move {
                let had = *heard;
                // A source that is gone asks for nothing any more.
                match requests.wait_for(|asked| asked.times > had).await {
                    Ok(asked) => {
                        let last = asked.last;
                        drop(asked);
                        *heard += 1;
                        last
                    }
                    Err(_) => std::future::pending().await,
                }
            })
        });
        select_all(waits).await.0.unwrap_or(Stop::Terminate)
    }
}

/// Whether the terminal sends its signals to this process, and so to the children beside it.
#[cfg(unix)]
pub(crate) fn is_in_front() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| {
        rustix::termios::tcgetpgrp(&terminal).is_ok_and(|front| front == rustix::process::getpgrp())
    })
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
            _ = hangup => Stop::Hangup,
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
