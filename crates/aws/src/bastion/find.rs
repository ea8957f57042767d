//! The bastions there are.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;
use aws_smithy_types::date_time::DateTime;

use super::evidence::{has_own_profile, is_marked, lets_in_what_it_should};
use super::{Bastion, State, by_preference};
use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::load::Aws;
use crate::network::{describe_groups, filter, filter_tag, tag_map};
use crate::tags::{self, Purpose};

/// The bastions that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bastions {
    /// Those that adit made. The one that should be used stands first among those of its VPC.
    pub own: Vec<Bastion>,
    /// Those that are only tagged as such: they have neither adit's instance profile nor its security
    /// group, so they are not used.
    pub strangers: Vec<Bastion>,
}

/// The bastions of the region, or of one VPC, that are not gone; mostly in one call.
pub async fn find(aws: &Aws, vpc: Option<&str>) -> Result<Bastions, AwsError> {
    find_own(aws, &Client::new(&aws.sdk), vpc).await
}

/// The same with a client that is there.
pub(super) async fn find_own(
    aws: &Aws,
    client: &Client,
    vpc: Option<&str>,
) -> Result<Bastions, AwsError> {
    let mut tagged = describe(aws, client, tagged(vpc)).await?;
    tagged.retain(|bastion| bastion.state.is_usable());
    let (mut own, mut strangers): (Vec<_>, Vec<_>) = tagged.into_iter().partition(has_own_profile);
    // Those whose profile was taken away are known by their group, which has to be looked at.
    let ids: BTreeSet<_> = strangers.iter().flat_map(|one| &one.groups).cloned().collect();
    if !ids.is_empty() {
        let ids = sdk::Filter::builder()
            .name("group-id")
            .set_values(Some(ids.into_iter().collect()))
            .build();
        let groups = match describe_groups(aws, client, vec![ids]).await {
            Err(error) if error.kind == AwsErrorKind::AccessDenied => Vec::new(),
            other => other?,
        };
        let has_group = |bastion: &Bastion| {
            groups.iter().any(|group| {
                bastion.groups.contains(&group.id)
                    && is_marked(group, Purpose::Group, &bastion.vpc, None)
                    && lets_in_what_it_should(group, Purpose::Group)
            })
        };
        let (proven, rest): (Vec<_>, Vec<_>) = strangers.into_iter().partition(has_group);
        own.extend(proven);
        strangers = rest;
        by_preference(&mut own);
    }
    Ok(Bastions { own, strangers })
}

/// The filters for the bastions of one VPC, or of all.
pub(super) fn tagged(vpc: Option<&str>) -> Vec<sdk::Filter> {
    let mut filters = vec![filter_tag(tags::PURPOSE, Purpose::Bastion.as_str())];
    filters.extend(vpc.map(|vpc| filter("vpc-id", vpc)));
    filters
}

/// The instances that pass all of `filters`, as bastions, in the order of preference.
pub(super) async fn describe(
    aws: &Aws,
    client: &Client,
    filters: Vec<sdk::Filter>,
) -> Result<Vec<Bastion>, AwsError> {
    let mut bastions = Vec::new();
    let call = client.describe_instances().set_filters(Some(filters));
    let mut pages = call.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| from_sdk("DescribeInstances", &aws.place(), &error))?;
        let reservations = page.reservations.unwrap_or_default();
        let instances = reservations.into_iter().flat_map(|one| one.instances.unwrap_or_default());
        bastions.extend(instances.map(bastion));
    }
    by_preference(&mut bastions);
    Ok(bastions)
}

/// One instance, whoever made it; `None` when there is none of that id.
pub(super) async fn describe_one(
    aws: &Aws,
    client: &Client,
    id: &str,
) -> Result<Option<Bastion>, AwsError> {
    Ok(describe(aws, client, vec![filter("instance-id", id)]).await?.into_iter().next())
}

/// An instance of the SDK as ours.
pub(super) fn bastion(instance: sdk::Instance) -> Bastion {
    let tags = tag_map(instance.tags());
    let attached = root_attached(&instance);
    let profile = instance.iam_instance_profile;
    Bastion {
        attached,
        state_reason: instance.state_reason.as_ref().and_then(reason),
        state: instance
            .state
            .and_then(|state| state.name)
            .map_or(State::Pending, |name| state(&name)),
        launched: instance.launch_time.as_ref().map(utc).unwrap_or_default(),
        vpc: instance.vpc_id.unwrap_or_default(),
        subnet: instance.subnet_id.unwrap_or_default(),
        zone: instance.placement.and_then(|place| place.availability_zone).unwrap_or_default(),
        instance_type: instance
            .instance_type
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        image: instance.image_id.unwrap_or_default(),
        public_ip: instance.public_ip_address,
        profile: profile.as_ref().and_then(|profile| profile.arn.clone()),
        profile_id: profile.and_then(|profile| profile.id),
        groups: instance
            .security_groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| group.group_id)
            .collect(),
        owner: tags.get(tags::OWNER).cloned(),
        id: instance.instance_id.unwrap_or_default(),
    }
}

/// When the root volume was attached.
fn root_attached(instance: &sdk::Instance) -> Option<String> {
    let root = instance.root_device_name();
    let is_root = |one: &&sdk::InstanceBlockDeviceMapping| one.device_name() == root;
    let mapping = instance.block_device_mappings().iter().find(is_root)?;
    mapping.ebs()?.attach_time().map(utc)
}

/// Code and text, which mostly begins with the code.
fn reason(reason: &sdk::StateReason) -> Option<String> {
    let (code, text) = (reason.code().unwrap_or_default(), reason.message().unwrap_or_default());
    let told = if text.is_empty() { code } else { text };
    match (told.is_empty(), told.starts_with(code)) {
        (true, _) => None,
        (false, true) => Some(told.to_owned()),
        (false, false) => Some(format!("{code}: {told}")),
    }
}

fn state(name: &sdk::InstanceStateName) -> State {
    match name {
        sdk::InstanceStateName::Running => State::Running,
        sdk::InstanceStateName::Stopping => State::Stopping,
        sdk::InstanceStateName::Stopped => State::Stopped,
        sdk::InstanceStateName::ShuttingDown => State::ShuttingDown,
        sdk::InstanceStateName::Terminated => State::Terminated,
        _ => State::Pending,
    }
}

/// A time in whole seconds, so that the texts sort as the times do.
pub(super) fn utc(time: &DateTime) -> String {
    let seconds = DateTime::from_secs(time.secs());
    seconds.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap_or_default()
}
