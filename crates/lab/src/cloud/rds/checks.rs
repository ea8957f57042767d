//! What RDS checks of identifiers, filters and placement.

use super::store::{State, SubnetGroup};
use crate::cloud::ec2::Tags;
use crate::cloud::place::{self, Foreign};
pub(super) use crate::cloud::records::{combination, invalid, page, subnets, tag_list, tags};
use crate::cloud::{Call, CloudError, Element, Params, ec2, list, node};
use crate::service::{ACCOUNT, REGION};

/// An identifier for something new. RDS keeps them in small letters.
pub(super) fn identifier(params: &Params, member: &str) -> Result<String, CloudError> {
    let id = params.required(member)?;
    let letters = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let starts = id.starts_with(|first: char| first.is_ascii_alphabetic());
    if letters && starts && id.len() <= 63 && !id.ends_with('-') && !id.contains("--") {
        return Ok(id.to_ascii_lowercase());
    }
    Err(invalid(format!(
        "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; \
         must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or \
         contain two consecutive hyphens."
    )))
}

/// The ARN of a resource; `kind` is `db`, `cluster`, `subgrp`, …
pub(super) fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:rds:{REGION}:{ACCOUNT}:{kind}:{id}")
}

/// The identifier in a text that may be an ARN.
pub(super) fn id_of(kind: &str, id_or_arn: &str) -> String {
    let id = id_or_arn.strip_prefix(&arn(kind, "")).unwrap_or(id_or_arn);
    id.to_ascii_lowercase()
}

/// The filters of a call, each with the values that it lets through; another name than those in
/// `known` is refused.
pub(super) fn filters(
    params: &Params,
    known: &[&str],
) -> Result<Vec<(String, Vec<String>)>, CloudError> {
    let mut filters = Vec::new();
    for filter in params.list("Filters") {
        let name = filter.required("Name")?;
        if !known.contains(&name) {
            return Err(invalid(format!("Unrecognized filter name: {name}")));
        }
        let values = filter.texts("Values");
        if values.is_empty() {
            return Err(invalid(format!("Filter {name} has no values")));
        }
        filters.push((name.to_owned(), values));
    }
    Ok(filters)
}

/// The security groups of something in a VPC: those of the call, else the VPC's own.
pub(super) fn groups(
    ec2: &ec2::State,
    call: &Call<'_>,
    vpc: &str,
) -> Result<Vec<String>, CloudError> {
    let groups = call.params.texts("VpcSecurityGroupIds");
    if groups.is_empty() {
        return Ok(place::default_groups(ec2, vpc));
    }
    match place::check_groups(ec2, call, &groups, vpc) {
        Ok(()) => Ok(groups),
        Err(Foreign::Missing(group)) => {
            Err(invalid(format!("Invalid security group , groupId= {group}, groupName=.")))
        }
        Err(Foreign::Elsewhere { vpc: other, .. }) => Err(combination(format!(
            "The DB instance and EC2 security group are in different VPCs. The DB instance is in \
             {vpc} and the EC2 security group is in {other}"
        ))),
    }
}

pub(super) fn group_list(groups: &[String]) -> Element {
    let member = |group| {
        node("VpcSecurityGroupMembership")
            .text("VpcSecurityGroupId", group)
            .text("Status", "active")
    };
    list("VpcSecurityGroups", groups.iter().map(member))
}

/// The subnet group of a call. Without one it is that of the default VPC, which is made when it is
/// needed first.
pub(super) fn subnet_group(
    state: &mut State,
    ec2: &ec2::State,
    params: &Params,
) -> Result<SubnetGroup, CloudError> {
    let name = params.get("DBSubnetGroupName").unwrap_or("default").to_ascii_lowercase();
    if let Some(group) = state.subnet_groups.get(&name) {
        return Ok(group.clone());
    }
    let subnets = place::default_places(ec2);
    let vpc = subnets.first().filter(|_| name == "default").map(|place| place.vpc.clone());
    let Some(vpc) = vpc else { return Err(super::subnet_groups::missing(&name)) };
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
