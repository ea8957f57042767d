//! Destinations that cannot be reached.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::json;

use super::failures::expect_failure;
use crate::common::connect::{Connect, dial, echo};
use crate::common::lab::Lab;
use crate::common::servers::Server;

/// A port of this machine where nobody listens.
fn closed_port() -> SocketAddr {
    ([127, 0, 0, 1], 1).into()
}

#[test]
fn a_refused_connection_is_told_and_the_tunnel_stays() {
    let lab = Lab::builder().map(5432, closed_port()).start();
    let (mut connect, address) = Connect::to(&lab).ready();
    let mut stream = dial(address);
    match stream.read(&mut [0; 16]) {
        Ok(0) => {}
        Ok(n) => panic!("{n} bytes from nowhere"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    let closed = connect.expect_event("closed");
    assert!(closed["cause"].as_str().is_some_and(|cause| cause.contains("refused")), "{closed}");
    assert!(connect.is_running());
    let ended = connect.stop(Signal::INT);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    lab.expect_nothing_left();
}

#[test]
fn a_refused_connection_ends_the_program_in_single_connection_mode() {
    let lab = Lab::builder().map(5432, closed_port()).start();
    lab.fault(json!({"agent_version": "3.0.196.0"}));
    let (connect, address) = Connect::to(&lab).ready();
    let mut stream = dial(address);
    std::io::Write::write_all(&mut stream, b"hello?").expect("the stream takes it");
    assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    expect_failure(&connect.ended(), 8);
    lab.expect_nothing_left();
}

#[test]
fn an_unknown_host_ends_the_program() {
    let lab = Lab::builder().start();
    let connect = Connect::to(&lab).host("no-such-host.invalid").spawn();
    expect_failure(&connect.ended(), 8);
    lab.expect_nothing_left();
}

#[test]
fn single_connection_mode_takes_one_connection_after_the_other() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    lab.fault(json!({"agent_version": "3.0.196.0"}));
    let (_connect, address) = Connect::to(&lab).ready();
    for text in [b"first".as_slice(), b"second", b"third"] {
        echo(&mut dial(address), text);
    }
}
