//! Scenarios drawn by lot: one number gives the network, the agent, the service, the programs at
//! both ends and all that goes wrong.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::Time;
use crate::apps::{Dial, Ending, Pace, Plan};
use crate::link::{Path, Weather};
use crate::scenario::{Fault, Scenario, Side, Way};

/// How long a run is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// So many events, with much to do at once.
    Steps(u64),
    /// So many hours, with traffic across each close of a websocket and little in between.
    Hours(u64),
}

/// The scenario that belongs to a seed.
pub fn scenario(seed: u64, length: Length) -> Scenario {
    let mut chance = Chance(StdRng::seed_from_u64(seed ^ 0x5eed));
    let mut scenario = chance.world(seed);
    match length {
        Length::Steps(steps) => {
            // Some go on to the end, whatever that takes.
            scenario.steps = if seed.is_multiple_of(8) { steps * 30 } else { steps };
            chance.fill_steps(&mut scenario, steps);
        }
        Length::Hours(hours) => {
            scenario.until = Time::from_hours(hours);
            chance.fill_hours(&mut scenario, hours);
        }
    }
    scenario
}

struct Chance(StdRng);

impl Chance {
    fn one_in(&mut self, count: u32) -> bool {
        self.0.random_ratio(1, count)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// As often near the least as near the most.
    fn magnitude(&mut self, least: u64, most: u64) -> u64 {
        let (low, high) = ((least as f64).ln(), (most as f64).ln());
        (self.0.random_range(low..=high).exp() as u64).clamp(least, most)
    }

    fn ms(&mut self, least: u64, most: u64) -> Time {
        Time::from_micros(self.magnitude(least.max(1) * 1000, most * 1000))
    }

    fn side(&mut self) -> Side {
        // This client's network fails more often than a data centre's.
        if self.one_in(3) { Side::Agent } else { Side::Client }
    }

    fn way(&mut self) -> Way {
        if self.one_in(2) { Way::In } else { Way::Out }
    }

    fn leg(&mut self) -> [Path; 2] {
        let latency = self.ms(1, 60);
        let jitter = if self.one_in(2) { Time::ZERO } else { latency.mul_f64(0.5) };
        let rate = self.magnitude(300_000, 200_000_000);
        let path = Path::new(latency, jitter, rate);
        [path.clone(), path]
    }

    fn world(&mut self, seed: u64) -> Scenario {
        let mut scenario = Scenario::calm(seed);
        scenario.client_leg = self.leg();
        scenario.agent_leg = self.leg();
        if self.one_in(8) {
            scenario.peer.version = "3.0.196.0";
        }
        scenario.peer.deaf_for = Time::from_millis(self.between(0, 15));
        if self.one_in(2) {
            scenario.peer.not_ready_for = self.ms(1, 300);
        }
        scenario.peer.pace = Time::from_micros(self.between(1070, 1500));
        scenario.peer.reads_while_away = self.one_in(3);
        scenario.gateway.buffers = self.one_in(2);
        scenario.gateway.publishes = !self.one_in(4);
        scenario.gateway.bye_jitter = Time::from_secs(self.between(0, 120));
        scenario.gateway.call = self.ms(30, 500);
        scenario.notice = self.ms(1, 500);
        if self.one_in(5) {
            scenario.client_leg[Way::In as usize].largest = self.between(1_200, 40_000) as usize;
        }
        if self.one_in(2) {
            scenario.supervisor.rollover = None;
        }
        if self.one_in(3) {
            scenario.session.stream_buffer = self.magnitude(1 << 10, 128 << 10) as usize;
            scenario.session.inbound_budget = self.magnitude(16 << 10, 8 << 20) as usize;
            scenario.session.reorder_budget = self.magnitude(16 << 10, 4 << 20) as usize;
            scenario.session.window_max = self.magnitude(32 << 10, 12 << 20) as usize;
        }
        scenario
    }

    /// A stream with about so many bytes at most.
    fn plan(&mut self, most: u64, single: bool) -> Plan {
        let size = self.magnitude(1, most);
        let mut plan = match self.between(0, 6) {
            // An echo.
            0 => Plan { echo: true, ..Plan::rounds(size, size, 1) },
            // Bulk up, bulk down.
            1 => Plan::rounds(size, 1, 1),
            2 => Plan::rounds(self.magnitude(1, 200), size, 1),
            // Questions and answers.
            3 => {
                let rounds = self.between(2, 10);
                let think = self.ms(1, 1000);
                Plan { think, ..Plan::rounds(self.magnitude(1, 500), size / rounds + 1, rounds) }
            }
            // A feed.
            4 => Plan { serve: self.ms(5, 100), ..Plan::rounds(0, size / 10 + 1, 10) },
            // A reader that takes its time.
            5 => {
                let bytes = (size / self.between(2, 20) + 1) as usize;
                let pace = Some(Pace { bytes, every: self.ms(1, 500) });
                if self.one_in(2) {
                    Plan { local_pace: pace, ..Plan::rounds(20, size, 1) }
                } else {
                    Plan { remote_pace: pace, ..Plan::rounds(size, 20, 1) }
                }
            }
            // A half-close, with an answer after a while.
            _ => Plan {
                ending: Ending::HalfClose,
                serve: self.ms(1, 3000),
                ..Plan::rounds(size, self.magnitude(1, most), 1)
            },
        };
        plan.dial = match self.between(0, 30) {
            0 if !single => Dial::Refused,
            1 if !single => Dial::BlackHole(self.ms(100, 20_000)),
            _ => Dial::Connects(self.ms(1, 50)),
        };
        if single {
            // Its end is not told, and whoever speaks first is the client.
            plan.request = plan.request.max(1);
            if plan.echo {
                plan.response = plan.request;
            }
            plan.ending = Ending::LocalResets(plan.down_total());
        } else if self.one_in(12) {
            plan.ending = Ending::LocalResets(self.between(0, plan.down_total()));
        } else if self.one_in(20) {
            plan.ending = Ending::LocalLeaves;
        }
        plan
    }

    fn fault(&mut self, now: Time) -> Fault {
        let (side, way) = (self.side(), self.way());
        match self.between(0, 16) {
            16 => Fault::Sleep(self.ms(6_000, 200_000)),
            0..=2 => Fault::Cut(side),
            3 => Fault::SilentCut(side),
            4 | 5 => Fault::CutAfter(side, way, self.magnitude(1, 100_000)),
            6 | 7 => {
                let most = if side == Side::Agent { 2500 } else { 30_000 };
                Fault::Outage { side, length: self.ms(100, most), hangs: self.one_in(3) }
            }
            8 => Fault::Stall(side, way, self.ms(50, 50_000)),
            9 => Fault::Lose(side, way, self.magnitude(1, 100) as u32),
            10 | 11 => {
                let until = now + self.ms(100, 5_000);
                let loss = f64::from(self.0.random_range(0..2_u8)) * self.0.random_range(0.0..0.2);
                let duplication = self.0.random_range(0.0..0.2);
                let reordering = self.0.random_range(0.0..0.2);
                Fault::Weather(side, way, Weather { until, loss, duplication, reordering })
            }
            12 | 13 => Fault::Bye(side),
            14 => match self.between(0, 3) {
                0 => Fault::Throttle(self.between(1, 4) as u32),
                1 => Fault::ApiDown(self.ms(100, 10_000)),
                2 => Fault::EndSession,
                _ => Fault::Freeze(self.ms(100, 20_000)),
            },
            _ => Fault::Freeze(self.ms(50, 2_000)),
        }
    }

    fn fill_steps(&mut self, scenario: &mut Scenario, steps: u64) {
        let single = scenario.peer.version == "3.0.196.0";
        // A message of 1 KiB and its acknowledgement are five events.
        let horizon = self.ms(500, 30_000);
        // Most tunnels stand before anything happens.
        let begin = if self.one_in(6) { Time::ZERO } else { Time::from_secs(2) };
        let mut bytes = steps * 220;
        while bytes > 0 {
            let plan = self.plan(steps * 60, single);
            // Streams without many bytes have their events as well.
            bytes = bytes.saturating_sub(plan.up_total() + plan.down_total() + 5_000);
            let at = begin + horizon.mul_f64(self.0.random());
            scenario.conversations.push((at, plan));
        }
        scenario.conversations.sort_by_key(|(at, _)| *at);
        for _ in 0..self.between(0, 6) {
            let at = begin + horizon.mul_f64(self.0.random());
            let fault = self.fault(at);
            scenario.faults.push((at, fault));
        }
    }

    fn fill_hours(&mut self, scenario: &mut Scenario, hours: u64) {
        scenario.peer.version = "3.3.987.0";
        let rate = self.magnitude(2_000, 200_000);
        scenario.bursts = Some(match self.between(0, 2) {
            0 => Plan::steady(rate, 3),
            1 => Plan { think: Time::from_millis(50), ..Plan::rounds(300, 3_000, 60) },
            _ => Plan { think: Time::from_millis(20), ..Plan::rounds(3_000, 300, 60) },
        });
        let length = Time::from_hours(hours);
        if !self.one_in(4) {
            // Somebody who asks now and then, so that the session is never idle for long.
            let think = Time::from_secs(self.between(60, 900));
            let rounds = 3600 / think.as_secs() + 1;
            for hour in 0..hours {
                let plan = Plan { think, ..Plan::rounds(100, 500, rounds) };
                scenario.conversations.push((Time::from_hours(hour) + Time::from_secs(1), plan));
            }
        }
        for _ in 0..self.between(hours / 4, hours) {
            let at = length.mul_f64(self.0.random());
            scenario.conversations.push((at, self.plan(50_000, false)));
        }
        scenario.conversations.sort_by_key(|(at, _)| *at);
        for _ in 0..self.between(0, hours) {
            let at = length.mul_f64(self.0.random());
            let fault = self.fault(at);
            scenario.faults.push((at, fault));
        }
    }
}
