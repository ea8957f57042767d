//! The arguments of `adit login`.

use clap::Args;
use clap::builder::FalseyValueParser;

use super::AwsArgs;

/// Where to sign in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit login --profile dev
      Sign in for the SSO session of the profile; every profile of that session can be used then.
  adit login --profile dev --no-browser
      Only print the address, for a browser elsewhere.")]
pub(crate) struct LoginArgs {
    /// Do not open a browser; the address and the code are printed in any case
    #[arg(long, env = "ADIT_NO_BROWSER", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) no_browser: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}
