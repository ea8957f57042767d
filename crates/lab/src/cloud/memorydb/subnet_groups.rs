//! Subnet groups: where clusters are.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Describe, INVALID, PAGE, State, arn};
use crate::cloud::body::{self, Tag, page, parse, required};
use crate::cloud::ec2::Tags;
use crate::cloud::place::{self, Place};
use crate::cloud::{Call, CloudError, JsonOutcome, ec2};

#[derive(Clone, Debug)]
pub(super) struct SubnetGroup {
    pub(super) name: String,
    description: String,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Place>,
    pub(super) tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSubnetGroup {
    subnet_group_name: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    subnet_ids: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateSubnetGroup = parse(call)?;
    let name = required(INVALID, "subnetGroupName", request.subnet_group_name.as_deref())?;
    let name = name.to_ascii_lowercase();
    if state.subnet_groups.contains_key(&name) {
        let message = format!("Subnet group {name} already exists.");
        return Err(CloudError::refuse("SubnetGroupAlreadyExistsFault", message));
    }
    let subnets = place::places(ec2, call, &request.subnet_ids).unwrap_or_default();
    let Some(vpc) = subnets.first().map(|place| place.vpc.clone()) else {
        let message = format!("Invalid subnets: {}", request.subnet_ids.join(", "));
        return Err(CloudError::refuse("InvalidSubnet", message));
    };
    let tags = body::tags(request.tags);
    let group =
        SubnetGroup { name: name.clone(), description: request.description, vpc, subnets, tags };
    let shown = group.shown();
    state.subnet_groups.insert(name, group);
    Ok(json!({ "SubnetGroup": shown }))
}

pub(super) fn missing(name: &str) -> CloudError {
    let message = format!("Subnet group {name} not found.");
    CloudError::new(404, "SubnetGroupNotFoundFault", message)
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> JsonOutcome {
    let request: Describe = parse(call)?;
    let named = request.cluster_name.map(|name| name.to_ascii_lowercase());
    if let Some(name) = named.as_ref().filter(|name| !state.subnet_groups.contains_key(*name)) {
        return Err(missing(name));
    }
    let page = page(call, INVALID, PAGE, request.max_results, request.next_token.as_deref())?;
    let wanted = |one: &&SubnetGroup| named.as_ref().is_none_or(|name| *name == one.name);
    let groups = state.subnet_groups.values().filter(wanted);
    let (groups, next) = page.of(groups.map(SubnetGroup::shown).collect());
    let mut answer = json!({ "SubnetGroups": groups });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

/// The named subnet group; without a name that of the default VPC.
pub(super) fn of_call(
    state: &mut State,
    ec2: &ec2::State,
    name: Option<&str>,
) -> Result<SubnetGroup, CloudError> {
    let name = name.unwrap_or("default").to_ascii_lowercase();
    if let Some(group) = state.subnet_groups.get(&name) {
        return Ok(group.clone());
    }
    let subnets = place::default_places(ec2);
    let vpc = subnets.first().filter(|_| name == "default").map(|place| place.vpc.clone());
    let Some(vpc) = vpc else { return Err(missing(&name)) };
    let group = SubnetGroup {
        name: name.clone(),
        description: "default".to_owned(),
        vpc,
        subnets,
        tags: Tags::new(),
    };
    state.subnet_groups.insert(name, group.clone());
    Ok(group)
}

impl SubnetGroup {
    fn shown(&self) -> Value {
        let subnet = |place: &Place| {
            let zone = json!({ "Name": place.zone });
            json!({ "Identifier": place.subnet, "AvailabilityZone": zone })
        };
        json!({
            "Name": self.name,
            "Description": self.description,
            "VpcId": self.vpc,
            "Subnets": self.subnets.iter().map(subnet).collect::<Value>(),
            "ARN": arn("subnetgroup", &self.name),
        })
    }
}
