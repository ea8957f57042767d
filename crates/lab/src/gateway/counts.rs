use std::collections::BTreeSet;

use adit_wire::smux::Frame;
use adit_wire::{Message, MessageType, PayloadType};
use serde::{Deserialize, Serialize};

/// What has passed through a session, by type and direction. A resend is a sequence number that
/// the gateway has seen before; what faults double or drop is counted apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// `input_stream_data`, resends included.
    pub input_stream_data: u64,
    /// `output_stream_data`, resends included.
    pub output_stream_data: u64,
    /// Payload bytes of `input_stream_data`, resends included.
    pub input_bytes: u64,
    /// Payload bytes of `output_stream_data`, resends included.
    pub output_bytes: u64,
    /// `acknowledge` from the client.
    pub acknowledge_from_client: u64,
    /// `acknowledge` from the agent.
    pub acknowledge_from_agent: u64,
    /// Resent `input_stream_data`.
    pub resends_from_client: u64,
    /// Resent `output_stream_data`.
    pub resends_from_agent: u64,
    /// Resends of the client's sequence number 1, its first message after the handshake.
    pub resends_of_first: u64,
    /// Resent `input_stream_data` that carry more than smux NOPs.
    pub resends_of_user_data: u64,
    /// `input_stream_data` with a handshake response.
    pub handshake_responses: u64,
    /// `input_stream_data` with a flag.
    pub flags_from_client: u64,
    /// `input_stream_data` that carry nothing but smux NOPs.
    pub nops_from_client: u64,
    /// Payload bytes of the largest `input_stream_data`.
    pub largest_input: u64,
    /// Messages that were no messages, or of a type that this side may not send.
    pub refused: u64,
    /// Messages that a fault lost.
    pub dropped: u64,
    /// `pause_publication` sent to the client.
    pub pauses_to_client: u64,
    /// `pause_publication` sent to the agent.
    pub pauses_to_agent: u64,
    /// Websockets of the client, one after the other.
    pub client_connections: u64,
    /// Data channels of the agent, one after the other.
    pub agent_connections: u64,
}

/// The sequence numbers of one direction that have passed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Every number below has passed.
    next: i64,
    /// Those above that have.
    ahead: BTreeSet<i64>,
}

impl Seen {
    /// Notes a number; says whether it had passed before.
    pub(super) fn again(&mut self, sequence: i64) -> bool {
        if sequence < self.next || !self.ahead.insert(sequence) {
            return true;
        }
        while self.ahead.remove(&self.next) {
            self.next += 1;
        }
        false
    }
}

impl Counts {
    /// Counts what the client sent.
    pub(super) fn note_client(&mut self, message: &Message, seen: &mut Seen) {
        if message.header.message_type == MessageType::Acknowledge {
            self.acknowledge_from_client += 1;
            return;
        }
        let len = message.payload.len() as u64;
        self.input_stream_data += 1;
        self.input_bytes += len;
        self.largest_input = self.largest_input.max(len);
        let only_nops = match message.header.payload_type {
            PayloadType::HandshakeResponse => {
                self.handshake_responses += 1;
                false
            }
            PayloadType::Flag => {
                self.flags_from_client += 1;
                false
            }
            PayloadType::Output => is_nops(&message.payload),
            _ => false,
        };
        self.nops_from_client += u64::from(only_nops);
        if seen.again(message.header.sequence) {
            self.resends_from_client += 1;
            self.resends_of_first += u64::from(message.header.sequence == 1);
            let user_data = message.header.payload_type == PayloadType::Output && !only_nops;
            self.resends_of_user_data += u64::from(user_data);
        }
    }

    /// Counts what the agent sent.
    pub(super) fn note_agent(&mut self, message: &Message, seen: &mut Seen) {
        if message.header.message_type == MessageType::Acknowledge {
            self.acknowledge_from_agent += 1;
            return;
        }
        self.output_stream_data += 1;
        self.output_bytes += message.payload.len() as u64;
        self.resends_from_agent += u64::from(seen.again(message.header.sequence));
    }
}

/// Whether a payload is a row of smux NOPs and nothing else.
fn is_nops(payload: &[u8]) -> bool {
    let (frames, rest) = payload.as_chunks();
    !frames.is_empty()
        && rest.is_empty()
        && frames.iter().all(|frame| Frame::decode(*frame) == Ok(Frame::Nop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_seen_again_is_a_resend_whatever_the_order() {
        let mut seen = Seen::default();
        let resent: Vec<i64> =
            [0, 1, 3, 1, 3, 2, 4, 2, 9, 4].into_iter().filter(|n| seen.again(*n)).collect();
        assert_eq!(resent, [1, 3, 2, 4]);
        assert_eq!((seen.next, seen.ahead.len()), (5, 1));
    }

    #[test]
    fn nops_are_told_from_data() {
        let nop = Frame::Nop.encode();
        let data = Frame::Psh { stream: 3, len: 0 }.encode();
        assert!(is_nops(&nop) && is_nops(&nop.repeat(2048)));
        assert!(!is_nops(&[]) && !is_nops(&nop[..7]) && !is_nops(&[nop, data].concat()));
    }
}
