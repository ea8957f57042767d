//! What streams have waiting to be sent, and its way out.

use std::collections::{BTreeSet, VecDeque};

use super::{Local, Remote, Stream, Streams};
use crate::pool::Pool;
use crate::session::turns::Turn;
use crate::{Chunk, Event, StreamId};

/// Bytes that all streams together may have waiting to be sent. Beyond it each stream may have
/// one chunk, so that none starves.
const WAITING_MAX: usize = 16 << 20;

/// What a stream may send now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) turn: Turn,
    /// Bytes of its next chunk.
    pub(crate) len: usize,
}

/// How much streams may send and have waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a turn.
    pub(crate) turn: usize,
    /// Bytes that a stream may have waiting.
    pub(crate) waiting: usize,
}

impl Streams {
    /// Whether the stream may have another chunk; if not, its writer is told later.
    pub(crate) fn has_room(&mut self, id: StreamId, limit: usize) -> bool {
        let full = self.waiting >= WAITING_MAX;
        let Some(stream) = self.map.get_mut(&id) else { return false };
        if stream.local != Local::Open || stream.remote != Remote::Open {
            return false;
        }
        let room = stream.waiting.is_empty() || (stream.waiting_bytes < limit && !full);
        stream.writer_waits |= !room;
        room
    }

    /// Appends to the last waiting chunk when `data` fits into it.
    pub(crate) fn coalesce(&mut self, id: StreamId, data: &[u8]) -> bool {
        let Some(stream) = self.map.get_mut(&id) else { return false };
        let Some(last) = stream.waiting.back_mut() else { return false };
        if last.spare() < data.len() {
            return false;
        }
        last.buffer.extend_from_slice(data);
        stream.waiting_bytes += data.len();
        stream.written += data.len() as u64;
        self.waiting += data.len();
        true
    }

    pub(crate) fn push_waiting(&mut self, id: StreamId, chunk: Chunk) {
        let Some(stream) = self.map.get_mut(&id) else { return };
        if stream.waiting.is_empty() {
            self.turns.join(id, &mut stream.share, chunk.len());
        }
        stream.waiting_bytes += chunk.len();
        stream.written += chunk.len() as u64;
        self.waiting += chunk.len();
        stream.waiting.push_back(chunk);
    }

    /// The stream whose turn it is, and the length of its next chunk.
    pub(crate) fn next_turn(&mut self) -> Option<Next> {
        loop {
            let turn = self.turns.next()?;
            let stream = self.map.get_mut(&turn.id)?;
            let len = stream.waiting.front()?.len();
            if self.turns.keeps(turn, &mut stream.share, len) {
                return Some(Next { turn, len });
            }
        }
    }

    /// Whether streams that are not sparse have something waiting.
    pub(crate) fn has_ordinary(&self) -> bool {
        self.turns.has_ordinary()
    }

    /// Takes so many bytes of the chunk that [`next_turn`](Self::next_turn) showed. They go out as
    /// `sequence`, or in pieces, the last of which [`frame_sent`](Self::frame_sent) tells.
    pub(crate) fn take_turn(
        &mut self,
        Next { turn, len }: Next,
        sequence: Option<i64>,
        limits: Limits,
        pool: &mut Pool,
        events: &mut VecDeque<Event>,
    ) -> Option<Chunk> {
        let stream = self.map.get_mut(&turn.id)?;
        let chunk = stream.take(len, pool)?;
        stream.waiting_bytes -= len;
        self.waiting -= len;
        stream.in_pieces = sequence.is_none();
        if let Some(sequence) = sequence {
            stream.note_sent(sequence, turn.id, &mut self.undelivered);
        }
        let rest = stream.waiting.front().map(Chunk::len);
        self.turns.took(turn, &mut stream.share, len, rest, limits.turn);
        let room = rest.is_none()
            || (stream.waiting_bytes <= limits.waiting / 2 && self.waiting < WAITING_MAX);
        if room && std::mem::take(&mut stream.writer_waits) {
            events.push_back(Event::Writable(turn.id));
        }
        Some(chunk)
    }

    /// The last piece of a stream's frame went out as `sequence`.
    pub(crate) fn frame_sent(&mut self, sequence: i64, id: StreamId) {
        let Some(stream) = self.map.get_mut(&id) else { return };
        stream.in_pieces = false;
        stream.note_sent(sequence, id, &mut self.undelivered);
    }

    /// Drops what waits to be sent.
    pub(crate) fn drop_waiting(&mut self, id: StreamId, pool: &mut Pool) {
        let Some(stream) = self.map.get_mut(&id) else { return };
        self.waiting -= std::mem::take(&mut stream.waiting_bytes);
        if !stream.waiting.is_empty() {
            self.turns.leave(id, &mut stream.share);
        }
        stream.waiting.drain(..).for_each(|chunk| pool.put(chunk.buffer));
    }
}

impl Stream {
    /// Whether it has nothing waiting to be sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.waiting.is_empty() && !self.in_pieces
    }

    /// Takes the first chunk, or so many bytes of it, which then are copied.
    fn take(&mut self, len: usize, pool: &mut Pool) -> Option<Chunk> {
        let first = self.waiting.front_mut()?;
        if first.is_whole() && len >= first.len() {
            return self.waiting.pop_front();
        }
        let part = first.split(len, pool);
        if first.is_empty() {
            self.waiting.pop_front().into_iter().for_each(|chunk| pool.put(chunk.buffer));
        }
        Some(part)
    }

    /// Takes note of the last message with its data so far.
    fn note_sent(
        &mut self,
        sequence: i64,
        id: StreamId,
        undelivered: &mut BTreeSet<(i64, StreamId)>,
    ) {
        self.first_sequence.get_or_insert(sequence);
        self.last_sequence = Some(sequence);
        if self.is_sent() && self.local == Local::Finished {
            undelivered.insert((sequence, id));
        }
    }
}
