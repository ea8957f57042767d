//! What happens in a world, and in which order.

use std::cmp::Ordering;

use crate::Time;

/// The end of a websocket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// At the client or the agent.
    Far,
    /// At the gateway.
    Gateway,
}

/// Something that happens at a moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Event {
    /// A message has arrived at an end of a websocket.
    Arrive(usize, End),
    /// An end learns that its websocket is gone.
    Lost(usize, End),
    /// The service closes a websocket as planned.
    Bye(usize),
    /// The client pings.
    Ping(usize),
    /// A dial of the client's has come to an end: what was valid when it began, the session, and
    /// whether the websocket stands.
    ClientDialled(u64, usize, bool),
    /// The same of the agent's.
    AgentDialled(usize, bool),
    /// ResumeSession was answered.
    Answer(u64, Answer),
    /// A session was started, or not.
    Started(u64, bool),
    /// The supervisor's timer.
    Supervise,
    /// Another tunnel is opened after one that is over.
    NewTunnel,
    /// The gateway looks whether a websocket has shown a token.
    Guest(usize),
    /// The engine's timer.
    ClientTimer(usize),
    /// The agent's.
    PeerTimer(usize),
    /// The service looks whether a session is idle.
    Idle(usize),
    /// The agent says that a session is over.
    TaskComplete(usize),
    /// The destination of a dial answers: session, stream, whether it connects.
    Connected(usize, u32, bool),
    /// A conversation begins.
    Open(usize),
    /// One begins because a websocket is about to be closed.
    Burst(usize),
    /// The local end or the destination of a conversation goes on by itself.
    Local(usize),
    Remote(usize),
    /// Something goes wrong.
    Fault(usize),
    /// Destinations go on.
    Thaw,
    /// The client's machine wakes.
    WakeUp,
    /// The limits' timer.
    Limits,
}

/// What the service answers to ResumeSession.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Token(u64),
    Over,
    Failed,
}

#[derive(Debug)]
pub(super) struct Due {
    pub(super) at: Time,
    pub(super) number: u64,
    pub(super) event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The earliest is the greatest, for a heap that yields the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
