//! The arguments of `adit exec`.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueHint};

use super::TunnelArgs;
use super::values::parse_span;

/// What to open, and what to run beside it.
#[derive(Debug, Args)]
#[command(after_help = with_targets!("The command finds where each tunnel listens in ADIT_<NAME>_HOST and ADIT_<NAME>_PORT, the name in
capitals and with _ for all else, and, where one tunnel of that kind is open, in the variables of
its clients: PGHOST and PGPORT, MYSQL_HOST and MYSQL_TCP_PORT, REDIS_URL.

Exit codes: that of the command; 128 and the signal's number when one ended it; 124 a limit was
reached, 125 adit failed, 126 the command cannot be run, 127 there is no such command.

Examples:
  adit exec prod-db -- psql -d orders -f report.sql
      A tunnel for as long as the command takes, and its exit code.
  adit exec prod-db cache --wait-for 2m -- ./migrate
      Begins when both answer, whatever that takes, up to two minutes.
  adit exec --target rds:orders --local-port auto -- sh -c 'pg_dump orders > dump.sql'
      Without a file, and beside whatever listens at 5432."))]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) tunnel: TunnelArgs,

    /// Begin when the targets themselves answer, and give up after SPAN [default: 1m]. PostgreSQL,
    /// MySQL and Redis are asked; anything else answers by keeping a connection open for a second
    #[arg(long, help_heading = "Running", value_name = "SPAN", env = "ADIT_WAIT_FOR", hide_env_values = true,
          num_args = 0..=1, default_missing_value = "1m", value_parser = parse_span)]
    pub(crate) wait_for: Option<Duration>,

    /// Give PostgreSQL's own programs the real name of the host beside the address, so that they
    /// can check its certificate
    #[arg(long, help_heading = "Running", env = "ADIT_REAL_HOST", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) real_host: bool,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND",
          value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}
