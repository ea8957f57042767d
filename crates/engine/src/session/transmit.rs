use std::time::Instant;

use adit_wire::smux::{self, Frame};
use adit_wire::{Flag, HEADER_LEN, Header, PayloadType};
use bytes::{Bytes, BytesMut};

use super::first::First;
use super::streams::Limits;
use super::{Ending, Phase, Session, envelope, is_encrypted_out};
use crate::pool::{LARGE_PAYLOAD, overhead};
use crate::timers::SHORT_FRAMES;
use crate::{CloseReason, Mode, ProtocolError};

/// The most bytes of a frame while frames are short: no other comes between its pieces. The agent
/// writes each frame to its destination on its own; this costs it a twentieth of its pace, a
/// frame for each message a third.
const SHORT_FRAME: usize = 8 << 10;

/// A message that is no session bytes.
#[derive(Debug)]
pub(crate) struct Letter {
    kind: PayloadType,
    body: Vec<u8>,
    role: Role,
}

/// Who waits for a letter to be acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Nobody,
    /// The end of the session.
    Terminate,
    /// The end of a single connection.
    Disconnect,
}

impl Letter {
    pub(crate) fn new(kind: PayloadType, body: Vec<u8>) -> Self {
        Self { kind, body, role: Role::Nobody }
    }

    pub(crate) fn flag(flag: Flag, role: Role) -> Self {
        Self { kind: PayloadType::Flag, body: flag.encode().to_vec(), role }
    }
}

impl Session {
    /// The next websocket message to send, as one unfragmented frame: acknowledgements first,
    /// then resends, then new data.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let message = self.next_message(now);
        if message.is_some() {
            self.moved = Some(now);
        }
        message
    }

    fn next_message(&mut self, now: Instant) -> Option<Bytes> {
        if !self.link_is_up() || self.is_closed() {
            return None;
        }
        self.note_deafness(now);
        if let Some(ack) = self.acks.transmit(now, &mut self.envelope) {
            self.counters.acks_out += 1;
            return Some(ack);
        }
        if let Some((sequence, message)) = self.outbound.resend(now) {
            tracing::trace!(sequence, "sent again");
            self.counters.resends += 1;
            return Some(message);
        }
        if let Some(message) = self.transmit_question(now) {
            return Some(message);
        }
        if self.paused {
            return None;
        }
        if self.probe.is_in_flight() || matches!(self.first, First::Sent(_)) {
            return None;
        }
        if let Some(letter) = self.letters.pop_front() {
            return self.transmit_letter(now, &letter);
        }
        match self.phase {
            Phase::Settling if self.first == First::Due => {
                self.control.push_back(Frame::Nop);
                self.transmit_control(now)
            }
            Phase::Ready => self.transmit_session_bytes(now),
            Phase::Greeting | Phase::Key(_) | Phase::Answered | Phase::Settling | Phase::Closed => {
                None
            }
        }
    }

    fn transmit_session_bytes(&mut self, now: Instant) -> Option<Bytes> {
        if self.partial.is_some() {
            return self.transmit_piece(now);
        }
        if !self.control.is_empty() {
            return self.transmit_control(now);
        }
        if self.probe.is_due() {
            // Data waits until the window has room for it: else it would never have.
            return self.transmit_probe(now);
        }
        self.transmit_chunk(now)
    }

    fn transmit_letter(&mut self, now: Instant, letter: &Letter) -> Option<Bytes> {
        let sequence = self.outbound.next();
        match letter.role {
            Role::Nobody => {}
            Role::Terminate => self.ending = Ending::Sent(sequence),
            Role::Disconnect => self.disconnect_sent(sequence),
        }
        let header = Header { sequence, payload_type: letter.kind, ..self.envelope.header(now) };
        let mut buffer = self.pool.take(letter.body.len());
        buffer.resize(HEADER_LEN, 0);
        buffer.extend_from_slice(&letter.body);
        let message = self.seal(buffer, &header)?;
        Some(self.register(now, message, letter.body.len()))
    }

    /// As many frames without data as fit into one message.
    fn transmit_control(&mut self, now: Instant) -> Option<Bytes> {
        if self.outbound.is_full() {
            return None;
        }
        let most = self.payload_size / smux::HEADER_LEN;
        let payload = self.control.len().min(most) * smux::HEADER_LEN;
        let header = Header { sequence: self.outbound.next(), ..self.envelope.header(now) };
        let mut buffer = self.empty_message(payload);
        for frame in self.control.drain(..payload / smux::HEADER_LEN) {
            buffer.extend_from_slice(&frame.encode());
        }
        self.tell_opener();
        let message = self.seal(buffer, &header)?;
        Some(self.register(now, message, payload))
    }

    fn transmit_chunk(&mut self, now: Instant) -> Option<Bytes> {
        let mut next = self.streams.next_turn()?;
        if self.are_frames_short(now) {
            next.len = next.len.min(SHORT_FRAME);
        }
        let (turn, len) = (next.turn, next.len);
        let sequence = self.outbound.next();
        let payload = len + self.framing();
        let Some(room) = self.room(payload.min(self.payload_size), turn.sparse) else {
            self.window.hold_back();
            return None;
        };
        if turn.sparse && self.streams.has_ordinary() {
            self.short_until = Some(now + SHORT_FRAMES);
        }
        let in_pieces = payload > self.payload_size;
        let whole = (!in_pieces).then_some(sequence);
        let limits = Limits { turn: self.chunk_payload(), waiting: self.config.stream_buffer };
        let (pool, events) = (&mut self.pool, &mut self.events);
        let mut chunk = self.streams.take_turn(next, whole, limits, pool, events)?;
        if self.mode() == Some(Mode::Mux) {
            let stream = turn.id.0;
            let frame = Frame::Psh { stream, len: u16::try_from(len).unwrap_or(u16::MAX) };
            let at = chunk.headroom - smux::HEADER_LEN;
            if let Some(head) = chunk.buffer[at..].first_chunk_mut() {
                *head = frame.encode();
            }
        } else {
            self.line_sent(sequence);
        }
        self.counters.bytes_out += len as u64;
        self.counters.last_payload = Some(now);
        if in_pieces {
            return self.begin_frame(now, turn, chunk.buffer);
        }
        let header = Header { sequence, ..self.envelope.header(now) };
        let message = self.seal(chunk.buffer, &header)?;
        Some(self.register_in(now, room, message, payload))
    }

    /// Whether frames are to be short: where a long one takes a while, and a sparse one may come.
    fn are_frames_short(&self, now: Instant) -> bool {
        self.short_until.is_some_and(|until| now < until)
            && (self.payload_size < LARGE_PAYLOAD || self.window.is_small())
    }

    /// A buffer whose headroom is in place, for `payload` bytes.
    pub(super) fn empty_message(&mut self, payload: usize) -> BytesMut {
        let (before, _) = overhead(self.cipher.is_some());
        let mut buffer = self.pool.take(payload);
        buffer.resize(HEADER_LEN + before, 0);
        buffer
    }

    /// Encrypts if need be, and writes the header.
    pub(super) fn seal(&mut self, mut buffer: BytesMut, header: &Header) -> Option<Bytes> {
        if let Some(cipher) = &mut self.cipher
            && is_encrypted_out(header.payload_type)
        {
            let (_, behind) = overhead(true);
            buffer.resize(buffer.len() + behind, 0);
            if cipher.seal(&mut buffer[HEADER_LEN..]).is_err() {
                self.close(CloseReason::Protocol(ProtocolError::Cipher));
                return None;
            }
        }
        envelope::seal(&mut buffer, header);
        Some(buffer.freeze())
    }

    /// Keeps a new message until it is acknowledged, and hands it out.
    pub(super) fn register(&mut self, now: Instant, message: Bytes, payload: usize) -> Bytes {
        let sequence = self.outbound.next();
        let was_empty = self.outbound.is_empty();
        self.outbound.push(now, message.clone(), payload);
        self.counters.messages_out += 1;
        self.note_first(now, sequence);
        if was_empty {
            self.progress = Some(now);
            self.arm_rto();
        }
        tracing::trace!(sequence, payload, "sent");
        message
    }
}
