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

use super::buffer::happens;
use super::counts::Counts;
use super::session::{Command, Session};
use super::slot::{End, Event, Hangup, Side, Slot};
use crate::faults::Rates;
use crate::service::Service;

/// How long a client that has heard so may keep its websocket.
const GRACE: Duration = Duration::from_secs(5);

/// The close code of an ordinary end.
pub(super) const NORMAL: u16 = 1000;

/// The task of one session: moves messages between the two sides, in order and unchanged.
pub(super) struct Relay {
    pub(super) session: Arc<Session>,
    pub(super) service: Arc<Service>,
    commands: mpsc::UnboundedReceiver<Command>,
    pub(super) client: End,
    pub(super) agent: End,
    rates: watch::Receiver<Rates>,
    pub(super) current: Rates,
    rng: StdRng,
    pub(super) counts: Counts,
    /// When stream data last passed, on the lab's clock.
    active: Duration,
    pub(super) closing: Option<Closing>,
}

/// The last phase: `channel_closed` is on its way to the client.
pub(super) struct Closing {
    pub(super) until: Instant,
    pub(super) told: bool,
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

    pub(super) fn end(&mut self, side: Side) -> &mut End {
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
            let now = self.turn();
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
            None => now + self.time_left(),
        };
        arrivals.into_iter().flatten().fold(end, Instant::min)
    }

    /// What is left of the idle time, or of the longest duration when that is less.
    fn time_left(&self) -> Duration {
        let elapsed = self.service.clock.elapsed();
        let idle = self.active + self.service.idle_timeout();
        let whole = self.service.max_duration().map(|max| self.session.started + max);
        let end = whole.map_or(idle, |whole| whole.min(idle));
        end.saturating_sub(elapsed)
    }

    /// Does all that can be done without waiting; gives the time of that.
    fn turn(&mut self) -> Instant {
        for side in Side::BOTH {
            while self.may_read(side) && self.read(side) {}
        }
        // Not before: what was just read without latency is due now, and would else wait for the
        // timer, whose resolution is a millisecond.
        let now = Instant::now();
        if self.closing.is_none() && self.time_left().is_zero() {
            let idle = self.active + self.service.idle_timeout();
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
        now
    }

    /// Takes one message from a side; false when there is none.
    pub(super) fn read(&mut self, side: Side) -> bool {
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
    pub(super) fn accept(&mut self, side: Side, bytes: Bytes) {
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
        if self.is_too_large(&message) {
            self.counts.dropped += 1;
            return;
        }
        match side {
            Side::Client => self.counts.note_client(&message, &mut self.client.seen),
            Side::Agent => self.counts.note_agent(&message, &mut self.agent.seen),
        }
        if kind == side.data() {
            self.active = self.service.clock.elapsed();
        }
        if self.closing.is_some() {
            return;
        }
        let lossy = self.service.config.lossy_resume;
        let (current, rng) = (&self.current, &mut self.rng);
        if kind == MessageType::Acknowledge && happens(current.drop_acks, rng) {
            self.counts.dropped += 1;
            return;
        }
        let spoils = kind == MessageType::OutputStreamData && happens(current.corrupt, rng);
        let bytes = if spoils { spoiled(&bytes) } else { bytes };
        let to = match side {
            Side::Client => &mut self.agent,
            Side::Agent => &mut self.client,
        };
        let lost = (lossy && to.known && !to.is_here())
            || to.buffer.push(Instant::now(), bytes, current, rng);
        self.counts.dropped += u64::from(lost);
    }

    /// Whether a fault keeps a message of this size from being taken at all: not counted as what
    /// the client sent either, so that the largest of those is the largest that passed.
    fn is_too_large(&self, message: &Message) -> bool {
        message.header.message_type == MessageType::InputStreamData
            && self.current.max_input.is_some_and(|max| message.payload.len() > max)
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
            Command::Inject { message } => {
                let latency = self.current.latency;
                self.client.buffer.push_own(Instant::now(), message, latency);
            }
            Command::Touch => self.active = self.service.clock.elapsed(),
            Command::Close { output } => self.close(&output),
        }
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

/// The message with another last byte.
fn spoiled(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.into()
}

impl Drop for Relay {
    /// However it ends, a defect of its own included: nobody is connected to a session without a
    /// relay, and nobody should be told that they are.
    fn drop(&mut self) {
        self.session.publish(self.counts, false, false);
        self.service.end_session(&self.session, "the relay is gone");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LabConfig;
    use crate::gateway::session::NewSession;

    fn service() -> (Arc<Service>, Arc<Session>) {
        let service = Arc::new(Service::new(LabConfig::default(), String::new(), None));
        let new = NewSession {
            id: "session".to_owned(),
            target: "instance".to_owned(),
            document: String::new(),
            parameters: <_>::default(),
            reason: None,
            owner: String::new(),
        };
        let session = Session::open(&service, new);
        (service, session)
    }

    #[tokio::test]
    async fn a_relay_that_dies_ends_its_session() {
        let (service, session) = service();
        session.publish(Counts::default(), true, true);
        assert_eq!(session.state(), "Connected");
        let (_commands, receiver) = mpsc::unbounded_channel();
        let relay = Relay::new(Arc::clone(&session), service, receiver);
        let died = tokio::spawn(async move {
            let _relay = relay;
            panic!("a defect");
        });
        died.await.expect_err("a panic");
        assert_eq!(session.state(), "Terminated");
        assert!(session.agent_stop.is_cancelled(), "its agent is told");
        let status = session.status();
        assert!(!status.client_here && !status.agent_here);
    }

    #[tokio::test]
    async fn a_lab_that_stops_ends_its_sessions() {
        let (service, session) = service();
        service.stop.cancel();
        service.tasks.close();
        service.tasks.wait().await;
        assert!(session.is_over());
    }
}
