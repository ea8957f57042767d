//! The arguments of `adit demo`.

use std::net::SocketAddr;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::values::{LocalPort, parse_local_port, parse_own_address};

/// How the demonstration runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit demo
      The story, and then a tunnel to try with curl, until Ctrl-C.
  adit demo --once
      The story alone; exits with 0 when each step went as told.
  adit demo --target 127.0.0.1:5432
      With a service of your own on this machine in the database's place.")]
pub(crate) struct DemoArgs {
    /// End after the story instead of holding the tunnel
    #[arg(long, env = "ADIT_DEMO_ONCE", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) once: bool,

    /// Put a service that runs on this machine in the place of the demo's database
    #[arg(long, value_name = "ADDR", env = "ADIT_DEMO_TARGET", hide_env_values = true,
          value_parser = parse_own_address)]
    pub(crate) target: Option<SocketAddr>,

    /// The local port: a number, a range, or `auto` for one that is free
    #[arg(long, value_name = "N|A-B|auto", default_value = "auto",
          env = "ADIT_DEMO_LOCAL_PORT", hide_env_values = true, value_parser = parse_local_port)]
    pub(crate) local_port: LocalPort,

    /// Let the lab refuse to resume the session
    #[arg(long, hide = true, env = "ADIT_DEMO_LAB_NO_RESUME",
          value_parser = FalseyValueParser::new())]
    pub(crate) lab_no_resume: bool,
}
