//! How the two sides of a session come and go, and what the other side is told.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::debug;

use super::leg::LEG_CAPACITY;
use super::notice;
use super::relay::{Closing, NORMAL, Relay};
use super::slot::{Hangup, Link, Side, Slot};

/// How long an ended session waits for its client to come and hear so.
const FAREWELL: Duration = Duration::from_mins(1);

impl Relay {
    /// Installs a new leg; the one before is ended first.
    pub(super) fn attach(&mut self, side: Side, link: Link) {
        self.hang_up(side, Hangup::Close(NORMAL));
        if let Slot::Leaving { next, .. } = &mut self.end(side).slot {
            *next = Some(link);
            return;
        }
        let end = self.end(side);
        end.slot = Slot::Here(link);
        end.known = true;
        match side {
            Side::Client => self.counts.client_connections += 1,
            Side::Agent => self.counts.agent_connections += 1,
        }
        if self.closing.is_some() {
            return;
        }
        let complete = self.end(side.other()).is_here();
        let notice = notice::publication(complete, self.service.stamp());
        let due = Instant::now() + self.current.latency;
        self.end(side).buffer.push_front(due, notice);
        if complete {
            self.publication(side.other(), true);
        } else {
            self.count_pause(side);
        }
    }

    /// Tells a side's websocket to end, and takes what it has sent so far.
    pub(super) fn hang_up(&mut self, side: Side, hangup: Hangup) {
        match std::mem::take(&mut self.end(side).slot) {
            Slot::Here(Link { mut leg, hangup: line, number }) => {
                leg.rx.close();
                while let Ok(message) = leg.rx.try_recv() {
                    self.accept(side, message);
                }
                if let Some(line) = line {
                    // A websocket that is ending by itself does not listen, and reports all the same.
                    let _gone = line.send(hangup);
                    self.end(side).slot = Slot::Leaving { number, next: None };
                }
                self.left(side);
            }
            other => self.end(side).slot = other,
        }
    }

    /// A websocket has ended: what it did not write goes first when the side is back.
    pub(super) fn detached(&mut self, side: Side, of: u64, unsent: Vec<Bytes>) {
        if matches!(&self.end(side).slot, Slot::Here(link) if link.number == of) {
            while self.read(side) {}
        }
        let end = self.end(side);
        let (next, news) = match std::mem::take(&mut end.slot) {
            Slot::Here(link) if link.number == of => (None, true),
            Slot::Leaving { number, next } if number == of => (next, false),
            other => {
                end.slot = other;
                return;
            }
        };
        if !self.service.config.lossy_resume {
            let now = Instant::now();
            let end = self.end(side);
            unsent.into_iter().rev().for_each(|message| end.buffer.push_front(now, message));
        }
        if news {
            self.left(side);
        }
        if let Some(link) = next {
            self.attach(side, link);
        }
    }

    /// A side is away: the other is asked to pause.
    pub(super) fn left(&mut self, side: Side) {
        if self.closing.is_some() {
            return;
        }
        debug!(session = self.session.id, ?side, "side left");
        if self.service.config.lossy_resume {
            self.counts.dropped += self.end(side).buffer.clear();
        }
        if self.end(side.other()).is_here() {
            self.publication(side.other(), false);
        }
    }

    pub(super) fn publication(&mut self, side: Side, start: bool) {
        let notice = notice::publication(start, self.service.stamp());
        let latency = self.current.latency;
        self.end(side).buffer.push_own(Instant::now(), notice, latency);
        if !start {
            self.count_pause(side);
        }
    }

    fn count_pause(&mut self, side: Side) {
        match side {
            Side::Client => self.counts.pauses_to_client += 1,
            Side::Agent => self.counts.pauses_to_agent += 1,
        }
    }

    /// The session is over: the client hears so after all that the agent had sent.
    pub(super) fn close(&mut self, output: &str) {
        if self.closing.is_some() {
            return;
        }
        // As much as was there when the end was told; a sender in this process could go on for ever.
        (0..LEG_CAPACITY).take_while(|_| self.read(Side::Agent)).for_each(drop);
        let notice = notice::closed_for_client(self.service.stamp(), &self.session.id, output);
        let now = Instant::now();
        self.client.buffer.push_own(now, notice, self.current.latency);
        self.agent.buffer.clear();
        self.closing = Some(Closing { until: now + FAREWELL, told: false });
        self.hang_up(Side::Agent, Hangup::Close(NORMAL));
    }
}
