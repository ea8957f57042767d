use std::time::Duration;

use adit_wire::handshake::{HandshakeComplete, HandshakeRequest, RequestedAction};
use adit_wire::{MessageType, PayloadType, flags};

use super::harness::{Destination, MODERN, Setup, psh, syn};
use crate::agent::config::Quirks;

const HELLO: &[u8] = b"hello";

fn hello() -> Vec<u8> {
    [syn(3), psh(3, HELLO)].concat()
}

#[tokio::test]
async fn the_agent_announces_itself_and_asks_for_a_port_session() {
    let mut setup = Setup::host("db.internal", 5432);
    setup.maps = vec![("db.internal:5432".parse().unwrap(), "127.0.0.1:1".parse().unwrap())];
    let mut client = setup.start().client().await;

    let state = client.message().await;
    assert_eq!(state.header.message_type, MessageType::AgentSessionState);
    assert_eq!((state.header.sequence, state.header.flags), (0, flags::SYN_FIN));
    assert_eq!(
        state.payload,
        r#"{"SchemaVersion":1,"SessionState":"Connected","SessionId":"adit-lab-0123456789abcdef0"}"#
    );

    let request = client.message().await;
    assert_eq!((request.header.sequence, request.header.flags), (0, flags::SYN));
    assert_eq!(request.header.payload_type, PayloadType::HandshakeRequest);
    let body: HandshakeRequest = serde_json::from_slice(&request.payload).unwrap();
    assert_eq!(body.agent_version, "3.3.987.0");
    let [RequestedAction::SessionType(action)] = &body.requested_client_actions[..] else {
        panic!("{body:?}");
    };
    assert_eq!(action.session_type, "Port");
    let properties: Vec<_> =
        action.properties.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(
        properties,
        [
            ("host", "db.internal"),
            ("localPortNumber", "0"),
            ("portNumber", "5432"),
            ("type", "LocalPortForwarding"),
        ]
    );
}

#[tokio::test]
async fn the_response_is_acknowledged_and_the_handshake_completed() {
    let mut client = Setup::port(Destination::echo().await).start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    client.response(MODERN).await;
    let complete = client.stream_data(PayloadType::HandshakeComplete).await;
    assert_eq!((complete.header.sequence, complete.header.flags), (1, flags::NONE));
    let body: HandshakeComplete = serde_json::from_slice(&complete.payload).unwrap();
    assert!(body.handshake_time_to_complete > 0);
    assert_eq!(body.customer_message, "");
    client.write(&hello()).await;
    assert_eq!(client.acks, [0, 1]);
}

#[tokio::test]
async fn no_response_fails_the_session() {
    let mut setup = Setup::port(1);
    setup.runtime.handshake_timeout = Duration::from_millis(20);
    let mut client = setup.start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    let (status, output) = client.agent.end().await;
    assert_eq!(status, "Failed");
    assert_eq!(
        output,
        "\n----------ERROR-------\nEncountered error while initiating handshake. Handshake timed out. Please ensure that you have the latest version of the session manager plugin."
    );
}

#[tokio::test]
async fn a_failed_action_fails_the_session() {
    let mut client = Setup::port(1).start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    let body = br#"{"ClientVersion":"1.2.764.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":2,"ActionResult":3,"Error":"no"}]}"#;
    client.send(PayloadType::HandshakeResponse, body).await;
    let (status, output) = client.agent.end().await;
    assert_eq!(status, "Failed");
    assert_eq!(
        output,
        "\n----------ERROR-------\nEncountered error while initiating handshake. SessionType failed on client with status 2 error: no"
    );
}

#[tokio::test]
async fn a_response_without_any_member_completes_the_handshake() {
    let mut client = Setup::port(Destination::echo().await).start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    client.send(PayloadType::HandshakeResponse, b"{}").await;
    client.stream_data(PayloadType::HandshakeComplete).await;
    // Without a version the agent takes the client for one without multiplexing.
    client.write(HELLO).await;
    assert_eq!(client.output_of(HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn a_response_that_is_no_json_is_not_acknowledged() {
    let mut client = Setup::port(1).start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    client.input(0, PayloadType::HandshakeResponse, b"?").await;
    client.response(MODERN).await;
    client.stream_data(PayloadType::HandshakeComplete).await;
    client.acknowledged_so_far(&[0]).await;
}

#[tokio::test]
async fn a_second_response_blocks_the_reader_for_good() {
    let mut client = Setup::port(Destination::echo().await).client(MODERN).await;
    client.response(MODERN).await;
    client.send(PayloadType::Output, &hello()).await;
    client.hears_nothing_of(&[1, 2]).await;
    // The control channel still works.
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await.0, "Success");
}

#[tokio::test]
async fn a_repeated_response_is_just_acknowledged_again() {
    let mut client = Setup::port(Destination::echo().await).client(MODERN).await;
    client.next = 0;
    let sequence = client.response(MODERN).await;
    client.acknowledged(sequence).await;
    client.write(&hello()).await;
}

#[tokio::test]
async fn a_second_response_is_acknowledged_without_the_defect() {
    let mut setup = Setup::port(Destination::echo().await);
    setup.quirks = Quirks { blocks_on_second_response: false, ..Quirks::default() };
    let mut client = setup.client(MODERN).await;
    let sequence = client.response(MODERN).await;
    client.acknowledged(sequence).await;
    client.write(&hello()).await;
}

#[tokio::test]
async fn data_before_the_response_is_acknowledged_and_lost() {
    let mut client = Setup::port(Destination::echo().await).start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    let lost = client.send(PayloadType::Output, &syn(5)).await;
    client.acknowledged(lost).await;
    client.response(MODERN).await;
    client.stream_data(PayloadType::HandshakeComplete).await;
    // Had stream 5 been opened, it would echo.
    client.write(&[psh(5, b"gone"), hello()].concat()).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
    assert_eq!(client.stream(5), b"");
}

#[tokio::test]
async fn data_before_the_handshake_is_complete_is_rejected_without_the_defect() {
    let mut setup = Setup::port(Destination::echo().await);
    setup.quirks = Quirks { discards_before_handshake: false, ..Quirks::default() };
    let mut client = setup.start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    client.input(0, PayloadType::Output, &syn(5)).await;
    client.response(MODERN).await;
    client.stream_data(PayloadType::HandshakeComplete).await;
    client.acknowledged_so_far(&[0]).await;
}

#[tokio::test]
async fn data_right_after_handshake_complete_may_be_lost() {
    let mut setup = Setup::port(Destination::echo().await);
    setup.runtime.completion_delay = Duration::from_mins(1);
    let mut client = setup.client(MODERN).await;
    let lost = client.send(PayloadType::Output, &hello()).await;
    client.acknowledged(lost).await;
}

#[tokio::test]
async fn data_before_the_handler_is_ready_is_neither_acknowledged_nor_lost() {
    let mut setup = Setup::port(Destination::echo().await);
    setup.runtime.handler_delay = Duration::from_millis(50)..=Duration::from_millis(50);
    let mut client = setup.client(MODERN).await;
    let first = client.send(PayloadType::Output, &syn(3)).await;
    let second = client.send(PayloadType::Output, &psh(3, HELLO)).await;
    // What comes before its turn is acknowledged, which proves that the first was looked at.
    client.acknowledged(second).await;
    assert_eq!(client.acks, [0, second]);
    client.next = first;
    client.write(&syn(3)).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}
