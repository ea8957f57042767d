use std::time::Instant;

use adit_wire::Header;
use adit_wire::smux::HEADER_LEN;
use bytes::Bytes;

use super::{Phase, Session};
use crate::Mode;
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
        self.away.get_or_insert(now);
        self.timers.stop(Timer::Rto);
        self.timers.stop(Timer::FirstResend);
        self.timers.set(Timer::PauseProbe, now + PAUSE_PROBE);
    }

    /// The agent is there again: the service says so, or something came from it.
    pub(super) fn unpause(&mut self, now: Instant) {
        self.away = None;
        if !std::mem::take(&mut self.paused) {
            return;
        }
        tracing::debug!("publication resumed");
        self.question = false;
        self.timers.stop(Timer::PauseProbe);
        self.resend_all(now);
    }

    /// The pause has lasted for a while: an acknowledgement of the head would end it. Without a
    /// head nothing would, and what is opened or written from now on would wait for ever, so a
    /// NOP becomes the head. A single connection has nothing that is as harmless; there the first
    /// data that finds no way ends the session.
    pub(super) fn doubt_pause(&mut self, now: Instant) {
        let nop = self.mode() == Some(Mode::Mux) && matches!(self.phase, Phase::Ready);
        if self.outbound.is_empty() {
            self.question = nop;
        } else {
            self.outbound.mark_head();
        }
        self.timers.set(Timer::PauseProbe, now + PAUSE_PROBE);
    }

    /// The one new message of a pause.
    pub(super) fn transmit_question(&mut self, now: Instant) -> Option<Bytes> {
        if !std::mem::take(&mut self.question) {
            return None;
        }
        if self.partial.is_some() {
            return self.transmit_piece(now);
        }
        let header = Header { sequence: self.outbound.next(), ..self.envelope.header(now) };
        let nop = self.nops(&header, 1)?;
        Some(self.register(now, nop, HEADER_LEN))
    }
}
