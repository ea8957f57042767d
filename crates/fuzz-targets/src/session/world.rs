//! A session with everything around it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adit_engine::{
    Cause, CloseReason, Loss, Mode, OpenError, Read, Session, SessionConfig, StreamId,
};
use adit_wire::MessageType;
use bytes::{BufMut, Bytes};

use super::client::FromClient;
use super::peer::{FromPeer, PERIOD};
use crate::engine::{ack, handle_timeout, origin, ready, word};

/// The most streams of one run.
const STREAMS: usize = 64;

/// Byte number `at` of a stream.
pub(super) fn pattern(id: u32, at: u64) -> u8 {
    (u64::from(id).wrapping_mul(31) ^ at ^ (at >> 8)) as u8
}

/// One local connection.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) written: u64,
    /// Bytes that went out for the first time.
    pub(super) sent: u64,
    pub(super) read: u64,
    /// The last byte that was read, of a single connection.
    last_byte: Option<u8>,
    /// Whether the agent was told of it.
    pub(super) told: bool,
    pub(super) finished: Option<Duration>,
    pub(super) fin_sent: Option<Duration>,
    /// Whether it was read to its end, or reset.
    pub(super) is_over: bool,
    pub(super) was_reset: bool,
    /// Whether its reader waits to be told.
    pub(super) reader_waits: bool,
    pub(super) writer_waits: bool,
    /// Bytes that the peer has said, and whether it has ended it.
    pub(super) peer_said: u64,
    pub(super) peer_fin: bool,
    pub(super) may_be_refused: bool,
}

pub(super) struct World {
    pub(super) session: Session,
    pub(super) config: SessionConfig,
    pub(super) mode: Mode,
    pub(super) now: Instant,
    pub(super) streams: BTreeMap<u32, Stream>,
    pub(super) client: FromClient,
    pub(super) peer: FromPeer,
    is_up: bool,
    /// Whether messages were received although none was wanted.
    pub(super) was_rude: bool,
    /// The longest message of the agent.
    pub(super) longest: usize,
    pub(super) opener_waits: bool,
    pub(super) may_terminate: bool,
    pub(super) may_be_closed: bool,
    pub(super) closed: Option<CloseReason>,
}

impl World {
    pub(super) fn new(config: SessionConfig, version: &str) -> Self {
        let mut now = origin();
        let (session, sent, first) =
            ready(config.clone(), version, "LocalPortForwarding", &mut now);
        let mut world = Self {
            mode: session.mode().expect("a ready session has a mode"),
            session,
            config,
            now,
            streams: BTreeMap::new(),
            client: FromClient::default(),
            peer: FromPeer::new(first),
            is_up: true,
            was_rude: false,
            longest: 0,
            opener_waits: false,
            may_terminate: false,
            may_be_closed: false,
            closed: None,
        };
        for message in &sent {
            world.take(message);
        }
        world.client.unacked.clear();
        world
    }

    pub(super) fn time(&self) -> Duration {
        self.now - origin()
    }

    fn id(&self, index: u8) -> Option<u32> {
        let index = usize::from(index) % self.streams.len().max(1);
        self.streams.keys().nth(index).copied()
    }

    pub(super) fn open(&mut self) {
        if self.streams.len() >= STREAMS {
            return;
        }
        match self.session.open(self.now) {
            Ok(id) => {
                let stream = Stream { reader_waits: true, ..Stream::default() };
                assert!(self.streams.insert(id.0, stream).is_none(), "{id} twice");
            }
            Err(OpenError::Closed) => assert!(self.closed.is_some() || self.may_terminate),
            Err(OpenError::Busy) => self.opener_waits = true,
            Err(error) => panic!("a ready session does not open a stream: {error}"),
        }
    }

    pub(super) fn write(&mut self, index: u8, len: usize) {
        let Some(id) = self.id(index) else { return };
        let Some(mut chunk) = self.session.chunk(StreamId(id)) else {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.writer_waits = true;
            }
            return;
        };
        assert!(chunk.is_empty() && chunk.spare() > 0, "a chunk without room");
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let len = len.min(chunk.spare());
        let bytes: Vec<u8> = (0..len as u64).map(|i| pattern(id, stream.written + i)).collect();
        chunk.spare_mut().put_slice(&bytes);
        assert_eq!(chunk.data(), bytes);
        if self.session.write(self.now, StreamId(id), chunk).is_ok() {
            stream.written += len as u64;
        } else {
            panic!("a stream with room for a chunk does not take it");
        }
    }

    pub(super) fn read(&mut self, index: u8, most: usize) -> bool {
        let Some(id) = self.id(index) else { return false };
        self.read_of(id, most)
    }

    /// Reads from a stream; whether there may be more.
    pub(super) fn read_of(&mut self, id: u32, most: usize) -> bool {
        self.hear();
        let mut out: Vec<Bytes> = Vec::new();
        let read = self.session.read(self.now, StreamId(id), most, &mut out);
        let was_refused = self.streams.values().any(|stream| stream.may_be_refused);
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        let got = out.concat();
        match read {
            Read::Data(len) => {
                assert!(len == got.len() && len > 0 && len <= most, "{len} of {most}");
                assert!(!stream.is_over, "data behind the end of {id}");
                stream.got(self.mode, id, &got);
                return true;
            }
            Read::Blocked => stream.reader_waits |= most > 0,
            Read::End => {
                assert!(stream.peer_fin, "{id} has ended, and the peer has not ended it");
                assert!(stream.is_whole(self.mode), "{id} ended before its last byte");
                stream.is_over = true;
            }
            Read::Reset(Cause::Unknown) => assert!(stream.is_over, "{id} is forgotten"),
            Read::Reset(cause) => {
                let may_be = match cause {
                    // A refusal names no stream: the first that ends without a byte is taken for it.
                    Cause::Refused => was_refused && stream.peer_fin && stream.peer_said == 0,
                    Cause::Lingered => stream.finished.is_some(),
                    Cause::SessionClosed => self.closed.is_some(),
                    _ => false,
                };
                assert!(may_be && !stream.is_over, "{id}: {cause:?}");
                (stream.is_over, stream.was_reset) = (true, true);
            }
        }
        false
    }

    pub(super) fn finish(&mut self, index: u8) {
        let Some(id) = self.id(index) else { return };
        self.session.finish(self.now, StreamId(id));
        let at = self.time();
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.finished.get_or_insert(at);
        }
    }

    pub(super) fn reset(&mut self, index: u8) {
        let Some(id) = self.id(index) else { return };
        self.session.reset(self.now, StreamId(id));
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.was_reset |= !stream.is_over;
            stream.is_over = true;
        }
    }

    pub(super) fn terminate(&mut self) {
        self.may_terminate = true;
        self.session.terminate(self.now);
    }

    pub(super) fn channel_closed(&mut self) {
        self.may_be_closed = true;
        self.session.receive(self.now, word(MessageType::ChannelClosed, b"{}"));
    }

    pub(super) fn up(&mut self) {
        self.is_up = true;
        self.session.transport_up(self.now);
    }

    pub(super) fn down(&mut self, loss: Loss) {
        self.is_up = false;
        self.session.transport_down(self.now, loss);
        assert_eq!(self.session.poll_transmit(self.now), None, "there is no websocket");
    }

    pub(super) fn publication(&mut self, pause: bool) {
        let kind =
            if pause { MessageType::PausePublication } else { MessageType::StartPublication };
        self.session.receive(self.now, word(kind, b"{}"));
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        handle_timeout(&mut self.session, self.now);
    }

    pub(super) fn wait_until_due(&mut self) {
        if let Some(at) = self.session.poll_timeout() {
            self.now = self.now.max(at);
            handle_timeout(&mut self.session, self.now);
        }
    }

    /// Takes some messages from the session; whether there were any.
    pub(super) fn transmit(&mut self, most: usize) -> bool {
        let mut any = false;
        for _ in 0..most {
            let Some(message) = self.session.poll_transmit(self.now) else { break };
            assert!(self.is_up, "there is no websocket");
            self.take(&message);
            any = true;
        }
        any
    }

    fn take(&mut self, message: &Bytes) {
        let now = self.time();
        self.client.take(now, self.mode, message, &mut self.streams);
    }

    /// The agent acknowledges a message, in order or not.
    pub(super) fn ack_some(&mut self, index: u8, count: u8) {
        for _ in 0..count % 32 {
            let index = usize::from(index) % self.client.unacked.len().max(1);
            let Some(number) = self.client.unacked.keys().nth(index).copied() else { return };
            self.ack(number);
        }
    }

    pub(super) fn ack(&mut self, number: i64) {
        self.client.unacked.remove(&number);
        self.session.receive(self.now, ack(number));
    }

    /// Messages that are none, or say nothing that is true.
    pub(super) fn receive_noise(&mut self, kind: u8, byte: u8) {
        let before = self.session.stats();
        let message = match kind % 5 {
            // Acknowledged before, or never sent.
            0 => ack((i64::from(byte) + 1).wrapping_mul(i64::from(i32::MAX) << 24)),
            1 => Bytes::from(vec![byte; usize::from(byte)]),
            2 => word(MessageType::Acknowledge, b"{}"),
            3 => word(MessageType::InputStreamData, &[byte; 20]),
            _ => {
                let mut wrong = ack(i64::from(byte)).to_vec();
                if let Some(last) = wrong.last_mut() {
                    *last ^= 0x80;
                }
                wrong.into()
            }
        };
        self.session.receive(self.now, message);
        let after = self.session.stats();
        assert_eq!(after.messages_in, before.messages_in, "noise was taken for data");
        assert_eq!(after.in_flight, before.in_flight, "noise was taken for an acknowledgement");
    }

    pub(super) fn peer_says(&mut self, index: u8, len: usize) {
        let Some(id) = self.id(index) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !self.peer.is_full() {
            self.peer.says(self.mode, id, stream, len);
        }
    }

    pub(super) fn peer_signals(&mut self, index: u8, kind: u8) {
        let Some(id) = self.id(index) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !self.peer.is_full() {
            self.peer.signals(self.mode, id, stream, kind);
        }
    }

    pub(super) fn peer_sends(&mut self, most: usize) {
        self.peer.sends(most + 1);
    }

    /// Delivers messages of the agent in order, those that are not acknowledged; whether there were
    /// any. A driver that is not rude stops when no input is wanted.
    pub(super) fn deliver_next(&mut self, most: usize, is_rude: bool) -> bool {
        let mut any = false;
        for index in 0..self.peer.messages.len() {
            if self.client.acks.contains(&self.peer.number(index)) {
                continue;
            }
            let delivered = self.deliver(index, is_rude);
            if !delivered || index >= most {
                return any;
            }
            any = true;
            self.transmit(4);
        }
        any
    }

    /// Delivers any message that the agent has made, again, too early, or damaged.
    pub(super) fn deliver_any(&mut self, index: u8, damage: u8) {
        let count = self.peer.messages.len();
        if count == 0 {
            return;
        }
        let index = count - 1 - usize::from(index) % count;
        if damage < 200 {
            self.deliver(index, false);
            return;
        }
        let mut message = self.peer.messages[index].to_vec();
        if let Some(last) = message.last_mut() {
            *last ^= damage;
        }
        let before = self.session.stats();
        self.session.receive(self.now, message.into());
        let after = self.session.stats();
        assert_eq!(after.messages_in, before.messages_in, "a damaged message was taken");
        assert_eq!(after.unread, before.unread);
    }

    fn deliver(&mut self, index: usize, is_rude: bool) -> bool {
        let wanted = self.session.wants_input();
        if !self.is_up || !(wanted || is_rude) {
            return false;
        }
        self.was_rude |= !wanted;
        let message = self.peer.messages[index].clone();
        self.longest = self.longest.max(message.len());
        self.session.receive(self.now, message);
        true
    }
}

impl Stream {
    /// Bytes that are read are those that the peer has said, in order.
    fn got(&mut self, mode: Mode, id: u32, bytes: &[u8]) {
        for byte in bytes {
            if mode == Mode::Mux {
                assert_eq!(*byte, pattern(!id, self.read), "byte {} of {id}", self.read);
            } else if let Some(last) = self.last_byte.replace(*byte) {
                let next = (u64::from(last) + 1) % PERIOD;
                assert_eq!(u64::from(*byte), next, "bytes of {id} are missing");
            }
            self.read += 1;
        }
        assert!(mode == Mode::Single || self.read <= self.peer_said);
    }

    /// Whether all was read that the peer has said.
    pub(super) fn is_whole(&self, mode: Mode) -> bool {
        mode == Mode::Single || self.read == self.peer_said
    }
}
