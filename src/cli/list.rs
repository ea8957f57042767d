//! The arguments of `adit list`.

use adit_aws::targets::Kind;
use clap::Args;

use super::AwsArgs;
use super::values::parse_kind;

/// What is to be listed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit list
      Everything that can be a target, in all VPCs of the region.
  adit list rds aurora
      Databases alone.
  adit list --json | jq -r 'select(.initialised) | .target'
      What can be connected to right now; an instance needs a port as well, as ec2:ID:PORT.")]
pub(crate) struct ListArgs {
    /// The kinds to list [default: all]: rds, aurora, rds-proxy, elasticache, memorydb, docdb,
    /// neptune, redshift, redshift-serverless, opensearch, msk, ec2
    #[arg(value_name = "KIND", env = "ADIT_KIND", hide_env_values = true, value_delimiter = ',',
          value_parser = parse_kind)]
    pub(crate) kind: Vec<Kind>,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}
