use adit_wire::HEADER_LEN;
use adit_wire::encryption::{NONCE_LEN, OVERHEAD, TAG_LEN};
use bytes::{Bytes, BytesMut};

/// Payload bytes per message before the payload probe, as in both official ends.
pub(crate) const SMALL_PAYLOAD: usize = 1024;
/// The most payload bytes per message. Accepted by live agents, and with it the cost per message
/// no longer counts; more would only make streams wait longer for each other.
pub(crate) const LARGE_PAYLOAD: usize = 32 << 10;

const SMALL: usize = HEADER_LEN + OVERHEAD + SMALL_PAYLOAD;
const LARGE: usize = HEADER_LEN + OVERHEAD + LARGE_PAYLOAD;

/// Of so many bytes of the window one buffer is kept of each size: with the whole window 5 MB and 4 MB,
/// what a fast path near by has in flight. What a long one has is not kept for the time after it.
const PER_SMALL: usize = 3 << 10;
const PER_LARGE: usize = 96 << 10;

/// Buffers of whole messages, reused once the message is acknowledged.
#[derive(Debug)]
pub(crate) struct Pool {
    small: Vec<BytesMut>,
    large: Vec<BytesMut>,
    /// The session's largest window in bytes.
    window: usize,
}

impl Pool {
    /// For a session that has so many payload bytes in flight at most.
    pub(crate) fn new(window: usize) -> Self {
        Self { small: Vec::new(), large: Vec::new(), window }
    }

    /// Changes how much is in flight at most, and lets go what is too much for that.
    pub(crate) fn set_window(&mut self, window: usize) {
        self.window = window;
        self.small.truncate(window / PER_SMALL);
        self.large.truncate(window / PER_LARGE);
    }

    /// An empty buffer with room for header, nonce, `payload` bytes and tag.
    pub(crate) fn take(&mut self, payload: usize) -> BytesMut {
        let (kept, capacity) = if payload > SMALL_PAYLOAD {
            (&mut self.large, LARGE)
        } else {
            (&mut self.small, SMALL)
        };
        kept.pop().unwrap_or_else(|| shared_buffer(capacity))
    }

    /// Takes a buffer back.
    pub(crate) fn put(&mut self, mut buffer: BytesMut) {
        buffer.clear();
        let (kept, most) = match buffer.capacity() {
            LARGE.. => (&mut self.large, self.window / PER_LARGE),
            SMALL.. => (&mut self.small, self.window / PER_SMALL),
            _ => return,
        };
        if kept.len() < most {
            kept.push(buffer);
        }
    }

    /// Takes a message back, unless somebody else still holds it.
    pub(crate) fn reclaim(&mut self, message: Bytes) {
        if let Ok(buffer) = message.try_into_mut() {
            self.put(buffer);
        }
    }
}

/// A buffer that turns into [`Bytes`] and back without allocating: it is reference-counted from
/// the start, which splitting it brings about.
pub(crate) fn shared_buffer(capacity: usize) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(capacity);
    drop(buffer.split_off(buffer.capacity()));
    buffer
}

/// Bytes that encryption puts before and behind a payload.
pub(crate) const fn overhead(encrypted: bool) -> (usize, usize) {
    if encrypted { (NONCE_LEN, TAG_LEN) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_with_all_its_room() {
        let mut pool = Pool::new(1 << 20);
        for payload in [1, SMALL_PAYLOAD, SMALL_PAYLOAD + 1, LARGE_PAYLOAD] {
            let mut buffer = pool.take(payload);
            let capacity = buffer.capacity();
            assert!(capacity >= HEADER_LEN + OVERHEAD + payload);
            buffer.resize(HEADER_LEN + payload, 7);
            let address = buffer.as_ptr();
            let message = buffer.freeze();
            let lent = message.clone();
            drop(lent);
            pool.reclaim(message);
            let again = pool.take(payload);
            assert_eq!((again.as_ptr(), again.capacity(), again.len()), (address, capacity, 0));
        }
    }

    #[test]
    fn a_smaller_window_keeps_fewer_buffers() {
        let mut pool = Pool::new(12 << 20);
        let many: Vec<BytesMut> = (0..100).map(|_| pool.take(LARGE_PAYLOAD)).collect();
        for buffer in many {
            pool.put(buffer);
        }
        assert_eq!(pool.large.len(), 100);
        pool.set_window((12 << 20) / 8);
        assert_eq!(pool.large.len(), 16);
        pool.put(shared_buffer(LARGE));
        assert_eq!(pool.large.len(), 16);
    }

    #[test]
    fn a_message_that_is_still_held_is_not_reused() {
        let mut pool = Pool::new(1 << 20);
        let message = pool.take(10).freeze();
        let lent = message.clone();
        pool.reclaim(message);
        assert!(pool.small.is_empty());
        drop(lent);
    }
}
