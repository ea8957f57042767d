use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::faults::FaultRequest;

/// How long network interfaces outlive what they belonged to, so that whoever deletes a group
/// without waiting meets its refusal.
const RELEASE: Duration = Duration::from_millis(300);

/// The faults of the control plane that are in force.
#[derive(Debug)]
pub(crate) struct CloudFaults {
    settings: Mutex<Settings>,
    /// The operation that is held at this moment.
    held: watch::Sender<Option<String>>,
}

#[derive(Debug)]
struct Settings {
    deny: Vec<String>,
    allow: Option<Vec<String>>,
    consistency: Duration,
    page_size: Option<usize>,
    boot: Duration,
    agent: Duration,
    release: Duration,
    answer: Duration,
    hold: Option<Hold>,
    fail: Option<Fail>,
}

/// API calls that fail.
#[derive(Debug)]
struct Fail {
    status: u16,
    /// The only one that does, if there is one.
    operation: Option<String>,
}

#[derive(Debug)]
struct Hold {
    left: u64,
    when: When,
    /// The only one that counts, if there is one.
    operation: Option<String>,
    release: CancellationToken,
}

/// Which call is held, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldCall {
    /// Counted from here on, the next is 1.
    pub call: u64,
    /// Before or after it is done.
    pub when: When,
}

/// When a call is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Before it is done: given up there, nothing has happened.
    Before,
    /// After it is done and before it is answered.
    After,
}

/// A call that is to be held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) when: When,
    release: CancellationToken,
}

impl Default for CloudFaults {
    fn default() -> Self {
        let settings = Settings {
            deny: Vec::new(),
            allow: None,
            consistency: Duration::ZERO,
            page_size: None,
            boot: Duration::ZERO,
            agent: Duration::ZERO,
            release: RELEASE,
            answer: Duration::ZERO,
            hold: None,
            fail: None,
        };
        Self { settings: Mutex::new(settings), held: watch::Sender::new(None) }
    }
}

impl CloudFaults {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies the members that concern the control plane.
    pub(crate) fn apply(&self, request: &FaultRequest) {
        let mut settings = self.settings();
        if let Some(deny) = &request.deny {
            settings.deny.clone_from(deny);
        }
        if let Some(allow) = &request.allow {
            settings.allow.clone_from(allow);
        }
        if let Some(size) = request.page_size {
            settings.page_size = size;
        }
        let Settings { consistency, boot, agent, release, answer, .. } = &mut *settings;
        for (time, wanted) in [
            (consistency, request.consistency_ms),
            (boot, request.boot_ms),
            (agent, request.agent_ms),
            (release, request.release_ms),
            (answer, request.answer_ms),
        ] {
            *time = wanted.map_or(*time, Duration::from_millis);
        }
        if let Some(fail) = request.fail {
            let operation = request.operation.clone();
            settings.fail = fail.map(|status| Fail { status, operation });
        }
        if let Some(hold) = request.hold {
            if let Some(old) = settings.hold.take() {
                old.release.cancel();
            }
            settings.hold = hold.map(|HoldCall { call, when }| Hold {
                left: call,
                when,
                operation: request.operation.clone(),
                release: CancellationToken::new(),
            });
        }
    }

    /// Whether an action such as `ec2:RunInstances` is refused.
    pub(crate) fn denies(&self, action: &str) -> bool {
        let settings = self.settings();
        let names = |listed: &String| match listed.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => listed == action,
        };
        settings.deny.iter().any(names)
            || settings.allow.as_ref().is_some_and(|allow| !allow.iter().any(names))
    }

    /// The status that a call of this operation fails with.
    pub(crate) fn fails(&self, operation: &str) -> Option<u16> {
        let settings = self.settings();
        let fail = settings.fail.as_ref()?;
        let is_meant = fail.operation.as_ref().is_none_or(|only| only == operation);
        is_meant.then_some(fail.status)
    }

    pub(crate) fn consistency(&self) -> Duration {
        self.settings().consistency
    }

    pub(crate) fn page_size(&self) -> Option<usize> {
        self.settings().page_size
    }

    /// From pending to running, and other changes of state.
    pub(crate) fn boot(&self) -> Duration {
        self.settings().boot
    }

    /// From running to online.
    pub(crate) fn agent(&self) -> Duration {
        self.settings().agent
    }

    /// How long network interfaces outlive what they belonged to.
    pub(crate) fn release(&self) -> Duration {
        self.settings().release
    }

    /// How long an API call that is done takes until it is answered.
    pub(crate) fn answer(&self) -> Duration {
        self.settings().answer
    }

    /// The operation that is held at this moment.
    pub(crate) fn held(&self) -> Option<String> {
        self.held.borrow().clone()
    }

    /// Waits until a call is held; gives its operation.
    pub(crate) async fn until_held(&self) -> String {
        let mut held = self.held.subscribe();
        loop {
            if let Some(operation) = held.borrow_and_update().clone() {
                return operation;
            }
            // The sender is ours, so there is always more to come.
            drop(held.changed().await);
        }
    }

    /// Waits until no call is held.
    pub(crate) async fn until_none_is_held(&self) {
        // The sender is ours, so this ends with what is waited for.
        drop(self.held.subscribe().wait_for(Option::is_none).await);
    }

    /// Counts a call; gives what to wait for when it is the one.
    pub(crate) fn takes_hold(&self, operation: &str) -> Option<Held> {
        let mut settings = self.settings();
        let hold = settings.hold.as_mut()?;
        if hold.operation.as_ref().is_some_and(|only| only != operation) {
            return None;
        }
        hold.left = hold.left.checked_sub(1)?;
        (hold.left == 0).then(|| Held { when: hold.when, release: hold.release.clone() })
    }

    /// Waits until a held call is released. Dropped when the client goes away.
    pub(crate) async fn wait(&self, held: &Held, operation: &str) {
        self.held.send_replace(Some(operation.to_owned()));
        let _shown = Shown(self);
        held.release.cancelled().await;
    }
}

/// Shows the held operation for as long as it lives.
struct Shown<'a>(&'a CloudFaults);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.0.held.send_replace(None);
    }
}
