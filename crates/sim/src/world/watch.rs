//! What the oracles look at, and when.

use std::fmt::Write as _;

use super::World;
use crate::Time;
use crate::oracle::{Promise, budgets};
use crate::scenario::Side;

/// With nothing in the way, something moves in a stream within this: the longest pauses of both
/// ends after failures, and a handshake.
const BOUND: Time = Time::from_secs(20);
/// A session that is not there yet: several attempts, each of which may take a while.
const OPENING: Time = Time::from_secs(40);
/// A half-closed stream whose destination says nothing is given up after twice 30 s.
const LINGER: Time = Time::from_secs(65);
/// What the agent sends in a second at least, when destinations have much to say.
const RATE: u64 = 500_000;

impl World {
    /// Checks what a step may have broken in a session.
    pub(super) fn check_session(&mut self, session: usize) {
        let agent_reads = self.hosts[session].peer.wants_input();
        let agent_resent = self.hosts[session].peer.resent();
        let now = self.now;
        let Some(lane) = self.client.lane(session) else { return };
        let stats = lane.session.stats();
        if !agent_reads || !lane.session.wants_input() {
            lane.clogged = now;
        }
        self.tell_limits(session);
        let Some(lane) = self.client.lane(session) else { return };
        let (resent, received, _) = lane.repair;
        if agent_resent > resent && stats.messages_in > received {
            lane.repair = (agent_resent, stats.messages_in, now);
        }
        let resends = stats.resends - lane.counted_resends;
        lane.counted_resends = stats.resends;
        self.totals.client_resends += resends;
        if let Some(text) = budgets(&stats, &self.scenario.session) {
            self.fail(Promise::Budget, text);
        }
        if self.violation.is_none() && stats.digest_failures + stats.malformed > 0 {
            self.fail(Promise::Prefix, "a message arrived changed".to_owned());
        }
    }

    /// Checks that whatever can move does.
    pub(super) fn check_progress(&mut self) {
        self.note_health();
        let late = self.active.iter().copied().find_map(|talk| {
            let (since, bound) = self.deadline(talk)?;
            (self.now > since + bound).then_some((talk, since))
        });
        if let Some((talk, since)) = late {
            let text = format!(
                "stream {talk} has not moved since {:.3} s: {}",
                since.as_secs_f64(),
                self.describe(talk)
            );
            self.fail(Promise::Prompt, text);
        }
    }

    /// Since when a conversation could have moved, and how long that may take.
    fn deadline(&self, index: usize) -> Option<(Time, Time)> {
        let talk = &self.talks[index];
        if talk.is_waiting_for_itself(self.now) {
            return None;
        }
        let mut since = talk.progress.max(self.unhealthy_until);
        let mut bound = BOUND + if talk.local.finished { LINGER } else { Time::ZERO };
        if self.places[index].is_none() {
            bound += OPENING;
        }
        let lane = self.places[index].map(|(session, _)| session).or(self.client.current);
        if let Some(session) = lane {
            let host = &self.hosts[session];
            if host.peer.is_lost() {
                // Nobody but the service can end this.
                bound += self.scenario.gateway.idle;
            }
            if let Some(lane) = &self.client.lanes[session] {
                since = since.max(lane.clogged).max(lane.repair.2);
                // A reader that takes its time, and is at it, holds up the others.
                let clogged = !host.peer.wants_input() || !lane.session.wants_input();
                let mut others = self.active.iter();
                if clogged && others.any(|it| self.talks[*it].is_waiting_for_itself(self.now)) {
                    return None;
                }
            }
            since = since.max(host.dialled);
            let trips = self.round_trip().as_millis() as u64 / 100 + 2;
            let repairs = host.peer.unacknowledged() as u64 * 100 * trips;
            bound += Time::from_millis(repairs);
            bound += Time::from_millis(host.peer.pending() as u64 * 1000 / RATE);
        }
        // Black-holed dials of all of the session's streams, one after the other.
        let dials = self.active.iter().map(|it| match self.talks[*it].plan.dial {
            crate::apps::Dial::BlackHole(wait) => wait,
            _ => Time::ZERO,
        });
        bound += dials.sum::<Time>();
        Some((since, bound))
    }

    /// Nothing will ever happen again.
    pub(super) fn ended(&mut self) {
        if let Some(talk) = self.active.first().copied() {
            let text = format!("stream {talk} waits for ever: {}", self.describe(talk));
            self.fail(Promise::NoZombie, text);
        }
    }

    fn describe(&self, index: usize) -> String {
        let talk = &self.talks[index];
        let mut text = format!(
            "up {}/{}/{}, down {}/{}/{}, {:?}, in {:?}",
            talk.remote.read,
            talk.local.written,
            talk.plan.up_total(),
            talk.local.read,
            talk.remote.written,
            talk.plan.down_total(),
            talk.remote.connected,
            self.places[index],
        );
        if let Some((session, _)) = self.places[index]
            && let Some(lane) = &self.client.lanes[session]
        {
            let stats = lane.session.stats();
            let agent = self.records[session].socket(Side::Agent);
            // Writing to a string cannot fail.
            let _infallible = write!(
                text,
                "; client over {:?} on {:?}, agent on {agent:?} with {} unacknowledged; {stats:?}",
                lane.over,
                lane.socket,
                self.hosts[session].peer.unacknowledged(),
            );
        }
        text
    }
}
