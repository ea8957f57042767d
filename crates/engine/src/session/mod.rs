use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::{
    Cause, Chunk, DataKey, Epoch, Event, Loss, Mode, OpenError, Read, SessionConfig, Stats,
    StreamId, WriteError,
};

/// One Session Manager session, seen from the client.
///
/// It survives its websockets: what is not acknowledged when one is lost is sent again on the
/// next, and the streams notice nothing.
#[derive(Debug)]
pub struct Session {
    events: VecDeque<Event>,
    stats: Stats,
}

impl Session {
    /// A session that waits for its first websocket. `seed` is all the randomness it has; message
    /// ids come from it and need not be secret.
    pub fn client(_config: SessionConfig, _seed: u64, _epoch: Epoch) -> Self {
        Self { events: VecDeque::new(), stats: Stats::default() }
    }

    /// A websocket is open, and the text that opens the data channel was sent on it.
    pub fn transport_up(&mut self, _now: Instant) {}

    /// The websocket is gone. Nothing is lost by it, and [`poll_transmit`](Self::poll_transmit)
    /// yields nothing until the next [`transport_up`](Self::transport_up).
    pub fn transport_down(&mut self, _now: Instant, _loss: Loss) {}

    /// Takes one websocket message, text or binary.
    pub fn receive(&mut self, _now: Instant, _message: Bytes) {}

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next websocket message to send: acknowledgements first, then resends, then new data.
    pub fn poll_transmit(&mut self, _now: Instant) -> Option<Bytes> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, unless something happens
    /// before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether the websocket should be read. False while the inbound budget is used up.
    pub fn wants_input(&self) -> bool {
        true
    }

    /// The mode, known after the handshake.
    pub fn mode(&self) -> Option<Mode> {
        None
    }

    /// The agent's version, known after its first message.
    pub fn agent_version(&self) -> Option<&str> {
        None
    }

    /// A property of the session document after substitution, known after the agent's first
    /// message.
    pub fn property(&self, _name: &str) -> Option<&str> {
        None
    }

    /// Opens a stream.
    pub fn open(&mut self, _now: Instant) -> Result<StreamId, OpenError> {
        Err(OpenError::NotReady)
    }

    /// A buffer for the stream's next bytes; `None` while the stream has too many waiting
    /// ([`Event::Writable`] follows) and when it takes no more.
    pub fn chunk(&mut self, _id: StreamId) -> Option<Chunk> {
        None
    }

    /// Takes a chunk, all of it, to be sent.
    pub fn write(&mut self, _now: Instant, _id: StreamId, _chunk: Chunk) -> Result<(), WriteError> {
        Err(WriteError::StreamClosed)
    }

    /// Returns a chunk that is not needed.
    pub fn give_back(&mut self, _chunk: Chunk) {}

    /// Moves up to `max` received bytes to the end of `out`, without copying them.
    pub fn read(
        &mut self,
        _now: Instant,
        _id: StreamId,
        _max: usize,
        _out: &mut Vec<Bytes>,
    ) -> Read {
        Read::Reset(Cause::Unknown)
    }

    /// The local connection will send no more. The agent knows no half-close, so the end is passed
    /// on only when the peer has ended too, or was silent for the linger time.
    pub fn finish(&mut self, _now: Instant, _id: StreamId) {}

    /// The local connection is gone: the stream ends at once, in both directions.
    pub fn reset(&mut self, _now: Instant, _id: StreamId) {}

    /// Asks the agent in band to end the session, and opens no more streams. Agents at or below
    /// 2.3.722.0 do not understand that; then only the API ends the session.
    pub fn terminate(&mut self, _now: Instant) {}

    /// Whether nothing waits to be sent or acknowledged.
    pub fn is_drained(&self) -> bool {
        true
    }

    /// Answers [`Event::KeyRequest`].
    pub fn provide_key(&mut self, _now: Instant, _key: DataKey) {}

    /// Answers [`Event::KeyRequest`] when there is no key, which ends the session.
    pub fn refuse_key(&mut self, _now: Instant, _error: String) {}

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}
