//! Region, credentials, endpoint and HTTP client: the order of the AWS CLI with the user's overrides.

mod gateway;
mod options;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::os_shim_internal::Env;
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::watch;

pub use self::options::{AwsOptions, ProxyUse, StaticCredentials};
use self::settings::Settings;
use crate::clock::Clock;
use crate::credentials::base::Base;
use crate::credentials::chain::{self, Chain, Wishes};
use crate::credentials::cli_cache::CliCache;
use crate::credentials::keys::Keys;
use crate::credentials::make::{Asking, Files, Maker, open_store};
use crate::credentials::origin::Origin;
use crate::credentials::profiles::{Profiles, home};
use crate::credentials::refresh::{Keeper, Make};
use crate::credentials::source::Sources;
use crate::credentials::{Held, SignedIn, Verification, scope, sso_login};
use crate::error::{AwsError, AwsErrorKind};
use crate::http_client;
use crate::notices::Notice;
use crate::observe::Observer;
use crate::session_api::StartSession;

/// How long one attempt of a call may take, before the SDK's retry tries again.
///
/// Calls usually answer within a second; ten leave room for a slow link without making a dead one
/// look alive. `StartSession` has no such limit, see [`once`](crate::once).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call may take with all its retries.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);

/// A resolved configuration: region, endpoint, credentials that stay fresh, and an HTTP client.
#[derive(Clone)]
pub struct Aws {
    pub(crate) sdk: SdkConfig,
    pub(crate) keeper: Keeper,
    pub(crate) settings: Arc<Settings>,
    region: Region,
    clock: Clock,
    observer: Observer,
    maker: Arc<Maker>,
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

    /// The wall clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What is held, changing with each renewal and each that failed.
    pub fn held(&self) -> watch::Receiver<Held> {
        self.keeper.held()
    }

    /// Whether there are credentials that last; where they have expired, they are renewed now, within
    /// a minute.
    pub async fn settle(&self) -> bool {
        self.keeper.settle().await
    }

    /// How many seconds this machine's clock is ahead of AWS, where an answer told.
    pub fn clock_skew(&self) -> Option<i64> {
        self.observer.skew()
    }

    /// Where calls go, for messages: the endpoint that was set, else the region.
    pub fn place(&self) -> String {
        place(&self.sdk)
    }

    /// The endpoint that was set for calls, if any.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.sdk.endpoint_url()
    }

    /// The credentials in force.
    pub(crate) async fn credentials(&self) -> Result<Credentials, AwsError> {
        Ok(self.keeper.keys().await?.to_sdk())
    }

    /// The same with credentials that can start this session and nothing else. They stay in memory.
    pub async fn scoped(&self, request: &StartSession) -> Result<Self, AwsError> {
        let mut chain = self.maker.chain.clone();
        let Some(last) = chain.roles.last_mut() else {
            return Err(AwsError::new(
                AwsErrorKind::Config,
                "only the credentials of a role can be narrowed to one session",
            )
            .hint("pass --role-arn or a profile with role_arn, or leave --scope-session out"));
        };
        last.policy = Some(scope::policy(request, &last.arn, self.region.as_ref()));
        let maker = Maker { chain, ..self.maker.copy() };
        let parts = Parts {
            sdk: self.sdk.clone(),
            settings: Arc::clone(&self.settings),
            region: self.region.clone(),
            clock: self.clock.clone(),
            observer: self.observer.clone(),
        };
        parts.start(maker).await
    }
}

/// What an [`Aws`] is made of besides credentials.
struct Parts {
    sdk: SdkConfig,
    settings: Arc<Settings>,
    region: Region,
    clock: Clock,
    observer: Observer,
}

impl Parts {
    /// Gets the credentials and keeps them fresh.
    async fn start(self, maker: Maker) -> Result<Aws, AwsError> {
        let maker = Arc::new(maker);
        maker.check_before().await?;
        let first = maker.make(Asking { person: true, beyond: None }).await?;
        maker.demands.check_kind(first.kind)?;
        maker.demands.check_mfa(first.mfa, self.clock.now())?;
        let chance =
            SysRng.try_next_u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX));
        let make: Arc<dyn Make> = Arc::clone(&maker) as Arc<dyn Make>;
        let keeper = Keeper::start(make, self.clock.clone(), first, chance);
        let sdk = self
            .sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(keeper.clone()))
            .build();
        let aws = Aws {
            sdk,
            keeper,
            settings: self.settings,
            region: self.region,
            clock: self.clock,
            observer: self.observer,
            maker,
        };
        if aws.maker.demands.account.is_some() {
            let account = aws.whoami().await?.account;
            aws.maker.demands.check_account(&account)?;
        }
        Ok(aws)
    }
}

/// Resolves the configuration and gets the credentials: a code is asked for here, and what may not
/// be used is refused here. Runs on a tokio runtime, on which credentials are renewed.
pub async fn load(mut options: AwsOptions) -> Result<Aws, AwsError> {
    let env = Env::real();
    let named = options.profile.is_some();
    let observer = Observer::new(options.clock.clone(), options.notices.clone());
    let http = observer.wrap(http_client::build(&options.ca_bundles, options.proxy)?);
    if options.credentials.is_some() {
        return fixed(options, env, http, observer).await;
    }
    let from_flag = options.profile.clone();
    options.profile = chosen_profile(options.profile, &env);
    let profiles = Profiles::load(&env, options.profile.as_deref()).await?;
    let sdk = shared(&options, http.clone()).await;
    options.profile = from_flag;
    let region = sdk.region().filter(|region| !region.as_ref().is_empty()).cloned();
    let region = region.ok_or_else(no_region)?;
    let settings = Settings::new(&options, &profiles, &env, &region);
    tracing::debug!(profile = profiles.selected(), %region, "resolved the AWS configuration");
    let wishes =
        Wishes { named, mfa_serial: options.mfa_serial.as_ref(), role: Some(&options.role) };
    let chain = chain::resolve(&profiles, &env, &wishes)?;
    tracing::debug!(base = %chain.base_origin, roles = chain.roles.len(), "found the way to credentials");
    let parts =
        Parts { settings: Arc::new(settings), region, clock: options.clock.clone(), observer, sdk };
    let maker = maker(options, chain, &parts, http, env);
    Box::pin(parts.start(maker)).await
}

/// Signs in to the profile's IAM Identity Center; `show` tells a person where, and must not block.
pub async fn sign_in(
    mut options: AwsOptions,
    show: impl FnOnce(&Verification) + Send,
) -> Result<SignedIn, AwsError> {
    let env = Env::real();
    options.profile = chosen_profile(options.profile, &env);
    let observer = Observer::new(options.clock.clone(), options.notices.clone());
    let http = observer.wrap(http_client::build(&options.ca_bundles, options.proxy)?);
    let profiles = Profiles::load(&env, options.profile.as_deref()).await?;
    let sdk = shared(&options, http.clone()).await;
    // A profile was meant, whatever keys the environment holds.
    let wishes = Wishes { named: true, ..Wishes::default() };
    let chain = chain::resolve(&profiles, &env, &wishes)?;
    let profile = profiles.selected().to_owned();
    let home = home(&env);
    let around = crate::credentials::sso::Around {
        sdk: &sdk,
        clock: &options.clock,
        home: home.as_deref(),
        profile: Some(&profile),
    };
    match &chain.base {
        Base::Sso(base) => Box::pin(sso_login::run(around, base, show)).await,
        Base::Login { .. } => Err(AwsError::new(
            AwsErrorKind::Config,
            format!("the profile `{profile}` signs in to the console, not with SSO"),
        )
        .hint(format!("run `aws login --profile {profile}`"))),
        _ => Err(AwsError::new(
            AwsErrorKind::Config,
            format!("the profile `{profile}` does not sign in with SSO"),
        )
        .hint(format!("`aws configure sso --profile {profile}` sets it up; {}", profiles.known()))),
    }
}

/// The profile by flag, else by the older of the two variables, which botocore looks at first and the
/// SDK does not know.
fn chosen_profile(flag: Option<String>, env: &Env) -> Option<String> {
    let older = || env.get("AWS_DEFAULT_PROFILE").ok().filter(|name| !name.is_empty());
    // The SDK takes an empty variable for a profile without a name.
    let empty =
        || env.get("AWS_PROFILE").is_ok_and(|name| name.is_empty()).then(|| "default".to_owned());
    flag.or_else(older).or_else(empty)
}

/// What the SDK reads by itself: region, endpoints, and other settings of profiles.
async fn shared(options: &AwsOptions, http: SharedHttpClient) -> SdkConfig {
    let mut loader = aws_config::defaults(behavior())
        .http_client(http)
        .timeout_config(timeouts())
        .retry_config(retries())
        .time_source(options.clock.clone())
        // The keeper is asked for each call, so that what is renewed is used at once.
        .identity_cache(IdentityCache::no_cache())
        .no_credentials();
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// The configuration with fixed keys, for which nothing is read.
async fn fixed(
    mut options: AwsOptions,
    env: Env,
    http: SharedHttpClient,
    observer: Observer,
) -> Result<Aws, AwsError> {
    let region = options.region.clone().map(Region::new).ok_or_else(no_region)?;
    let mut sdk = SdkConfig::builder()
        .behavior_version(behavior())
        .region(region.clone())
        .http_client(http.clone())
        .retry_config(retries())
        .timeout_config(timeouts())
        .time_source(options.clock.clone())
        .identity_cache(IdentityCache::no_cache());
    sdk.set_endpoint_url(options.endpoint_url.clone());
    let keys = options.credentials.take();
    let chain = Chain {
        base: Base::Profile(Keys {
            access_key_id: keys.as_ref().map(|keys| keys.access_key_id.clone()).unwrap_or_default(),
            secret_access_key: keys.map(|keys| keys.secret_access_key).unwrap_or_default(),
            session_token: None,
            account: None,
            expires: None,
        }),
        base_origin: Origin::named("the program"),
        mfa: None,
        roles: Vec::new(),
        profile: None,
    };
    let parts = Parts {
        settings: Arc::new(Settings::fixed(&options, &region)),
        region,
        clock: options.clock.clone(),
        observer,
        sdk: sdk.build(),
    };
    let maker = maker(options, chain, &parts, http, env);
    Box::pin(parts.start(maker)).await
}

fn maker(
    options: AwsOptions,
    chain: Chain,
    parts: &Parts,
    http: SharedHttpClient,
    env: Env,
) -> Maker {
    let provider = ProviderConfig::without_region()
        .with_behavior_version(Some(behavior()))
        .with_http_client(http)
        .with_time_source(options.clock.clone())
        .with_timeout_config(timeouts())
        .with_region(Some(parts.region.clone()));
    // Files are kept only where there is something that a later command could save.
    let keeps = chain.mfa.is_some() || !chain.roles.is_empty();
    let store = if keeps {
        open_store(&env)
            .map_err(|error| {
                options.notices.tell(Notice::StoreUnusable { message: error.to_string() });
            })
            .ok()
    } else {
        None
    };
    let home = home(&env);
    let elsewhere = options.endpoint_url.is_some();
    Maker {
        sources: Sources {
            sdk: parts.sdk.clone(),
            provider,
            clock: options.clock,
            profile: chain.profile.clone(),
            place: place(&parts.sdk),
            home: home.clone(),
        },
        files: Files {
            store,
            // The AWS CLI asks AWS for roles wherever `--endpoint-url` leads.
            cli: home.as_deref().filter(|_| !elsewhere).map(CliCache::new),
            notices: options.notices,
            observer: parts.observer.clone(),
            said: AtomicBool::new(false),
            sessions: Arc::default(),
        },
        chain,
        env,
        codes: options.codes,
        demands: options.demands,
    }
}

fn place(sdk: &SdkConfig) -> String {
    match (sdk.endpoint_url(), sdk.region()) {
        (Some(url), _) => format!("at {url}"),
        (None, region) => format!("in {}", region.map_or("", Region::as_ref)),
    }
}

/// The SDK's defaults as of a date, so that an update of the SDK changes none of them unseen.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Calls slow down together when a service asks for it.
fn retries() -> RetryConfig {
    RetryConfig::adaptive()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

fn no_region() -> AwsError {
    AwsError::new(AwsErrorKind::NoRegion, "no AWS region is set")
        .hint("pass --region, set AWS_REGION, or add `region` to your profile")
}
