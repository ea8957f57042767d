use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calls::ApiCall;

pub use crate::gateway::counts::Counts;

/// What a lab holds at one moment: the answer of `GET /_lab/state`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct State {
    /// Every instance that is known.
    pub instances: Vec<InstanceState>,
    /// Every session, oldest first, ended ones included.
    pub sessions: Vec<SessionState>,
    /// API calls by operation, refused ones included.
    pub api_calls: BTreeMap<String, u64>,
    /// The latest thousand of them one by one, in the order in which they arrived.
    pub recent_calls: Vec<ApiCall>,
    /// Data websockets that are open, of clients and of agents in other processes.
    pub data_websockets_open: u64,
    /// The API call that a fault holds at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

/// One instance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstanceState {
    /// Its id.
    pub id: String,
    /// Whether sessions can be started on it.
    pub online: bool,
    /// Whether its agent runs inside the lab.
    pub emulated: bool,
}

/// One session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SessionState {
    /// Its id.
    pub id: String,
    /// The instance.
    pub target: String,
    /// The session document.
    pub document: String,
    /// As StartSession had them.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// As StartSession had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `Connecting`, `Connected`, `Disconnected` or `Terminated`.
    pub state: String,
    /// Whether the client's websocket is open.
    pub client_connected: bool,
    /// Whether the agent's data channel is open.
    pub agent_connected: bool,
    /// What has passed.
    pub counts: Counts,
    /// Connections that the emulated agent has to the destination.
    pub destination_connections_open: u64,
    /// Connections that it has ever had.
    pub destination_connections_total: u64,
}

impl State {
    /// The session of that id.
    pub fn session(&self, id: &str) -> Option<&SessionState> {
        self.sessions.iter().find(|session| session.id == id)
    }
}
