//! Which messages may be in flight: the window, and what may be beside it.
//!
//! A window that is full of uploads would hold up what somebody types until some of them are
//! acknowledged. So sparse messages are not part of it, as long as they are few: the window does not
//! see them, they do not take what an upload waits for, and what is in flight is bounded still.

use std::time::Instant;

use bytes::Bytes;

use super::Session;

/// Payload bytes in flight that are not part of the window: sixteen official messages, or four
/// streams with all that a sparse one has. Far less than any buffer on the way.
pub(super) const BESIDE_MAX: usize = 16 << 10;

/// What a message is part of while it is in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    Window,
    Beside,
}

impl Session {
    /// Where `payload` bytes more may be in flight, if anywhere.
    pub(super) fn room(&self, payload: usize, sparse: bool) -> Option<Room> {
        let fits = payload <= BESIDE_MAX - self.outbound.beside().min(BESIDE_MAX);
        if sparse && fits && !self.outbound.is_full() {
            return Some(Room::Beside);
        }
        (self.has_window(payload) && !self.outbound.is_nearly_full()).then_some(Room::Window)
    }

    /// Whether the window has room for `payload` bytes. One message always may.
    pub(super) fn has_window(&self, payload: usize) -> bool {
        let in_window = self.outbound.in_window();
        in_window == 0 || in_window + payload <= self.window.size()
    }

    /// Keeps a new message until it is acknowledged, and hands it out.
    pub(super) fn register_in(
        &mut self,
        now: Instant,
        room: Room,
        message: Bytes,
        payload: usize,
    ) -> Bytes {
        let message = self.register(now, message, payload);
        if room == Room::Beside {
            self.outbound.put_beside();
        }
        message
    }
}
