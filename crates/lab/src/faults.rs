use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::watch;

use crate::cloud::faults::{CloudFaults, HoldCall};
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

    pub(crate) fn allows_resume(&self) -> bool {
        self.resume.load(Ordering::Relaxed)
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }
}

/// The body of `POST /_lab/faults`: each member that is there is applied, in the order below.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultRequest {
    /// `down` resets all data websockets and refuses new ones and the API; `up` ends that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Power>,
    /// Share of messages that arrive twice, from now on and in all sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// Share of messages that the next one overtakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder: Option<f64>,
    /// Share of messages that are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<f64>,
    /// One-way delay, in milliseconds; an hour at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Stops taking messages from a side and giving it any; null ends that.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub stall: Option<Option<Side>>,
    /// The longest payload, in bytes, that is taken of `input_stream_data`; longer ones are
    /// dropped without a word. Null ends that.
    ///
    /// So might a service behave that takes no more than the official ends send, which is 1,024
    /// bytes. Whether the real one does is not known.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub max_input: Option<Option<usize>>,
    /// The HTTP status that answers data websocket upgrades; null ends that.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub refuse_upgrade: Option<Option<u16>>,
    /// How many of the next API calls are answered with `ThrottlingException`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u64>,
    /// Makes all tokens that were issued worthless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_tokens: Option<bool>,
    /// Whether ResumeSession gives a new token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<bool>,
    /// An instance that goes offline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<String>,
    /// An instance that comes online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<String>,
    /// Ends a side's connections, in all sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Sides>,
    /// Beside `cut`: the code of a close frame. Without it the connection is reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Sends `pause_publication` to a side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Side>,
    /// Sends `start_publication` to a side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Side>,
    /// Ends a session by its id, or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_session: Option<String>,
    /// Beside `close_session`: the text for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Least and greatest time, in milliseconds, that emulated agents need before they take the
    /// first data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler_delay_ms: Option<[u64; 2]>,
    /// The version of emulated agents in sessions that start later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Actions such as `ec2:RunInstances` that nobody is allowed; `*` at the end stands for the
    /// rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<String>>,
    /// The only actions that are allowed; `*` at the end stands for the rest. Null ends that.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub allow: Option<Option<Vec<String>>>,
    /// How long, in milliseconds, what is made from here on is invisible to describes and
    /// references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency_ms: Option<u64>,
    /// How many entries a page of a list has at most; null ends that.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub page_size: Option<Option<usize>>,
    /// How long, in milliseconds, instances need from one state to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_ms: Option<u64>,
    /// How long, in milliseconds, an instance's agent needs after that to come online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_ms: Option<u64>,
    /// How long, in milliseconds, network interfaces outlive what they belonged to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_ms: Option<u64>,
    /// How long, in milliseconds, each API call takes until it is answered, beside its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u64>,
    /// Holds one of the next API calls until the client goes away; null releases it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Option<HoldCall>>,
    /// Beside `hold`: only the calls of this operation count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Tells a member that is null from one that is not there.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
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

impl FaultRequest {
    /// Applies the members that concern messages; false when there are none.
    fn change(&self, rates: &mut Rates) -> bool {
        let before = rates.clone();
        rates.duplicate = self.duplicate.unwrap_or(rates.duplicate);
        rates.reorder = self.reorder.unwrap_or(rates.reorder);
        rates.drop = self.drop.unwrap_or(rates.drop);
        rates.latency = self.latency_ms.map_or(rates.latency, Duration::from_millis);
        rates.stall = self.stall.unwrap_or(rates.stall);
        rates.max_input = self.max_input.unwrap_or(rates.max_input);
        *rates != before
    }

    fn check(&self, service: &Service) -> Result<(), FaultError> {
        let rates = [("duplicate", self.duplicate), ("reorder", self.reorder), ("drop", self.drop)];
        for (name, rate) in rates {
            // Nothing contains a NaN.
            if rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
                return Err(FaultError::Rate(name));
            }
        }
        if self.latency_ms.is_some_and(|ms| Duration::from_millis(ms) > MAX_LATENCY) {
            return Err(FaultError::Latency);
        }
        if self.refuse_upgrade.flatten().is_some_and(|status| !(300..600).contains(&status)) {
            return Err(FaultError::Status);
        }
        if self.page_size.flatten() == Some(0) {
            return Err(FaultError::Least("page_size"));
        }
        if self.hold.flatten().is_some_and(|hold| hold.call == 0) {
            return Err(FaultError::Least("hold.call"));
        }
        for id in [&self.offline, &self.online].into_iter().flatten() {
            if !service.has_instance(id) {
                return Err(FaultError::UnknownInstance(id.clone()));
            }
        }
        match &self.close_session {
            Some(id) if id != "all" && service.session(id).is_none() => {
                Err(FaultError::UnknownSession(id.clone()))
            }
            _ => Ok(()),
        }
    }
}
