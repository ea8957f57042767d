//! What a process holds.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::destination::{Kind, Order};
use crate::lab::{BASTION, HOST, Lab, PORT};
use crate::process::Process;

/// Memory and descriptors of a process.
pub(crate) struct Footprint {
    /// Memory that is no file's: heap and stacks.
    pub(crate) anonymous_kb: u64,
    pub(crate) descriptors: usize,
}

impl Footprint {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"));
        let number = line.context("no Anonymous")?.trim().trim_end_matches(" kB");
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        Ok(Self { anonymous_kb: number.parse()?, descriptors })
    }
}

/// Anonymous memory in kilobytes.
#[derive(Serialize)]
pub(crate) struct Idle {
    /// A process that listens, and has asked nothing of AWS yet.
    bare_kb: u64,
    /// What an open tunnel adds.
    tunnel_kb: u64,
    /// What a hundred connections add to that.
    connections_kb: u64,
}

/// Local connections that say nothing.
const CONNECTIONS: usize = 100;

pub(crate) fn idle(adit: &Path, lab: &Lab) -> Result<Idle> {
    let mut prepared = Ok(());
    let process = Process::start(adit, |command, _| {
        command.args(["connect", "--json", "--lazy", "--local-port", "auto", "--bastion", BASTION]);
        command.args(["--host", HOST, "--port", &PORT.to_string()]);
        prepared = lab.prepare(command);
    })?;
    prepared?;
    let (_, line) = process.expect_line("{\"event\":\"ready\"", Duration::from_secs(10))?;
    let (_, rest) = line.split_once("\"address\":\"").context("no address")?;
    let address = rest.split('"').next().unwrap_or_default().to_owned();
    let bare_kb = settled(process.id())?;
    let mut open = vec![connect(&address)?];
    process.expect_line("{\"event\":\"opened\"", Duration::from_secs(10))?;
    let with_tunnel = settled(process.id())?;
    for _ in 0..CONNECTIONS {
        open.push(connect(&address)?);
        process.expect_line("{\"event\":\"opened\"", Duration::from_secs(10))?;
    }
    let with_connections = settled(process.id())?;
    Ok(Idle {
        bare_kb,
        tunnel_kb: with_tunnel.saturating_sub(bare_kb),
        connections_kb: with_connections.saturating_sub(with_tunnel),
    })
}

/// A connection that its destination takes and that says nothing.
fn connect(address: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&Order { kind: Kind::Echo, position: 0, len: 0 }.encode())?;
    Ok(stream)
}

/// What is held when that has not changed for a second.
fn settled(pid: u32) -> Result<u64> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut before = None;
    while Instant::now() < deadline {
        let now = Footprint::of(pid)?.anonymous_kb;
        if before == Some(now) {
            return Ok(now);
        }
        before = Some(now);
        thread::sleep(Duration::from_secs(1));
    }
    bail!("its memory does not settle")
}
