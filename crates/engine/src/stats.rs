use std::time::{Duration, Instant};

use crate::Loss;

/// A snapshot of a session's counters. All count from the session's start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Data messages handed out for the first time.
    pub messages_out: u64,
    /// Data messages delivered in order.
    pub messages_in: u64,
    /// Bytes of user data handed out for the first time.
    pub bytes_out: u64,
    /// Bytes of user data delivered to streams.
    pub bytes_in: u64,
    /// When a byte of user data moved last, in either direction: written or read by the local side,
    /// handed out for the first time, or delivered to a stream. `None` before the first.
    pub last_payload: Option<Instant>,
    /// Data messages handed out again.
    pub resends: u64,
    /// Acknowledgements handed out.
    pub acks_out: u64,
    /// Acknowledgements received.
    pub acks_in: u64,
    /// Data messages that came again, and were acknowledged again.
    pub duplicates: u64,
    /// Data messages that came before one that was missing.
    pub reordered: u64,
    /// Messages dropped because their digest is wrong. Anything but zero is alarming: the peer
    /// sends the same bytes again.
    pub digest_failures: u64,
    /// Messages dropped because they are none, or say nothing that is known.
    pub malformed: u64,
    /// Data messages neither kept nor acknowledged for lack of room.
    pub dropped_for_room: u64,
    /// Dials that the agent reported as failed.
    pub refused: u64,
    /// Times that the resend timer fired.
    pub timeouts: u64,
    /// Websockets lost.
    pub transports_lost: u64,
    /// Why the last one was lost.
    pub last_loss: Option<Loss>,
    /// Smoothed time from handing a message out to its acknowledgement.
    pub rtt: Option<Duration>,
    /// The shortest such time lately.
    pub rtt_min: Option<Duration>,
    /// The resend timeout.
    pub rto: Duration,
    /// The window in payload bytes.
    pub window: usize,
    /// Payload bytes that are not acknowledged.
    pub in_flight: usize,
    /// Payload bytes per message.
    pub payload_size: usize,
    /// Bytes waiting to be sent for the first time.
    pub waiting: usize,
    /// Bytes received and not read.
    pub unread: usize,
    /// Whether the service asked for silence.
    pub paused: bool,
    /// Open streams.
    pub streams: usize,
    /// Streams opened.
    pub streams_opened: u64,
}

impl Stats {
    /// These, with what an earlier session of the same tunnel has counted.
    #[must_use]
    pub fn after(self, past: &Self) -> Self {
        Self {
            messages_out: self.messages_out + past.messages_out,
            messages_in: self.messages_in + past.messages_in,
            bytes_out: self.bytes_out + past.bytes_out,
            bytes_in: self.bytes_in + past.bytes_in,
            last_payload: self.last_payload.max(past.last_payload),
            resends: self.resends + past.resends,
            acks_out: self.acks_out + past.acks_out,
            acks_in: self.acks_in + past.acks_in,
            duplicates: self.duplicates + past.duplicates,
            reordered: self.reordered + past.reordered,
            digest_failures: self.digest_failures + past.digest_failures,
            malformed: self.malformed + past.malformed,
            dropped_for_room: self.dropped_for_room + past.dropped_for_room,
            refused: self.refused + past.refused,
            timeouts: self.timeouts + past.timeouts,
            transports_lost: self.transports_lost + past.transports_lost,
            last_loss: self.last_loss.or(past.last_loss),
            streams_opened: self.streams_opened + past.streams_opened,
            ..self
        }
    }

    /// These and those of another session at the same time: what is counted is added up, and so are
    /// bytes and streams; times are those of this one.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self {
            window: self.window + other.window,
            in_flight: self.in_flight + other.in_flight,
            waiting: self.waiting + other.waiting,
            unread: self.unread + other.unread,
            streams: self.streams + other.streams,
            ..self.after(&other)
        }
    }
}
