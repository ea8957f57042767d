//! Binary messages as tests make and read them.

use adit_wire::{
    Ack, AckedMessage, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::Bytes;

/// A message of stream data.
pub(crate) fn data(message_type: MessageType, sequence: i64, payload: &[u8]) -> Bytes {
    typed(message_type, PayloadType::Output, sequence, payload)
}

/// The same with another payload type.
pub(crate) fn typed(
    message_type: MessageType,
    payload_type: PayloadType,
    sequence: i64,
    payload: &[u8],
) -> Bytes {
    let id = MessageId::from_bytes(sequence.to_be_bytes().repeat(2).try_into().expect("16 bytes"));
    let header =
        Header { message_type, created_ms: 1, sequence, flags: flags::NONE, id, payload_type };
    encode(&header, payload)
}

pub(crate) fn input(sequence: i64, payload: &[u8]) -> Bytes {
    data(MessageType::InputStreamData, sequence, payload)
}

pub(crate) fn output(sequence: i64, payload: &[u8]) -> Bytes {
    data(MessageType::OutputStreamData, sequence, payload)
}

/// An acknowledgement of client's data.
pub(crate) fn ack(sequence: i64) -> Bytes {
    let mut payload = Vec::new();
    let ack = Ack::new(AckedMessage::InputStreamData, MessageId::default(), sequence);
    ack.encode_into(&mut payload).expect("an acknowledgement");
    typed(MessageType::Acknowledge, PayloadType::Undefined, 0, &payload)
}

pub(crate) fn decode(bytes: &Bytes) -> Message {
    Message::decode(bytes.clone()).expect("a message")
}

pub(crate) fn kind(bytes: &Bytes) -> MessageType {
    decode(bytes).header.message_type
}

pub(crate) fn sequence(bytes: &Bytes) -> i64 {
    decode(bytes).header.sequence
}
