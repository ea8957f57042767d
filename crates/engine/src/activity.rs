use std::time::Instant;

/// How busy a session is: what is decided about it depends on that.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Activity {
    /// Since when nothing moves in either direction; `None` while something waits to be sent, to be
    /// acknowledged, or to be taken by a local reader.
    pub quiet_since: Option<Instant>,
    /// Since when a message waits for its acknowledgement and nothing was acknowledged.
    pub unanswered_since: Option<Instant>,
    /// Since when the agent is away, as the service says, and nothing has come from it; `None` where it
    /// carries one connection at a time, which finds out by itself.
    pub away_since: Option<Instant>,
    /// When a byte of user data moved last.
    pub last_payload: Option<Instant>,
    /// Streams on which something may come from the destination yet.
    pub streams: usize,
    /// Those of them that the agent has carried: something has come on them, or was acknowledged.
    pub established: usize,
    /// Local connections that wait for this session, since there is no other. Known to whoever holds
    /// them back.
    pub held: usize,
    /// Whether a byte has come from the destination ever. A session knows of itself alone; whoever
    /// has several adds what the others knew.
    pub proven: bool,
}
