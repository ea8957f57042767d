use std::collections::VecDeque;
use std::time::Instant;

use adit_wire::Flag;
use bytes::Bytes;

use super::Session;
use super::frames::Item;
use super::streams::{Local, Remote};
use crate::timers::{REFUSAL, Timer};
use crate::{Cause, CloseReason, Event, Mode, ProtocolError, StreamId};

/// Streams that were reset before a byte came and are remembered, since a refusal may be theirs.
const REMEMBERED: usize = 64;

/// Refused dials whose stream is not known yet.
///
/// The agent's flag names no stream, but the stream's end follows it, and no byte ever came on
/// it.
#[derive(Default, Debug)]
pub(crate) struct Refusals {
    open: u32,
    /// Streams that were reset here before a byte came.
    gone: VecDeque<StreamId>,
}

impl Refusals {
    pub(crate) fn remember(&mut self, id: StreamId) {
        if self.gone.len() == REMEMBERED {
            self.gone.pop_front();
        }
        self.gone.push_back(id);
    }
}

impl Session {
    /// Takes the next bytes of the agent's multiplexed stream.
    pub(super) fn demultiplex(&mut self, now: Instant, mut bytes: Bytes) {
        let whole = bytes.len();
        loop {
            match self.decoder.next(&mut bytes) {
                Ok(Some(Item::Data(id, data))) => {
                    let len = data.len() as u64;
                    // A stream that was reset here still gets what was under way.
                    let id = StreamId(id);
                    if self.streams.deliver(now, id, data, whole, &mut self.events) {
                        self.counters.bytes_in += len;
                        self.counters.last_payload = Some(now);
                    }
                }
                Ok(Some(Item::Fin(id))) => self.peer_ended(StreamId(id)),
                Ok(None) => return,
                Err(error) => {
                    return self.close(CloseReason::Protocol(ProtocolError::Frame(error)));
                }
            }
        }
    }

    fn peer_ended(&mut self, id: StreamId) {
        let refused = self.refusals.open > 0;
        match self.streams.get_mut(id) {
            Some(stream) if stream.remote == Remote::Open => {
                if refused && !stream.heard {
                    self.refusal_told(Some(id));
                    return self.refuse_stream(id);
                }
                let remote = match stream.local {
                    // We ended it, so this may be no more than the agent's answer to that.
                    Local::Closed => Remote::Broken(Cause::Lingered),
                    Local::Open | Local::Finished => Remote::Ended,
                };
                self.streams.end(id, remote, &mut self.pool, &mut self.events);
            }
            None if refused && self.refusals.gone.contains(&id) => self.refusal_told(Some(id)),
            Some(_) | None => {}
        }
    }

    fn refusal_told(&mut self, stream: Option<StreamId>) {
        self.refusals.open = self.refusals.open.saturating_sub(1);
        if self.refusals.open == 0 {
            self.timers.stop(Timer::Refusal);
        }
        self.events.push_back(Event::ConnectRefused { stream });
    }

    pub(super) fn refuse_stream(&mut self, id: StreamId) {
        let broken = Remote::Broken(Cause::Refused);
        self.streams.end(id, broken, &mut self.pool, &mut self.events);
    }

    /// No end of a stream followed the refusal.
    pub(super) fn refusals_untold(&mut self) {
        while self.refusals.open > 0 {
            self.refusal_told(None);
        }
    }

    /// A flag came.
    pub(super) fn flag(&mut self, now: Instant, payload: &[u8]) {
        match Flag::decode(payload) {
            Ok(Flag::ConnectToPortError) => {
                self.counters.refused += 1;
                if self.mode() == Some(Mode::Mux) {
                    self.refusals.open = self.refusals.open.saturating_add(1);
                    self.timers.set(Timer::Refusal, now + REFUSAL);
                } else {
                    self.line_refused();
                }
            }
            // The others go from client to agent.
            Ok(flag) => tracing::debug!(?flag, "flag ignored"),
            Err(_) => self.counters.malformed += 1,
        }
    }
}
