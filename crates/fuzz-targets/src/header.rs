use adit_wire::{DecodeError, HEADER_LEN, Message, encode};
use bytes::Bytes;

/// Where the header's fields stand whose bytes survive unchanged: dates, numbers, flags and id.
const PLAIN: std::ops::Range<usize> = 40..80;

/// Any bytes as a message: an answer in keeping with their length, and what is read is written again
/// as it was.
pub fn header(data: &[u8]) {
    let decoded = Message::decode(Bytes::copy_from_slice(data));
    // What follows in memory is nothing to the decoder.
    let mut longer = data.to_vec();
    longer.extend([0xff; HEADER_LEN]);
    let view = Bytes::from(longer).slice(..data.len());
    assert_eq!(decoded, Message::decode(view), "what lies behind the message was read");

    let message = match decoded {
        Ok(message) => message,
        Err(DecodeError::Truncated { len, need }) => {
            assert_eq!(len, data.len());
            assert!(need > len && need <= HEADER_LEN, "needs {need} of {len}");
            return;
        }
        Err(DecodeError::HeaderLength(length)) => {
            assert!(length != 112 && length != 116);
            return;
        }
        Err(other) => panic!("an error that is not known here: {other}"),
    };
    assert!(data.ends_with(&message.payload), "the payload is not the end of the message");
    message.digest_matches();

    let again = encode(&message.header, &message.payload);
    assert_eq!(again.len(), HEADER_LEN + message.payload.len());
    if is_whole(data) {
        assert_eq!(again[PLAIN], data[PLAIN]);
    }
    if has_payload_type(data) {
        assert_eq!(again[112..116], data[112..116]);
    }
    let read = Message::decode(again).expect("what was written is a message");
    assert_eq!((read.header, &read.payload), (message.header, &message.payload));
    assert!(read.digest_matches());
}

fn length(data: &[u8]) -> Option<u32> {
    data.first_chunk().map(|length| u32::from_be_bytes(*length))
}

/// Whether all of the header is there; a publication is known without it.
fn is_whole(data: &[u8]) -> bool {
    matches!((length(data), data.len()), (Some(112), 116..) | (Some(116), 120..))
}

fn has_payload_type(data: &[u8]) -> bool {
    length(data) == Some(116) && data.len() >= HEADER_LEN
}
