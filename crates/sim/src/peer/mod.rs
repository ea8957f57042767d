//! A model of the official agent's session worker, written from `docs/protocol.md` and from
//! nothing else: of our crates it may know the codecs alone, so that the engine and its opponent
//! cannot share a mistake.
//!
//! What it gets wrong on purpose is what the official one gets wrong: it sends only its oldest
//! message again, reads 1,024 bytes and sleeps, rejects or loses what comes before its handler
//! stands, closes a destination's connection on the first end, dials one destination at a time,
//! and is frozen by a single one that stops reading.

mod config;
mod destination;
mod mux;
mod reconnect;
mod reliability;
mod single;

use std::collections::VecDeque;
use std::time::Duration;

use adit_wire::handshake::HandshakeResponse;
use adit_wire::{
    Ack, AckedMessage, Flag, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

pub use self::config::{Defect, PeerConfig, PeerEvent};
use self::mux::Mux;
pub use self::mux::StreamEvent;
use self::reconnect::Connection;
use self::reliability::{Place, Reliability};
use self::single::Single;

/// Bytes per message to the client.
const CHUNK: usize = 1024;
/// How long the agent waits for the client's answer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// One session worker of the official agent.
#[derive(Debug)]
pub struct Peer {
    config: PeerConfig,
    rng: StdRng,
    connection: Connection,
    reliability: Reliability,
    port: Port,
    handshake: Handshake,
    paused: bool,
    /// Its reader is stuck for good.
    stuck: bool,
    ended: bool,
    pump_at: Duration,
    scan_at: Option<Duration>,
    out: VecDeque<Bytes>,
    events: VecDeque<PeerEvent>,
    defect: Option<Defect>,
    resent: u64,
}

#[derive(Debug)]
enum Port {
    Mux(Mux),
    Single(Single),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Handshake {
    NotBegun,
    Asked { give_up: Duration },
    Complete { at: Duration },
}

impl Peer {
    /// A worker that wants its first websocket.
    pub fn new(config: PeerConfig, seed: u64, now: Duration) -> Self {
        let port = if config.version == "3.0.196.0" {
            Port::Single(Single::default())
        } else {
            Port::Mux(Mux::default())
        };
        Self {
            rng: StdRng::seed_from_u64(seed),
            connection: Connection::lost(now),
            reliability: Reliability::default(),
            port,
            handshake: Handshake::NotBegun,
            paused: false,
            stuck: false,
            ended: false,
            pump_at: now,
            scan_at: None,
            out: VecDeque::new(),
            events: VecDeque::new(),
            defect: config.defect,
            resent: 0,
            config,
        }
    }

    /// Its websocket is open.
    pub fn socket_up(&mut self, now: Duration) {
        self.connection = Connection::Up;
        self.paused = false;
        if self.handshake == Handshake::NotBegun {
            self.handshake = Handshake::Asked { give_up: now + HANDSHAKE_TIMEOUT };
            let version = self.config.version;
            let body = format!(
                r#"{{"AgentVersion":"{version}","RequestedClientActions":[{{"ActionType":"SessionType","ActionParameters":{{"SessionType":"Port","Properties":{{"localPortNumber":"0","portNumber":"5432","type":"LocalPortForwarding"}}}}}}]}}"#
            );
            self.say(now, PayloadType::HandshakeRequest, body.as_bytes());
        }
        self.arm_scan(now);
    }

    /// Its websocket is gone, with all that was to be written to it.
    pub fn socket_down(&mut self, now: Duration) {
        if self.connection == Connection::Up {
            self.out.clear();
            self.connection = Connection::lost(now);
        }
    }

    /// No websocket could be opened.
    pub fn dial_failed(&mut self, now: Duration) {
        let chance = self.rng.random();
        self.connection = self.connection.failed(now, chance);
    }

    /// Whether it has given up, or its session is over.
    pub fn is_lost(&self) -> bool {
        self.ended || self.stuck || self.connection == Connection::Deaf
    }

    /// Whether its reader takes the next message.
    pub fn wants_input(&self) -> bool {
        let takes = match &self.port {
            Port::Mux(mux) => mux.takes_input(),
            Port::Single(single) => single.takes_input(),
        };
        takes && !self.stuck && self.out.len() < 64
    }

    /// Takes one message.
    pub fn receive(&mut self, now: Duration, bytes: Bytes) {
        let Ok(message) = Message::decode(bytes) else { return };
        match message.header.message_type {
            MessageType::Acknowledge => {
                self.unpause(now);
                if let Ok(ack) = Ack::decode(&message.payload) {
                    let sequence = ack.acknowledged_message_sequence_number;
                    self.reliability.acknowledged(now, sequence);
                }
            }
            MessageType::InputStreamData => {
                self.unpause(now);
                self.data(now, &message);
            }
            MessageType::PausePublication => self.paused = true,
            MessageType::StartPublication => self.unpause(now),
            MessageType::ChannelClosed => self.ended = true,
            _ => {}
        }
    }

    fn unpause(&mut self, now: Duration) {
        if std::mem::take(&mut self.paused) {
            self.arm_scan(now);
        }
    }

    fn data(&mut self, now: Duration, message: &Message) {
        match self.reliability.place(message.header.sequence, message) {
            Place::Old | Place::Early => self.acknowledge(message),
            Place::Full => {}
            Place::Next => {
                if !self.process(now, message) {
                    return;
                }
                self.acknowledge(message);
                self.reliability.advance();
                while let Some(early) = self.reliability.early().cloned() {
                    if !self.process(now, &early) {
                        // Acknowledged, and never looked at again.
                        return;
                    }
                    self.reliability.forget_early();
                    self.reliability.advance();
                }
            }
        }
    }

    fn acknowledge(&mut self, message: &Message) {
        let Header { id, sequence, .. } = message.header;
        let mut body = Vec::with_capacity(200);
        if Ack::new(AckedMessage::InputStreamData, id, sequence).encode_into(&mut body).is_err() {
            return;
        }
        let header = Header {
            message_type: MessageType::Acknowledge,
            sequence: 0,
            flags: flags::SYN_FIN,
            payload_type: PayloadType::Undefined,
            ..self.header(Duration::ZERO)
        };
        self.write(encode(&header, &body));
    }

    /// Whether a message was taken.
    fn process(&mut self, now: Duration, message: &Message) -> bool {
        match (message.header.payload_type, self.handshake) {
            (PayloadType::HandshakeResponse, Handshake::Asked { .. }) => {
                if serde_json::from_slice::<HandshakeResponse>(&message.payload).is_err() {
                    return false;
                }
                self.handshake = Handshake::Complete { at: now };
                let body = br#"{"HandshakeTimeToComplete":1000000,"CustomerMessage":""}"#;
                self.say(now, PayloadType::HandshakeComplete, body);
                if let Port::Single(single) = &mut self.port {
                    single.connect();
                }
            }
            // A second answer is handed to somebody who no longer waits for it.
            (PayloadType::HandshakeResponse, _) => self.stuck = true,
            (kind, Handshake::Complete { at }) => {
                let ready = at + self.config.deaf_for;
                if now < ready {
                    return true;
                }
                if now < ready + self.config.not_ready_for {
                    return false;
                }
                match kind {
                    PayloadType::Output => self.input(message.payload.clone()),
                    PayloadType::Flag => self.flag(&message.payload),
                    _ => {}
                }
            }
            // Acknowledged and thrown away.
            _ => {}
        }
        true
    }

    fn input(&mut self, payload: Bytes) {
        match &mut self.port {
            Port::Mux(mux) => mux.input(payload),
            Port::Single(single) => single.input(payload),
        }
    }

    fn flag(&mut self, payload: &[u8]) {
        match (Flag::decode(payload), &mut self.port) {
            (Ok(Flag::TerminateSession), _) => self.end(""),
            (Ok(Flag::DisconnectToPort), Port::Single(single)) => single.disconnect(),
            _ => {}
        }
    }

    fn end(&mut self, output: &'static str) {
        if !std::mem::replace(&mut self.ended, true) {
            self.events.push_back(PeerEvent::Ended(output));
        }
    }

    fn header(&mut self, now: Duration) -> Header {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        Header {
            message_type: MessageType::OutputStreamData,
            created_ms: 1_700_000_000_000 + now.as_millis() as u64,
            sequence: self.reliability.next(),
            flags: if self.reliability.next() == 0 { flags::SYN } else { flags::NONE },
            id: MessageId::from_random(id),
            payload_type: PayloadType::Output,
        }
    }

    /// Sends stream data. It is kept even when it cannot be written.
    fn say(&mut self, now: Duration, kind: PayloadType, payload: &[u8]) {
        let header = Header { payload_type: kind, ..self.header(now) };
        let message = encode(&header, payload);
        self.reliability.sent(now, message.clone());
        if !self.paused {
            self.write(message);
        }
        self.arm_scan(now);
    }

    fn write(&mut self, message: Bytes) {
        if self.connection == Connection::Up {
            self.out.push_back(message);
        }
    }

    fn arm_scan(&mut self, now: Duration) {
        if self.scan_at.is_none() {
            self.scan_at = self.reliability.next_scan(now);
        }
    }

    /// Whether the reader of the destinations may go on when its sleep is over.
    fn pumps(&self) -> bool {
        let ready = match self.handshake {
            Handshake::Complete { .. } => true,
            Handshake::NotBegun | Handshake::Asked { .. } => false,
        };
        let heard = self.connection == Connection::Up || self.config.reads_while_away;
        ready && heard && !self.paused && !self.ended && self.out.is_empty() && self.pending() > 0
    }

    /// Messages that wait for an acknowledgement.
    pub fn unacknowledged(&self) -> usize {
        self.reliability.waiting()
    }

    /// Its resend timeout.
    pub fn timeout(&self) -> Duration {
        self.reliability.timeout()
    }

    /// Messages that were sent again.
    pub fn resent(&self) -> u64 {
        self.resent
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.is_lost() {
            return None;
        }
        let give_up = match self.handshake {
            Handshake::Asked { give_up } => Some(give_up),
            Handshake::NotBegun | Handshake::Complete { .. } => None,
        };
        let pump = self.pumps().then_some(self.pump_at);
        let scan = self.scan_at.filter(|_| !self.paused);
        [give_up, pump, scan, self.connection.next()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Duration) {
        if matches!(self.handshake, Handshake::Asked { give_up } if give_up <= now) {
            self.end("Encountered error while initiating handshake. Handshake timed out.");
        }
        if let Connection::Waiting { until, tries } = self.connection
            && until <= now
        {
            self.connection = Connection::Dialling { tries };
            self.events.push_back(PeerEvent::Connect);
        }
        if self.scan_at.is_some_and(|at| at <= now) && !self.paused {
            if let Some(message) = self.reliability.scan(now) {
                self.resent += 1;
                self.write(message);
            }
            self.scan_at = self.reliability.next_scan(now);
        }
        if self.pump_at <= now && self.pumps() {
            let chunk = match &mut self.port {
                Port::Mux(mux) => mux.output(CHUNK),
                Port::Single(single) => single.output(CHUNK),
            };
            if let Some(chunk) = chunk {
                self.say(now, PayloadType::Output, &chunk);
                self.pump_at = now + self.config.pace;
            }
        }
    }

    /// The next message for its websocket.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        let stream = match &mut self.port {
            Port::Mux(mux) => mux.events.pop_front(),
            Port::Single(single) => single.events.pop_front(),
        };
        stream.map(PeerEvent::Stream).or_else(|| self.events.pop_front())
    }
}
