//! Ends from within and without: signals, and sessions that the service closes.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;
use serde_json::json;

use super::failures::expect_failure;
use crate::common::connect::{Connect, ConnectBuilder, Ended, dial, echo};
use crate::common::lab::Lab;
use crate::common::servers::Server;

#[test]
fn ctrl_c_ends_the_session_by_flag_and_api() {
    let (lab, ended, address) = stopped_by(Signal::INT, None);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    expect_terminated(&lab, &ended, address);
}

#[test]
fn sigterm_ends_the_session_by_flag_and_api() {
    let (lab, ended, address) = stopped_by(Signal::TERM, None);
    assert_eq!(ended.code, Some(143), "{ended:#?}");
    expect_terminated(&lab, &ended, address);
}

#[test]
fn sigterm_can_be_success() {
    let (lab, ended, address) = stopped_by(Signal::TERM, Some("--exit-zero-on-sigterm"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    expect_terminated(&lab, &ended, address);
}

#[test]
fn a_session_that_the_service_closes_is_replaced_and_ends_with_the_program() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).ready();
    let mut stream = dial(address);
    echo(&mut stream, b"before");

    lab.fault(json!({"close_session": "all", "output": "closed by an administrator"}));
    expect_end(&mut stream);
    let replacing = connect.expect_event("replacing");
    assert!(replacing["cause"].to_string().contains("closed by an administrator"), "{replacing}");
    connect.expect_event("replaced");
    echo(&mut dial(address), b"after");
    let ended = connect.stop(Signal::INT);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    expect_refused(address);
    lab.expect_nothing_left();
}

#[test]
fn a_session_that_cannot_be_resumed_is_replaced() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).ready();
    let mut stream = dial(address);
    echo(&mut stream, b"before");

    lab.fault(json!({"resume": false, "cut": "client"}));
    expect_end(&mut stream);
    connect.expect_event("replaced");
    echo(&mut dial(address), b"after");
    assert_eq!(lab.calls("ResumeSession"), 1);
    assert_eq!(lab.calls("StartSession"), 2);
    let ended = connect.stop(Signal::INT);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert!(ended.has("resuming"), "{ended:#?}");
}

#[test]
fn a_gateway_that_stays_away_ends_the_program_when_the_budget_is_spent() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).arg("--resume-budget").arg("2s").ready();
    let mut stream = dial(address);
    echo(&mut stream, b"before");

    lab.fault(json!({"gateway": "down"}));
    expect_end(&mut stream);
    let ended = connect.ended();
    expect_failure(&ended, 11);
    assert!(ended.has("resuming") && !ended.has("resumed"), "{ended:#?}");
    expect_refused(address);
}

#[test]
fn ctrl_c_while_the_session_is_being_resumed_ends_the_program() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).ready();
    lab.fault(json!({"gateway": "down"}));
    connect.expect_event("resuming");
    let ended = connect.stop(Signal::INT);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    expect_refused(address);
}

#[test]
fn ctrl_c_before_the_tunnel_is_ready_ends_the_program() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    lab.fault(json!({"stall": "agent"}));
    let connect = Connect::to(&lab).spawn();
    connect.expect_event("session");
    let ended = connect.stop(Signal::INT);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert!(!ended.has("ready"), "{ended:#?}");
    assert_eq!(lab.calls("TerminateSession"), 1);
}

/// A tunnel with an open stream that is stopped by a signal.
fn stopped_by(signal: Signal, argument: Option<&str>) -> (Lab, Ended, SocketAddr) {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let builder = argument.into_iter().fold(Connect::to(&lab), ConnectBuilder::arg);
    let (connect, address) = builder.ready();
    let mut stream = dial(address);
    echo(&mut stream, b"before");
    let ended = connect.stop(signal);
    expect_end(&mut stream);
    (lab, ended, address)
}

fn expect_terminated(lab: &Lab, ended: &Ended, address: SocketAddr) {
    ended.event("ended");
    ended.event("closed");
    lab.expect_nothing_left();
    assert_eq!(lab.calls("TerminateSession"), 1);
    assert!(lab.session()["counts"]["flags_from_client"].as_u64() >= Some(1));
    expect_refused(address);
}

/// The stream ends, in order or not, and does not hang.
fn expect_end(stream: &mut TcpStream) {
    match stream.read(&mut [0; 16]) {
        Ok(0) => {}
        Ok(n) => panic!("{n} bytes after the end"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}

fn expect_refused(address: SocketAddr) {
    let error = TcpStream::connect(address).expect_err("nobody listens any more");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}
