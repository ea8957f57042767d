//! The first message after the handshake.
//!
//! The agent says that the handshake is complete before its port handler stands. What comes too
//! early is rejected without an acknowledgement, and a little earlier still it is acknowledged
//! and dropped. So the first message waits a moment, is sent again quickly, and is alone in
//! flight until it is acknowledged. Multiplexed sessions send a NOP for it, so that no user byte
//! is at stake; the others have nothing but user data.

use std::time::{Duration, Instant};

use super::{Phase, Session};
use crate::timers::{FIRST_RESEND_MIN, SETTLE, SETTLE_DATA, Timer};
use crate::{Handling, Mode};

/// How far the first message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum First {
    /// It may not be sent yet.
    NotYet,
    /// It is to be sent.
    Due,
    /// It is this message.
    Sent(i64),
    Acknowledged,
}

impl Session {
    /// The agent says that the handshake is complete.
    pub(super) fn settle(&mut self, now: Instant) {
        self.phase = Phase::Settling;
        if self.lacks(Handling::First) {
            self.first = First::Acknowledged;
            return self.become_ready(now);
        }
        let wait = match self.mode() {
            Some(Mode::Mux) => SETTLE,
            // The agent acknowledges our answer only after this message, which came as quickly.
            Some(Mode::Single) | None => SETTLE_DATA
                .max(self.outbound.age_of_head(now).unwrap_or_else(|| self.rtt.estimate())),
        };
        self.timers.set(Timer::Settle, now + wait);
    }

    /// The agent has had its time.
    pub(super) fn settled(&mut self, now: Instant) {
        self.first = First::Due;
        if self.mode() == Some(Mode::Single) {
            self.become_ready(now);
        }
    }

    /// The next message is the first.
    pub(super) fn note_first(&mut self, now: Instant, sequence: i64) {
        if self.first == First::Due {
            self.first = First::Sent(sequence);
            self.outbound.hold(sequence);
            self.timers.set(Timer::FirstResend, now + self.first_interval());
        }
    }

    pub(super) fn first_interval(&self) -> Duration {
        FIRST_RESEND_MIN.max(self.rtt.estimate() * 3 / 2)
    }

    /// Sends the first message again, if it is not acknowledged.
    pub(super) fn resend_first(&mut self, now: Instant) {
        if let First::Sent(sequence) = self.first
            && self.link_is_up()
            && !self.paused
        {
            self.outbound.mark(sequence);
            self.timers.set(Timer::FirstResend, now + self.first_interval());
        }
    }

    pub(super) fn first_acknowledged(&mut self, now: Instant) {
        self.first = First::Acknowledged;
        self.outbound.release();
        self.timers.stop(Timer::FirstResend);
        if matches!(self.phase, Phase::Settling) {
            self.become_ready(now);
        }
    }
}
