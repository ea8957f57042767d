use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::yield_now;

use super::*;

async fn accept(listener: &Listener) -> Client {
    listener.accept(|error| panic!("{error}")).await.expect("accepts")
}

async fn connect(listener: &Listener, index: usize) -> TcpStream {
    TcpStream::connect(listener.addresses()[index]).await.expect("listens")
}

/// What a client whose connection was reset sees.
async fn reset(mut client: TcpStream) -> bool {
    let error = client.read(&mut [0; 1]).await.expect_err("no end in order");
    error.kind() == io::ErrorKind::ConnectionReset
}

/// A client's first byte.
async fn byte(client: &Client) -> u8 {
    client.local.readable().await.expect("a byte");
    let mut read = Vec::new();
    client.local.try_read_buf(&mut read).expect("a byte");
    read[0]
}

#[tokio::test]
async fn a_busy_socket_does_not_starve_the_others() {
    const CLIENTS: usize = 40;
    let listener = Listener::loopback(0).await.unwrap().and(Listener::loopback(0).await.unwrap());
    let listener = listener.and(Listener::loopback(0).await.unwrap());
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(connect(&listener, 0).await);
    }
    let rare = [connect(&listener, 1).await, connect(&listener, 2).await];
    let mut rare: Vec<_> = rare.iter().map(|client| client.local_addr().unwrap()).collect();
    for _ in 0..CLIENTS / 2 {
        // The system tells what is ready.
        yield_now().await;
        let peer = accept(&listener).await.peer.expect("of TCP");
        rare.retain(|rare| *rare != peer);
    }
    assert_eq!(rare, []);
    for _ in 0..CLIENTS / 2 + 2 {
        accept(&listener).await;
    }
}

#[tokio::test]
async fn the_first_client_is_kept_unread_for_who_accepts_next() {
    let listener = Listener::loopback(0).await.unwrap();
    tokio::select! {
        biased;
        _ = listener.first() => panic!("nobody came"),
        () = yield_now() => {}
    }
    assert!(!listener.is_waiting());
    let mut client = connect(&listener, 0).await;
    client.write_all(b"1").await.unwrap();
    listener.first().await.unwrap();
    assert!(listener.is_waiting());
    let mut second = connect(&listener, 0).await;
    second.write_all(b"2").await.unwrap();
    listener.first().await.unwrap();
    let accepted = accept(&listener).await;
    assert_eq!(accepted.peer, Some(client.local_addr().unwrap()));
    assert_eq!(byte(&accepted).await, b'1');
    assert!(!listener.is_waiting());
    assert_eq!(byte(&accept(&listener).await).await, b'2', "it was left where it was");
}

#[tokio::test]
async fn a_kept_client_sees_an_error_when_nobody_carries_it() {
    let listener = Listener::loopback(0).await.unwrap();
    let client = connect(&listener, 0).await;
    listener.first().await.unwrap();
    listener.turn_away();
    assert!(!listener.is_waiting());
    assert!(reset(client).await);

    let client = connect(&listener, 0).await;
    listener.first().await.unwrap();
    let listener = listener.and(Listener::loopback(0).await.unwrap());
    assert!(listener.is_waiting());
    drop(listener);
    assert!(reset(client).await);
}

#[cfg(unix)]
#[tokio::test]
async fn ports_and_paths_stand_side_by_side() {
    use std::os::unix::net::UnixStream;

    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let tcp = Listener::loopbacks(0).await.unwrap();
    let listener = tcp.and(Listener::unix(&one).unwrap());
    let listener = listener.and(Listener::unix(&two).unwrap());
    assert_eq!(listener.paths(), [one.clone(), two.clone()]);
    let addresses = listener.addresses();
    let shown = [
        addresses[0].to_string(),
        addresses[1].to_string(),
        one.display().to_string(),
        two.display().to_string(),
    ];
    assert_eq!(listener.describe(), shown);

    let _tcp = (connect(&listener, 0).await, connect(&listener, 1).await);
    let _unix = (UnixStream::connect(&one).unwrap(), UnixStream::connect(&two).unwrap());
    let mut peers = 0;
    for _ in 0..4 {
        peers += usize::from(accept(&listener).await.peer.is_some());
    }
    assert_eq!(peers, 2);
    drop(listener);
    assert!(!one.exists() && !two.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn sockets_that_were_handed_in_are_used_and_their_files_stay() {
    use std::net;
    use std::os::unix::net::{UnixListener, UnixStream};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given");
    let tcp = vec![
        net::TcpListener::bind("127.0.0.1:0").unwrap(),
        net::TcpListener::bind("127.0.0.1:0").unwrap(),
    ];
    let addresses: Vec<_> = tcp.iter().map(|tcp| tcp.local_addr().unwrap()).collect();
    // Who connects before is served all the same.
    let unix = vec![UnixListener::bind(&path).unwrap()];
    let _early = UnixStream::connect(&path).unwrap();
    let listener = Listener::from_std(tcp, unix).unwrap();
    assert_eq!(listener.addresses(), addresses);
    assert_eq!(listener.paths(), [path.as_path()]);
    let _clients = (connect(&listener, 0).await, connect(&listener, 1).await);
    for _ in 0..3 {
        accept(&listener).await;
    }
    tokio::select! {
        biased;
        _ = listener.first() => panic!("nobody came"),
        () = yield_now() => {}
    }
    drop(listener);
    assert!(path.exists());
    assert!(UnixStream::connect(&path).is_err(), "closed");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_socket_that_does_not_listen_is_refused() {
    use std::net;
    use std::os::fd::OwnedFd;

    // What a service manager hands over for each client, where it is told to accept by itself.
    let peer = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = net::TcpStream::connect(peer.local_addr().unwrap()).unwrap();
    let name = connected.local_addr().unwrap().to_string();
    let given = net::TcpListener::from(OwnedFd::from(connected));
    let error = Listener::from_std(vec![given], Vec::new()).unwrap_err();
    assert_eq!(error.address, name);
}

#[cfg(unix)]
#[tokio::test]
async fn failed_accepts_are_skipped_waited_out_or_the_end() {
    use rustix::io::Errno;

    let listener = Listener::loopback(0).await.unwrap().and(Listener::loopback(0).await.unwrap());
    let [good, bad] = &listener.sockets[..] else { panic!("two sockets") };
    let pauses = |socket, errno: Errno| {
        let failed = Failed { socket, error: errno.into() };
        failed.pause().map(|error| error.is_some())
    };
    for _ in 0..100 {
        assert!(!pauses(bad, Errno::CONNABORTED).unwrap(), "only that client");
        assert!(pauses(bad, Errno::MFILE).unwrap(), "connections will end");
    }
    for _ in 0..16 {
        assert!(pauses(bad, Errno::BADF).unwrap());
        assert!(pauses(good, Errno::BADF).unwrap());
    }
    let _client = connect(&listener, 0).await;
    accept(&listener).await;
    assert!(pauses(good, Errno::BADF).unwrap(), "it took a client since");
    let error = pauses(bad, Errno::BADF).unwrap_err();
    assert_eq!(error.address, listener.addresses()[1].to_string());
}
