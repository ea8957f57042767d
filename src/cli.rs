//! The arguments, as clap reads them; what they mean is in `settings`.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, read in a terminal")]

mod connect;
mod demo;
mod lab;
mod parse;
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
    ///
    /// Starts a local AWS and a private web server in this process, opens a tunnel to it the way
    /// `adit connect` does, uses it, cuts its connection in the middle of a download, and checks
    /// that the download arrives whole. Then it holds the tunnel, for you to try. It needs no AWS
    /// account, reads none of your AWS settings, and talks to nothing but this machine.
    Demo(DemoArgs),
    /// Open a tunnel through a bastion and hold it
    ///
    /// Opens a local port that leads through a bastion to a host and port in its network, and holds
    /// it until Ctrl-C. The bastion is any machine that Session Manager manages; nothing is looked
    /// up, created or started. When the tunnel can be used, one line says so on standard output:
    /// `listening on 127.0.0.1:5432 (db.internal:5432)`.
    Connect(ConnectArgs),
    /// Run a local AWS: the session API, its message gateway, and bastions with an agent
    ///
    /// Runs a local AWS on loopback: the session calls of the Systems Manager API, the message
    /// gateway behind them, and bastions whose agent behaves as the official one does. adit, the
    /// AWS CLI and the official session-manager-plugin work against it. It prints the `export`
    /// lines to use it and runs until Ctrl-C.
    Lab(LabArgs),
}

#[cfg(test)]
mod tests;
