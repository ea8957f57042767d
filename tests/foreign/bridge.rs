//! `aws-ssm-bridge`: an independent Session Manager client through lab and agent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use crate::common::connect::dial;
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::{Order, Server};
use crate::common::stories::{Missing, Story};
use crate::common::wait::until;
use crate::common::{BASTION, HOST};

pub(crate) const STORIES: &[Story] = &[
    ("a_connection_carries_bytes_unchanged", || carry(1, 1 << 20, false)),
    ("eight_connections_carry_bytes_unchanged", || carry(8, 128 << 10, false)),
    ("a_connection_over_tls_carries_bytes_unchanged", || carry(1, 1 << 20, true)),
    ("its_end_ends_the_session", its_end_ends_the_session),
];

/// The program that `tests/peers` builds.
pub(crate) fn built() -> Result<PathBuf, Missing> {
    let path = std::env::var_os("ADIT_TEST_BRIDGE").map(PathBuf::from);
    path.filter(|path| path.is_file()).ok_or_else(|| Missing::new("the program of tests/peers"))
}

/// A running tunnel of the other client's.
struct Bridge {
    program: Program,
    address: SocketAddr,
    _home: tempfile::TempDir,
}

impl Bridge {
    fn to(lab: &Lab, tls: bool) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(built().unwrap_or_else(|missing| panic!("{missing}")));
        command.env_clear().env("HOME", home.path());
        lab.credentials(&mut command);
        if tls {
            command.env("AWS_ENDPOINT_URL", lab.tls_endpoint()).env("SSL_CERT_FILE", lab.ca());
        } else {
            command.env("AWS_ENDPOINT_URL", lab.endpoint());
        }
        command.args(["--bastion", BASTION, "--host", HOST, "--port", "5432"]);
        let program = Program::start(&mut command);
        let address = program.expect_line("where it listens", |line| {
            line.strip_prefix("listening on ").map(|at| at.parse().expect("an address"))
        });
        // It listens before the handshake is through, and what it sends before that is lost on
        // an official agent.
        until("the handshake", || {
            let acknowledged = lab.session()["counts"]["acknowledge_from_client"].as_u64();
            acknowledged.filter(|count| *count >= 2)
        });
        Self { program, address, _home: home }
    }
}

/// Moves bytes both ways on each of several connections at once, and compares their digests. At
/// the official pace: faster agents overrun this client, whose session then stalls.
fn carry(connections: u64, bytes: u64, tls: bool) {
    let server = Server::mill();
    let builder = Lab::builder().serve(&server).arg("--latency").arg("2");
    let lab = if tls { builder.tls() } else { builder }.start();
    let bridge = Bridge::to(&lab, tls);
    std::thread::scope(|scope| {
        for seed in 1..=connections {
            let stream = dial(bridge.address);
            scope.spawn(move || Order { up: bytes, down: bytes, seed }.run(stream, |_| {}));
        }
    });
    assert_eq!(lab.session()["destination_connections_total"], connections);
}

fn its_end_ends_the_session() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).arg("--latency").arg("2").start();
    let mut bridge = Bridge::to(&lab, false);
    crate::common::connect::echo(&mut dial(bridge.address), b"hello");
    bridge.program.signal(Signal::TERM);
    bridge.program.wait();
    lab.expect_nothing_left();
}
