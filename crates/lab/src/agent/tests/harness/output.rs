use std::collections::BTreeMap;

use adit_wire::smux::Frame;
use adit_wire::{Message, PayloadType};

/// The agent's bytes in order, and the smux frames in them if the session is multiplexed.
#[derive(Default)]
pub(super) struct Output {
    next: i64,
    pub(super) bytes: Vec<u8>,
    parsed: usize,
    pub(super) frames: Vec<(Frame, Vec<u8>)>,
    pub(super) streams: BTreeMap<u32, Vec<u8>>,
}

impl Output {
    pub(super) fn take(&mut self, received: &BTreeMap<i64, Message>) {
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
