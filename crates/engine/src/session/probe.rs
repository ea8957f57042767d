//! Finding out how large a message may be.
//!
//! Whether the service takes more than the 1 KiB of the official ends is not known beforehand,
//! and user bytes must not find out: they could not be cut anew under a sequence number that is
//! used. So the first long upload sends NOP frames of the size in question, with nothing behind
//! them. If they are not acknowledged, one NOP takes their place and means the same.

use std::time::Instant;

use adit_wire::Header;
use adit_wire::smux::{Frame, HEADER_LEN};
use bytes::Bytes;

use super::Session;
use crate::pool::LARGE_PAYLOAD;
use crate::timers::{PROBE_MIN, RTO_MAX, Timer};

/// The sizes that are tried, one after the other.
const SIZES: [usize; 2] = [LARGE_PAYLOAD / 2, LARGE_PAYLOAD];

/// The length of an upload that makes larger messages worth trying.
const WORTHWHILE: u64 = 64 << 10;

/// How far the probe is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Probe {
    /// No upload was long enough.
    #[default]
    Idle,
    /// The size with this index is to be tried.
    Due(usize),
    /// The size with this index is being tried.
    Sent {
        /// The index.
        size: usize,
        /// The message.
        sequence: i64,
    },
    /// All is known.
    Done,
}

impl Probe {
    /// Begins when a stream has written enough.
    pub(crate) fn consider(&mut self, written: u64) {
        if *self == Self::Idle && written > WORTHWHILE {
            *self = Self::Due(0);
        }
    }

    /// Whether it is to be sent next.
    pub(crate) fn is_due(&self) -> bool {
        matches!(self, Self::Due(_))
    }

    /// Whether nothing may be sent behind it.
    pub(crate) fn is_in_flight(&self) -> bool {
        matches!(self, Self::Sent { .. })
    }
}

impl Session {
    /// The probe's message, if one is due and there is room for it.
    pub(super) fn transmit_probe(&mut self, now: Instant) -> Option<Bytes> {
        let Probe::Due(size) = self.probe else { return None };
        let payload = SIZES[size];
        if !self.has_window(payload) {
            return None;
        }
        let sequence = self.outbound.next();
        let header = Header { sequence, ..self.envelope.header(now) };
        let message = self.nops(&header, payload / HEADER_LEN)?;
        self.probe = Probe::Sent { size, sequence };
        self.outbound.hold(sequence);
        // What was under way during a stall makes for long round trips; nobody waits so long for this.
        let wait = PROBE_MIN.max(self.rtt.estimate() * 3).min(RTO_MAX);
        self.timers.set(Timer::Probe, now + wait);
        Some(self.register(now, message, payload))
    }

    /// The probe arrived: user data may be as large.
    pub(super) fn probe_acknowledged(&mut self, size: usize) {
        self.payload_size = SIZES[size];
        self.probe = if size + 1 < SIZES.len() { Probe::Due(size + 1) } else { Probe::Done };
        self.outbound.release();
        self.timers.stop(Timer::Probe);
        tracing::debug!(payload_size = self.payload_size, "larger messages are accepted");
    }

    /// The probe did not arrive, or cannot: one NOP takes its place.
    pub(super) fn fail_probe(&mut self, now: Instant) {
        let Probe::Sent { sequence, .. } = self.probe else { return };
        self.probe = Probe::Done;
        self.timers.stop(Timer::Probe);
        self.outbound.release();
        let header = Header { sequence, ..self.envelope.header(now) };
        if let Some(nop) = self.nops(&header, 1)
            && let Some(old) = self.outbound.replace(sequence, HEADER_LEN, nop)
        {
            self.pool.reclaim(old);
        }
        self.outbound.mark(sequence);
        self.arm_rto();
        tracing::debug!(payload_size = self.payload_size, "no larger messages");
    }

    /// A message of NOP frames.
    pub(super) fn nops(&mut self, header: &Header, frames: usize) -> Option<Bytes> {
        let mut chunk = self.empty_message(frames * HEADER_LEN);
        (0..frames).for_each(|_| chunk.extend_from_slice(&Frame::Nop.encode()));
        self.seal(chunk, header)
    }
}
