use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::faults::Rates;

/// Bytes that a session keeps in each direction before it stops reading the sender.
const CAPACITY: usize = 4 << 20;

/// Bytes a second that fit beside them while they are only on their way: an added latency must
/// not limit the throughput.
const CAPACITY_PER_SECOND: f64 = (256 << 20) as f64;

/// The latency that is made room for; a longer one does limit the throughput, but not the memory
/// of the machine.
const ROOM_FOR: Duration = Duration::from_secs(2);

/// How long a message that is to be overtaken waits for another to do so.
const REORDER_WAIT: Duration = Duration::from_millis(5);

/// Messages on their way in one direction, in order, each with the time when it arrives.
///
/// When it is full its sender is not read; nothing is thrown away but by a fault.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    queue: VecDeque<Waiting>,
    bytes: usize,
    /// A message that the next one overtakes, and when it stops waiting for that.
    held: Option<(Instant, Bytes)>,
}

#[derive(Debug)]
struct Waiting {
    due: Instant,
    message: Bytes,
}

impl Buffer {
    /// Whether another message may come.
    pub(super) fn has_room(&self, latency: Duration) -> bool {
        let room_for = latency.min(ROOM_FOR);
        let travelling = (room_for.as_secs_f64() * CAPACITY_PER_SECOND) as usize;
        self.bytes < CAPACITY.saturating_add(travelling)
    }

    /// Takes a message, which the rates may drop, double or hold back. Says whether it was dropped.
    pub(super) fn push(
        &mut self,
        now: Instant,
        message: Bytes,
        rates: &Rates,
        rng: &mut StdRng,
    ) -> bool {
        let due = now + rates.latency;
        if happens(rates.drop, rng) {
            return true;
        }
        let doubled = happens(rates.duplicate, rng).then(|| message.clone());
        if self.held.is_none() && happens(rates.reorder, rng) {
            self.bytes += message.len();
            self.held = Some((now + REORDER_WAIT, message));
        } else {
            self.enqueue(due, message);
            self.release(due);
        }
        if let Some(copy) = doubled {
            self.enqueue(due, copy);
        }
        false
    }

    /// Takes a message that no fault touches: one of the gateway's own.
    pub(super) fn push_own(&mut self, now: Instant, message: Bytes, latency: Duration) {
        self.release(now + latency);
        self.enqueue(now + latency, message);
    }

    /// Puts a message before all others.
    pub(super) fn push_front(&mut self, due: Instant, message: Bytes) {
        self.bytes += message.len();
        self.queue.push_front(Waiting { due, message });
    }

    fn enqueue(&mut self, due: Instant, message: Bytes) {
        self.bytes += message.len();
        self.queue.push_back(Waiting { due, message });
    }

    fn release(&mut self, due: Instant) {
        if let Some((_, message)) = self.held.take() {
            self.queue.push_back(Waiting { due, message });
        }
    }

    /// Stops holding back what nothing has overtaken in time.
    pub(super) fn settle(&mut self, now: Instant, latency: Duration) {
        if self.held.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.release(now + latency);
        }
    }

    /// Whether a message has arrived.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.queue.front().is_some_and(|head| head.due <= now)
    }

    /// Takes the first message if it has arrived.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Bytes> {
        let head = self.queue.pop_front_if(|head| head.due <= now)?;
        self.bytes -= head.message.len();
        Some(head.message)
    }

    /// When something happens next without a new message; what has arrived waits for its receiver.
    pub(super) fn next_event(&self, now: Instant) -> Option<Instant> {
        let head = self.queue.front().map(|head| head.due);
        let held = self.held.as_ref().map(|(until, _)| *until);
        head.into_iter().chain(held).filter(|at| *at > now).min()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.held.is_none()
    }

    /// Loses everything; says how many messages that were.
    pub(super) fn clear(&mut self) -> u64 {
        let lost = self.queue.len() + usize::from(self.held.is_some());
        *self = Self::default();
        lost as u64
    }
}

/// Whether something of this share happens now.
pub(super) fn happens(rate: f64, rng: &mut StdRng) -> bool {
    rate > 0.0 && rng.random_bool(rate.min(1.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::faults::MAX_LATENCY;

    fn drain(buffer: &mut Buffer, now: Instant) -> Vec<u8> {
        std::iter::from_fn(|| buffer.pop(now)).map(|message| message[0]).collect()
    }

    fn push(buffer: &mut Buffer, now: Instant, byte: u8, rates: &Rates) {
        let mut rng = StdRng::seed_from_u64(0);
        buffer.push(now, Bytes::from(vec![byte]), rates, &mut rng);
    }

    #[test]
    fn latency_delays_and_keeps_the_order() {
        let rates = Rates { latency: Duration::from_millis(20), ..Rates::default() };
        let mut buffer = Buffer::default();
        let start = Instant::now();
        push(&mut buffer, start, 1, &rates);
        push(&mut buffer, start + Duration::from_millis(1), 2, &rates);
        assert_eq!(buffer.pop(start + Duration::from_millis(19)), None);
        assert_eq!(buffer.next_event(start), Some(start + Duration::from_millis(20)));
        assert_eq!(drain(&mut buffer, start + Duration::from_millis(21)), [1, 2]);
    }

    #[test]
    fn a_held_message_is_overtaken_by_one() {
        let always = Rates { reorder: 1.0, ..Rates::default() };
        let mut buffer = Buffer::default();
        let now = Instant::now();
        for byte in 1..=4 {
            push(&mut buffer, now, byte, &always);
        }
        assert_eq!(drain(&mut buffer, now), [2, 1, 4, 3]);
    }

    #[test]
    fn a_held_message_does_not_wait_for_ever() {
        let always = Rates { reorder: 1.0, ..Rates::default() };
        let mut buffer = Buffer::default();
        let now = Instant::now();
        push(&mut buffer, now, 1, &always);
        assert!(!buffer.is_due(now) && !buffer.is_empty());
        let later = buffer.next_event(now).expect("the end of the wait");
        buffer.settle(later, Duration::ZERO);
        assert_eq!(drain(&mut buffer, later), [1]);
    }

    #[test]
    fn doubled_and_dropped() {
        let mut buffer = Buffer::default();
        let now = Instant::now();
        push(&mut buffer, now, 1, &Rates { duplicate: 1.0, ..Rates::default() });
        push(&mut buffer, now, 2, &Rates { drop: 1.0, ..Rates::default() });
        assert_eq!(drain(&mut buffer, now), [1, 1]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_full_buffer_has_room_again_when_read() {
        let mut buffer = Buffer::default();
        let now = Instant::now();
        let mut rng = StdRng::seed_from_u64(0);
        while buffer.has_room(Duration::ZERO) {
            buffer.push(now, Bytes::from(vec![0; 32 << 10]), &Rates::default(), &mut rng);
        }
        assert!(buffer.has_room(Duration::from_millis(100)), "latency adds room");
        buffer.pop(now);
        assert!(buffer.has_room(Duration::ZERO));
    }

    #[test]
    fn the_longest_latency_adds_room_and_not_without_bounds() {
        let mut buffer = Buffer::default();
        assert!(buffer.has_room(Duration::MAX) && buffer.has_room(MAX_LATENCY));
        buffer.bytes = 1 << 30;
        assert!(!buffer.has_room(Duration::MAX) && !buffer.has_room(MAX_LATENCY));
    }
}
