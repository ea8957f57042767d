//! Golden messages, decoded and made again.

use adit_wire::handshake::{
    HandshakeRequest, HandshakeResponse, ProcessedAction, RequestedAction, SessionTypeParameters,
    status,
};
use adit_wire::{
    Ack, AckedMessage, Flag, Header, Message, MessageId, MessageType, PayloadType, channel, encode,
    flags,
};

use crate::fixtures::{self, bytes};

const CREATED_MS: u64 = 1_700_000_000_123;
const ID: &str = "00112233-4455-4677-8899-aabbccddeeff";

fn id(text: &str) -> MessageId {
    text.parse().expect("a UUID")
}

fn header(message_type: MessageType, sequence: i64, payload_type: PayloadType) -> Header {
    Header {
        message_type,
        created_ms: CREATED_MS,
        sequence,
        flags: flags::NONE,
        id: id(ID),
        payload_type,
    }
}

/// Holds a golden message to its header and payload, in both directions.
#[track_caller]
fn golden(fixture: &str, header: &Header, payload: &[u8]) {
    let bytes = bytes(fixture);
    let message = Message::decode(bytes.clone()).expect("a message");
    assert_eq!(message.header, *header);
    assert_eq!(message.payload, payload);
    assert!(message.digest_matches());
    assert_eq!(encode(header, payload), bytes);
}

/// P-HDR-1, P-HDR-5, P-HDR-9.
#[test]
fn output_in_both_directions() {
    golden(
        fixtures::OUTPUT_FROM_CLIENT,
        &header(MessageType::InputStreamData, 7, PayloadType::Output),
        b"hello",
    );
    golden(
        fixtures::OUTPUT_FROM_AGENT,
        &header(MessageType::OutputStreamData, 2, PayloadType::Output),
        b"SSH-2.0-x\r\n",
    );
}

/// P-ACK-1, P-ACK-2.
#[test]
fn an_acknowledgement() {
    let ack = Ack::new(AckedMessage::OutputStreamData, id(ID), 42);
    let mut payload = Vec::new();
    ack.encode_into(&mut payload).expect("a vector takes all");
    let header = Header {
        flags: flags::SYN_FIN,
        id: id("0f1e2d3c-4b5a-4697-8877-665544332211"),
        ..header(MessageType::Acknowledge, 0, PayloadType::Undefined)
    };
    golden(fixtures::ACKNOWLEDGE, &header, &payload);
    assert_eq!(Ack::decode(&payload).expect("an acknowledgement"), ack);
}

/// P-FLAG-1.
#[test]
fn flags_in_both_directions() {
    golden(
        fixtures::FLAG_TERMINATE,
        &header(MessageType::InputStreamData, 3, PayloadType::Flag),
        &Flag::TerminateSession.encode(),
    );
    golden(
        fixtures::FLAG_CONNECT_ERROR,
        &header(MessageType::OutputStreamData, 9, PayloadType::Flag),
        &Flag::ConnectToPortError.encode(),
    );
}

/// P-HS-1, and P-HDR-9: only the agent's first message says SYN.
#[test]
fn the_handshake_request() {
    let properties =
        [("localPortNumber", "0"), ("portNumber", "8080"), ("type", "LocalPortForwarding")];
    let request = HandshakeRequest {
        agent_version: "3.3.987.0".into(),
        requested_client_actions: vec![RequestedAction::SessionType(SessionTypeParameters {
            session_type: "Port".into(),
            properties: properties.map(|(name, value)| (name.into(), value.into())).into(),
        })],
    };
    let header = Header {
        flags: flags::SYN,
        ..header(MessageType::OutputStreamData, 0, PayloadType::HandshakeRequest)
    };
    golden(fixtures::HANDSHAKE_REQUEST, &header, &json(&request));
}

/// P-HS-2.
#[test]
fn the_handshake_response() {
    let response = HandshakeResponse {
        client_version: "1.2.694.0".into(),
        processed_client_actions: vec![ProcessedAction {
            action_type: "SessionType".into(),
            action_status: status::SUCCESS,
            action_result: None,
            error: String::new(),
        }],
        errors: None,
    };
    golden(
        fixtures::HANDSHAKE_RESPONSE,
        &header(MessageType::InputStreamData, 0, PayloadType::HandshakeResponse),
        &json(&response),
    );
}

/// P-HDR-9.
#[test]
fn the_agent_session_state() {
    let state = channel::AgentSessionState {
        schema_version: 1,
        session_state: "Connected".into(),
        session_id: "user-0123456789abcdef0".into(),
    };
    let header = Header {
        flags: flags::SYN_FIN,
        ..header(MessageType::AgentSessionState, 0, PayloadType::Undefined)
    };
    golden(fixtures::AGENT_SESSION_STATE, &header, &json(&state));
}

/// P-HDR-2, P-HDR-4: the service's own form, with a short header and NUL padding.
#[test]
fn a_closed_channel_from_the_service() {
    let message = Message::decode(bytes(fixtures::CHANNEL_CLOSED_SHORT)).expect("a message");
    assert_eq!(message.header, header(MessageType::ChannelClosed, 0, PayloadType::Undefined));
    assert!(message.digest_matches());
    let body: channel::ChannelClosed =
        serde_json::from_slice(&message.payload).expect("a channel_closed");
    assert_eq!(body.output.as_deref(), Some("bye"));
    assert_eq!(body.session_id, "s");
    assert_eq!(json(&body), message.payload);
}

fn json(body: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("JSON")
}
