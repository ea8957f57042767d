//! Signals beyond those that every tunnel is stopped with.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::common::connect::{Connect, dial, echo};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::{BASTION, HOST};

#[test]
fn a_terminal_that_is_closed_ends_the_tunnel_as_sigterm_does() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let (connect, address) = Connect::to(&lab).ready();
    echo(&mut dial(address), b"hello");
    let ended = connect.stop(Signal::HUP);
    assert_eq!(ended.code, Some(143), "{ended:#?}");
    assert_eq!(ended.event("ended")["cause"], "terminated");
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
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("HOME", home.path()).stdin(Stdio::null());
    lab.credentials(&mut command);
    command
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_adit"), "connect"])
        .args(["--endpoint-url", &lab.endpoint(), "--bastion", BASTION])
        .args(["--host", HOST, "--port", "5432", "--local-port", "auto"]);
    let mut program = Program::start(&mut command);
    let address = program.expect_line("the line", |line| {
        line.strip_prefix("listening on ")?.split(' ').next()?.parse().ok()
    });
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
