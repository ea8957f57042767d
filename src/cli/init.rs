//! The arguments of `adit init`.

use std::num::NonZeroU16;

use adit_aws::targets::TargetSpec;
use clap::builder::{FalseyValueParser, NonEmptyStringValueParser};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::AwsArgs;
use super::values::{parse_minutes, parse_tag, parse_target};
use crate::commands::completions::{self, By};

/// What is to be reachable, and how the bastion looks.
#[derive(Debug, Args)]
#[command(after_help = with_targets!("Examples:
  adit init prod-db
      Make what the connection `prod-db` of adit.toml leads to reachable.
  adit init --target rds:orders
      Make the database `orders` reachable: a bastion in its VPC, and one rule to its port.
  adit init --target rds:orders --target elasticache:sessions --plan
      Say what that would take for two targets, and change nothing.
  adit init --vpc vpc-0123456789abcdef0 --yes
      A bastion alone, without asking."))]
pub(crate) struct InitArgs {
    /// Connections, groups or targets of adit.toml
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(By(completions::names)))]
    pub(crate) names: Vec<String>,

    /// What is to be reachable, such as rds:orders; may be repeated within one VPC
    #[arg(long, value_name = "KIND:ID", env = "ADIT_TARGET", hide_env_values = true,
          value_parser = parse_target, add = ArgValueCompleter::new(By(completions::targets)))]
    pub(crate) target: Vec<TargetSpec>,

    /// The VPC, where no target says so
    #[arg(long, value_name = "ID", env = "ADIT_VPC", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) vpc: Option<String>,

    /// The subnet of a new bastion [default: a private one with a way out, else a public one]
    #[arg(long, value_name = "ID", env = "ADIT_SUBNET", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) subnet: Option<String>,

    /// The type of a new bastion [default: t4g.micro, or t3.micro where there is none]
    #[arg(long, value_name = "TYPE", env = "ADIT_INSTANCE_TYPE", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) instance_type: Option<String>,

    /// Whether a new bastion gets a public address; `auto` gives it one where there is no other way
    /// out. Nothing can connect to it either way [default: auto]
    #[arg(long, value_name = "WHEN", env = "ADIT_PUBLIC_IP", hide_env_values = true)]
    pub(crate) public_ip: Option<PublicIp>,

    /// How long a new bastion waits without traffic until it stops itself, in whole minutes, such
    /// as 15m or 1h; `adit connect` starts it again [default: 15m]
    #[arg(long, value_name = "SPAN", env = "ADIT_IDLE_STOP", hide_env_values = true,
          value_parser = parse_minutes)]
    pub(crate) idle_stop: Option<NonZeroU16>,

    /// Make the interface endpoints ssm and ssmmessages where a subnet has no way out; AWS charges
    /// for them by the hour
    #[arg(long, env = "ADIT_CREATE_ENDPOINTS", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) create_endpoints: bool,

    /// The policy that bounds what the bastion's role may ever do
    #[arg(long, value_name = "ARN", env = "ADIT_PERMISSIONS_BOUNDARY", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) permissions_boundary: Option<String>,

    /// A tag for everything that is made; may be repeated
    #[arg(long, value_name = "KEY=VALUE", env = "ADIT_TAG", hide_env_values = true,
          value_delimiter = ',', value_parser = parse_tag)]
    pub(crate) tag: Vec<(String, String)>,

    /// Say what would be done, and do nothing
    #[arg(long, env = "ADIT_PLAN", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) plan: bool,

    /// Do it without asking
    #[arg(long, short, env = "ADIT_YES", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// Whether a bastion gets a public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PublicIp {
    /// Always.
    Yes,
    /// Never.
    No,
    /// Where there is no other way out.
    Auto,
}
