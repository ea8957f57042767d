use std::time::Instant;

use adit_wire::Header;
use adit_wire::smux::HEADER_LEN;
use bytes::Bytes;

use super::{Phase, Session};
use crate::Mode;
use crate::timers::{PAUSE_PROBE, REMINDERS, Timer};

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
        self.question = self.can_ask();
        self.outbound.mark_head();
        self.timers.set(Timer::PauseProbe, now + PAUSE_PROBE);
    }

    /// A new websocket is open. The agent may have been asked for silence while there was none, and
    /// where the word that ends that is lost, it is silent until something comes from us: a NOP, which
    /// is sent until it is acknowledged, where nothing else is. A single connection has only its
    /// acknowledgements to repeat, some times.
    pub(super) fn wake_agent(&mut self, now: Instant) {
        self.question = self.can_ask();
        if matches!(self.phase, Phase::Ready) && self.mode() == Some(Mode::Single) {
            self.reminders = REMINDERS;
            self.timers.set(Timer::Reminder, now + PAUSE_PROBE);
        }
    }

    /// Repeats the last acknowledgement.
    pub(super) fn remind(&mut self, now: Instant) {
        self.acks.repeat_last();
        self.reminders = self.reminders.saturating_sub(1);
        if self.reminders > 0 {
            self.timers.set(Timer::Reminder, now + PAUSE_PROBE);
        }
    }

    /// Whether a NOP can be sent, and nothing else tells as much by its acknowledgement.
    fn can_ask(&self) -> bool {
        let ready = matches!(self.phase, Phase::Ready);
        ready && self.mode() == Some(Mode::Mux) && self.outbound.is_empty()
    }

    /// A new message that asks for nothing but its acknowledgement, and may be sent in a pause.
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
