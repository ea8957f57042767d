//! Reading security groups and their rules.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;

use super::{filter, filter_tag, tag_map};
use crate::error::{AwsError, from_sdk};
use crate::load::Aws;
use crate::network::{Group, Peer, Rule};
use crate::tags::{self, Purpose, Tags};

/// The groups of the VPC; the rules among theirs that adit made have their ids and tags.
pub(super) async fn groups_with_rules(
    aws: &Aws,
    client: &Client,
    vpc: &str,
) -> Result<Vec<Group>, AwsError> {
    let (mut groups, rules) = tokio::try_join!(
        describe_groups(aws, client, vec![filter("vpc-id", vpc)]),
        describe_own_rules(aws, client, vec![filter_tag(tags::VPC, vpc)]),
    )?;
    for own in rules {
        let Some(group) = groups.iter_mut().find(|group| group.id == own.group) else { continue };
        let rules = if own.is_egress { &mut group.egress } else { &mut group.ingress };
        let same = rules.iter_mut().find(|rule| {
            rule.protocol == own.rule.protocol
                && rule.ports == own.rule.ports
                && rule.peer == own.rule.peer
        });
        match same {
            Some(rule) => *rule = own.rule,
            None => rules.push(own.rule),
        }
    }
    Ok(groups)
}

/// The security groups that pass all of `filters`.
pub(crate) async fn describe_groups(
    aws: &Aws,
    client: &Client,
    filters: Vec<sdk::Filter>,
) -> Result<Vec<Group>, AwsError> {
    let call = client.describe_security_groups().set_filters(Some(filters));
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer =
        answer.map_err(|error| from_sdk("DescribeSecurityGroups", &aws.place(), &error))?;
    let mut groups: Vec<_> = answer.iter().map(group).collect();
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(groups)
}

fn group(group: &sdk::SecurityGroup) -> Group {
    Group {
        id: group.group_id().unwrap_or_default().to_owned(),
        name: group.group_name().unwrap_or_default().to_owned(),
        description: group.description().unwrap_or_default().to_owned(),
        owner: group.owner_id().unwrap_or_default().to_owned(),
        tags: tag_map(group.tags()),
        ingress: group.ip_permissions().iter().flat_map(rules).collect(),
        egress: group.ip_permissions_egress().iter().flat_map(rules).collect(),
    }
}

/// A permission names several peers; each is a rule.
fn rules(permission: &sdk::IpPermission) -> Vec<Rule> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let v4 = permission.ip_ranges().iter().map(|range| Peer::Cidr(text(range.cidr_ip())));
    let v6 = permission.ipv6_ranges().iter().map(|range| Peer::Cidr(text(range.cidr_ipv6())));
    let groups =
        permission.user_id_group_pairs().iter().map(|pair| Peer::Group(text(pair.group_id())));
    let lists = permission
        .prefix_list_ids()
        .iter()
        .map(|list| Peer::PrefixList(text(list.prefix_list_id())));
    v4.chain(v6)
        .chain(groups)
        .chain(lists)
        .map(|peer| Rule {
            id: None,
            protocol: text(permission.ip_protocol()),
            ports: ports(permission.from_port(), permission.to_port()),
            peer,
            tags: Tags::new(),
        })
        .collect()
}

fn ports(from: Option<i32>, to: Option<i32>) -> Option<(u16, u16)> {
    Some((from?.try_into().ok()?, to?.try_into().ok()?))
}

/// A rule that adit made, with the group it is in.
#[derive(Debug, Clone)]
pub(crate) struct OwnRule {
    pub(crate) group: String,
    pub(crate) is_egress: bool,
    pub(crate) description: String,
    pub(crate) rule: Rule,
}

/// The rules that adit made and that pass all of `filters`.
pub(crate) async fn describe_own_rules(
    aws: &Aws,
    client: &Client,
    filters: Vec<sdk::Filter>,
) -> Result<Vec<OwnRule>, AwsError> {
    let purposes = [Purpose::TargetAccess, Purpose::Egress, Purpose::EndpointGroup];
    let ours = sdk::Filter::builder()
        .name(format!("tag:{}", tags::PURPOSE))
        .set_values(Some(purposes.map(|purpose| purpose.as_str().to_owned()).to_vec()))
        .build();
    let filters = filters.into_iter().chain([ours]).collect();
    let call = client.describe_security_group_rules().set_filters(Some(filters));
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer =
        answer.map_err(|error| from_sdk("DescribeSecurityGroupRules", &aws.place(), &error))?;
    Ok(answer.into_iter().filter_map(own_rule).collect())
}

fn own_rule(rule: sdk::SecurityGroupRule) -> Option<OwnRule> {
    let referenced = rule.referenced_group_info().and_then(|group| group.group_id());
    let peer = if let Some(cidr) = rule.cidr_ipv4().or(rule.cidr_ipv6()) {
        Peer::Cidr(cidr.to_owned())
    } else if let Some(group) = referenced {
        Peer::Group(group.to_owned())
    } else {
        Peer::PrefixList(rule.prefix_list_id()?.to_owned())
    };
    Some(OwnRule {
        is_egress: rule.is_egress.unwrap_or_default(),
        rule: Rule {
            tags: tag_map(rule.tags()),
            id: rule.security_group_rule_id,
            protocol: rule.ip_protocol.unwrap_or_default(),
            ports: ports(rule.from_port, rule.to_port),
            peer,
        },
        description: rule.description.unwrap_or_default(),
        group: rule.group_id?,
    })
}
