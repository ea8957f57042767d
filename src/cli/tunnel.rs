//! The arguments of every command that opens tunnels.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::TargetSpec;
use adit_config::Lanes;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};
use clap_complete::engine::ArgValueCompleter;

use super::AwsArgs;
use super::values::{
    LocalPort, parse_bastion, parse_host, parse_limit, parse_local_port, parse_port, parse_span,
    parse_target,
};
use crate::commands::completions::{self, By};

/// Where to, and how the local side looks.
#[derive(Debug, Args)]
pub(crate) struct TunnelArgs {
    /// Connections of adit.toml, or groups of them
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)))]
    pub(crate) names: Vec<String>,

    /// All connections of adit.toml
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    #[command(flatten)]
    pub(crate) local: LocalArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// Where to, and why.
#[derive(Debug, Args)]
pub(crate) struct ReachArgs {
    /// What to reach, such as rds:orders
    #[arg(long, value_name = "KIND:ID", env = "ADIT_TARGET", hide_env_values = true,
          value_parser = parse_target, add = ArgValueCompleter::new(By(completions::targets)))]
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
          value_parser = parse_port)]
    pub(crate) port: Option<u16>,

    /// Why the session is started; AWS records it with the session
    #[arg(long, value_name = "TEXT", env = "ADIT_REASON", hide_env_values = true,
          value_parser = parse_reason)]
    pub(crate) reason: Option<String>,
}

/// Where local clients connect.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Listening")]
pub(crate) struct LocalArgs {
    /// The local port: a number, a range such as 5432-5440, or `auto` for one that is free
    /// [default: the port to reach]
    #[arg(long, value_name = "N|A-B|auto", env = "ADIT_LOCAL_PORT", hide_env_values = true,
          value_parser = parse_local_port)]
    pub(crate) local_port: Option<LocalPort>,

    /// The local address to listen on; `localhost` is both 127.0.0.1 and ::1
    /// [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR", env = "ADIT_BIND", hide_env_values = true,
          value_parser = parse_bind)]
    pub(crate) bind: Option<Bind>,

    /// Permit --bind with an address that other machines can reach: all of them can use the tunnel
    #[arg(long, env = "ADIT_ALLOW_REMOTE", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) allow_remote: bool,

    /// Listen on a Unix socket at PATH, which only you can use, in place of a port; in a folder,
    /// under the name that the client looks for: DIR/.s.PGSQL.5432 for PostgreSQL
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", env = "ADIT_SOCKET", hide_env_values = true)]
    pub(crate) socket: Option<PathBuf>,
}

/// Which addresses to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bind {
    /// Both loopback addresses, as far as the machine has both.
    Localhost,
    One(IpAddr),
}

/// When a tunnel ends, and what is done before.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Close the tunnel when nothing has moved for SPAN, such as 20m [default: 20m]
    #[arg(long, value_name = "SPAN", env = "ADIT_IDLE_TIMEOUT", hide_env_values = true,
          value_parser = parse_limit)]
    pub(crate) idle_timeout: Option<Duration>,

    /// Close the tunnel when it has been open for SPAN, such as 8h [default: 12h]
    #[arg(long, value_name = "SPAN", env = "ADIT_MAX_DURATION", hide_env_values = true,
          value_parser = parse_limit)]
    pub(crate) max_duration: Option<Duration>,

    /// How far `adit extend` and the key that extends may go, such as 12h, counted from when the
    /// tunnel was opened [default: --max-duration]
    #[arg(long, value_name = "SPAN", env = "ADIT_MAX_DURATION_CEILING", hide_env_values = true,
          value_parser = parse_limit)]
    pub(crate) max_duration_ceiling: Option<Duration>,

    /// Keep AWS from ending the session as idle while somebody is connected; --idle-timeout holds all
    /// the same
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", env = "ADIT_KEEP_ALIVE", hide_env_values = true)]
    pub(crate) keep_alive: Option<bool>,

    /// Over how many sessions at most connections are spread that are open at once, 1 to 8; auto is 8,
    /// or 1 where a name leads to several hosts [default: auto]
    #[arg(long, value_name = "auto|N", env = "ADIT_LANES", hide_env_values = true,
          value_parser = parse_lanes)]
    pub(crate) lanes: Option<Lanes>,

    /// How long a lost connection is tried to be brought back, such as 90s or 10m
    #[arg(long, value_name = "SPAN", default_value = "10m", env = "ADIT_RESUME_BUDGET",
          hide_env_values = true, value_parser = parse_span)]
    pub(crate) resume_budget: Duration,

    /// How long local connections wait while the connection to AWS is lost, such as 30s; 0s turns them
    /// away at once
    #[arg(long, value_name = "SPAN", default_value = "30s", env = "ADIT_HOLD",
          hide_env_values = true, value_parser = parse_span)]
    pub(crate) hold: Duration,

    /// End the tunnel when its credentials expire and cannot be renewed: true or false
    /// [default: true]
    #[arg(long, value_name = "BOOL", action = ArgAction::Set,
          env = "ADIT_DISCONNECT_ON_EXPIRY", hide_env_values = true)]
    pub(crate) disconnect_on_expiry: Option<bool>,

    /// Start the session with a role whose policy is narrowed to this bastion and document; it takes
    /// a role, from the profile or --role-arn
    #[arg(long, env = "ADIT_SCOPE_SESSION", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) scope_session: bool,
}

/// The API takes reasons of 1 to 256 characters.
fn parse_reason(text: &str) -> Result<String, String> {
    if (1..=256).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err("a reason has 1 to 256 characters".to_owned())
    }
}

fn parse_lanes(text: &str) -> Result<Lanes, String> {
    match text.parse() {
        Ok(count @ 1..=8) => Ok(Lanes::Fixed(count)),
        _ if text == "auto" => Ok(Lanes::Auto),
        _ => Err("expected a number from 1 to 8, or auto".to_owned()),
    }
}

fn parse_bind(text: &str) -> Result<Bind, String> {
    if text == "localhost" {
        return Ok(Bind::Localhost);
    }
    text.parse()
        .map(Bind::One)
        .map_err(|_| "expected an address such as 127.0.0.1 or ::1, or localhost".to_owned())
}
