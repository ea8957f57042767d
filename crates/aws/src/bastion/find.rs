//! The bastions there are.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;
use aws_smithy_types::date_time::DateTime;

use super::{Bastion, State, by_preference};
use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::load::Aws;
use crate::network::{filter, filter_tag, tag_map};
use crate::tags::{self, Purpose};

/// The bastions of the region, or of one VPC, that are not gone; in one call. The one that should be
/// used stands first among those of its VPC.
pub async fn find(aws: &Aws, vpc: Option<&str>) -> Result<Vec<Bastion>, AwsError> {
    let mut bastions = describe(aws, &Client::new(&aws.sdk), tagged(vpc)).await?;
    bastions.retain(|bastion| bastion.state.is_usable());
    Ok(bastions)
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
    let profile = instance.iam_instance_profile;
    Bastion {
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

/// How long an instance may take from one state to the next before something is wrong.
pub(super) const STATE_LIMIT: Duration = Duration::from_mins(10);

/// A request that lacks what it must have, which is our fault.
pub(super) fn unbuilt(error: &aws_smithy_types::error::operation::BuildError) -> AwsError {
    AwsError::new(AwsErrorKind::Internal, format!("a request could not be made: {error}"))
}
