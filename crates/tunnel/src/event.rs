//! What a tunnel tells while it lives.

use std::net::SocketAddr;
use std::time::Duration;

use adit_engine::{Cause, Loss, Mode, StreamId};

use crate::End;

/// A step in the life of a tunnel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TunnelEvent {
    /// A session is being started: the first, or the next one when somebody needs it again.
    Starting,
    /// The service has started a session: the first, or another one in its place.
    Session {
        /// Its id.
        id: String,
        /// The lane, counted from 0 through the tunnel's life.
        lane: u32,
    },
    /// Connections can be carried. Comes once.
    Ready {
        /// As in `3.3.987.0`.
        agent_version: String,
        /// How connections are carried.
        mode: Mode,
    },
    /// A text that the account's preferences show to users.
    CustomerMessage(String),
    /// A local connection has its stream.
    Opened {
        /// The stream, counted from 1 through all sessions of the tunnel.
        stream: StreamId,
        /// The lane that carries it.
        lane: u32,
        /// The local client's address, where it has one.
        peer: Option<SocketAddr>,
    },
    /// A local connection is gone.
    Closed {
        /// The stream.
        stream: StreamId,
        /// Bytes given to the local client.
        bytes_in: u64,
        /// Bytes taken from the local client.
        bytes_out: u64,
        /// How it ended.
        cause: StreamEnd,
    },
    /// A local connection was closed without ever having a stream.
    Rejected {
        /// The local client's address, where it has one.
        peer: Option<SocketAddr>,
        /// Why.
        cause: Rejection,
    },
    /// The agent could not connect to the destination.
    ConnectRefused {
        /// The stream, when it can be told: the agent does not name it.
        stream: Option<StreamId>,
    },
    /// The websocket is gone; the session is being resumed.
    Resuming {
        /// The lane.
        lane: u32,
        /// Why it is gone.
        cause: Loss,
    },
    /// An attempt to dial or resume failed; another follows.
    Retrying {
        /// The lane.
        lane: u32,
        /// Attempts so far.
        attempts: u32,
        /// The failure in one line.
        cause: String,
    },
    /// The session goes on; no byte was lost.
    Resumed {
        /// The lane.
        lane: u32,
        /// The time without a websocket.
        gap: Duration,
    },
    /// The websocket was exchanged for another one before the service would close it.
    RolledOver {
        /// The lane.
        lane: u32,
    },
    /// Another lane can carry connections.
    LaneOpened {
        /// The lane.
        lane: u32,
    },
    /// A lane is no more, and the tunnel goes on with others.
    LaneGone {
        /// The lane.
        lane: u32,
        /// Why, in one line; `None` when nobody needed it any more.
        cause: Option<String>,
    },
    /// The session is gone and its connections are broken off; another one is being started, and
    /// connections that come meanwhile wait for it.
    Replacing {
        /// The lane.
        lane: u32,
        /// Why, in one line.
        cause: String,
    },
    /// The new session can carry connections.
    Replaced {
        /// The lane.
        lane: u32,
        /// The time without one.
        gap: Duration,
    },
    /// The session is gone, and nobody needs one; the next connection has another one started.
    Dormant {
        /// The lane.
        lane: u32,
        /// Why, in one line.
        cause: String,
    },
    /// Something the user should know.
    Warning(Warning),
    /// The tunnel is over. Comes once; only [`Closed`](Self::Closed) of connections that still
    /// had bytes to deliver can follow.
    Ended(End),
}

/// How a local connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEnd {
    /// Both sides ended it in order.
    Finished,
    /// The agent could not connect to the destination.
    Refused,
    /// The local client broke it off.
    LocalReset,
    /// The far side broke it off.
    PeerReset,
    /// The local client had ended, and nothing came from the far side for the linger time. Whether
    /// it would have said more is not known.
    Lingered,
    /// The tunnel ended before it.
    TunnelEnded,
    /// Its session was gone before it, and the tunnel goes on with another one.
    SessionGone,
}

impl StreamEnd {
    pub(crate) fn from_cause(cause: Cause) -> Self {
        match cause {
            Cause::Finished => Self::Finished,
            Cause::Refused => Self::Refused,
            Cause::Reset => Self::LocalReset,
            Cause::Lingered => Self::Lingered,
            Cause::SessionClosed => Self::TunnelEnded,
            _ => Self::PeerReset,
        }
    }
}

/// Why a local connection got no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The agent carries one connection at a time, and another one holds it.
    Busy,
    /// The session has no stream id left.
    Exhausted,
    /// The tunnel is over.
    TunnelEnded,
    /// There was no session, and none came within the time that connections wait.
    NoSession,
}

/// Something that works, but not as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The gateway refused the signed upgrade and took an unsigned one.
    UnsignedUpgrade,
    /// No other lane is to be had for now; those there are go on.
    LaneRefused {
        /// The failure in one line.
        cause: String,
    },
    /// Local connections could not be accepted for a moment, for lack of descriptors or memory.
    AcceptFailed {
        /// The error in one line.
        cause: String,
    },
    /// The session could not be terminated through the API; the service's idle limit ends it.
    NotTerminated {
        /// The failure in one line.
        cause: String,
    },
}
