use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use adit_wire::smux::Frame;
use adit_wire::{Flag, MessageType, PayloadType};
use tokio::net::TcpStream;

use super::harness::{
    Client, Destination, MODERN, Setup, closed_port, fin, patiently, psh, reaches, read_exactly,
    read_to_end, syn, write,
};
use crate::agent::config::Quirks;

/// A client with an open stream 3, whose destination the test serves.
async fn with_stream(setup: impl FnOnce(&mut Setup)) -> (Client, Destination, TcpStream) {
    let (destination, port) = Destination::listen().await;
    let mut with = Setup::port(port);
    setup(&mut with);
    let mut client = with.client(MODERN).await;
    client.write(&syn(3)).await;
    let connection = destination.accept().await;
    (client, destination, connection)
}

fn is_fin(of: u32) -> impl Fn(&Frame) -> bool {
    move |frame| *frame == Frame::Fin { stream: of }
}

#[tokio::test]
async fn streams_are_separate_connections() {
    let (mut client, destination, mut first) = with_stream(|_| {}).await;
    // Frames do not care for message boundaries.
    let bytes = [psh(3, b"one"), syn(5), psh(5, b"two")].concat();
    for part in bytes.chunks(5) {
        client.write(part).await;
    }
    let mut second = destination.accept().await;
    assert_eq!(read_exactly(&mut first, 3).await, b"one");
    assert_eq!(read_exactly(&mut second, 3).await, b"two");
    write(&mut second, b"second").await;
    assert_eq!(client.stream_bytes(5, 6).await, b"second");
    write(&mut first, b"first").await;
    assert_eq!(client.stream_bytes(3, 5).await, b"first");
    assert_eq!(client.agent.gateway.opened.load(Ordering::SeqCst), 2);
    assert_eq!(client.agent.gateway.closed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn bulk_comes_whole_in_frames_of_32_kib_and_messages_of_1_kib() {
    let (mut client, _destination, mut connection) = with_stream(|_| {}).await;
    let sent: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let bulk = sent.clone();
    let writer = tokio::spawn(async move {
        write(&mut connection, &bulk).await;
        connection
    });
    assert_eq!(client.stream_bytes(3, sent.len()).await, sent);
    drop(writer.await);
    let longest = client.frames().iter().map(|(_, body)| body.len()).max();
    assert!(longest <= Some(32 * 1024), "{longest:?}");
    let outputs = client.received.values().filter(|m| m.header.payload_type == PayloadType::Output);
    assert_eq!(outputs.map(|m| m.payload.len()).max(), Some(1024));
}

#[tokio::test]
async fn the_destinations_end_comes_as_fin_behind_all_its_data() {
    let (mut client, _destination, mut connection) = with_stream(|_| {}).await;
    let sent = vec![7; 100_000];
    write(&mut connection, &sent).await;
    drop(connection);
    client.frames_until(is_fin(3)).await;
    assert_eq!(client.stream(3), sent);
    reaches(&client.agent.gateway.closed, 1).await;
    // What comes for the stream now is discarded, and the session lives.
    client.write(&psh(3, b"late")).await;
    client.write(&[fin(3), syn(5)].concat()).await;
}

#[tokio::test]
async fn fin_closes_the_destination_in_both_directions_behind_the_data() {
    let (mut client, _destination, mut connection) = with_stream(|_| {}).await;
    client.write(&[psh(3, b"request"), fin(3)].concat()).await;
    assert_eq!(read_to_end(&mut connection).await, b"request");
    reaches(&client.agent.gateway.closed, 1).await;
    // A reply behind the end is lost.
    tokio::io::AsyncWriteExt::write_all(&mut connection, b"reply").await.ok();
    client.frames_until(is_fin(3)).await;
    assert_eq!(client.stream(3), b"");
}

#[tokio::test]
async fn fin_closes_one_direction_without_the_defect() {
    let quirks = Quirks { fin_closes_both_directions: false, ..Quirks::default() };
    let (mut client, _destination, mut connection) =
        with_stream(|setup| setup.quirks = quirks).await;
    client.write(&[psh(3, b"request"), fin(3)].concat()).await;
    assert_eq!(read_to_end(&mut connection).await, b"request");
    write(&mut connection, b"reply").await;
    drop(connection);
    client.frames_until(is_fin(3)).await;
    assert_eq!(client.stream(3), b"reply");
}

#[tokio::test]
async fn a_refused_dial_gives_a_flag_that_names_no_stream_and_a_fin() {
    let mut client = Setup::port(closed_port().await).client(MODERN).await;
    client.write(&syn(3)).await;
    let flag = client.stream_data(PayloadType::Flag).await;
    assert_eq!(Flag::decode(&flag.payload), Ok(Flag::ConnectToPortError));
    assert_eq!(client.frames_until(is_fin(3)).await, [(Frame::Fin { stream: 3 }, Vec::new())]);
    assert_eq!(client.agent.gateway.opened.load(Ordering::SeqCst), 0);
    assert!(client.agent.is_running());
}

#[tokio::test]
async fn port_0_is_accepted_and_every_dial_fails() {
    let mut client = Setup::port(0).client(MODERN).await;
    client.write(&syn(3)).await;
    client.stream_data(PayloadType::Flag).await;
}

#[tokio::test]
async fn destinations_are_dialled_one_after_another() {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.runtime.dial_delay = Duration::from_millis(60);
    let mut client = setup.client(MODERN).await;
    let start = tokio::time::Instant::now();
    client.write(&[syn(3), psh(3, b"a"), syn(5), psh(5, b"b"), syn(7)].concat()).await;
    let mut first = destination.accept().await;
    let mut second = destination.accept().await;
    destination.accept().await;
    assert!(start.elapsed() >= Duration::from_millis(180));
    // What came before a stream was accepted is kept for it.
    assert_eq!(read_exactly(&mut first, 1).await, b"a");
    assert_eq!(read_exactly(&mut second, 1).await, b"b");
}

#[tokio::test]
async fn a_slow_dial_delays_no_other_without_the_defect() {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.quirks = Quirks { dials_one_at_a_time: false, ..Quirks::default() };
    setup.runtime.dial_delay = Duration::from_millis(300);
    let mut client = setup.client(MODERN).await;
    let start = tokio::time::Instant::now();
    let streams = 10;
    client.write(&(0..streams).flat_map(|n| syn(2 * n + 3)).collect::<Vec<_>>()).await;
    for _ in 0..streams {
        destination.accept().await;
    }
    assert!(start.elapsed() < Duration::from_millis(300) * streams);
}

#[tokio::test]
async fn a_destination_that_does_not_read_freezes_the_whole_session() {
    let limits = |setup: &mut Setup| {
        setup.limits.receive_buffer = 64 * 1024;
        setup.limits.pipe = 16 * 1024;
    };
    let (mut client, destination, stuck) = with_stream(limits).await;
    client.write(&syn(5)).await;
    let mut other = destination.accept().await;
    // Kernel buffers, the shared one and the pipe take some megabytes.
    let frame = psh(3, &vec![0; 32 * 1024]);
    let mut frozen = None;
    for _ in 0..1000 {
        let sequence = client.send(PayloadType::Output, &frame).await;
        let wait = Duration::from_millis(300);
        if tokio::time::timeout(wait, client.acknowledged(sequence)).await.is_err() {
            frozen = Some(sequence);
            break;
        }
    }
    let frozen = frozen.expect("a limit");
    // Neither other streams nor flags get through, and acknowledgements are not heard.
    client.send(PayloadType::Output, &psh(5, b"x")).await;
    let flag = client.send(PayloadType::Flag, &Flag::TerminateSession.encode()).await;
    client.hears_nothing_of(&[frozen, flag]).await;
    assert!(client.agent.is_running());
    // Once somebody reads, all goes on, to the end that was asked for.
    let mut stuck = stuck;
    let reading = tokio::spawn(async move { read_to_end(&mut stuck).await.len() });
    assert_eq!(read_exactly(&mut other, 1).await, b"x");
    assert_eq!(client.agent.end().await.0, "Success");
    assert!(patiently("the reader", reading).await.unwrap() > 64 * 1024);
}

#[tokio::test]
async fn the_control_channel_ends_a_frozen_session() {
    let limits = |setup: &mut Setup| {
        setup.limits.receive_buffer = 1;
        setup.limits.pipe = 1024;
    };
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    limits(&mut setup);
    // The stream is never accepted, so its first bytes already fill the buffer.
    setup.runtime.dial_delay = Duration::from_mins(10);
    let mut client = setup.client(MODERN).await;
    client.write(&[syn(3), psh(3, b"xx")].concat()).await;
    let sequence = client.send(PayloadType::Output, &psh(3, &[0; 4096])).await;
    client.hears_nothing_of(&[sequence]).await;
    client.agent.cancel.cancel();
    assert_eq!(client.agent.end().await, ("Success".to_owned(), String::new()));
    drop(destination);
}

#[tokio::test]
async fn another_smux_version_leaves_a_dead_session() {
    let mut client = Setup::port(Destination::echo().await).client(MODERN).await;
    client.write(&[2, 0, 0, 0, 3, 0, 0, 0]).await;
    // Bytes are still acknowledged, and go nowhere.
    client.write(&[syn(5), psh(5, b"x")].concat()).await;
    client.hears_nothing_of(&[]).await;
    assert_eq!(client.output(), b"");
    assert!(client.agent.is_running());
    client.flag(Flag::TerminateSession).await;
    assert_eq!(client.agent.end().await, ("Success".to_owned(), String::new()));
}

#[tokio::test]
async fn an_unknown_command_with_a_stream_open_ends_the_session() {
    let (mut client, _destination, mut connection) = with_stream(|_| {}).await;
    client.write(&[1, 5, 0, 0, 3, 0, 0, 0]).await;
    assert_eq!(read_to_end(&mut connection).await, b"");
    assert_eq!(client.frames_until(is_fin(3)).await.len(), 1);
    assert_eq!(client.agent.end().await, ("Failed".to_owned(), String::new()));
}

#[tokio::test]
async fn window_updates_are_skipped_and_bodies_of_control_frames_are_not() {
    let (mut client, _destination, mut connection) = with_stream(|_| {}).await;
    let update = [&[1, 4, 8, 0, 3, 0, 0, 0][..], &[9; 8]].concat();
    // The body of this NOP is taken for a frame.
    let nop = [&[1, 3, 11, 0, 0, 0, 0, 0][..], &psh(3, b"abc")].concat();
    client.write(&[update, nop].concat()).await;
    assert_eq!(read_exactly(&mut connection, 3).await, b"abc");
}

#[tokio::test]
async fn a_body_of_65535_bytes_is_taken() {
    let (mut client, _destination, mut connection) = with_stream(|_| {}).await;
    let body: Vec<u8> = (0..65535_u32).map(|n| n as u8).collect();
    client.write(&psh(3, &body)).await;
    assert_eq!(read_exactly(&mut connection, body.len()).await, body);
}

#[tokio::test]
async fn a_quiet_stream_overtakes_bulk_that_is_not_yet_in_the_pipe() {
    let (mut client, destination, mut bulk) = with_stream(|_| {}).await;
    client.write(&syn(5)).await;
    let mut quiet = destination.accept().await;
    client.service(MessageType::PausePublication).await;
    // While paused the agent reads nothing, so pipe and kernel fill up.
    let (sent, writer) = (
        1 << 20,
        tokio::spawn(async move {
            write(&mut bulk, &vec![1; 1 << 20]).await;
            bulk
        }),
    );
    write(&mut quiet, b"ping").await;
    client.service(MessageType::StartPublication).await;
    client.stream_bytes(5, 4).await;
    let before = client.stream(3).len();
    assert!(before < sent, "the ping came behind all of the bulk");
    assert_eq!(client.stream_bytes(3, sent).await.len(), sent);
    drop(writer.await);
}

#[tokio::test]
async fn an_old_client_that_falls_silent_loses_its_session() {
    let (mut client, _connection) = old_client(|_| {}).await;
    assert_eq!(client.agent.end().await, ("Failed".to_owned(), String::new()));
}

/// How often a talking client is looked at: so seldom that no loaded machine makes it seem silent.
const LOOK: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_old_client_that_says_something_keeps_its_session_and_gets_nops() {
    let (mut client, _connection) = old_client(|setup| {
        setup.runtime.keep_alive_timeout = LOOK;
    })
    .await;
    let nop = Frame::Nop.encode();
    // Two looks at a silent client would end the session.
    let start = Instant::now();
    while start.elapsed() < 3 * LOOK {
        client.write(&nop).await;
        tokio::time::sleep(LOOK / 100).await;
    }
    assert!(client.agent.is_running());
    assert!(client.frames().iter().any(|(frame, _)| *frame == Frame::Nop));
}

#[tokio::test]
async fn an_old_client_may_be_silent_without_the_defect() {
    let (mut client, _connection) = old_client(|setup| {
        setup.quirks = Quirks { kills_silent_old_clients: false, ..Quirks::default() };
    })
    .await;
    let nops = |frame: &Frame| *frame == Frame::Nop;
    while client.frames_until(nops).await.len() < 20 {
        client.stream_data(PayloadType::Output).await;
    }
    assert!(client.agent.is_running());
}

async fn old_client(change: impl FnOnce(&mut Setup)) -> (Client, TcpStream) {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.runtime.keep_alive_interval = Duration::from_millis(20);
    setup.runtime.keep_alive_timeout = Duration::from_millis(60);
    change(&mut setup);
    let mut client = setup.client("1.2.331.0").await;
    client.write(&syn(3)).await;
    (client, destination.accept().await)
}

#[tokio::test]
async fn a_modern_client_may_be_silent() {
    let (destination, port) = Destination::listen().await;
    let mut setup = Setup::port(port);
    setup.runtime.keep_alive_interval = Duration::from_millis(5);
    setup.runtime.keep_alive_timeout = Duration::from_millis(10);
    let mut client = setup.client(MODERN).await;
    client.hears_nothing_of(&[1]).await;
    assert_eq!(client.output(), b"");
    assert!(client.agent.is_running());
    drop(destination);
}
