use std::time::{Duration, Instant};

use crate::Without;

/// What a session may use, and what it says about itself.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The client version of the handshake: four numbers. Agents pick their mode by it, and kill
    /// silent sessions of clients at or below 1.2.331.0.
    pub client_version: String,
    /// Bytes that one stream may have waiting to be sent. When they are used up,
    /// [`Session::chunk`](crate::Session::chunk) has no room, and
    /// [`Event::Writable`](crate::Event::Writable) follows when it has again.
    pub stream_buffer: usize,
    /// Bytes that all streams together may have received and not read. When they are used up,
    /// [`Session::wants_input`](crate::Session::wants_input) is false; nothing is thrown away.
    pub inbound_budget: usize,
    /// Bytes that may wait for messages which are missing before them. What does not fit is
    /// neither kept nor acknowledged, so the peer sends it again.
    pub reorder_budget: usize,
    /// The most payload bytes in flight: 12 MiB by default, 300 MB/s at 40 ms there and back. The
    /// agent acknowledges what it has written to its pipe, so the 4 MiB that it buffers for all
    /// streams of a session are not part of it; what a stopped destination leaves on the way is.
    /// Streams with little to send may have 16 KiB in flight beside it.
    pub window_max: usize,
    /// What tests leave out.
    #[doc(hidden)]
    pub without: Without,
    /// How often a session that has a stream open shows a sign of life, so that the service does not
    /// end it as idle; by default never. Agents that carry one connection at a time get none: nothing
    /// but user data could be sent to them.
    pub keep_alive: Option<Duration>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            client_version: "1.2.764.0".to_owned(),
            stream_buffer: 128 << 10,
            inbound_budget: 8 << 20,
            reorder_budget: 4 << 20,
            window_max: 12 << 20,
            without: Without::default(),
            keep_alive: None,
        }
    }
}

/// A moment on both clocks: the only reading of the wall clock, from which the creation date of
/// every message is derived.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// The moment on the clock whose times are handed to the session.
    pub instant: Instant,
    /// The same moment in milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl Epoch {
    /// The wall time at `now`, never zero, since agents refuse a zero date.
    pub(crate) fn unix_ms_at(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.instant).as_millis();
        self.unix_ms.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)).max(1)
    }
}
