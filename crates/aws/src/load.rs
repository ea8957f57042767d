//! Region, credentials, endpoint and HTTP client: the SDK's own chain with the user's overrides.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::os_shim_internal::{Env, Fs};
use zeroize::Zeroizing;

use crate::cache::CachedCredentials;
use crate::error::{AwsError, AwsErrorKind, credentials_error};
use crate::http_client;

/// How long one attempt of a call may take, before the SDK's retry tries again.
///
/// Calls usually answer within a second; ten leave room for a slow link without making a dead one
/// look alive. `StartSession` has no such limit, see [`once`](crate::once).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call may take with all its retries.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);

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

/// A resolved configuration: region, endpoint, a source of credentials and an HTTP client.
#[derive(Clone)]
pub struct Aws {
    pub(crate) sdk: SdkConfig,
    region: Region,
    credentials: SharedCredentialsProvider,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Aws {
    /// The region that calls go to.
    pub fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// Where calls go, for messages: the endpoint that was set, else the region.
    pub fn place(&self) -> String {
        match self.sdk.endpoint_url() {
            Some(url) => format!("at {url}"),
            None => format!("in {}", self.region()),
        }
    }

    /// The account of the credentials, where their source tells it.
    pub(crate) async fn account(&self) -> Option<String> {
        let credentials = self.credentials().await.ok()?;
        credentials.account_id().map(|id| id.as_str().to_owned())
    }

    /// The credentials in force; the provider refreshes them when they are about to expire.
    pub(crate) async fn credentials(&self) -> Result<Credentials, AwsError> {
        self.credentials.provide_credentials().await.map_err(|error| credentials_error(&error))
    }
}

/// Resolves the configuration. No AWS call is made, except by a region source that needs one (the
/// instance metadata service).
pub async fn load(options: AwsOptions) -> Result<Aws, AwsError> {
    let http = http_client::build(&options.ca_bundles, options.proxy)?;
    if let Some(keys) = options.credentials {
        let region = options.region.map(Region::new).ok_or_else(no_region)?;
        let credentials = SharedCredentialsProvider::new(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key.as_str(),
            None,
            None,
            "adit",
        ));
        let mut sdk = SdkConfig::builder()
            .behavior_version(behavior())
            .region(region.clone())
            .http_client(http)
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts())
            .credentials_provider(credentials.clone());
        sdk.set_endpoint_url(options.endpoint_url);
        return Ok(Aws { sdk: sdk.build(), region, credentials });
    }

    let profiles = profiles(options.profile.as_deref()).await?;
    let mut loader =
        aws_config::defaults(behavior()).http_client(http.clone()).timeout_config(timeouts());
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = options.region {
        loader = loader.region(Region::new(region));
    }
    if let Some(url) = options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let mut sdk = loader.load().await;
    let region = sdk.region().cloned().ok_or_else(no_region)?;

    // The SDK's default chain looks at AWS_ACCESS_KEY_ID before the profile even when the profile
    // was asked for by name; the AWS CLI does not, and neither should a flag that says `--profile`.
    if let Some(profile) = &options.profile {
        let conf = ProviderConfig::without_region()
            .with_behavior_version(Some(behavior()))
            .with_http_client(http)
            .with_region(Some(region.clone()));
        let provider =
            ProfileFileCredentialsProvider::builder().configure(&conf).profile_name(profile);
        sdk = sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider.build()))
            .build();
    }
    tracing::debug!(profile = profiles.selected_profile(), %region, "resolved the AWS configuration");
    let source = sdk.credentials_provider().ok_or_else(|| {
        AwsError::new(AwsErrorKind::NoCredentials, "no source of AWS credentials is configured")
    })?;
    let credentials = SharedCredentialsProvider::new(CachedCredentials::new(source));
    let sdk = sdk.into_builder().credentials_provider(credentials.clone()).build();
    Ok(Aws { sdk, region, credentials })
}

/// The SDK's defaults as of a date, so that an update of the SDK changes none of them unseen.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// Reads the profile files, and refuses a profile that is named but not there: the SDK would only
/// say that no region or no credentials were found.
async fn profiles(wanted: Option<&str>) -> Result<ProfileSet, AwsError> {
    let override_name = wanted.map(|name| name.to_owned().into());
    let set = aws_config::profile::load(
        &Fs::real(),
        &Env::real(),
        &EnvConfigFiles::default(),
        override_name,
    )
    .await
    .map_err(|error| {
        AwsError::new(AwsErrorKind::Config, format!("cannot read the AWS profiles: {error}"))
            .hint("check ~/.aws/config and ~/.aws/credentials")
    })?;
    let selected = set.selected_profile();
    if selected != "default" && set.get_profile(selected).is_none() {
        let mut known: Vec<&str> = set.profiles().collect();
        known.sort_unstable();
        let hint = if known.is_empty() {
            "no profile is configured; `aws configure` or `aws configure sso` makes one".to_owned()
        } else {
            format!("known profiles: {}", known.join(", "))
        };
        let message = format!("the AWS profile `{selected}` does not exist");
        return Err(AwsError::new(AwsErrorKind::UnknownProfile, message).hint(hint));
    }
    Ok(set)
}

fn no_region() -> AwsError {
    AwsError::new(AwsErrorKind::NoRegion, "no AWS region is set")
        .hint("pass --region, set AWS_REGION, or add `region` to your profile")
}
