//! The arguments of `adit connect`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::TargetSpec;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::AwsArgs;
use super::values::{
    LocalPort, parse_bastion, parse_host, parse_local_port, parse_span, parse_target,
};

/// Where to, and how the local side looks.
#[derive(Debug, Args)]
#[command(after_help = with_targets!("Examples:
  adit connect --target rds:orders
      The database `orders` is at 127.0.0.1:5432 until Ctrl-C; `adit init` made it reachable.
  adit connect --target aurora:orders/reader --local-port auto
      Its readers, at a port that is free; the line on standard output names it.
  adit connect --bastion i-0123456789abcdef0 --host db.internal --port 5432
      The same through any managed machine, with nothing looked up.
  adit connect --bastion i-0123456789abcdef0 --port 8080
      A port of the bastion itself."))]
pub(crate) struct ConnectArgs {
    /// What to reach, such as rds:orders
    #[arg(long, value_name = "KIND:ID", env = "ADIT_TARGET", hide_env_values = true,
          value_parser = parse_target)]
    pub(crate) target: Option<TargetSpec>,

    /// The managed machine to go through: i-…, mi-…, tag:KEY=VALUE or ecs:CLUSTER/TASK/CONTAINER
    /// [default: the one that `adit init` made in the target's VPC]
    #[arg(long, value_name = "ID", env = "ADIT_BASTION", hide_env_values = true,
          value_parser = parse_bastion)]
    pub(crate) bastion: Option<ExistingSpec>,

    /// The host to reach, as the bastion knows it, where no target says so; without it, the bastion
    /// itself
    #[arg(long, value_name = "HOST", env = "ADIT_HOST", hide_env_values = true,
          value_parser = parse_host)]
    pub(crate) host: Option<String>,

    /// The port to reach
    #[arg(long, value_name = "PORT", env = "ADIT_PORT", hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,

    /// The local port: a number, a range such as 5432-5440, or `auto` for one that is free
    /// [default: the port to reach]
    #[arg(long, value_name = "N|A-B|auto", env = "ADIT_LOCAL_PORT", hide_env_values = true,
          value_parser = parse_local_port)]
    pub(crate) local_port: Option<LocalPort>,

    /// The local address to listen on
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1",
        env = "ADIT_BIND",
        hide_env_values = true
    )]
    pub(crate) bind: IpAddr,

    /// Permit --bind with an address that other machines can reach: all of them can use the tunnel
    #[arg(long, env = "ADIT_ALLOW_REMOTE", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) allow_remote: bool,

    /// Listen on a Unix socket at PATH, which only you can use, in place of a port
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", env = "ADIT_SOCKET", hide_env_values = true)]
    pub(crate) socket: Option<PathBuf>,

    /// Why the session is started; AWS records it with the session
    #[arg(long, value_name = "TEXT", env = "ADIT_REASON", hide_env_values = true,
          value_parser = parse_reason)]
    pub(crate) reason: Option<String>,

    /// How long a lost connection is tried to be resumed, such as 90s or 10m
    #[arg(long, value_name = "SPAN", default_value = "10m", env = "ADIT_RESUME_BUDGET",
          hide_env_values = true, value_parser = parse_span)]
    pub(crate) resume_budget: Duration,

    /// Exit with 0 instead of 143 on SIGTERM, for supervisors that count that as a failure
    #[arg(long, env = "ADIT_EXIT_ZERO_ON_SIGTERM", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) exit_zero_on_sigterm: bool,

    /// End the tunnel when its credentials expire and cannot be renewed: true or false
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          env = "ADIT_DISCONNECT_ON_EXPIRY", hide_env_values = true)]
    pub(crate) disconnect_on_expiry: bool,

    /// Start the session with a role whose policy is narrowed to this bastion and document; it takes
    /// a role, from the profile or --role-arn
    #[arg(long, env = "ADIT_SCOPE_SESSION", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) scope_session: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// The API takes reasons of 1 to 256 characters.
fn parse_reason(text: &str) -> Result<String, String> {
    if (1..=256).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err("a reason has 1 to 256 characters".to_owned())
    }
}
