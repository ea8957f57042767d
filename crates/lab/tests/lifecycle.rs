//! How sessions end, and what is said about it.

use std::time::Duration;

use adit_lab::DEFAULT_INSTANCE;
use adit_wire::MessageType;
use adit_wire::channel::ChannelClosed;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::agent::{Agent, ID, create};
use crate::support::binary::{decode, input, kind, output};
use crate::support::client::{open, resume, start};
use crate::support::http::{answered, control, fault};
use crate::support::session::{Sides, joined, started};
use crate::support::socket::{End, Socket};
use crate::support::{lab, lab_with, until};

/// What `channel_closed` says, in the service's own form.
fn closed(message: &Bytes) -> ChannelClosed {
    assert_eq!(message[..4], [0, 0, 0, 112]);
    assert!(message.len() >= 120);
    let message = decode(message);
    assert_eq!(message.header.message_type, MessageType::ChannelClosed);
    assert!(message.digest_matches());
    serde_json::from_slice(&message.payload).expect("a body")
}

/// Skips notices.
async fn next(socket: &mut Socket) -> Bytes {
    loop {
        let message = socket.next().await;
        if !matches!(kind(&message), MessageType::StartPublication | MessageType::PausePublication)
        {
            return message;
        }
    }
}

#[tokio::test]
async fn the_agents_last_words_reach_the_client_after_its_data() {
    let lab = lab().await;
    let Sides { mut agent, ticket, mut near, mut far } = joined(&lab).await;
    far.binary(output(0, b"data")).await;
    until(&lab, |state| state.sessions[0].counts.output_stream_data == 1).await;
    agent.complete(&ticket.id, "Forwarding to IP address 169.254.169.254 is forbidden.").await;
    assert_eq!(next(&mut near).await, output(0, b"data"));
    let body = closed(&next(&mut near).await);
    assert_eq!(body.session_id, ticket.id);
    assert_eq!(
        body.output.expect("an output"),
        "Forwarding to IP address 169.254.169.254 is forbidden."
    );
    let over = answered(&lab, "ResumeSession", json!({ "SessionId": ticket.id })).await;
    assert_eq!(over, json!({ "SessionId": ticket.id }));
    let refusal = create(&lab, "data-channel", &ticket.id).await;
    assert_eq!(refusal.status(), 400);
    let text = String::from_utf8(refusal.body().to_vec()).expect("UTF-8");
    assert!(text.contains("Session is already terminated"), "{text}");
    assert_eq!(lab.state().sessions[0].state, "Terminated");
    agent.complete(&ticket.id, "again").await;
}

#[tokio::test]
async fn a_session_that_ends_before_its_client_comes_says_so_when_it_does() {
    let lab = lab().await;
    let (mut agent, ticket) = started(&lab).await;
    agent.complete(&ticket.id, "too early").await;
    let mut near = open(&ticket).await;
    assert_eq!(closed(&near.next().await).output.expect("an output"), "too early");
}

#[tokio::test]
async fn terminating_tells_both_sides() {
    let lab = lab().await;
    let Sides { mut agent, ticket, mut near, mut far } = joined(&lab).await;
    until(&lab, |state| state.sessions[0].state == "Connected").await;
    let answer = answered(&lab, "TerminateSession", json!({ "SessionId": ticket.id })).await;
    assert_eq!(answer, json!({ "SessionId": ticket.id }));
    let told = agent.heard(MessageType::ChannelClosed).await;
    let told: Value = serde_json::from_slice(&told.payload).expect("a body");
    assert_eq!((&told["SessionId"], told.get("Output")), (&json!(ticket.id), None));
    assert_eq!(closed(&next(&mut near).await).output.as_deref(), Some(""));
    assert_eq!(far.end().await, End::Closed(1000));
    answered(&lab, "TerminateSession", json!({ "SessionId": ticket.id })).await;
    answered(&lab, "TerminateSession", json!({ "SessionId": "unknown" })).await;
}

#[tokio::test]
async fn an_emulated_agent_is_told_as_well() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    until(&lab, |state| state.sessions[0].agent_connected).await;
    answered(&lab, "TerminateSession", json!({ "SessionId": ticket.id })).await;
    let mut near = open(&ticket).await;
    while kind(&next(&mut near).await) != MessageType::ChannelClosed {}
    until(&lab, |state| !state.sessions[0].agent_connected).await;
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_the_session_alive() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    drop(open(&ticket).await);
    until(&lab, |state| state.sessions[0].state == "Disconnected").await;
    assert!(lab.state().sessions[0].agent_connected);
    resume(&lab, &ticket.id).await;
}

#[tokio::test]
async fn an_idle_session_ends_and_activity_puts_that_off() {
    let lab = lab().await;
    let Sides { mut agent, mut near, mut far, .. } = joined(&lab).await;
    let fifteen = json!({ "advance_ms": 15 * 60 * 1000 });
    control(&lab, "clock", &fifteen).await;
    near.binary(input(0, b"still here")).await;
    assert_eq!(next(&mut far).await, input(0, b"still here"));
    control(&lab, "clock", &fifteen).await;
    near.binary(input(1, b"and here")).await;
    assert_eq!(next(&mut far).await, input(1, b"and here"));
    control(&lab, "clock", &json!({ "advance_ms": 20 * 60 * 1000 })).await;
    let output = closed(&next(&mut near).await).output.expect("an output");
    assert!(output.contains("inactivity"), "{output}");
    agent.heard(MessageType::ChannelClosed).await;
    assert_eq!(lab.state().sessions[0].state, "Terminated");
}

#[tokio::test]
async fn a_session_lasts_no_longer_than_its_maximum() {
    let lab = lab_with(|config| config.max_duration = Some(Duration::from_mins(10))).await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let mut near = open(&ticket).await;
    control(&lab, "clock", &json!({ "advance_ms": 10 * 60 * 1000 })).await;
    loop {
        let message = next(&mut near).await;
        if kind(&message) == MessageType::ChannelClosed {
            let output = closed(&message).output.expect("an output");
            assert!(output.contains("maximum"), "{output}");
            return;
        }
    }
}

#[tokio::test]
async fn the_service_can_end_sessions_with_a_text() {
    let lab = lab().await;
    let (_agent, ticket) = started(&lab).await;
    let mut near = open(&ticket).await;
    fault(&lab, json!({ "close_session": "all", "output": "Maintenance." })).await;
    assert_eq!(closed(&next(&mut near).await).output.expect("an output"), "Maintenance.");
}

#[tokio::test]
async fn a_new_control_channel_replaces_the_old() {
    let lab = lab().await;
    let mut old = Agent::connect(&lab).await;
    let mut new = Agent::connect(&lab).await;
    assert_eq!(old.control.end().await, End::Closed(1000));
    let ticket = start(&lab, ID).await;
    assert_eq!(new.task().await.session_id, ticket.id);
    drop(new);
    until(&lab, |state| state.instances.iter().any(|i| i.id == ID && !i.online)).await;
}

#[tokio::test]
async fn shutting_down_ends_every_connection() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let mut near = open(&ticket).await;
    near.next().await;
    let address = lab.endpoint().replace("http://", "");
    lab.shutdown().await;
    near.end().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens");
}
