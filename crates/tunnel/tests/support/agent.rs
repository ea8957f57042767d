//! The agent behind the gateway: enough of the official one to carry bytes.
//!
//! It acknowledges everything that it has or had, keeps what is not acknowledged and sends it
//! again on the next websocket, closes a stream in both directions on FIN, and sends at most 1,024
//! bytes a message.

use std::collections::{BTreeMap, VecDeque};

use adit_wire::handshake::{
    HandshakeComplete, HandshakeRequest, RequestedAction, SessionTypeParameters,
};
use adit_wire::smux::{self, Frame};
use adit_wire::{
    Ack, AckedMessage, Flag, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::{Buf as _, Bytes, BytesMut};

/// What is behind the agent.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Sends back what comes.
    Echo,
    /// After so many bytes, answers and closes.
    Answer { after: usize, answer: Vec<u8> },
    /// Sends so many bytes of [`super::pattern`] and closes.
    Greet(usize),
    /// Takes no connection.
    Refuse,
}

#[derive(Default)]
struct Stream {
    received: usize,
}

/// The state of one session, which outlives websockets.
pub struct Agent {
    destination: Destination,
    version: String,
    greeted: bool,
    expected: i64,
    early: BTreeMap<i64, Message>,
    next: i64,
    unacked: BTreeMap<i64, Bytes>,
    smux: BytesMut,
    streams: BTreeMap<u32, Stream>,
    out: VecDeque<Bytes>,
    ids: u128,
    /// FIN frames from the client.
    pub fins: usize,
    /// The client asked for the end in band.
    pub terminated: bool,
}

impl Agent {
    pub fn new(destination: Destination) -> Self {
        Self {
            destination,
            version: "3.3.987.0".to_owned(),
            greeted: false,
            expected: 0,
            early: BTreeMap::new(),
            next: 0,
            unacked: BTreeMap::new(),
            smux: BytesMut::new(),
            streams: BTreeMap::new(),
            out: VecDeque::new(),
            ids: 1,
            fins: 0,
            terminated: false,
        }
    }

    /// The same agent for another session.
    pub fn successor(&self) -> Self {
        Self { version: self.version.clone(), ..Self::new(self.destination.clone()) }
    }

    /// Speaks as an older agent.
    pub fn set_version(&mut self, version: &str) {
        version.clone_into(&mut self.version);
    }

    /// Streams that are open at the destination.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Whether the agent speaks smux.
    fn is_mux(&self) -> bool {
        self.version.starts_with("3.3")
    }

    /// A websocket of the client is there.
    pub fn attach(&mut self) {
        if self.greeted {
            self.out = self.unacked.values().cloned().collect();
            return;
        }
        self.greeted = true;
        let properties = [("type", "LocalPortForwarding"), ("portNumber", "5432")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = SessionTypeParameters {
            session_type: "Port".to_owned(),
            properties: properties.into(),
        };
        let request = HandshakeRequest {
            agent_version: self.version.clone(),
            requested_client_actions: vec![RequestedAction::SessionType(parameters)],
        };
        let body = serde_json::to_vec(&request).expect("serialises");
        self.send(PayloadType::HandshakeRequest, &body);
    }

    /// The next message for the client.
    pub fn poll(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// What was to be sent is lost with the websocket; unacknowledged data is sent again later.
    pub fn detach(&mut self) {
        self.out.clear();
    }

    /// Ends the session as the service does.
    pub fn close_channel(&mut self, output: &str) {
        let body = serde_json::json!({
            "MessageId": "0f1e2d3c-4b5a-4697-8877-665544332211",
            "CreatedDate": "1700000000123",
            "DestinationId": "d",
            "SessionId": "s",
            "MessageType": "channel_closed",
            "SchemaVersion": 1,
            "Output": output,
        });
        let header = self.header(MessageType::ChannelClosed, 0, PayloadType::Undefined);
        self.out.push_back(encode(&header, body.to_string().as_bytes()));
    }

    /// Takes a message; true when it is data of the client.
    pub fn receive(&mut self, bytes: Bytes) -> bool {
        let message = Message::decode(bytes).expect("a message");
        match message.header.message_type {
            MessageType::Acknowledge => {
                let ack = Ack::decode(&message.payload).expect("an ack");
                self.unacked.remove(&ack.acknowledged_message_sequence_number);
                false
            }
            MessageType::InputStreamData => {
                assert!(message.digest_matches(), "digest of the client");
                self.acknowledge(&message.header);
                if message.header.sequence >= self.expected {
                    self.early.insert(message.header.sequence, message);
                }
                while let Some(message) = self.early.remove(&self.expected) {
                    self.expected += 1;
                    self.process(&message);
                }
                true
            }
            other => panic!("unexpected message {other:?}"),
        }
    }

    fn process(&mut self, message: &Message) {
        match message.header.payload_type {
            PayloadType::HandshakeResponse => {
                let complete = HandshakeComplete {
                    handshake_time_to_complete: 1_000_000,
                    customer_message: String::new(),
                };
                let body = serde_json::to_vec(&complete).expect("serialises");
                self.send(PayloadType::HandshakeComplete, &body);
            }
            PayloadType::Output if self.is_mux() => {
                self.smux.extend_from_slice(&message.payload);
                self.frames();
            }
            PayloadType::Output => {
                let payload = message.payload.clone();
                self.send(PayloadType::Output, &payload);
            }
            PayloadType::Flag => match Flag::decode(&message.payload).expect("a flag") {
                Flag::TerminateSession => {
                    self.terminated = true;
                    self.close_channel("");
                }
                Flag::DisconnectToPort | Flag::ConnectToPortError | Flag::Other(_) => {}
            },
            other => panic!("unexpected payload {other:?}"),
        }
    }

    fn frames(&mut self) {
        while let Some(header) = self.smux.first_chunk::<{ smux::HEADER_LEN }>() {
            let frame = Frame::decode(*header).expect("a frame");
            let body = if let Frame::Psh { len, .. } = frame { usize::from(len) } else { 0 };
            if self.smux.len() < smux::HEADER_LEN + body {
                return;
            }
            self.smux.advance(smux::HEADER_LEN);
            let body = self.smux.split_to(body);
            match frame {
                Frame::Syn { stream } => self.accept(stream),
                Frame::Psh { stream, .. } => self.deliver(stream, &body),
                Frame::Fin { stream } => {
                    self.fins += 1;
                    // The official agent closes the whole connection to the destination, and its
                    // own end of the stream with it.
                    if self.streams.remove(&stream).is_some() {
                        self.frame(Frame::Fin { stream }, &[]);
                    }
                }
                Frame::Nop => {}
            }
        }
    }

    fn accept(&mut self, stream: u32) {
        match self.destination.clone() {
            Destination::Refuse => {
                self.send(PayloadType::Flag, &Flag::ConnectToPortError.encode());
                self.frame(Frame::Fin { stream }, &[]);
            }
            Destination::Greet(len) => {
                self.data(stream, &super::pattern(len));
                self.frame(Frame::Fin { stream }, &[]);
            }
            Destination::Echo | Destination::Answer { .. } => {
                self.streams.insert(stream, Stream::default());
            }
        }
    }

    fn deliver(&mut self, id: u32, body: &[u8]) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.received += body.len();
        let received = stream.received;
        match self.destination.clone() {
            Destination::Answer { after, answer } if received >= after => {
                self.streams.remove(&id);
                self.data(id, &answer);
                self.frame(Frame::Fin { stream: id }, &[]);
            }
            Destination::Echo => self.data(id, body),
            _ => {}
        }
    }

    fn data(&mut self, stream: u32, data: &[u8]) {
        for part in data.chunks(1024) {
            self.frame(Frame::Psh { stream, len: part.len() as u16 }, part);
        }
    }

    /// Frames are cut into messages of at most 1,024 bytes, without regard to their borders.
    fn frame(&mut self, frame: Frame, body: &[u8]) {
        let mut bytes = frame.encode().to_vec();
        bytes.extend_from_slice(body);
        for part in bytes.chunks(1024) {
            self.send(PayloadType::Output, part);
        }
    }

    fn send(&mut self, payload_type: PayloadType, payload: &[u8]) {
        let sequence = self.next;
        self.next += 1;
        let header = self.header(MessageType::OutputStreamData, sequence, payload_type);
        let message = encode(&header, payload);
        self.unacked.insert(sequence, message.clone());
        self.out.push_back(message);
    }

    fn acknowledge(&mut self, of: &Header) {
        let ack = Ack::new(AckedMessage::InputStreamData, of.id, of.sequence);
        let mut body = Vec::new();
        ack.encode_into(&mut body).expect("serialises");
        let header = Header {
            flags: flags::SYN_FIN,
            ..self.header(MessageType::Acknowledge, 0, PayloadType::Undefined)
        };
        self.out.push_back(encode(&header, &body));
    }

    fn header(&mut self, message_type: MessageType, sequence: i64, payload: PayloadType) -> Header {
        self.ids += 1;
        Header {
            message_type,
            created_ms: 1_700_000_000_123,
            sequence,
            flags: flags::NONE,
            id: MessageId::from_random(self.ids.to_be_bytes()),
            payload_type: payload,
        }
    }
}
