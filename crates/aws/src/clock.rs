//! The wall clock: the system's, or one that tests move.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use tokio::sync::watch;

/// How long [`Clock::sleep_until`] sleeps at most before it looks at the time again. A runtime's
/// timers stand still while the machine sleeps, and know nothing of a clock that was set.
const LOOK: Duration = Duration::from_secs(15);

/// Tells the wall time, to adit and to the SDK alike.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    added: Option<watch::Receiver<Duration>>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The system's time plus what `added` holds, which may grow at any time.
    pub fn moved(added: watch::Receiver<Duration>) -> Self {
        Self { added: Some(added) }
    }

    /// The time.
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead()
    }

    /// How far it is ahead of the system's.
    pub fn ahead(&self) -> Duration {
        self.added.as_ref().map_or(Duration::ZERO, |added| *added.borrow())
    }

    /// Waits until it is moved, if it has not been since this was asked last. The system's never is.
    pub async fn moved_on(&mut self) {
        let moved = match &mut self.added {
            Some(added) => added.changed().await.is_ok(),
            None => false,
        };
        if !moved {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the clock says `time` or later.
    pub async fn sleep_until(&self, time: SystemTime) {
        let mut added = self.added.clone();
        while let Ok(left) = time.duration_since(self.now()) {
            if left.is_zero() {
                return;
            }
            let sleep = tokio::time::sleep(left.min(LOOK));
            let Some(added) = &mut added else {
                sleep.await;
                continue;
            };
            tokio::select! {
                () = sleep => {}
                // A sender that is gone moves nothing any more.
                () = async {
                    if added.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                } => {}
            }
        }
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_is_moved_past_it() {
        let (sender, receiver) = watch::channel(Duration::ZERO);
        let clock = Clock::moved(receiver);
        let start = clock.now();
        let sleeper = clock.clone();
        let slept = tokio::spawn(async move {
            sleeper.sleep_until(start + Duration::from_hours(12)).await;
            sleeper.now()
        });
        tokio::task::yield_now().await;
        sender.send_replace(Duration::from_hours(13));
        assert!(slept.await.unwrap() >= start + Duration::from_hours(13));
    }

    #[tokio::test]
    async fn a_time_that_has_passed_is_not_waited_for() {
        let clock = Clock::system();
        clock.sleep_until(SystemTime::UNIX_EPOCH).await;
        clock.sleep_until(clock.now()).await;
    }

    #[tokio::test]
    async fn a_clock_whose_mover_is_gone_goes_on() {
        let (sender, receiver) = watch::channel(Duration::ZERO);
        drop(sender);
        let clock = Clock::moved(receiver);
        clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
    }
}
