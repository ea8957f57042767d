//! Half-closed streams.
//!
//! The agent knows no half-close: it answers our end by closing the whole connection to the
//! destination. So an end is passed on only when the destination has ended too, or has been silent
//! for so long that it will hardly answer. That silence must be its own: while nothing can reach
//! us, or it does not have all of ours, it proves nothing. And an end that we brought about in
//! this way is no proof of a whole answer, so the local connection is broken off behind what came.

use std::time::Instant;

use super::Session;
use super::streams::{Local, Remote};
use crate::timers::LINGER;
use crate::{Cause, Mode, StreamId};

impl Session {
    /// The local connection will send no more. The end is passed on only when the peer has ended
    /// too, or was silent for 30 s, in which case the stream ends with [`Cause::Lingered`].
    pub fn finish(&mut self, now: Instant, id: StreamId) {
        let patience = self.line.patience();
        if let Some(stream) = self.streams.finish(now, id)
            && stream.remote == Remote::Open
        {
            self.streams.linger(id, now + patience);
        }
    }

    /// Whether the peer can be heard: what it sends reaches the streams without our doing.
    fn hears(&self) -> bool {
        self.link_is_up() && !self.paused && self.wants_input() && !self.inbound.has_gap()
    }

    /// To be called before anything that may make the peer heard again: until now it was not.
    pub(super) fn note_deafness(&mut self, now: Instant) {
        if !self.hears() {
            self.deaf_until = Some(now);
        }
    }

    /// Goes on with streams whose peer was silent for the linger time.
    pub(super) fn expire_lingers(&mut self, now: Instant) {
        while let Some(id) = self.streams.expire_linger(now) {
            self.lingered(now, id);
        }
    }

    fn lingered(&mut self, now: Instant, id: StreamId) {
        let hears = self.hears();
        let first_unacknowledged = self.outbound.first();
        let Some(stream) = self.streams.get_mut(id) else { return };
        let delivered =
            stream.is_sent() && stream.last_sequence.is_none_or(|last| last < first_unacknowledged);
        let quiet_since = if hears && delivered {
            self.deaf_until.map_or(stream.quiet_since, |deaf| deaf.max(stream.quiet_since))
        } else {
            now
        };
        let quiet_until = quiet_since + self.line.patience();
        if quiet_until > now {
            self.streams.linger(id, quiet_until);
            return;
        }
        let told = std::mem::replace(&mut stream.local, Local::Closed) == Local::Closed;
        if !told {
            self.pass_end_on(now, id);
        }
        if told || self.mode() == Some(Mode::Single) {
            let broken = Remote::Broken(Cause::Lingered);
            self.streams.end(id, broken, &mut self.pool, &mut self.events);
        } else {
            // The agent answers with what it had read, and its own end.
            self.streams.linger(id, now + LINGER);
        }
    }
}
