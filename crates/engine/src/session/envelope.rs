use std::time::Instant;

use adit_wire::{HEADER_LEN, Header, MessageId, MessageType, PayloadType, flags, write_header};
use bytes::BytesMut;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Epoch;

/// What headers are made of: the wall clock and the ids.
#[derive(Debug)]
pub(crate) struct Envelope {
    epoch: Epoch,
    rng: StdRng,
}

impl Envelope {
    pub(crate) fn new(seed: u64, epoch: Epoch) -> Self {
        Self { epoch, rng: StdRng::seed_from_u64(seed) }
    }

    /// A header with a fresh id, of a data message that carries session bytes; callers fill in
    /// what differs.
    pub(crate) fn header(&mut self, now: Instant) -> Header {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        Header {
            message_type: MessageType::InputStreamData,
            created_ms: self.epoch.unix_ms_at(now),
            sequence: 0,
            flags: flags::NONE,
            id: MessageId::from_random(id),
            payload_type: PayloadType::Output,
        }
    }
}

/// Writes the header into the headroom of a message whose payload is in place.
pub(crate) fn seal(message: &mut BytesMut, header: &Header) {
    if let Some((head, payload)) = message.split_first_chunk_mut::<HEADER_LEN>() {
        write_header(head, header, payload);
    }
}
