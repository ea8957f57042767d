//! Header layout: both lengths, padding, digests, and what is no message.

use adit_wire::{
    DecodeError, HEADER_LEN, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
    write_header,
};
use bytes::Bytes;

use crate::fixtures::{self, bytes};

const TYPE_FIELD: std::ops::Range<usize> = 4..36;

fn output(payload: &[u8]) -> Bytes {
    let header = Header {
        message_type: MessageType::OutputStreamData,
        created_ms: 1,
        sequence: i64::MAX,
        flags: flags::NONE,
        id: MessageId::from_random([7; 16]),
        payload_type: PayloadType::Output,
    };
    encode(&header, payload)
}

/// `change` applied to a whole message.
fn changed(message: &Bytes, change: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut bytes = message.to_vec();
    change(&mut bytes);
    bytes.into()
}

/// P-HDR-2.
#[test]
fn a_short_header_lacks_the_payload_type() {
    let short = changed(&output(b"text"), |bytes| {
        bytes[..4].copy_from_slice(&112_u32.to_be_bytes());
        bytes.drain(112..116);
    });
    let message = Message::decode(short).expect("a message");
    assert_eq!(message.header.payload_type, PayloadType::Undefined);
    assert_eq!(message.header.sequence, i64::MAX);
    assert_eq!(message.payload, "text");
    assert!(message.digest_matches());
}

/// P-HDR-2: nothing but 112 and 116, above all nothing that points past the end.
#[test]
fn other_header_lengths_are_refused() {
    for length in [0, 4, 108, 111, 113, 115, 117, 120, 124, u32::MAX - 4, u32::MAX] {
        let odd = changed(&output(b"text"), |bytes| {
            bytes[..4].copy_from_slice(&length.to_be_bytes());
        });
        assert_eq!(Message::decode(odd), Err(DecodeError::HeaderLength(length)));
    }
}

/// P-HDR-3: the length field is not believed.
#[test]
fn the_payload_runs_to_the_end_of_the_message() {
    for length in [0, 3, 5, u32::MAX] {
        let lying = changed(&output(b"text"), |bytes| {
            bytes[116..120].copy_from_slice(&length.to_be_bytes());
        });
        assert_eq!(Message::decode(lying).expect("a message").payload, "text");
    }
}

/// P-HDR-4.
#[test]
fn padding_of_either_kind_is_taken_off_the_type() {
    let padded: [&[u8; 32]; 5] = [
        b"output_stream_data              ",
        b"output_stream_data\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0output_stream_data\0\0\0\0\0\0\0\0\0\0\0\0",
        b"  output_stream_data    \0\0\0\0\0\0\0\0",
        b"\0 output_stream_data \t\r\n\0\0\0\0\0\0\0\0",
    ];
    for field in padded {
        let message = changed(&output(b"text"), |bytes| {
            bytes[TYPE_FIELD].copy_from_slice(field);
        });
        let message = Message::decode(message).expect("a message");
        assert_eq!(message.header.message_type, MessageType::OutputStreamData);
    }
}

/// P-HDR-6.
#[test]
fn a_digest_names_its_payload() {
    let good = output(b"text");
    assert!(Message::decode(good.clone()).expect("a message").digest_matches());
    for at in [80, 111, 120, 123] {
        let corrupted = changed(&good, |bytes| bytes[at] ^= 1);
        assert!(!Message::decode(corrupted).expect("a message").digest_matches(), "byte {at}");
    }
}

/// P-HDR-6: without a payload there is nothing to check, even when the digest is zero.
#[test]
fn an_empty_payload_matches_any_digest() {
    let zero = changed(&output(b""), |bytes| bytes[80..112].fill(0));
    assert!(Message::decode(zero).expect("a message").digest_matches());
}

/// P-HDR-8.
#[test]
fn publication_messages_are_known_by_their_type_alone() {
    let types: [(&[u8], MessageType); 2] = [
        (b"start_publication", MessageType::StartPublication),
        (b"pause_publication", MessageType::PausePublication),
    ];
    for (name, message_type) in types {
        for header_length in [0_u32, 112, 116, 120, u32::MAX] {
            for len in [36, 37, 100, 116, 119, 120, 200] {
                let mut bytes = vec![0; len];
                bytes[..4].copy_from_slice(&header_length.to_be_bytes());
                bytes[4..4 + name.len()].copy_from_slice(name);
                let message = Message::decode(bytes.into()).expect("a publication message");
                assert_eq!(message.header.message_type, message_type);
            }
        }
    }
    let proper = encode(
        &Header { message_type: MessageType::StartPublication, ..header_of(&output(b"")) },
        b"{}",
    );
    assert_eq!(Message::decode(proper).expect("a message").payload, "{}");
}

fn header_of(message: &Bytes) -> Header {
    Message::decode(message.clone()).expect("a message").header
}

/// P-HDR-11.
#[test]
fn every_prefix_is_a_message_or_an_error() {
    for (name, fixture) in fixtures::ALL {
        let whole = bytes(fixture);
        let payload_at = u32::from_be_bytes(*whole.first_chunk().expect("a header")) as usize + 4;
        for len in 0..=whole.len() {
            match Message::decode(whole.slice(..len)) {
                Ok(message) => {
                    assert!(len >= payload_at, "{name}, {len} bytes");
                    assert_eq!(message.payload, whole[payload_at..len], "{name}, {len} bytes");
                }
                Err(DecodeError::Truncated { len: came, need }) => {
                    assert_eq!(came, len, "{name}");
                    assert!(len < need, "{name}, {len} bytes");
                }
                Err(error) => panic!("{name}, {len} bytes: {error}"),
            }
        }
    }
}

/// The payload is a view of the memory that the message came in.
#[test]
fn decoding_copies_nothing() {
    let bytes = output(b"text");
    let payload = Message::decode(bytes.clone()).expect("a message").payload;
    assert_eq!(payload.as_ptr(), bytes[HEADER_LEN..].as_ptr());
}

/// A header sealed in front of a payload that already lies in place is the same message.
#[test]
fn a_header_can_be_written_in_place() {
    let whole = output(b"text");
    let mut place = vec![0xff; HEADER_LEN + 4];
    let (head, payload) = place.split_first_chunk_mut().expect("headroom");
    payload.copy_from_slice(b"text");
    write_header(head, &header_of(&whole), payload);
    assert_eq!(place, whole);
}
