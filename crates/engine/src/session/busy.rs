//! How busy a session is, as those who decide about it see it.

use std::time::Instant;

use super::Session;
use crate::{Activity, Mode};

impl Session {
    /// How busy it is; once it is over, how busy it was then.
    pub fn activity(&self) -> Activity {
        self.last_activity.unwrap_or_else(|| self.current_activity())
    }

    pub(super) fn current_activity(&self) -> Activity {
        let is_quiet = self.is_drained() && self.acks.is_empty() && !self.is_unread_full();
        Activity {
            quiet_since: self.moved.filter(|_| is_quiet),
            unanswered_since: self.unanswered_since(),
            last_payload: self.counters.last_payload,
            away_since: self.away_since(),
            streams: self.streams.awaited(),
            established: self.streams.established(self.outbound.first()),
            held: 0,
            proven: self.counters.bytes_in > 0,
        }
    }

    /// As in [`Activity::unanswered_since`].
    pub fn unanswered_since(&self) -> Option<Instant> {
        self.progress.filter(|_| !self.outbound.is_empty())
    }

    /// As in [`Activity::away_since`].
    pub fn away_since(&self) -> Option<Instant> {
        // A single connection finds out by itself: its first data is not acknowledged, and the agent's
        // end then is the destination's refusal.
        self.away.filter(|_| self.mode() == Some(Mode::Mux))
    }

    /// Since when nothing has come on a websocket that the session was resumed with; `None` once
    /// something has.
    pub fn unheard_since(&self) -> Option<Instant> {
        self.unheard
    }
}
