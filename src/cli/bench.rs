//! The arguments of `adit bench`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::tunnel::LimitArgs;
use super::values::parse_limit;
use super::{AwsArgs, ReachArgs};
use crate::commands::completions::{self, By};

/// What to measure, and with what.
#[derive(Debug, Args)]
#[command(after_help = with_targets!("The target is asked only what it answers before anybody signs in: PostgreSQL and Redis twenty times,
MySQL five times. It is known what to ask where AWS says what the target is, or by the usual port.

The command finds the tunnel in the variables that `adit exec` sets. It gets no input, and its
output is thrown away; what it says on standard error is shown.

Examples:
  adit bench orders
      How long it takes until the tunnel can be used, and until the database answers.
  adit bench orders -- pg_dump -Fc orders
      The same, and how fast a dump comes; then four dumps at once.
  adit bench orders --for 10s --parallel 8 -- pg_dump -Fc orders
      Ten seconds of one, and ten of eight.
  adit bench --bastion i-0123456789abcdef0 --host db.internal --port 5432 --json
      The same figures for a program."))]
pub(crate) struct BenchArgs {
    /// A connection of adit.toml
    #[arg(id = "names", value_name = "NAME",
          add = ArgValueCompleter::new(By(completions::connections)))]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    /// How many of the command are run at once after it was run alone, 1 to 64; 1 is alone only
    #[arg(long, help_heading = "Measuring", value_name = "N", default_value = "4",
          env = "ADIT_PARALLEL", hide_env_values = true,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: u8,

    /// End the command after SPAN, such as 10s, each time it is run [default: when it ends by itself]
    #[arg(long = "for", help_heading = "Measuring", value_name = "SPAN", env = "ADIT_FOR",
          hide_env_values = true, value_parser = parse_limit)]
    pub(crate) span: Option<Duration>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,

    /// What moves data through the tunnel, and its arguments
    #[arg(last = true, help_heading = None, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}
