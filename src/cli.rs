//! The arguments, as clap reads them; what they mean is in `settings`.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, read in a terminal")]

mod connect;
mod demo;
mod lab;
mod values;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

pub(crate) use connect::{AwsArgs, ConnectArgs};
pub(crate) use demo::DemoArgs;
pub(crate) use lab::{LabArgs, PaceArg};
pub(crate) use values::LocalPort;

/// Tunnels to private AWS resources through Systems Manager Session Manager.
///
/// adit opens a local port that leads, through a bastion that runs the SSM Agent, to a database or
/// any other TCP service in a private network. Nothing listens on the internet, no SSH key is
/// involved, and a lost connection is resumed without breaking the streams inside it.
#[derive(Debug, Parser)]
#[command(
    name = "adit",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Examples:
  adit demo
      See it all on this machine, without an AWS account.
  adit connect --bastion i-0123456789abcdef0 --host db.internal --port 5432
      Reach db.internal:5432 at 127.0.0.1:5432 through the bastion.

Each flag can be given as an environment variable instead, as its help says.
Exit codes: 0 done, 2 usage, 3 config, 4 credentials, 5 permission, 7 bastion, 8 destination,
9 local port, 10 service, 11 lost, 130 Ctrl-C, 143 SIGTERM; all of them in docs/reference.md."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: CommandArgs,
}

/// How much is said, and in which form.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print events to standard output, one JSON object a line, and nothing else
    #[arg(long, global = true, env = "ADIT_JSON", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,

    /// Say nothing on standard error but errors
    #[arg(long, short, global = true, env = "ADIT_QUIET", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,

    /// Log to standard error; -vv and -vvv say more
    #[arg(long, short, global = true, action = ArgAction::Count, env = "ADIT_VERBOSE",
          hide_env_values = true)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum CommandArgs {
    /// Watch a tunnel being opened, used, cut and resumed, on this machine alone
    Demo(DemoArgs),
    /// Open a tunnel through a bastion and hold it
    Connect(ConnectArgs),
    /// Run a local AWS: the session API, its message gateway, and bastions with an agent
    Lab(LabArgs),
}

#[cfg(test)]
mod tests;
