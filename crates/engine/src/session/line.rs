//! The one connection of a session without multiplexing.
//!
//! The agent connects to the destination when the session starts, closes that connection on a
//! `DisconnectToPort` flag, and connects again when data comes. Nothing marks where the bytes of
//! one connection end and those of the next begin, so after a disconnect the line must have been
//! quiet before it is used again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use adit_wire::Flag;
use bytes::Bytes;

use super::streams::{Local, Remote};
use super::transmit::{Letter, Role};
use super::transport::Link;
use super::{CloseReason, Phase, Session};
use crate::timers::{LINGER, LINGER_WANTED, QUIET, QUIET_AFTER_LOSS, SILENCE, Timer};
use crate::{Event, StreamId};

/// Who uses the line.
#[derive(Debug)]
pub(crate) enum Line {
    /// Nobody. What the destination says on its own is kept for the first that comes.
    Free {
        /// It.
        early: VecDeque<Bytes>,
    },
    /// A stream.
    Carrying {
        /// The stream.
        id: StreamId,
        /// Whether its first data is unanswered.
        unanswered: Unanswered,
        /// Whether another local connection waits for the line.
        wanted: bool,
    },
    /// Nobody; the agent is told to disconnect.
    Disconnecting {
        /// The flag's message, once it was sent.
        flag: Option<i64>,
        /// Whether a websocket was lost since.
        lossy: bool,
        /// Whether the stream's first data is unanswered.
        unanswered: Unanswered,
    },
    /// Nobody; the agent has disconnected.
    Quiet {
        /// Whether a websocket was lost since.
        lossy: bool,
    },
}

/// Whether the first data of a connection got through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unanswered {
    No,
    /// It waits to be sent.
    Waiting,
    /// It is this message.
    Sent(i64),
}

impl Default for Line {
    fn default() -> Self {
        Self::Free { early: VecDeque::new() }
    }
}

impl Line {
    pub(crate) fn is_free(&self) -> bool {
        matches!(self, Self::Free { .. })
    }

    fn unanswered(&mut self) -> Option<&mut Unanswered> {
        match self {
            Self::Carrying { unanswered, .. } | Self::Disconnecting { unanswered, .. } => {
                Some(unanswered)
            }
            Self::Free { .. } | Self::Quiet { .. } => None,
        }
    }

    /// How long the peer of a finished stream may be silent.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Carrying { wanted: true, .. } => LINGER_WANTED,
            _ => LINGER,
        }
    }

    pub(crate) fn awaits_answer(&mut self) -> bool {
        self.unanswered().is_some_and(|it| *it != Unanswered::No)
    }
}

impl Session {
    /// A stream takes the line, with what the destination said before.
    pub(super) fn take_line(&mut self, now: Instant, id: StreamId) {
        let carrying = Line::Carrying { id, unanswered: Unanswered::No, wanted: false };
        if let Line::Free { early } = std::mem::replace(&mut self.line, carrying) {
            for bytes in early {
                self.streams.uncount_unread(&bytes);
                let len = bytes.len();
                self.counters.bytes_in += len as u64;
                self.counters.last_payload = Some(now);
                self.streams.deliver(now, id, bytes, len, &mut self.events);
            }
        }
    }

    /// Another local connection waits: one that has said all keeps the line no longer than its
    /// destination answers.
    pub(super) fn want_line(&mut self) {
        let Line::Carrying { id, wanted, .. } = &mut self.line else { return };
        let id = *id;
        if !std::mem::replace(wanted, true)
            && let Some(stream) = self.streams.get_mut(id)
            && stream.local == Local::Finished
            && stream.remote == Remote::Open
        {
            let quiet_until = stream.quiet_since + LINGER_WANTED;
            self.streams.linger(id, quiet_until);
        }
    }

    /// Session bytes came.
    pub(super) fn deliver_raw(&mut self, now: Instant, bytes: Bytes) {
        match &mut self.line {
            Line::Free { early } => {
                self.streams.count_unread(&bytes);
                early.push_back(bytes);
            }
            Line::Carrying { id, .. } => {
                let (id, len) = (*id, bytes.len());
                if self.streams.deliver(now, id, bytes, len, &mut self.events) {
                    self.counters.bytes_in += len as u64;
                    self.counters.last_payload = Some(now);
                }
            }
            Line::Disconnecting { .. } => {}
            Line::Quiet { .. } => self.restart_quiet(now),
        }
    }

    /// The stream is over: so is the agent's connection.
    pub(super) fn disconnect_line(&mut self, now: Instant, id: StreamId) {
        let Line::Carrying { id: carried, unanswered, .. } = self.line else { return };
        if carried != id {
            return;
        }
        let unanswered = match unanswered {
            Unanswered::No | Unanswered::Waiting => {
                self.timers.stop(Timer::Silence);
                Unanswered::No
            }
            // It stands at the head of all that follows.
            Unanswered::Sent(sequence) => Unanswered::Sent(sequence),
        };
        // What a websocket that was lost lately had under way may still come.
        let lossy = match self.link {
            Link::Up { resumed } => {
                resumed.is_some_and(|at| now.saturating_duration_since(at) < QUIET_AFTER_LOSS * 2)
            }
            Link::Never | Link::Down => true,
        };
        self.line = Line::Disconnecting { flag: None, lossy, unanswered };
        self.letters.push_back(Letter::flag(Flag::DisconnectToPort, Role::Disconnect));
    }

    pub(super) fn disconnect_sent(&mut self, sequence: i64) {
        if let Line::Disconnecting { flag, .. } = &mut self.line {
            *flag = Some(sequence);
        }
    }

    /// The first data of a connection waits to be sent: from now on the agent owes an answer.
    pub(super) fn expect_answer(&mut self, now: Instant) {
        if let Some(unanswered @ Unanswered::No) = self.line.unanswered() {
            *unanswered = Unanswered::Waiting;
            if self.link_is_up() {
                self.timers.set(Timer::Silence, now + SILENCE);
            }
        }
    }

    /// The line's data goes out.
    pub(super) fn line_sent(&mut self, sequence: i64) {
        if let Some(unanswered @ Unanswered::Waiting) = self.line.unanswered() {
            *unanswered = Unanswered::Sent(sequence);
        }
    }

    /// A message was acknowledged.
    pub(super) fn line_acknowledged(&mut self, now: Instant, sequence: i64) {
        if let Some(unanswered) = self.line.unanswered()
            && *unanswered == Unanswered::Sent(sequence)
        {
            *unanswered = Unanswered::No;
            self.timers.stop(Timer::Silence);
        }
        if let Line::Disconnecting { flag: Some(flag), lossy, .. } = self.line
            && flag == sequence
        {
            self.line = Line::Quiet { lossy };
            self.restart_quiet(now);
        }
    }

    /// Bytes of the last connection may come for some time from `now`.
    pub(super) fn restart_quiet(&mut self, now: Instant) {
        if let Line::Quiet { lossy } = self.line {
            let wait = if lossy { QUIET_AFTER_LOSS } else { QUIET.max(self.rtt.estimate() * 2) };
            self.timers.set(Timer::Quiet, now + wait);
        }
    }

    /// The line has been quiet.
    pub(super) fn quiet(&mut self, now: Instant) {
        if self.inbound.has_gap() {
            self.restart_quiet(now);
        } else {
            self.line = Line::default();
            self.tell_opener();
        }
    }

    /// The agent owed an answer.
    pub(super) fn line_silent(&mut self) {
        if self.line.awaits_answer() {
            self.close(CloseReason::DestinationRefused);
        }
    }

    /// The agent could not connect.
    pub(super) fn line_refused(&mut self) {
        let stream = match &self.line {
            Line::Carrying { id, .. } => Some(*id),
            Line::Free { .. } | Line::Disconnecting { .. } | Line::Quiet { .. } => None,
        };
        self.events.push_back(Event::ConnectRefused { stream });
        if let Some(id) = stream {
            self.refuse_stream(id);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }
}
