//! The arguments, as clap reads them; what they mean is in `settings`.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, read in a terminal")]

/// A help text followed by the ways to write a target.
macro_rules! with_targets {
    ($text:literal) => {
        concat!(
            $text,
            "\n\nTargets:
  rds:ID, aurora:ID[/reader|/ENDPOINT], rds-proxy:ID[/ENDPOINT], elasticache:ID[/reader|/NODE],
  memorydb:ID[/NODE], docdb:ID[/reader|/INSTANCE], neptune:ID[/reader|/INSTANCE], redshift:ID,
  redshift-serverless:WORKGROUP, opensearch:DOMAIN,
  msk:ID[/iam|/scram|/tls|/plaintext|/BROKER], ec2:ID:PORT, host:HOST:PORT@VPC
An ID may be a name, an ARN, or tag:KEY=VALUE. `adit list` shows what there is."
        )
    };
}

mod aws;
mod background;
mod bench;
mod cleanup;
mod config;
mod connect;
mod demo;
mod exec;
mod given;
mod init;
mod lab;
mod list;
mod login;
mod parse;
mod readiness;
mod secrets;
mod shell;
mod tunnel;
mod values;
mod whoami;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

pub(crate) use aws::{AwsArgs, ConfigArgs};
pub(crate) use background::{DownArgs, ExtendArgs, LogsArgs, StatusArgs, WaitArgs};
pub(crate) use bench::BenchArgs;
pub(crate) use cleanup::CleanupArgs;
pub(crate) use config::{ConfigCommand, ConfigCommandArgs, ConfigInitArgs};
pub(crate) use connect::ConnectArgs;
pub(crate) use demo::DemoArgs;
pub(crate) use exec::ExecArgs;
pub(crate) use given::Given;
pub(crate) use init::{InitArgs, PublicIp};
pub(crate) use lab::{LabArgs, PaceArg};
pub(crate) use list::ListArgs;
pub(crate) use login::LoginArgs;
pub(crate) use readiness::ReadinessArgs;
pub(crate) use secrets::{MfaCode, MfaCommand, parse_mfa_code};
pub(crate) use shell::{CompletionsArgs, ManualArgs};
pub(crate) use tunnel::{Bind, LocalArgs, ReachArgs, TunnelArgs};
pub(crate) use values::{LocalPort, is_on};
pub(crate) use whoami::WhoamiArgs;

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
  adit connect prod-db
      Open the connection `prod-db` of the adit.toml here or above, until Ctrl-C.
  adit exec prod-db -- ./migrate
      Run a command with that tunnel open, and end with its exit code.
  adit init --target rds:orders
      Make the database `orders` reachable; says what that takes, and asks.
  adit connect --target rds:orders
      Reach it at 127.0.0.1, until Ctrl-C.
  adit cleanup
      Remove all that adit has made.

Each flag can be given as an environment variable instead, as its help says.
Exit codes: 0 done, 2 usage, 3 config, 4 credentials, 5 permission, 6 target, 7 bastion,
8 destination, 9 local port, 10 service, 11 lost, 12 idle limit, 13 maximum or access expired,
14 input needed, 15 partly done, 130 Ctrl-C, 143 SIGTERM; all of them in docs/reference.md."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: CommandArgs,
    /// The command's flags, for hints.
    #[clap(skip)]
    pub(crate) given: Given,
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

    /// Never ask: fail with exit code 14 where an answer is needed
    #[arg(long, global = true, env = "ADIT_NO_INPUT", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) no_input: bool,

    /// Log to standard error; -vv and -vvv say more
    #[arg(long, short, global = true, action = ArgAction::Count, env = "ADIT_VERBOSE",
          hide_env_values = true)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum CommandArgs {
    /// Watch init, connect and cleanup at work, on this machine alone
    ///
    /// Starts a local AWS in this process, with a private database in a VPC where nothing has been
    /// prepared. Makes the database reachable as `adit init` does, opens a tunnel as `adit connect`
    /// does, cuts its connection in the middle of a download, and checks that the download arrives
    /// whole. Then it holds the tunnel, for you to try, until Ctrl-C; what it made is removed as
    /// `adit cleanup` does. It needs no AWS account, reads none of your AWS settings, and talks to
    /// nothing but this machine.
    Demo(DemoArgs),
    /// Make a target reachable: a bastion in its VPC, and one rule to its port
    ///
    /// Looks at what there is, says step by step what is missing and why, asks, and makes it: an
    /// instance that runs the SSM Agent and that nothing can connect to, its role and its security
    /// group, and a rule that lets it reach the target's port. One bastion serves all targets of a
    /// VPC. What is there already is used; running it again finishes what was interrupted. Everything
    /// made is tagged, and `adit cleanup` removes it.
    Init(InitArgs),
    /// List what can be reached, and what is ready to be
    ///
    /// Lists databases, caches, queues and instances of the region as targets for `init` and
    /// `connect`, with their bastions. A kind that may not be listed is told, and the others are
    /// listed all the same.
    List(ListArgs),
    /// Open tunnels and hold them
    ///
    /// Opens a local port for each connection, which leads through a bastion to its target, and
    /// holds it until Ctrl-C. When a tunnel can be used, one line says so on standard output:
    /// `listening on 127.0.0.1:5432 (prod-db)`.
    ///
    /// A NAME is a connection or a group of the adit.toml here or in a folder above. With --target,
    /// no file is needed: host, port and bastion are looked up, and a bastion that is stopped is
    /// started. With --bastion, --host and --port, nothing is looked up or started, and the bastion
    /// is any machine that Session Manager manages. With none of these, a terminal lets you choose.
    ///
    /// Of several tunnels, one that fails stops no other, unless --all-or-nothing is given.
    Connect(ConnectArgs),
    /// Run a command with tunnels open, and end with its exit code
    ///
    /// Opens the tunnels as `adit connect` does, runs the command when all of them can be used,
    /// and closes them when it ends. The command has standard input, output and error to itself,
    /// but for adit's errors; --json prints adit's events to standard error.
    Exec(ExecArgs),
    /// Measure what a tunnel can do, and say what limits it
    ///
    /// Opens a tunnel of its own, as `adit connect` does, to a local port that nobody is told of, and
    /// says how long it took until it was ready, step by step; how long the agent takes to answer,
    /// and the target; and, where a COMMAND is given that moves data, how much goes through: with one
    /// of it alone, then with several at once, in all and by session. For each it says in plain words
    /// what limits it. Then it closes the tunnel.
    Bench(BenchArgs),
    /// Show the tunnels that are open, in this terminal, in others and in the background
    Status(StatusArgs),
    /// Show what a tunnel in the background has said
    Logs(LogsArgs),
    /// Wait until tunnels can be used, or are closed
    Wait(WaitArgs),
    /// Give tunnels that are open more time
    ///
    /// Moves the end that --max-duration has set, as far as max-duration-ceiling permits. Where none
    /// is set, a tunnel cannot be extended. The idle limit and the end of credentials stay as they
    /// are.
    Extend(ExtendArgs),
    /// Close tunnels that are open
    Down(DownArgs),
    /// Remove what adit has made, and nothing else
    ///
    /// Finds what carries adit's tags in the region, shows it, asks, and removes it in the right
    /// order: rules, instances, groups, profiles, roles, endpoints. A bastion with live sessions
    /// stays, unless --force is given.
    Cleanup(CleanupArgs),
    /// Sign in to an SSO session in a browser
    ///
    /// Prints an address and a code, opens the address in a browser, and waits until somebody has
    /// signed in there. The token is kept where the AWS CLI keeps it, so that both use it.
    Login(LoginArgs),
    /// Say who commands act as, and where that comes from
    ///
    /// Gets credentials as every command does, MFA included, asks AWS whose they are, and says
    /// where each part comes from: profile, keys, roles, MFA, region; and when they expire.
    Whoami(WhoamiArgs),
    /// Make, check and explain adit.toml, the file that a team shares
    ///
    /// adit.toml names targets and connections, and what holds for them; it is found from the
    /// working directory upward, and meant to be committed. Your own ~/.config/adit/config.toml
    /// adds to it and can tighten its limits, but not loosen them. docs/config.md has every key.
    Config(ConfigCommandArgs),
    /// Print the script that completes commands, connections and targets in a shell
    Completions(CompletionsArgs),
    /// Print the manual pages
    Manual(ManualArgs),
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
