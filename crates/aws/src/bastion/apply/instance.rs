//! Steps on the instance: start one, and only one; give it its profile and groups.

use std::time::Duration;

use aws_sdk_ec2::types as sdk;
use base64::prelude::{BASE64_STANDARD, Engine};
use sdk::{ResourceType, ShutdownBehavior, VolumeType};

use super::group::tagged;
use super::{Launched, Run, out_of_tokens};
use crate::bastion::Bastion;
use crate::bastion::find::{Bastions, bastion, find_own};
use crate::bastion::plan::Launch;
use crate::bastion::progress::{Progress, Tell, Wait};
use crate::bastion::user_data::{UserDataOptions, user_data};
use crate::error::{AwsError, AwsErrorKind, failed};
use crate::network::filter;
use crate::wait::{CONSISTENCY, code, is_group_unseen, poll, retry};

/// The image is 2 GB, packages and logs take some more; 8 GiB is the image's own default.
const VOLUME_GIB: i32 = 8;
/// The root device of Amazon Linux.
const ROOT_DEVICE: &str = "/dev/xvda";

/// How many tokens are tried. Each names one instance for ever: those that were terminated use one
/// up for as long as their group stands.
const TOKENS: usize = 20;

/// How long an instance of somebody else's may stay unseen after its token told of it.
const OTHERS: Duration = Duration::from_secs(30);

impl Run<'_> {
    /// Starts the bastion, or takes the one that somebody has started since the plan was made.
    ///
    /// The token of the request is made from the id of the bastion's group, which is the VPC's one
    /// and lives as long as the bastion. So the same start twice, by one who was cut short or by two
    /// at once, is one instance, however long it takes until others see it.
    pub(super) async fn run_instance(
        &self,
        launch: &Launch,
        tell: Tell<'_>,
    ) -> Result<Launched, AwsError> {
        let Bastions { own, strangers } = self.tagged().await?;
        if let Some(other) = own.into_iter().next() {
            tell(Progress::Note { text: format!("{} stands already and is used", other.id) });
            return Ok(Launched { id: other.id, is_own: false });
        }
        if launch.needs_endpoints {
            self.until_endpoints_ready(tell).await?;
        }
        let group = self.group(&launch.group)?;
        for number in 1..=TOKENS {
            match self.request(launch, &group, &format!("adit-{group}-{number}"), tell).await {
                // Of a token of long ago: somebody has since taken from it what made it adit's.
                Ok(made) if strangers.iter().any(|stranger| stranger.id == made.id) => {}
                Ok(made) if made.state.is_usable() => {
                    let id = self.settle(made.id.clone(), false, tell).await?;
                    return Ok(Launched { is_own: id == made.id, id });
                }
                Ok(_) => {}
                Err(error) if code(&error) == "IdempotentInstanceTerminated" => {}
                // The token was used with other parameters: by somebody else, or for a newer image.
                Err(error) if code(&error) == "IdempotentParameterMismatch" => {
                    let find = || async { Ok(self.standing().await?.into_iter().next()) };
                    if let Some(other) = poll(OTHERS, find, || ()).await? {
                        return Ok(Launched { id: other.id, is_own: false });
                    }
                }
                Err(error) => return Err(explain(error, launch)),
            }
        }
        Err(out_of_tokens(
            "instance",
            "`adit cleanup` removes the security group that the tokens are made from",
        ))
    }

    /// The bastions that others see now, oldest first.
    async fn standing(&self) -> Result<Vec<Bastion>, AwsError> {
        Ok(self.tagged().await?.own)
    }

    /// The same, with those that only say that they are bastions.
    async fn tagged(&self) -> Result<Bastions, AwsError> {
        let mut tagged = find_own(self.aws, &self.ec2, Some(self.vpc)).await?;
        tagged.own.sort_by(|a, b| (a.made(), &a.id).cmp(&(b.made(), &b.id)));
        Ok(tagged)
    }

    /// Of two bastions that were made at once, the older stays, and each removes at most their own:
    /// `made` is what this run made. That everybody sees the same order, it takes the time of each
    /// one's volume, which has to be there; `waits` for that where it can wait.
    pub(super) async fn settle(
        &self,
        made: String,
        waits: bool,
        tell: Tell<'_>,
    ) -> Result<String, AwsError> {
        let all_attached = || async {
            let standing = self.standing().await?;
            Ok(standing.iter().all(|one| one.attached.is_some()).then_some(standing))
        };
        let standing = if waits {
            poll(CONSISTENCY, all_attached, || ()).await?
        } else {
            all_attached().await?
        };
        let Some(standing) = standing else { return Ok(made) };
        let Some(oldest) = standing.first() else { return Ok(made) };
        if oldest.id == made || !standing.iter().any(|one| one.id == made) {
            return Ok(made);
        }
        let answer = self.ec2.terminate_instances().instance_ids(&made).send().await;
        answer.map_err(failed(self.aws, "TerminateInstances"))?;
        tell(Progress::Note {
            text: format!("{} was made at the same time and is used; {made} is removed", oldest.id),
        });
        Ok(oldest.id.clone())
    }

    async fn request(
        &self,
        launch: &Launch,
        group: &str,
        token: &str,
        tell: Tell<'_>,
    ) -> Result<Bastion, AwsError> {
        let profile = sdk::IamInstanceProfileSpecification::builder().name(&launch.profile).build();
        let metadata = sdk::InstanceMetadataOptionsRequest::builder()
            .http_endpoint(sdk::InstanceMetadataEndpointState::Enabled)
            .http_tokens(sdk::HttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .build();
        let volume = sdk::EbsBlockDevice::builder()
            .volume_type(VolumeType::Gp3)
            .volume_size(VOLUME_GIB)
            .encrypted(true)
            .delete_on_termination(true)
            .build();
        let device =
            sdk::BlockDeviceMapping::builder().device_name(ROOT_DEVICE).ebs(volume).build();
        let interface = sdk::InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(&launch.subnet)
            .groups(group)
            .associate_public_ip_address(launch.public_ip)
            .delete_on_termination(true)
            .build();
        let idle_minutes = launch.idle_minutes;
        let text = user_data(&UserDataOptions { idle_minutes, patch: true });
        let text = BASE64_STANDARD.encode(text);
        let call = || async {
            let mut call = self
                .ec2
                .run_instances()
                .image_id(&launch.image)
                .instance_type(launch.instance_type.as_str().into())
                .min_count(1)
                .max_count(1)
                .client_token(token)
                .iam_instance_profile(profile.clone())
                .metadata_options(metadata.clone())
                .block_device_mappings(device.clone())
                .network_interfaces(interface.clone())
                .user_data(&text)
                // It stops itself, and stays startable.
                .instance_initiated_shutdown_behavior(ShutdownBehavior::Stop);
            for kind in
                [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface]
            {
                call = call.tag_specifications(tagged(kind, &launch.tags));
            }
            call.send().await.map_err(failed(self.aws, "RunInstances"))
        };
        let wait = Wait::new(
            format!("EC2 to know the instance profile {}", launch.profile),
            Duration::from_secs(10),
        );
        let is_early = |error: &AwsError| {
            let is_early = is_profile_unseen(error) || is_group_unseen(error);
            if is_early {
                tell(wait.progress());
            }
            is_early
        };
        let answer = retry(CONSISTENCY, call, is_early).await?;
        let made = answer.instances.unwrap_or_default().into_iter().next();
        made.map(bastion).ok_or_else(|| {
            AwsError::new(
                AwsErrorKind::Service { code: "IncompleteAnswer".to_owned() },
                format!("RunInstances {} answered without an instance", self.aws.place()),
            )
        })
    }

    pub(super) async fn set_profile(&self, instance: &str, profile: &str) -> Result<(), AwsError> {
        let call = || async {
            let wanted = sdk::IamInstanceProfileSpecification::builder().name(profile).build();
            if let Some(id) = self.association(instance).await? {
                let call = self
                    .ec2
                    .replace_iam_instance_profile_association()
                    .association_id(id)
                    .iam_instance_profile(wanted);
                let answer = call.send().await.map(drop);
                return answer.map_err(failed(self.aws, "ReplaceIamInstanceProfileAssociation"));
            }
            let call = self
                .ec2
                .associate_iam_instance_profile()
                .instance_id(instance)
                .iam_instance_profile(wanted);
            let answer = call.send().await.map(drop);
            answer.map_err(failed(self.aws, "AssociateIamInstanceProfile"))
        };
        // `IncorrectState`: it got a profile between our two calls.
        let is_early =
            |error: &AwsError| is_profile_unseen(error) || code(error) == "IncorrectState";
        retry(CONSISTENCY, call, is_early).await
    }

    /// The association through which an instance has its profile.
    async fn association(&self, instance: &str) -> Result<Option<String>, AwsError> {
        let states =
            sdk::Filter::builder().name("state").values("associating").values("associated");
        let call = self
            .ec2
            .describe_iam_instance_profile_associations()
            .filters(filter("instance-id", instance))
            .filters(states.build());
        let answer = call.send().await;
        let answer = answer.map_err(failed(self.aws, "DescribeIamInstanceProfileAssociations"))?;
        let associations = answer.iam_instance_profile_associations.unwrap_or_default();
        Ok(associations.into_iter().find_map(|one| one.association_id))
    }

    pub(super) async fn set_groups(
        &self,
        instance: &str,
        groups: Vec<String>,
    ) -> Result<(), AwsError> {
        let call = || async {
            let call = self
                .ec2
                .modify_instance_attribute()
                .instance_id(instance)
                .set_groups(Some(groups.clone()));
            call.send().await.map_err(failed(self.aws, "ModifyInstanceAttribute"))
        };
        retry(CONSISTENCY, call, is_group_unseen).await.map(drop)
    }
}

/// Whether EC2 does not know the profile yet, or not yet that it has a role.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>
fn is_profile_unseen(error: &AwsError) -> bool {
    let text = error.message.to_lowercase();
    code(error) == "InvalidParameterValue"
        && (text.contains("iaminstanceprofile") || text.contains("instance profile"))
}

/// What the usual refusals mean for a bastion.
fn explain(error: AwsError, launch: &Launch) -> AwsError {
    match code(&error) {
        "InsufficientInstanceCapacity" | "Unsupported" => error.hint(format!(
            "the zone of {} has no {} now: choose another with --subnet or --instance-type",
            launch.subnet, launch.instance_type
        )),
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => error
            .hint("the account's quota of running instances is used up: Service Quotas raises it"),
        "InsufficientFreeAddressesInSubnet" => error.hint("choose another subnet with --subnet"),
        _ => error,
    }
}
