//! Credentials that stay fresh: one keeper for the API calls and the signing of dials.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use backon::{ConstantBuilder, Retryable};
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::keys::Keys;
use super::make::{Asking, Made};
use crate::clock::Clock;
use crate::error::{AwsError, AwsErrorKind};

/// The shortest pause between two tries to renew.
const SHORTEST: Duration = Duration::from_secs(20);

/// How long one renewal may take: a program that gives credentials may wait for ever.
const LIMIT: Duration = Duration::from_mins(2);

/// How long a network that is not there yet, as after a lid was opened, is waited for before
/// credentials count as lost, and the pause between two tries.
const SETTLE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_secs(5);

/// Makes credentials.
pub(crate) trait Make: fmt::Debug + Send + Sync {
    fn make(&self, asking: Asking) -> BoxFuture<'_, Result<Made, AwsError>>;
}

/// Whether credentials can be renewed without a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// They can.
    Yes,
    /// They cannot, for this reason.
    No(String),
}

/// What is held.
#[derive(Debug, Clone)]
pub struct Held {
    /// When the credentials end; `None` where they do not, or do not say so.
    pub expires: Option<SystemTime>,
    /// Whether they end at all.
    pub temporary: bool,
    /// Whether they can be renewed.
    pub renewal: Renewal,
    /// Why the last renewal failed, if it did.
    pub last_error: Option<AwsError>,
}

impl Held {
    fn of(made: &Made) -> Self {
        Self {
            expires: made.keys.expires,
            temporary: !made.keys.are_long_lived(),
            renewal: made.renewal.clone(),
            last_error: None,
        }
    }
}

/// Holds credentials and renews them before they expire; a call never waits for a renewal while
/// what is held does.
#[derive(Clone)]
pub(crate) struct Keeper {
    inner: Arc<Inner>,
}

struct Inner {
    make: Arc<dyn Make>,
    clock: Clock,
    state: Mutex<State>,
    /// From 0 to 1: moves the times of renewal.
    chance: f64,
    held: watch::Sender<Held>,
    /// Held while a renewal runs, so that there is one.
    renewing: tokio::sync::Mutex<()>,
    task: Mutex<Option<AbortHandle>>,
}

struct State {
    made: Made,
    /// When the next renewal is due; `None` where there is nothing to renew.
    next: Option<SystemTime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("held", &*self.inner.held.borrow()).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Keeps what `make` gave. `chance`, from 0 to 1, moves the times of renewal, so that many who
    /// began together do not call together.
    pub(crate) fn start(make: Arc<dyn Make>, clock: Clock, first: Made, chance: f64) -> Self {
        let held = Held::of(&first);
        let next = due(&first, clock.now(), chance);
        let inner = Arc::new(Inner {
            make,
            clock: clock.clone(),
            state: Mutex::new(State { made: first, next }),
            chance,
            held: watch::Sender::new(held),
            renewing: tokio::sync::Mutex::new(()),
            task: Mutex::new(None),
        });
        let task = tokio::spawn(renew_in_time(Arc::downgrade(&inner), clock));
        *inner.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
        Self { inner }
    }

    pub(crate) fn held(&self) -> watch::Receiver<Held> {
        self.inner.held.subscribe()
    }

    /// What is held, with what is known of it.
    pub(crate) fn made(&self) -> Made {
        self.inner.made()
    }

    /// Whether there are credentials that last. Where they have expired, they are renewed now, within
    /// a minute; what fails for want of a network is tried again meanwhile.
    pub(crate) async fn settle(&self) -> bool {
        let pace = ConstantBuilder::new().with_delay(PAUSE).without_max_times();
        let keys = || self.keys();
        let kept = keys.retry(pace).sleep(tokio::time::sleep).when(AwsError::is_transient);
        timeout(SETTLE, kept).await.is_ok_and(|kept| kept.is_ok())
    }

    /// The keys to sign with: what is held while it lasts, else what can be got now.
    pub(crate) async fn keys(&self) -> Result<Keys, AwsError> {
        let inner = &self.inner;
        let made = inner.made();
        if inner.lasts(&made) {
            return Ok(made.keys);
        }
        inner.renew(made.keys.expires).await;
        let made = inner.made();
        if inner.lasts(&made) {
            return Ok(made.keys);
        }
        let error = inner.held.borrow().last_error.clone();
        Err(error.unwrap_or_else(|| expired(&made.renewal)))
    }
}

fn expired(renewal: &Renewal) -> AwsError {
    let why = match renewal {
        Renewal::Yes => String::new(),
        Renewal::No(reason) => format!(": {reason}"),
    };
    AwsError::new(
        AwsErrorKind::ExpiredCredentials,
        format!("the AWS credentials have expired and were not renewed{why}"),
    )
    .hint("run the command again; `adit whoami` shows where the credentials come from")
}

fn too_slow() -> AwsError {
    AwsError::new(
        AwsErrorKind::NoCredentials,
        format!("the source of the credentials gave none in {} s", LIMIT.as_secs()),
    )
    .hint("`adit whoami` shows where the credentials come from")
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> Made {
        self.state().made.clone()
    }

    fn lasts(&self, made: &Made) -> bool {
        made.keys.expires.is_none_or(|expires| expires > self.clock.now())
    }

    /// A failed renewal is repeated in steps of what is left, so that neither a short fault loses
    /// the credentials nor a long one becomes a flood of calls.
    fn try_later(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        let left = state.made.keys.expires.and_then(|expires| expires.duration_since(now).ok());
        state.next = Some(now + (left.unwrap_or_default() / 8).max(SHORTEST));
    }

    /// Makes new credentials, unless another did since `seen` was read.
    async fn renew(&self, seen: Option<SystemTime>) {
        let _one = self.renewing.lock().await;
        if self.made().keys.expires != seen {
            return;
        }
        let made = timeout(LIMIT, self.make.make(Asking { person: false, beyond: seen })).await;
        match made.unwrap_or_else(|_| Err(too_slow())) {
            Ok(made) if made.keys.expires > seen || made.keys.expires.is_none() => {
                tracing::debug!(expires = ?made.keys.expires, "renewed the credentials");
                let held = Held::of(&made);
                let next = due(&made, self.clock.now(), self.chance);
                *self.state() = State { made, next };
                self.held.send_replace(held);
            }
            Ok(made) => {
                tracing::debug!("the source has no newer credentials yet");
                self.try_later();
                // What is said of them may have changed nevertheless.
                self.held.send_modify(|held| held.renewal = made.renewal);
            }
            Err(error) => {
                tracing::warn!(%error, "the credentials were not renewed");
                self.try_later();
                self.held.send_modify(|held| held.last_error = Some(error));
            }
        }
    }
}

/// When to renew what was made now: at three quarters of its life.
fn due(made: &Made, now: SystemTime, chance: f64) -> Option<SystemTime> {
    let left = made.keys.expires?.duration_since(now).unwrap_or_default();
    Some(now + share(left, chance))
}

/// Renews when it is time to, for as long as anybody holds the keeper.
async fn renew_in_time(inner: Weak<Inner>, clock: Clock) {
    loop {
        let Some(next) = inner.upgrade().and_then(|inner| inner.state().next) else { return };
        clock.sleep_until(next).await;
        let Some(inner) = inner.upgrade() else { return };
        // A call that found them expired may have been here before.
        if inner.state().next == Some(next) {
            let seen = inner.made().keys.expires;
            inner.renew(seen).await;
        }
    }
}

/// Three quarters of what is left, moved by up to a twentieth of it to either side.
fn share(left: Duration, chance: f64) -> Duration {
    left.mul_f64(0.70 + 0.10 * chance.clamp(0.0, 1.0))
}

impl ProvideCredentials for Keeper {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match self.keys().await {
                Ok(keys) => Ok(keys.to_sdk()),
                // The whole error is inside, so that whoever made the call can tell it.
                Err(error) => Err(CredentialsError::provider_error(error)),
            }
        })
    }
}

#[cfg(test)]
mod tests;
