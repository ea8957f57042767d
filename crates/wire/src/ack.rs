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
        serde_json::from_slice(payload)
    }

    /// Writes the payload, about 177 bytes, in the member order of the official ends, without
    /// allocating.
    pub fn encode_into(&self, out: impl io::Write) -> Result<(), serde_json::Error> {
        serde_json::to_writer(out, self)
    }
}
