//! Security groups.

use super::networks::in_use;
use super::resource::{Resource, describe, find, malformed, missing, one};
use super::rules::{Peer, Rule, Traffic, permissions};
use super::{State, networks::Vpc, tags};
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, node};
use crate::service::{ACCOUNT, REGION, Service};

/// The most security groups of a VPC, by default.
const MOST: usize = 2500;

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) vpc: String,
    pub(super) rules: Vec<Rule>,
    pub(crate) born: Born,
}

impl Group {
    fn arn(&self) -> String {
        format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{}", self.id)
    }

    pub(super) fn rules(&self, egress: bool) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.egress == egress)
    }
}

impl Resource for Group {
    const IDS: &'static str = "GroupId";
    const SET: &'static str = "securityGroupInfo";
    const FILTERS: &'static [&'static str] = &[
        "description",
        "egress.ip-permission.cidr",
        "egress.ip-permission.from-port",
        "egress.ip-permission.group-id",
        "egress.ip-permission.ipv6-cidr",
        "egress.ip-permission.protocol",
        "egress.ip-permission.to-port",
        "group-id",
        "group-name",
        "ip-permission.cidr",
        "ip-permission.from-port",
        "ip-permission.group-id",
        "ip-permission.ipv6-cidr",
        "ip-permission.protocol",
        "ip-permission.to-port",
        "ip-permission.user-id",
        "owner-id",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) = ("InvalidGroup.NotFound", "security group");
    const PREFIX: &'static str = "sg-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        let (egress, of_rule) = match filter.strip_prefix("egress.") {
            Some(rest) => (true, rest),
            None => (false, filter),
        };
        if let Some(what) = of_rule.strip_prefix("ip-permission.") {
            return self.rules(egress).filter_map(|rule| rule.value(what)).collect();
        }
        match filter {
            "description" => one(&self.description),
            "group-name" => one(&self.name),
            "owner-id" => one(ACCOUNT),
            "vpc-id" => one(&self.vpc),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        node("item")
            .text("ownerId", ACCOUNT)
            .text("groupId", &self.id)
            .text("groupName", &self.name)
            .text("groupDescription", &self.description)
            .text("vpcId", &self.vpc)
            .text("securityGroupArn", self.arn())
            .with(permissions("ipPermissions", self.rules(false)))
            .with(permissions("ipPermissionsEgress", self.rules(true)))
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

/// A group with what each has from the start: everything out, and for the default one everything
/// from itself in.
pub(super) fn make_group(
    service: &Service,
    state: &mut State,
    vpc: &str,
    name: &str,
    description: &str,
) -> String {
    let (born, entropy) = (Born::now(service), &service.entropy);
    let id = format!("sg-0{}", entropy.hex(16));
    let mut peers = vec![(true, Peer::V4(ipnet::Ipv4Net::default()))];
    if state.ipv6(vpc).is_some() {
        peers.push((true, Peer::V6(ipnet::Ipv6Net::default())));
    }
    if name == "default" {
        peers.push((false, Peer::Group(id.clone())));
    }
    let rules = peers.into_iter().map(|(egress, peer)| Rule {
        id: format!("sgr-0{}", entropy.hex(16)),
        egress,
        traffic: Traffic::All,
        peer,
        description: None,
        born,
    });
    let group = Group {
        rules: rules.collect(),
        id: id.clone(),
        name: name.to_owned(),
        description: description.to_owned(),
        vpc: vpc.to_owned(),
        born,
    };
    state.groups.insert(id.clone(), group);
    id
}

/// The characters of names and descriptions.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
pub(super) fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    text.chars().count() <= 255 && text.chars().all(allowed)
}

pub(super) fn create(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let name = call.params.required("GroupName")?;
    let description = call.params.required("GroupDescription")?;
    for (value, parameter) in [(name, "GroupName"), (description, "GroupDescription")] {
        if !is_plain(value) {
            let message = format!(
                "Value ({value}) for parameter {parameter} is invalid. Character sets beyond \
                 ASCII are not supported."
            );
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
    }
    if name.starts_with("sg-") {
        let message = format!(
            "Value ({name}) for parameter GroupName is invalid. Group names may not be in the \
             format sg-*."
        );
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    if name.eq_ignore_ascii_case("default") {
        let message = format!("Cannot use reserved security group name: {name}");
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    let vpc = match call.params.get("VpcId") {
        Some(id) => find(&cloud.ec2.vpcs, id, call.now())?.id.clone(),
        None => cloud.ec2.default_vpc().map(|vpc| vpc.id.clone()).ok_or_else(no_default_vpc)?,
    };
    let mut there = cloud.ec2.groups.values().filter(|group| group.vpc == vpc);
    if there.any(|group| group.name == name) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(CloudError::refuse("InvalidGroup.Duplicate", message));
    }
    if cloud.ec2.groups.len() >= MOST {
        let message = "The maximum number of security groups has been reached.";
        return Err(CloudError::refuse("SecurityGroupLimitExceeded", message));
    }
    let tags = tags::specified(call, &["security-group"], "security-group")?;
    let id = make_group(call.service, &mut cloud.ec2, &vpc, name, description);
    cloud.ec2.tag(&id, tags);
    Ok(answer()
        .text("return", true)
        .text("groupId", &id)
        .with(tags::set(&cloud.ec2, &id))
        .text("securityGroupArn", cloud.ec2.groups[&id].arn()))
}

pub(super) fn no_default_vpc() -> CloudError {
    CloudError::refuse("VPCIdNotSpecified", "No default VPC for this user")
}

/// Lists groups: by id and filter, or by name in the default VPC.
pub(super) fn describe_groups(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let names = call.params.texts("GroupName");
    if names.is_empty() {
        return describe(call, cloud, cloud.ec2.groups.values());
    }
    let vpc = cloud.ec2.default_vpc().map(|vpc: &Vpc| vpc.id.clone());
    let named: Vec<&Group> = cloud
        .ec2
        .groups
        .values()
        .filter(|group| Some(&group.vpc) == vpc.as_ref() && names.contains(&group.name))
        .collect();
    if let Some(name) = names.iter().find(|name| !named.iter().any(|group| group.name == **name)) {
        let message = format!(
            "The security group '{name}' does not exist in default VPC '{}'",
            vpc.unwrap_or_default()
        );
        return Err(CloudError::refuse("InvalidGroup.NotFound", message));
    }
    describe(call, cloud, named.into_iter())
}

/// The group that a call is about.
pub(super) fn named(call: &Call<'_>, state: &State) -> Result<String, CloudError> {
    if let Some(id) = call.params.get("GroupId") {
        return Ok(find(&state.groups, id, call.now())?.id.clone());
    }
    let Some(name) = call.params.get("GroupName") else {
        let message = "The request must contain the parameter groupName or groupId";
        return Err(CloudError::refuse("MissingParameter", message));
    };
    let vpc = state.default_vpc().ok_or_else(no_default_vpc)?;
    let group = state.groups.values().find(|group| group.vpc == vpc.id && group.name == name);
    group.map(|group| group.id.clone()).ok_or_else(|| {
        let message =
            format!("The security group '{name}' does not exist in default VPC '{}'", vpc.id);
        CloudError::refuse("InvalidGroup.NotFound", message)
    })
}

/// Deletes a group that nothing has, refers to or needs.
pub(super) fn delete(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = named(call, &cloud.ec2)?;
    if cloud.ec2.groups[&id].name == "default" {
        let message =
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(CloudError::refuse("CannotDelete", message));
    }
    let referred = cloud
        .ec2
        .groups
        .values()
        .filter(|group| group.id != id)
        .any(|group| group.rules.iter().any(|rule| rule.peer == Peer::Group(id.clone())));
    let has = cloud.ec2.interfaces.values().any(|eni| eni.groups.contains(&id))
        || cloud.endpoints().iter().any(|endpoint| endpoint.groups.contains(&id));
    if referred || has {
        let message = format!("resource {id} has a dependent object");
        return Err(CloudError { message, ..in_use("securityGroup", &id) });
    }
    if let Some(group) = cloud.ec2.groups.remove(&id) {
        group.rules.iter().for_each(|rule| cloud.ec2.untag(&rule.id));
    }
    cloud.ec2.untag(&id);
    Ok(answer().text("return", true).text("groupId", id))
}

/// Groups that an interface is to have: all there, all of its VPC, and not too many.
pub(super) fn for_interface(
    call: &Call<'_>,
    state: &State,
    ids: &[String],
    vpc: &str,
) -> Result<Vec<String>, CloudError> {
    let mut groups: Vec<String> = Vec::new();
    for id in ids {
        if let Some(error) = malformed::<Group>(id) {
            return Err(error);
        }
        let group = state.group(id, call.now()).ok_or_else(|| missing::<Group>(id))?;
        if group.vpc != vpc {
            let message = format!("Security group {id} and subnet belong to different networks.");
            return Err(CloudError::refuse("InvalidParameter", message));
        }
        if !groups.contains(id) {
            groups.push(id.clone());
        }
    }
    // https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
    if groups.len() > 5 {
        let message = "The maximum number of security groups per network interface has been \
                       reached.";
        return Err(CloudError::refuse("SecurityGroupsPerInterfaceLimitExceeded", message));
    }
    Ok(groups)
}
