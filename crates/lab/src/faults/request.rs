//! What `POST /_lab/faults` is asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize};

use super::{FaultError, MAX_LATENCY, Power, Rates, Sides};
use crate::HostPort;
use crate::cloud::faults::HoldCall;
use crate::gateway::slot::Side;
use crate::service::Service;

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
    /// Share of acknowledgements that are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_acks: Option<f64>,
    /// Share of the agent's data messages that have a wrong byte, which their digest shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<f64>,
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
    /// Gives the clients of all sessions a message as it stands here, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inject: Option<String>,
    /// How many of the next API calls are answered with `ThrottlingException`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u64>,
    /// How many sessions there may be at once; StartSession is answered with `ThrottlingException`
    /// beyond that. Null ends that.
    ///
    /// Which limits the service has is not documented; what it answers beyond one of its rates is
    /// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html>.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Option<usize>>,
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
    /// How long, in milliseconds, after `HandshakeComplete` emulated agents still lose stream data,
    /// in sessions that start later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_delay_ms: Option<u64>,
    /// How long, in milliseconds, emulated agents take for each connection to a destination, in
    /// sessions that start later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_delay_ms: Option<u64>,
    /// Where names such as `db.internal:5432` lead in sessions that start later; null makes one
    /// unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, Option<SocketAddr>>>,
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
    /// The HTTP status from 500 to 599 that answers API calls; null ends that.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub fail: Option<Option<u16>>,
    /// Beside `hold` and `fail`: only the calls of this operation count.
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

impl FaultRequest {
    /// Applies the members that concern messages; false when there are none.
    pub(super) fn change(&self, rates: &mut Rates) -> bool {
        let before = rates.clone();
        rates.duplicate = self.duplicate.unwrap_or(rates.duplicate);
        rates.reorder = self.reorder.unwrap_or(rates.reorder);
        rates.drop = self.drop.unwrap_or(rates.drop);
        rates.drop_acks = self.drop_acks.unwrap_or(rates.drop_acks);
        rates.corrupt = self.corrupt.unwrap_or(rates.corrupt);
        rates.latency = self.latency_ms.map_or(rates.latency, Duration::from_millis);
        rates.stall = self.stall.unwrap_or(rates.stall);
        rates.max_input = self.max_input.unwrap_or(rates.max_input);
        *rates != before
    }

    pub(super) fn check(&self, service: &Service) -> Result<(), FaultError> {
        let rates = [
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("drop", self.drop),
            ("drop_acks", self.drop_acks),
            ("corrupt", self.corrupt),
        ];
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
        if self.fail.flatten().is_some_and(|status| !(500..600).contains(&status)) {
            return Err(FaultError::Failure);
        }
        self.injected()?;
        self.places()?;
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

    /// The message that is to be given to clients.
    pub(super) fn injected(&self) -> Result<Option<Vec<u8>>, FaultError> {
        let decode = |text: &String| BASE64.decode(text.as_bytes());
        self.inject.as_ref().map(decode).transpose().map_err(|_| FaultError::Base64)
    }

    /// Where destinations lead from here on.
    pub(super) fn places(&self) -> Result<Vec<(HostPort, Option<SocketAddr>)>, FaultError> {
        let places = self.map.iter().flatten();
        let place = |(name, to): (&String, &Option<SocketAddr>)| {
            let name = name.parse().map_err(|_| FaultError::Place(name.clone()))?;
            Ok((name, *to))
        };
        places.map(place).collect()
    }
}
