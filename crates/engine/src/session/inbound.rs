use std::collections::BTreeMap;

use adit_wire::PayloadType;
use bytes::Bytes;

/// Memory beyond its payload that a stored message costs.
const ENTRY_COST: usize = 256;

/// Brings received data messages into order.
#[derive(Debug)]
pub(crate) struct Inbound {
    expected: i64,
    /// Messages that came before one that is missing. Hardly ever used, as a websocket keeps
    /// order; only loss around a cut leaves gaps.
    stored: BTreeMap<i64, Payload>,
    stored_bytes: usize,
    budget: usize,
}

/// What a data message carries.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) kind: PayloadType,
    pub(crate) bytes: Bytes,
}

/// Where a received message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// It is the next one.
    Next,
    /// It came before: acknowledge it again, since the first acknowledgement may be lost.
    Duplicate,
    /// It was stored until its turn: acknowledge it.
    Stored,
    /// There is no room: it must not be acknowledged.
    NoRoom,
}

impl Inbound {
    pub(crate) fn new(budget: usize) -> Self {
        Self { expected: 0, stored: BTreeMap::new(), stored_bytes: 0, budget }
    }

    /// Finds a message's place and stores it if it came too early.
    pub(crate) fn place(&mut self, sequence: i64, payload: &Payload) -> Place {
        if sequence == self.expected {
            return Place::Next;
        }
        if sequence < self.expected || self.stored.contains_key(&sequence) {
            return Place::Duplicate;
        }
        let cost = payload.bytes.len() + ENTRY_COST;
        if self.stored_bytes + cost > self.budget {
            return Place::NoRoom;
        }
        self.stored_bytes += cost;
        self.stored.insert(sequence, payload.clone());
        Place::Stored
    }

    /// Counts the message that was next, and returns the one behind it if it is there.
    pub(crate) fn advance(&mut self) -> Option<Payload> {
        self.expected = self.expected.saturating_add(1);
        let payload = self.stored.remove(&self.expected)?;
        self.stored_bytes -= payload.bytes.len() + ENTRY_COST;
        Some(payload)
    }

    /// Whether a message is missing before one that came.
    pub(crate) fn has_gap(&self) -> bool {
        !self.stored.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(len: usize) -> Payload {
        Payload { kind: PayloadType::Output, bytes: Bytes::from(vec![0; len]) }
    }

    #[test]
    fn order_is_restored() {
        let mut inbound = Inbound::new(1 << 20);
        assert_eq!(inbound.place(2, &payload(2)), Place::Stored);
        assert_eq!(inbound.place(1, &payload(1)), Place::Stored);
        assert_eq!(inbound.place(2, &payload(2)), Place::Duplicate);
        assert_eq!(inbound.place(-1, &payload(9)), Place::Duplicate);
        assert_eq!(inbound.place(0, &payload(0)), Place::Next);
        let drained: Vec<_> =
            std::iter::from_fn(|| inbound.advance().map(|it| it.bytes.len())).collect();
        assert_eq!(drained, [1, 2]);
        assert_eq!(inbound.place(3, &payload(3)), Place::Next);
        assert!(!inbound.has_gap());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_next_is_not() {
        let mut inbound = Inbound::new(2 * (100 + ENTRY_COST));
        assert_eq!(inbound.place(5, &payload(100)), Place::Stored);
        assert_eq!(inbound.place(6, &payload(100)), Place::Stored);
        assert_eq!(inbound.place(7, &payload(0)), Place::NoRoom);
        assert_eq!(inbound.place(i64::MAX, &payload(0)), Place::NoRoom);
        assert_eq!(inbound.place(0, &payload(100_000)), Place::Next);
    }
}
