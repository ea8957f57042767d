//! What is said over the socket: one JSON object a line, a request and its answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commands::tunnels::{Standing, State};

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
}

impl From<&Standing> for TunnelStatus {
    fn from(standing: &Standing) -> Self {
        let stats = standing.tunnel.as_ref().map(adit_tunnel::Tunnel::stats);
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
        }
    }
}

fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
