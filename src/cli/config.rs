//! The arguments of `adit config`.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};

use super::{AwsArgs, ConfigArgs};

/// The file of a team, and one's own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit config init
      Make an adit.toml from what the account has, one question at a time.
  adit config check
      Say all that is wrong, each with its line; for a hook or a CI job.
  adit config schema > adit.schema.json
      For editors: the first line of adit.toml can name it, as `#:schema ./adit.schema.json`.
  adit config explain connections.prod-db.max-duration
      A value that holds, where it comes from, and what lost against it.
  adit config import .basti.yaml
      Print the adit.toml for a file of Basti.")]
pub(crate) struct ConfigCommandArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What is to be done with the files.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Add connections to adit.toml, from what the account has; makes the file where there is none
    Init(Box<ConfigInitArgs>),
    /// Say all that is wrong with adit.toml and your own file
    Check(ConfigCheckArgs),
    /// Print the JSON schema of adit.toml, for editors
    Schema,
    /// Say which value holds, where it comes from, and what lost against it
    Explain(ConfigExplainArgs),
    /// Print the adit.toml for a file of Basti
    Import(ConfigImportArgs),
}

/// What is to be added.
#[derive(Debug, Args)]
pub(crate) struct ConfigInitArgs {
    /// What to add, such as rds:orders [default: you are asked]
    #[arg(long, value_name = "KIND:ID", value_parser = super::values::parse_target)]
    pub(crate) target: Option<adit_aws::targets::TargetSpec>,

    /// The name of the connection [default: you are asked, or the id]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// The local port [default: the port to reach]
    #[arg(long, value_name = "N|A-B|auto", value_parser = super::values::parse_local_port)]
    pub(crate) local_port: Option<super::LocalPort>,

    /// Replace a connection that is there
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// Which files are to be checked.
#[derive(Debug, Args)]
pub(crate) struct ConfigCheckArgs {
    #[command(flatten)]
    pub(crate) files: ConfigArgs,
}

/// Which value is to be explained.
#[derive(Debug, Args)]
pub(crate) struct ConfigExplainArgs {
    /// The key, such as connections.prod-db.max-duration [default: all that have a value]
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,

    #[command(flatten)]
    pub(crate) files: ConfigArgs,
}

/// Which file is to be imported.
#[derive(Debug, Args)]
pub(crate) struct ConfigImportArgs {
    /// The file [default: .basti.yaml, .basti.yml or .basti.json here or above]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Write adit.toml here in place of printing it
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub(crate) write: bool,
}
