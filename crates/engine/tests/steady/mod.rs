//! A session in its steady state, with an agent that answers at once.

use std::time::{Duration, Instant};

use adit_engine::{Epoch, Read, Session, SessionConfig, StreamId};
use adit_wire::smux::Frame;
use adit_wire::{Ack, AckedMessage, Header, MessageId, MessageType, PayloadType, encode, flags};
use bytes::{BufMut, Bytes, BytesMut};

pub(crate) const MESSAGES: usize = 4000;
/// In the manner of the agent: 1,024 bytes with the frame's header.
const BODY: usize = 1016;

/// Memory that is reference-counted from the start, as websocket libraries hand it out.
fn shared(bytes: &[u8]) -> Bytes {
    let mut buffer = BytesMut::from(bytes);
    drop(buffer.split_off(buffer.capacity()));
    buffer.freeze()
}

fn header(message_type: MessageType, sequence: i64, payload_type: PayloadType) -> Header {
    Header {
        message_type,
        created_ms: 1_700_000_000_000,
        sequence,
        flags: flags::NONE,
        id: MessageId::from_random([sequence as u8; 16]),
        payload_type,
    }
}

/// A stream data message of the agent.
pub(crate) fn output(sequence: i64, kind: PayloadType, payload: &[u8]) -> Bytes {
    shared(&encode(&header(MessageType::OutputStreamData, sequence, kind), payload))
}

fn acknowledgement(sequence: i64) -> Bytes {
    let mut body = Vec::new();
    Ack::new(AckedMessage::InputStreamData, MessageId::default(), sequence)
        .encode_into(&mut body)
        .expect("serialises");
    shared(&encode(&header(MessageType::Acknowledge, 0, PayloadType::Undefined), &body))
}

/// Everything that an agent sends, made beforehand.
pub(crate) struct Inputs {
    pub(crate) outputs: std::vec::IntoIter<Bytes>,
    pub(crate) acks: std::vec::IntoIter<Bytes>,
}

/// A session and the agent that it talks to.
pub(crate) struct Driver {
    now: Instant,
    pub(crate) session: Session,
    stream: StreamId,
    pub(crate) inputs: Inputs,
    read: Vec<Bytes>,
}

impl Driver {
    /// A session with one stream.
    #[expect(clippy::disallowed_methods, reason = "an Instant cannot be made in any other way")]
    pub(crate) fn new(version: &str) -> Self {
        let now = Instant::now();
        let epoch = Epoch { instant: now, unix_ms: 1_700_000_000_000 };
        let request = format!(
            r#"{{"AgentVersion":"{version}","RequestedClientActions":[{{"ActionType":"SessionType","ActionParameters":{{"SessionType":"Port","Properties":{{"type":"LocalPortForwarding"}}}}}}]}}"#
        );
        let mut frame = Frame::Psh { stream: 3, len: BODY as u16 }.encode().to_vec();
        frame.resize(frame.len() + BODY, 7);
        let outputs = (0..MESSAGES as i64 * 4).map(|sequence| match sequence {
            0 => output(0, PayloadType::HandshakeRequest, request.as_bytes()),
            1 => output(1, PayloadType::HandshakeComplete, b"{}"),
            _ => output(sequence, PayloadType::Output, &frame),
        });
        let acks = (0..MESSAGES as i64 * 4).map(acknowledgement);
        let inputs = Inputs {
            outputs: outputs.collect::<Vec<_>>().into_iter(),
            acks: acks.collect::<Vec<_>>().into_iter(),
        };
        let session = Session::client(SessionConfig::default(), 1, epoch);
        let read = Vec::with_capacity(64);
        let mut driver = Self { now, session, stream: StreamId(0), inputs, read };
        driver.session.transport_up(now);
        for _ in 0..2 {
            driver.receive_output();
            driver.flush();
        }
        driver.pass(200);
        driver.stream = driver.session.open(driver.now).expect("ready");
        driver
    }

    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.session.handle_timeout(self.now);
        self.flush();
    }

    pub(crate) fn receive_output(&mut self) {
        let output = self.inputs.outputs.next().expect("enough of them");
        self.session.receive(self.now, output);
    }

    /// Transmits all there is, and acknowledges the data in it a millisecond later.
    pub(crate) fn flush(&mut self) {
        loop {
            let mut data = 0;
            while let Some(message) = self.session.poll_transmit(self.now) {
                data += usize::from(message[4..].starts_with(b"input_stream_data"));
            }
            while self.session.poll_event().is_some() {}
            if data == 0 {
                return;
            }
            self.now += Duration::from_millis(1);
            for ack in self.inputs.acks.by_ref().take(data) {
                self.session.receive(self.now, ack);
            }
        }
    }

    /// So many messages up and down, acknowledged both ways.
    pub(crate) fn exchange(&mut self, messages: usize) {
        for _ in 0..messages {
            self.send();
            self.receive();
        }
    }

    /// One message up, of the size that the session has come to, and its acknowledgement.
    pub(crate) fn send(&mut self) {
        if let Some(mut chunk) = self.session.chunk(self.stream) {
            let room = chunk.spare();
            chunk.spare_mut().put_bytes(7, room);
            self.session.write(self.now, self.stream, chunk).expect("taken");
        }
        self.turn();
    }

    /// One message down, its acknowledgement, and the reading of it.
    pub(crate) fn receive(&mut self) {
        self.receive_output();
        self.turn();
        loop {
            match self.session.read(self.now, self.stream, 1 << 20, &mut self.read) {
                Read::Data(_) => self.read.clear(),
                Read::Blocked => break,
                over => panic!("{over:?}"),
            }
        }
    }

    fn turn(&mut self) {
        self.flush();
        self.now += Duration::from_micros(100);
        self.session.handle_timeout(self.now);
    }
}
