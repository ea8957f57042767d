use std::time::Instant;

use adit_wire::smux::Frame;

use super::{Phase, Repair, Session};
use crate::timers::{DOUBT_MIN, KEEPALIVE, Timer};
use crate::{CloseReason, Handling};

/// Payload bytes that the first resend timeout sends again: as many as a first window.
const REPAIR_FIRST: usize = 64 << 10;

impl Session {
    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.timers.expire(Timer::Handshake, now) {
            return self.close(CloseReason::HandshakeTimeout);
        }
        if self.timers.expire(Timer::Silence, now) {
            self.line_silent();
        }
        if self.timers.expire(Timer::Settle, now) {
            self.settled(now);
        }
        if self.timers.expire(Timer::FirstResend, now) {
            self.resend_first(now);
        }
        if self.timers.expire(Timer::Probe, now) {
            self.fail_probe(now);
        }
        if self.timers.expire(Timer::Rto, now) && !self.lacks(Handling::Resend) {
            self.resend_overdue(now);
        }
        if self.timers.expire(Timer::PauseProbe, now) && !self.lacks(Handling::Pause) {
            self.doubt_pause(now);
        }
        if self.timers.expire(Timer::Reminder, now) {
            self.remind(now);
        }
        if self.timers.expire(Timer::Keepalive, now) {
            self.keep_alive(now);
        }
        if self.timers.expire(Timer::InUse, now) {
            self.show_use(now);
        }
        if self.timers.expire(Timer::Refusal, now) {
            self.refusals_untold();
        }
        if self.timers.expire(Timer::Quiet, now) {
            self.quiet(now);
        }
        self.expire_lingers(now);
    }

    /// Sets the resend timer: a timeout after the oldest message was sent, or after the one before it
    /// was acknowledged, since an agent that works through a full window is not silent. A later one
    /// that is acknowledged gives no more time: it shows that the oldest is missing.
    pub(super) fn arm_rto(&mut self) {
        match self.outbound.head() {
            Some((_, sent)) if self.link_is_up() && !self.paused && !self.is_closed() => {
                let since = self.advanced.map_or(sent, |advanced| advanced.max(sent));
                self.timers.set(Timer::Rto, since + self.rtt.rto());
            }
            Some(_) | None => self.timers.stop(Timer::Rto),
        }
    }

    /// Nothing was acknowledged for a whole timeout.
    ///
    /// Of what is overdue the oldest is sent again at once, and not all of it: a websocket loses
    /// nothing while it is there, so more often than not the destination has stopped reading, and
    /// then a window full of repetitions, up to 4 MiB, would be for nothing, once per timeout.
    /// When not even that is answered, it is the head only, which is enough to learn of the end of
    /// the silence. When it is answered, and nothing else follows, the rest is lost too, and all that
    /// is overdue is sent again at once.
    fn resend_overdue(&mut self, now: Instant) {
        let marked = match self.repair {
            Repair::No => self.outbound.mark_overdue(now, self.rtt.base_rto(), REPAIR_FIRST),
            Repair::Silence => usize::from(self.outbound.mark_head()),
            Repair::Doubt => self.outbound.mark_overdue(now, self.rtt.base_rto(), usize::MAX),
        };
        if marked > 0 {
            tracing::debug!(marked, rto = ?self.rtt.rto(), "resend timeout");
            self.counters.timeouts += 1;
            self.rtt.double();
            self.window.stalled();
            self.repair = Repair::Silence;
        }
        if !self.outbound.is_empty() {
            self.timers.set(Timer::Rto, now + self.rtt.rto());
        }
    }

    /// A message was acknowledged: `first` if it had been sent once, `oldest` if none before it waits.
    pub(super) fn note_progress(&mut self, now: Instant, first: bool, oldest: bool) {
        self.progress = Some(now);
        if oldest {
            self.advanced = Some(now);
        }
        self.repair = match self.repair {
            Repair::Silence | Repair::Doubt if !first => Repair::Doubt,
            Repair::No | Repair::Silence | Repair::Doubt => Repair::No,
        };
        self.arm_rto();
        if self.repair == Repair::Doubt && !self.outbound.is_empty() {
            // The agent answers, so the doubling has no reason. When it has all that was repeated, it
            // also had the first sendings that stood between those and the repetitions, as far as they
            // arrived: their acknowledgements come now or never.
            let wait = if self.outbound.awaits_repeated() {
                self.rtt.base_rto()
            } else {
                DOUBT_MIN.max(self.rtt.estimate() / 2)
            };
            self.timers.set(Timer::Rto, now + wait);
        }
    }

    fn keep_alive(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Ready) && self.control.is_empty() {
            self.control.push_back(Frame::Nop);
        }
        self.timers.set(Timer::Keepalive, now + KEEPALIVE);
    }

    /// Shows a sign of life, if somebody has a stream open.
    fn show_use(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Ready) && self.streams.len() > 0 && self.control.is_empty() {
            self.control.push_back(Frame::Nop);
        }
        if let Some(every) = self.config.keep_alive {
            self.timers.set(Timer::InUse, now + every);
        }
    }
}
