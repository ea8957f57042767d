//! EC2 instances: any port of one, at its private address.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{Instance, Reservation};

use super::entry::{Entry, tags as pairs};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;
use crate::network::{filter, filter_tag, living};
use crate::tags::{self, Purpose};

/// The instances that `spec` means: one call. What is no instance id is taken for a name.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    let call = Client::new(&aws.sdk).describe_instances();
    let call = match (&spec.select, find::name(&spec.select)) {
        (_, Some(id)) if id.starts_with("i-") => call.instance_ids(id),
        (Selector::Tag { key, value }, _) => call.filters(filter_tag(key, value)).filters(living()),
        (_, name) => call.filters(filter("tag:Name", name.unwrap_or_default())).filters(living()),
    };
    let pages = call.into_paginator().items().send();
    let reservations: Result<Vec<_>, _> = Box::pin(pages.collect()).await;
    match reservations {
        Ok(all) => Ok(all.iter().flat_map(Reservation::instances).map(entry).collect()),
        Err(error) if find::is_missing(error.code()) => Ok(Vec::new()),
        Err(error) => Err(failed(aws, "DescribeInstances")(error)),
    }
}

/// All instances but bastions of adit's own, which are what leads to targets.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Entry>, AwsError> {
    let call = Client::new(&aws.sdk).describe_instances().filters(living());
    let reservations: Result<Vec<_>, _> =
        Box::pin(call.into_paginator().items().send().collect()).await;
    let reservations = reservations.map_err(failed(aws, "DescribeInstances"))?;
    let mut entries: Vec<Entry> =
        reservations.iter().flat_map(Reservation::instances).map(entry).collect();
    entries.retain(|entry| !tags::is(&entry.found.tags, Purpose::Bastion));
    Ok(entries)
}

fn entry(instance: &Instance) -> Entry {
    let mut entry = Entry::new(Kind::Ec2, instance.instance_id().unwrap_or_default());
    entry.groups(instance.security_groups().iter().map(|group| group.group_id()));
    entry.zones([instance.placement().and_then(|place| place.availability_zone())]);
    let found = &mut entry.found;
    found.host = instance.private_ip_address().or(instance.ipv6_address()).map(str::to_owned);
    found.vpc = instance.vpc_id().map(str::to_owned);
    found.status =
        instance.state().and_then(|state| state.name()).map(|name| name.as_str().to_owned());
    found.tags = pairs(instance.tags().iter().map(|tag| (tag.key(), tag.value())));
    found.name = found.tags.get("Name").cloned();
    if instance.private_ip_address().is_none() && instance.ipv6_address().is_some() {
        entry.warnings.push(
            "it has an IPv6 address only, which a bastion does not reach unless its own subnet has IPv6"
                .to_owned(),
        );
    }
    entry
}
