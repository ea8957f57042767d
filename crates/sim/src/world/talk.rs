//! The programs at both ends of each stream.

use adit_engine::Read;
use bytes::BufMut as _;

use super::{Event, World};
use crate::Time;
use crate::apps::{Conversation, Dial, Outcome, Plan};
use crate::oracle::Promise;
use crate::pattern;

/// Bytes that a destination writes at a time.
const WRITE: u64 = 16 << 10;
/// Bytes that an end reads at a time.
const READ: usize = 64 << 10;

impl World {
    /// A conversation begins.
    pub(super) fn begin(&mut self, plan: Plan) {
        let talk = self.talks.len();
        let key = self.scenario.seed ^ (talk as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.talks.push(Conversation::new(plan, key, self.now));
        self.places.push(None);
        self.active.insert(talk);
        self.client.waiting.push_back(talk);
        self.note("begins", talk, 0, 0);
        if self.client.over {
            self.refuse_waiting();
        } else {
            self.open_waiting();
        }
    }

    /// There is no tunnel, so nobody takes these connections.
    pub(super) fn refuse_waiting(&mut self) {
        for talk in std::mem::take(&mut self.client.waiting) {
            self.talks[talk].outcome = Some(Outcome::Broken);
            self.active.remove(&talk);
            self.totals.broken += 1;
        }
    }

    /// Streams are opened shortly before a websocket is closed.
    pub(super) fn burst(&mut self, socket: usize) -> bool {
        let (session, side) = (self.sockets[socket].session, self.sockets[socket].side);
        let Some(plan) = self.scenario.bursts.clone() else { return false };
        if self.records[session].socket(side) != Some(socket) {
            return false;
        }
        self.begin(plan);
        true
    }

    /// Opens the streams of conversations that wait for a session.
    pub(super) fn open_waiting(&mut self) {
        let instant = self.client.instant(self.now);
        while let Some(talk) = self.client.waiting.front().copied() {
            let Some(session) = self.client.current else {
                self.client.supervisor.wanted(instant);
                self.supervise();
                return;
            };
            let Some(lane) = self.client.lane(session) else { return };
            match lane.session.open(instant) {
                Ok(id) => {
                    lane.streams.insert(id, talk);
                    self.client.waiting.pop_front();
                    self.places[talk] = Some((session, id));
                    self.hosts[session].streams.insert(id.0, talk);
                    self.talks[talk].progress = self.now;
                    self.note("opened", talk, i64::from(id.0), session as u64);
                    self.serve_local(talk);
                    self.settle(session);
                }
                Err(_) => return,
            }
        }
    }

    /// The local end reads and writes what it can.
    pub(super) fn serve_local(&mut self, index: usize) {
        if self.sleeps() {
            return;
        }
        let (now, instant) = (self.now, self.client.instant(self.now));
        let Some((session, id)) = self.places[index] else { return };
        let Self { talks, client, pieces, totals, buffer, .. } = self;
        let talk = &mut talks[index];
        let Some(lane) = client.lane(session) else { return };
        let mut wrong = None;
        let silent = talk.local.read == 0;
        let before = (talk.local.read, talk.local.written);
        while talk.outcome.is_none() {
            let most = match talk.plan.local_pace {
                Some(_) if now < talk.local.read_at => break,
                Some(pace) => pace.bytes,
                None => READ,
            };
            pieces.clear();
            match lane.session.read(instant, id, most, pieces) {
                Read::Data(read) => {
                    let mut at = talk.local.read;
                    for piece in pieces.iter() {
                        let place = pattern::first_wrong(talk.answer_key(), at, piece);
                        wrong = wrong.or(place.map(|place| (Promise::Prefix, place)));
                        at += piece.len() as u64;
                    }
                    if at > talk.remote.written {
                        wrong = wrong.or(Some((Promise::Prefix, talk.remote.written)));
                    }
                    totals.bytes += read as u64;
                    talk.local_has_read(now, read as u64);
                }
                Read::Blocked => break,
                Read::End => {
                    talk.outcome = Some(Outcome::Ended);
                    if talk.local.read != talk.remote.written {
                        wrong = wrong.or(Some((Promise::Whole, talk.local.read)));
                    }
                }
                Read::Reset(_) => talk.outcome = Some(Outcome::Broken),
            }
            if talk.outcome.is_none() && talk.local_resets() {
                lane.session.reset(instant, id);
                talk.outcome = Some(Outcome::Left);
            }
        }
        while talk.outcome.is_none() && talk.local_ready(now) > 0 {
            let Some(mut chunk) = lane.session.chunk(id) else { break };
            let len = talk.local_ready(now).min(chunk.spare() as u64);
            buffer.resize(len as usize, 0);
            pattern::fill(talk.key, talk.local.written, buffer);
            chunk.spare_mut().put_slice(buffer);
            if lane.session.write(instant, id, chunk).is_err() {
                break;
            }
            talk.local.written += len;
            talk.progress = now;
        }
        if talk.outcome.is_none() && talk.local_finishes() {
            lane.session.finish(instant, id);
            talk.local.finished = true;
            talk.progress = now;
        }
        if talk.outcome.is_some() {
            talk.progress = now;
            self.active.remove(&index);
            match talk.outcome {
                Some(Outcome::Ended | Outcome::Left) => self.totals.ended += 1,
                _ => self.totals.broken += 1,
            }
            self.note("ends", index, 0, 0);
        } else if let Some(wake) = talk.local_wake(now)
            && talk.local.wake.is_none_or(|at| at > wake)
        {
            talk.local.wake = Some(wake);
            self.at(wake, Event::Local(index));
        }
        let after = (self.talks[index].local.read, self.talks[index].local.written);
        if let Some(watched) = self.limits.as_mut().filter(|_| before != after) {
            (watched.moved_locally, watched.moved) = (now, now);
        }
        if silent && self.talks[index].local.read > 0 {
            self.destination_heard();
        }
        if let Some((promise, place)) = wrong {
            self.fail(promise, format!("stream {index} down, at byte {place}"));
        }
    }

    /// The destination reads and writes what it can.
    pub(super) fn serve_remote(&mut self, index: usize) {
        let now = self.now;
        let Some((session, id)) = self.places[index] else { return };
        let Self { talks, hosts, totals, buffer, limits, .. } = self;
        let talk = &mut talks[index];
        let host = &mut hosts[session];
        let Some(id) = host.streams.iter().find(|(_, it)| **it == index).map_or(Some(id.0), |it| {
            // A single connection is counted by its dials.
            Some(*it.0)
        }) else {
            return;
        };
        if talk.remote.connected.is_none() || talk.remote.closed || now < self.frozen_until {
            return;
        }
        let mut wrong = None;
        loop {
            let most = match talk.plan.remote_pace {
                Some(_) if now < talk.remote.read_at => break,
                Some(pace) => pace.bytes,
                None => READ,
            };
            let Some(data) = host.peer.read(id, most) else { break };
            let place = pattern::first_wrong(talk.key, talk.remote.read, &data);
            let beyond = talk.remote.read + data.len() as u64 > talk.local.written;
            wrong = wrong.or(place).or(beyond.then_some(talk.local.written));
            totals.bytes += data.len() as u64;
            if let Some(watched) = limits {
                watched.moved = now;
            }
            talk.remote_has_read(now, data.len() as u64);
        }
        let mut is_blocked = false;
        while let ready @ 1.. = talk.remote_ready(now) {
            let len = ready.min(WRITE);
            buffer.resize(len as usize, 0);
            pattern::fill(talk.answer_key(), talk.remote.written, buffer);
            let is_last = talk.remote.written + len == talk.plan.down_total();
            let taken = if is_last && host.peer.ends_early() {
                len
            } else {
                host.peer.write_stream(id, buffer) as u64
            };
            if taken == 0 {
                is_blocked = true;
                break;
            }
            talk.remote.written += taken;
            talk.progress = now;
        }
        if is_blocked {
            host.blocked.insert(index);
        } else {
            host.blocked.remove(&index);
        }
        if talk.remote_closes() {
            host.peer.finish(id);
            talk.remote.closed = true;
            talk.progress = now;
        } else if let Some(wake) = talk.remote_wake(now)
            && talk.remote.wake.is_none_or(|at| at > wake)
        {
            talk.remote.wake = Some(wake);
            self.at(wake, Event::Remote(index));
        }
        if let Some(place) = wrong {
            self.fail(Promise::Prefix, format!("stream {index} up, at byte {place}"));
        }
    }

    pub(super) fn local_timer(&mut self, at: Time, index: usize) -> bool {
        if self.talks[index].local.wake != Some(at) || self.talks[index].outcome.is_some() {
            return false;
        }
        self.talks[index].local.wake = None;
        self.serve_local(index);
        self.settle_talk(index);
        true
    }

    pub(super) fn remote_timer(&mut self, at: Time, index: usize) -> bool {
        if self.talks[index].remote.wake != Some(at) {
            return false;
        }
        self.talks[index].remote.wake = None;
        self.serve_remote(index);
        self.settle_talk(index);
        true
    }

    fn settle_talk(&mut self, index: usize) {
        if let Some((session, _)) = self.places[index] {
            self.settle(session);
        }
    }

    /// The agent dials a destination.
    pub(super) fn dial_destination(&mut self, session: usize, id: u32) {
        let talk = self.hosts[session].streams.get(&id).copied();
        let dial = talk.map_or(Dial::Connects(Time::ZERO), |talk| self.talks[talk].plan.dial);
        let (wait, success) = match dial {
            Dial::Connects(wait) => (wait, true),
            Dial::Refused => (Time::from_millis(1), false),
            Dial::BlackHole(wait) => (wait, false),
        };
        self.after(wait, Event::Connected(session, id, success));
    }

    /// The destination has answered, or not.
    pub(super) fn destination_answered(&mut self, session: usize, id: u32, success: bool) {
        self.hosts[session].dialled = self.now;
        self.hosts[session].peer.dialled(self.now, id, success);
        if let Some(talk) = self.hosts[session].streams.get(&id).copied() {
            let now = self.now;
            let it = &mut self.talks[talk];
            it.progress = now;
            it.remote.connected = success.then_some(now);
            it.remote.closed = !success;
            self.serve_remote(talk);
        }
        self.settle(session);
    }

    pub(super) fn destination_has_data(&mut self, session: usize, id: u32) {
        // The connection of a session without multiplexing belongs to whoever spoke first.
        if !self.hosts[session].streams.contains_key(&id)
            && let Some(lane) = self.client.lane(session)
            && let Some(talk) = lane.streams.values().next_back().copied()
        {
            self.hosts[session].streams.insert(id, talk);
        }
        if let Some(talk) = self.hosts[session].streams.get(&id).copied() {
            let now = self.now;
            self.talks[talk].remote.connected.get_or_insert(now);
            self.serve_remote(talk);
        }
    }

    /// Destinations that could not write all try again when there is room.
    pub(super) fn unblock_destinations(&mut self, session: usize) -> bool {
        let host = &self.hosts[session];
        if host.blocked.is_empty() || host.peer.room() < WRITE as usize {
            return false;
        }
        let pending = host.peer.pending();
        for talk in host.blocked.clone() {
            self.serve_remote(talk);
        }
        self.hosts[session].peer.pending() > pending
    }

    /// Tells the local ends of a session's streams that it is over.
    pub(super) fn break_streams(&mut self, session: usize) {
        let now = self.now;
        let broken: Vec<usize> = self
            .active
            .iter()
            .copied()
            .filter(|talk| self.places[*talk].is_some_and(|(lane, _)| lane == session))
            .collect();
        for talk in broken {
            self.serve_local(talk);
            if self.talks[talk].outcome.is_none() {
                // The session does not know that it is over: ResumeSession said so.
                self.talks[talk].outcome = Some(Outcome::Broken);
                self.talks[talk].progress = now;
                self.active.remove(&talk);
                self.totals.broken += 1;
            }
        }
    }
}
