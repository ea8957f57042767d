use std::time::Instant;

use super::Session;
use crate::timers::{PAUSE_PROBE, Timer};

impl Session {
    /// The service asks for silence: the agent is away. Nothing new is sent, and nothing old but
    /// the head now and then, since the word that ends the pause may be lost.
    pub(super) fn pause(&mut self, now: Instant) {
        if self.paused || !self.link_is_up() {
            return;
        }
        tracing::debug!("publication paused");
        self.fail_probe(now);
        self.paused = true;
        self.timers.stop(Timer::Rto);
        self.timers.stop(Timer::FirstResend);
        self.timers.set(Timer::PauseProbe, now + PAUSE_PROBE);
    }

    /// The agent is there again: the service says so, or something came from it.
    pub(super) fn unpause(&mut self, now: Instant) {
        if !std::mem::take(&mut self.paused) {
            return;
        }
        tracing::debug!("publication resumed");
        self.timers.stop(Timer::PauseProbe);
        self.resend_all(now);
    }
}
