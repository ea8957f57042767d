//! The arguments that say who is told that tunnels can be used.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::values::parse_own_address;

/// Who is told, beside standard output. A supervisor that sets NOTIFY_SOCKET is told anyway.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Readiness")]
pub(crate) struct ReadinessArgs {
    /// Write FILE when all tunnels can be used, with what is where in JSON; it goes with them
    #[arg(long, value_name = "FILE", env = "ADIT_READY_FILE", hide_env_values = true)]
    pub(crate) ready_file: Option<PathBuf>,

    /// Write a line to the file descriptor N, a pipe or a file, when all tunnels can be used
    #[cfg(unix)]
    #[arg(long, value_name = "N", env = "ADIT_READY_FD", hide_env_values = true)]
    pub(crate) ready_fd: Option<u32>,

    /// Answer health checks over HTTP at a loopback address, such as 127.0.0.1:9900: /startup,
    /// /live, /ready and /metrics
    #[arg(long, value_name = "ADDR:PORT", env = "ADIT_HEALTH", hide_env_values = true,
          value_parser = parse_own_address)]
    pub(crate) health: Option<SocketAddr>,
}
