//! How streams end: half-closes, servers that close first, resets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::common::bytes::Noise;
use crate::common::connect::{Connect, dial};
use crate::common::lab::{Lab, LabBuilder};
use crate::common::servers::{Ending, Server};
use crate::common::wait::{self, PATIENCE};

#[test]
fn a_client_that_has_said_all_gets_the_whole_answer() {
    let answer = Noise::new(1).take(3 << 20);
    let server = Server::answer_to_line(answer.clone());
    let tunnel = Tunnel::to(&server, LabBuilder::unpaced);
    let mut stream = tunnel.dial();
    stream.write_all(b"tell me\n").expect("the stream takes it");
    stream.shutdown(Shutdown::Write).expect("a half-close");
    assert!(rest(&mut stream) == answer, "the answer differs");
}

#[test]
fn a_client_that_has_said_all_gets_the_whole_answer_at_the_official_pace() {
    let answer = Noise::new(2).take(256 << 10);
    let server = Server::answer_to_line(answer.clone());
    let tunnel = Tunnel::to(&server, |lab| lab);
    let mut stream = tunnel.dial();
    stream.write_all(b"tell me\n").expect("the stream takes it");
    stream.shutdown(Shutdown::Write).expect("a half-close");
    assert!(rest(&mut stream) == answer, "the answer differs");
}

/// The agent closes the whole connection to the destination when it hears of an end, so a server
/// that answers only then cannot be heard: the end is passed on after the linger, and both sides
/// are let go. What came until then was not proven to be the whole answer, and so the client sees
/// no proper end.
#[test]
fn a_server_that_waits_for_the_end_sees_it_after_the_linger() {
    let (server, requests) = Server::answer_after_end(b"too late".to_vec());
    let tunnel = Tunnel::to(&server, |lab| lab);
    let mut stream = tunnel.dial();
    stream.write_all(b"all of it").expect("the stream takes it");
    stream.shutdown(Shutdown::Write).expect("a half-close");
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).expect_err("no whole answer");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // The end goes out before the local connection is reset: an answer that is as quick as this one
    // may come between. The reset says all the same that it is not known to be whole.
    assert!(bytes.is_empty() || bytes == b"too late", "{bytes:?}");
    assert_eq!(requests.recv_timeout(PATIENCE).expect("the server saw the end"), b"all of it");
    tunnel.expect_no_destination();
}

#[test]
fn a_server_that_closes_first_delivers_all() {
    let greeting = Noise::new(3).take(3 << 20);
    let server = Server::close_first(greeting.clone());
    let tunnel = Tunnel::to(&server, LabBuilder::unpaced);
    for _ in 0..3 {
        let mut stream = tunnel.dial();
        assert!(rest(&mut stream) == greeting, "the greeting differs");
    }
    tunnel.expect_no_destination();
}

#[test]
fn a_local_reset_ends_the_connection_to_the_destination() {
    let (server, endings) = Server::silent();
    let tunnel = Tunnel::to(&server, |lab| lab);
    let stream = tunnel.dial();
    tunnel.connect.expect_event("opened");
    // A connection that is reset before the agent has heard of it never reaches the destination.
    wait::until("the destination to be reached", || (server.accepted() == 1).then_some(()));
    rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
        .expect("a TCP option");
    drop(stream);
    assert_eq!(endings.recv_timeout(PATIENCE).expect("the server saw the end"), Ending::End);
    tunnel.connect.expect_event("closed");
    tunnel.expect_no_destination();
}

#[test]
fn what_passed_is_told_when_a_stream_closes() {
    let server = Server::answer_to_line(vec![7; 1234]);
    let tunnel = Tunnel::to(&server, |lab| lab);
    let mut stream = tunnel.dial();
    stream.write_all(b"tell me\n").expect("the stream takes it");
    rest(&mut stream);
    drop(stream);
    let opened = tunnel.connect.expect_event("opened");
    let closed = tunnel.connect.expect_event("closed");
    assert_eq!(closed["stream"], opened["stream"]);
    assert_eq!((&closed["bytes_in"], &closed["bytes_out"]), (&1234.into(), &8.into()));
}

fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a clean end");
    bytes
}

struct Tunnel {
    lab: Lab,
    connect: Connect,
    address: std::net::SocketAddr,
}

impl Tunnel {
    fn to(server: &Server, set_up: impl FnOnce(LabBuilder) -> LabBuilder) -> Self {
        let lab = set_up(Lab::builder().serve(server)).start();
        let (connect, address) = Connect::to(&lab).ready();
        Self { lab, connect, address }
    }

    fn dial(&self) -> TcpStream {
        dial(self.address)
    }

    fn expect_no_destination(&self) {
        wait::until("the destination's connections to end", || {
            (self.lab.session()["destination_connections_open"] == 0).then_some(())
        });
    }
}
