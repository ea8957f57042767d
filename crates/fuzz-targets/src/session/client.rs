//! What the session sends, judged as an agent would: its numbers, its repetitions and its frames.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adit_engine::Mode;
use adit_wire::smux::{Frame, HEADER_LEN};
use adit_wire::{Ack, AckedMessage, Message, MessageType, PayloadType, flags};
use bytes::Bytes;

use super::world::{Stream, pattern};

/// How long a finished stream's peer has to be silent before it is told of the end.
const LINGER: Duration = Duration::from_secs(30);

/// All that came from the session.
#[derive(Default)]
pub(super) struct FromClient {
    /// Data messages by number, as they came first.
    seen: Vec<Bytes>,
    /// Numbers that are not acknowledged, and how many bytes of each are no data: what the window
    /// does not count before it lets them go.
    pub(super) unacked: BTreeMap<i64, usize>,
    /// Numbers of our messages that the session has acknowledged.
    pub(super) acks: BTreeSet<i64>,
    /// Bytes of a frame that is not complete.
    frame: Vec<u8>,
    /// The stream whose body is under way, and what is missing of it.
    body: Option<(u32, usize)>,
    last_opened: u32,
    pub(super) terminated: bool,
}

impl FromClient {
    /// Bytes in flight that are no data.
    pub(super) fn exempt(&self) -> usize {
        self.unacked.values().sum()
    }

    pub(super) fn take(
        &mut self,
        now: Duration,
        mode: Mode,
        message: &Bytes,
        streams: &mut BTreeMap<u32, Stream>,
    ) {
        let whole = message.clone();
        let message = Message::decode(whole.clone()).expect("the session sends messages");
        assert!(message.digest_matches(), "a wrong digest");
        assert!(!message.payload.is_empty(), "agents cannot take an empty payload");
        assert_ne!(message.header.created_ms, 0, "agents refuse a zero date");
        match message.header.message_type {
            MessageType::Acknowledge => {
                let ack = Ack::decode(&message.payload).expect("an acknowledgement");
                assert_eq!(ack.acknowledged_message_type, AckedMessage::OutputStreamData);
                let header = (message.header.sequence, message.header.flags);
                assert_eq!(header, (0, flags::SYN_FIN));
                self.acks.insert(ack.acknowledged_message_sequence_number);
            }
            MessageType::InputStreamData => {
                let sequence = message.header.sequence;
                let index = usize::try_from(sequence).expect("numbers begin at zero");
                if let Some(first) = self.seen.get_mut(index) {
                    assert_repeated(first, &whole);
                } else {
                    assert_eq!(index, self.seen.len(), "a number was left out");
                    self.seen.push(whole);
                    let exempt = self.data(now, mode, &message, streams);
                    self.unacked.insert(sequence, exempt);
                }
            }
            other => panic!("a client sends no {other:?}"),
        }
    }

    /// A new message; returns how many of its bytes are no data.
    fn data(
        &mut self,
        now: Duration,
        mode: Mode,
        message: &Message,
        streams: &mut BTreeMap<u32, Stream>,
    ) -> usize {
        let payload = &message.payload;
        match (message.header.payload_type, mode) {
            (PayloadType::HandshakeResponse, _) => payload.len(),
            (PayloadType::Flag, _) => {
                assert!(matches!(payload[..], [0, 0, 0, 1 | 2]), "{payload:?}");
                self.terminated |= payload[3] == 2;
                payload.len()
            }
            (PayloadType::Output, Mode::Mux) => {
                if self.frames(now, payload, streams) {
                    0
                } else {
                    payload.len()
                }
            }
            (PayloadType::Output, Mode::Single) => {
                // One at a time, and what those before it had waiting was dropped with them.
                let mut writing =
                    streams.iter_mut().filter(|(_, s)| !s.is_over && s.sent < s.written);
                let (id, stream) = writing.next().expect("somebody has written");
                stream.sent_more(*id, payload);
                0
            }
            (other, _) => panic!("a client sends no payload of type {other:?}"),
        }
    }

    /// Reads frames; true when any of the bytes were data.
    fn frames(
        &mut self,
        now: Duration,
        mut bytes: &[u8],
        streams: &mut BTreeMap<u32, Stream>,
    ) -> bool {
        let mut has_data = self.body.is_some() || !self.frame.is_empty();
        while !bytes.is_empty() {
            if let Some((id, missing)) = self.body {
                let (part, rest) = bytes.split_at(missing.min(bytes.len()));
                streams.get_mut(&id).expect("an open stream").sent_more(id, part);
                bytes = rest;
                self.body = (missing > part.len()).then(|| (id, missing - part.len()));
                continue;
            }
            let part = (HEADER_LEN - self.frame.len()).min(bytes.len());
            self.frame.extend(&bytes[..part]);
            bytes = &bytes[part..];
            let Some(header) = self.frame.first_chunk() else { break };
            let frame = Frame::decode(*header).expect("smux frames");
            self.frame.clear();
            match frame {
                Frame::Nop => {}
                Frame::Syn { stream } => {
                    assert!(stream > self.last_opened && stream % 2 == 1, "opens {stream}");
                    self.last_opened = stream;
                    streams.get_mut(&stream).expect("an open stream").told = true;
                }
                Frame::Psh { stream: id, len } => {
                    has_data = true;
                    let stream = streams.get_mut(&id).expect("an open stream");
                    assert!(stream.told, "data of {id} before its SYN");
                    assert!(stream.fin_sent.is_none(), "data of {id} behind its FIN");
                    assert!(len > 0, "an empty frame");
                    self.body = Some((id, usize::from(len)));
                }
                Frame::Fin { stream: id } => {
                    let stream = streams.get_mut(&id).expect("an open stream");
                    assert!(stream.told && stream.fin_sent.is_none(), "a FIN of {id}");
                    stream.fin_sent = Some(now);
                    let waited = stream.finished.is_some_and(|at| now >= at + LINGER);
                    assert!(stream.is_over || waited, "the end of {id} was passed on too early");
                }
            }
        }
        has_data
    }
}

/// A repetition is the same bytes, unless it is a probe of NOPs that became a single one.
fn assert_repeated(first: &mut Bytes, again: &Bytes) {
    if first == again {
        return;
    }
    for message in [&*first, again] {
        let payload = Message::decode(message.clone()).expect("a message").payload;
        let (frames, rest) = payload.as_chunks();
        let are_nops = frames.iter().all(|frame| Frame::decode(*frame) == Ok(Frame::Nop));
        assert!(are_nops && rest.is_empty(), "user bytes were changed under a used number");
    }
    *first = again.clone();
}

impl Stream {
    /// Bytes that go out are those that were written, in order.
    fn sent_more(&mut self, id: u32, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(*byte, pattern(id, self.sent), "byte {} of {id}", self.sent);
            self.sent += 1;
        }
        assert!(self.sent <= self.written, "more than was written on {id}");
    }
}
