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
            if due > told
                && let Some(reason) = reason
            {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that tests move, and what is held by it.
    struct World {
        ahead: watch::Sender<Duration>,
        held: watch::Sender<Held>,
        start: SystemTime,
        expiry: Expiry,
    }

    impl World {
        fn new(life: Duration, renewal: Renewal) -> Self {
            let (ahead, moved) = watch::channel(Duration::ZERO);
            let clock = Clock::moved(moved);
            let start = clock.now();
            let held = Held { expires: Some(start + life), renewal, last_error: None };
            let (held, receiver) = watch::channel(held);
            Self { ahead, held, start, expiry: Expiry::new(receiver, clock) }
        }

        /// Moves the time to `after` the start, and gives what comes within a moment, if anything.
        async fn at(&mut self, after: Duration) -> Option<Tick> {
            self.ahead.send_replace(after);
            tokio::time::timeout(Duration::from_millis(50), self.expiry.next()).await.ok()
        }
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[tokio::test]
    async fn what_cannot_be_renewed_is_counted_down_and_ends() {
        let reason = "a new MFA code is needed".to_owned();
        let mut world = World::new(minutes(60), Renewal::No(reason.clone()));
        assert_eq!(world.at(minutes(54)).await, None);
        let five = world.at(minutes(55)).await;
        assert!(
            matches!(&five, Some(Tick::Warning { left, reason: why })
            if *left <= minutes(5) && *why == reason),
            "{five:?}"
        );
        assert_eq!(world.at(minutes(56)).await, None);
        let one = world.at(minutes(59)).await;
        assert!(matches!(&one, Some(Tick::Warning { left, .. }) if *left <= minutes(1)), "{one:?}");
        let end = world.at(minutes(60)).await;
        assert!(
            matches!(&end, Some(Tick::Expired(failure)) if failure.kind == Kind::Expired
            && failure.message.contains("MFA code")),
            "{end:?}"
        );
    }

    #[tokio::test]
    async fn what_is_renewed_in_time_is_not_spoken_of() {
        let mut world = World::new(minutes(15), Renewal::Yes);
        assert_eq!(world.at(minutes(11)).await, None);
        assert_eq!(world.at(minutes(14)).await, None);
        let renewed = Some(world.start + minutes(29));
        world.held.send_modify(|held| held.expires = renewed);
        assert_eq!(world.at(minutes(16)).await, None);
        assert!(matches!(world.at(minutes(29)).await, Some(Tick::Expired(_))));
    }

    #[tokio::test]
    async fn who_slept_through_the_warnings_hears_the_end_alone() {
        let mut world = World::new(minutes(60), Renewal::No("why".to_owned()));
        assert!(matches!(world.at(minutes(600)).await, Some(Tick::Expired(_))));
    }

    #[tokio::test]
    async fn what_never_expires_never_ends() {
        let mut world = World::new(minutes(60), Renewal::Yes);
        world.held.send_modify(|held| held.expires = None);
        assert_eq!(world.at(minutes(6000)).await, None);
    }
}
