//! Subnet groups: where databases are.

use super::checks::{arn, invalid, page, subnets, tags};
use super::store::{State, SubnetGroup};
use crate::cloud::place::Place;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, list, node};

pub(super) fn missing(name: &str) -> CloudError {
    let message = format!("DB subnet group '{name}' does not exist.");
    CloudError::new(404, "DBSubnetGroupNotFoundFault", message)
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let name = params.required("DBSubnetGroupName")?.to_ascii_lowercase();
    let description = params.required("DBSubnetGroupDescription")?.to_owned();
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    if name == "default" || name.len() > 255 || !name.chars().all(allowed) {
        return Err(invalid(format!(
            "The parameter DBSubnetGroupName is not valid: {name}. It must contain no more than \
             255 letters, numbers, periods, underscores, spaces, or hyphens, and must not be \
             default."
        )));
    }
    let (vpc, places) = subnets(ec2, call, "SubnetIds")?;
    let mut zones: Vec<_> = places.iter().map(|place| place.zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    if zones.len() < 2 {
        let message = format!(
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. \
             Current AZ coverage: {}. Add subnets to cover at least 2 AZs.",
            zones.join(", ")
        );
        return Err(CloudError::refuse("DBSubnetGroupDoesNotCoverEnoughAZs", message));
    }
    if state.subnet_groups.contains_key(&name) {
        let message = format!("The DB subnet group '{name}' already exists.");
        return Err(CloudError::refuse("DBSubnetGroupAlreadyExists", message));
    }
    let group =
        SubnetGroup { name: name.clone(), description, vpc, subnets: places, tags: tags(params)? };
    let shown = shown("DBSubnetGroup", &group);
    state.subnet_groups.insert(name, group);
    Ok(answer().with(shown))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let named = call.params.get("DBSubnetGroupName").map(str::to_ascii_lowercase);
    if let Some(name) = named.as_ref().filter(|name| !state.subnet_groups.contains_key(*name)) {
        return Err(missing(name));
    }
    let wanted = |group: &&SubnetGroup| named.as_ref().is_none_or(|name| *name == group.name);
    let groups = state.subnet_groups.values().filter(wanted);
    page(call, "DBSubnetGroups", groups.map(|group| shown("DBSubnetGroup", group)).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = call.params.required("DBSubnetGroupName")?.to_ascii_lowercase();
    if !state.subnet_groups.contains_key(&name) {
        return Err(missing(&name));
    }
    let used = state.instances.values().map(|one| &one.subnet_group);
    if used.chain(state.clusters.values().map(|one| &one.subnet_group)).any(|one| *one == name) {
        let message = format!(
            "Cannot delete the subnet group '{name}' because at least one database instance is \
             still using it."
        );
        return Err(CloudError::refuse("InvalidDBSubnetGroupStateFault", message));
    }
    state.subnet_groups.remove(&name);
    Ok(answer())
}

pub(super) fn shown(name: &'static str, group: &SubnetGroup) -> Element {
    let subnet = |place: &Place| {
        node("Subnet")
            .text("SubnetIdentifier", &place.subnet)
            .with(node("SubnetAvailabilityZone").text("Name", &place.zone))
            .with(node("SubnetOutpost"))
            .text("SubnetStatus", "Active")
    };
    node(name)
        .text("DBSubnetGroupName", &group.name)
        .text("DBSubnetGroupDescription", &group.description)
        .text("VpcId", &group.vpc)
        .text("SubnetGroupStatus", "Complete")
        .with(list("Subnets", group.subnets.iter().map(subnet)))
        .text("DBSubnetGroupArn", arn("subgrp", &group.name))
}
