use std::io;

use serde::{Deserialize, Serialize};

use crate::MessageId;

/// The body of an `acknowledge` message (rule P-ACK-1).
///
/// Both official ends match it by sequence number alone. Sent with header sequence 0 and flags 3
/// (rules P-ACK-2, P-ACK-4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ack {
    /// The type of the acknowledged message.
    pub acknowledged_message_type: AckedMessage,
    /// Its id; nil when absent, since nobody matches by it.
    #[serde(default)]
    pub acknowledged_message_id: MessageId,
    /// Its sequence number.
    pub acknowledged_message_sequence_number: i64,
    /// Always true from both official ends, whatever the order was.
    #[serde(default)]
    pub is_sequential_message: bool,
}

/// The two types of message that are acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckedMessage {
    /// Client to agent.
    InputStreamData,
    /// Agent to client.
    OutputStreamData,
}

impl Ack {
    /// An acknowledgement as the official ends write it.
    pub const fn new(kind: AckedMessage, id: MessageId, sequence: i64) -> Self {
        Self {
            acknowledged_message_type: kind,
            acknowledged_message_id: id,
            acknowledged_message_sequence_number: sequence,
            is_sequential_message: true,
        }
    }

    /// Reads a payload without allocating.
    pub fn decode(payload: &[u8]) -> Result<Self, serde_json::Error> {
        match Self::decode_usual(payload) {
            Some(ack) => Ok(ack),
            None => serde_json::from_slice(payload),
        }
    }

    /// Reads a payload that is, byte for byte, what [`encode_into`](Self::encode_into) writes. Both
    /// official ends do, once for each message, and any JSON would cost half of what is done for
    /// a message.
    fn decode_usual(payload: &[u8]) -> Option<Self> {
        let rest = payload.strip_prefix(TYPE)?;
        let (kind, rest) = [AckedMessage::InputStreamData, AckedMessage::OutputStreamData]
            .into_iter()
            .find_map(|kind| Some((kind, rest.strip_prefix(kind.name())?)))?;
        let (id, rest) = rest.strip_prefix(ID)?.split_at_checked(ID_LEN)?;
        let number = rest.strip_prefix(SEQUENCE)?.strip_suffix(SEQUENTIAL)?;
        Some(Self::new(kind, MessageId::parse_hyphenated(id)?, parse_number(number)?))
    }

    /// Writes the payload, about 177 bytes, in the member order of the official ends, without
    /// allocating.
    pub fn encode_into(&self, mut out: impl io::Write) -> Result<(), serde_json::Error> {
        if !self.is_sequential_message {
            return serde_json::to_writer(out, self);
        }
        let mut buffer = [0; ENCODED_MAX];
        let mut len = 0;
        let mut id = [0; ID_LEN];
        let mut digits = [0; DIGITS_MAX];
        for part in [
            TYPE,
            self.acknowledged_message_type.name(),
            ID,
            self.acknowledged_message_id.write_hyphenated(&mut id),
            SEQUENCE,
            write_number(self.acknowledged_message_sequence_number, &mut digits),
            SEQUENTIAL,
        ] {
            buffer[len..len + part.len()].copy_from_slice(part);
            len += part.len();
        }
        out.write_all(&buffer[..len]).map_err(serde_json::Error::io)
    }
}

const TYPE: &[u8] = br#"{"AcknowledgedMessageType":""#;
const ID: &[u8] = br#"","AcknowledgedMessageId":""#;
const SEQUENCE: &[u8] = br#"","AcknowledgedMessageSequenceNumber":"#;
const SEQUENTIAL: &[u8] = br#","IsSequentialMessage":true}"#;
/// A UUID as text.
const ID_LEN: usize = 36;
/// The digits of the smallest number, with its sign.
const DIGITS_MAX: usize = 20;
/// The longest payload.
const ENCODED_MAX: usize = TYPE.len()
    + AckedMessage::OutputStreamData.name().len()
    + ID.len()
    + ID_LEN
    + SEQUENCE.len()
    + DIGITS_MAX
    + SEQUENTIAL.len();

impl AckedMessage {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::InputStreamData => b"input_stream_data",
            Self::OutputStreamData => b"output_stream_data",
        }
    }
}

/// Writes a number in decimal.
fn write_number(number: i64, digits: &mut [u8; DIGITS_MAX]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    &digits[at..]
}

/// Reads a number of the form that JSON allows, unless it is negative or long.
fn parse_number(digits: &[u8]) -> Option<i64> {
    let plain = match digits {
        [_] => true,
        [first, ..] => *first != b'0' && digits.len() < 19,
        [] => false,
    };
    digits.iter().try_fold(0, |number: i64, digit| {
        (plain && digit.is_ascii_digit()).then(|| number * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(ack: &Ack) -> Vec<u8> {
        let mut out = Vec::new();
        ack.encode_into(&mut out).expect("memory");
        out
    }

    proptest! {
        /// The short cuts write and read what JSON's own way does.
        #[test]
        fn the_usual_form_is_the_general_one(
            id in any::<[u8; 16]>(),
            sequence in prop_oneof![any::<i64>(), 0_i64..2000, Just(i64::MIN), Just(i64::MAX)],
            input in any::<bool>(),
            sequential in any::<bool>(),
        ) {
            let kind =
                if input { AckedMessage::InputStreamData } else { AckedMessage::OutputStreamData };
            let mut ack = Ack::new(kind, MessageId::from_bytes(id), sequence);
            ack.is_sequential_message = sequential;
            let text = encoded(&ack);
            prop_assert_eq!(&text, &serde_json::to_vec(&ack).expect("serialises"));
            prop_assert_eq!(Ack::decode(&text).expect("reads"), ack);
            if let Some(usual) = Ack::decode_usual(&text) {
                prop_assert_eq!(usual, ack);
            }
        }

        /// What the short cut reads at all means the same to JSON's own way.
        #[test]
        fn the_short_cut_takes_nothing_that_is_no_acknowledgement(
            sequence in 0_i64..200,
            at in 0_usize..180,
            byte in any::<u8>(),
            insert in any::<bool>(),
        ) {
            let ack = Ack::new(AckedMessage::InputStreamData, MessageId::default(), sequence);
            let mut text = encoded(&ack);
            let at = at.min(text.len() - 1);
            if insert { text.insert(at, byte) } else { text[at] = byte }
            if let Some(usual) = Ack::decode_usual(&text) {
                prop_assert_eq!(usual, serde_json::from_slice(&text).expect("JSON"));
            }
        }
    }

    #[test]
    fn what_official_ends_write_takes_the_short_cut() {
        let ack = Ack::new(AckedMessage::InputStreamData, MessageId::from_bytes([0xab; 16]), 1234);
        assert_eq!(Ack::decode_usual(&encoded(&ack)), Some(ack));
    }
}
