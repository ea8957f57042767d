use std::sync::atomic::Ordering;
use std::time::Duration;

use adit_wire::{MessageType, PayloadType};
use bytes::{BufMut, Bytes, BytesMut};

use super::harness::{Client, Destination, MODERN, Setup, input, psh, read_exactly, syn, write};
use crate::agent::config::{Pace, Quirks};
use crate::gateway::seam::AttachError;

const HELLO: &[u8] = b"hello";

async fn echo() -> Setup {
    Setup::port(Destination::echo().await)
}

/// A client with an open stream 3, whose destination the test serves.
async fn with_stream(setup: impl FnOnce(&mut Setup)) -> (Client, tokio::net::TcpStream) {
    let (destination, port) = Destination::listen().await;
    let mut with = Setup::port(port);
    setup(&mut with);
    let mut client = with.client(MODERN).await;
    client.write(&syn(3)).await;
    (client, destination.accept().await)
}

#[tokio::test]
async fn every_message_is_acknowledged_each_time_and_delivered_once_in_order() {
    let mut client = echo().await.client(MODERN).await;
    client.write(&syn(3)).await;
    client.acks.clear();
    let bodies: [&[u8]; 4] = [b"", b"a", b"b", b"c"];
    for n in [4, 2, 2, 4, 3] {
        client.input(n, PayloadType::Output, &psh(3, bodies[n as usize - 1])).await;
    }
    assert_eq!(client.stream_bytes(3, 3).await, b"abc");
    client.acknowledged_so_far(&[4, 2, 2, 4, 3]).await;
}

#[tokio::test]
async fn what_is_too_early_for_the_buffer_is_dropped_without_a_word() {
    let mut setup = echo().await;
    setup.limits.incoming = 1;
    let mut client = setup.client(MODERN).await;
    client.write(&syn(3)).await;
    client.acks.clear();
    client.input(3, PayloadType::Output, &psh(3, b"b")).await;
    client.input(4, PayloadType::Output, &psh(3, b"?")).await;
    client.input(2, PayloadType::Output, &psh(3, b"a")).await;
    client.acknowledged_so_far(&[3, 2]).await;
    client.input(4, PayloadType::Output, &psh(3, b"c")).await;
    assert_eq!(client.stream_bytes(3, 3).await, b"abc");
}

#[tokio::test]
async fn what_a_handler_rejects_after_its_acknowledgement_is_stuck() {
    let mut setup = echo().await;
    // Discarding is off, so what comes before the handshake is rejected.
    setup.quirks.discards_before_handshake = false;
    let mut client = setup.start().client().await;
    client.stream_data(PayloadType::HandshakeRequest).await;
    client.input(1, PayloadType::Output, HELLO).await;
    client.next = 0;
    client.send(PayloadType::HandshakeResponse, br#"{"ProcessedClientActions":[]}"#).await;
    client.acknowledged_so_far(&[1, 0]).await;
    // Number 1 is expected, stored and acknowledged; a later message does not free it.
    client.input(2, PayloadType::Output, HELLO).await;
    client.acknowledged_so_far(&[1, 0, 2]).await;
}

#[tokio::test]
async fn digests_are_not_looked_at() {
    let mut client = echo().await.client(MODERN).await;
    client.write(&syn(3)).await;
    client.raw(corrupted(client.next)).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn a_wrong_digest_is_dropped_without_the_defect() {
    let mut setup = echo().await;
    setup.quirks = Quirks { ignores_digests: false, ..Quirks::default() };
    let mut client = setup.client(MODERN).await;
    client.write(&syn(3)).await;
    client.raw(corrupted(client.next)).await;
    client.acknowledged_so_far(&[0, 1]).await;
}

fn corrupted(sequence: i64) -> Bytes {
    let mut message = BytesMut::from(&input(sequence, PayloadType::Output, &psh(3, HELLO))[..]);
    message[80] ^= 1;
    message.freeze()
}

#[tokio::test]
async fn a_message_without_a_date_or_too_short_is_ignored() {
    let mut client = echo().await.client(MODERN).await;
    let mut undated = BytesMut::from(&input(client.next, PayloadType::Output, &syn(3))[..]);
    undated[40..48].fill(0);
    client.raw(undated.freeze()).await;
    client.raw(Bytes::from_static(&[0; 116])).await;
    client.acknowledged_so_far(&[0]).await;
    client.write(&syn(3)).await;
}

#[tokio::test]
async fn a_header_length_behind_the_end_kills_the_reader() {
    let mut client = echo().await.client(MODERN).await;
    client.raw(overlong(client.next)).await;
    client.send(PayloadType::Output, &syn(3)).await;
    client.hears_nothing_of(&[1]).await;
}

#[tokio::test]
async fn a_bad_header_length_is_dropped_without_the_defect() {
    let mut setup = echo().await;
    setup.quirks = Quirks { dies_of_bad_header: false, ..Quirks::default() };
    let mut client = setup.client(MODERN).await;
    client.raw(overlong(client.next)).await;
    client.write(&syn(3)).await;
}

fn overlong(sequence: i64) -> Bytes {
    let mut message = BytesMut::from(&input(sequence, PayloadType::Output, HELLO)[..]);
    (&mut message[..4]).put_u32(1000);
    message.freeze()
}

#[tokio::test]
async fn only_the_oldest_unacknowledged_message_is_sent_again_and_unchanged() {
    let (mut client, mut connection) = with_stream(|setup| setup.pace = Pace::Official).await;
    write(&mut connection, &[1; 3000]).await;
    client.unacknowledged(3000).await;
    let sent: Vec<_> = client.received.range(2..).map(|(_, message)| message.clone()).collect();
    let oldest = sent[0].header.sequence;
    for _ in 0..3 {
        assert_eq!(client.message().await, sent[0], "same id, date and bytes");
    }
    client.acknowledge(oldest).await;
    client.resend_of(sent[1].header.sequence).await;
    assert_eq!(client.received[&sent[1].header.sequence], sent[1]);
}

#[tokio::test]
async fn all_overdue_messages_are_sent_again_without_the_defect() {
    let quirks = Quirks { resends_only_the_oldest: false, ..Quirks::default() };
    let (mut client, mut connection) = with_stream(|setup| setup.quirks = quirks).await;
    write(&mut connection, &[1; 3000]).await;
    client.unacknowledged(3000).await;
    let expected: Vec<_> = client.received.range(2..).map(|(&sequence, _)| sequence).collect();
    let mut again = Vec::new();
    while again.len() < expected.len() {
        again.push(client.message().await.header.sequence);
    }
    assert_eq!(again, expected);
}

#[tokio::test]
async fn an_unacknowledged_message_beyond_the_buffer_is_never_sent_again() {
    let (mut client, mut connection) = with_stream(|setup| setup.limits.outgoing = 1).await;
    write(&mut connection, &[1; 2000]).await;
    client.unacknowledged(2000).await;
    client.acknowledge(2).await;
    client.service(MessageType::StartPublication).await;
    let silence = Duration::from_millis(400);
    let stale = tokio::time::timeout(silence, async {
        while client.message().await.header.sequence != 3 {}
    });
    assert!(stale.await.is_err());
}

#[tokio::test]
async fn pause_stores_what_is_not_sent_and_start_lets_it_come_as_resends() {
    let (mut client, mut connection) = with_stream(|_| {}).await;
    client.service(MessageType::PausePublication).await;
    write(&mut connection, HELLO).await;
    let silence = Duration::from_millis(250);
    assert!(tokio::time::timeout(silence, client.message()).await.is_err());
    client.service(MessageType::StartPublication).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn any_input_ends_a_pause() {
    let (mut client, mut connection) = with_stream(|_| {}).await;
    client.service(MessageType::PausePublication).await;
    write(&mut connection, HELLO).await;
    client.write(&psh(3, b"x")).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn any_acknowledgement_ends_a_pause() {
    let (mut client, mut connection) = with_stream(|_| {}).await;
    client.service(MessageType::PausePublication).await;
    write(&mut connection, HELLO).await;
    client.acknowledge(0).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn only_start_publication_ends_a_pause_without_the_defect() {
    let quirks = Quirks { resumes_on_any_message: false, ..Quirks::default() };
    let (mut client, mut connection) = with_stream(|setup| setup.quirks = quirks).await;
    client.service(MessageType::PausePublication).await;
    client.write(&psh(3, b"x")).await;
    assert_eq!(read_exactly(&mut connection, 1).await, b"x");
    write(&mut connection, HELLO).await;
    let silence = Duration::from_millis(250);
    assert!(tokio::time::timeout(silence, client.message()).await.is_err());
    client.service(MessageType::StartPublication).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn a_lost_websocket_is_opened_again_and_the_session_goes_on() {
    let (mut client, mut connection) = with_stream(|_| {}).await;
    client.reattach().await;
    // No announcement and no handshake: the first message is the answer to this one.
    client.write(&psh(3, b"x")).await;
    assert_eq!(read_exactly(&mut connection, 1).await, b"x");
    write(&mut connection, HELLO).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
    let states = client.received.values().map(|message| message.header.message_type);
    assert!(states.into_iter().all(|kind| kind == MessageType::OutputStreamData));
}

#[tokio::test]
async fn reconnection_ends_a_pause() {
    let (mut client, mut connection) = with_stream(|_| {}).await;
    client.service(MessageType::PausePublication).await;
    client.reattach().await;
    write(&mut connection, HELLO).await;
    assert_eq!(client.stream_bytes(3, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn reconnection_resends_at_once_only_without_the_defect() {
    for (reconnects_without_resending, expected) in [(true, vec![2]), (false, vec![2, 3])] {
        let quirks = Quirks { reconnects_without_resending, ..Quirks::default() };
        let (mut client, mut connection) = with_stream(|setup| setup.quirks = quirks).await;
        write(&mut connection, &[1; 2000]).await;
        client.unacknowledged(2000).await;
        client.reattach().await;
        // With the defect number 3 waits until number 2 is acknowledged.
        let again = client.message().await.header.sequence;
        assert_eq!(again, 2);
        if expected.len() == 2 {
            assert_eq!(client.message().await.header.sequence, 3);
        } else {
            client.acknowledge(2).await;
            client.resend_of(3).await;
        }
    }
}

#[tokio::test]
async fn six_attempts_to_reconnect_are_made() {
    let mut client = echo().await.client(MODERN).await;
    let gateway = client.agent.gateway.clone();
    *gateway.refusal.lock().unwrap() = Some(AttachError::Unavailable);
    client.cut();
    super::harness::reaches(&gateway.attempts, 1 + 6).await;
    // The session stays, deaf, until the control channel ends it.
    assert!(client.agent.is_running());
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await.0, "Success");
    assert_eq!(gateway.attempts.load(Ordering::SeqCst), 1 + 6);
}

#[tokio::test]
async fn a_terminated_session_is_not_reconnected_to() {
    let mut client = echo().await.client(MODERN).await;
    let gateway = client.agent.gateway.clone();
    *gateway.refusal.lock().unwrap() = Some(AttachError::Terminated);
    client.cut();
    super::harness::reaches(&gateway.attempts, 1 + 1).await;
    client.agent.cancel.cancel();
    client.agent.end().await;
    assert_eq!(gateway.attempts.load(Ordering::SeqCst), 1 + 1);
}

#[tokio::test]
async fn a_first_websocket_that_cannot_be_opened_fails_the_session() {
    let mut agent = Setup::port(1).start();
    *agent.gateway.refusal.lock().unwrap() = Some(AttachError::Unavailable);
    assert_eq!(
        agent.end().await,
        (
            "Failed".to_owned(),
            "\n----------ERROR-------\nSetting up data channel with id adit-lab-0123456789abcdef0 failed: the gateway is not available".to_owned()
        )
    );
}
