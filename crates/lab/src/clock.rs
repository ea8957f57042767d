use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The furthest that the lab's time is ever ahead of the machine's: beyond everything that has a
/// timer, and still a date that can be written.
const FURTHEST: Duration = Duration::from_hours(24 * 365 * 100);

/// The lab's time: the machine's, plus what tests have added.
///
/// Tokens, credentials and the service's own timers follow it. Signatures do not: they are made
/// with the caller's clock, and checked against the machine's.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix: Duration,
    ahead: watch::Sender<Duration>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            started_unix: machine_unix(),
            ahead: watch::Sender::new(Duration::ZERO),
        }
    }

    /// Time since the lab started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed() + *self.ahead.borrow()
    }

    /// Time since the Unix epoch.
    pub(crate) fn unix(&self) -> Duration {
        self.started_unix + self.elapsed()
    }

    /// Moves the lab's time forward, to a century from the machine's at most.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(by).min(FURTHEST));
    }

    /// Tells when the time was moved.
    pub(crate) fn moves(&self) -> watch::Receiver<Duration> {
        self.ahead.subscribe()
    }

    /// Waits for a time of the lab to pass, however it passes.
    pub(crate) async fn sleep(&self, time: Duration) {
        let until = self.elapsed() + time;
        let mut moves = self.moves();
        loop {
            let left = until.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = moves.changed() => {}
            }
        }
    }
}

/// The machine's own time since the Unix epoch.
pub(crate) fn machine_unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
