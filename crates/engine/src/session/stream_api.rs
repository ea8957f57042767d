use std::time::Instant;

use adit_wire::HEADER_LEN;
use adit_wire::smux::{self, Frame};
use bytes::Bytes;

use super::streams::{Local, Remote, Streams};
use super::{Phase, Session};
use crate::pool::{LARGE_PAYLOAD, SMALL_PAYLOAD, overhead};
use crate::{Cause, Chunk, Event, Mode, OpenError, Read, StreamId, WriteError};

/// The most bytes that are copied into a chunk that waits: beyond, copying costs more than a
/// message of its own.
const COALESCE_MAX: usize = 4096;

/// The most streams that the agent has not been told of. Far more than come within a round trip;
/// they gather only while nothing can be sent.
const UNTOLD_MAX: usize = 1024;

/// The first id of a smux client: the counter starts at 1 and takes two steps before each use.
const FIRST_ID: u32 = 3;

impl Session {
    /// Opens a stream.
    pub fn open(&mut self, now: Instant) -> Result<StreamId, OpenError> {
        if matches!(self.phase, Phase::Closed) || self.is_ending() {
            return Err(OpenError::Closed);
        }
        if !matches!(self.phase, Phase::Ready) {
            return Err(OpenError::NotReady);
        }
        let id = match self.mode() {
            Some(Mode::Mux) if self.has_untold_room() => self.next_mux_id()?,
            Some(Mode::Single) if self.line.is_free() => StreamId(self.opened as u32 + 1),
            Some(Mode::Mux | Mode::Single) => {
                self.want_line();
                self.opener_waits = true;
                return Err(OpenError::Busy);
            }
            None => return Err(OpenError::NotReady),
        };
        self.opened += 1;
        self.streams.open(now, id);
        match self.mode() {
            Some(Mode::Mux) => self.control.push_back(Frame::Syn { stream: id.0 }),
            Some(Mode::Single) | None => self.take_line(now, id),
        }
        Ok(id)
    }

    /// Whether the agent may get to hear of one more stream later. Local connections come and go
    /// while nothing can be sent, and must not use up memory.
    fn has_untold_room(&self) -> bool {
        let untold = self.control.iter().filter(|frame| matches!(frame, Frame::Syn { .. }));
        untold.count() < UNTOLD_MAX
    }

    /// Tells who found the session busy that it is so no more.
    pub(super) fn tell_opener(&mut self) {
        if !self.opener_waits {
            return;
        }
        let room = match self.mode() {
            Some(Mode::Mux) => self.has_untold_room(),
            Some(Mode::Single) | None => self.line.is_free(),
        };
        if room {
            self.opener_waits = false;
            self.events.push_back(Event::Free);
        }
    }

    fn next_mux_id(&self) -> Result<StreamId, OpenError> {
        // The official client stops before its counter would overflow a signed number.
        u32::try_from(self.opened * 2 + u64::from(FIRST_ID))
            .ok()
            .filter(|id| i32::try_from(*id).is_ok())
            .map(StreamId)
            .ok_or(OpenError::Exhausted)
    }

    /// A buffer for the stream's next bytes; `None` while the stream has too many waiting
    /// ([`Event::Writable`] follows) and when it takes no more.
    ///
    /// Take it when there is something to put into it: it is as large as a frame may be.
    pub fn chunk(&mut self, id: StreamId) -> Option<Chunk> {
        let room = self.streams.has_room(id, self.config.stream_buffer);
        room.then(|| self.new_chunk(self.chunk_payload()))
    }

    /// The most payload bytes of a chunk, framing included: a frame may be larger than a message,
    /// bytes without a frame may not.
    pub(super) fn chunk_payload(&self) -> usize {
        match self.mode() {
            Some(Mode::Mux) => LARGE_PAYLOAD,
            Some(Mode::Single) | None => self.payload_size,
        }
    }

    fn new_chunk(&mut self, payload: usize) -> Chunk {
        let framing = self.framing();
        let (before, _) = overhead(self.cipher.is_some());
        let headroom = HEADER_LEN + before + framing;
        let mut buffer = self.pool.take(payload);
        buffer.resize(headroom, 0);
        Chunk { buffer, headroom, room: payload - framing, taken: 0 }
    }

    /// Bytes of framing at the start of each payload.
    pub(super) fn framing(&self) -> usize {
        match self.mode() {
            Some(Mode::Mux) => smux::HEADER_LEN,
            Some(Mode::Single) | None => 0,
        }
    }

    /// Takes a chunk, all of it, to be sent.
    pub fn write(&mut self, now: Instant, id: StreamId, chunk: Chunk) -> Result<(), WriteError> {
        let before = match self.streams.get_mut(id) {
            Some(stream) if stream.local == Local::Open && stream.remote == Remote::Open => {
                stream.written
            }
            Some(_) | None => {
                self.give_back(chunk);
                return Err(WriteError::StreamClosed);
            }
        };
        let len = chunk.len();
        if len == 0 || (len <= COALESCE_MAX && self.streams.coalesce(id, chunk.data())) {
            self.give_back(chunk);
        } else {
            let chunk = self.compact(chunk);
            self.streams.push_waiting(id, chunk);
        }
        if len > 0 {
            self.counters.last_payload = Some(now);
        }
        let written = before + len as u64;
        match self.mode() {
            Some(Mode::Mux) => self.probe.consider(written),
            Some(Mode::Single) if before == 0 && written > 0 => self.expect_answer(now),
            Some(Mode::Single) | None => {}
        }
        Ok(())
    }

    /// Moves little data out of a large buffer: it stays until it is acknowledged, and a window
    /// full of large buffers with little in them would be a hundred times its size.
    fn compact(&mut self, chunk: Chunk) -> Chunk {
        let small = SMALL_PAYLOAD - self.framing();
        if chunk.room <= small || chunk.len() > small {
            return chunk;
        }
        let mut compact = self.new_chunk(SMALL_PAYLOAD);
        compact.buffer.extend_from_slice(chunk.data());
        self.give_back(chunk);
        compact
    }

    /// Returns a chunk that is not needed.
    pub fn give_back(&mut self, chunk: Chunk) {
        self.pool.put(chunk.buffer);
    }

    /// Moves up to `max` received bytes to the end of `out`, without copying them.
    pub fn read(&mut self, now: Instant, id: StreamId, max: usize, out: &mut Vec<Bytes>) -> Read {
        self.note_deafness(now);
        let read = self.streams.read(id, max, out);
        if read > 0 {
            self.counters.last_payload = Some(now);
            return Read::Data(read);
        }
        let Some(stream) = self.streams.get_mut(id) else { return Read::Reset(Cause::Unknown) };
        let (outcome, cause) = match stream.remote {
            _ if max == 0 => return Read::Blocked,
            Remote::Open => {
                self.streams.reader_waits(id);
                return Read::Blocked;
            }
            Remote::Ended => (Read::End, Cause::Finished),
            Remote::Broken(cause) => (Read::Reset(cause), cause),
        };
        self.forget(now, id, cause);
        outcome
    }

    /// The local connection is gone: the stream ends at once, in both directions. What it had
    /// waiting is dropped, and so is what still comes.
    pub fn reset(&mut self, now: Instant, id: StreamId) {
        if self.streams.get_mut(id).is_some() {
            self.note_deafness(now);
            self.forget(now, id, Cause::Reset);
        }
    }

    /// Removes a stream and tells both sides that it is over.
    fn forget(&mut self, now: Instant, id: StreamId, cause: Cause) {
        let Some(stream) = self.streams.remove(id, &mut self.pool) else { return };
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        let told = !self.take_back(id);
        if told && stream.local != Local::Closed {
            self.pass_end_on(now, id);
        }
        if told && cause == Cause::Reset && !stream.heard {
            self.refusals.remember(id);
        }
        self.events.push_back(Event::StreamClosed { id, cause });
        self.tell_opener();
    }

    /// Takes a stream's frames back, if the agent has not been told of it at all.
    fn take_back(&mut self, id: StreamId) -> bool {
        let syn = Frame::Syn { stream: id.0 };
        let untold = self.control.contains(&syn);
        if untold {
            let fin = Frame::Fin { stream: id.0 };
            self.control.retain(|frame| *frame != syn && *frame != fin);
        }
        untold
    }

    /// Tells the agent that a stream is over.
    pub(super) fn pass_end_on(&mut self, now: Instant, id: StreamId) {
        match self.mode() {
            Some(Mode::Mux) => self.control.push_back(Frame::Fin { stream: id.0 }),
            Some(Mode::Single) | None => self.disconnect_line(now, id),
        }
    }

    /// Bytes received and not read, with their overhead, and what they may be.
    pub(super) fn inbound_room(&self) -> (usize, usize) {
        (Streams::unread(&self.streams), self.config.inbound_budget)
    }
}
