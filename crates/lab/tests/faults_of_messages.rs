//! What `POST /_lab/faults` does to single messages, to calls and to destinations.

use adit_lab::DEFAULT_INSTANCE;
use serde_json::json;

use crate::support::binary::{ack, input, output};
use crate::support::client::start;
use crate::support::http::{answered, call, fault};
use crate::support::session::{Sides, joined};
use crate::support::{lab, until};

#[tokio::test]
async fn acknowledgements_alone_can_be_lost() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "drop_acks": 1.0 })).await;
    far.binary(ack(0)).await;
    far.binary(output(0, b"not lost")).await;
    assert_eq!(near.next().await, output(0, b"not lost"));
    near.binary(ack(0)).await;
    near.binary(input(0, b"nor this")).await;
    assert_eq!(far.next().await, input(0, b"nor this"));
    until(&lab, |state| state.sessions[0].counts.dropped == 2).await;
}

#[tokio::test]
async fn the_agents_messages_can_be_spoiled_and_their_digest_shows_it() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "corrupt": 1.0 })).await;
    far.binary(output(0, b"x")).await;
    let spoiled = adit_wire::Message::decode(near.next().await).expect("a message");
    assert_eq!((spoiled.payload.as_ref(), spoiled.digest_matches()), (b"y".as_slice(), false));
    near.binary(input(0, b"x")).await;
    assert_eq!(far.next().await, input(0, b"x"), "the client's are left alone");
}

#[tokio::test]
async fn clients_can_be_given_any_message() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, far: _far, .. } = joined(&lab).await;
    fault(&lab, json!({ "inject": "bm9pc2U=" })).await;
    assert_eq!(near.next().await.as_ref(), b"noise");
}

#[tokio::test]
async fn calls_of_an_operation_can_fail() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    fault(&lab, json!({ "fail": 500, "operation": "ResumeSession" })).await;
    let (status, _) = call(&lab, "ResumeSession", json!({ "SessionId": ticket.id })).await;
    assert_eq!(status, 500);
    answered(&lab, "GetConnectionStatus", json!({ "Target": DEFAULT_INSTANCE })).await;
    fault(&lab, json!({ "fail": 503 })).await;
    let target = json!({ "Target": DEFAULT_INSTANCE });
    let (status, answer) = call(&lab, "GetConnectionStatus", target).await;
    assert_eq!((status, &answer["__type"]), (503, &json!("InternalServerError")));
    fault(&lab, json!({ "fail": null })).await;
    answered(&lab, "ResumeSession", json!({ "SessionId": ticket.id })).await;
}
