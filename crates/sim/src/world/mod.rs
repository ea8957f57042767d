//! The world: a clock, a queue of events, and all that they happen to.

mod driving;
mod event;
mod faults;
mod network;
mod report;
mod service;
mod sleep;
mod supervision;
mod talk;
mod watch;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::OnceLock;
use std::time::Instant;

use adit_engine::{Limits, Supervisor};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use self::event::{Answer, Due, End, Event};
use self::network::{Leg, Socket};
pub use self::report::{Report, Totals};
use self::sleep::Watched;
use crate::Time;
use crate::apps::{Conversation, Outcome};
use crate::client::Client;
use crate::gateway::Record;
use crate::oracle::{Promise, Violation};
use crate::peer::Peer;
use crate::scenario::{Sabotage, Scenario};
use crate::trace::{Line, Trace};

/// An agent and its destinations.
#[derive(Debug)]
struct Host {
    peer: Peer,
    timer: Option<Time>,
    socket: Option<usize>,
    /// When a dial came to an end last: until then the others had to wait.
    dialled: Time,
    /// Streams, by their conversation.
    streams: BTreeMap<u32, usize>,
    /// Conversations whose destination could not write all.
    blocked: BTreeSet<usize>,
}

/// A world.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    now: Time,
    queue: BinaryHeap<Due>,
    numbers: u64,
    rng: StdRng,
    legs: [Leg; 2],
    sockets: Vec<Socket>,
    records: Vec<Record>,
    hosts: Vec<Host>,
    client: Client,
    talks: Vec<Conversation>,
    /// Where each conversation takes place, and in which stream.
    places: Vec<Option<(usize, adit_engine::StreamId)>>,
    active: BTreeSet<usize>,
    trace: Trace,
    totals: Totals,
    violation: Option<Violation>,
    sabotage: Option<Sabotage>,
    throttled: u32,
    api_down_until: Time,
    frozen_until: Time,
    asleep_until: Time,
    limits: Option<Watched>,
    unhealthy_until: Time,
    next_check: Time,
    buffer: Vec<u8>,
    pieces: Vec<bytes::Bytes>,
}

/// The beginning of all worlds on the engine's clock, which has no other way to make an `Instant`.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

impl World {
    /// A world at its beginning.
    pub fn new(scenario: Scenario) -> Self {
        let legs = [Leg::new(&scenario.client_leg), Leg::new(&scenario.agent_leg)];
        let limits = scenario.limits.map(|config| Limits::new(config, origin()));
        let supervisor = Supervisor::new(scenario.supervisor, scenario.seed, origin());
        let mut world = Self {
            rng: StdRng::seed_from_u64(scenario.seed),
            now: Time::ZERO,
            queue: BinaryHeap::new(),
            numbers: 0,
            legs,
            sockets: Vec::new(),
            records: Vec::new(),
            hosts: Vec::new(),
            client: Client::new(origin(), supervisor),
            talks: Vec::new(),
            places: Vec::new(),
            active: BTreeSet::new(),
            trace: Trace::default(),
            totals: Totals::default(),
            violation: None,
            sabotage: None,
            throttled: 0,
            api_down_until: Time::ZERO,
            frozen_until: Time::ZERO,
            asleep_until: Time::ZERO,
            limits: limits.map(Watched::new),
            unhealthy_until: Time::ZERO,
            next_check: Time::ZERO,
            buffer: Vec::new(),
            pieces: Vec::new(),
            scenario,
        };
        for index in 0..world.scenario.conversations.len() {
            world.at(world.scenario.conversations[index].0, Event::Open(index));
        }
        for index in 0..world.scenario.faults.len() {
            world.at(world.scenario.faults[index].0, Event::Fault(index));
        }
        world.supervise();
        world.mind_limits();
        world
    }

    /// Runs a scenario to its end.
    pub fn run(scenario: Scenario) -> Report {
        let mut world = Self::new(scenario);
        while world.step() {}
        world.report()
    }

    /// Handles one event; false when there is no more to do.
    pub fn step(&mut self) -> bool {
        if self.violation.is_some() || self.totals.steps >= self.scenario.steps {
            return false;
        }
        loop {
            let Some(Due { at, event, .. }) = self.queue.pop() else {
                self.ended();
                return false;
            };
            if at > self.scenario.until {
                return false;
            }
            self.now = self.now.max(at);
            if self.handle(at, event) {
                break;
            }
        }
        self.totals.steps += 1;
        if self.now >= self.next_check {
            self.next_check = self.now + Time::from_secs(1);
            self.check_progress();
            self.check_limits();
        }
        if self.is_complete() {
            return false;
        }
        true
    }

    /// Whether all conversations have ended, and none is to come.
    pub fn is_complete(&self) -> bool {
        self.active.is_empty()
            && self.scenario.bursts.is_none()
            && self.limits.as_ref().is_none_or(|limits| limits.reached.is_some())
            && self.talks.len() >= self.scenario.conversations.len()
    }

    /// The time.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// A conversation's ends: bytes read by the local end and by the destination, and the outcome.
    pub fn conversation(&self, index: usize) -> Option<(u64, u64, Option<Outcome>)> {
        let talk = self.talks.get(index)?;
        Some((talk.local.read, talk.remote.read, talk.outcome))
    }

    /// Lets something go wrong now.
    pub fn inject(&mut self, fault: crate::scenario::Fault) {
        self.scenario.faults.push((self.now, fault));
        self.suffer(self.scenario.faults.len() - 1);
    }

    /// The counters of the session that takes new streams.
    pub fn stats(&self) -> Option<adit_engine::Stats> {
        let lane = self.client.lanes[self.client.current?].as_ref()?;
        Some(lane.session.stats())
    }

    /// The resend timeout of the agent of that session.
    pub fn agent_timeout(&self) -> Option<Time> {
        Some(self.hosts[self.client.current?].peer.timeout())
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        Totals {
            time: self.now,
            peer_resends: self.hosts.iter().map(|host| host.peer.resent()).sum(),
            ..self.totals
        }
    }

    /// What the run came to.
    pub fn report(&self) -> Report {
        Report {
            totals: self.totals(),
            violation: self.violation.clone(),
            hash: self.trace.hash(),
            is_complete: self.is_complete(),
            trace: self.violation.as_ref().map_or_else(String::new, |_| self.trace.text(400)),
        }
    }

    fn at(&mut self, at: Time, event: Event) {
        self.numbers += 1;
        self.queue.push(Due { at, number: self.numbers, event });
    }

    fn after(&mut self, wait: Time, event: Event) {
        self.at(self.now + wait, event);
    }

    fn note(&mut self, what: &'static str, who: usize, number: i64, more: u64) {
        self.trace.note(Line { at: self.now, what, who, number, more });
    }

    fn fail(&mut self, promise: Promise, text: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { promise, at: self.now, text });
        }
    }

    /// Handles an event; false when it was out of date.
    fn handle(&mut self, at: Time, event: Event) -> bool {
        if self.sleeps_through(event) {
            return false;
        }
        match event {
            Event::Arrive(socket, end) => return self.arrive(at, socket, end),
            Event::Lost(socket, end) => self.lose_end(socket, end, None),
            Event::Bye(socket) => return self.bye(socket),
            Event::Ping(socket) => return self.ping(socket),
            Event::ClientDialled(generation, session, stands) => {
                self.client_dialled(generation, session, stands);
            }
            Event::AgentDialled(session, stands) => self.agent_dialled(session, stands),
            Event::Answer(generation, answer) => self.answered(generation, answer),
            Event::Started(generation, success) => self.started(generation, success),
            Event::Supervise => return self.supervisor_timer(at),
            Event::NewTunnel => self.new_tunnel(),
            Event::Guest(socket) => return self.look_at_guest(socket),
            Event::ClientTimer(session) => return self.client_timer(at, session),
            Event::PeerTimer(session) => return self.peer_timer(at, session),
            Event::Idle(session) => return self.look_for_idleness(session),
            Event::TaskComplete(session) => self.end_session(session),
            Event::Connected(session, stream, success) => {
                self.destination_answered(session, stream, success);
            }
            Event::Open(index) => {
                let plan = self.scenario.conversations[index].1.clone();
                self.begin(plan);
            }
            Event::Burst(socket) => return self.burst(socket),
            Event::Local(talk) => return self.local_timer(at, talk),
            Event::Remote(talk) => return self.remote_timer(at, talk),
            Event::Fault(index) => self.suffer(index),
            Event::Thaw => self.thaw(),
            Event::WakeUp => return self.wake_up(),
            Event::Limits => return self.limits_timer(at),
        }
        true
    }
}
