//! Subnet groups: where caches are.

use super::checks::{arn, identifier, page, subnets, tags};
use super::store::{State, SubnetGroup};
use crate::cloud::place::Place;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, list, node};

pub(super) fn missing(name: &str) -> CloudError {
    let message = format!("Cache Subnet Group {name} does not exist.");
    CloudError::refuse("CacheSubnetGroupNotFoundFault", message)
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let name = identifier(params, "CacheSubnetGroupName", 255)?;
    let description = params.required("CacheSubnetGroupDescription")?.to_owned();
    let (vpc, subnets) = subnets(ec2, call, "SubnetIds")?;
    if name == "default" || state.subnet_groups.contains_key(&name) {
        let message = format!("Cache subnet group {name} already exists.");
        return Err(CloudError::refuse("CacheSubnetGroupAlreadyExists", message));
    }
    let group = SubnetGroup { name: name.clone(), description, vpc, subnets, tags: tags(params)? };
    let shown = shown(&group);
    state.subnet_groups.insert(name, group);
    Ok(answer().with(shown))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let named = call.params.get("CacheSubnetGroupName").map(str::to_ascii_lowercase);
    if let Some(name) = named.as_ref().filter(|name| !state.subnet_groups.contains_key(*name)) {
        return Err(missing(name));
    }
    let wanted = |group: &&SubnetGroup| named.as_ref().is_none_or(|name| *name == group.name);
    let groups = state.subnet_groups.values().filter(wanted);
    page(call, "CacheSubnetGroups", groups.map(shown).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = call.params.required("CacheSubnetGroupName")?.to_ascii_lowercase();
    if !state.subnet_groups.contains_key(&name) {
        return Err(missing(&name));
    }
    if state.clusters.values().any(|one| one.subnet_group == name) {
        let message = format!("Cache subnet group {name} is currently in use by a cache cluster.");
        return Err(CloudError::refuse("CacheSubnetGroupInUse", message));
    }
    state.subnet_groups.remove(&name);
    Ok(answer())
}

fn shown(group: &SubnetGroup) -> Element {
    let subnet = |place: &Place| {
        node("Subnet")
            .text("SubnetIdentifier", &place.subnet)
            .with(node("SubnetAvailabilityZone").text("Name", &place.zone))
    };
    node("CacheSubnetGroup")
        .text("CacheSubnetGroupName", &group.name)
        .text("CacheSubnetGroupDescription", &group.description)
        .text("VpcId", &group.vpc)
        .with(list("Subnets", group.subnets.iter().map(subnet)))
        .text("ARN", arn("subnetgroup", &group.name))
}
