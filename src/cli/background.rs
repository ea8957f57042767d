//! The arguments of the commands for tunnels that are open: `status`, `logs`, `wait` and `down`.

use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::engine::ArgValueCompleter;

use super::values::{parse_limit, parse_span};
use crate::commands::completions::{self, By};

/// Which tunnels are to be shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit status
      Every tunnel of yours on this machine, with where it listens and what it carries.
  adit status prod-db --json | jq -r .address
      Where one of them listens.")]
pub(crate) struct StatusArgs {
    /// Connections [default: all]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)))]
    pub(crate) names: Vec<String>,
}

/// Which tunnels are to be closed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit down prod-db
      Closes it and returns when it is closed; other tunnels stay.
  adit down --all
      Closes every tunnel of yours on this machine, also those in other terminals.")]
pub(crate) struct DownArgs {
    /// Connections
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)), required_unless_present = "all")]
    pub(crate) names: Vec<String>,

    /// All of them
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,
}

/// Which tunnels are to have more time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit extend
      Gives the only tunnel that is open its whole time once more, or what its ceiling leaves.
  adit extend prod-db --by 1h
      An hour; says until when it is open at the longest.")]
pub(crate) struct ExtendArgs {
    /// Connections [default: the one that is open]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)))]
    pub(crate) names: Vec<String>,

    /// All that are open
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,

    /// How much longer, such as 1h [default: their --max-duration once more]
    #[arg(long, value_name = "SPAN", env = "ADIT_BY", hide_env_values = true,
          value_parser = parse_limit)]
    pub(crate) by: Option<Duration>,
}

/// Which tunnels are to be waited for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit wait prod-db
      Returns when it can be used; with the exit code of its failure when it cannot.
  adit wait prod-db --closed --timeout 8h
      Returns when it is closed.")]
pub(crate) struct WaitArgs {
    /// Connections
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)), required = true)]
    pub(crate) names: Vec<String>,

    /// Wait until they are closed, in place of until they can be used
    #[arg(long)]
    pub(crate) closed: bool,

    /// Give up after SPAN [default: never]
    #[arg(long, value_name = "SPAN", env = "ADIT_TIMEOUT", hide_env_values = true,
          value_parser = parse_span)]
    pub(crate) timeout: Option<Duration>,
}

/// Whose log is to be shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit logs prod-db
      What the newest background tunnel of that name has said, also when it is gone.
  adit logs -f
      The newest one, and what it says from here on.")]
pub(crate) struct LogsArgs {
    /// A connection [default: the newest log]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)))]
    pub(crate) name: Option<String>,

    /// Go on until Ctrl-C, or until the tunnel is gone
    #[arg(long, short, env = "ADIT_FOLLOW", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) follow: bool,
}
