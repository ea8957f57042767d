//! `adit connect --json` as a child process.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::lab::Lab;
use super::process::{Program, adit};
use super::wait::PATIENCE;
use super::{BASTION, HOST};

/// How `adit connect` is started; by default to `db.internal:5432` through the lab's bastion, on
/// any local port.
#[must_use]
pub(crate) struct ConnectBuilder {
    endpoint: String,
    bastion: String,
    host: String,
    port: u16,
    local_port: String,
    command: Command,
    home: TempDir,
}

/// A running `adit connect`.
pub(crate) struct Connect {
    program: Program,
    _home: TempDir,
}

/// How one ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

impl ConnectBuilder {
    pub(crate) fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    pub(crate) fn bastion(mut self, id: &str) -> Self {
        id.clone_into(&mut self.bastion);
        self
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    pub(crate) fn local_port(mut self, port: u16) -> Self {
        self.local_port = port.to_string();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With several sessions where several connections are open, as it is unless a test says otherwise.
    pub(crate) fn lanes(self) -> Self {
        self.env("ADIT_LANES", "auto")
    }

    /// Starts it without waiting for anything.
    pub(crate) fn spawn(mut self) -> Connect {
        self.command
            .args(["--endpoint-url", &self.endpoint, "--bastion", &self.bastion])
            .args(["--host", &self.host, "--port", &self.port.to_string()])
            .args(["--local-port", &self.local_port]);
        Connect { program: Program::start(&mut self.command), _home: self.home }
    }

    /// Starts it and waits until it is ready; the address is where it listens.
    pub(crate) fn ready(self) -> (Connect, SocketAddr) {
        let connect = self.spawn();
        let ready = connect.expect_event("ready");
        let address = ready["address"].as_str().expect("an address").parse().expect("an address");
        (connect, address)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.spawn().ended()
    }
}

impl Connect {
    pub(crate) fn to(lab: &Lab) -> ConnectBuilder {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = adit(home.path());
        lab.credentials(&mut command);
        // Most stories are those of one session.
        command.env("ADIT_LANES", "1").args(["connect", "--json"]);
        ConnectBuilder {
            endpoint: lab.endpoint(),
            bastion: BASTION.to_owned(),
            host: HOST.to_owned(),
            port: 5432,
            local_port: "auto".to_owned(),
            command,
            home,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.program.is_running()
    }

    /// Waits for the first event of a kind, from the start on.
    pub(crate) fn expect_event(&self, kind: &str) -> Value {
        self.expect(kind, |event| event["event"] == kind)
    }

    /// Waits for the first event that `is` takes, from the start on.
    pub(crate) fn expect(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.program.expect_line(what, |line| {
            let event = parse(line);
            is(&event).then_some(event)
        })
    }

    /// The events up to this moment.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.program.stdout().lines().map(parse).collect()
    }

    /// How many events of a kind there have been.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.events().iter().filter(|event| event["event"] == kind).count()
    }

    pub(crate) fn stderr(&self) -> String {
        self.program.stderr()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(self, signal: Signal) -> Ended {
        self.program.signal(signal);
        self.ended()
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> Ended {
        let code = self.program.wait().code();
        Ended { code, events: self.events(), stderr: self.program.stderr() }
    }
}

impl Ended {
    /// The only event of a kind.
    pub(crate) fn event(&self, kind: &str) -> &Value {
        let mut found = self.events.iter().filter(|event| event["event"] == kind);
        let first = found.next().unwrap_or_else(|| panic!("no event {kind}: {self:#?}"));
        assert!(found.next().is_none(), "more than one event {kind}: {self:#?}");
        first
    }

    pub(crate) fn has(&self, kind: &str) -> bool {
        self.events.iter().any(|event| event["event"] == kind)
    }
}

/// Opens a local connection that gives up rather than hang.
pub(crate) fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the tunnel listens");
    stream.set_nodelay(true).expect("a TCP option");
    stream.set_read_timeout(Some(PATIENCE)).expect("a TCP option");
    stream.set_write_timeout(Some(PATIENCE)).expect("a TCP option");
    stream
}

/// Says something on a stream to an echo server and hears it back.
pub(crate) fn echo(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).expect("the stream takes it");
    let mut back = vec![0; text.len()];
    std::io::Read::read_exact(stream, &mut back).expect("the echo comes back");
    assert_eq!(back, text);
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in standard output: {line:?}"))
}
