//! A frame that is larger than a message: it goes out in pieces.
//!
//! Until larger messages are known to be accepted a message has 1 KiB, but a frame of that size
//! would cost a read of the local socket here and a write to the destination there for each. The
//! pieces of a frame are one run of bytes for smux, so no other frame comes between them; flags and
//! handshakes, which are no smux, may.

use std::time::Instant;

use adit_wire::{HEADER_LEN, Header};
use bytes::{Bytes, BytesMut};

use super::Session;
use super::turns::Turn;
use crate::pool::overhead;

/// The frame that is being sent.
#[derive(Debug)]
pub(super) struct Partial {
    turn: Turn,
    /// Headroom, and the whole frame.
    buffer: BytesMut,
    /// Where the next piece begins.
    next: usize,
}

impl Session {
    /// Sends a frame that does not fit into one message; `buffer` is as a chunk's.
    pub(super) fn begin_frame(
        &mut self,
        now: Instant,
        turn: Turn,
        buffer: BytesMut,
    ) -> Option<Bytes> {
        let (before, _) = overhead(self.cipher.is_some());
        self.partial = Some(Partial { turn, buffer, next: HEADER_LEN + before });
        self.transmit_piece(now)
    }

    /// The next piece of the frame that is being sent, if there is room for it.
    pub(super) fn transmit_piece(&mut self, now: Instant) -> Option<Bytes> {
        let size = self.payload_size;
        let partial = self.partial.as_ref()?;
        let len = (partial.buffer.len() - partial.next).min(size);
        let Some(room) = self.room(len, partial.turn.sparse) else {
            self.window.hold_back();
            return None;
        };
        let sequence = self.outbound.next();
        let mut message = self.empty_message(len);
        let partial = self.partial.as_mut()?;
        message.extend_from_slice(&partial.buffer[partial.next..partial.next + len]);
        partial.next += len;
        if partial.next == partial.buffer.len()
            && let Some(whole) = self.partial.take()
        {
            self.pool.put(whole.buffer);
            self.streams.frame_sent(sequence, whole.turn.id);
        }
        let header = Header { sequence, ..self.envelope.header(now) };
        let message = self.seal(message, &header)?;
        self.counters.last_payload = Some(now);
        Some(self.register_in(now, room, message, len))
    }
}
