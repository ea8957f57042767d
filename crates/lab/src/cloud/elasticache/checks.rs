//! What `ElastiCache` checks of identifiers, engines and placement.

use super::store::{State, SubnetGroup};
use crate::cloud::ec2::Tags;
use crate::cloud::place;
pub(super) use crate::cloud::records::{combination, invalid, page, subnets, tag_list, tags};
use crate::cloud::{Call, CloudError, Element, Params, ec2, list, node};
use crate::service::{ACCOUNT, REGION};

/// An identifier of at most `most` letters for something new.
pub(super) fn identifier(params: &Params, member: &str, most: usize) -> Result<String, CloudError> {
    let id = params.required(member)?;
    let letters = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let starts = id.starts_with(|first: char| first.is_ascii_alphabetic());
    if letters && starts && id.len() <= most && !id.ends_with('-') && !id.contains("--") {
        return Ok(id.to_ascii_lowercase());
    }
    Err(invalid(format!(
        "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; \
         must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or \
         contain two consecutive hyphens."
    )))
}

/// The ARN of a resource; `kind` is `cluster`, `replicationgroup`, …
pub(super) fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:elasticache:{REGION}:{ACCOUNT}:{kind}:{id}")
}

/// An engine, its port and the version that it has by default.
pub(super) fn engine(name: &str) -> Result<(&'static str, u16, &'static str), CloudError> {
    Ok(match name {
        "redis" => ("redis", 6379, "7.1.0"),
        "valkey" => ("valkey", 6379, "8.0.1"),
        "memcached" => ("memcached", 11_211, "1.6.22"),
        _ => return Err(invalid(format!("Invalid cache engine: {name}"))),
    })
}

/// The security groups of something in a VPC: those of the call, else the VPC's own.
pub(super) fn groups(
    ec2: &ec2::State,
    call: &Call<'_>,
    vpc: &str,
) -> Result<Vec<String>, CloudError> {
    let groups = call.params.texts("SecurityGroupIds");
    if groups.is_empty() {
        return Ok(place::default_groups(ec2, vpc));
    }
    match place::check_groups(ec2, call, &groups, vpc) {
        Ok(()) => Ok(groups),
        Err(foreign) => {
            Err(invalid(format!("Some security group Ids are invalid: [{}]", foreign.group())))
        }
    }
}

/// Groups as clusters show them.
pub(super) fn group_list(groups: &[String]) -> Element {
    let member = |group| node("member").text("SecurityGroupId", group).text("Status", "active");
    list("SecurityGroups", groups.iter().map(member))
}

/// The subnet group of a call. Without one it is that of the default VPC, which is made when it is
/// needed first.
pub(super) fn subnet_group(
    state: &mut State,
    ec2: &ec2::State,
    params: &Params,
) -> Result<SubnetGroup, CloudError> {
    let name = params.get("CacheSubnetGroupName").unwrap_or("default").to_ascii_lowercase();
    if let Some(group) = state.subnet_groups.get(&name) {
        return Ok(group.clone());
    }
    let subnets = place::default_places(ec2);
    let vpc = subnets.first().filter(|_| name == "default").map(|place| place.vpc.clone());
    let Some(vpc) = vpc else { return Err(super::subnet_groups::missing(&name)) };
    let description = "Default CacheSubnetGroup".to_owned();
    let group = SubnetGroup { name: name.clone(), description, vpc, subnets, tags: Tags::new() };
    state.subnet_groups.insert(name, group.clone());
    Ok(group)
}

/// The zones of `count` nodes: one subnet's after the other's.
pub(super) fn zones(group: &SubnetGroup, count: usize) -> Vec<String> {
    group.subnets.iter().cycle().take(count).map(|place| place.zone.clone()).collect()
}

pub(super) fn address(name: &'static str, host: String, port: u16) -> Element {
    node(name).text("Address", host).text("Port", port)
}
