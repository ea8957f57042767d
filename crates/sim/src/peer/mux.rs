//! The agent's multiplexer: smux version 1, with one buffer for all streams, and an accept loop
//! that dials one destination after the other.

use std::collections::{BTreeMap, VecDeque};

use adit_wire::smux::{Frame, HEADER_LEN};
use bytes::{Buf, Bytes, BytesMut};

/// Bytes that all streams together may have received and not handed to their destinations; then
/// nothing is read any more.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Bytes in the socket buffers between the multiplexer and the message layer, each way.
const SOCKET_BUFFER: usize = 208 << 10;
/// The largest frame that is sent.
const FRAME_MAX: usize = 32 << 10;

/// What happens to streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamEvent {
    /// The destination is to be dialled, and nobody else's meanwhile.
    Dial(u32),
    /// The destination has something to read.
    Data(u32),
    /// The destination's connection is closed, both ways.
    Closed(u32),
}

#[derive(Debug, Default)]
struct Stream {
    connected: bool,
    /// Bytes for the destination.
    inbound: VecDeque<Bytes>,
    /// The client has ended the stream.
    ended: bool,
}

/// The streams, and the bytes both ways.
#[derive(Debug, Default)]
pub(super) struct Mux {
    header: [u8; HEADER_LEN],
    have: usize,
    body: (u32, usize),
    streams: BTreeMap<u32, Stream>,
    accept: VecDeque<u32>,
    dialling: Option<u32>,
    buffered: usize,
    outgoing: BytesMut,
    pub(super) events: VecDeque<StreamEvent>,
    pub(super) nops: u64,
    /// Whether the byte stream cannot be read any further.
    pub(super) broken: bool,
}

impl Mux {
    /// Whether the message layer can write to it; else its reader is stuck.
    pub(super) fn takes_input(&self) -> bool {
        self.buffered < RECEIVE_BUFFER + SOCKET_BUFFER
    }

    /// Takes the next bytes of the client's stream.
    pub(super) fn input(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() && !self.broken {
            let (id, missing) = &mut self.body;
            if *missing > 0 {
                let data = bytes.split_to((*missing).min(bytes.len()));
                *missing -= data.len();
                let id = *id;
                // Data of a stream that is gone is thrown away.
                if let Some(stream) = self.streams.get_mut(&id)
                    && !stream.ended
                {
                    self.buffered += data.len();
                    stream.inbound.push_back(data);
                    if stream.connected {
                        self.events.push_back(StreamEvent::Data(id));
                    }
                }
                continue;
            }
            let part = (HEADER_LEN - self.have).min(bytes.len());
            bytes.copy_to_slice(&mut self.header[self.have..self.have + part]);
            self.have += part;
            if self.have == HEADER_LEN {
                self.have = 0;
                self.frame();
            }
        }
    }

    fn frame(&mut self) {
        match Frame::decode(self.header) {
            Ok(Frame::Syn { stream }) => {
                self.streams.insert(stream, Stream::default());
                self.accept.push_back(stream);
                self.accept_next();
            }
            Ok(Frame::Psh { stream, len }) => self.body = (stream, usize::from(len)),
            Ok(Frame::Fin { stream }) => {
                if let Some(state) = self.streams.get_mut(&stream) {
                    state.ended = true;
                    self.close_if_drained(stream);
                }
            }
            Ok(Frame::Nop) => self.nops += 1,
            Err(_) => self.broken = true,
        }
    }

    /// One destination is dialled at a time.
    fn accept_next(&mut self) {
        if self.dialling.is_none()
            && let Some(stream) = self.accept.pop_front()
        {
            self.dialling = Some(stream);
            self.events.push_back(StreamEvent::Dial(stream));
        }
    }

    /// A dial has come to an end; true when the client is to be told of a failure.
    pub(super) fn dialled(&mut self, id: u32, connected: bool) -> bool {
        if self.dialling == Some(id) {
            self.dialling = None;
        }
        if connected {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.connected = true;
                if !stream.inbound.is_empty() {
                    self.events.push_back(StreamEvent::Data(id));
                }
            }
            self.close_if_drained(id);
        } else {
            self.remove(id);
            self.end(id);
        }
        self.accept_next();
        !connected
    }

    /// A destination reads.
    pub(super) fn read(&mut self, id: u32, most: usize) -> Option<Bytes> {
        let stream = self.streams.get_mut(&id).filter(|stream| stream.connected)?;
        let front = stream.inbound.front_mut()?;
        let data = front.split_to(most.min(front.len()));
        if front.is_empty() {
            stream.inbound.pop_front();
        }
        self.buffered -= data.len();
        self.close_if_drained(id);
        Some(data)
    }

    /// An end closes the whole connection to the destination, once that has what came before.
    fn close_if_drained(&mut self, id: u32) {
        let drained = self
            .streams
            .get(&id)
            .is_some_and(|it| it.ended && it.connected && it.inbound.is_empty());
        if drained {
            self.remove(id);
            self.end(id);
            self.events.push_back(StreamEvent::Closed(id));
        }
    }

    fn remove(&mut self, id: u32) {
        if let Some(stream) = self.streams.remove(&id) {
            self.buffered -= stream.inbound.iter().map(Bytes::len).sum::<usize>();
        }
    }

    /// A destination writes; returns how much of it was taken.
    pub(super) fn write(&mut self, id: u32, data: &[u8]) -> usize {
        if !self.streams.get(&id).is_some_and(|stream| stream.connected) {
            // Its connection is closed: what it writes goes nowhere.
            return data.len();
        }
        let len = data.len().min(FRAME_MAX).min(self.room());
        if len > 0 {
            let frame = Frame::Psh { stream: id, len: u16::try_from(len).unwrap_or(u16::MAX) };
            self.outgoing.extend_from_slice(&frame.encode());
            self.outgoing.extend_from_slice(&data[..len]);
        }
        len
    }

    /// Bytes that destinations can write before they block.
    pub(super) fn room(&self) -> usize {
        SOCKET_BUFFER.saturating_sub(self.outgoing.len())
    }

    /// A destination has said all: the end follows, and its connection is closed.
    pub(super) fn finish(&mut self, id: u32) {
        if self.streams.contains_key(&id) {
            self.remove(id);
            self.end(id);
        }
    }

    fn end(&mut self, id: u32) {
        self.outgoing.extend_from_slice(&Frame::Fin { stream: id }.encode());
    }

    /// What the message layer reads next.
    pub(super) fn output(&mut self, most: usize) -> Option<Bytes> {
        let len = self.outgoing.len().min(most);
        (len > 0).then(|| self.outgoing.split_to(len).freeze())
    }

    /// Bytes that the message layer has not read.
    pub(super) fn pending(&self) -> usize {
        self.outgoing.len()
    }
}
