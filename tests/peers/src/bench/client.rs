//! A client under measurement: a process that listens on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cases::{Client, LARGE_PAYLOAD};
use crate::lab::{BASTION, HOST, Lab, PORT};
use crate::process::Process;

/// The programs that are compared.
pub(crate) struct Programs {
    pub(crate) adit: PathBuf,
    pub(crate) bridge: PathBuf,
}

pub(crate) struct Tunnel {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its line that says where it listens.
    pub(crate) ready: Duration,
}

impl Programs {
    pub(crate) fn of(&self, client: Client) -> &Path {
        if client.is_adit() { &self.adit } else { &self.bridge }
    }

    /// Starts a client and waits until it listens.
    pub(crate) fn start(&self, client: Client, lab: &Lab, limit: Duration) -> Result<Tunnel> {
        let mut prepared = Ok(());
        let process = Process::start(self.of(client), |command, _| {
            if client.is_adit() {
                command.args(["connect", "--quiet", "--local-port", "auto"]);
            }
            if client == Client::AditOne {
                command.args(["--lanes", "1"]);
            }
            command.args(["--bastion", BASTION, "--host", HOST, "--port", &PORT.to_string()]);
            if client == Client::BridgeLarge {
                command.args(["--payload", &LARGE_PAYLOAD.to_string()]);
            }
            if let Some(ca) = lab.ca() {
                // The first is adit's, the second that of the libraries below the other one.
                command.env("ADIT_CA_BUNDLE", &ca).env("SSL_CERT_FILE", &ca);
            }
            prepared = lab.prepare(command);
        })?;
        prepared?;
        let (ready, rest) = process.expect_line("listening on ", limit)?;
        let address = rest.split_whitespace().next().context("no address")?.parse()?;
        Ok(Tunnel { process, address, ready })
    }
}
