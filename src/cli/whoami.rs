//! The arguments of `adit whoami`.

use clap::Args;

use super::AwsArgs;

/// Whose credentials are looked at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit whoami
      Who commands would act as, and where that comes from.
  adit whoami --profile prod --require-mfa=1h
      The same for a profile; fails with 5 unless it has MFA of the last hour.
  adit whoami --json | jq -r .account
      The account alone.")]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}
