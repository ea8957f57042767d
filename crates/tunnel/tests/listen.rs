//! Listeners that are there before their tunnel and after it.

use std::sync::Arc;

use adit_tunnel::{End, Listener, StreamEnd, Tunnel, TunnelEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::forward::{closed, echo};
use crate::support::gateway::Gateway;
use crate::support::source::FakeSource;
use crate::support::{Events, options, pattern, soon, world};

/// A tunnel through `gateway`.
async fn open(gateway: &Gateway) -> (Tunnel, Events) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let source = FakeSource::new(gateway.url());
    let tunnel = soon(Tunnel::open(source, options(), sender)).await.expect("opens");
    (tunnel, Events::new(receiver))
}

fn serve(tunnel: &Tunnel, listener: impl Into<Arc<Listener>>) -> JoinHandle<End> {
    let (tunnel, listener) = (tunnel.clone(), listener.into());
    tokio::spawn(async move { tunnel.serve(listener).await })
}

async fn connect(listener: &Listener) -> TcpStream {
    TcpStream::connect(listener.addresses()[0]).await.expect("listens")
}

fn is_opened(event: &TunnelEvent) -> bool {
    matches!(event, TunnelEvent::Opened { .. })
}

#[tokio::test]
async fn a_listener_that_somebody_keeps_outlives_its_tunnel() {
    let listener = Arc::new(Listener::loopback(0).await.expect("a free port"));
    for _ in 0..2 {
        // Who comes between two tunnels waits for the second.
        let waiting = connect(&listener).await;
        let gateway = Gateway::start().await;
        let (tunnel, _events) = open(&gateway).await;
        let served = serve(&tunnel, Arc::clone(&listener));
        let (_stream, back) = soon(echo(waiting, pattern(3000))).await;
        assert!(back == pattern(3000));
        soon(tunnel.close()).await;
        soon(served).await.expect("no panic");
    }
    let address = listener.addresses()[0];
    drop(listener);
    TcpStream::connect(address).await.expect_err("that was the last handle");
}

#[tokio::test]
async fn the_first_client_starts_the_tunnel_that_carries_it() {
    let listener = Arc::new(Listener::loopback(0).await.expect("a free port"));
    let waiting = tokio::spawn({
        let listener = Arc::clone(&listener);
        async move { listener.first().await }
    });
    let mut client = connect(&listener).await;
    client.write_all(b"early").await.expect("takes it");
    soon(waiting).await.expect("no panic").expect("a client");

    let gateway = Gateway::start().await;
    let (tunnel, mut events) = open(&gateway).await;
    let served = serve(&tunnel, Arc::clone(&listener));
    let mut back = [0; 5];
    soon(client.read_exact(&mut back)).await.expect("gives it");
    assert_eq!(&back, b"early");
    let peer = client.local_addr().expect("a socket");
    let opened = events.next(|event| match event {
        TunnelEvent::Opened { peer, .. } => Some(*peer),
        _ => None,
    });
    assert_eq!(opened.await, Some(peer));
    soon(tunnel.close()).await;
    soon(served).await.expect("no panic");
}

#[tokio::test]
async fn a_first_client_that_went_away_costs_nothing() {
    for reset in [true, false] {
        let listener = Listener::loopback(0).await.expect("a free port");
        let client = connect(&listener).await;
        soon(listener.first()).await.expect("a client");
        if reset {
            client.set_zero_linger().expect("a socket");
        }
        drop(client);

        let second = connect(&listener).await;
        let gateway = Gateway::start().await;
        let (tunnel, mut events) = open(&gateway).await;
        let served = serve(&tunnel, listener);
        let (_second, back) = soon(echo(second, pattern(3000))).await;
        assert!(back == pattern(3000));
        if reset {
            assert_eq!(events.next(closed).await, (0, 0, StreamEnd::LocalReset));
        } else {
            // One that said nothing and closed may still want to hear something.
            assert_eq!(events.count(is_opened), 2);
        }
        soon(tunnel.close()).await;
        soon(served).await.expect("no panic");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn one_tunnel_serves_a_port_and_a_path() {
    let world = world().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db.sock");
    let port = Listener::loopback(0).await.expect("a free port");
    let listener = port.and(Listener::unix(&path).expect("listens"));
    let mut by_port = connect(&listener).await;
    let served = serve(&world.tunnel, listener);
    let mut by_path = tokio::net::UnixStream::connect(&path).await.expect("listens");
    let mut back = [0; 4];
    by_port.write_all(b"port").await.expect("takes it");
    soon(by_port.read_exact(&mut back)).await.expect("gives it");
    assert_eq!(&back, b"port");
    by_path.write_all(b"path").await.expect("takes it");
    soon(by_path.read_exact(&mut back)).await.expect("gives it");
    assert_eq!(&back, b"path");
    world.close().await;
    soon(served).await.expect("no panic");
    assert!(!path.exists());
}
