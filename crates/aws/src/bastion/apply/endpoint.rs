//! Making endpoints.

use aws_sdk_ec2::types::{ResourceType, VpcEndpointType};

use super::Run;
use super::group::tagged;
use crate::error::AwsError;
use crate::network::{describe_endpoints, filter};
use crate::tags::Tags;
use crate::wait::{CONSISTENCY, code, is_unseen, retry};

/// How many tokens are tried: each names one endpoint, and those that were removed by hand stay
/// known to the service for a while.
const TOKENS: usize = 5;

impl Run<'_> {
    /// Makes an endpoint, or takes the one that is there; gives its id.
    pub(super) async fn create_endpoint(
        &self,
        service: &str,
        subnet: &str,
        group: &str,
        tags: &Tags,
    ) -> Result<String, AwsError> {
        let name = service.rsplit('.').next().unwrap_or(service);
        let mut last = None;
        for number in 1..=TOKENS {
            let token = format!("adit-{name}-{group}-{number}");
            let call = || async {
                let call = self
                    .ec2
                    .create_vpc_endpoint()
                    .vpc_endpoint_type(VpcEndpointType::Interface)
                    .vpc_id(self.vpc)
                    .service_name(service)
                    .subnet_ids(subnet)
                    .security_group_ids(group)
                    .private_dns_enabled(true)
                    .client_token(&token)
                    .tag_specifications(tagged(ResourceType::VpcEndpoint, tags));
                let answer = call.send().await;
                answer.map_err(|error| self.told("CreateVpcEndpoint", &error))
            };
            match retry(CONSISTENCY, call, is_unseen).await {
                Ok(answer) => {
                    let endpoint = answer
                        .vpc_endpoint
                        .unwrap_or_else(|| aws_sdk_ec2::types::VpcEndpoint::builder().build());
                    let state = endpoint.state().map(|state| state.as_str().to_lowercase());
                    let is_gone = matches!(state.as_deref(), Some("deleted" | "deleting"));
                    if !is_gone {
                        return Ok(endpoint.vpc_endpoint_id.unwrap_or_default());
                    }
                }
                // Another endpoint for the same names, or another request under the same token:
                // somebody else was quicker.
                Err(error)
                    if matches!(
                        code(&error),
                        "InvalidParameter" | "IdempotentParameterMismatch"
                    ) =>
                {
                    if let Some(id) = self.serving(name).await? {
                        return Ok(id);
                    }
                    if code(&error) == "InvalidParameter" {
                        return Err(error);
                    }
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| super::instance::out_of_tokens("endpoint")))
    }

    /// The endpoint that the VPC has for `service` now.
    async fn serving(&self, service: &str) -> Result<Option<String>, AwsError> {
        let endpoints = describe_endpoints(self.aws, &self.ec2, filter("vpc-id", self.vpc)).await?;
        Ok(endpoints.into_iter().find(|one| one.serves(service)).map(|one| one.id))
    }
}
