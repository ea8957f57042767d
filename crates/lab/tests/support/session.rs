use adit_lab::Lab;
use adit_wire::MessageType::{PausePublication, StartPublication};

use super::agent::{Agent, ID};
use super::binary::kind;
use super::client::{Ticket, open, start};
use super::socket::Socket;

/// A session with both sides there, whose notices have been read.
pub(crate) struct Sides {
    pub(crate) agent: Agent,
    pub(crate) ticket: Ticket,
    /// The client's data channel.
    pub(crate) near: Socket,
    /// The agent's.
    pub(crate) far: Socket,
}

/// Starts a session on an agent that the test plays; neither side has a data channel yet.
pub(crate) async fn started(lab: &Lab) -> (Agent, Ticket) {
    let mut agent = Agent::connect(lab).await;
    let ticket = start(lab, ID).await;
    assert_eq!(agent.task().await.session_id, ticket.id);
    (agent, ticket)
}

/// The same, and both sides come: the agent first.
pub(crate) async fn joined(lab: &Lab) -> Sides {
    let (agent, ticket) = started(lab).await;
    let mut far = agent.open(lab, &ticket.id).await;
    assert_eq!(kind(&far.next().await), PausePublication);
    let mut near = open(&ticket).await;
    assert_eq!(kind(&near.next().await), StartPublication);
    assert_eq!(kind(&far.next().await), StartPublication);
    Sides { agent, ticket, near, far }
}
