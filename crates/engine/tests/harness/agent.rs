//! A small agent, written from what is known of the official one: it acknowledges in order and
//! out of order, acknowledges duplicates again, refuses data while its handler is not ready, and
//! resends only its oldest message, each 100 ms.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use adit_wire::smux::{self, Frame};
use adit_wire::{
    Ack, AckedMessage, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::Bytes;

const TICK: Duration = Duration::from_millis(100);
const RTO: Duration = Duration::from_millis(200);

/// What the destination of a connection does.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// Sends back what it gets.
    Echo,
    /// Reads, and says nothing.
    Sink,
    /// Says something, then closes.
    Say(Vec<u8>),
    /// Says something at once, then reads.
    Greet(Vec<u8>),
    /// Does not accept the connection.
    Refuse,
}

/// How an agent is, and what it will be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) version: &'static str,
    pub(crate) session_type: &'static str,
    pub(crate) properties: &'static str,
    /// What follows the session type in the list of actions.
    pub(crate) more_actions: &'static str,
    pub(crate) customer_message: &'static str,
    /// From the completed handshake until the port handler is ready.
    pub(crate) handler_delay: Duration,
    /// For connections in the order in which they are opened; then the last for all.
    pub(crate) behaviours: Vec<Behaviour>,
    /// The pause between two messages of its pump.
    pub(crate) pace: Duration,
    /// Messages with a longer payload are dropped before the agent sees them.
    pub(crate) largest_payload: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            version: "3.3.987.0",
            session_type: "Port",
            properties: r#"{"portNumber":"80","type":"LocalPortForwarding"}"#,
            more_actions: "",
            customer_message: "",
            handler_delay: Duration::ZERO,
            behaviours: vec![Behaviour::Echo],
            pace: Duration::from_micros(1100),
            largest_payload: usize::MAX,
        }
    }
}

impl Script {
    pub(crate) fn serving(behaviours: impl Into<Vec<Behaviour>>) -> Self {
        Self { behaviours: behaviours.into(), ..Self::default() }
    }

    /// A session without multiplexing.
    pub(crate) fn single(behaviours: impl Into<Vec<Behaviour>>) -> Self {
        Self { version: "3.0.100.0", ..Self::serving(behaviours) }
    }

    fn is_mux(&self) -> bool {
        self.version == "3.3.987.0" && self.properties.contains("LocalPortForwarding")
    }

    fn behaviour(&self, index: usize) -> Behaviour {
        let last = self.behaviours.len() - 1;
        self.behaviours[index.min(last)].clone()
    }
}

/// What the agent saw of one message.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) sequence: i64,
    pub(crate) kind: PayloadType,
    pub(crate) payload: Bytes,
    /// The whole message, to compare resends by.
    pub(crate) whole: Bytes,
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) script: Script,
    /// All stream data that arrived, in the order of arrival.
    pub(crate) seen: Vec<Seen>,
    /// Acknowledged sequence numbers, in the order of arrival.
    pub(crate) acks: Vec<i64>,
    /// While set, the agent does not read its socket.
    pub(crate) stalled: bool,
    /// What each connection got, by stream id (0 for all of a single-connection session).
    pub(crate) got: BTreeMap<u32, Vec<u8>>,
    /// Streams that the client ended.
    pub(crate) finned: Vec<u32>,
    /// Streams in the order in which they were opened.
    pub(crate) opened: Vec<u32>,
    pub(crate) disconnects: u32,
    pub(crate) terminated: bool,
    pub(crate) nops: u32,

    expected: i64,
    stored: BTreeMap<i64, Message>,
    next: i64,
    unacked: VecDeque<(i64, Bytes, Instant)>,
    resend_at: Option<Instant>,
    handler_at: Option<Instant>,
    smux_in: Vec<u8>,
    open: BTreeMap<u32, Behaviour>,
    pipe: VecDeque<u8>,
    pump_at: Option<Instant>,
    connected: bool,
    connections: usize,
    out: VecDeque<Bytes>,
    ids: u8,
}

impl Agent {
    pub(crate) fn new(script: Script) -> Self {
        let mut agent = Self {
            script,
            seen: Vec::new(),
            acks: Vec::new(),
            stalled: false,
            got: BTreeMap::new(),
            finned: Vec::new(),
            opened: Vec::new(),
            disconnects: 0,
            terminated: false,
            nops: 0,
            expected: 0,
            stored: BTreeMap::new(),
            next: 0,
            unacked: VecDeque::new(),
            resend_at: None,
            handler_at: None,
            smux_in: Vec::new(),
            open: BTreeMap::new(),
            pipe: VecDeque::new(),
            pump_at: None,
            connected: false,
            connections: 0,
            out: VecDeque::new(),
            ids: 0,
        };
        agent.ids = 1;
        agent
    }

    /// Its first message.
    pub(crate) fn start(&mut self, now: Instant) {
        let Script { version, session_type, properties, more_actions, .. } = self.script;
        let request = format!(
            r#"{{"AgentVersion":"{version}","RequestedClientActions":[{{"ActionType":"SessionType","ActionParameters":{{"SessionType":"{session_type}","Properties":{properties}}}}}{more_actions}]}}"#
        );
        self.say(now, PayloadType::HandshakeRequest, request.as_bytes());
    }

    /// Sends stream data.
    pub(crate) fn say(&mut self, now: Instant, kind: PayloadType, payload: &[u8]) {
        let header = Header {
            message_type: MessageType::OutputStreamData,
            created_ms: 1_700_000_000_123,
            sequence: self.next,
            flags: if self.next == 0 { flags::SYN } else { flags::NONE },
            id: self.id(),
            payload_type: kind,
        };
        let message = encode(&header, payload);
        self.unacked.push_back((self.next, message.clone(), now));
        self.next += 1;
        self.resend_at.get_or_insert(now + TICK);
        self.out.push_back(message);
    }

    fn id(&mut self) -> MessageId {
        self.ids = self.ids.wrapping_add(1);
        MessageId::from_random([self.ids; 16])
    }

    pub(crate) fn transmit(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.resend_at.into_iter().chain(self.pump_at).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.resend_at.is_some_and(|at| at <= now) {
            self.resend_at = (!self.unacked.is_empty()).then_some(now + TICK);
            if let Some((_, message, at)) = self.unacked.front_mut()
                && now - *at >= RTO
            {
                *at = now;
                self.out.push_back(message.clone());
            }
        }
        if self.pump_at.is_some_and(|at| at <= now) {
            let len = self.pipe.len().min(1024);
            let bytes: Vec<u8> = self.pipe.drain(..len).collect();
            self.say(now, PayloadType::Output, &bytes);
            self.pump_at = (!self.pipe.is_empty()).then_some(now + self.script.pace);
        }
    }

    /// Takes one message from the link.
    pub(crate) fn receive(&mut self, now: Instant, whole: Bytes) {
        let message = Message::decode(whole.clone()).expect("the session sends messages");
        assert!(message.digest_matches(), "a wrong digest");
        assert_ne!(message.header.created_ms, 0, "agents refuse a zero date");
        match message.header.message_type {
            MessageType::Acknowledge => {
                let ack = Ack::decode(&message.payload).expect("an acknowledgement");
                assert_eq!(ack.acknowledged_message_type, AckedMessage::OutputStreamData);
                assert_eq!((message.header.sequence, message.header.flags), (0, 3));
                let sequence = ack.acknowledged_message_sequence_number;
                self.acks.push(sequence);
                self.unacked.retain(|(unacked, ..)| *unacked != sequence);
            }
            MessageType::InputStreamData => {
                assert!(!message.payload.is_empty(), "agents cannot take an empty payload");
                self.seen.push(Seen {
                    at: now,
                    sequence: message.header.sequence,
                    kind: message.header.payload_type,
                    payload: message.payload.clone(),
                    whole,
                });
                if message.payload.len() <= self.script.largest_payload {
                    self.data(now, &message);
                }
            }
            other => panic!("a client sends no {other:?}"),
        }
    }

    fn data(&mut self, now: Instant, message: &Message) {
        let sequence = message.header.sequence;
        if sequence > self.expected {
            self.stored.insert(sequence, message.clone());
            return self.acknowledge(message);
        }
        if sequence < self.expected {
            return self.acknowledge(message);
        }
        if !self.process(now, message) {
            return;
        }
        self.acknowledge(message);
        self.expected += 1;
        while let Some(message) = self.stored.remove(&self.expected) {
            assert!(self.process(now, &message), "acknowledged, and stuck for ever");
            self.expected += 1;
        }
    }

    fn acknowledge(&mut self, message: &Message) {
        let Header { id, sequence, .. } = message.header;
        let mut body = Vec::new();
        Ack::new(AckedMessage::InputStreamData, id, sequence).encode_into(&mut body).unwrap();
        let header = Header {
            message_type: MessageType::Acknowledge,
            created_ms: 1_700_000_000_123,
            sequence: 0,
            flags: flags::SYN_FIN,
            id: self.id(),
            payload_type: PayloadType::Undefined,
        };
        self.out.push_back(encode(&header, &body));
    }

    /// Whether the message was taken.
    fn process(&mut self, now: Instant, message: &Message) -> bool {
        match message.header.payload_type {
            PayloadType::HandshakeResponse => {
                assert!(self.handler_at.is_none(), "a second answer blocks the agent for good");
                self.handler_at = Some(now + self.script.handler_delay);
                let text = self.script.customer_message;
                let body =
                    format!(r#"{{"HandshakeTimeToComplete":1000,"CustomerMessage":"{text}"}}"#);
                self.say(now, PayloadType::HandshakeComplete, body.as_bytes());
                if !self.script.is_mux() {
                    self.connect(now);
                }
                true
            }
            PayloadType::Output | PayloadType::Flag => {
                let handler_at = self.handler_at.expect("data before the handshake is discarded");
                if now < handler_at {
                    return false;
                }
                if message.header.payload_type == PayloadType::Flag {
                    self.flag(&message.payload);
                } else if self.script.is_mux() {
                    self.smux_in.extend(&message.payload);
                    self.demultiplex(now);
                } else {
                    self.raw(now, &message.payload);
                }
                true
            }
            other => panic!("unexpected payload type {other:?}"),
        }
    }

    fn flag(&mut self, payload: &[u8]) {
        match payload {
            [0, 0, 0, 1] => {
                self.disconnects += 1;
                self.connected = false;
                self.pipe.clear();
            }
            [0, 0, 0, 2] => self.terminated = true,
            other => panic!("flag {other:?}"),
        }
    }

    fn connect(&mut self, now: Instant) {
        self.connected = true;
        let behaviour = self.script.behaviour(self.connections);
        self.connections += 1;
        if let Behaviour::Greet(bytes) | Behaviour::Say(bytes) = &behaviour {
            self.pump(now, bytes);
        }
        self.open.insert(0, behaviour);
    }

    fn raw(&mut self, now: Instant, payload: &[u8]) {
        if !self.connected {
            self.connect(now);
        }
        self.got.entry(self.connections as u32 - 1).or_default().extend(payload);
        if let Some(Behaviour::Echo) = self.open.get(&0) {
            self.pump(now, payload);
        }
    }

    fn demultiplex(&mut self, now: Instant) {
        loop {
            let Some(header) = self.smux_in.first_chunk().copied() else { return };
            let frame = Frame::decode(header).expect("smux frames");
            let body = if let Frame::Psh { len, .. } = frame { usize::from(len) } else { 0 };
            if self.smux_in.len() < smux::HEADER_LEN + body {
                return;
            }
            let body: Vec<u8> =
                self.smux_in.drain(..smux::HEADER_LEN + body).skip(smux::HEADER_LEN).collect();
            self.frame(now, frame, &body);
        }
    }

    fn frame(&mut self, now: Instant, frame: Frame, body: &[u8]) {
        match frame {
            Frame::Nop => self.nops += 1,
            Frame::Syn { stream } => {
                assert!(stream >= 3 && stream % 2 == 1, "client ids are odd, from 3");
                assert!(!self.opened.contains(&stream), "{stream} opened twice");
                self.opened.push(stream);
                let behaviour = self.script.behaviour(self.opened.len() - 1);
                match &behaviour {
                    Behaviour::Refuse => {
                        self.say(now, PayloadType::Flag, &[0, 0, 0, 3]);
                        return self.fin(now, stream);
                    }
                    Behaviour::Say(bytes) => {
                        self.push(now, stream, bytes);
                        return self.fin(now, stream);
                    }
                    Behaviour::Greet(bytes) => self.push(now, stream, bytes),
                    Behaviour::Echo | Behaviour::Sink => {}
                }
                self.open.insert(stream, behaviour);
            }
            Frame::Psh { stream, .. } => {
                assert!(self.opened.contains(&stream), "data before the SYN of {stream}");
                assert!(!self.finned.contains(&stream), "data behind the FIN of {stream}");
                self.got.entry(stream).or_default().extend(body);
                if let Some(Behaviour::Echo) = self.open.get(&stream) {
                    self.push(now, stream, body);
                }
            }
            Frame::Fin { stream } => {
                assert!(!self.finned.contains(&stream), "a second FIN of {stream}");
                self.finned.push(stream);
                // The whole connection is closed, and that is told.
                if self.open.remove(&stream).is_some() {
                    self.fin(now, stream);
                }
            }
        }
    }

    /// Sends bytes on a stream.
    pub(crate) fn push(&mut self, now: Instant, stream: u32, bytes: &[u8]) {
        for piece in bytes.chunks(32 << 10) {
            let frame = Frame::Psh { stream, len: piece.len() as u16 };
            self.pump(now, &[&frame.encode()[..], piece].concat());
        }
    }

    /// Ends a stream, as when the destination closes.
    pub(crate) fn fin(&mut self, now: Instant, stream: u32) {
        self.open.remove(&stream);
        self.pump(now, &Frame::Fin { stream }.encode());
    }

    /// Puts bytes into the pipe that the pump empties.
    pub(crate) fn pump(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.pipe.extend(bytes);
        self.pump_at.get_or_insert(now);
    }

    /// What is not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacked.len()
    }

    /// How often each sequence number arrived.
    pub(crate) fn arrivals(&self, sequence: i64) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.sequence == sequence).collect()
    }
}
