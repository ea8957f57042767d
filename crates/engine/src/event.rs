use std::fmt;

use adit_wire::handshake::KmsParameters;

use crate::CloseReason;

/// One stream of a session: its smux id, or a counter in single-connection mode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a session carries connections; agent version and document decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Many streams, framed by smux.
    Mux,
    /// One raw connection at a time.
    Single,
}

/// Why a websocket is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Loss {
    /// A close frame came; the service sends 1000 about every hour, and means no end by it.
    Closed {
        /// Its code, if it had one.
        code: Option<u16>,
    },
    /// An error of the socket.
    Failed,
    /// Nothing was heard for too long.
    Silent,
    /// The machine slept.
    Slept,
    /// This end closed it.
    Local,
}

/// What a session has to tell. Drain them after every call that changes the session.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Streams can be opened. Comes once.
    Ready {
        /// As in `3.3.987.0`.
        agent_version: String,
    },
    /// A text that the account's preferences show to users.
    CustomerMessage(String),
    /// A stream on which [`Session::read`](crate::Session::read) was blocked has something to say:
    /// data, its end or a reset.
    Readable(StreamId),
    /// A stream for which [`Session::chunk`](crate::Session::chunk) had no room has room, or
    /// takes no more data.
    Writable(StreamId),
    /// A stream has ended on both sides and is forgotten.
    StreamClosed {
        /// The stream.
        id: StreamId,
        /// How it ended.
        cause: Cause,
    },
    /// The agent asks for session encryption: answer with
    /// [`Session::provide_key`](crate::Session::provide_key) or
    /// [`Session::refuse_key`](crate::Session::refuse_key).
    KeyRequest(KmsParameters),
    /// The agent could not connect to the destination.
    ConnectRefused {
        /// The stream, when it can be told: the agent does not name it.
        stream: Option<StreamId>,
    },
    /// [`Session::open`](crate::Session::open) said
    /// [`OpenError::Busy`](crate::OpenError::Busy) before, and may succeed now.
    Free,
    /// The session is over. Comes once, as the last event.
    Closed(CloseReason),
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The peer ended it, and everything was read.
    Finished,
    /// This end had finished it, the peer was silent for the linger time, and so was told of the
    /// end. That ends the other direction too, so what came before may not be all there was.
    Lingered,
    /// The agent could not connect to the destination.
    Refused,
    /// [`Session::reset`](crate::Session::reset).
    Reset,
    /// The session is over.
    SessionClosed,
    /// There is no such stream: never opened, or already closed.
    Unknown,
}

/// What [`Session::read`](crate::Session::read) found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Read {
    /// So many bytes were appended.
    Data(usize),
    /// Nothing yet; [`Event::Readable`] follows.
    Blocked,
    /// The peer has ended the stream, and everything was read.
    End,
    /// The stream broke off.
    Reset(Cause),
}
