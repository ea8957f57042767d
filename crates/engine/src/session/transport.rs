use std::time::Instant;

use super::line::Line;
use super::{Phase, Repair, Session};
use crate::Loss;
use crate::timers::{HANDSHAKE_TIMEOUT, MOVE_MEMORY, SILENCE, Timer};

/// The websocket, as far as the session knows.
#[derive(Default, Debug)]
pub(crate) enum Link {
    /// There was none yet.
    #[default]
    Never,
    Up {
        /// When a websocket took over from a lost one.
        resumed: Option<Instant>,
    },
    Down,
}

impl Session {
    /// A websocket is open, and the text that opens the data channel was sent on it.
    pub fn transport_up(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        let resumed = match self.link {
            Link::Never => None,
            Link::Up { .. } | Link::Down => Some(now),
        };
        self.link = Link::Up { resumed };
        self.moved = Some(now);
        self.unheard = resumed;
        // What the old websocket had under way may take as long as a first word.
        self.deaf_until = Some(now);
        if !matches!(self.phase, Phase::Ready) {
            self.timers.set(Timer::Handshake, now + HANDSHAKE_TIMEOUT);
        }
        self.acks.repeat_recent();
        self.window.new_path();
        self.resend_all(now);
        if resumed.is_some() {
            self.wake_agent(now);
        }
        if self.line.awaits_answer() {
            self.timers.set(Timer::Silence, now + SILENCE);
        }
        self.restart_quiet(now);
    }

    /// Another websocket takes over from one that still works: what comes on that one yet is to be
    /// received as before. Cheaper than [`transport_down`](Self::transport_down) and
    /// [`transport_up`](Self::transport_up): what is under way is not taken for lost.
    pub fn transport_moved(&mut self, now: Instant) {
        if !self.link_is_up() || matches!(self.phase, Phase::Closed) {
            return self.transport_up(now);
        }
        self.link = Link::Up { resumed: Some(now) };
        self.moved = Some(now);
        self.deaf_until = Some(now);
        // Its successor is asked again by the service if need be.
        self.paused = false;
        self.timers.stop(Timer::PauseProbe);
        self.wake_agent(now);
        // What was on its way may have come too late for the one before.
        if let Some(since) = now.checked_sub(MOVE_MEMORY) {
            self.acks.repeat_since(since);
        }
        self.window.new_path();
        self.arm_rto();
        // One message of a connection that has ended may be late on the one before.
        self.note_loss_on_line();
        self.restart_quiet(now);
    }

    fn note_loss_on_line(&mut self) {
        if let Line::Quiet { lossy } | Line::Disconnecting { lossy, .. } = &mut self.line {
            *lossy = true;
        }
    }

    /// The websocket is gone. Nothing is lost by it, and [`poll_transmit`](Self::poll_transmit)
    /// yields nothing until the next [`transport_up`](Self::transport_up).
    pub fn transport_down(&mut self, now: Instant, loss: Loss) {
        if !self.link_is_up() || matches!(self.phase, Phase::Closed) {
            return;
        }
        tracing::debug!(?loss, "websocket lost");
        self.link = Link::Down;
        self.unheard = None;
        self.counters.transports_lost += 1;
        self.counters.last_loss = Some(loss);
        self.fail_probe(now);
        // Its successor is asked again by the service if need be.
        self.paused = false;
        self.question = false;
        for timer in [
            Timer::Handshake,
            Timer::FirstResend,
            Timer::Rto,
            Timer::PauseProbe,
            Timer::Reminder,
            Timer::Silence,
            Timer::Quiet,
        ] {
            self.timers.stop(timer);
        }
        self.note_loss_on_line();
    }

    pub(super) fn link_is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// Sends all again that is not acknowledged, in order and at once.
    pub(super) fn resend_all(&mut self, now: Instant) {
        self.outbound.mark_all();
        self.resend_first(now);
        self.progress = Some(now);
        self.advanced = Some(now);
        self.repair = Repair::No;
        self.arm_rto();
    }
}
