use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adit_engine::{Epoch, Event, Loss, Read, Session, SessionConfig, StreamId};
use adit_wire::PayloadType;
use bytes::{BufMut, Bytes};

use super::link::Link;
use super::{Agent, Script, Weather, origin};

/// What a local connection wants and got.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) to_send: Vec<u8>,
    sent: usize,
    /// Bytes that are handed over at a time.
    pub(crate) piece: usize,
    /// Pieces that are handed over before the session may transmit.
    pub(crate) burst: usize,
    finish: bool,
    finished: bool,
    /// Whether what comes is read.
    pub(crate) reading: bool,
    pub(crate) received: Vec<u8>,
    pub(crate) ended: Option<Read>,
}

/// A session, an agent, two links and a clock.
pub(crate) struct Universe {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) session: Session,
    pub(crate) agent: Agent,
    pub(crate) up: Link,
    pub(crate) down: Link,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) locals: BTreeMap<StreamId, Local>,
    /// Every message that the session handed out, when the link was there.
    pub(crate) transmitted: Vec<(Instant, Bytes)>,
    connected: bool,
}

impl Universe {
    /// The websocket is open, and the agent has begun.
    pub(crate) fn new(script: Script, weather: Weather, seed: u64) -> Self {
        Self::with_config(SessionConfig::default(), script, weather, seed)
    }

    pub(crate) fn with_config(
        config: SessionConfig,
        script: Script,
        weather: Weather,
        seed: u64,
    ) -> Self {
        let now = origin();
        let epoch = Epoch { instant: now, unix_ms: 1_700_000_000_000 };
        let mut universe = Self {
            now,
            start: now,
            session: Session::client(config, seed, epoch),
            agent: Agent::new(script),
            up: Link::new(weather, seed ^ 1),
            down: Link::new(weather, seed ^ 2),
            events: Vec::new(),
            locals: BTreeMap::new(),
            transmitted: Vec::new(),
            connected: false,
        };
        universe.agent.start(now);
        universe.connect();
        universe
    }

    /// The same, until streams can be opened.
    pub(crate) fn ready(script: Script, weather: Weather, seed: u64) -> Self {
        let mut universe = Self::new(script, weather, seed);
        universe.run_until_ready();
        universe
    }

    pub(crate) fn run_until_ready(&mut self) {
        self.run_until("ready", Self::is_ready);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Ready { .. }))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// A new websocket.
    pub(crate) fn connect(&mut self) {
        self.connected = true;
        self.session.transport_up(self.now);
        self.drain();
    }

    /// The websocket is gone, with all that was under way.
    pub(crate) fn cut(&mut self) {
        self.connected = false;
        self.up.cut();
        self.down.cut();
        self.session.transport_down(self.now, Loss::Failed);
        self.drain();
    }

    /// Opens a stream.
    pub(crate) fn open(&mut self) -> StreamId {
        let id = self.session.open(self.now).expect("a stream");
        let local = Local {
            to_send: Vec::new(),
            sent: 0,
            piece: usize::MAX,
            burst: 4,
            finish: false,
            finished: false,
            reading: true,
            received: Vec::new(),
            ended: None,
        };
        self.locals.insert(id, local);
        self.drain();
        id
    }

    pub(crate) fn local(&mut self, id: StreamId) -> &mut Local {
        self.locals.get_mut(&id).expect("a local connection")
    }

    /// Has bytes sent.
    pub(crate) fn send(&mut self, id: StreamId, bytes: &[u8]) {
        self.local(id).to_send.extend(bytes);
        self.drain();
    }

    /// Half-closes a stream when all is sent.
    pub(crate) fn finish(&mut self, id: StreamId) {
        self.local(id).finish = true;
        self.drain();
    }

    pub(crate) fn reset(&mut self, id: StreamId) {
        self.session.reset(self.now, id);
        self.drain();
    }

    pub(crate) fn received(&self, id: StreamId) -> &[u8] {
        &self.locals[&id].received
    }

    pub(crate) fn ended(&self, id: StreamId) -> Option<Read> {
        self.locals[&id].ended
    }

    pub(crate) fn is_sent(&self, id: StreamId) -> bool {
        self.locals[&id].sent == self.locals[&id].to_send.len()
    }

    /// Does all that can be done at this moment.
    pub(crate) fn drain(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "busy at {:?}", self.elapsed());
            let pumped = self.pump();
            let transmitted = self.transmit();
            while let Some(event) = self.session.poll_event() {
                self.events.push((self.now, event));
            }
            if !pumped && !transmitted {
                break;
            }
        }
    }

    fn transmit(&mut self) -> bool {
        let mut any = false;
        while let Some(message) = self.session.poll_transmit(self.now) {
            assert!(self.connected, "handed out without a websocket");
            self.transmitted.push((self.now, message.clone()));
            self.up.send(self.now, &message);
            any = true;
        }
        while let Some(message) = self.agent.transmit() {
            // Without a client the service drops it, as in the worst case.
            if self.connected {
                self.down.send(self.now, &message);
                any = true;
            }
        }
        any
    }

    /// Moves bytes between the local connections and the session.
    fn pump(&mut self) -> bool {
        let mut any = false;
        for (id, local) in &mut self.locals {
            // As a driver does that takes turns with its connections.
            for _ in 0..local.burst {
                if local.sent == local.to_send.len() {
                    break;
                }
                let Some(mut chunk) = self.session.chunk(*id) else { break };
                let room = chunk.spare_mut().remaining_mut().min(local.piece);
                let end = local.to_send.len().min(local.sent + room);
                chunk.spare_mut().put_slice(&local.to_send[local.sent..end]);
                if self.session.write(self.now, *id, chunk).is_err() {
                    break;
                }
                local.sent = end;
                any = true;
            }
            if local.finish && !local.finished && local.sent == local.to_send.len() {
                local.finished = true;
                self.session.finish(self.now, *id);
                any = true;
            }
            while local.reading && local.ended.is_none() {
                let mut pieces = Vec::new();
                match self.session.read(self.now, *id, 1000, &mut pieces) {
                    Read::Data(len) => {
                        assert_eq!(len, pieces.iter().map(Bytes::len).sum::<usize>());
                        assert!(len > 0 && len <= 1000);
                        for piece in &pieces {
                            local.received.extend(piece);
                        }
                        any = true;
                    }
                    Read::Blocked => break,
                    over @ (Read::End | Read::Reset(_)) => local.ended = Some(over),
                }
            }
        }
        any
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let up = self.up.next().filter(|_| !self.agent.stalled);
        let down = self.down.next().filter(|_| self.session.wants_input());
        let timeout = self.session.poll_timeout();
        [up, down, timeout, self.agent.timeout()].into_iter().flatten().min()
    }

    /// Goes to the next moment at which something happens, but not past `limit`.
    fn step(&mut self, limit: Instant) -> bool {
        let Some(next) = self.next().filter(|next| *next <= limit) else {
            self.now = self.now.max(limit);
            return false;
        };
        self.now = self.now.max(next);
        while !self.agent.stalled
            && let Some(message) = self.up.arrive(self.now)
        {
            self.agent.receive(self.now, message);
        }
        while self.session.wants_input()
            && let Some(message) = self.down.arrive(self.now)
        {
            self.session.receive(self.now, message);
            self.drain();
        }
        self.agent.handle_timeout(self.now);
        if self.session.poll_timeout().is_some_and(|at| at <= self.now) {
            self.session.handle_timeout(self.now);
            let again = self.session.poll_timeout();
            assert!(again.is_none_or(|at| at > self.now), "the same timeout again");
        }
        self.drain();
        true
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, length: Duration) {
        let limit = self.now + length;
        while self.step(limit) {}
    }

    /// Lets time pass until something is so, for at most ten minutes.
    pub(crate) fn run_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let limit = self.now + Duration::from_mins(10);
        while !condition(self) {
            assert!(self.step(limit), "never {what}: {:?}, events {:?}", self.session, self.events);
        }
    }

    /// When an event came, since the start.
    pub(crate) fn time_of(&self, wanted: &Event) -> Option<Duration> {
        let (at, _) = self.events.iter().find(|(_, event)| event == wanted)?;
        Some(*at - self.start)
    }

    pub(crate) fn has_event(&self, wanted: &Event) -> bool {
        self.time_of(wanted).is_some()
    }

    /// Has the agent send stream data.
    pub(crate) fn say(&mut self, kind: PayloadType, payload: &[u8]) {
        self.agent.say(self.now, kind, payload);
        self.drain();
    }

    /// Hands the session a message from the service.
    pub(crate) fn inject(&mut self, message: impl Into<Bytes>) {
        self.session.receive(self.now, message.into());
        self.drain();
    }
}
