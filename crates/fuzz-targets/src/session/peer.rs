//! What the agent's side sends: frames with bytes that tell where they belong, cut into messages.

use adit_engine::Mode;
use adit_wire::PayloadType;
use adit_wire::smux::Frame;
use bytes::Bytes;

use super::world::{Stream, pattern};
use crate::engine::data;

/// The most messages that the agent has.
const MESSAGES: usize = 2000;

/// The bytes of a single connection count up and begin anew here, which is no power of two.
pub(super) const PERIOD: u64 = 251;

/// All that the agent says, whether it has arrived or not.
pub(super) struct FromPeer {
    /// The number of the first of the messages.
    pub(super) first: i64,
    pub(super) messages: Vec<Bytes>,
    /// What is not cut into messages yet.
    pipe: Vec<u8>,
    /// Bytes of a single connection.
    raw: u64,
}

impl FromPeer {
    pub(super) fn new(first: i64) -> Self {
        Self { first, messages: Vec::new(), pipe: Vec::new(), raw: 0 }
    }

    pub(super) fn number(&self, index: usize) -> i64 {
        self.first + index as i64
    }

    /// Bytes on a stream.
    pub(super) fn says(&mut self, mode: Mode, id: u32, stream: &mut Stream, len: usize) {
        if stream.peer_fin {
            return;
        }
        if mode == Mode::Single {
            self.pipe.extend((0..len as u64).map(|i| ((self.raw + i) % PERIOD) as u8));
            self.raw += len as u64;
            return;
        }
        let len = len.min(usize::from(u16::MAX));
        self.pipe.extend(Frame::Psh { stream: id, len: len as u16 }.encode());
        self.pipe.extend((0..len as u64).map(|i| pattern(!id, stream.peer_said + i)));
        stream.peer_said += len as u64;
    }

    /// A frame that is no data, or a refusal.
    pub(super) fn signals(&mut self, mode: Mode, id: u32, stream: &mut Stream, kind: u8) {
        if mode == Mode::Single {
            return;
        }
        match kind % 6 {
            0 | 1 if !stream.peer_fin => {
                stream.peer_fin = true;
                self.pipe.extend(Frame::Fin { stream: id }.encode());
            }
            2 => self.pipe.extend(Frame::Syn { stream: id }.encode()),
            3 => self.pipe.extend(Frame::Psh { stream: 1_000_001, len: 0 }.encode()),
            4 => self.pipe.extend(Frame::Nop.encode()),
            // Nothing came on the stream, so its end will tell that the refusal is its own.
            5 if stream.peer_said == 0 && !stream.peer_fin => {
                self.message(PayloadType::Flag, &[0, 0, 0, 3]);
                stream.peer_fin = true;
                stream.may_be_refused = true;
                self.pipe.extend(Frame::Fin { stream: id }.encode());
            }
            _ => {}
        }
    }

    /// Makes a message of what is in the pipe.
    pub(super) fn sends(&mut self, most: usize) {
        let payload: Vec<u8> = self.pipe.drain(..most.min(self.pipe.len())).collect();
        if !payload.is_empty() {
            self.message(PayloadType::Output, &payload);
        }
    }

    /// Makes messages of all that is in the pipe.
    pub(super) fn sends_all(&mut self) {
        while !self.pipe.is_empty() {
            self.sends(1 << 14);
        }
    }

    fn message(&mut self, kind: PayloadType, payload: &[u8]) {
        self.messages.push(data(self.number(self.messages.len()), kind, payload));
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= MESSAGES || self.pipe.len() > 1 << 20
    }
}
