use adit_wire::HEADER_LEN;
use bytes::buf::Limit;
use bytes::{BufMut, BytesMut};

use crate::pool::Pool;

/// A pooled buffer for the payload of one message, with room before it for the headers.
///
/// Fill it through [`spare_mut`](Self::spare_mut), then hand it to
/// [`Session::write`](crate::Session::write), or back to
/// [`Session::give_back`](crate::Session::give_back).
#[derive(Debug)]
pub struct Chunk {
    /// Headroom, then data; has the capacity for all that follows.
    pub(crate) buffer: BytesMut,
    /// Bytes before the data.
    pub(crate) headroom: usize,
    /// The most bytes of data.
    pub(crate) room: usize,
    /// Bytes of data that were taken from its front.
    pub(crate) taken: usize,
}

impl Chunk {
    /// The part that is not filled yet, for `read_buf` and the like. Never grows the buffer.
    pub fn spare_mut(&mut self) -> Limit<&mut BytesMut> {
        let spare = self.spare();
        (&mut self.buffer).limit(spare)
    }

    /// Bytes of data in it.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.headroom - self.taken
    }

    /// Whether it has no data.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that still fit.
    pub fn spare(&self) -> usize {
        self.room - self.taken - self.len()
    }

    /// The data.
    pub fn data(&self) -> &[u8] {
        &self.buffer[self.headroom + self.taken..]
    }

    /// Whether nothing was taken from it, so that its headroom lies before its data.
    pub(crate) fn is_whole(&self) -> bool {
        self.taken == 0
    }

    /// Moves up to `len` bytes from its front to a chunk of their own.
    pub(crate) fn split(&mut self, len: usize, pool: &mut Pool) -> Self {
        let len = len.min(self.len());
        // The framing is part of the payload.
        let mut buffer = pool.take(len + self.headroom - HEADER_LEN);
        buffer.resize(self.headroom, 0);
        buffer.extend_from_slice(&self.data()[..len]);
        self.taken += len;
        Self { buffer, headroom: self.headroom, room: len, taken: 0 }
    }
}
