//! The single removals. What is gone already counts as removed.

use std::time::Duration;

use super::in_use::live;
use super::{Removal, RemovalAction};
use crate::bastion::State;
use crate::bastion::find::describe_one;
use crate::bastion::progress::{Tell, Wait};
use crate::bastion::sessions::live_sessions;
use crate::error::{AwsError, AwsErrorKind, failed};
use crate::load::Aws;
use crate::network::{describe_endpoints, filter};
use crate::wait::{STATE_LIMIT, code, is_unseen, poll, retry};

/// How long the interfaces of a terminated instance or a deleted endpoint may hold a group.
const INTERFACES_LIMIT: Duration = Duration::from_mins(5);
/// How long IAM may think that something removed is still used.
const IAM_LIMIT: Duration = Duration::from_secs(30);

/// Removes one thing after the other.
pub(super) struct Undo<'a> {
    aws: &'a Aws,
    ec2: aws_sdk_ec2::Client,
    iam: aws_sdk_iam::Client,
}

impl<'a> Undo<'a> {
    pub(super) fn new(aws: &'a Aws) -> Self {
        Self {
            aws,
            ec2: aws_sdk_ec2::Client::new(&aws.sdk),
            iam: aws_sdk_iam::Client::new(&aws.sdk),
        }
    }

    /// Removes something; an instance is only told to go.
    pub(super) async fn begin(&self, removal: &Removal, tell: Tell<'_>) -> Result<(), AwsError> {
        match &removal.action {
            RemovalAction::TerminateInstance { instance } => self.terminate(instance).await,
            RemovalAction::RevokeRule { group, rule, is_egress } => {
                self.revoke(group, rule, *is_egress).await
            }
            RemovalAction::UntagRule { rule, keys } => self.untag(rule, keys).await,
            RemovalAction::DeleteEndpoint { endpoint } => {
                self.delete_endpoint(endpoint, tell).await
            }
            RemovalAction::DeleteEndpointGroup { group } | RemovalAction::DeleteGroup { group } => {
                self.delete_group(group, tell).await
            }
            RemovalAction::DeleteProfile { profile, role } => {
                self.delete_profile(profile, role.as_deref()).await
            }
            RemovalAction::DeleteRole { role } => self.delete_role(role).await,
        }
    }

    /// Why an instance is not to be terminated, as things stand at this moment: somebody may have
    /// begun to use it since it was found.
    pub(super) async fn use_of(&self, instance: &str) -> Option<String> {
        let now = match describe_one(self.aws, &self.ec2, instance).await {
            Ok(found) => found?,
            Err(error) => return Some(format!("whether it is in use is not known: {error}")),
        };
        match now.state {
            State::Pending => {
                Some(format!("{instance} is starting, as somebody is about to use it"))
            }
            State::Running => match live_sessions(self.aws, instance).await {
                Ok(0) => None,
                Ok(count) => Some(live(instance, count)),
                Err(error) => Some(format!("whether it is in use is not known: {error}")),
            },
            _ => None,
        }
    }

    async fn terminate(&self, instance: &str) -> Result<(), AwsError> {
        let answer = self.ec2.terminate_instances().instance_ids(instance).send().await;
        match gone_is_done(answer.map(drop).map_err(failed(self.aws, "TerminateInstances"))) {
            Err(error) if code(&error) == "OperationNotPermitted" => Err(error.hint(format!(
                "is it protected? aws ec2 modify-instance-attribute --instance-id {instance} --no-disable-api-termination"
            ))),
            other => other,
        }
    }

    pub(super) async fn until_terminated(
        &self,
        instance: &str,
        tell: Tell<'_>,
    ) -> Result<(), AwsError> {
        let wait =
            Wait::new(format!("the bastion {instance} to be terminated"), Duration::from_secs(45));
        let check = || async {
            let found = describe_one(self.aws, &self.ec2, instance).await?;
            let is_gone = found.is_none_or(|one| one.state == State::Terminated);
            Ok(is_gone.then_some(()))
        };
        match poll(STATE_LIMIT, check, || tell(wait.progress())).await? {
            Some(()) => Ok(()),
            None => Err(slow(&format!("the bastion {instance} is still not terminated"))),
        }
    }

    async fn revoke(&self, group: &str, rule: &str, is_egress: bool) -> Result<(), AwsError> {
        gone_is_done(if is_egress {
            let call = self.ec2.revoke_security_group_egress().group_id(group);
            let answer = call.security_group_rule_ids(rule).send().await;
            answer.map(drop).map_err(failed(self.aws, "RevokeSecurityGroupEgress"))
        } else {
            let call = self.ec2.revoke_security_group_ingress().group_id(group);
            let answer = call.security_group_rule_ids(rule).send().await;
            answer.map(drop).map_err(failed(self.aws, "RevokeSecurityGroupIngress"))
        })
    }

    async fn untag(&self, rule: &str, keys: &[String]) -> Result<(), AwsError> {
        let tags = keys.iter().map(|key| aws_sdk_ec2::types::Tag::builder().key(key).build());
        let call = self.ec2.delete_tags().resources(rule).set_tags(Some(tags.collect()));
        let answer = call.send().await;
        gone_is_done(answer.map(drop).map_err(failed(self.aws, "DeleteTags")))
    }

    async fn delete_endpoint(&self, endpoint: &str, tell: Tell<'_>) -> Result<(), AwsError> {
        let answer = self.ec2.delete_vpc_endpoints().vpc_endpoint_ids(endpoint).send().await;
        match answer.map_err(failed(self.aws, "DeleteVpcEndpoints")) {
            // The call succeeds also when it removed nothing.
            Ok(answer) => {
                let failure = answer.unsuccessful().first().and_then(|item| item.error());
                if let Some(failure) = failure {
                    let code = failure.code().unwrap_or_default();
                    let text = failure.message().unwrap_or_default();
                    let error = AwsError::new(
                        AwsErrorKind::Service { code: code.to_owned() },
                        format!("DeleteVpcEndpoints {} failed: {text} ({code})", self.aws.place()),
                    );
                    gone_is_done(Err(error))?;
                }
            }
            Err(error) => gone_is_done(Err(error))?,
        }
        let wait =
            Wait::new(format!("the endpoint {endpoint} to be deleted"), Duration::from_mins(1));
        let check = || async {
            let by_id = filter("vpc-endpoint-id", endpoint);
            let found = describe_endpoints(self.aws, &self.ec2, by_id).await?;
            let is_gone = found.iter().all(|one| one.state == "deleted");
            Ok(is_gone.then_some(()))
        };
        match poll(STATE_LIMIT, check, || tell(wait.progress())).await? {
            Some(()) => Ok(()),
            None => Err(slow(&format!("the endpoint {endpoint} is still being deleted"))),
        }
    }

    /// The interfaces of what had the group go a little later than it did.
    async fn delete_group(&self, group: &str, tell: Tell<'_>) -> Result<(), AwsError> {
        let call = || async {
            let answer = self.ec2.delete_security_group().group_id(group).send().await;
            answer.map_err(failed(self.aws, "DeleteSecurityGroup"))
        };
        let wait =
            Wait::new(format!("the network interfaces of {group} to go"), Duration::from_secs(30));
        let is_early = |error: &AwsError| {
            let is_early = code(error) == "DependencyViolation";
            if is_early {
                tell(wait.progress());
            }
            is_early
        };
        match gone_is_done(retry(INTERFACES_LIMIT, call, is_early).await.map(drop)) {
            Err(error) if code(&error) == "DependencyViolation" => Err(error.hint(format!(
                "aws ec2 describe-network-interfaces --filters Name=group-id,Values={group} shows what still has it"
            ))),
            other => other,
        }
    }

    async fn delete_profile(&self, profile: &str, role: Option<&str>) -> Result<(), AwsError> {
        if let Some(role) = role {
            let call = self
                .iam
                .remove_role_from_instance_profile()
                .instance_profile_name(profile)
                .role_name(role);
            let answer = call.send().await;
            gone_is_done(
                answer.map(drop).map_err(failed(self.aws, "RemoveRoleFromInstanceProfile")),
            )?;
        }
        let call = || async {
            let call = self.iam.delete_instance_profile().instance_profile_name(profile);
            call.send().await.map_err(failed(self.aws, "DeleteInstanceProfile"))
        };
        gone_is_done(retry(IAM_LIMIT, call, is_conflict).await.map(drop))
    }

    /// A role cannot go before its policies: ours, and those that somebody gave it.
    async fn delete_role(&self, role: &str) -> Result<(), AwsError> {
        let call = self.iam.list_role_policies().role_name(role);
        let inline: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        let inline = match inline.map_err(failed(self.aws, "ListRolePolicies")) {
            Err(error) if code(&error) == "NoSuchEntity" => return Ok(()),
            other => other?,
        };
        for policy in inline {
            let call = self.iam.delete_role_policy().role_name(role).policy_name(policy);
            let answer = call.send().await;
            gone_is_done(answer.map(drop).map_err(failed(self.aws, "DeleteRolePolicy")))?;
        }
        let call = self.iam.list_attached_role_policies().role_name(role);
        let attached: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        let attached = attached.map_err(failed(self.aws, "ListAttachedRolePolicies"))?;
        for arn in attached.into_iter().filter_map(|policy| policy.policy_arn) {
            let call = self.iam.detach_role_policy().role_name(role).policy_arn(arn);
            let answer = call.send().await;
            gone_is_done(answer.map(drop).map_err(failed(self.aws, "DetachRolePolicy")))?;
        }
        let call = || async {
            let answer = self.iam.delete_role().role_name(role).send().await;
            answer.map_err(failed(self.aws, "DeleteRole"))
        };
        gone_is_done(retry(IAM_LIMIT, call, is_conflict).await.map(drop))
    }
}

fn gone_is_done(result: Result<(), AwsError>) -> Result<(), AwsError> {
    match result {
        Err(error) if is_unseen(&error) => Ok(()),
        other => other,
    }
}

fn is_conflict(error: &AwsError) -> bool {
    code(error) == "DeleteConflict"
}

fn slow(text: &str) -> AwsError {
    AwsError::new(AwsErrorKind::Service { code: "StillThere".to_owned() }, text)
        .hint("`adit cleanup` again goes on from there")
}
