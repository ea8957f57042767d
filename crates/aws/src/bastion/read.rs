//! Reading the inventory: mostly one round trip, as few calls need the answer of another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_ec2::types::{ArchitectureType, LocationType};
use aws_smithy_types::date_time::{DateTime, Format};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::find::{describe, tagged};
use super::plan::DEFAULT_TYPES;
use super::{Architecture, Desired, Inventory, Profile, Role};
use crate::error::{AwsError, AwsErrorKind, failed, from_sdk};
use crate::load::Aws;
use crate::naming;
use crate::network::describe_network;
use crate::tags::{self, Purpose, Tags};
use crate::wait::code;

/// Reads what stands, as far as a plan for `desired` needs it.
pub async fn inventory(aws: &Aws, desired: &Desired) -> Result<Inventory, AwsError> {
    let ec2 = aws_sdk_ec2::Client::new(&aws.sdk);
    let iam = aws_sdk_iam::Client::new(&aws.sdk);
    let vpc = desired.vpc.as_str();
    let wanted = desired.options.instance_type.as_deref();
    let needed = async {
        tokio::try_join!(
            caller(aws),
            describe_network(aws, vpc),
            describe(aws, &ec2, tagged(Some(vpc))),
        )
    };
    let identity = async { tokio::try_join!(roles(aws, &iam, vpc), profiles(aws, &iam, vpc)) };
    let machine = async {
        tokio::try_join!(
            types(aws, &ec2, wanted),
            offers(aws, &ec2, wanted),
            image(aws, Architecture::Arm64),
            image(aws, Architecture::X86),
        )
    };
    let (needed, identity, machine) =
        Box::pin(async { tokio::join!(needed, identity, machine) }).await;
    let (caller, network, bastions) = needed?;
    let mut inventory = Inventory {
        region: aws.region().to_owned(),
        caller,
        network,
        bastions,
        ..Inventory::default()
    };
    // What is only needed for a new bastion need not be known where one stands.
    let stands =
        inventory.bastions.iter().any(|one| one.state.is_usable() && inventory.is_own(one));
    match identity {
        Ok((roles, profiles)) => (inventory.roles, inventory.profiles) = (roles, profiles),
        Err(error) if stands && error.kind == AwsErrorKind::AccessDenied => {
            inventory.identity_unknown = Some(error.message);
        }
        Err(error) => return Err(error),
    }
    match machine {
        Ok((types, offers, arm, x86)) => {
            (inventory.types, inventory.offers) = (types, offers);
            inventory.images = [arm, x86].into_iter().flatten().collect();
        }
        Err(error) if stands => tracing::debug!(%error, "what a new bastion could be is not known"),
        Err(error) => return Err(error),
    }
    inventory.image_days = image_days(aws, &ec2, &inventory).await;
    Ok(inventory)
}

/// The age of the images of standing bastions that are not the newest; what cannot be found out stays
/// unknown.
async fn image_days(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    inventory: &Inventory,
) -> BTreeMap<String, u32> {
    let newest: BTreeSet<_> = inventory.images.values().collect();
    let usable = inventory.bastions.iter().filter(|one| one.state.is_usable());
    let old: BTreeSet<_> =
        usable.map(|one| &one.image).filter(|image| !newest.contains(image)).cloned().collect();
    if newest.is_empty() || old.is_empty() {
        return BTreeMap::new();
    }
    let call = ec2.describe_images().set_image_ids(Some(old.into_iter().collect()));
    let answer = match call.send().await.map_err(failed(aws, "DescribeImages")) {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "the age of images is not known");
            return BTreeMap::new();
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = |made: &str| {
        let made = DateTime::from_str(made, Format::DateTime).ok()?.secs();
        u32::try_from(now.checked_sub(made.try_into().ok()?)? / 86_400).ok()
    };
    let age = |image: &aws_sdk_ec2::types::Image| {
        Some((image.image_id()?.to_owned(), image.creation_date().and_then(days)?))
    };
    answer.images().iter().filter_map(age).collect()
}

/// The ARN of who asks: what is made says who made it.
pub(super) async fn caller(aws: &Aws) -> Result<String, AwsError> {
    let answer = aws_sdk_sts::Client::new(&aws.sdk).get_caller_identity().send().await;
    let answer = answer.map_err(|error| from_sdk("GetCallerIdentity", &aws.place(), &error))?;
    Ok(answer.arn.unwrap_or_default())
}

/// The roles under our names. Mostly the first is ours; else ours may be any of the others, also when
/// the first has become free.
async fn roles(aws: &Aws, iam: &aws_sdk_iam::Client, vpc: &str) -> Result<Vec<Role>, AwsError> {
    let name = naming::role(vpc);
    let first = find_with_policy(aws, iam, &name).await?;
    if first.as_ref().is_some_and(|role| tags::is_of(&role.tags, Purpose::Role, vpc)) {
        return Ok(first.into_iter().collect());
    }
    let names: Vec<_> = naming::candidates(&name).skip(1).collect();
    let others = try_join_all(names.iter().map(|name| find_with_policy(aws, iam, name))).await?;
    Ok(first.into_iter().chain(others.into_iter().flatten()).collect())
}

async fn find_with_policy(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    name: &str,
) -> Result<Option<Role>, AwsError> {
    let (role, has_policy) =
        tokio::try_join!(find_role(aws, iam, name), has_policy(aws, iam, name))?;
    Ok(role.map(|role| Role { has_policy, ..role }))
}

/// A role by its name, without a word on its policy.
pub(super) async fn find_role(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    name: &str,
) -> Result<Option<Role>, AwsError> {
    let answer = iam.get_role().role_name(name).send().await;
    let answer = match answer.map_err(|error| from_sdk("GetRole", &aws.place(), &error)) {
        Ok(answer) => answer,
        Err(error) if code(&error) == "NoSuchEntity" => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(answer.role.map(|role| Role {
        tags: iam_tags(role.tags()),
        boundary: role.permissions_boundary.and_then(|one| one.permissions_boundary_arn),
        name: role.role_name,
        has_policy: false,
    }))
}

async fn has_policy(aws: &Aws, iam: &aws_sdk_iam::Client, role: &str) -> Result<bool, AwsError> {
    let call = iam.get_role_policy().role_name(role).policy_name(naming::POLICY);
    match call.send().await.map_err(|error| from_sdk("GetRolePolicy", &aws.place(), &error)) {
        Ok(answer) => Ok(is_policy(&answer.policy_document)),
        Err(error) if code(&error) == "NoSuchEntity" => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a document as IAM gives it, percent-encoded, is ours.
fn is_policy(document: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(document).decode_utf8_lossy();
    serde_json::from_str::<Value>(&decoded).is_ok_and(|value| value == policy())
}

/// What the agent needs for sessions, and no more: no documents, parameters, buckets or logs.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html>
pub(super) fn policy() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": [
                "ssm:UpdateInstanceInformation",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": "*",
        }],
    })
}

/// The instance profiles under our names, in the same way.
async fn profiles(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    vpc: &str,
) -> Result<Vec<Profile>, AwsError> {
    let name = naming::role(vpc);
    let first = find_profile(aws, iam, &name).await?;
    if first.as_ref().is_some_and(|one| tags::is_of(&one.tags, Purpose::Profile, vpc)) {
        return Ok(first.into_iter().collect());
    }
    let names: Vec<_> = naming::candidates(&name).skip(1).collect();
    let others = try_join_all(names.iter().map(|name| find_profile(aws, iam, name))).await?;
    Ok(first.into_iter().chain(others.into_iter().flatten()).collect())
}

/// An instance profile by its name.
pub(super) async fn find_profile(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    name: &str,
) -> Result<Option<Profile>, AwsError> {
    let answer = iam.get_instance_profile().instance_profile_name(name).send().await;
    let answer = match answer.map_err(|error| from_sdk("GetInstanceProfile", &aws.place(), &error))
    {
        Ok(answer) => answer,
        Err(error) if code(&error) == "NoSuchEntity" => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(answer.instance_profile.map(|profile| Profile {
        tags: iam_tags(profile.tags()),
        role: profile.roles.into_iter().next().map(|role| role.role_name),
        name: profile.instance_profile_name,
        id: profile.instance_profile_id,
    }))
}

pub(super) fn iam_tags(tags: &[aws_sdk_iam::types::Tag]) -> Tags {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// The architecture of the types that come into question. Those of our own choice are known.
async fn types(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    wanted: Option<&str>,
) -> Result<BTreeMap<String, Architecture>, AwsError> {
    let Some(wanted) = wanted else {
        let [arm, x86] = DEFAULT_TYPES.map(str::to_owned);
        return Ok([(arm, Architecture::Arm64), (x86, Architecture::X86)].into());
    };
    let answer = ec2.describe_instance_types().instance_types(wanted.into()).send().await;
    let answer =
        match answer.map_err(|error| from_sdk("DescribeInstanceTypes", &aws.place(), &error)) {
            Ok(answer) => answer,
            Err(error) if code(&error) == "InvalidInstanceType" => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
    let architecture = |info: &aws_sdk_ec2::types::InstanceTypeInfo| {
        let supported = info.processor_info()?.supported_architectures();
        if supported.contains(&ArchitectureType::Arm64) {
            Some(Architecture::Arm64)
        } else if supported.contains(&ArchitectureType::X8664) {
            Some(Architecture::X86)
        } else {
            None
        }
    };
    let known = answer.instance_types().iter().filter_map(architecture);
    Ok(known.map(|architecture| (wanted.to_owned(), architecture)).collect())
}

/// The zones that offer each of the types that come into question.
async fn offers(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    wanted: Option<&str>,
) -> Result<BTreeMap<String, BTreeSet<String>>, AwsError> {
    let types = wanted.map_or(DEFAULT_TYPES.to_vec(), |one| vec![one]);
    let any = aws_sdk_ec2::types::Filter::builder()
        .name("instance-type")
        .set_values(Some(types.into_iter().map(str::to_owned).collect()));
    let call = ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone)
        .filters(any.build());
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer =
        answer.map_err(|error| from_sdk("DescribeInstanceTypeOfferings", &aws.place(), &error))?;
    let mut offers = BTreeMap::<_, BTreeSet<_>>::new();
    for offer in answer {
        if let (Some(name), Some(zone)) = (offer.instance_type, offer.location) {
            offers.entry(name.as_str().to_owned()).or_default().insert(zone);
        }
    }
    Ok(offers)
}

/// The newest image of Amazon Linux 2023; `None` in a region that has none for the architecture.
/// <https://docs.aws.amazon.com/linux/al2023/ug/ec2.html>
async fn image(
    aws: &Aws,
    architecture: Architecture,
) -> Result<Option<(Architecture, String)>, AwsError> {
    let name = format!(
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}",
        architecture.as_str()
    );
    let answer = aws_sdk_ssm::Client::new(&aws.sdk).get_parameter().name(name).send().await;
    match answer.map_err(|error| from_sdk("GetParameter", &aws.place(), &error)) {
        Ok(answer) => {
            let value = answer.parameter.and_then(|parameter| parameter.value);
            Ok(value.map(|image| (architecture, image)))
        }
        Err(error) if code(&error) == "ParameterNotFound" => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_gives_policies_percent_encoded() {
        let document = policy().to_string();
        let encoded =
            percent_encoding::utf8_percent_encode(&document, percent_encoding::NON_ALPHANUMERIC);
        assert!(is_policy(&encoded.to_string()));
        assert!(is_policy(&document));
        let changed = document.replace("ssm:UpdateInstanceInformation", "ssm:*");
        assert!(!is_policy(&changed));
        assert!(!is_policy("%7B"));
    }
}
