use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::channel::CHUNK;
use super::config::Pace;

/// The pause after each message that a sleep of 1 ms comes to on an ordinary Linux instance.
const PAUSE: Duration = Duration::from_micros(1100);

/// The most that a sleep is taken to be late: more is an interruption, not the system's habit.
const MAX_LATENESS: Duration = Duration::from_micros(500);

/// Bytes that are read at once when there is no pause; they still go out [`CHUNK`] by [`CHUNK`].
const BATCH: usize = 64 * CHUNK;

/// Runs the loop that reads a session's destination, until it ends or is stopped: on a thread of
/// its own when it paces itself with the system's sleep, else as a task.
pub(super) fn spawn<F>(pace: Pace, stop: CancellationToken, pump: F) -> oneshot::Receiver<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (done, result) = oneshot::channel();
    let pump = async move {
        if let Some(output) = stop.run_until_cancelled(pump).await {
            // Fails when the session is over and nobody asks any more.
            done.send(output).ok();
        }
    };
    match pace {
        Pace::Off => drop(tokio::spawn(pump)),
        Pace::Official => {
            let runtime = Handle::current();
            let thread = thread::Builder::new().name("agent-pump".to_owned());
            if let Err(error) = thread.spawn(move || runtime.block_on(pump)) {
                tracing::error!(%error, "no thread for a session's pump");
            }
        }
    }
    result
}

/// The agent's pauses between reads.
pub(super) struct Pacer {
    pace: Pace,
    lateness: Duration,
}

impl Pacer {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, lateness: Duration::from_micros(60) }
    }

    /// The most bytes to read at once.
    pub(super) fn batch(&self) -> usize {
        match self.pace {
            Pace::Official => CHUNK,
            Pace::Off => BATCH,
        }
    }

    /// Pauses after a message. Time lost elsewhere is not caught up.
    pub(super) fn pause(&mut self) {
        if self.pace == Pace::Official {
            let asked = PAUSE.saturating_sub(self.lateness);
            let start = Instant::now();
            // Blocks on purpose: at this pace the loop has the thread to itself, and the
            // runtime's timer has a resolution of a millisecond.
            thread::sleep(asked);
            let late = start.elapsed().saturating_sub(asked).min(MAX_LATENESS);
            self.lateness = (self.lateness * 7 + late) / 8;
        }
    }

    /// Pauses while publication is paused, before another look.
    pub(super) async fn wait(&mut self) {
        match self.pace {
            Pace::Official => self.pause(),
            Pace::Off => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}
