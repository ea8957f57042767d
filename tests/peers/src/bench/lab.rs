//! `adit lab` for one client.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::cases::{Environment, Pace};
use crate::process::Process;

pub(crate) const BASTION: &str = "i-0ad17000000000001";
pub(crate) const HOST: &str = "db.internal";
pub(crate) const PORT: u16 = 5432;

const START_LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Lab {
    process: Process,
    ready: Value,
    tls: bool,
}

impl Lab {
    pub(crate) fn start(adit: &Path, at: Environment, destination: SocketAddr) -> Result<Self> {
        let mut process = Process::start(adit, |command, home| {
            command.args(["lab", "--quiet", "--listen", "127.0.0.1:0", "--no-sigv4"]);
            command.arg("--ready-file").arg(home.join("ready"));
            command.args(["--map", &format!("{HOST}:{PORT}={destination}")]);
            command.args(["--latency", &at.latency_ms.to_string()]);
            command.args(["--pace", if at.pace == Pace::Official { "official" } else { "off" }]);
            if at.tls {
                command.args(["--tls-listen", "127.0.0.1:0"]);
                command.arg("--ca-out").arg(home.join("ca.pem"));
            }
        })?;
        let file = process.home().join("ready");
        let deadline = Instant::now() + START_LIMIT;
        let ready = loop {
            let text = fs::read_to_string(&file).unwrap_or_default();
            if let Ok(ready) = serde_json::from_str(&text) {
                break ready;
            }
            if !process.is_running() || Instant::now() > deadline {
                bail!("the lab did not start: {}", process.last_words());
            }
            thread::sleep(Duration::from_millis(5));
        };
        Ok(Self { process, ready, tls: at.tls })
    }

    /// Where clients find the API.
    pub(crate) fn endpoint(&self) -> Result<&str> {
        self.field(if self.tls { "tls_endpoint" } else { "endpoint" })
    }

    /// The authority to trust, when clients speak TLS.
    pub(crate) fn ca(&self) -> Option<PathBuf> {
        self.tls.then(|| self.process.home().join("ca.pem"))
    }

    /// Gives a client what it needs to call this lab.
    pub(crate) fn prepare(&self, command: &mut Command) -> Result<()> {
        command
            .env("AWS_ENDPOINT_URL", self.endpoint()?)
            .env("AWS_ACCESS_KEY_ID", self.field("access_key_id")?)
            .env("AWS_SECRET_ACCESS_KEY", self.field("secret_access_key")?)
            .env("AWS_REGION", self.field("region")?)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        Ok(())
    }

    /// Has the lab's gateway drop what the client sends in larger payloads than this.
    pub(crate) fn limit_input(&self, bytes: usize) -> Result<()> {
        self.fault(&json!({ "max_input": bytes }))
    }

    /// Makes something go wrong.
    pub(crate) fn fault(&self, fault: &Value) -> Result<()> {
        self.control("POST", "faults", &fault.to_string()).map(drop)
    }

    /// A count of the last session, such as `largest_input`.
    pub(crate) fn count(&self, name: &str) -> Result<f64> {
        let state: Value = serde_json::from_str(&self.control("GET", "state", "")?)?;
        let session = state["sessions"].as_array().and_then(|all| all.last());
        let count = session.and_then(|session| session["counts"][name].as_f64());
        count.with_context(|| format!("no {name} in the lab's state"))
    }

    fn control(&self, method: &str, name: &str, body: &str) -> Result<String> {
        let address = self.field("endpoint")?.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        let request = format!(
            "{method} /_lab/{name} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        ensure!(head.starts_with("HTTP/1.1 2"), "{name}: {answer}");
        Ok(body.to_owned())
    }

    fn field(&self, name: &str) -> Result<&str> {
        self.ready[name].as_str().with_context(|| format!("no {name} in the lab's ready file"))
    }
}
