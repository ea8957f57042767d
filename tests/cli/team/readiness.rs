//! Whoever waits for tunnels is told: a file, a descriptor, the service manager, HTTP.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Team, end};
use crate::common::http;
use crate::common::lab::Lab;
use crate::common::wait::{PATIENCE, until};

#[test]
fn the_file_and_the_descriptor_are_told_when_all_are_ready() {
    let team = Team::start();
    let file = team.path("ready");
    let told = team.path("told");
    std::fs::write(&told, "before\n").expect("a file");
    let mut shell = std::process::Command::new("sh");
    let adit = team.adit(&[]);
    shell.args([
        "-c",
        &format!(
            "exec {} connect all --ready-file {} --ready-fd 5 5>>{}",
            env!("CARGO_BIN_EXE_adit"),
            file.display(),
            told.display()
        ),
    ]);
    for (name, value) in adit.get_envs() {
        shell.env(name, value.expect("a value"));
    }
    shell.current_dir(team.repository());
    let program = crate::common::process::Program::start(&mut shell);
    let ready: Value =
        until("the file", || serde_json::from_str(&std::fs::read_to_string(&file).ok()?).ok());
    assert_eq!(ready["tunnels"].as_array().map(Vec::len), Some(2), "{ready:#}");
    let address = ready["tunnels"][0]["address"].as_str().expect("an address");
    super::expect_echo(address);
    until("the descriptor", || (std::fs::read(&told).ok()? == b"before\n\n").then_some(()));
    assert_eq!(end(program, Signal::TERM), Some(143));
    assert!(!super::is_there(&file), "it goes with the tunnels");
}

#[test]
fn the_service_manager_is_told_each_turn() {
    let team = Team::start();
    let path = team.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let mut command = team.adit(&["connect", "one", "--exit-zero-on-sigterm"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let program = crate::common::process::Program::start(&mut command);
    let hear = |wanted: &str| {
        let mut said = String::new();
        while !said.contains(wanted) {
            let mut buffer = [0; 4096];
            let count = socket.recv(&mut buffer).expect(wanted);
            said = String::from_utf8_lossy(&buffer[..count]).into_owned();
        }
    };
    hear("STATUS=1 starting");
    hear("READY=1");
    hear("WATCHDOG=1");
    assert_eq!(end(program, Signal::TERM), Some(0));
    hear("STOPPING=1");
}

/// What a health check answers.
fn check(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let answer = http::request(address, "GET", path, &[], "").ok()?;
    Some((answer.status, answer.body))
}

fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

#[test]
fn health_checks_follow_the_tunnel() {
    let team = Team::start();
    let address = free_port();
    let program = team.start_program(&["connect", "one", "--health", &address.to_string()]);
    until("it to be usable", || (check(address, "/ready")?.0 == 200).then_some(()));
    assert_eq!(check(address, "/startup").expect("an answer").0, 200);
    let (_, metrics) = check(address, "/metrics").expect("an answer");
    assert!(metrics.contains("adit_tunnel_up{connection=\"one\","), "{metrics}");

    // The gateway is gone for a while: the program lives, and the tunnel cannot be used.
    cut(&team.lab);
    until("it to be unusable", || (check(address, "/ready")?.0 == 503).then_some(()));
    assert_eq!(check(address, "/live").expect("an answer").0, 200);
    assert_eq!(check(address, "/startup").expect("an answer").0, 200);
    team.lab.fault(json!({"gateway": "up"}));
    until("it to be usable again", || (check(address, "/ready")?.0 == 200).then_some(()));
    assert_eq!(end(program, Signal::INT), Some(130));
}

/// Cuts the connection, and lets nobody back in.
fn cut(lab: &Lab) {
    lab.fault(json!({"gateway": "down"}));
}

#[test]
fn what_cannot_be_told_is_said_before_anything_is_started() {
    let team = Team::start();
    team.run(&["connect", "one", "--ready-fd", "77"]).expect(2);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    team.run(&["connect", "one", "--health", &address]).expect(9);
    team.run(&["connect", "one", "--health", "0.0.0.0:9900"]).expect(2);
    assert_eq!(team.lab.calls("StartSession"), 0);
}
