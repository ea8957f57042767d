//! The arguments of `adit connect`.

use clap::Args;
use clap::builder::FalseyValueParser;

use super::{ReadinessArgs, TunnelArgs};

/// What to open, and how it is held.
#[derive(Debug, Args)]
#[command(after_help = with_targets!("Examples:
  adit connect prod-db
      The connection `prod-db` of the adit.toml here or above, until Ctrl-C.
  adit connect prod-db cache --detach
      Two of them in the background; `adit status` shows them and `adit down` ends them.
  adit connect --target rds:orders
      The database `orders` is at 127.0.0.1:5432 until Ctrl-C; `adit init` made it reachable.
  adit connect --target aurora:orders/reader --local-port auto
      Its readers, at a port that is free; the line on standard output names it.
  adit connect --bastion i-0123456789abcdef0 --host db.internal --port 5432
      The same through any managed machine, with nothing looked up.
  adit connect --bastion i-0123456789abcdef0 --port 8080
      A port of the bastion itself."))]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) tunnel: TunnelArgs,

    /// Return when the tunnels can be used, and leave them open in the background
    #[cfg(unix)]
    #[arg(long, help_heading = "Holding", short, env = "ADIT_DETACH", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) detach: bool,

    /// How the program in the background tells the one that waits for it
    #[cfg(unix)]
    #[arg(long, value_name = "N", hide = true)]
    pub(crate) detached_fd: Option<u32>,

    /// Listen at once, and start bastion and session when somebody connects; an idle tunnel is
    /// given back until somebody connects again
    #[arg(long, help_heading = "Holding", env = "ADIT_LAZY", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) lazy: bool,

    /// End all tunnels when one of them fails
    #[arg(long, help_heading = "Holding", env = "ADIT_ALL_OR_NOTHING", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) all_or_nothing: bool,

    #[command(flatten)]
    pub(crate) readiness: ReadinessArgs,

    /// Exit with 0 instead of 143 on SIGTERM, for supervisors that count that as a failure
    #[arg(long, help_heading = "Holding", env = "ADIT_EXIT_ZERO_ON_SIGTERM", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) exit_zero_on_sigterm: bool,
}
