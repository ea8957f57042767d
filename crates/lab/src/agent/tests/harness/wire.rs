use adit_wire::smux::Frame;
use adit_wire::{Header, MessageId, MessageType, PayloadType, encode, flags};
use bytes::Bytes;

pub(crate) fn header(
    message_type: MessageType,
    sequence: i64,
    payload_type: PayloadType,
) -> Header {
    Header {
        message_type,
        created_ms: 1_700_000_000_123,
        sequence,
        flags: flags::NONE,
        id: MessageId::from_random([sequence as u8; 16]),
        payload_type,
    }
}

pub(crate) fn input(sequence: i64, kind: PayloadType, payload: &[u8]) -> Bytes {
    encode(&header(MessageType::InputStreamData, sequence, kind), payload)
}

pub(crate) fn syn(stream: u32) -> Vec<u8> {
    Frame::Syn { stream }.encode().to_vec()
}

pub(crate) fn fin(stream: u32) -> Vec<u8> {
    Frame::Fin { stream }.encode().to_vec()
}

pub(crate) fn psh(stream: u32, body: &[u8]) -> Vec<u8> {
    let header = Frame::Psh { stream, len: body.len() as u16 }.encode();
    [&header[..], body].concat()
}
