//! What the user says about reaching AWS.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::credentials::{CodeSource, Demands, MfaSerial, RoleWish};
use crate::notices::Notices;

/// What the user says about reaching AWS; what is `None` comes from the SDK's own chain.
#[derive(Debug, Default)]
pub struct AwsOptions {
    /// A profile of `~/.aws/config`; goes before keys in the environment, as in the AWS CLI.
    pub profile: Option<String>,
    /// The region, such as `eu-west-1`.
    pub region: Option<String>,
    /// The base URL of every service.
    pub endpoint_url: Option<String>,
    /// PEM files with roots to trust beside the platform's.
    pub ca_bundles: Vec<PathBuf>,
    /// Whether the environment's proxy variables are obeyed.
    pub proxy: ProxyUse,
    /// Keys to use in place of every configured source. Neither the environment nor the files of
    /// the AWS CLI are read then, so `region` must be set.
    pub credentials: Option<StaticCredentials>,
    /// The wall clock, for signatures and expiries.
    pub clock: Clock,
    /// The multi-factor device, in place of the profile's.
    pub mfa_serial: Option<MfaSerial>,
    /// Who gives codes; nobody, if it is not set.
    pub codes: Option<Arc<dyn CodeSource>>,
    /// A role to assume after the profile's, or more about the last of those.
    pub role: RoleWish,
    /// What is asked of the credentials.
    pub demands: Demands,
    /// Who is told what is waited for.
    pub notices: Notices,
}

/// Whether calls go through the proxy that the environment names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyUse {
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are obeyed.
    #[default]
    Environment,
    /// Calls go straight to the endpoint.
    Direct,
}

/// A fixed pair of keys; the secret is wiped from memory when dropped.
pub struct StaticCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Zeroizing<String>,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
