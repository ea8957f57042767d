//! From the user's settings to AWS.

use adit_aws::{Aws, AwsOptions, ProxyUse};

use crate::failure::Failure;
use crate::settings::Access;

/// Resolves region, credentials and endpoint; no AWS call is made.
pub(crate) async fn load(access: &Access) -> Result<Aws, Failure> {
    let options = AwsOptions {
        profile: access.profile.clone(),
        region: access.region.clone(),
        endpoint_url: access.endpoint_url.clone(),
        ca_bundles: access.ca_bundle.iter().cloned().collect(),
        proxy: ProxyUse::Environment,
        clock: access.clock.clone(),
        ..AwsOptions::default()
    };
    Ok(Box::pin(adit_aws::load(options)).await?)
}
