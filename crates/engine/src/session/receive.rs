use std::time::Instant;

use adit_wire::channel::ChannelClosed;
use adit_wire::{Ack, Message, MessageType, PayloadType};
use bytes::Bytes;

use super::first::First;
use super::inbound::{Payload, Place};
use super::probe::Probe;
use super::window::Progress;
use super::{Ending, Phase, Session, is_encrypted_in};
use crate::timers::SETTLED_MIN;
use crate::{CloseReason, Handling, HandshakeError, Mode, ProtocolError};

impl Session {
    /// Takes one websocket message, text or binary. What is malformed is dropped and counted.
    pub fn receive(&mut self, now: Instant, message: Bytes) {
        if self.is_closed()
            || (self.lacks(Handling::Header) && !message.starts_with(&[0, 0, 0, 116]))
        {
            return;
        }
        let message = match Message::decode(message) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "malformed message dropped");
                self.counters.malformed += 1;
                return self.tolerate_malformed();
            }
        };
        tracing::trace!(header = ?message.header, len = message.payload.len(), "received");
        self.note_deafness(now);
        self.moved = Some(now);
        self.unheard = None;
        match message.header.message_type {
            MessageType::OutputStreamData => self.data(now, message),
            MessageType::Acknowledge => self.acknowledgement(now, &message),
            MessageType::ChannelClosed => self.channel_closed(&message),
            MessageType::StartPublication => self.unpause(now),
            MessageType::PausePublication => self.pause(now),
            other => {
                tracing::debug!(kind = ?other, "message of no concern ignored");
                self.counters.malformed += 1;
                self.tolerate_malformed();
            }
        }
    }

    /// Nothing follows from what cannot be read: whoever sent it may send it again, and better.
    fn tolerate_malformed(&mut self) {
        if self.lacks(Handling::Malformed) {
            self.close(CloseReason::Protocol(ProtocolError::Cipher));
        }
    }

    /// Whether a test leaves that out.
    pub(super) fn lacks(&self, handling: Handling) -> bool {
        self.config.without.has(handling)
    }

    /// Whether the digest is right. The peer sends the same bytes again if it is not, so that
    /// is said loudly.
    fn check_digest(&mut self, message: &Message) -> bool {
        let right = message.digest_matches() || self.lacks(Handling::Digest);
        if !right {
            self.counters.digest_failures += 1;
            tracing::warn!(
                kind = ?message.header.message_type,
                sequence = message.header.sequence,
                "message dropped: its payload does not match its digest"
            );
        }
        right
    }

    fn data(&mut self, now: Instant, message: Message) {
        if !self.check_digest(&message) {
            return;
        }
        self.unpause(now);
        let (id, sequence) = (message.header.id, message.header.sequence);
        let mut payload = Payload { kind: message.header.payload_type, bytes: message.payload };
        match self.inbound.place(sequence, &payload) {
            Place::Duplicate if self.lacks(Handling::Duplicates) => {
                return self.deliver(now, payload);
            }
            Place::Stored if self.lacks(Handling::Order) => {
                self.acks.push(now, id, sequence);
                return self.deliver(now, payload);
            }
            Place::Next if self.is_flooded(&payload) => {
                self.counters.dropped_for_room += 1;
                return;
            }
            Place::Next => {}
            Place::Duplicate => {
                self.counters.duplicates += 1;
                let settled = SETTLED_MIN.max(self.rtt.estimate() * 3 / 2);
                return self.acks.push_again(now, id, sequence, settled);
            }
            Place::Stored => {
                self.counters.reordered += 1;
                return self.acks.push(now, id, sequence);
            }
            Place::NoRoom => {
                self.counters.dropped_for_room += 1;
                return;
            }
        }
        self.acks.push(now, id, sequence);
        loop {
            self.counters.messages_in += 1;
            self.deliver(now, payload);
            match self.inbound.advance() {
                Some(next) if !self.is_closed() => payload = next,
                Some(_) | None => return,
            }
        }
    }

    /// Whether the driver goes on reading although no input is wanted. What it had read already
    /// is taken; beyond that the peer has to send it again.
    fn is_flooded(&self, payload: &Payload) -> bool {
        let (unread, budget) = self.inbound_room();
        payload.kind == PayloadType::Output && unread >= budget.saturating_mul(2)
    }

    /// Takes the next payload in order.
    fn deliver(&mut self, now: Instant, payload: Payload) {
        let Payload { kind, bytes } = payload;
        match kind {
            PayloadType::HandshakeRequest => self.handshake_request(&bytes),
            PayloadType::HandshakeComplete => self.handshake_complete(now, &bytes),
            PayloadType::EncChallengeRequest => self.challenge(&bytes),
            PayloadType::Flag => self.flag(now, &bytes),
            kind if is_encrypted_in(kind) => match self.decrypt(bytes) {
                Some(bytes) if kind == PayloadType::Output => self.session_bytes(now, bytes),
                Some(_) => tracing::debug!(?kind, "payload of no concern ignored"),
                None => self.close(CloseReason::Protocol(ProtocolError::Cipher)),
            },
            kind => tracing::debug!(?kind, "payload of no concern ignored"),
        }
    }

    fn session_bytes(&mut self, now: Instant, bytes: Bytes) {
        match (&self.phase, self.mode()) {
            (Phase::Greeting, _) | (_, None) => {
                self.close(CloseReason::Handshake(HandshakeError::DataFirst));
            }
            (_, Some(Mode::Mux)) => self.demultiplex(now, bytes),
            (_, Some(Mode::Single)) if !bytes.is_empty() => self.deliver_raw(now, bytes),
            (_, Some(Mode::Single)) => {}
        }
    }

    fn acknowledgement(&mut self, now: Instant, message: &Message) {
        if !self.check_digest(message) {
            return;
        }
        let Ok(ack) = Ack::decode(&message.payload) else {
            self.counters.malformed += 1;
            return;
        };
        self.counters.acks_in += 1;
        self.acknowledged(now, ack.acknowledged_message_sequence_number);
        self.unpause(now);
    }

    /// The agent has a message. As in both official ends only the sequence number counts.
    fn acknowledged(&mut self, now: Instant, sequence: i64) {
        let oldest = sequence == self.outbound.first();
        let Some(acknowledged) = self.outbound.acknowledge(now, sequence) else { return };
        if let Some(rtt) = acknowledged.rtt {
            self.rtt.sample(rtt);
        }
        self.pool.reclaim(acknowledged.message);
        let next = self.outbound.next();
        let progress = Progress {
            sequence,
            bytes: if acknowledged.beside { 0 } else { acknowledged.payload },
            rtt: acknowledged.rtt,
            next,
            in_flight: self.outbound.in_window(),
        };
        self.window.acknowledged(now, progress);
        if !self.lacks(Handling::Resend)
            && let Some(overtaken) = self.outbound.mark_overtaken()
        {
            self.window.lost(overtaken, next);
        }
        self.note_progress(now, acknowledged.rtt.is_some(), oldest);
        if self.first == First::Sent(sequence) {
            self.first_acknowledged(now);
        }
        if let Probe::Sent { size, sequence: probe } = self.probe
            && probe == sequence
        {
            self.probe_acknowledged(size);
        }
        self.streams.delivered(now, self.outbound.first());
        self.line_acknowledged(now, sequence);
        if self.ending == Ending::Sent(sequence) {
            self.close(CloseReason::Terminated);
        }
    }

    /// The service says that the session is over. It may say so twice, and its digest is not
    /// worth doubting a word that only it can say.
    fn channel_closed(&mut self, message: &Message) {
        let body: Option<ChannelClosed> = serde_json::from_slice(&message.payload).ok();
        let output = body.and_then(|body| body.output).unwrap_or_default();
        let reason = if matches!(self.ending, Ending::Sent(_)) {
            CloseReason::Terminated
        } else {
            CloseReason::ChannelClosed { output }
        };
        self.close(reason);
    }
}
