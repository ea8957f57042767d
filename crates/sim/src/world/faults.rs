//! Things go wrong.

use super::World;
use crate::Time;
use crate::scenario::{Fault, Side};

impl World {
    /// A fault happens.
    pub(super) fn suffer(&mut self, index: usize) {
        let fault = self.scenario.faults[index].1;
        self.note("fault", index, 0, 0);
        match fault {
            Fault::Cut(side) => self.cut(side, false),
            Fault::SilentCut(side) => self.cut(side, true),
            Fault::CutAfter(side, way, bytes) => {
                if let Some(socket) = self.socket_of(side) {
                    self.sockets[socket].pipes[way as usize].cut_after(bytes);
                }
            }
            Fault::Outage { side, length, hangs } => {
                let leg = &mut self.legs[side as usize];
                leg.outage_until = leg.outage_until.max(self.now + length);
                leg.hangs = hangs;
                self.ill_for(length + if hangs { Time::from_secs(15) } else { Time::ZERO });
                self.cut(side, false);
            }
            Fault::Stall(side, way, length) => {
                let path = &mut self.legs[side as usize].ways[way as usize];
                path.stalled_until = path.stalled_until.max(self.now + length);
                self.ill_for(length);
            }
            Fault::Lose(side, way, count) => {
                self.legs[side as usize].ways[way as usize].lose += count;
            }
            Fault::Weather(side, way, weather) => {
                let until = weather.until.saturating_sub(self.now);
                self.legs[side as usize].ways[way as usize].weather = weather;
                self.ill_for(until);
            }
            Fault::Bye(side) => {
                if let Some(socket) = self.socket_of(side) {
                    self.bye(socket);
                }
            }
            Fault::Throttle(calls) => self.throttled += calls,
            Fault::ApiDown(length) => {
                self.api_down_until = self.api_down_until.max(self.now + length);
                self.ill_for(length);
            }
            Fault::Freeze(length) => {
                self.frozen_until = self.frozen_until.max(self.now + length);
                self.at(self.frozen_until, super::Event::Thaw);
                self.ill_for(length);
            }
            Fault::EndSession => {
                if let Some(session) = self.client.current {
                    self.end_session(session);
                }
            }
            Fault::Sleep(length) => self.fall_asleep(length),
            Fault::Sabotage(sabotage) => self.sabotage = Some(sabotage),
        }
    }

    fn ill_for(&mut self, length: Time) {
        self.unhealthy_until = self.unhealthy_until.max(self.now + length);
    }

    /// The websocket of a side in the session that takes new streams.
    fn socket_of(&self, side: Side) -> Option<usize> {
        let session = self.client.current?;
        self.records[session].socket(side)
    }

    fn cut(&mut self, side: Side, silent: bool) {
        if let Some(socket) = self.socket_of(side) {
            self.break_socket(socket, silent);
        }
    }

    /// Destinations go on.
    pub(super) fn thaw(&mut self) {
        if self.now < self.frozen_until {
            return;
        }
        for index in 0..self.talks.len() {
            self.serve_remote(index);
        }
        for session in 0..self.records.len() {
            self.settle(session);
        }
    }

    /// Whether nothing is wrong with the network at the moment.
    pub(super) fn is_healthy(&self) -> bool {
        let ways = self.legs.iter().flat_map(|leg| &leg.ways);
        self.now >= self.unhealthy_until.max(self.asleep_until)
            && self.throttled == 0
            && ways.into_iter().all(|way| way.is_healthy(self.now))
    }

    /// The unhealthy time lasts until now at least.
    pub(super) fn note_health(&mut self) {
        if !self.is_healthy() {
            self.unhealthy_until = self.unhealthy_until.max(self.now);
        }
    }

    /// A round trip between client and agent.
    pub(super) fn round_trip(&self) -> Time {
        let ways = self.legs.iter().flat_map(|leg| &leg.ways);
        ways.into_iter().map(|way| way.latency + way.jitter).sum()
    }
}
