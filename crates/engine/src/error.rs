use adit_wire::smux::FrameError;

/// Why no stream could be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// [`Event::Ready`](crate::Event::Ready) has not come yet.
    #[error("the session is not ready")]
    NotReady,
    /// A single-connection session carries another stream, or has not settled after one; or too
    /// many streams wait to be told to the agent. [`Event::Free`](crate::Event::Free) follows.
    #[error("the session takes no further connection at the moment")]
    Busy,
    /// Every stream id was used.
    #[error("the session has no stream id left")]
    Exhausted,
    /// The session is over, or ends.
    #[error("the session is closed")]
    Closed,
}

/// Why a chunk was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The stream was finished or reset here, ended by the peer, or lost with its session.
    #[error("the stream takes no more data")]
    StreamClosed,
}

/// Why a session is over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The service said so.
    #[error("the service closed the session: {output:?}")]
    ChannelClosed {
        /// Its text for the user, often empty.
        output: String,
    },
    /// The session was not ready within 30 s of its websocket.
    #[error("the agent did not complete the handshake within 30 seconds")]
    HandshakeTimeout,
    /// The agent asked for something impossible.
    #[error("handshake failed")]
    Handshake(#[source] HandshakeError),
    /// The agent's byte stream cannot be read any further.
    #[error("protocol error")]
    Protocol(#[source] ProtocolError),
    /// A single-connection session went silent on the first bytes of a connection: the agent's
    /// worker is gone, or cannot dial.
    #[error("the destination cannot be reached from the target")]
    DestinationRefused,
    /// [`Session::terminate`](crate::Session::terminate) was called and has reached the agent.
    #[error("the session was terminated by this client")]
    Terminated,
}

/// What is wrong with a handshake.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A handshake message is not the JSON it should be.
    #[error("malformed handshake message")]
    Malformed,
    /// The agent named no session type.
    #[error("the agent named no session type")]
    NoSessionType,
    /// Not a port session.
    #[error("session type {0:?}, expected a port session")]
    SessionType(String),
    /// The agent sent session data first: it knows no handshake.
    #[error("the agent sent data before any handshake")]
    DataFirst,
    /// The data key that the agent demands cannot be had.
    #[error("no data key for session encryption: {0}")]
    Key(String),
    /// The encryption challenge does not decrypt.
    #[error("the agent's encryption challenge does not decrypt")]
    Challenge,
}

/// What is wrong with the agent's byte stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The multiplexed stream desynchronised.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A payload does not decrypt.
    #[error("payload does not decrypt")]
    Cipher,
}
