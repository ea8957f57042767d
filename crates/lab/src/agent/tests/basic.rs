use std::sync::atomic::Ordering;
use std::time::Duration;

use adit_wire::{Flag, PayloadType};
use tokio::net::TcpStream;

use super::harness::{
    Client, Destination, MODERN, Setup, closed_port, patiently, reaches, read_exactly, read_to_end,
    write,
};
use crate::agent::config::Quirks;

const OLD: &str = "1.1.61.0";
const HELLO: &[u8] = b"hello";

/// What the service tells the client of a crashed worker.
const CRASHED: &str = "document process failed unexpectedly: ipc messaging received timeout signal , check [ssm-document-worker]/[ssm-session-worker] log for crash reason";

/// A session whose destination the test serves; the agent connects at once.
async fn session(setup: fn(u16) -> Setup, version: &str) -> (Client, Destination, TcpStream) {
    let (destination, port) = Destination::listen().await;
    let client = setup(port).client(version).await;
    let connection = destination.accept().await;
    (client, destination, connection)
}

#[tokio::test]
async fn an_old_client_gets_one_connection_without_frames() {
    let (mut client, _destination, mut connection) = session(Setup::port, OLD).await;
    client.write(HELLO).await;
    assert_eq!(read_exactly(&mut connection, HELLO.len()).await, HELLO);
    write(&mut connection, &[7; 3000]).await;
    assert_eq!(client.output_of(3000).await, [7; 3000]);
    let longest = client.received.values().map(|message| message.payload.len()).max();
    assert_eq!(longest, Some(1024));
}

#[tokio::test]
async fn an_old_agent_has_single_connections_whatever_the_client_is() {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.runtime.agent_version = "3.0.196.0".to_owned();
    let mut client = setup.client(MODERN).await;
    let mut connection = destination.accept().await;
    client.write(HELLO).await;
    assert_eq!(read_exactly(&mut connection, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn the_disconnect_flag_closes_and_the_next_data_dials_again() {
    let (mut client, destination, mut first) = session(Setup::port, OLD).await;
    client.flag(Flag::DisconnectToPort).await;
    assert_eq!(read_to_end(&mut first).await, b"");
    client.write(HELLO).await;
    let mut second = destination.accept().await;
    assert_eq!(read_exactly(&mut second, HELLO.len()).await, HELLO);
    write(&mut second, b"back").await;
    assert_eq!(client.output_of(4).await, b"back");
    reaches(&client.agent.gateway.closed, 1).await;
    assert_eq!(client.agent.gateway.opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_destinations_end_is_not_told_and_the_next_data_dials_again() {
    let (mut client, destination, mut first) = session(Setup::port, OLD).await;
    write(&mut first, b"bye").await;
    drop(first);
    reaches(&client.agent.gateway.closed, 1).await;
    assert_eq!(client.output_of(3).await, b"bye");
    assert_eq!(client.received.len(), 3, "handshake and data, no word of the end");
    client.write(HELLO).await;
    let mut second = destination.accept().await;
    assert_eq!(read_exactly(&mut second, HELLO.len()).await, HELLO);
}

#[tokio::test]
async fn a_refused_first_dial_drops_the_leg_and_is_told_late() {
    let mut setup = Setup::port(closed_port().await);
    setup.runtime.crash_silence = Duration::from_millis(100);
    let mut client = setup.client(OLD).await;
    while client.leg.rx.recv().await.is_some() {}
    let dropped = tokio::time::Instant::now();
    let end = client.agent.end().await;
    assert_eq!(end, ("Failed".to_owned(), CRASHED.to_owned()));
    assert!(dropped.elapsed() >= Duration::from_millis(50));
    assert_eq!(client.agent.gateway.attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_redial_crashes_as_well() {
    let mut setup = Setup::port(1);
    setup.runtime.crash_silence = Duration::from_millis(1);
    let (destination, port) = Destination::listen().await;
    setup.properties.insert("portNumber".to_owned(), port.to_string());
    let mut client = setup.client(OLD).await;
    drop(destination.accept().await);
    drop(destination);
    reaches(&client.agent.gateway.closed, 1).await;
    client.send(PayloadType::Output, HELLO).await;
    assert_eq!(client.agent.end().await, ("Failed".to_owned(), CRASHED.to_owned()));
}

#[tokio::test]
async fn a_refused_first_dial_is_told_at_once_without_the_defect() {
    let port = closed_port().await;
    let mut setup = Setup::port(port);
    setup.quirks = Quirks { crashes_on_refused_dial: false, ..Quirks::default() };
    let (status, output) = setup.client(OLD).await.agent.end().await;
    assert_eq!(status, "Failed");
    let start = format!("Unable to connect to specified port: dial tcp 127.0.0.1:{port}: ");
    assert!(output.starts_with(&start), "{output}");
}

#[tokio::test]
async fn a_destination_behind_groups_that_forbid_it_never_answers() {
    let mut setup = Setup::host("10.0.0.9", 5432);
    setup.maps = vec![(
        "10.0.0.9:5432".parse().unwrap(),
        ([127, 0, 0, 1], Destination::listen().await.1).into(),
    )];
    setup.black_hole = true;
    setup.runtime.connect_timeout = Duration::from_millis(1);
    setup.quirks = Quirks { crashes_on_refused_dial: false, ..Quirks::default() };
    let agent = setup.client(OLD).await.agent;
    let opened = agent.gateway.opened.clone();
    let (status, output) = patiently("an end", async move { { agent }.end().await }).await;
    assert_eq!(status, "Failed");
    assert!(output.ends_with("connect: connection timed out"), "{output}");
    assert_eq!(opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_raw_stream_ends_with_its_connection() {
    let (mut client, _destination, mut connection) = session(Setup::raw, MODERN).await;
    client.write(HELLO).await;
    assert_eq!(read_exactly(&mut connection, HELLO.len()).await, HELLO);
    write(&mut connection, b"SSH-2.0-x\r\n").await;
    drop(connection);
    assert_eq!(client.output_of(11).await, b"SSH-2.0-x\r\n");
    assert_eq!(client.agent.end().await, ("Success".to_owned(), String::new()));
}

#[tokio::test]
async fn the_disconnect_flag_ends_a_raw_stream_as_failed() {
    let (mut client, _destination, mut connection) = session(Setup::raw, MODERN).await;
    client.flag(Flag::DisconnectToPort).await;
    assert_eq!(read_to_end(&mut connection).await, b"");
    assert_eq!(client.agent.end().await, ("Failed".to_owned(), String::new()));
}

#[tokio::test]
async fn the_terminate_flag_ends_the_session_unless_the_agent_is_too_old_for_it() {
    let (mut client, _destination, mut connection) = session(Setup::port, OLD).await;
    client.flag(Flag::TerminateSession).await;
    assert_eq!(client.agent.end().await, ("Success".to_owned(), String::new()));
    assert_eq!(read_to_end(&mut connection).await, b"");

    let ancient = |port| {
        let mut setup = Setup::port(port);
        setup.runtime.agent_version = "2.3.722.0".to_owned();
        setup
    };
    let (mut client, _destination, mut connection) = session(ancient, OLD).await;
    client.flag(Flag::TerminateSession).await;
    client.write(HELLO).await;
    assert_eq!(read_exactly(&mut connection, HELLO.len()).await, HELLO);
    assert!(client.agent.is_running());
}

#[tokio::test]
async fn a_destination_that_does_not_read_can_still_be_disconnected_by_the_service() {
    let (mut client, _destination, connection) = session(Setup::port, OLD).await;
    let bulk = vec![0; 64 * 1024];
    for _ in 0..1000 {
        let sequence = client.send(PayloadType::Output, &bulk).await;
        let wait = Duration::from_millis(200);
        if tokio::time::timeout(wait, client.acknowledged(sequence)).await.is_err() {
            break;
        }
    }
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await, ("Success".to_owned(), String::new()));
    reaches(&client.agent.gateway.closed, 1).await;
    drop(connection);
}
