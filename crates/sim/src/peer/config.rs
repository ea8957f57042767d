//! How an agent is, and what it tells.

use std::time::Duration;

use super::mux::StreamEvent;

/// How an agent is.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerConfig {
    /// Its version; up to 3.0.196.0 it knows no multiplexing.
    pub version: &'static str,
    /// From one message with data to the next: a sleep of a millisecond, as long as that takes.
    pub pace: Duration,
    /// After the handshake, data is acknowledged and dropped for so long.
    pub deaf_for: Duration,
    /// After that, data is rejected for so long.
    pub not_ready_for: Duration,
    /// Whether it goes on reading its destinations while its websocket is gone.
    pub reads_while_away: bool,
    /// A defect of its own, to see that the oracles notice.
    pub defect: Option<Defect>,
}

/// What a broken agent would do to the bytes of a destination, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Defect {
    /// A piece comes twice.
    Doubles,
    /// A byte is missing.
    Drops,
    /// Two bytes change places.
    Swaps,
    /// The last piece before the end is missing.
    EndsEarly,
}

/// What an agent has to tell its surroundings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerEvent {
    /// It wants a websocket.
    Connect,
    /// A stream did something.
    Stream(StreamEvent),
    /// The session is over, with a text for the user.
    Ended(&'static str),
}
