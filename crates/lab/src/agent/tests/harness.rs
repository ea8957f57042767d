//! A client that does what it is told, a gateway that hands out legs, and destinations.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_wire::control::{AgentTaskComplete, ParameterDefinition, SessionDocument, SessionTask};
use adit_wire::smux::Frame;
use adit_wire::{
    Ack, AckedMessage, Flag, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agent::config::{AgentConfig, Limits, Pace, Quirks, Runtime};
use crate::agent::run_session;
use crate::gateway::leg::Leg;
use crate::gateway::seam::{AgentGateway, AttachError};

pub(super) const SESSION: &str = "adit-lab-0123456789abcdef0";
pub(super) const MODERN: &str = "1.2.764.0";

/// Long enough for a busy machine; reached only by a failing test.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(super) struct FakeGateway {
    legs: mpsc::UnboundedSender<Leg>,
    completed: mpsc::UnboundedSender<AgentTaskComplete>,
    pub(super) refusal: Arc<Mutex<Option<AttachError>>>,
    pub(super) attempts: Arc<AtomicUsize>,
    pub(super) opened: Arc<AtomicUsize>,
    pub(super) closed: Arc<AtomicUsize>,
}

impl AgentGateway for FakeGateway {
    async fn attach(&self, session_id: &str) -> Result<Leg, AttachError> {
        assert_eq!(session_id, SESSION);
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if let Some(error) = *self.refusal.lock().unwrap() {
            return Err(error);
        }
        let (near, far) = Leg::pair();
        // Fails once the test is over.
        self.legs.send(far).map_err(|_| AttachError::Terminated)?;
        Ok(near)
    }

    fn complete(&self, message: AgentTaskComplete) {
        // The receiver is gone when a test does not look at the end.
        self.completed.send(message).ok();
    }

    fn destination_opened(&self, _session_id: &str) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }

    fn destination_closed(&self, _session_id: &str) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a test may set before its agent starts.
pub(super) struct Setup {
    pub(super) properties: BTreeMap<String, String>,
    pub(super) document: SessionDocument,
    pub(super) quirks: Quirks,
    pub(super) limits: Limits,
    pub(super) runtime: Runtime,
    pub(super) pace: Pace,
    pub(super) maps: Vec<(crate::HostPort, SocketAddr)>,
}

impl Setup {
    /// A forwarding session to a port of this machine.
    pub(super) fn port(port: u16) -> Self {
        let properties = [("type", "LocalPortForwarding"), ("localPortNumber", "0")];
        Self::new(properties.into_iter(), port)
    }

    /// A raw stream.
    pub(super) fn raw(port: u16) -> Self {
        Self::new(std::iter::empty(), port)
    }

    /// A forwarding session to a host.
    pub(super) fn host(host: &str, port: u16) -> Self {
        let mut setup = Self::port(port);
        setup.properties.insert("host".to_owned(), host.to_owned());
        setup
    }

    fn new<'a>(properties: impl Iterator<Item = (&'a str, &'a str)>, port: u16) -> Self {
        let mut properties: BTreeMap<_, _> =
            properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        properties.insert("portNumber".to_owned(), port.to_string());
        let document = SessionDocument {
            schema_version: "1.0".to_owned(),
            description: String::new(),
            session_type: "Port".to_owned(),
            inputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
            properties: BTreeMap::new(),
        };
        Self {
            properties,
            document,
            quirks: Quirks::default(),
            limits: Limits::default(),
            runtime: Runtime {
                handler_delay: Duration::ZERO..=Duration::ZERO,
                retry_delay: Duration::from_millis(1)..=Duration::from_millis(2),
                closing_wait: Duration::from_millis(10),
                ..Runtime::default()
            },
            pace: Pace::Off,
            maps: Vec::new(),
        }
    }

    /// Starts the agent; every property stands as a parameter in the document.
    pub(super) fn start(mut self) -> Agent {
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.properties {
            let definition = ParameterDefinition { kind: "String".to_owned(), ..<_>::default() };
            self.document.parameters.entry(name.clone()).or_insert(definition);
            self.document.properties.insert(name.clone(), format!("{{{{ {name} }}}}").into());
            parameters.insert(name.clone(), value.clone());
        }
        let task = SessionTask {
            document_name: "Test".to_owned(),
            document_content: self.document,
            session_id: SESSION.to_owned(),
            parameters,
            run_as_user: String::new(),
            session_owner: String::new(),
        };
        let mut config = AgentConfig::new(self.pace, self.maps, self.quirks);
        config.limits = self.limits;
        config.update(|runtime| *runtime = self.runtime);
        let (legs, attached) = mpsc::unbounded_channel();
        let (completed, completions) = mpsc::unbounded_channel();
        let gateway = FakeGateway {
            legs,
            completed,
            refusal: Arc::default(),
            attempts: Arc::default(),
            opened: Arc::default(),
            closed: Arc::default(),
        };
        let cancel = CancellationToken::new();
        let instance = "i-0ad17000000000001".to_owned();
        tokio::spawn(run_session(
            task,
            instance,
            gateway.clone(),
            Arc::new(config),
            7,
            cancel.clone(),
        ));
        Agent { gateway, cancel, attached, completions }
    }

    /// Starts the agent and brings the handshake to its end.
    pub(super) async fn client(self, version: &str) -> Client {
        let mut client = self.start().client().await;
        client.handshake(version).await;
        client
    }
}

/// A running agent, seen from the gateway.
pub(super) struct Agent {
    pub(super) gateway: FakeGateway,
    pub(super) cancel: CancellationToken,
    attached: mpsc::UnboundedReceiver<Leg>,
    completions: mpsc::UnboundedReceiver<AgentTaskComplete>,
}

impl Agent {
    pub(super) async fn client(mut self) -> Client {
        let leg = self.leg().await;
        Client {
            agent: self,
            leg,
            next: 0,
            received: BTreeMap::new(),
            acks: Vec::new(),
            output: Output::default(),
        }
    }

    pub(super) async fn leg(&mut self) -> Leg {
        patiently("a leg", self.attached.recv()).await.unwrap()
    }

    /// Waits for the end of the session: its status and its text.
    pub(super) async fn end(&mut self) -> (String, String) {
        let message = patiently("the end", self.completions.recv()).await.unwrap();
        assert_eq!(message.task_id, SESSION);
        assert_eq!(message.instance_id, "i-0ad17000000000001");
        (message.final_task_status, message.output)
    }

    /// Whether the session has not ended so far.
    pub(super) fn is_running(&mut self) -> bool {
        self.completions.try_recv().is_err()
    }
}

/// The client's end of a session. It acknowledges only where a test says so.
pub(super) struct Client {
    pub(super) agent: Agent,
    pub(super) leg: Leg,
    pub(super) next: i64,
    /// Stream data from the agent by sequence number.
    pub(super) received: BTreeMap<i64, Message>,
    /// Acknowledged sequence numbers, in the order they came.
    pub(super) acks: Vec<i64>,
    output: Output,
}

impl Client {
    /// Receives one message, and takes note of it.
    pub(super) async fn message(&mut self) -> Message {
        let bytes = patiently("a message", self.leg.rx.recv()).await.expect("an open leg");
        let message = Message::decode(bytes).unwrap();
        match message.header.message_type {
            MessageType::Acknowledge => {
                assert_eq!((message.header.sequence, message.header.flags), (0, flags::SYN_FIN));
                let ack = Ack::decode(&message.payload).unwrap();
                assert!(ack.is_sequential_message);
                assert_eq!(ack.acknowledged_message_type, AckedMessage::InputStreamData);
                self.acks.push(ack.acknowledged_message_sequence_number);
            }
            MessageType::OutputStreamData => {
                assert!(message.digest_matches());
                self.received.insert(message.header.sequence, message.clone());
                self.output.take(&self.received);
            }
            _ => {}
        }
        message
    }

    /// Receives until a sequence number is acknowledged (again, if it was already).
    pub(super) async fn acknowledged(&mut self, sequence: i64) {
        let before = self.acks.len();
        patiently("an acknowledgement", async {
            while !self.acks[before..].contains(&sequence) {
                self.message().await;
            }
        })
        .await;
    }

    /// Receives and acknowledges stream data until one has come with that payload type.
    pub(super) async fn stream_data(&mut self, kind: PayloadType) -> Message {
        patiently("stream data", async {
            loop {
                let message = self.message().await;
                if message.header.message_type == MessageType::OutputStreamData {
                    self.acknowledge(message.header.sequence).await;
                    if message.header.payload_type == kind {
                        return message;
                    }
                }
            }
        })
        .await
    }

    pub(super) async fn acknowledge(&mut self, sequence: i64) {
        let id = self.received.get(&sequence).map_or(MessageId::default(), |m| m.header.id);
        let mut payload = Vec::new();
        Ack::new(AckedMessage::OutputStreamData, id, sequence).encode_into(&mut payload).unwrap();
        let header = header(MessageType::Acknowledge, 0, PayloadType::Undefined);
        // The agent may have ended by then.
        patiently("room", self.leg.tx.send(encode(&header, &payload))).await.ok();
    }

    /// Sends a message as it stands.
    pub(super) async fn raw(&mut self, message: Bytes) {
        patiently("room", self.leg.tx.send(message)).await.unwrap();
    }

    /// Sends a message that the service makes.
    pub(super) async fn service(&mut self, message_type: MessageType) {
        self.raw(encode(&header(message_type, 0, PayloadType::Undefined), b"{}")).await;
    }

    /// Sends stream data with a number of the caller's choice.
    pub(super) async fn input(&mut self, sequence: i64, kind: PayloadType, payload: &[u8]) {
        self.raw(input(sequence, kind, payload)).await;
    }

    /// Sends the next stream data; gives its number.
    pub(super) async fn send(&mut self, kind: PayloadType, payload: &[u8]) -> i64 {
        let sequence = self.next;
        self.next += 1;
        self.input(sequence, kind, payload).await;
        sequence
    }

    /// Sends bytes and waits until they are acknowledged, sending again what was rejected.
    pub(super) async fn write(&mut self, payload: &[u8]) {
        self.deliver(PayloadType::Output, payload).await;
    }

    pub(super) async fn flag(&mut self, flag: Flag) {
        self.deliver(PayloadType::Flag, &flag.encode()).await;
    }

    async fn deliver(&mut self, kind: PayloadType, payload: &[u8]) {
        let sequence = self.send(kind, payload).await;
        let resend = Duration::from_millis(20);
        while tokio::time::timeout(resend, self.acknowledged(sequence)).await.is_err() {
            self.input(sequence, kind, payload).await;
        }
    }

    pub(super) async fn response(&mut self, version: &str) -> i64 {
        let body = format!(
            r#"{{"ClientVersion":"{version}","ProcessedClientActions":[{{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}}],"Errors":null}}"#
        );
        self.send(PayloadType::HandshakeResponse, body.as_bytes()).await
    }

    pub(super) async fn handshake(&mut self, version: &str) {
        self.stream_data(PayloadType::HandshakeRequest).await;
        let sequence = self.response(version).await;
        self.stream_data(PayloadType::HandshakeComplete).await;
        if !self.acks.contains(&sequence) {
            self.acknowledged(sequence).await;
        }
    }

    /// Checks that exactly these were acknowledged, once everything sent so far was looked at:
    /// the agent answers an old number at once, and in order.
    pub(super) async fn acknowledged_so_far(&mut self, sequences: &[i64]) {
        self.input(-1, PayloadType::Undefined, b"?").await;
        self.acknowledged(-1).await;
        self.acks.pop();
        assert_eq!(self.acks, sequences);
    }

    /// Checks that nothing acknowledges these, although the agent has had its time.
    pub(super) async fn hears_nothing_of(&mut self, sequences: &[i64]) {
        let silence = Duration::from_millis(100);
        let end = tokio::time::Instant::now() + silence;
        while tokio::time::timeout_at(end, self.message()).await.is_ok() {}
        assert!(!self.acks.iter().any(|ack| sequences.contains(ack)), "{:?}", self.acks);
    }

    /// Loses the leg, and takes the agent's next one.
    pub(super) async fn reattach(&mut self) {
        self.cut();
        self.leg = self.agent.leg().await;
    }

    /// Loses the leg.
    pub(super) fn cut(&mut self) {
        self.leg = Leg::pair().0;
    }

    /// The agent's bytes so far, up to the first gap.
    pub(super) fn output(&self) -> &[u8] {
        &self.output.bytes
    }

    /// The whole smux frames in it.
    pub(super) fn frames(&self) -> &[(Frame, Vec<u8>)] {
        &self.output.frames
    }

    /// Receives until the agent has sent so many bytes in all.
    pub(super) async fn output_of(&mut self, len: usize) -> &[u8] {
        while self.output().len() < len {
            self.stream_data(PayloadType::Output).await;
        }
        self.output()
    }

    /// The same, without acknowledging anything.
    pub(super) async fn unacknowledged(&mut self, len: usize) {
        patiently("output", async {
            while self.output().len() < len {
                self.message().await;
            }
        })
        .await;
    }

    /// Receives until a message has come, again or for the first time.
    pub(super) async fn resend_of(&mut self, sequence: i64) {
        patiently("a resend", async { while self.message().await.header.sequence != sequence {} })
            .await;
    }

    /// Receives smux frames until `end` says that the last one was it; gives each with its body.
    pub(super) async fn frames_until(
        &mut self,
        end: impl Fn(&Frame) -> bool,
    ) -> &[(Frame, Vec<u8>)] {
        while !self.frames().last().is_some_and(|(frame, _)| end(frame)) {
            self.stream_data(PayloadType::Output).await;
        }
        self.frames()
    }

    /// Receives until a stream has carried so many bytes; gives them.
    pub(super) async fn stream_bytes(&mut self, stream: u32, len: usize) -> &[u8] {
        while self.stream(stream).len() < len {
            self.stream_data(PayloadType::Output).await;
        }
        self.stream(stream)
    }

    /// What a stream has carried so far.
    pub(super) fn stream(&self, stream: u32) -> &[u8] {
        self.output.streams.get(&stream).map_or(&[], Vec::as_slice)
    }
}

/// The agent's bytes in order, and the smux frames in them if the session is multiplexed.
#[derive(Default)]
pub(super) struct Output {
    next: i64,
    bytes: Vec<u8>,
    parsed: usize,
    frames: Vec<(Frame, Vec<u8>)>,
    streams: BTreeMap<u32, Vec<u8>>,
}

impl Output {
    fn take(&mut self, received: &BTreeMap<i64, Message>) {
        while let Some(message) = received.get(&self.next) {
            self.next += 1;
            if message.header.payload_type == PayloadType::Output {
                self.bytes.extend_from_slice(&message.payload);
            }
        }
        while let Some((head, rest)) = self.bytes[self.parsed..].split_first_chunk() {
            let Ok(frame) = Frame::decode(*head) else { return };
            let len = if let Frame::Psh { len, .. } = frame { usize::from(len) } else { 0 };
            let Some(body) = rest.get(..len) else { return };
            if let Frame::Psh { stream, .. } = frame {
                self.streams.entry(stream).or_default().extend_from_slice(body);
            }
            self.frames.push((frame, body.to_vec()));
            self.parsed += head.len() + len;
        }
    }
}

pub(super) fn header(
    message_type: MessageType,
    sequence: i64,
    payload_type: PayloadType,
) -> Header {
    Header {
        message_type,
        created_ms: 1_700_000_000_123,
        sequence,
        flags: flags::NONE,
        id: MessageId::from_random([sequence as u8; 16]),
        payload_type,
    }
}

pub(super) fn input(sequence: i64, kind: PayloadType, payload: &[u8]) -> Bytes {
    encode(&header(MessageType::InputStreamData, sequence, kind), payload)
}

pub(super) fn syn(stream: u32) -> Vec<u8> {
    Frame::Syn { stream }.encode().to_vec()
}

pub(super) fn fin(stream: u32) -> Vec<u8> {
    Frame::Fin { stream }.encode().to_vec()
}

pub(super) fn psh(stream: u32, body: &[u8]) -> Vec<u8> {
    let header = Frame::Psh { stream, len: body.len() as u16 }.encode();
    [&header[..], body].concat()
}

/// A destination that the test serves itself.
pub(super) struct Destination(TcpListener);

impl Destination {
    pub(super) async fn listen() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Self(listener), port)
    }

    pub(super) async fn accept(&self) -> TcpStream {
        patiently("a connection", self.0.accept()).await.unwrap().0
    }

    /// Answers every byte with itself.
    pub(super) async fn echo() -> u16 {
        let (this, port) = Self::listen().await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = this.0.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        port
    }
}

/// A port of this machine that refuses connections.
pub(super) async fn closed_port() -> u16 {
    Destination::listen().await.1
}

pub(super) async fn read_exactly(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    patiently("bytes", stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

pub(super) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    patiently("the end", stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

pub(super) async fn write(stream: &mut TcpStream, bytes: &[u8]) {
    patiently("room", stream.write_all(bytes)).await.unwrap();
}

/// Waits for something that has to come.
pub(super) async fn patiently<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} never came"),
    }
}

/// Waits for a count to be reached.
pub(super) async fn reaches(count: &AtomicUsize, value: usize) {
    patiently("a count", async {
        while count.load(Ordering::SeqCst) != value {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
