//! What is said over the socket: one JSON object a line, a request and its answers.

use std::time::Duration;

use adit_aws::Renewal;
use adit_tunnel::{ExtendError, LaneStats, Tunnel};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commands::tunnels::{Extended, Leash, ServiceLimits, Standing, State};
use crate::ui::moment;

/// What a program is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub(super) enum Request {
    /// How its tunnels stand: one answer.
    Status,
    /// The same, and again whenever that changes, until the end.
    Watch,
    /// To close these connections, all where none is named. The answer comes at once; they are
    /// closed when the program says so, or is gone.
    Down { connections: Vec<String> },
    /// To give these connections more time, all that are open where none is named; by their whole time
    /// where it is not said by how much. One answer with what has come of it for each.
    Extend { connections: Vec<String>, by_s: Option<u64> },
}

/// What has come of an extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Extended(Extended),
    /// The maximum is at the ceiling already, which is so far from the start.
    AtCeiling {
        ceiling_s: u64,
    },
    /// It is being opened or closed, or listens lazily.
    NotOpen,
}

impl Answer {
    /// Extends a tunnel.
    pub(super) fn of(standing: &Standing, by: Option<Duration>) -> Self {
        let is_open = matches!(standing.state, State::Ready | State::Resuming);
        let Some(leash) = standing.leash.as_ref().filter(|_| is_open) else { return Self::NotOpen };
        match leash.extend(by) {
            Ok(extended) => Self::Extended(extended),
            Err(ExtendError::AtCeiling { ceiling }) => {
                Self::AtCeiling { ceiling_s: ceiling.as_secs() }
            }
            Err(ExtendError::Ended) => Self::NotOpen,
        }
    }
}

/// How a program's tunnels stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgramStatus {
    pub(crate) pid: u32,
    pub(crate) version: String,
    /// Whether it goes on without a terminal.
    pub(crate) detached: bool,
    pub(crate) tunnels: Vec<TunnelStatus>,
}

/// How one tunnel stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TunnelStatus {
    pub(crate) connection: String,
    pub(crate) target: String,
    pub(crate) state: State,
    /// Since when, in RFC 3339.
    pub(crate) since: String,
    pub(crate) address: Option<String>,
    pub(crate) bastion: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) code: Option<u8>,
    /// Local connections open.
    pub(crate) connections: usize,
    /// Bytes to local clients, and from them.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// How often the session was resumed.
    pub(crate) resumes: u64,
    /// How often another session took the place of one that was gone.
    #[serde(default)]
    pub(crate) replacements: u64,
    /// The sessions that it has, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lanes: Vec<LaneStatus>,
    /// How many seconds until it is closed if nothing moves, until it is closed in any case, and until
    /// it would be however often it was extended.
    #[serde(default)]
    pub(crate) idle_left_s: Option<u64>,
    #[serde(default)]
    pub(crate) maximum_left_s: Option<u64>,
    #[serde(default)]
    pub(crate) ceiling_left_s: Option<u64>,
    /// When its credentials end, in RFC 3339, and whether they can be renewed as far as is known.
    #[serde(default)]
    pub(crate) credentials_expire: Option<String>,
    #[serde(default)]
    pub(crate) credentials_renewable: Option<bool>,
    /// Whether the service is kept from doing so as idle while somebody is connected.
    #[serde(default)]
    pub(crate) keep_alive: bool,
    /// When the service ends its session by itself; nothing where that was not read yet.
    #[serde(default)]
    pub(crate) service: Option<ServiceLimits>,
}

/// One session of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaneStatus {
    pub(crate) lane: u32,
    pub(crate) session: String,
    /// Local connections that it carries.
    pub(crate) connections: usize,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl LaneStatus {
    fn of(lane: LaneStats) -> Self {
        Self {
            lane: lane.lane,
            session: lane.session_id,
            connections: lane.connections,
            bytes_in: lane.session.bytes_in,
            bytes_out: lane.session.bytes_out,
        }
    }
}

impl From<&Standing> for TunnelStatus {
    fn from(standing: &Standing) -> Self {
        let left = standing.leash.as_ref().map(Leash::left);
        let held = standing.held.as_ref().map(|held| held.borrow().clone());
        let expires = held.as_ref().and_then(|held| held.expires);
        let is_open = left.is_some();
        let stats = standing.tunnel.as_ref().map(Tunnel::stats);
        let lanes = standing.tunnel.as_ref().map(Tunnel::lanes).unwrap_or_default();
        Self {
            connection: standing.connection.clone(),
            target: standing.target.clone(),
            state: standing.state,
            since: rfc3339(standing.since),
            address: standing.address.clone(),
            bastion: standing.bastion.clone(),
            session: standing.session.clone(),
            cause: standing.cause.clone(),
            code: standing.code,
            connections: stats.map_or(0, |stats| stats.connections),
            bytes_in: stats.map_or(0, |stats| stats.session.bytes_in),
            bytes_out: stats.map_or(0, |stats| stats.session.bytes_out),
            resumes: stats.map_or(0, |stats| stats.resumes),
            replacements: stats.map_or(0, |stats| stats.replacements),
            lanes: if lanes.len() > 1 {
                lanes.into_iter().map(LaneStatus::of).collect()
            } else {
                Vec::new()
            },
            idle_left_s: left.and_then(|left| left.idle).map(|left| left.as_secs()),
            maximum_left_s: left.map(|left| left.maximum.as_secs()),
            ceiling_left_s: left.map(|left| left.ceiling.as_secs()),
            credentials_expire: expires.filter(|_| is_open).map(moment),
            credentials_renewable: held
                .filter(|held| is_open && held.temporary)
                .map(|held| held.renewal == Renewal::Yes),
            keep_alive: standing.keep_alive && is_open,
            service: standing.service.filter(|_| is_open),
        }
    }
}

fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
