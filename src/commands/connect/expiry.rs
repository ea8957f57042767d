//! The end of a tunnel's credentials: announced, counted down, and kept to.

use std::time::{Duration, SystemTime};

use adit_aws::{Clock, Held, Renewal};
use tokio::sync::watch;

use crate::failure::{Failure, Kind};

/// When the end is announced, as far as it is not renewed by then.
const WARNINGS: [Duration; 2] = [Duration::from_mins(5), Duration::from_mins(1)];

/// What the time has come for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tick {
    /// Access ends soon, for this reason.
    Warning { left: Duration, reason: String },
    /// It has ended.
    Expired(Failure),
}

/// Watches credentials on behalf of one tunnel.
#[derive(Debug)]
pub(super) struct Expiry {
    held: watch::Receiver<Held>,
    clock: Clock,
    /// The expiry that was warned of, and how often.
    warned: Option<(SystemTime, usize)>,
}

impl Expiry {
    pub(super) fn new(held: watch::Receiver<Held>, clock: Clock) -> Self {
        Self { held, clock, warned: None }
    }

    /// Waits for the next of the moments; may be dropped and called again.
    pub(super) async fn next(&mut self) -> Tick {
        loop {
            let held = self.held.borrow_and_update().clone();
            let Some(expires) = held.expires else {
                self.change().await;
                continue;
            };
            let left = expires.duration_since(self.clock.now()).unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return Tick::Expired(expired(&held));
            }
            let told = self.warned.filter(|(of, _)| *of == expires).map_or(0, |(_, times)| times);
            // Of the moments that have passed, the latest counts: who is late warns once.
            let due = WARNINGS.iter().filter(|moment| left <= **moment).count();
            let reason = reason(&held);
            if due > told && let Some(reason) = reason {
                self.warned = Some((expires, due));
                return Tick::Warning { left, reason };
            }
            let next = WARNINGS.get(due).map_or(expires, |moment| expires - *moment);
            let clock = self.clock.clone();
            tokio::select! {
                () = clock.sleep_until(next) => {}
                () = self.change() => {}
            }
        }
    }

    /// Waits until other credentials are held, or one could not be renewed.
    async fn change(&mut self) {
        if self.held.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Why these credentials are the last ones, as far as that is known.
fn reason(held: &Held) -> Option<String> {
    match (&held.renewal, &held.last_error) {
        (Renewal::No(reason), _) => Some(reason.clone()),
        (_, Some(error)) => Some(format!("they could not be renewed: {}", error.message)),
        (Renewal::Yes, None) => None,
    }
}

fn expired(held: &Held) -> Failure {
    let why = reason(held).map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut failure = Failure::new(Kind::Expired, format!("the credentials have expired{why}"));
    if let Some(error) = &held.last_error {
        failure.hints.clone_from(&error.hints);
    }
    failure.hint("connect again with fresh ones; --disconnect-on-expiry false keeps tunnels open")
}
