//! The end of a tunnel's credentials: announced, counted down, and kept to.

use std::time::{Duration, SystemTime};

use adit_aws::{Aws, Clock, Held, Renewal};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
pub(super) struct Expiry {
    held: watch::Receiver<Held>,
    clock: Clock,
    /// The expiry that was warned of, and how often.
    warned: Option<(SystemTime, usize)>,
    /// Renews what has expired; false when that cannot be.
    settle: Box<dyn Fn() -> BoxFuture<'static, bool> + Send>,
    /// That under way: it is not to be dropped when something else happens meanwhile.
    settling: Option<JoinHandle<bool>>,
}

impl Expiry {
    /// Watches those of `aws`.
    pub(super) fn of(aws: Aws) -> Self {
        let (held, clock) = (aws.held(), aws.clock().clone());
        Self::new(held, clock, move || {
            let aws = aws.clone();
            async move { aws.settle().await }.boxed()
        })
    }

    /// Whether the end of these credentials cannot be known.
    pub(super) fn is_hidden(&self) -> bool {
        let held = self.held.borrow();
        held.temporary && held.expires.is_none()
    }

    fn new(
        held: watch::Receiver<Held>,
        clock: Clock,
        settle: impl Fn() -> BoxFuture<'static, bool> + Send + 'static,
    ) -> Self {
        Self { held, clock, warned: None, settle: Box::new(settle), settling: None }
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
                // Who slept through the renewal has not been refused one.
                if may_be_renewed(&held) && self.settled().await {
                    continue;
                }
                let held = self.held.borrow_and_update().clone();
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

    /// Whether they could be renewed after they had expired.
    async fn settled(&mut self) -> bool {
        let settling = self.settling.get_or_insert_with(|| tokio::spawn((self.settle)()));
        let settled = settling.await.unwrap_or(false);
        self.settling = None;
        settled
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

/// Whether nothing is known yet that stands in the way: neither an expiry that is final, nor a
/// refusal of others than the network.
fn may_be_renewed(held: &Held) -> bool {
    held.renewal == Renewal::Yes
        && held.last_error.as_ref().is_none_or(adit_aws::AwsError::is_transient)
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
            let expires = Some(start + life);
            let held = Held { expires, temporary: true, renewal, last_error: None };
            let (held, receiver) = watch::channel(held);
            let (renewed, start_of) = (held.clone(), start);
            let expiry = Expiry::new(receiver, clock, move || {
                let held = renewed.clone();
                async move {
                    // What is renewed once more lasts for six hundred minutes in all.
                    let fresh = Some(start_of + minutes(600));
                    held.send_if_modified(|held| {
                        let is_new = held.expires < fresh;
                        held.expires = held.expires.max(fresh);
                        is_new
                    })
                }
                .boxed()
            });
            Self { ahead, held, start, expiry }
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
    }

    #[tokio::test]
    async fn who_slept_through_a_renewal_is_renewed_and_ends_only_without() {
        let mut world = World::new(minutes(60), Renewal::Yes);
        assert_eq!(world.at(minutes(70)).await, None);
        assert_eq!(world.held.borrow().expires, Some(world.start + minutes(600)));
        assert!(matches!(world.at(minutes(600)).await, Some(Tick::Expired(_))));

        let mut refused = World::new(minutes(60), Renewal::Yes);
        refused.held.send_modify(|held| held.renewal = Renewal::No("revoked".to_owned()));
        assert!(matches!(refused.at(minutes(70)).await, Some(Tick::Expired(failure))
            if failure.message.contains("revoked")));
        assert_eq!(refused.held.borrow().expires, Some(refused.start + minutes(60)));
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
