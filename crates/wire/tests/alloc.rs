//! What runs once per message allocates nothing. Alone in its binary: other tests would be
//! counted too.

use std::alloc::System;

use adit_wire::smux::Frame;
use adit_wire::{Ack, AckedMessage, HEADER_LEN, Message, MessageId, PayloadType, write_header};
use adit_wire::{Header, MessageType, encode, flags};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often `work` takes memory. The least of many counts, since the test harness has a thread of
/// its own, whose allocations the counter cannot tell apart.
fn allocations<T>(mut prepare: impl FnMut() -> T, mut work: impl FnMut(T)) -> usize {
    let count = || {
        let input = prepare();
        let region = Region::new(ALLOCATOR);
        work(input);
        let change = region.change();
        change.allocations + change.reallocations
    };
    std::iter::repeat_with(count).take(100).min().unwrap_or(usize::MAX)
}

/// P-ACK-1, P-HDR-1: acknowledging, decoding and sealing in place.
#[test]
fn the_byte_path_allocates_nothing() {
    let header = Header {
        message_type: MessageType::OutputStreamData,
        created_ms: 1,
        sequence: i64::MAX,
        flags: flags::NONE,
        id: MessageId::from_random([0xa5; 16]),
        payload_type: PayloadType::Output,
    };
    let message = encode(&header, &[7; 1024]);
    let ack = Ack::new(AckedMessage::OutputStreamData, header.id, header.sequence);
    let mut payload = [0; 256];
    let mut head = [0; HEADER_LEN];
    let mut written = 0;

    let encoding = allocations(
        || (),
        |()| {
            let mut out = &mut payload[..];
            ack.encode_into(&mut out).expect("room for an acknowledgement");
            written = 256 - out.len();
        },
    );
    let decoding = allocations(
        || &payload[..written],
        |text| assert!(Ack::decode(text).is_ok_and(|read| read == ack)),
    );
    let receiving = allocations(
        || message.clone(),
        |bytes| assert!(Message::decode(bytes).is_ok_and(|message| message.digest_matches())),
    );
    let sealing = allocations(|| (), |()| write_header(&mut head, &header, &payload));
    let framing = allocations(
        || Frame::Nop.encode(),
        |bytes| assert_eq!(Frame::decode(bytes), Ok(Frame::Nop)),
    );
    assert_eq!([encoding, decoding, receiving, sealing, framing], [0; 5]);

    // The counter does count.
    assert_ne!(allocations(|| (), |()| drop(encode(&header, b"text"))), 0);
}
