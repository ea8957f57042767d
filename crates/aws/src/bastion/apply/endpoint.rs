//! Making endpoints.

use std::time::Duration;

use aws_sdk_ec2::types::{ResourceType, VpcEndpointType};

use super::group::tagged;
use super::{Run, out_of_tokens};
use crate::bastion::progress::{Tell, Wait};
use crate::error::{AwsError, AwsErrorKind, failed};
use crate::network::{SERVICES, describe_endpoints, filter};
use crate::tags::Tags;
use crate::wait::{CONSISTENCY, STATE_LIMIT, code, is_group_unseen, poll, retry};

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
                answer.map_err(failed(self.aws, "CreateVpcEndpoint"))
            };
            match retry(CONSISTENCY, call, is_group_unseen).await {
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
        Err(last.unwrap_or_else(|| out_of_tokens(
            "endpoint",
            "`adit cleanup` removes the security group of the endpoints, which the tokens are made from",
        )))
    }

    /// Waits until the VPC's endpoints answer: an agent that finds nobody at its first start tries
    /// again only after minutes.
    pub(super) async fn until_endpoints_ready(&self, tell: Tell<'_>) -> Result<(), AwsError> {
        let wait = Wait::new("the endpoints to be ready", Duration::from_secs(90));
        let check = || async {
            let endpoints =
                describe_endpoints(self.aws, &self.ec2, filter("vpc-id", self.vpc)).await?;
            let is_ready = |service: &&str| {
                endpoints.iter().any(|one| one.serves(service) && one.state == "available")
            };
            Ok(SERVICES.iter().all(is_ready).then_some(()))
        };
        match poll(STATE_LIMIT, check, || tell(wait.progress())).await? {
            Some(()) => Ok(()),
            None => Err(AwsError::new(
                AwsErrorKind::Service { code: "NotReady".to_owned() },
                format!("the endpoints of {} are still not ready", self.vpc),
            )
            .hint(format!(
                "aws ec2 describe-vpc-endpoints --filters Name=vpc-id,Values={} shows their state",
                self.vpc
            ))),
        }
    }

    /// The endpoint that the VPC has for `service` now.
    async fn serving(&self, service: &str) -> Result<Option<String>, AwsError> {
        let endpoints = describe_endpoints(self.aws, &self.ec2, filter("vpc-id", self.vpc)).await?;
        Ok(endpoints.into_iter().find(|one| one.serves(service)).map(|one| one.id))
    }
}
