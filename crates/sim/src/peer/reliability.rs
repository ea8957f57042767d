//! The sequence numbers of the official agent: one acknowledgement per message, and only the
//! oldest message is ever sent again (`docs/protocol.md`, the reliability rules).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use adit_wire::Message;
use bytes::Bytes;

/// The agent looks at its oldest message so often.
const SCAN: Duration = Duration::from_millis(100);
const RTO_FIRST: Duration = Duration::from_millis(200);
const RTO_MAX: Duration = Duration::from_secs(1);
const RTT_FIRST: Duration = Duration::from_millis(100);
const CLOCK_GRANULARITY: Duration = Duration::from_millis(10);
/// Beyond so many, messages are sent and not kept.
const OUTGOING_MAX: usize = 100_000;
/// Beyond so many, messages that came early are dropped.
const INCOMING_MAX: usize = 100_000;

/// What the agent sent and received.
#[derive(Debug)]
pub(super) struct Reliability {
    next: i64,
    unacknowledged: VecDeque<Unacknowledged>,
    rtt: Duration,
    variation: Duration,
    rto: Duration,
    expected: i64,
    early: BTreeMap<i64, Message>,
}

#[derive(Debug)]
struct Unacknowledged {
    sequence: i64,
    message: Bytes,
    sent: Duration,
}

/// Where a message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Next,
    /// Acknowledged again.
    Old,
    /// Kept and acknowledged.
    Early,
    /// Neither.
    Full,
}

impl Default for Reliability {
    fn default() -> Self {
        Self {
            next: 0,
            unacknowledged: VecDeque::new(),
            rtt: RTT_FIRST,
            variation: Duration::ZERO,
            rto: RTO_FIRST,
            expected: 0,
            early: BTreeMap::new(),
        }
    }
}

impl Reliability {
    /// The sequence number of the next message.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// A message was written, or would have been, had the agent not been asked for silence.
    pub(super) fn sent(&mut self, now: Duration, message: Bytes) {
        if self.unacknowledged.len() < OUTGOING_MAX {
            let sequence = self.next;
            self.unacknowledged.push_back(Unacknowledged { sequence, message, sent: now });
        }
        self.next += 1;
    }

    pub(super) fn timeout(&self) -> Duration {
        self.rto
    }

    /// Messages that wait for an acknowledgement.
    pub(super) fn waiting(&self) -> usize {
        self.unacknowledged.len()
    }

    /// When the head is looked at next.
    pub(super) fn next_scan(&self, now: Duration) -> Option<Duration> {
        (!self.unacknowledged.is_empty()).then(|| {
            let ticks = now.as_nanos() / SCAN.as_nanos() + 1;
            SCAN * u32::try_from(ticks).unwrap_or(u32::MAX)
        })
    }

    /// Looks at the head: it is sent again when it is older than the timeout.
    pub(super) fn scan(&mut self, now: Duration) -> Option<Bytes> {
        let head = self.unacknowledged.front_mut()?;
        if now.saturating_sub(head.sent) <= self.rto {
            return None;
        }
        head.sent = now;
        Some(head.message.clone())
    }

    /// An acknowledgement came: true when it was awaited.
    pub(super) fn acknowledged(&mut self, now: Duration, sequence: i64) -> bool {
        let Some(at) = self.unacknowledged.iter().position(|it| it.sequence == sequence) else {
            return false;
        };
        if let Some(entry) = self.unacknowledged.remove(at) {
            // In this order, and resent messages count too.
            let sample = now.saturating_sub(entry.sent);
            self.variation = (self.variation * 3 + self.rtt.abs_diff(sample)) / 4;
            self.rtt = (self.rtt * 7 + sample) / 8;
            self.rto = (self.rtt + CLOCK_GRANULARITY.max(self.variation * 4)).min(RTO_MAX);
        }
        true
    }

    /// Finds a message's place, and keeps it when it came early.
    pub(super) fn place(&mut self, sequence: i64, message: &Message) -> Place {
        if sequence == self.expected {
            Place::Next
        } else if sequence < self.expected {
            Place::Old
        } else if self.early.len() >= INCOMING_MAX {
            Place::Full
        } else {
            self.early.insert(sequence, message.clone());
            Place::Early
        }
    }

    /// The message that was next was taken.
    pub(super) fn advance(&mut self) {
        self.expected += 1;
    }

    /// The next message, if it came early. It stays there until [`advance`](Self::advance) is
    /// called: what the handler refuses is stuck.
    pub(super) fn early(&self) -> Option<&Message> {
        self.early.get(&self.expected)
    }

    /// Forgets the early message that was taken.
    pub(super) fn forget_early(&mut self) {
        self.early.remove(&self.expected);
    }
}
