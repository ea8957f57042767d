use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Messages that are sent and not yet acknowledged, oldest first, with the official agent's
/// bookkeeping (`datachannel.go`).
#[derive(Debug)]
pub(super) struct Outgoing {
    messages: VecDeque<Stored>,
    capacity: usize,
    timeout: ResendTimeout,
}

#[derive(Debug)]
struct Stored {
    sequence: i64,
    message: Bytes,
    last_sent: Instant,
}

impl Outgoing {
    pub(super) fn new(capacity: usize) -> Self {
        Self { messages: VecDeque::new(), capacity, timeout: ResendTimeout::default() }
    }

    /// Keeps a message; beyond the capacity it is forgotten, so can never be sent again.
    pub(super) fn store(&mut self, now: Instant, sequence: i64, message: Bytes) {
        if self.messages.len() < self.capacity {
            self.messages.push_back(Stored { sequence, message, last_sent: now });
        }
    }

    /// Removes a message wherever it stands. Unknown numbers mean nothing.
    pub(super) fn acknowledge(&mut self, now: Instant, sequence: i64) {
        let Ok(at) = self.messages.binary_search_by_key(&sequence, |stored| stored.sequence) else {
            return;
        };
        if let Some(stored) = self.messages.remove(at) {
            self.timeout.sample(now.saturating_duration_since(stored.last_sent));
        }
    }

    /// What to send again at a tick: the oldest message if it is overdue, or all overdue ones.
    pub(super) fn overdue(&mut self, now: Instant, only_the_oldest: bool) -> Vec<Bytes> {
        let looked_at = if only_the_oldest { 1 } else { self.messages.len() };
        let limit = self.timeout.current;
        self.messages
            .iter_mut()
            .take(looked_at)
            .filter(|stored| now.saturating_duration_since(stored.last_sent) > limit)
            .map(|stored| {
                // The official agent restarts the clock here, and takes no note that the next
                // sample may belong to the earlier transmission.
                stored.last_sent = now;
                stored.message.clone()
            })
            .collect()
    }

    /// All messages, to be sent again.
    pub(super) fn all(&mut self, now: Instant) -> Vec<Bytes> {
        self.messages
            .iter_mut()
            .map(|stored| {
                stored.last_sent = now;
                stored.message.clone()
            })
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

/// When a message counts as overdue (`datachannel.go` `calculateRetransmissionTimeout`,
/// constants from `session/config/config.go`).
#[derive(Debug)]
struct ResendTimeout {
    round_trip: f64,
    variation: f64,
    current: Duration,
}

impl Default for ResendTimeout {
    fn default() -> Self {
        Self { round_trip: 0.1, variation: 0.0, current: Duration::from_millis(200) }
    }
}

impl ResendTimeout {
    const GRANULARITY_S: f64 = 0.01;
    const MAX_S: f64 = 1.0;

    /// Takes the time between the last transmission of a message and its acknowledgement.
    fn sample(&mut self, sample: Duration) {
        let sample = sample.as_secs_f64();
        self.variation = 0.75 * self.variation + 0.25 * (self.round_trip - sample).abs();
        self.round_trip = 0.875 * self.round_trip + 0.125 * sample;
        let timeout = self.round_trip + Self::GRANULARITY_S.max(4.0 * self.variation);
        self.current = Duration::from_secs_f64(timeout.min(Self::MAX_S));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn only_the_oldest_message_is_sent_again_and_its_clock_restarts() {
        let start = Instant::now();
        let mut outgoing = Outgoing::new(10);
        outgoing.store(start, 0, message("a"));
        outgoing.store(start, 1, message("b"));
        assert!(outgoing.overdue(after(start, 200), true).is_empty(), "not later than 200 ms");
        assert_eq!(outgoing.overdue(after(start, 201), true), [message("a")]);
        assert!(outgoing.overdue(after(start, 301), true).is_empty());
        outgoing.acknowledge(after(start, 301), 0);
        assert_eq!(outgoing.overdue(after(start, 401), true), [message("b")]);
    }

    #[test]
    fn all_overdue_messages_are_sent_again_without_the_defect() {
        let start = Instant::now();
        let mut outgoing = Outgoing::new(10);
        outgoing.store(start, 0, message("a"));
        outgoing.store(after(start, 100), 1, message("b"));
        outgoing.store(start, 2, message("c"));
        assert_eq!(outgoing.overdue(after(start, 201), false), [message("a"), message("c")]);
    }

    #[test]
    fn what_exceeds_the_capacity_is_forgotten() {
        let start = Instant::now();
        let mut outgoing = Outgoing::new(1);
        outgoing.store(start, 0, message("a"));
        outgoing.store(start, 1, message("b"));
        outgoing.acknowledge(start, 0);
        assert!(outgoing.is_empty());
    }

    #[test]
    fn an_acknowledgement_removes_from_the_middle_and_unknown_ones_do_nothing() {
        let start = Instant::now();
        let mut outgoing = Outgoing::new(10);
        for sequence in 0..3 {
            outgoing.store(start, sequence, message("x"));
        }
        outgoing.acknowledge(start, 1);
        outgoing.acknowledge(start, 1);
        outgoing.acknowledge(start, 7);
        let left: Vec<_> = outgoing.messages.iter().map(|stored| stored.sequence).collect();
        assert_eq!(left, [0, 2]);
    }

    #[test]
    fn the_timeout_follows_the_official_formula() {
        // variation = 3/4 v + 1/4 |rtt - s|, rtt = 7/8 rtt + 1/8 s, rtt + max(10 ms, 4 v), ≤ 1 s
        let mut timeout = ResendTimeout::default();
        timeout.sample(Duration::from_millis(20));
        assert_eq!(timeout.current.as_millis(), 90 + 80);
        timeout.sample(Duration::from_millis(20));
        // v = 15 + 17.5 = 32.5, rtt = 81.25
        assert_eq!(timeout.current.as_micros(), 81_250 + 130_000);
        for _ in 0..100 {
            timeout.sample(Duration::from_millis(20));
        }
        assert_eq!(timeout.current.as_millis(), 30, "floor is the round trip and 10 ms");
        timeout.sample(Duration::from_secs(30));
        assert_eq!(timeout.current, Duration::from_secs(1));
    }
}
