//! A lab with a network in it, and what the tests ask of it themselves.

pub(crate) mod census;
pub(crate) mod network;
pub(crate) mod targets;

use std::collections::BTreeMap;

use adit_aws::bastion::{self, Applied, Desired, Leftovers, Options, Plan, Removed, Scope};
use adit_aws::targets::Target;
use adit_aws::{Aws, AwsOptions, ProxyUse, StaticCredentials, load};
use adit_lab::{FaultRequest, Lab, LabConfig, Pace};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

/// A lab, the executor that is tried, and a client of the tests' own.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) aws: Aws,
    sdk: SdkConfig,
}

impl World {
    /// Starts a lab where nothing takes time.
    pub(crate) async fn start() -> Self {
        let config = LabConfig { pace: Pace::Off, seed: 7, ..LabConfig::default() };
        let lab = Lab::start(config).await.expect("a lab");
        let keys = lab.credentials().clone();
        let aws = Box::pin(load(AwsOptions {
            region: Some(Lab::REGION.to_owned()),
            endpoint_url: Some(lab.endpoint()),
            proxy: ProxyUse::Direct,
            credentials: Some(StaticCredentials {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret_access_key.clone().into(),
            }),
            ..AwsOptions::default()
        }))
        .await
        .expect("a configuration");
        let keys =
            Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "tests");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(Lab::REGION))
            .endpoint_url(lab.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build();
        let world = Self { lab, aws, sdk };
        world.fault(FaultRequest { release_ms: Some(0), ..FaultRequest::default() });
        world
    }

    pub(crate) fn ec2(&self) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.sdk)
    }

    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.sdk)
    }

    pub(crate) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Makes something go wrong.
    pub(crate) fn fault(&self, fault: FaultRequest) {
        self.lab.faults().apply(fault).expect("a fault");
    }

    /// Refuses these actions and no others.
    pub(crate) fn deny(&self, actions: &[&str]) {
        let deny = Some(actions.iter().map(|&action| action.to_owned()).collect());
        self.fault(FaultRequest { deny, ..FaultRequest::default() });
    }

    /// How often each operation has been called.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.lab.state().api_calls
    }

    /// The operations that were called since, each once.
    pub(crate) fn called_since(&self, before: &BTreeMap<String, u64>) -> Vec<String> {
        let more = |(name, count): &(String, u64)| before.get(name).unwrap_or(&0) < count;
        self.calls().into_iter().filter(more).map(|(name, _)| name).collect()
    }

    /// What would be done.
    pub(crate) async fn plan(&self, desired: &Desired) -> Plan {
        let inventory = Box::pin(bastion::inventory(&self.aws, desired)).await;
        bastion::plan(&inventory.expect("an inventory"), desired).expect("a plan")
    }

    /// Sets up what is desired, as `adit init` does.
    pub(crate) async fn init(&self, desired: &Desired) -> Applied {
        let plan = self.plan(desired).await;
        let applied = Box::pin(bastion::apply(&self.aws, &plan, |_| ())).await;
        applied.expect("all is set up")
    }

    /// What is found to be removed.
    pub(crate) async fn leftovers(&self, scope: &Scope) -> Leftovers {
        bastion::find_leftovers(&self.aws, scope).await.expect("what is left")
    }

    /// Removes all that is found, as `adit cleanup` does.
    pub(crate) async fn cleanup(&self, scope: &Scope) -> (Leftovers, Removed) {
        let leftovers = self.leftovers(scope).await.without_what_is_in_use();
        let removed = Box::pin(bastion::remove(&self.aws, &leftovers, false, |_| ())).await;
        (leftovers, removed)
    }

    /// The same, after which nothing may be left.
    pub(crate) async fn cleanup_all(&self) {
        let (leftovers, removed) = self.cleanup(&Scope::default()).await;
        assert!(leftovers.kept.is_empty(), "{:#?}", leftovers.kept);
        assert!(removed.failed.is_empty(), "{:#?}", removed.failed);
        assert_eq!(self.census().await, census::Census::default());
    }
}

/// What is desired in a VPC when nothing special is asked for.
pub(crate) fn desired(vpc: &str, targets: &[Target]) -> Desired {
    Desired { vpc: vpc.to_owned(), targets: targets.to_vec(), options: Options::default() }
}
