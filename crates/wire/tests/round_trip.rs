//! Whatever is written reads back as the same value.

use std::fmt::Debug;

use adit_wire::smux::Frame;
use adit_wire::{Ack, Flag, HEADER_LEN, Message, MessageId, MessageType, PayloadType, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::strategies;

/// One test for each JSON body: written and read, it is the same.
macro_rules! bodies_survive {
    ($($name:ident),* $(,)?) => {
        proptest! {
            $(
                #[test]
                fn $name(body in strategies::$name()) {
                    survives(&body)?;
                }
            )*
        }
    };
}

bodies_survive!(
    ack,
    size,
    handshake_request,
    handshake_response,
    handshake_complete,
    enc_challenge,
    open_data_channel,
    open_control_channel,
    channel_closed,
    agent_session_state,
    interactive_shell,
    session_task,
    agent_task_complete,
    agent_task_acknowledge,
    agent_job,
    agent_job_ack,
    agent_job_reply,
    agent_job_reply_ack,
);

fn survives<T>(body: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = serde_json::to_vec(body).expect("JSON");
    // Not every body shows all of itself in `Debug`: secrets are left out.
    prop_assert!(serde_json::from_slice::<T>(&text).is_ok_and(|read| read == *body), "{:?}", body);
    Ok(())
}

proptest! {
    /// P-HDR-1: a message is its header and its payload, whatever they are.
    #[test]
    fn a_message(header in strategies::header(), payload in vec(any::<u8>(), 0..3000)) {
        let bytes = encode(&header, &payload);
        prop_assert_eq!(bytes.len(), HEADER_LEN + payload.len());
        let message = Message::decode(bytes).expect("a message");
        prop_assert_eq!(message.header, header);
        prop_assert!(message.digest_matches());
        prop_assert_eq!(&message.payload, &payload);
    }

    /// A changed payload never passes for the one that was hashed (P-HDR-6).
    #[test]
    fn a_changed_payload(
        header in strategies::header(),
        payload in vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let mut bytes = encode(&header, &payload).to_vec();
        bytes[HEADER_LEN + at.index(payload.len())] ^= change;
        prop_assert!(!Message::decode(bytes.into()).expect("a message").digest_matches());
    }

    #[test]
    fn a_message_id(id in strategies::message_id(), random in any::<[u8; 16]>()) {
        prop_assert_eq!(MessageId::from_wire(id.to_wire()), id);
        prop_assert_eq!(MessageId::from_bytes(*id.as_bytes()), id);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        let text = MessageId::from_random(random).to_string();
        prop_assert_eq!(text.as_bytes()[14], b'4');
    }

    #[test]
    fn types_and_flags(
        message_type in strategies::message_type(),
        payload_type in strategies::payload_type(),
        number in any::<[u8; 4]>(),
    ) {
        prop_assert_eq!(MessageType::from_field(message_type.to_field()), message_type);
        prop_assert_eq!(PayloadType::from(u32::from(payload_type)), payload_type);
        prop_assert_eq!(Flag::decode(&number).expect("four bytes").encode(), number);
    }

    /// P-MUX-1.
    #[test]
    fn an_smux_frame(frame in strategies::frame()) {
        prop_assert_eq!(Frame::decode(frame.encode()), Ok(frame));
    }

    /// P-MUX-1: no two headers mean the same but those of NOP, whose stream number says nothing.
    #[test]
    fn an_smux_header(header in any::<[u8; 8]>(), command in 0..4_u8, len in any::<u16>()) {
        let [l0, l1] = if command == 2 { len.to_le_bytes() } else { [0; 2] };
        let [.., s0, s1, s2, s3] = header;
        let header = [1, command, l0, l1, s0, s1, s2, s3];
        let frame = Frame::decode(header).expect("a frame");
        prop_assert!(frame == Frame::Nop || frame.encode() == header);
    }

    /// The two ways to write an acknowledgement agree.
    #[test]
    fn an_acknowledgement_both_ways(ack in strategies::ack()) {
        let mut written = Vec::new();
        ack.encode_into(&mut written).expect("a vector takes all");
        prop_assert_eq!(&written, &serde_json::to_vec(&ack).expect("JSON"));
        prop_assert_eq!(Ack::decode(&written).expect("an acknowledgement"), ack);
    }
}
