mod half_closed;
mod sending;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;

pub(crate) use self::sending::Limits;
use super::turns::{Share, Turns};
use crate::pool::Pool;
use crate::{Cause, Chunk, Event, StreamId};

/// Memory beyond its bytes that a piece of received data costs.
const PIECE_COST: usize = 64;

/// How many times what it counts a piece may keep in memory, since it keeps its whole message.
/// Smaller pieces are copied; those of ordinary messages are not.
const PINNED_MAX: usize = 4;

/// The streams of a session, and whose turn it is to send.
#[derive(Default, Debug)]
pub(crate) struct Streams {
    map: BTreeMap<StreamId, Stream>,
    turns: Turns,
    /// Finished streams, by when their end is to be passed on.
    lingering: BTreeSet<(Instant, StreamId)>,
    /// Finished streams of which all was sent, by the last message of it, while it or one before
    /// it may be unacknowledged.
    undelivered: BTreeSet<(i64, StreamId)>,
    waiting: usize,
    unread: usize,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    waiting: VecDeque<Chunk>,
    waiting_bytes: usize,
    share: Share,
    /// Whether pieces of its last frame are still to be sent.
    in_pieces: bool,
    unread: VecDeque<Bytes>,
    unread_cost: usize,
    pub(crate) local: Local,
    pub(crate) remote: Remote,
    /// Whether the reader waits to be told.
    reader_waits: bool,
    /// Whether the writer waits to be told.
    writer_waits: bool,
    /// Bytes written.
    pub(crate) written: u64,
    /// Whether a byte ever came.
    pub(crate) heard: bool,
    /// When the last byte came, the stream was finished, or the peer had all of it.
    pub(crate) quiet_since: Instant,
    /// The first message with its data, and the last one.
    first_sequence: Option<i64>,
    pub(crate) last_sequence: Option<i64>,
    linger: Option<Instant>,
}

/// The sending side of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Local {
    /// Takes data.
    Open,
    /// Takes no more, and the peer has not been told.
    Finished,
    /// The peer has been told.
    Closed,
}

/// The receiving side of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Remote {
    /// Data may come.
    Open,
    /// No more data comes.
    Ended,
    /// No more data comes, and that is no proper end.
    Broken(Cause),
}

impl Streams {
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Bytes waiting to be sent.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes received and not read, with their overhead.
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// Those on which something may come yet.
    pub(crate) fn awaited(&self) -> usize {
        self.map.values().filter(|stream| stream.remote == Remote::Open).count()
    }

    /// Those of them that the agent has carried: something has come, or has been acknowledged; that is so
    /// of what is below `unacknowledged`.
    pub(crate) fn established(&self, unacknowledged: i64) -> usize {
        let is_established = |stream: &&Stream| {
            let is_taken = stream.first_sequence.is_some_and(|first| first < unacknowledged);
            stream.remote == Remote::Open && (stream.heard || is_taken)
        };
        self.map.values().filter(is_established).count()
    }

    /// What `bytes` count against the inbound budget.
    pub(crate) fn cost(bytes: &Bytes) -> usize {
        bytes.len() + PIECE_COST
    }

    /// Counts data that is kept elsewhere.
    pub(crate) fn count_unread(&mut self, bytes: &Bytes) {
        self.unread += Self::cost(bytes);
    }

    /// The reverse.
    pub(crate) fn uncount_unread(&mut self, bytes: &Bytes) {
        self.unread -= Self::cost(bytes);
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.map.get_mut(&id)
    }

    pub(crate) fn open(&mut self, now: Instant, id: StreamId) {
        let stream = Stream {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            share: Share::default(),
            in_pieces: false,
            unread: VecDeque::new(),
            unread_cost: 0,
            local: Local::Open,
            remote: Remote::Open,
            reader_waits: true,
            writer_waits: false,
            written: 0,
            heard: false,
            quiet_since: now,
            first_sequence: None,
            last_sequence: None,
            linger: None,
        };
        self.map.insert(id, stream);
    }

    /// Forgets a stream and all that it holds.
    pub(crate) fn remove(&mut self, id: StreamId, pool: &mut Pool) -> Option<Stream> {
        self.drop_waiting(id, pool);
        self.stop_linger(id);
        let stream = self.map.remove(&id)?;
        if let Some(last) = stream.last_sequence {
            self.undelivered.remove(&(last, id));
        }
        self.unread -= stream.unread_cost;
        Some(stream)
    }

    /// Hands received bytes, part of a payload of `whole` bytes, to a stream; false when it takes
    /// none.
    pub(crate) fn deliver(
        &mut self,
        now: Instant,
        id: StreamId,
        mut bytes: Bytes,
        whole: usize,
        events: &mut VecDeque<Event>,
    ) -> bool {
        let Some(stream) = self.map.get_mut(&id) else { return false };
        if stream.remote != Remote::Open {
            return false;
        }
        stream.heard = true;
        stream.quiet_since = now;
        let cost = Self::cost(&bytes);
        if whole > cost.saturating_mul(PINNED_MAX) {
            bytes = Bytes::copy_from_slice(&bytes);
        }
        stream.unread_cost += cost;
        self.unread += cost;
        stream.unread.push_back(bytes);
        stream.tell_reader(id, events);
        true
    }

    /// Ends the receiving side.
    pub(crate) fn end(
        &mut self,
        id: StreamId,
        remote: Remote,
        pool: &mut Pool,
        events: &mut VecDeque<Event>,
    ) {
        // The destination is gone: what waits could reach nobody.
        self.drop_waiting(id, pool);
        self.stop_linger(id);
        let Some(stream) = self.map.get_mut(&id) else { return };
        stream.remote = remote;
        stream.tell_reader(id, events);
        if std::mem::take(&mut stream.writer_waits) {
            events.push_back(Event::Writable(id));
        }
    }

    /// Breaks all streams that have not ended.
    pub(crate) fn break_all(&mut self, pool: &mut Pool, events: &mut VecDeque<Event>) {
        let open: Vec<_> = self
            .map
            .iter()
            .filter(|(_, stream)| stream.remote == Remote::Open)
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            self.end(id, Remote::Broken(Cause::SessionClosed), pool, events);
        }
        self.lingering.clear();
    }

    /// Moves up to `most` received bytes to `out`, and returns how many those are.
    pub(crate) fn read(&mut self, id: StreamId, most: usize, out: &mut Vec<Bytes>) -> usize {
        let Some(stream) = self.map.get_mut(&id) else { return 0 };
        let mut read = 0;
        while read < most
            && let Some(piece) = stream.unread.front_mut()
        {
            let room = most - read;
            if piece.len() > room {
                out.push(piece.split_to(room));
                stream.unread_cost -= room;
                self.unread -= room;
                return most;
            }
            let cost = Self::cost(piece);
            read += piece.len();
            out.extend(stream.unread.pop_front());
            stream.unread_cost -= cost;
            self.unread -= cost;
        }
        read
    }

    /// Has the reader told when something comes.
    pub(crate) fn reader_waits(&mut self, id: StreamId) {
        if let Some(stream) = self.map.get_mut(&id) {
            stream.reader_waits = true;
        }
    }
}

impl Stream {
    fn tell_reader(&mut self, id: StreamId, events: &mut VecDeque<Event>) {
        if std::mem::take(&mut self.reader_waits) {
            events.push_back(Event::Readable(id));
        }
    }
}
