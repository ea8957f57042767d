//! A lab as its users start it: `adit lab` in a process of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Program, adit};
use super::secrets::watch;
use super::servers::Server;
use super::wait::until;
use super::{HOST, http};

/// How a lab is started.
#[must_use]
pub(crate) struct LabBuilder {
    arguments: Vec<String>,
    tls: bool,
}

/// A running lab.
pub(crate) struct Lab {
    program: Program,
    folder: TempDir,
    ready: Value,
}

impl LabBuilder {
    /// Leads a host name and port of the tests' to a server on this machine.
    pub(crate) fn map(self, port: u16, server: SocketAddr) -> Self {
        self.arg("--map").arg(format!("{HOST}:{port}={server}"))
    }

    /// Leads `db.internal:5432` to a server.
    pub(crate) fn serve(self, server: &Server) -> Self {
        self.map(5432, server.address())
    }

    /// Lets the agents read as fast as they can.
    pub(crate) fn unpaced(self) -> Self {
        self.arg("--pace").arg("off")
    }

    /// Opens the TLS listener too.
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Opens the TLS listener under a name that only a proxy can resolve.
    pub(crate) fn tls_named(self, name: &str) -> Self {
        self.tls().arg("--tls-name").arg(name)
    }

    /// Adds any argument.
    pub(crate) fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Lab {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ready_file = folder.path().join("ready");
        let mut command = adit(folder.path());
        command.args(["lab", "--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready_file);
        if self.tls {
            command.args(["--tls-listen", "127.0.0.1:0", "--ca-out"]).arg(ca_path(folder.path()));
        }
        command.args(&self.arguments);
        // Its standard output is how a shell gets its keys.
        let mut program = Program::start(&mut command).telling_secrets();
        let ready = until("the lab's ready file", || {
            assert!(program.is_running(), "the lab ended:\n{}", program.stderr());
            let text = std::fs::read_to_string(&ready_file).ok()?;
            serde_json::from_str(&text).ok()
        });
        Lab { program, folder, ready }
    }
}

impl Lab {
    pub(crate) fn builder() -> LabBuilder {
        LabBuilder { arguments: Vec::new(), tls: false }
    }

    /// The base URL of the plain listener.
    pub(crate) fn endpoint(&self) -> String {
        self.field("endpoint").to_owned()
    }

    /// The base URL of the TLS listener.
    pub(crate) fn tls_endpoint(&self) -> String {
        self.field("tls_endpoint").to_owned()
    }

    /// Where the TLS listener is, whatever it is called.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        let (_, port) = self.field("tls_endpoint").rsplit_once(':').expect("a port");
        (Ipv4Addr::LOCALHOST, port.parse().expect("a port")).into()
    }

    /// The certificate of the authority behind the TLS listener.
    pub(crate) fn ca(&self) -> PathBuf {
        ca_path(self.folder.path())
    }

    /// Where the plain listener is.
    pub(crate) fn address(&self) -> SocketAddr {
        address_of(&self.endpoint())
    }

    /// Gives a command what it needs to sign requests to this lab.
    pub(crate) fn credentials(&self, command: &mut Command) {
        watch(self.field("secret_access_key"));
        command
            .env("AWS_ACCESS_KEY_ID", self.field("access_key_id"))
            .env("AWS_SECRET_ACCESS_KEY", self.field("secret_access_key"))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }

    /// The key that may do everything, and its secret.
    pub(crate) fn keys(&self) -> (&str, &str) {
        (self.field("access_key_id"), self.field("secret_access_key"))
    }

    /// Sets a fault.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the body in place")]
    pub(crate) fn fault(&self, body: Value) {
        let answer = http::request(self.address(), "POST", "/_lab/faults", &[], &body.to_string())
            .expect("the lab answers");
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
    }

    /// What the lab knows of its sessions.
    pub(crate) fn state(&self) -> Value {
        let answer =
            http::request(self.address(), "GET", "/_lab/state", &[], "").expect("the lab answers");
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("the state is JSON")
    }

    /// The only session that there has been.
    pub(crate) fn session(&self) -> Value {
        let state = self.state();
        let sessions = state["sessions"].as_array().expect("a list of sessions");
        assert_eq!(sessions.len(), 1, "{state:#}");
        sessions[0].clone()
    }

    /// How often an API call has come.
    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.state()["api_calls"][operation].as_u64().unwrap_or(0)
    }

    /// Waits until no websocket and no connection to a destination is open, and every session has
    /// ended.
    pub(crate) fn expect_nothing_left(&self) {
        let mut last = json!(null);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while std::time::Instant::now() < deadline {
            last = self.state();
            if nothing_left(&last) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("something is left open: {last:#}");
    }

    /// Ends the lab as a crash would.
    pub(crate) fn kill(&mut self) {
        self.program.signal(rustix::process::Signal::KILL);
        self.program.wait();
    }

    /// Ends the lab as its user would, and says with which code it ended.
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        self.program.signal(rustix::process::Signal::INT);
        self.program.wait().code()
    }

    /// What it prints, up to the endpoint at least: that comes after the ready file.
    pub(crate) fn stdout(&self) -> String {
        self.program.expect_line("the endpoint", |line| {
            line.starts_with("export AWS_ENDPOINT_URL=").then_some(())
        });
        self.program.stdout()
    }

    fn field(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }
}

/// The address in a base URL.
pub(crate) fn address_of(url: &str) -> SocketAddr {
    let (_, rest) = url.split_once("://").expect("a URL");
    rest.trim_end_matches('/').parse().expect("an address and port")
}

fn nothing_left(state: &Value) -> bool {
    let sessions = state["sessions"].as_array().expect("a list of sessions");
    state["data_websockets_open"] == 0
        && sessions.iter().all(|session| {
            session["destination_connections_open"] == 0 && session["state"] == "Terminated"
        })
}

fn ca_path(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}
