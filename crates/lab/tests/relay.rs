//! What passes through a session: order, bytes, back-pressure, and sides that go away.

use std::time::Duration;

use adit_wire::{MessageType, PayloadType};
use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::support::agent::Agent;
use crate::support::binary::{ack, data, decode, input, kind, output, sequence, typed};
use crate::support::client::{Ticket, open, resume, start};
use crate::support::http::fault;
use crate::support::session::{Sides, joined, started};
use crate::support::socket::{End, Socket};
use crate::support::{lab, lab_with, until};

use MessageType::{PausePublication, StartPublication};

/// A session with both sides there, whose notices have been read.
struct Session {
    lab: adit_lab::Lab,
    agent: Agent,
    ticket: Ticket,
    near: Socket,
    far: Socket,
}

async fn session(lab: adit_lab::Lab) -> Session {
    let Sides { agent, ticket, near, far } = joined(&lab).await;
    Session { lab, agent, ticket, near, far }
}

impl Session {
    fn counts(&self) -> adit_lab::Counts {
        self.lab.state().session(&self.ticket.id).expect("the session").counts
    }

    async fn client_gone(&self) {
        until(&self.lab, |state| {
            state.session(&self.ticket.id).is_some_and(|session| !session.client_connected)
        })
        .await;
    }
}

#[tokio::test]
async fn both_directions_are_relayed_byte_for_byte_and_in_order() {
    let mut s = session(lab().await).await;
    let inputs: Vec<Bytes> = (0..300).map(|n| input(n, &vec![n as u8; n as usize * 7])).collect();
    let outputs: Vec<Bytes> = (0..300).map(|n| output(n, &vec![n as u8; n as usize * 5])).collect();
    for (up, down) in inputs.iter().zip(&outputs) {
        s.near.binary(up.clone()).await;
        s.far.binary(down.clone()).await;
    }
    s.far.binary(ack(299)).await;
    for (up, down) in inputs.iter().zip(&outputs) {
        assert_eq!(s.far.next().await, up);
        assert_eq!(s.near.next().await, down);
    }
    assert_eq!(s.near.next().await, ack(299));
    let counts = s.counts();
    assert_eq!((counts.input_stream_data, counts.output_stream_data), (300, 300));
    assert_eq!((counts.acknowledge_from_agent, counts.acknowledge_from_client), (1, 0));
    assert_eq!((counts.resends_from_client, counts.resends_from_agent), (0, 0));
}

#[tokio::test]
async fn a_text_frame_is_a_message_too() {
    let mut s = session(lab().await).await;
    // All bytes of this message are ASCII, so it is a text as well.
    let mut message = vec![0; 120];
    message[..4].copy_from_slice(&[0, 0, 0, 112]);
    message[4..36].copy_from_slice(b"input_stream_data               ");
    let text = String::from_utf8(message.clone()).expect("UTF-8");
    s.near.0.send(Frame::text(text)).await.expect("sent");
    assert_eq!(s.far.next().await, message);
}

#[tokio::test]
async fn what_is_no_message_stops_at_the_gateway() {
    let mut s = session(lab().await).await;
    let mut bad_length = input(5, b"x").to_vec();
    bad_length[3] = 200;
    for bad in [
        Bytes::from_static(b"x"),
        input(5, b"").slice(..119),
        Bytes::from(bad_length),
        output(5, b"from the wrong side"),
        data(MessageType::ChannelClosed, 5, b"not the client's to say"),
    ] {
        s.near.binary(bad).await;
    }
    let state = json!({ "SchemaVersion": 1, "SessionState": "Connected" }).to_string();
    s.far
        .binary(typed(MessageType::AgentSessionState, PayloadType::Undefined, 0, state.as_bytes()))
        .await;
    s.near.binary(input(0, b"good")).await;
    s.far.binary(output(0, b"good")).await;
    assert_eq!(s.far.next().await, input(0, b"good"));
    assert_eq!(s.near.next().await, output(0, b"good"), "the agent's state is for the service");
    assert_eq!(s.counts().refused, 5);
}

#[tokio::test]
async fn resends_are_told_apart() {
    let mut s = session(lab().await).await;
    let nop = [1, 3, 0, 0, 0, 0, 0, 0];
    for message in [
        typed(MessageType::InputStreamData, PayloadType::HandshakeResponse, 0, b"{}"),
        input(1, &nop),
        input(1, &nop),
        input(1, &nop),
        input(2, b"user data"),
        input(2, b"user data"),
    ] {
        s.near.binary(message).await;
        s.far.next().await;
    }
    s.far.binary(output(0, b"x")).await;
    s.far.binary(output(0, b"x")).await;
    s.near.next().await;
    s.near.next().await;
    let counts = s.counts();
    assert_eq!((counts.resends_from_client, counts.resends_from_agent), (3, 1));
    assert_eq!((counts.resends_of_first, counts.resends_of_user_data), (2, 1));
    assert_eq!((counts.nops_from_client, counts.handshake_responses), (3, 1));
}

/// How much a client can send while the agent takes nothing: bounded, and nothing of it is lost.
#[tokio::test]
async fn a_side_that_does_not_read_stops_the_other() {
    let mut s = session(lab().await).await;
    let payload = vec![7; 32 << 10];
    let mut sent = 0;
    loop {
        let write = s.near.0.send(Frame::Binary(input(sent, &payload)));
        let accepted = tokio::time::timeout(Duration::from_millis(500), write).await;
        sent += 1;
        if accepted.is_err() {
            break;
        }
        assert!(sent < 2000, "64 MB were taken without anyone reading");
    }
    assert!(sent > 100, "4 MB fit into the gateway alone");
    // The last message may be half in the socket: it is finished while the agent reads.
    let (near, far) = (&mut s.near, &mut s.far);
    let finish = async { near.0.flush().await.expect("flushed") };
    let read = async {
        for expected in 0..sent {
            assert_eq!(sequence(&far.next().await), expected);
        }
    };
    tokio::join!(finish, read);
}

#[tokio::test]
async fn the_first_side_is_paused_until_the_other_comes() {
    let lab = lab().await;
    let (agent, ticket) = started(&lab).await;
    let mut near = open(&ticket).await;
    let pause = near.next().await;
    assert_eq!(kind(&pause), PausePublication);
    let pause = decode(&pause);
    assert!(pause.digest_matches() && pause.payload == "{}" && pause.header.created_ms > 0);
    near.binary(input(0, b"early")).await;
    let mut far = agent.open(&lab, &ticket.id).await;
    assert_eq!(kind(&far.next().await), StartPublication);
    assert_eq!(far.next().await, input(0, b"early"));
    assert_eq!(kind(&near.next().await), StartPublication);
}

#[tokio::test]
async fn what_comes_while_the_client_is_away_is_replayed_in_order() {
    let mut s = session(lab().await).await;
    drop(s.near);
    s.near = {
        assert_eq!(kind(&s.far.next().await), PausePublication);
        for n in 0..50 {
            s.far.binary(output(n, b"while away")).await;
        }
        let ticket = resume(&s.lab, &s.ticket.id).await;
        assert_eq!(ticket.id, s.ticket.id);
        assert_ne!((&ticket.url, &ticket.token), (&s.ticket.url, &s.ticket.token));
        open(&ticket).await
    };
    assert_eq!(kind(&s.near.next().await), StartPublication);
    for n in 0..50 {
        assert_eq!(sequence(&s.near.next().await), n);
    }
    assert_eq!(kind(&s.far.next().await), StartPublication);
    assert_eq!(s.counts().client_connections, 2);
}

#[tokio::test]
async fn a_lossy_gateway_drops_it_instead() {
    let mut s = session(lab_with(|config| config.lossy_resume = true).await).await;
    let ticket = resume(&s.lab, &s.ticket.id).await;
    fault(&s.lab, json!({ "cut": "client" })).await;
    s.client_gone().await;
    assert_eq!(kind(&s.far.next().await), PausePublication);
    for n in 0..50 {
        s.far.binary(output(n, b"while away")).await;
    }
    until(&s.lab, |state| state.sessions[0].counts.dropped == 50).await;
    s.near = open(&ticket).await;
    assert_eq!(kind(&s.near.next().await), StartPublication);
    s.far.binary(output(50, b"after")).await;
    assert_eq!(sequence(&s.near.next().await), 50);
}

#[tokio::test]
async fn a_new_socket_replaces_the_old() {
    let mut s = session(lab().await).await;
    let ticket = resume(&s.lab, &s.ticket.id).await;
    let mut new = open(&ticket).await;
    assert_eq!(s.near.end().await, End::Closed(1000));
    assert_eq!(kind(&new.next().await), StartPublication);
    new.binary(input(0, b"from the new one")).await;
    while kind(&s.far.next().await) != MessageType::InputStreamData {}
    until(&s.lab, |state| state.data_websockets_open == 2).await;
}

#[tokio::test]
async fn the_agent_can_come_back_too() {
    let mut s = session(lab().await).await;
    drop(s.far);
    assert_eq!(kind(&s.near.next().await), PausePublication);
    s.near.binary(input(0, b"while away")).await;
    s.far = s.agent.open(&s.lab, &s.ticket.id).await;
    assert_eq!(kind(&s.far.next().await), StartPublication);
    assert_eq!(s.far.next().await, input(0, b"while away"));
    assert_eq!(kind(&s.near.next().await), StartPublication);
}

#[tokio::test]
async fn a_ping_before_the_first_frame_is_answered() {
    let lab = lab().await;
    let ticket = start(&lab, adit_lab::DEFAULT_INSTANCE).await;
    let mut socket = crate::support::socket::dial(&ticket.url, &[]).await.expect("a websocket");
    socket.0.send(Frame::Ping(Bytes::from_static(b"keepalive"))).await.expect("sent");
    let pong = futures_util::StreamExt::next(&mut socket.0).await.expect("more").expect("a frame");
    assert_eq!(pong, Frame::Pong(Bytes::from_static(b"keepalive")));
    crate::support::client::present(&mut socket, &ticket.token).await;
    until(&lab, |state| state.sessions[0].client_connected).await;
}

#[tokio::test]
async fn latency_delays_each_way_without_limiting_what_flows() {
    let mut s = session(lab_with(|config| config.latency = Duration::from_millis(50)).await).await;
    let began = Instant::now();
    for n in 0..200 {
        s.near.binary(input(n, &vec![7; 32 << 10])).await;
    }
    for n in 0..200 {
        assert_eq!(sequence(&s.far.next().await), n);
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(50), "{took:?}");
    // One message at a time would take ten seconds.
    assert!(took < Duration::from_secs(5), "{took:?}");
}
