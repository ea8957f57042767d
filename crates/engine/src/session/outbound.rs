use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// How many later messages must be acknowledged before one counts as lost.
const OVERTAKEN: usize = 3;

/// The most messages in flight, whatever their size: bounds the memory of many tiny messages, at
/// a tenth of what the agent keeps out of order.
pub(crate) const MESSAGES_MAX: usize = 8192;
/// How many of them are for frames without data and for sparse streams, however many others wait.
const MESSAGES_KEPT: usize = 64;

/// Messages that were sent and not acknowledged, with their sequence numbers.
///
/// They are kept sealed, so that a resend is the same bytes with the same id and date.
#[derive(Default, Debug)]
pub(crate) struct Outbound {
    /// Sequence number of the first entry.
    base: i64,
    entries: VecDeque<Sent>,
    in_flight: usize,
    /// Those of them that are not part of the window.
    beside: usize,
    /// Counts all sendings, resends included: the order in which the peer should see them.
    sendings: u64,
    /// Entries that were sent again and are not acknowledged.
    repeated: usize,
    /// Entries marked as lost, and the sequence number before which there is none.
    marked: usize,
    first_marked: i64,
    /// The latest acknowledged sendings, the latest first.
    arrived: [u64; OVERTAKEN],
    /// A message that only its owner resends.
    held: Option<i64>,
}

#[derive(Debug)]
struct Sent {
    /// Gone once it is acknowledged.
    message: Option<Bytes>,
    payload: usize,
    at: Instant,
    sending: u64,
    resent: bool,
    marked: bool,
    beside: bool,
}

/// An acknowledged message.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) message: Bytes,
    pub(crate) payload: usize,
    /// Its round-trip time; `None` when it was resent, since nobody knows which sending it was.
    pub(crate) rtt: Option<Duration>,
    /// Whether it was not part of the window.
    pub(crate) beside: bool,
}

impl Outbound {
    /// The sequence number of the next message.
    pub(crate) fn next(&self) -> i64 {
        self.base + self.entries.len() as i64
    }

    /// Before this one all messages are acknowledged.
    pub(crate) fn first(&self) -> i64 {
        self.base
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MESSAGES_MAX
    }

    /// Whether only few more messages may be in flight.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.entries.len() >= MESSAGES_MAX - MESSAGES_KEPT
    }

    /// Payload bytes that are not acknowledged.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Those that are not part of the window.
    pub(crate) fn beside(&self) -> usize {
        self.beside
    }

    /// Those that are.
    pub(crate) fn in_window(&self) -> usize {
        self.in_flight - self.beside
    }

    /// The latest message is not part of the window.
    pub(crate) fn put_beside(&mut self) {
        if let Some(sent) = self.entries.back_mut().filter(|sent| !sent.beside) {
            sent.beside = true;
            self.beside += sent.payload;
        }
    }

    /// Whether a message that was sent again is not acknowledged.
    pub(crate) fn awaits_repeated(&self) -> bool {
        self.repeated > 0
    }

    /// The oldest message that is not acknowledged, and when it was sent last.
    pub(crate) fn head(&self) -> Option<(i64, Instant)> {
        self.entries.front().map(|sent| (self.base, sent.at))
    }

    /// How long ago the oldest message was sent, if it was sent once.
    pub(crate) fn age_of_head(&self, now: Instant) -> Option<Duration> {
        let head = self.entries.front().filter(|sent| !sent.resent)?;
        Some(now.saturating_duration_since(head.at))
    }

    /// Registers the message with the sequence number [`next`](Self::next), which is about to be
    /// handed out: before that, since the acknowledgement may be quick.
    pub(crate) fn push(&mut self, now: Instant, message: Bytes, payload: usize) {
        self.sendings += 1;
        self.in_flight += payload;
        self.entries.push_back(Sent {
            message: Some(message),
            payload,
            at: now,
            sending: self.sendings,
            resent: false,
            marked: false,
            beside: false,
        });
    }

    /// Removes a message; `None` when it is not there, or not any more.
    pub(crate) fn acknowledge(&mut self, now: Instant, sequence: i64) -> Option<Acknowledged> {
        let index = self.index(sequence)?;
        let sent = self.entries.get_mut(index)?;
        let message = sent.message.take()?;
        if sent.marked {
            sent.marked = false;
            self.marked -= 1;
        }
        self.in_flight -= sent.payload;
        let beside = sent.beside;
        self.beside -= if beside { sent.payload } else { 0 };
        let rtt = (!sent.resent).then(|| now.saturating_duration_since(sent.at));
        let (payload, sending, resent) = (sent.payload, sent.sending, sent.resent);
        if resent {
            self.repeated -= 1;
        } else {
            self.note_arrival(sending);
        }
        while self.entries.front().is_some_and(|sent| sent.message.is_none()) {
            self.entries.pop_front();
            self.base += 1;
        }
        Some(Acknowledged { message, payload, rtt, beside })
    }

    /// Marks what was overtaken by [`OVERTAKEN`] later messages, and returns the first of it.
    pub(crate) fn mark_overtaken(&mut self) -> Option<i64> {
        let overtaken_by = self.arrived[OVERTAKEN - 1];
        let mut first = None;
        for (sequence, sent) in (self.base..).zip(&mut self.entries) {
            if sent.message.is_none() || sent.marked || self.held == Some(sequence) {
                continue;
            }
            if sent.sending < overtaken_by {
                mark(sent, sequence, &mut self.marked, &mut self.first_marked);
                first = first.or(Some(sequence));
            } else if !sent.resent {
                // All later ones were sent later still.
                break;
            }
        }
        first
    }

    /// Marks what was sent `timeout` ago or earlier, the oldest `most` payload bytes of it, and
    /// returns how many messages that are.
    pub(crate) fn mark_overdue(&mut self, now: Instant, timeout: Duration, most: usize) -> usize {
        let mut bytes = 0;
        self.mark_where(|sent| {
            let overdue = now.saturating_duration_since(sent.at) >= timeout && bytes < most;
            bytes += if overdue { sent.payload } else { 0 };
            overdue
        })
    }

    /// Marks all.
    pub(crate) fn mark_all(&mut self) {
        self.mark_where(|_| true);
    }

    /// Marks the oldest message, held or not, unless it is marked.
    pub(crate) fn mark_head(&mut self) -> bool {
        self.mark(self.base)
    }

    /// Marks one message, held or not, unless it is marked.
    pub(crate) fn mark(&mut self, sequence: i64) -> bool {
        let Some(index) = self.index(sequence) else { return false };
        let Some(sent) = self.entries.get_mut(index) else { return false };
        let markable = sent.message.is_some() && !sent.marked;
        if markable {
            mark(sent, sequence, &mut self.marked, &mut self.first_marked);
        }
        markable
    }

    /// Leaves a message to its owner: timeouts and later arrivals do not mark it.
    pub(crate) fn hold(&mut self, sequence: i64) {
        self.held = Some(sequence);
    }

    pub(crate) fn release(&mut self) {
        self.held = None;
    }

    /// Puts other bytes in the place of a message, which keeps its sequence number, and returns
    /// the old ones.
    pub(crate) fn replace(&mut self, sequence: i64, payload: usize, new: Bytes) -> Option<Bytes> {
        let index = self.index(sequence)?;
        let sent = self.entries.get_mut(index)?;
        let message = sent.message.as_mut()?;
        self.in_flight = self.in_flight - sent.payload + payload;
        sent.payload = payload;
        Some(std::mem::replace(message, new))
    }

    /// The next marked message in order.
    pub(crate) fn resend(&mut self, now: Instant) -> Option<(i64, Bytes)> {
        if self.marked == 0 {
            return None;
        }
        let from = self.index(self.first_marked.max(self.base))?;
        let (sequence, sent) = (self.base + from as i64..)
            .zip(self.entries.range_mut(from..))
            .find(|(_, sent)| sent.marked)?;
        sent.marked = false;
        self.marked -= 1;
        self.first_marked = sequence + 1;
        self.sendings += 1;
        sent.sending = self.sendings;
        self.repeated += usize::from(!sent.resent);
        sent.resent = true;
        sent.at = now;
        sent.message.clone().map(|message| (sequence, message))
    }

    fn index(&self, sequence: i64) -> Option<usize> {
        sequence.checked_sub(self.base).and_then(|index| usize::try_from(index).ok())
    }

    fn note_arrival(&mut self, sending: u64) {
        let mut later = sending;
        for latest in &mut self.arrived {
            if later > *latest {
                std::mem::swap(latest, &mut later);
            }
        }
    }

    fn mark_where(&mut self, mut condition: impl FnMut(&Sent) -> bool) -> usize {
        let before = self.marked;
        for (sequence, sent) in (self.base..).zip(&mut self.entries) {
            if sent.message.is_some()
                && !sent.marked
                && self.held != Some(sequence)
                && condition(sent)
            {
                mark(sent, sequence, &mut self.marked, &mut self.first_marked);
            }
        }
        self.marked - before
    }
}

fn mark(sent: &mut Sent, sequence: i64, marked: &mut usize, first: &mut i64) {
    sent.marked = true;
    *first = if *marked == 0 { sequence } else { (*first).min(sequence) };
    *marked += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::origin;

    fn filled(now: Instant, messages: i64) -> Outbound {
        let mut outbound = Outbound::default();
        (0..messages).for_each(|n| outbound.push(now, Bytes::from(vec![n as u8]), 10));
        outbound
    }

    fn resends(outbound: &mut Outbound, now: Instant) -> Vec<i64> {
        std::iter::from_fn(|| outbound.resend(now).map(|(sequence, _)| sequence)).collect()
    }

    #[test]
    fn acknowledgements_in_any_order_empty_it() {
        let now = origin();
        let mut outbound = filled(now, 5);
        for sequence in [3, 0, 4, 1, 2] {
            assert!(outbound.acknowledge(now, sequence).is_some());
            assert!(outbound.acknowledge(now, sequence).is_none(), "again");
        }
        assert!(outbound.is_empty());
        assert_eq!((outbound.in_flight(), outbound.next()), (0, 5));
        for sequence in [-1, 5, i64::MIN, i64::MAX] {
            assert!(outbound.acknowledge(now, sequence).is_none());
        }
    }

    #[test]
    fn three_later_arrivals_mark_all_that_is_before_them() {
        let now = origin();
        let mut outbound = filled(now, 10);
        for sequence in [0, 3, 5] {
            outbound.acknowledge(now, sequence);
            assert_eq!(outbound.mark_overtaken(), None, "after {sequence}");
        }
        outbound.acknowledge(now, 6);
        assert_eq!(outbound.mark_overtaken(), Some(1));
        assert_eq!(resends(&mut outbound, now), [1, 2]);
        outbound.acknowledge(now, 7);
        assert_eq!(outbound.mark_overtaken(), Some(4));
        assert_eq!(resends(&mut outbound, now), [4], "and not again what was just resent");
    }

    #[test]
    fn a_lost_resend_is_found_by_later_messages() {
        let now = origin();
        let mut outbound = filled(now, 4);
        (1..4).for_each(|sequence| drop(outbound.acknowledge(now, sequence)));
        assert_eq!(outbound.mark_overtaken(), Some(0));
        assert_eq!(resends(&mut outbound, now), [0]);
        (0..3).for_each(|_| outbound.push(now, Bytes::new(), 10));
        (4..7).for_each(|sequence| drop(outbound.acknowledge(now, sequence)));
        assert_eq!(outbound.mark_overtaken(), Some(0));
    }

    #[test]
    fn only_what_was_sent_once_is_a_sample() {
        let now = origin();
        let later = now + Duration::from_millis(30);
        let mut outbound = filled(now, 2);
        outbound.mark(0);
        assert_eq!(resends(&mut outbound, now), [0]);
        let rtt = |acknowledged: Option<Acknowledged>| acknowledged.and_then(|it| it.rtt);
        assert_eq!(rtt(outbound.acknowledge(later, 0)), None);
        assert_eq!(rtt(outbound.acknowledge(later, 1)), Some(Duration::from_millis(30)));
    }

    #[test]
    fn what_is_acknowledged_while_marked_is_not_resent() {
        let now = origin();
        let mut outbound = filled(now, 4);
        outbound.mark_all();
        outbound.acknowledge(now, 0);
        outbound.acknowledge(now, 2);
        assert_eq!(resends(&mut outbound, now), [1, 3]);
        let timeout = Duration::from_millis(10);
        outbound.mark_overdue(now + timeout / 2, timeout, usize::MAX);
        assert_eq!(resends(&mut outbound, now), [0; 0], "the resend counts");
    }

    #[test]
    fn what_is_beside_the_window_is_counted_once_until_it_is_acknowledged() {
        let now = origin();
        let mut outbound = filled(now, 2);
        outbound.put_beside();
        outbound.put_beside();
        assert_eq!((outbound.in_flight(), outbound.in_window(), outbound.beside()), (20, 10, 10));
        outbound.mark_all();
        assert_eq!(resends(&mut outbound, now), [0, 1]);
        assert_eq!(outbound.beside(), 10, "a resend is the same message");
        assert!(outbound.acknowledge(now, 1).is_some_and(|it| it.beside));
        assert!(outbound.acknowledge(now, 0).is_some_and(|it| !it.beside));
        assert_eq!((outbound.in_flight(), outbound.beside()), (0, 0));
    }

    #[test]
    fn some_messages_are_kept_for_what_is_small() {
        let outbound = filled(origin(), (MESSAGES_MAX - MESSAGES_KEPT) as i64);
        assert!(outbound.is_nearly_full() && !outbound.is_full());
    }
}
