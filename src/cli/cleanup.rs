//! The arguments of `adit cleanup`.

use adit_aws::targets::TargetSpec;
use clap::Args;
use clap::builder::{FalseyValueParser, NonEmptyStringValueParser};

use super::AwsArgs;
use super::values::parse_target;

/// What is to be removed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit cleanup
      Remove everything that adit made in the region, after showing it and asking.
  adit cleanup --target rds:orders
      Only the rule that lets the bastion reach this target.
  adit cleanup --vpc vpc-0123456789abcdef0 --plan
      What there is in one VPC; nothing is removed.

What carries no tag of adit's is never touched. When something cannot be removed, the rest is, and
the exit code is 15.")]
pub(crate) struct CleanupArgs {
    // ADIT_TARGET is not read here: a variable that is meant for `connect` would leave behind what
    // a plain `adit cleanup` promises to remove.
    /// Only what was made for this target, such as rds:orders; the bastion stays
    #[arg(long, value_name = "KIND:ID", value_parser = parse_target)]
    pub(crate) target: Option<TargetSpec>,

    /// Only what is in this VPC
    #[arg(long, value_name = "ID", env = "ADIT_VPC", hide_env_values = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) vpc: Option<String>,

    /// Say what would be removed, and remove nothing
    #[arg(long, env = "ADIT_PLAN", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) plan: bool,

    /// Remove without asking
    #[arg(long, short, env = "ADIT_YES", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) yes: bool,

    /// Remove a bastion even while sessions go through it
    #[arg(long, env = "ADIT_FORCE", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}
