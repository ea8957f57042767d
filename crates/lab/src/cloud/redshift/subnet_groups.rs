//! Subnet groups: where clusters are.

use super::{State, identifier, tag_list, tagged};
use crate::cloud::ec2::Tags;
use crate::cloud::place::{self, Place};
use crate::cloud::records::{page, subnets, tags};
use crate::cloud::{Call, CloudError, Element, Outcome, Params, answer, ec2, list, node};

#[derive(Clone, Debug)]
pub(super) struct SubnetGroup {
    pub(super) name: String,
    description: String,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Place>,
    tags: Tags,
}

fn missing(name: &str) -> CloudError {
    let message = format!("Cluster subnet group {name} not found.");
    CloudError::refuse("ClusterSubnetGroupNotFoundFault", message)
}

/// The group of a call. Without one it is that of the default VPC, which is made when it is needed
/// first.
pub(super) fn of_call(
    state: &mut State,
    ec2: &ec2::State,
    params: &Params,
) -> Result<SubnetGroup, CloudError> {
    let name = params.get("ClusterSubnetGroupName").unwrap_or("default").to_ascii_lowercase();
    if let Some(group) = state.subnet_groups.get(&name) {
        return Ok(group.clone());
    }
    let subnets = place::default_places(ec2);
    let vpc = subnets.first().filter(|_| name == "default").map(|place| place.vpc.clone());
    let vpc = vpc.ok_or_else(|| missing(&name))?;
    let description = "default".to_owned();
    let group = SubnetGroup { name: name.clone(), description, vpc, subnets, tags: Tags::new() };
    state.subnet_groups.insert(name, group.clone());
    Ok(group)
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let name = identifier(params, "ClusterSubnetGroupName", 255)?;
    let description = params.required("Description")?.to_owned();
    let (vpc, subnets) = subnets(ec2, call, "SubnetIds")?;
    if name == "default" || state.subnet_groups.contains_key(&name) {
        let message = format!("Cluster subnet group {name} already exists.");
        return Err(CloudError::refuse("ClusterSubnetGroupAlreadyExists", message));
    }
    let group = SubnetGroup { name: name.clone(), description, vpc, subnets, tags: tags(params)? };
    let shown = shown(&group);
    state.subnet_groups.insert(name, group);
    Ok(answer().with(shown))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let named = call.params.get("ClusterSubnetGroupName").map(str::to_ascii_lowercase);
    if let Some(name) = named.as_ref().filter(|name| !state.subnet_groups.contains_key(*name)) {
        return Err(missing(name));
    }
    let wanted = |group: &&SubnetGroup| {
        named.as_ref().is_none_or(|name| *name == group.name) && tagged(&group.tags, call.params)
    };
    let groups = state.subnet_groups.values().filter(wanted);
    page(call, "ClusterSubnetGroups", groups.map(shown).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let name = call.params.required("ClusterSubnetGroupName")?.to_ascii_lowercase();
    if !state.subnet_groups.contains_key(&name) {
        return Err(missing(&name));
    }
    if state.clusters.values().any(|one| one.subnet_group == name) {
        let message = format!("Cluster subnet group {name} is in use by a cluster.");
        return Err(CloudError::refuse("InvalidClusterSubnetGroupStateFault", message));
    }
    state.subnet_groups.remove(&name);
    Ok(answer())
}

fn shown(group: &SubnetGroup) -> Element {
    let subnet = |place: &Place| {
        node("Subnet")
            .text("SubnetIdentifier", &place.subnet)
            .with(node("SubnetAvailabilityZone").text("Name", &place.zone))
            .text("SubnetStatus", "Active")
    };
    node("ClusterSubnetGroup")
        .text("ClusterSubnetGroupName", &group.name)
        .text("Description", &group.description)
        .text("VpcId", &group.vpc)
        .text("SubnetGroupStatus", "Complete")
        .with(list("Subnets", group.subnets.iter().map(subnet)))
        .with(tag_list(&group.tags))
}
