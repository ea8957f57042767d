use std::net::SocketAddr;

use adit_wire::control::AgentTaskComplete;

use super::leg::Leg;

/// What an emulated agent needs of the gateway; the official agent has a data channel and a
/// control channel for the same.
pub(crate) trait AgentGateway: Clone + Send + Sync + 'static {
    /// Opens the agent's side of a session: `CreateDataChannel`, websocket and first text frame in
    /// one. A new leg replaces the one before.
    fn attach(&self, session_id: &str) -> impl Future<Output = Result<Leg, AttachError>> + Send;

    /// Says that a session has ended, as `agent_task_complete` on the control channel does.
    fn complete(&self, message: AgentTaskComplete);

    /// Where a host and port of the instance's network really are.
    fn locate(&self, _host: &str, _port: u16) -> Located {
        Located::Nowhere
    }

    /// Whether the network lets the instance's packets through to a host and port.
    fn lets_through(&self, _host: &str, _port: u16) -> bool {
        true
    }

    /// Counts a connection that the agent has made to the session's destination.
    fn destination_opened(&self, _session_id: &str) {}

    /// Counts the end of such a connection.
    fn destination_closed(&self, _session_id: &str) {}
}

/// Where a host and port of a network really are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Located {
    /// The network has no such host.
    Nowhere,
    /// The host is there, and nobody answers on the port.
    Silent,
    /// There.
    At(SocketAddr),
}

/// Why an agent gets no leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum AttachError {
    /// The session is over: no further attempt can succeed.
    #[error("Session is already terminated")]
    Terminated,
    /// The gateway is down or refuses for a while.
    #[error("the gateway is not available")]
    Unavailable,
}
