//! The arguments of every command that reaches AWS.

use std::path::PathBuf;

use adit_aws::{CredentialKind, MfaSerial};
use clap::Args;
use clap::builder::FalseyValueParser;

use super::secrets::{
    MfaCode, MfaCommand, MfaDemand, parse_account, parse_credential_kind, parse_mfa_code,
    parse_mfa_command, parse_mfa_demand, parse_mfa_serial, parse_role_arn,
};

/// How AWS is reached. What is not given comes from the places that the AWS CLI reads as well.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsArgs {
    /// The profile of ~/.aws/config to use; goes before keys in the environment
    #[arg(long, value_name = "NAME", env = "ADIT_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,

    /// The region, such as eu-west-1
    #[arg(long, value_name = "NAME", env = "ADIT_REGION", hide_env_values = true)]
    pub(crate) region: Option<String>,

    /// The base URL of the AWS API, such as the one of `adit lab`
    #[arg(long, value_name = "URL", env = "ADIT_ENDPOINT_URL", hide_env_values = true)]
    pub(crate) endpoint_url: Option<String>,

    /// A PEM file with root certificates to trust beside the system's; also AWS_CA_BUNDLE
    #[arg(long, value_name = "FILE", env = "ADIT_CA_BUNDLE", hide_env_values = true)]
    pub(crate) ca_bundle: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) credentials: CredentialArgs,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Which files are read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct ConfigArgs {
    /// The file to read in place of the adit.toml here or above
    #[arg(long, value_name = "FILE", env = "ADIT_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    /// Read neither adit.toml nor your own ~/.config/adit/config.toml
    #[arg(long, env = "ADIT_NO_CONFIG", hide_env_values = true,
          value_parser = FalseyValueParser::new())]
    pub(crate) no_config: bool,
}

/// How credentials are got, and what they must be.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Credentials")]
pub(crate) struct CredentialArgs {
    /// The MFA device to give a code of, or auto: one of your own; mfa_serial of the profile unless
    /// given
    #[arg(long, value_name = "ARN", env = "ADIT_MFA_SERIAL", hide_env_values = true,
          value_parser = parse_mfa_serial)]
    pub(crate) mfa_serial: Option<MfaSerial>,

    /// The code that the device shows; rather the variable, which other users cannot see
    #[arg(long, value_name = "CODE", env = "ADIT_MFA_CODE", hide_env_values = true,
          value_parser = parse_mfa_code)]
    pub(crate) mfa_code: Option<MfaCode>,

    /// A command that prints the code, such as that of a password manager; no shell runs it
    #[arg(long, value_name = "COMMAND", env = "ADIT_MFA_COMMAND", hide_env_values = true,
          value_parser = parse_mfa_command)]
    pub(crate) mfa_command: Option<MfaCommand>,

    /// A role to assume, after those of the profile
    #[arg(long, value_name = "ARN", env = "ADIT_ROLE_ARN", hide_env_values = true,
          value_parser = parse_role_arn)]
    pub(crate) role_arn: Option<String>,

    /// The external id that the role asks for
    #[arg(long, value_name = "ID", env = "ADIT_EXTERNAL_ID", hide_env_values = true)]
    pub(crate) external_id: Option<String>,

    /// Who is behind the role's session, for CloudTrail
    #[arg(long, value_name = "NAME", env = "ADIT_SOURCE_IDENTITY", hide_env_values = true)]
    pub(crate) source_identity: Option<String>,

    /// Refuse credentials without MFA, or with one that is older than AGE, such as 1h
    #[arg(long, value_name = "AGE", env = "ADIT_REQUIRE_MFA", hide_env_values = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = parse_mfa_demand)]
    pub(crate) require_mfa: Option<MfaDemand>,

    /// Refuse credentials of other kinds than these: sso, role, session, keys, process, instance,
    /// container, web-identity, login
    #[arg(long, value_name = "KIND", env = "ADIT_ALLOW_CREDENTIALS", hide_env_values = true,
          value_delimiter = ',', value_parser = parse_credential_kind)]
    pub(crate) allow_credentials: Vec<CredentialKind>,

    /// Refuse credentials of another account
    #[arg(long, value_name = "ID", env = "ADIT_ACCOUNT", hide_env_values = true,
          value_parser = parse_account)]
    pub(crate) account: Option<String>,
}
