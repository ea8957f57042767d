use std::collections::BTreeMap;
use std::time::Duration;

use adit_wire::smux::Frame;
use adit_wire::{
    Ack, AckedMessage, Flag, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::Bytes;

use super::output::Output;
use super::{Agent, header, input, patiently};
use crate::gateway::leg::Leg;

/// The client's end of a session. It acknowledges only where a test says so.
pub(crate) struct Client {
    pub(crate) agent: Agent,
    pub(crate) leg: Leg,
    pub(crate) next: i64,
    /// Stream data from the agent by sequence number.
    pub(crate) received: BTreeMap<i64, Message>,
    /// Acknowledged sequence numbers, in the order they came.
    pub(crate) acks: Vec<i64>,
    output: Output,
}

impl Client {
    pub(super) fn new(agent: Agent, leg: Leg) -> Self {
        Self {
            agent,
            leg,
            next: 0,
            received: BTreeMap::new(),
            acks: Vec::new(),
            output: Output::default(),
        }
    }

    /// Receives one message, and takes note of it.
    pub(crate) async fn message(&mut self) -> Message {
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
    pub(crate) async fn acknowledged(&mut self, sequence: i64) {
        let before = self.acks.len();
        patiently("an acknowledgement", async {
            while !self.acks[before..].contains(&sequence) {
                self.message().await;
            }
        })
        .await;
    }

    /// Receives and acknowledges stream data until one has come with that payload type.
    pub(crate) async fn stream_data(&mut self, kind: PayloadType) -> Message {
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

    pub(crate) async fn acknowledge(&mut self, sequence: i64) {
        let id = self.received.get(&sequence).map_or(MessageId::default(), |m| m.header.id);
        let mut payload = Vec::new();
        Ack::new(AckedMessage::OutputStreamData, id, sequence).encode_into(&mut payload).unwrap();
        let header = header(MessageType::Acknowledge, 0, PayloadType::Undefined);
        // The agent may have ended by then.
        patiently("room", self.leg.tx.send(encode(&header, &payload))).await.ok();
    }

    /// Sends a message as it stands.
    pub(crate) async fn raw(&mut self, message: Bytes) {
        patiently("room", self.leg.tx.send(message)).await.unwrap();
    }

    /// Sends a message that the service makes.
    pub(crate) async fn service(&mut self, message_type: MessageType) {
        self.raw(encode(&header(message_type, 0, PayloadType::Undefined), b"{}")).await;
    }

    /// Sends stream data with a number of the caller's choice.
    pub(crate) async fn input(&mut self, sequence: i64, kind: PayloadType, payload: &[u8]) {
        self.raw(input(sequence, kind, payload)).await;
    }

    /// Sends the next stream data; gives its number.
    pub(crate) async fn send(&mut self, kind: PayloadType, payload: &[u8]) -> i64 {
        let sequence = self.next;
        self.next += 1;
        self.input(sequence, kind, payload).await;
        sequence
    }

    /// Sends bytes and waits until they are acknowledged, sending again what was rejected.
    pub(crate) async fn write(&mut self, payload: &[u8]) {
        self.deliver(PayloadType::Output, payload).await;
    }

    pub(crate) async fn flag(&mut self, flag: Flag) {
        self.deliver(PayloadType::Flag, &flag.encode()).await;
    }

    async fn deliver(&mut self, kind: PayloadType, payload: &[u8]) {
        let sequence = self.send(kind, payload).await;
        let resend = Duration::from_millis(20);
        while tokio::time::timeout(resend, self.acknowledged(sequence)).await.is_err() {
            self.input(sequence, kind, payload).await;
        }
    }

    pub(crate) async fn response(&mut self, version: &str) -> i64 {
        let body = format!(
            r#"{{"ClientVersion":"{version}","ProcessedClientActions":[{{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}}],"Errors":null}}"#
        );
        self.send(PayloadType::HandshakeResponse, body.as_bytes()).await
    }

    pub(crate) async fn handshake(&mut self, version: &str) {
        self.stream_data(PayloadType::HandshakeRequest).await;
        let sequence = self.response(version).await;
        self.stream_data(PayloadType::HandshakeComplete).await;
        if !self.acks.contains(&sequence) {
            self.acknowledged(sequence).await;
        }
    }

    /// Checks that exactly these were acknowledged, once everything sent so far was looked at:
    /// the agent answers an old number at once, and in order.
    pub(crate) async fn acknowledged_so_far(&mut self, sequences: &[i64]) {
        self.input(-1, PayloadType::Undefined, b"?").await;
        self.acknowledged(-1).await;
        self.acks.pop();
        assert_eq!(self.acks, sequences);
    }

    /// Checks that nothing acknowledges these, although the agent has had its time.
    pub(crate) async fn hears_nothing_of(&mut self, sequences: &[i64]) {
        let silence = Duration::from_millis(100);
        let end = tokio::time::Instant::now() + silence;
        while tokio::time::timeout_at(end, self.message()).await.is_ok() {}
        assert!(!self.acks.iter().any(|ack| sequences.contains(ack)), "{:?}", self.acks);
    }

    /// Loses the leg, and takes the agent's next one.
    pub(crate) async fn reattach(&mut self) {
        self.cut();
        self.leg = self.agent.leg().await;
    }

    /// Loses the leg.
    pub(crate) fn cut(&mut self) {
        self.leg = Leg::pair().0;
    }

    /// The agent's bytes so far, up to the first gap.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output.bytes
    }

    /// The whole smux frames in it.
    pub(crate) fn frames(&self) -> &[(Frame, Vec<u8>)] {
        &self.output.frames
    }

    /// Receives until the agent has sent so many bytes in all.
    pub(crate) async fn output_of(&mut self, len: usize) -> &[u8] {
        while self.output().len() < len {
            self.stream_data(PayloadType::Output).await;
        }
        self.output()
    }

    /// The same, without acknowledging anything.
    pub(crate) async fn unacknowledged(&mut self, len: usize) {
        patiently("output", async {
            while self.output().len() < len {
                self.message().await;
            }
        })
        .await;
    }

    /// Receives until a message has come, again or for the first time.
    pub(crate) async fn resend_of(&mut self, sequence: i64) {
        patiently("a resend", async { while self.message().await.header.sequence != sequence {} })
            .await;
    }

    /// Receives smux frames until `end` says that the last one was it; gives each with its body.
    pub(crate) async fn frames_until(
        &mut self,
        end: impl Fn(&Frame) -> bool,
    ) -> &[(Frame, Vec<u8>)] {
        while !self.frames().last().is_some_and(|(frame, _)| end(frame)) {
            self.stream_data(PayloadType::Output).await;
        }
        self.frames()
    }

    /// Receives until a stream has carried so many bytes; gives them.
    pub(crate) async fn stream_bytes(&mut self, stream: u32, len: usize) -> &[u8] {
        while self.stream(stream).len() < len {
            self.stream_data(PayloadType::Output).await;
        }
        self.stream(stream)
    }

    /// What a stream has carried so far.
    pub(crate) fn stream(&self, stream: u32) -> &[u8] {
        self.output.streams.get(&stream).map_or(&[], Vec::as_slice)
    }
}
