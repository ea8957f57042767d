use std::sync::Arc;
use std::time::Duration;

use adit_wire::{Message, MessageType};
use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, trace};

use super::counts::Counts;
use super::notice;
use super::session::{Command, Session};
use super::slot::{End, Event, Hangup, Link, Side, Slot};
use crate::faults::Rates;
use crate::service::Service;

/// How long an ended session waits for its client to come and hear so.
const FAREWELL: Duration = Duration::from_mins(1);

/// How long a client that has heard so may keep its websocket.
const GRACE: Duration = Duration::from_secs(5);

/// The close code of an ordinary end.
const NORMAL: u16 = 1000;

/// The task of one session: moves messages between the two sides, in order and unchanged.
pub(super) struct Relay {
    session: Arc<Session>,
    service: Arc<Service>,
    commands: mpsc::UnboundedReceiver<Command>,
    client: End,
    agent: End,
    rates: watch::Receiver<Rates>,
    current: Rates,
    rng: StdRng,
    counts: Counts,
    /// When stream data last passed, on the lab's clock.
    active: Duration,
    closing: Option<Closing>,
}

/// The last phase: `channel_closed` is on its way to the client.
struct Closing {
    until: Instant,
    told: bool,
}

impl Relay {
    pub(super) fn new(
        session: Arc<Session>,
        service: Arc<Service>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        let mut rates = service.faults.rates.subscribe();
        let current = rates.borrow_and_update().clone();
        Self {
            current,
            rng: StdRng::seed_from_u64(service.entropy.seed()),
            active: service.clock.elapsed(),
            session,
            service,
            commands,
            client: End::default(),
            agent: End::default(),
            rates,
            counts: Counts::default(),
            closing: None,
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Agent => &mut self.agent,
        }
    }

    pub(super) async fn run(mut self) {
        let service = Arc::clone(&self.service);
        let mut moves = service.clock.moves();
        let alarm = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(alarm);
        loop {
            let now = Instant::now();
            self.turn(now);
            self.session.publish(self.counts, self.client.is_here(), self.agent.is_here());
            if self.is_over(now) {
                break;
            }
            let wake = self.wake(now);
            if wake < alarm.deadline() || alarm.is_elapsed() {
                alarm.as_mut().reset(wake);
            }
            let [client_flows, agent_flows] = Side::BOTH.map(|side| self.flows(side, now));
            tokio::select! {
                // What was asked of the gateway holds for every message that comes afterwards.
                biased;
                () = service.stop.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => break,
                },
                Ok(()) = self.rates.changed() => {
                    self.current = self.rates.borrow_and_update().clone();
                }
                Ok(()) = moves.changed() => {}
                event = self.client.event(client_flows.0, client_flows.1) => {
                    self.event(Side::Client, event);
                }
                event = self.agent.event(agent_flows.0, agent_flows.1) => {
                    self.event(Side::Agent, event);
                }
                () = &mut alarm => {}
            }
        }
        for side in Side::BOTH {
            self.hang_up(side, Hangup::Close(NORMAL));
        }
        self.session.publish(self.counts, false, false);
    }

    /// Whether a side is waited for to send, and to take.
    fn flows(&mut self, side: Side, now: Instant) -> (bool, bool) {
        let stalled = self.current.stall == Some(side);
        (self.may_read(side), !stalled && self.end(side).buffer.is_due(now))
    }

    fn may_read(&mut self, side: Side) -> bool {
        let latency = self.current.latency;
        let room = self.closing.is_some() || self.end(side.other()).buffer.has_room(latency);
        room && self.current.stall != Some(side)
    }

    /// When to look again though nothing has happened.
    fn wake(&self, now: Instant) -> Instant {
        let arrivals = [&self.client, &self.agent].map(|end| end.buffer.next_event(now));
        let end = match &self.closing {
            Some(closing) => closing.until,
            None => now + self.session_left().unwrap_or(Duration::from_hours(1)),
        };
        arrivals.into_iter().flatten().fold(end, Instant::min)
    }

    /// What is left of the idle time, or of the longest duration when that is less.
    fn session_left(&self) -> Option<Duration> {
        let elapsed = self.service.clock.elapsed();
        let idle = self.active + self.service.config.idle_timeout;
        let whole = self.service.config.max_duration.map(|max| self.session.started + max);
        let end = whole.map_or(idle, |whole| whole.min(idle));
        Some(end.saturating_sub(elapsed))
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self, now: Instant) {
        for side in Side::BOTH {
            while self.may_read(side) && self.read(side) {}
        }
        if self.closing.is_none() && self.session_left() == Some(Duration::ZERO) {
            let idle = self.active + self.service.config.idle_timeout;
            let output = if idle <= self.service.clock.elapsed() {
                "Your session timed out due to inactivity."
            } else {
                "Your session has reached its maximum duration."
            };
            self.service.end_session(&self.session, output);
            self.close(output);
        }
        for side in Side::BOTH {
            let latency = self.current.latency;
            self.end(side).buffer.settle(now, latency);
            if self.current.stall != Some(side) {
                self.deliver(side, now);
            }
        }
    }

    /// Takes one message from a side; false when there is none.
    fn read(&mut self, side: Side) -> bool {
        let Slot::Here(link) = &mut self.end(side).slot else { return false };
        match link.leg.rx.try_recv() {
            Ok(message) => self.accept(side, message),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => {
                self.event(side, Event::Gone);
                return false;
            }
        }
        true
    }

    /// Hands a side what has arrived for it, as far as its leg takes it.
    fn deliver(&mut self, side: Side, now: Instant) {
        let end = self.end(side);
        let Slot::Here(link) = &mut end.slot else { return };
        while end.buffer.is_due(now) {
            let permit = match link.leg.tx.try_reserve() {
                Ok(permit) => permit,
                Err(TrySendError::Full(())) => return,
                Err(TrySendError::Closed(())) => break,
            };
            if let Some(message) = end.buffer.pop(now) {
                permit.send(message);
            }
        }
        if link.leg.tx.is_closed() {
            self.event(side, Event::Gone);
        }
    }

    /// Counts a message and sends it on its way.
    fn accept(&mut self, side: Side, bytes: Bytes) {
        let Ok(message) = Message::decode(bytes.clone()) else {
            debug!(session = self.session.id, ?side, len = bytes.len(), "no message; not relayed");
            self.counts.refused += 1;
            return;
        };
        let kind = message.header.message_type;
        trace!(session = self.session.id, ?side, ?kind, seq = message.header.sequence, "relay");
        if kind == MessageType::AgentSessionState && side == Side::Agent {
            return;
        }
        if kind != side.data() && kind != MessageType::Acknowledge {
            debug!(session = self.session.id, ?side, ?kind, "not relayed");
            self.counts.refused += 1;
            return;
        }
        match side {
            Side::Client => self.counts.from_client(&message, &mut self.client.seen),
            Side::Agent => self.counts.from_agent(&message, &mut self.agent.seen),
        }
        if kind == side.data() {
            self.active = self.service.clock.elapsed();
        }
        if self.closing.is_some() {
            return;
        }
        let lossy = self.service.config.lossy_resume;
        let (current, rng) = (&self.current, &mut self.rng);
        let to = match side {
            Side::Client => &mut self.agent,
            Side::Agent => &mut self.client,
        };
        let lost = (lossy && to.known && !to.is_here())
            || to.buffer.push(Instant::now(), bytes, current, rng);
        self.counts.dropped += u64::from(lost);
    }

    fn event(&mut self, side: Side, event: Event) {
        match event {
            Event::Message(message) => self.accept(side, message),
            Event::Writable => {}
            Event::Gone => {
                self.end(side).slot = Slot::Away;
                self.left(side);
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Attach { side, link } => self.attach(side, link),
            Command::Detached { side, number, leg, unsent } => {
                let mut rest = leg.rx;
                let waiting = std::iter::from_fn(|| rest.try_recv().ok());
                self.detached(side, number, unsent.into_iter().chain(waiting).collect());
            }
            Command::Cut { side, hangup } => self.hang_up(side, hangup),
            Command::Publication { side, start } => self.publication(side, start),
            Command::Touch => self.active = self.service.clock.elapsed(),
            Command::Close { output } => self.close(&output),
        }
    }

    /// Installs a new leg; the one before is ended first.
    fn attach(&mut self, side: Side, link: Link) {
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
    fn hang_up(&mut self, side: Side, hangup: Hangup) {
        while self.read(side) {}
        let end = self.end(side);
        match std::mem::take(&mut end.slot) {
            Slot::Here(Link { hangup: Some(line), number, .. }) => {
                // A websocket that is ending by itself does not listen, and reports all the same.
                let _gone = line.send(hangup);
                end.slot = Slot::Leaving { number, next: None };
                self.left(side);
            }
            Slot::Here(_) => self.left(side),
            other => end.slot = other,
        }
    }

    /// A websocket has ended: what it did not write goes first when the side is back.
    fn detached(&mut self, side: Side, of: u64, unsent: Vec<Bytes>) {
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
    fn left(&mut self, side: Side) {
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

    fn publication(&mut self, side: Side, start: bool) {
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
    fn close(&mut self, output: &str) {
        if self.closing.is_some() {
            return;
        }
        while self.read(Side::Agent) {}
        let notice = notice::closed_for_client(self.service.stamp(), &self.session.id, output);
        let now = Instant::now();
        self.client.buffer.push_own(now, notice, self.current.latency);
        self.agent.buffer.clear();
        self.closing = Some(Closing { until: now + FAREWELL, told: false });
        self.hang_up(Side::Agent, Hangup::Close(NORMAL));
    }

    fn is_over(&mut self, now: Instant) -> bool {
        let (here, empty) = (self.client.is_here(), self.client.buffer.is_empty());
        let Some(closing) = &mut self.closing else { return false };
        if here && empty && !closing.told {
            *closing = Closing { until: now + GRACE, told: true };
        }
        (closing.told && !here) || closing.until <= now
    }
}
