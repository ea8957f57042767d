//! The agent without multiplexing: one raw connection, dialled when the session starts, and again
//! when data comes after a disconnect.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::mux::StreamEvent;

/// Bytes in the destination's socket buffers.
const SOCKET_BUFFER: usize = 208 << 10;

/// The one connection. Each dial is another one, counted from 1.
#[derive(Debug, Default)]
pub(super) struct Single {
    /// The latest connection, and whether it stands.
    number: u32,
    state: State,
    inbound: VecDeque<Bytes>,
    buffered: usize,
    outgoing: BytesMut,
    pub(super) events: VecDeque<StreamEvent>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Away,
    Dialling,
    Connected,
}

impl Single {
    /// Dials.
    pub(super) fn connect(&mut self) {
        if self.state == State::Away {
            self.number += 1;
            self.state = State::Dialling;
            self.events.push_back(StreamEvent::Dial(self.number));
        }
    }

    pub(super) fn takes_input(&self) -> bool {
        self.buffered < SOCKET_BUFFER && self.state != State::Dialling
    }

    pub(super) fn input(&mut self, bytes: Bytes) {
        self.connect();
        self.buffered += bytes.len();
        self.inbound.push_back(bytes);
        if self.state == State::Connected {
            self.events.push_back(StreamEvent::Data(self.number));
        }
    }

    /// A dial has come to an end.
    pub(super) fn dialled(&mut self, connected: bool) {
        if connected {
            self.state = State::Connected;
            if !self.inbound.is_empty() {
                self.events.push_back(StreamEvent::Data(self.number));
            }
        } else {
            self.state = State::Away;
        }
    }

    /// The client is done with the connection.
    pub(super) fn disconnect(&mut self) {
        if self.state == State::Connected {
            self.events.push_back(StreamEvent::Closed(self.number));
        }
        self.state = State::Away;
        self.inbound.clear();
        self.buffered = 0;
        // What was read before from the destination is sent; the rest dies with its socket.
        self.outgoing.clear();
    }

    pub(super) fn read(&mut self, id: u32, most: usize) -> Option<Bytes> {
        if id != self.number || self.state != State::Connected {
            return None;
        }
        let front = self.inbound.front_mut()?;
        let data = front.split_to(most.min(front.len()));
        if front.is_empty() {
            self.inbound.pop_front();
        }
        self.buffered -= data.len();
        Some(data)
    }

    pub(super) fn write(&mut self, id: u32, data: &[u8]) -> usize {
        if id != self.number || self.state != State::Connected {
            return data.len();
        }
        let len = data.len().min(self.room());
        self.outgoing.extend_from_slice(&data[..len]);
        len
    }

    pub(super) fn room(&self) -> usize {
        SOCKET_BUFFER.saturating_sub(self.outgoing.len())
    }

    /// The destination closes; the client is not told.
    pub(super) fn finish(&mut self, id: u32) {
        if id == self.number {
            self.state = State::Away;
        }
    }

    pub(super) fn output(&mut self, most: usize) -> Option<Bytes> {
        let len = self.outgoing.len().min(most);
        (len > 0).then(|| self.outgoing.split_to(len).freeze())
    }

    pub(super) fn pending(&self) -> usize {
        self.outgoing.len()
    }
}
