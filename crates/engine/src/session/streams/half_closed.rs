//! Streams that have said all, and when their peers had it and spoke last.

use std::time::Instant;

use super::{Local, Stream, Streams};
use crate::StreamId;

impl Streams {
    /// Ends the sending side; `None` when it had ended before.
    pub(crate) fn finish(&mut self, now: Instant, id: StreamId) -> Option<&Stream> {
        let stream = self.map.get_mut(&id).filter(|stream| stream.local == Local::Open)?;
        stream.local = Local::Finished;
        stream.quiet_since = now;
        if let Some(last) = stream.last_sequence
            && stream.is_sent()
        {
            self.undelivered.insert((last, id));
        }
        Some(stream)
    }

    /// The peer has all messages before `first`: only now can it answer what ended with them.
    pub(crate) fn delivered(&mut self, now: Instant, first: i64) {
        while let Some((last, id)) = self.undelivered.first().copied()
            && last < first
        {
            self.undelivered.pop_first();
            if let Some(stream) = self.map.get_mut(&id) {
                stream.quiet_since = now;
            }
        }
    }

    /// Has the end of a finished stream passed on at `at`, if it is silent until then.
    pub(crate) fn linger(&mut self, id: StreamId, at: Instant) {
        self.stop_linger(id);
        if let Some(stream) = self.map.get_mut(&id) {
            stream.linger = Some(at);
            self.lingering.insert((at, id));
        }
    }

    pub(super) fn stop_linger(&mut self, id: StreamId) {
        if let Some(stream) = self.map.get_mut(&id)
            && let Some(at) = stream.linger.take()
        {
            self.lingering.remove(&(at, id));
        }
    }

    pub(crate) fn next_linger(&self) -> Option<Instant> {
        self.lingering.first().map(|(at, _)| *at)
    }

    /// A stream that has lingered until `now`.
    pub(crate) fn expire_linger(&mut self, now: Instant) -> Option<StreamId> {
        let (at, id) = *self.lingering.first()?;
        (at <= now).then(|| {
            self.stop_linger(id);
            id
        })
    }
}
