//! Signals beyond those that every tunnel is stopped with.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::common::connect::{Connect, dial, echo};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::{BASTION, HOST};

/// Starts `adit connect` by a program that sets the signals up, and waits until it listens.
fn connect_by(starter: &[&str], lab: &Lab, home: &TempDir) -> (Program, SocketAddr) {
    let mut command = Command::new(starter[0]);
    command.env_clear().env("HOME", home.path()).stdin(Stdio::null());
    lab.credentials(&mut command);
    command
        .args(&starter[1..])
        .args([env!("CARGO_BIN_EXE_adit"), "connect"])
        .args(["--endpoint-url", &lab.endpoint(), "--bastion", BASTION])
        .args(["--host", HOST, "--port", "5432", "--local-port", "auto"]);
    let program = Program::start(&mut command);
    let address = program.expect_line("the line", |line| {
        line.strip_prefix("listening on ")?.split(' ').next()?.parse().ok()
    });
    (program, address)
}

/// The signal's disposition is inherited, so that of the tests must not count.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_ends_the_tunnel_as_sigterm_does() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let (mut program, address) = connect_by(&["/usr/bin/env", "--default-signal=HUP"], &lab, &home);
    echo(&mut dial(address), b"hello");
    program.signal(Signal::HUP);
    assert_eq!(program.wait().code(), Some(143), "{}", program.stderr());
    lab.expect_nothing_left();
    assert_eq!(lab.calls("TerminateSession"), 1);
}

/// `nohup adit connect &` is how a tunnel is kept beyond its terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_does_not_end_what_was_started_with_nohup() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let ignoring = ["/bin/sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""];
    let (mut program, address) = connect_by(&ignoring, &lab, &home);
    program.signal(Signal::HUP);
    echo(&mut dial(address), b"hello");
    program.signal(Signal::INT);
    assert_eq!(program.wait().code(), Some(130), "{}", program.stderr());
}

/// The goodbyes to a gateway that does not answer take seconds. Nobody is to connect meanwhile.
#[test]
fn the_port_is_closed_at_once_even_when_the_gateway_is_stuck() {
    let server = Server::echo();
    for fault in [json!({"stall": "client"}), json!({"gateway": "down"})] {
        let lab = Lab::builder().serve(&server).start();
        let (connect, address) = Connect::to(&lab).ready();
        echo(&mut dial(address), b"hello");
        lab.fault(fault.clone());
        let pid = Pid::from_raw(connect.pid().cast_signed()).expect("a process");
        let asked = Instant::now();
        kill_process(pid, Signal::INT).expect("a child of ours");
        let error = loop {
            match TcpStream::connect(address) {
                Err(error) => break error,
                Ok(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let took = asked.elapsed();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // The interface's own limit for a listener that nothing stands behind.
        assert!(took < Duration::from_secs(1), "{fault}: closed after {took:?}");
        assert_eq!(connect.ended().code, Some(130), "{fault}");
    }
}
