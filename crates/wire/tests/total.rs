//! Whatever the bytes are, a decoder answers: it neither panics nor reads past its input.

use adit_wire::channel::{AgentSessionState, ChannelClosed, OpenControlChannel, OpenDataChannel};
use adit_wire::control::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentTaskAcknowledge,
    AgentTaskComplete, InteractiveShell, SessionTask,
};
use adit_wire::encryption::{EncChallenge, Sealed};
use adit_wire::handshake::{HandshakeComplete, HandshakeRequest, HandshakeResponse};
use adit_wire::smux::Frame;
use adit_wire::{Ack, DecodeError, Flag, HEADER_LEN, Message, Size, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;

use crate::strategies;

/// Feeds one text to every body; what is read must be writable again.
fn read_as_every_body(text: &[u8]) {
    macro_rules! bodies {
        ($($body:ty),* $(,)?) => {
            $(if let Ok(body) = serde_json::from_slice::<$body>(text) {
                serde_json::to_vec(&body).expect("JSON");
            })*
        };
    }
    bodies!(
        Ack,
        Size,
        HandshakeRequest,
        HandshakeResponse,
        HandshakeComplete,
        EncChallenge,
        OpenDataChannel,
        OpenControlChannel,
        ChannelClosed,
        AgentSessionState,
        InteractiveShell,
        SessionTask,
        AgentTaskComplete,
        AgentTaskAcknowledge,
        AgentJob,
        AgentJobAck,
        AgentJobReply,
        AgentJobReplyAck,
    );
}

/// A good body of any kind, as JSON.
fn good_body() -> impl Strategy<Value = Vec<u8>> {
    fn json(body: impl Serialize) -> Vec<u8> {
        serde_json::to_vec(&body).expect("JSON")
    }
    prop_oneof![
        strategies::ack().prop_map(json),
        strategies::handshake_request().prop_map(json),
        strategies::handshake_response().prop_map(json),
        strategies::channel_closed().prop_map(json),
        strategies::open_data_channel().prop_map(json),
        strategies::session_task().prop_map(json),
        strategies::agent_task_complete().prop_map(json),
    ]
}

/// A message whose header is believable, so that decoding gets far.
fn likely_message() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![Just(112_u32), Just(116), any::<u32>()];
    (length, vec(any::<u8>(), 0..300)).prop_map(|(length, rest)| {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(rest);
        bytes
    })
}

/// P-HDR-11: the answer to `bytes` is in keeping with their length.
fn decode_within_bounds(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let len = bytes.len();
    match Message::decode(bytes.into()) {
        Ok(message) => {
            prop_assert!(message.payload.len() <= len.saturating_sub(36));
            message.digest_matches();
        }
        Err(DecodeError::Truncated { len: came, need }) => {
            prop_assert_eq!(came, len);
            prop_assert!(need > len && need <= HEADER_LEN);
        }
        Err(DecodeError::HeaderLength(length)) => prop_assert!(length != 112 && length != 116),
        Err(error) => prop_assert!(false, "{}", error),
    }
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_messages(bytes in vec(any::<u8>(), 0..400)) {
        decode_within_bounds(bytes)?;
    }

    #[test]
    fn likely_messages(bytes in likely_message()) {
        decode_within_bounds(bytes)?;
    }

    #[test]
    fn truncated_messages(
        header in strategies::header(),
        payload in vec(any::<u8>(), 0..100),
        end in any::<prop::sample::Index>(),
    ) {
        let whole = encode(&header, &payload);
        decode_within_bounds(whole[..end.index(whole.len() + 1)].to_vec())?;
    }

    #[test]
    fn arbitrary_payloads(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Flag::decode(&bytes).is_ok(), bytes.len() == 4);
        prop_assert_eq!(Sealed::parse(&bytes).is_some(), bytes.len() >= 28);
        Ack::decode(&bytes).ok();
        read_as_every_body(&bytes);
    }

    /// P-MUX-2: a header is one of four commands of version 1, and only PSH has a body.
    #[test]
    fn arbitrary_smux_headers(version in 0..3_u8, command in 0..6_u8, rest in any::<[u8; 6]>()) {
        let [l0, l1, s0, s1, s2, s3] = rest;
        let readable = version == 1 && (command == 2 || (command < 4 && [l0, l1] == [0, 0]));
        let decoded = Frame::decode([version, command, l0, l1, s0, s1, s2, s3]);
        prop_assert_eq!(decoded.is_ok(), readable, "{:?}", decoded);
    }

    #[test]
    fn damaged_bodies(
        body in good_body(),
        end in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut body = body;
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(end.index(body.len()) + 1);
        read_as_every_body(&body);
    }
}

/// Depth is bounded, so that a small message cannot exhaust the stack.
#[test]
fn deep_nesting_is_refused() {
    let deep = ["{\"RequestedClientActions\":", &"[".repeat(100_000)].concat();
    assert!(serde_json::from_str::<HandshakeRequest>(&deep).is_err());
    read_as_every_body("[".repeat(100_000).as_bytes());
}
