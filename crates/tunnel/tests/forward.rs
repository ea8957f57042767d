//! Local connections: bytes, ends and errors.

use adit_tunnel::{Listener, Rejection, StreamEnd, TunnelEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::agent::Destination;
use crate::support::gateway::Gateway;
use crate::support::{PATIENCE, options, pattern, soon, world, world_with};

/// Writes `data` and reads as much back.
pub async fn echo(stream: TcpStream, data: Vec<u8>) -> (TcpStream, Vec<u8>) {
    let len = data.len();
    let (mut read, mut write) = stream.into_split();
    let writing = tokio::spawn(async move {
        write.write_all(&data).await.expect("takes all");
        write
    });
    let mut back = vec![0; len];
    read.read_exact(&mut back).await.expect("gives all");
    let write = writing.await.expect("no panic");
    (read.reunite(write).expect("of one stream"), back)
}

pub fn closed(event: &TunnelEvent) -> Option<(u64, u64, StreamEnd)> {
    match event {
        TunnelEvent::Closed { bytes_in, bytes_out, cause, .. } => {
            Some((*bytes_in, *bytes_out, *cause))
        }
        _ => None,
    }
}

#[tokio::test]
async fn bytes_come_back_as_they_went() {
    let mut world = world().await;
    let data = pattern(200_000);
    let (_stream, back) = soon(echo(world.connect().await, data.clone())).await;
    assert!(back == data);
    soon(world.tunnel.close()).await;
    assert_eq!(world.events.next(closed).await, (200_000, 200_000, StreamEnd::TunnelEnded));
}

#[tokio::test]
async fn single_bytes_pass_unchanged() {
    let world = world().await;
    let mut stream = world.connect().await;
    for byte in 0..=u8::MAX {
        stream.write_all(&[byte]).await.expect("takes it");
        assert_eq!(soon(stream.read_u8()).await.expect("gives it"), byte);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_do_not_mix() {
    let world = world().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..32_usize {
        let stream = world.connect().await;
        tasks.spawn(async move {
            let data = pattern(20_000 + n)[n..].to_vec();
            let (_, back) = echo(stream, data.clone()).await;
            back == data
        });
    }
    let results = soon(tasks.join_all()).await;
    assert!(results.len() == 32 && results.iter().all(|&same| same));
    world.close().await;
}

#[tokio::test]
async fn an_answer_after_a_half_close_is_delivered() {
    let answer = pattern(50_000);
    let destination = Destination::Answer { after: 5, answer: answer.clone() };
    let mut world = world_with(Gateway::with(destination).await, options()).await;
    let mut stream = world.connect().await;
    stream.write_all(b"quest").await.expect("takes it");
    stream.shutdown().await.expect("half closes");
    let mut back = Vec::new();
    soon(stream.read_to_end(&mut back)).await.expect("ends in order");
    assert!(back == answer);
    assert_eq!(world.events.next(closed).await, (50_000, 5, StreamEnd::Finished));
    world.close().await;
}

#[tokio::test]
async fn a_half_close_is_not_passed_on_while_the_other_side_may_answer() {
    let world = world().await;
    let mut stream = world.connect().await;
    stream.write_all(b"one").await.expect("takes it");
    stream.shutdown().await.expect("half closes");
    let mut back = [0; 3];
    soon(stream.read_exact(&mut back)).await.expect("gives it");
    // Something that comes later on the same session shows that no FIN was sent before it.
    let (_second, _) = soon(echo(world.connect().await, pattern(10))).await;
    assert_eq!(world.gateway.agent().fins, 0);
    world.close().await;
}

#[tokio::test]
async fn a_server_that_closes_first_delivers_all() {
    let world = world_with(Gateway::with(Destination::Greet(300_000)).await, options()).await;
    let mut stream = world.connect().await;
    let mut back = Vec::new();
    soon(stream.read_to_end(&mut back)).await.expect("ends in order");
    assert!(back == pattern(300_000));
    world.close().await;
}

#[tokio::test]
async fn unread_input_does_not_cost_the_client_what_was_delivered() {
    let destination = Destination::Answer { after: 1, answer: pattern(20_000) };
    let mut world = world_with(Gateway::with(destination).await, options()).await;
    let mut stream = world.connect().await;
    stream.write_all(&pattern(100_000)).await.expect("takes it");
    let mut back = Vec::new();
    soon(stream.read_to_end(&mut back)).await.expect("ends in order");
    assert!(back == pattern(20_000));
    drop(stream);
    let (bytes_in, _, cause) = world.events.next(closed).await;
    assert_eq!((bytes_in, cause), (20_000, StreamEnd::Finished));
    world.close().await;
}

#[tokio::test]
async fn a_local_reset_ends_the_stream_at_once() {
    let mut world = world().await;
    let (stream, _) = soon(echo(world.connect().await, pattern(10))).await;
    assert_eq!(world.gateway.agent().open_streams(), 1);
    stream.set_zero_linger().expect("a socket");
    drop(stream);
    world.gateway.until(|gateway| gateway.agent().open_streams() == 0).await;
    assert_eq!(world.events.next(closed).await, (10, 10, StreamEnd::LocalReset));
    world.close().await;
}

#[tokio::test]
async fn a_refused_destination_is_an_error_and_no_empty_answer() {
    let mut world = world_with(Gateway::with(Destination::Refuse).await, options()).await;
    let mut stream = world.connect().await;
    let error = soon(stream.read(&mut [0; 1])).await.expect_err("resets");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    world.events.next(|e| matches!(e, TunnelEvent::ConnectRefused { .. }).then_some(())).await;
    assert_eq!(world.events.next(closed).await, (0, 0, StreamEnd::Refused));
    assert!(world.accepts().await, "the tunnel stays");
    world.close().await;
}

#[tokio::test]
async fn a_slow_reader_stalls_its_session_and_loses_nothing() {
    const LEN: usize = 16_000_000;
    let world = world_with(Gateway::with(Destination::Greet(LEN)).await, options()).await;
    // Little room in the client's kernel, so that the bytes pile up in the session.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(world.address).await.expect("accepts");
    world.gateway.until(|_| world.tunnel.stats().session.unread > 4_000_000).await;
    let mut back = Vec::new();
    soon(slow.read_to_end(&mut back)).await.expect("ends in order");
    assert!(back == pattern(LEN));
    assert_eq!(world.tunnel.stats().session.dropped_for_room, 0);
    world.close().await;
}

#[tokio::test]
async fn an_older_agent_carries_one_connection_at_a_time() {
    let gateway = Gateway::start().await;
    gateway.agent().set_version("2.3.800.0");
    let mut options = options();
    options.single_wait = std::time::Duration::from_millis(50);
    let mut world = world_with(gateway, options).await;
    let (first, back) = soon(echo(world.connect().await, pattern(5_000))).await;
    assert!(back == pattern(5_000));
    let mut second = world.connect().await;
    assert!(soon(second.read(&mut [0; 1])).await.is_err(), "closed with an error");
    let cause = world
        .events
        .next(|e| match e {
            TunnelEvent::Rejected { cause, .. } => Some(*cause),
            _ => None,
        })
        .await;
    assert_eq!(cause, Rejection::Busy);
    drop(first);
    world.close().await;
}

#[tokio::test]
async fn a_connection_that_waits_is_carried_as_soon_as_the_one_before_is_gone() {
    let gateway = Gateway::start().await;
    gateway.agent().set_version("2.3.800.0");
    let mut world = world_with(gateway, options()).await;
    for gone in [true, false] {
        let (first, _) = soon(echo(world.connect().await, pattern(5_000))).await;
        let second = world.connect().await;
        let waiting = tokio::spawn(echo(second, pattern(300)));
        // The first is carried, so the second is not.
        let (mut first, _) = soon(echo(first, pattern(700))).await;
        assert!(!waiting.is_finished());
        let since = std::time::Instant::now();
        if gone {
            first.set_zero_linger().expect("a socket");
            drop(first);
        } else {
            // Whether all was said that it waits for, nobody knows.
            first.shutdown().await.expect("half closes");
            let error = soon(first.read(&mut [0; 1])).await.expect_err("no proper end");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        let (_, back) = soon(waiting).await.expect("no panic");
        assert!(back == pattern(300));
        let waited = since.elapsed();
        assert!(waited < options().single_wait / 2, "{waited:?}");
    }
    let rejected = |e: &TunnelEvent| matches!(e, TunnelEvent::Rejected { .. });
    assert_eq!(world.events.count(rejected), 0);
    world.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_carries_bytes_and_goes_with_its_listener() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = world().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db.sock");
    let listener = Listener::unix(&path).expect("listens");
    let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let tunnel = world.tunnel.clone();
    let served = tokio::spawn(async move { tunnel.serve(listener).await });
    let mut stream = tokio::net::UnixStream::connect(&path).await.expect("accepts");
    stream.write_all(b"hello").await.expect("takes it");
    let mut back = [0; 5];
    soon(stream.read_exact(&mut back)).await.expect("gives it");
    assert_eq!(&back, b"hello");
    world.close().await;
    tokio::time::timeout(PATIENCE, served).await.expect("ends").expect("no panic");
    assert!(!path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_that_a_killed_program_left_is_replaced_and_nothing_else_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db.sock");
    let left = std::os::unix::net::UnixListener::bind(&path).expect("listens");
    let taken = Listener::unix(&path).expect_err("somebody listens");
    assert!(taken.is_taken(), "{taken}");
    assert!(!taken.next_step().contains("port"), "{}", taken.next_step());
    drop(left);
    assert!(path.exists(), "sockets stay behind");
    drop(Listener::unix(&path).expect("nobody listens any more"));
    assert!(!path.exists());

    std::fs::write(&path, "precious").expect("a file");
    Listener::unix(&path).expect_err("it is no socket");
    assert_eq!(std::fs::read(&path).expect("untouched"), b"precious");
}
