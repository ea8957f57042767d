use std::time::Instant;

use adit_wire::smux::Frame;

use super::{Phase, Session};
use crate::CloseReason;
use crate::timers::{KEEPALIVE, PAUSE_PROBE, Timer};

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
        if self.timers.expire(Timer::Rto, now) {
            self.resend_overdue(now);
        }
        if self.timers.expire(Timer::PauseProbe, now) {
            self.outbound.mark_head();
            self.timers.set(Timer::PauseProbe, now + PAUSE_PROBE);
        }
        if self.timers.expire(Timer::Keepalive, now) {
            self.keep_alive(now);
        }
        if self.timers.expire(Timer::Refusal, now) {
            self.refusals_untold();
        }
        if self.timers.expire(Timer::Quiet, now) {
            self.quiet(now);
        }
        self.expire_lingers(now);
    }

    /// Sets the resend timer: a timeout after the oldest message was sent, or after the last
    /// progress, since an agent that works through a full window is not silent.
    pub(super) fn arm_rto(&mut self) {
        match self.outbound.head() {
            Some((_, sent)) if self.link_is_up() && !self.paused && !self.is_closed() => {
                let since = self.progress.map_or(sent, |progress| progress.max(sent));
                self.timers.set(Timer::Rto, since + self.rtt.rto());
            }
            Some(_) | None => self.timers.stop(Timer::Rto),
        }
    }

    /// Nothing was acknowledged for a whole timeout. All that is overdue is sent again at once;
    /// when not even that was answered, only the head, since an agent that does not read must
    /// not find a window full of repetitions when it does.
    fn resend_overdue(&mut self, now: Instant) {
        let marked = if self.silent {
            usize::from(self.outbound.mark_head())
        } else {
            self.outbound.mark_overdue(now, self.rtt.base_rto())
        };
        if marked > 0 {
            tracing::debug!(marked, rto = ?self.rtt.rto(), "resend timeout");
            self.counters.timeouts += 1;
            self.rtt.double();
            self.window.stalled();
            self.silent = true;
        }
        if !self.outbound.is_empty() {
            self.timers.set(Timer::Rto, now + self.rtt.rto());
        }
    }

    fn keep_alive(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Ready) && self.control.is_empty() {
            self.control.push_back(Frame::Nop);
        }
        self.timers.set(Timer::Keepalive, now + KEEPALIVE);
    }
}
