mod request;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use self::request::FaultRequest;
use crate::agent::config::Runtime;
use crate::cloud::faults::CloudFaults;
use crate::config::LabConfig;
use crate::gateway::slot::{Hangup, Side};
use crate::service::Service;

/// The longest one-way delay: far beyond every timer of both sides, and far from what times and
/// byte counts can hold.
pub(crate) const MAX_LATENCY: Duration = Duration::from_hours(1);

/// What happens to relayed messages.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Rates {
    /// Share of messages that arrive twice.
    pub(crate) duplicate: f64,
    /// Share of messages that the next one overtakes.
    pub(crate) reorder: f64,
    /// Share of messages that are lost.
    pub(crate) drop: f64,
    /// Share of acknowledgements that are lost.
    pub(crate) drop_acks: f64,
    /// Share of the agent's data messages that have a wrong byte.
    pub(crate) corrupt: f64,
    /// One-way delay.
    pub(crate) latency: Duration,
    /// The side that nothing is taken from or given to.
    pub(crate) stall: Option<Side>,
    /// The longest payload that is taken from the client.
    pub(crate) max_input: Option<usize>,
}

/// The faults that are in force.
#[derive(Debug)]
pub(crate) struct FaultState {
    pub(crate) cloud: CloudFaults,
    pub(crate) rates: watch::Sender<Rates>,
    /// The status that answers every data websocket upgrade.
    refuse_upgrade: Mutex<Option<u16>>,
    /// API calls that are still to be throttled.
    throttle: AtomicU64,
    /// The most sessions at once.
    most_sessions: Mutex<Option<usize>>,
    resume: AtomicBool,
    down: AtomicBool,
}

impl FaultState {
    pub(crate) fn new(config: &LabConfig) -> Self {
        Self {
            cloud: CloudFaults::default(),
            rates: watch::Sender::new(Rates { latency: config.latency, ..Rates::default() }),
            refuse_upgrade: Mutex::new(None),
            throttle: AtomicU64::new(0),
            most_sessions: Mutex::new(None),
            resume: AtomicBool::new(config.resume_enabled),
            down: AtomicBool::new(false),
        }
    }

    pub(crate) fn refused_upgrade(&self) -> Option<u16> {
        *self.refuse_upgrade.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this API call is throttled.
    pub(crate) fn takes_throttle(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.throttle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// The most sessions at once; who holds it is the only one to start one.
    pub(crate) fn most_sessions(&self) -> MutexGuard<'_, Option<usize>> {
        self.most_sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn allows_resume(&self) -> bool {
        self.resume.load(Ordering::Relaxed)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }
}

/// Whether the gateway works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// It does not.
    Down,
    /// It does.
    Up,
}

/// One side or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sides {
    /// Whoever called StartSession.
    Client,
    /// The instance.
    Agent,
    /// Both of them.
    Both,
}

/// A fault that cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// A rate that is no share.
    #[error("`{0}` must be between 0 and 1")]
    Rate(&'static str),
    /// A delay that no session outlives.
    #[error("`latency_ms` must be at most {}", MAX_LATENCY.as_millis())]
    Latency,
    /// No instance of that id.
    #[error("no instance `{0}`")]
    UnknownInstance(String),
    /// No session of that id.
    #[error("no session `{0}`")]
    UnknownSession(String),
    /// A page of no entries, or a call before the next.
    #[error("`{0}` must be at least 1")]
    Least(&'static str),
    /// A status that no refusal has.
    #[error("`refuse_upgrade` must be a status from 300 to 599")]
    Status,
    /// A status that no failure of the service has.
    #[error("`fail` must be a status from 500 to 599")]
    Failure,
    /// A message that cannot be read.
    #[error("`inject` must be base64")]
    Base64,
    /// A name that no destination has.
    #[error("`map` must be of names as in `db.internal:5432`, not `{0}`")]
    Place(String),
}

/// Makes things go wrong: the handle behind `POST /_lab/faults`.
#[derive(Clone)]
pub struct Faults(pub(crate) Arc<Service>);

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    /// Applies a request, as `POST /_lab/faults` does. A request with an error changes nothing.
    pub fn apply(&self, request: FaultRequest) -> Result<(), FaultError> {
        request.check(&self.0)?;
        let (injected, places) = (request.injected()?, request.places()?);
        let service = &*self.0;
        let state = &service.faults;
        state.cloud.apply(&request);
        if let Some(power) = request.gateway {
            state.down.store(power == Power::Down, Ordering::Relaxed);
            if power == Power::Down {
                self.cut(Sides::Both, None);
            }
        }
        state.rates.send_if_modified(|rates| request.change(rates));
        if let Some(status) = request.refuse_upgrade {
            *state.refuse_upgrade.lock().unwrap_or_else(PoisonError::into_inner) = status;
        }
        if let Some(calls) = request.throttle {
            state.throttle.store(calls, Ordering::Relaxed);
        }
        if let Some(most) = request.sessions {
            *state.most_sessions() = most;
        }
        if request.expire_tokens == Some(true) {
            service.revoke_tokens();
        }
        if let Some(allowed) = request.resume {
            state.resume.store(allowed, Ordering::Relaxed);
        }
        for (id, online) in [(request.offline, false), (request.online, true)] {
            if let Some(id) = id {
                service.set_online(&id, online);
            }
        }
        if let Some(sides) = request.cut {
            self.cut(sides, request.code);
        }
        if let Some(message) = injected {
            let message = Bytes::from(message);
            service.sessions().iter().for_each(|session| session.inject(message.clone()));
        }
        for (side, start) in [(request.pause, false), (request.start, true)] {
            if let Some(side) = side {
                service.sessions().iter().for_each(|session| session.publication(side, start));
            }
        }
        if let Some(id) = request.close_session {
            let output = request.output.unwrap_or_default();
            for session in service.sessions() {
                if id == "all" || id == session.id {
                    service.end_session(&session, &output);
                    session.close(&output);
                }
            }
        }
        if let Some([least, greatest]) = request.handler_delay_ms {
            let delay = Duration::from_millis(least)..=Duration::from_millis(greatest);
            service.agent.update(|runtime| runtime.handler_delay = delay);
        }
        service.agent.update(|runtime| {
            let millis = Duration::from_millis;
            let Runtime { completion_delay, dial_delay, moved, .. } = runtime;
            *completion_delay = request.completion_delay_ms.map_or(*completion_delay, millis);
            *dial_delay = request.dial_delay_ms.map_or(*dial_delay, millis);
            moved.extend(places);
        });
        if let Some(version) = request.agent_version {
            service.agent.update(|runtime| runtime.agent_version = version);
        }
        Ok(())
    }

    /// Ends the connections of one side or both in all sessions: with a close frame when there is
    /// a code, else with a TCP reset.
    pub fn cut(&self, sides: Sides, code: Option<u16>) {
        let hangup = code.map_or(Hangup::Reset, Hangup::Close);
        for session in self.0.sessions() {
            for side in Side::BOTH {
                let one = if side == Side::Client { Sides::Client } else { Sides::Agent };
                if sides == Sides::Both || sides == one {
                    session.cut(side, hangup);
                }
            }
        }
    }

    /// Waits until the fault `hold` holds a call; gives its operation.
    pub async fn until_held(&self) -> String {
        self.0.faults.cloud.until_held().await
    }

    /// Waits until no call is held: until its client has gone away, or it was released.
    pub async fn until_none_is_held(&self) {
        self.0.faults.cloud.until_none_is_held().await;
    }

    /// Moves the lab's clock forward: tokens, credentials and the service's timers follow.
    pub fn advance_clock(&self, by: Duration) {
        self.0.clock.advance(by);
    }
}
