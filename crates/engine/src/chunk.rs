use bytes::buf::Limit;
use bytes::{BufMut, BytesMut};

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
}

impl Chunk {
    /// The part that is not filled yet, for `read_buf` and the like. Never grows the buffer.
    pub fn spare_mut(&mut self) -> Limit<&mut BytesMut> {
        let spare = self.spare();
        (&mut self.buffer).limit(spare)
    }

    /// Bytes of data in it.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.headroom
    }

    /// Whether it has no data.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that still fit.
    pub fn spare(&self) -> usize {
        self.room - self.len()
    }

    /// The data.
    pub fn data(&self) -> &[u8] {
        &self.buffer[self.headroom..]
    }
}
