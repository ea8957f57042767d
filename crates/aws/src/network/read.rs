//! Reading a VPC: the SDK's answers as plain data.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self as sdk, VpcAttributeName};

use super::{Endpoint, Gateway, Group, Network, Peer, RouteTable, Rule, Subnet, Vpc};
use crate::error::{AwsError, AwsErrorKind, failed, from_sdk};
use crate::load::Aws;
use crate::naming;
use crate::tags::{self, Purpose, Tags};
use crate::wait::is_unseen;

/// The VPCs of the region, sorted by id.
pub async fn vpcs(aws: &Aws) -> Result<Vec<Vpc>, AwsError> {
    let client = Client::new(&aws.sdk);
    let answer: Result<Vec<_>, _> =
        client.describe_vpcs().into_paginator().items().send().collect().await;
    let answer = answer.map_err(|error| from_sdk("DescribeVpcs", &aws.place(), &error))?;
    let mut vpcs: Vec<_> = answer.into_iter().map(vpc).collect();
    vpcs.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(vpcs)
}

/// Reads all that decides where traffic of the VPC's subnets goes, and its groups. All calls go out
/// together, but for that for the name servers, whose id the VPC tells.
pub(crate) async fn describe_network(aws: &Aws, id: &str) -> Result<Network, AwsError> {
    let client = Client::new(&aws.sdk);
    let (vpc, dns, subnets, route_tables, endpoints, groups, users) = tokio::try_join!(
        find_vpc(aws, &client, id),
        describe_dns(aws, &client, id),
        describe_subnets(aws, &client, id),
        describe_route_tables(aws, &client, id),
        describe_endpoints(aws, &client, filter("vpc-id", id)),
        groups_with_rules(aws, &client, id),
        users_of_names(aws, &client, id),
    )?;
    let (dns_support, dns_hostnames) = dns;
    let private_dns = dns_support.zip(dns_hostnames).map(|(support, names)| support && names);
    let vpc = vpc.map(|vpc| Vpc { dns_support, private_dns, ..vpc });
    Ok(Network { vpc, subnets, route_tables, endpoints, groups, users })
}

/// An EC2 filter with one value. `*`, `?` and `\` mean something in it; here they stand for
/// themselves.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>
pub(crate) fn filter(name: &str, value: &str) -> sdk::Filter {
    let mut literal = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '*' | '?' | '\\') {
            literal.push('\\');
        }
        literal.push(c);
    }
    sdk::Filter::builder().name(name).values(literal).build()
}

/// The filter for instances that are not gone: those that are stay visible for an hour.
pub(crate) fn living() -> sdk::Filter {
    let states = ["pending", "running", "stopping", "stopped"];
    sdk::Filter::builder()
        .name("instance-state-name")
        .set_values(Some(states.map(str::to_owned).to_vec()))
        .build()
}

/// The account of an ARN.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// What the caller may not see is not known; that alone is no reason to stop.
fn unless_denied<T>(result: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == AwsErrorKind::AccessDenied => Ok(None),
        Err(error) => Err(error),
    }
}

async fn find_vpc(aws: &Aws, client: &Client, id: &str) -> Result<Option<Vpc>, AwsError> {
    // A filter and not the id: a VPC that is not there is no error, only absent.
    let answer = client.describe_vpcs().filters(filter("vpc-id", id)).send().await;
    let answer = answer.map_err(|error| from_sdk("DescribeVpcs", &aws.place(), &error))?;
    let Some(found) = answer.vpcs.unwrap_or_default().into_iter().next() else { return Ok(None) };
    let options = found.dhcp_options_id.clone();
    let mut vpc = vpc(found);
    // `default` stands for none at all.
    if let Some(options) = options.filter(|id| id.starts_with("dopt-")) {
        let servers = match describe_name_servers(aws, client, &options).await {
            // They were replaced and deleted between the two calls.
            Err(error) if is_unseen(&error) => None,
            other => unless_denied(other)?,
        };
        if let Some(servers) = servers {
            super::dns::set_servers(&mut vpc, &servers);
        }
    }
    Ok(Some(vpc))
}

/// The name servers that a set of DHCP options tells of.
async fn describe_name_servers(
    aws: &Aws,
    client: &Client,
    options: &str,
) -> Result<Vec<String>, AwsError> {
    let answer = client.describe_dhcp_options().dhcp_options_ids(options).send().await;
    let answer = answer.map_err(failed(aws, "DescribeDhcpOptions"))?;
    let configurations =
        answer.dhcp_options().iter().flat_map(sdk::DhcpOptions::dhcp_configurations);
    let servers = configurations.filter(|one| one.key() == Some("domain-name-servers"));
    let values = servers.flat_map(sdk::DhcpConfiguration::values).filter_map(|one| one.value());
    Ok(values.map(str::to_owned).collect())
}

/// `enableDnsSupport` and `enableDnsHostnames`.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html>
async fn describe_dns(
    aws: &Aws,
    client: &Client,
    id: &str,
) -> Result<(Option<bool>, Option<bool>), AwsError> {
    let ask = async |attribute: VpcAttributeName| {
        let answer = client.describe_vpc_attribute().vpc_id(id).attribute(attribute).send().await;
        match answer.map_err(failed(aws, "DescribeVpcAttribute")) {
            // That there is no such VPC is told by the absence of it.
            Err(error) if is_unseen(&error) => Ok(None),
            other => unless_denied(other),
        }
    };
    let (support, names) = tokio::try_join!(
        ask(VpcAttributeName::EnableDnsSupport),
        ask(VpcAttributeName::EnableDnsHostnames),
    )?;
    let is_on = |value: sdk::AttributeBooleanValue| value.value == Some(true);
    Ok((
        support.and_then(|answer| answer.enable_dns_support).map(is_on),
        names.and_then(|answer| answer.enable_dns_hostnames).map(is_on),
    ))
}

/// The instances that have a group with one of adit's names: whose group it is shows by them, too.
async fn users_of_names(
    aws: &Aws,
    client: &Client,
    vpc: &str,
) -> Result<BTreeMap<String, BTreeSet<String>>, AwsError> {
    let names = [naming::GROUP, naming::ENDPOINT_GROUP].into_iter().flat_map(naming::candidates);
    let names =
        sdk::Filter::builder().name("instance.group-name").set_values(Some(names.collect()));
    let call = client.describe_instances().filters(filter("vpc-id", vpc)).filters(names.build());
    let pages = call.into_paginator().items().send();
    let answer: Result<Vec<_>, _> = Box::pin(pages.collect()).await;
    let answer = answer.map_err(failed(aws, "DescribeInstances"));
    let mut users = BTreeMap::<_, BTreeSet<_>>::new();
    for reservation in unless_denied(answer)?.unwrap_or_default() {
        for instance in reservation.instances.unwrap_or_default() {
            let id = instance.instance_id.unwrap_or_default();
            for group in instance.security_groups.unwrap_or_default() {
                users.entry(group.group_id.unwrap_or_default()).or_default().insert(id.clone());
            }
        }
    }
    Ok(users)
}

fn vpc(vpc: sdk::Vpc) -> Vpc {
    let tags = tag_map(vpc.tags());
    let mut cidrs: Vec<_> = vpc
        .cidr_block_association_set()
        .iter()
        .filter(|one| {
            use sdk::VpcCidrBlockStateCode::Associated;
            one.cidr_block_state().and_then(|state| state.state()) == Some(&Associated)
        })
        .filter_map(|one| one.cidr_block().map(str::to_owned))
        .collect();
    if cidrs.is_empty() {
        cidrs.extend(vpc.cidr_block.clone());
    }
    let ipv6_cidrs = vpc
        .ipv6_cidr_block_association_set()
        .iter()
        .filter_map(|one| one.ipv6_cidr_block().map(str::to_owned))
        .collect();
    Vpc {
        name: tags.get(tags::NAME).cloned(),
        is_default: vpc.is_default.unwrap_or_default(),
        id: vpc.vpc_id.unwrap_or_default(),
        owner: vpc.owner_id,
        cidrs,
        ipv6_cidrs,
        ..Vpc::default()
    }
}

async fn describe_subnets(aws: &Aws, client: &Client, vpc: &str) -> Result<Vec<Subnet>, AwsError> {
    let call = client.describe_subnets().filters(filter("vpc-id", vpc));
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer = answer.map_err(|error| from_sdk("DescribeSubnets", &aws.place(), &error))?;
    let mut subnets: Vec<_> = answer.into_iter().map(subnet).collect();
    subnets.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(subnets)
}

fn subnet(subnet: sdk::Subnet) -> Subnet {
    let free = subnet.available_ip_address_count.unwrap_or_default();
    Subnet {
        name: tag_map(subnet.tags()).remove(tags::NAME),
        id: subnet.subnet_id.unwrap_or_default(),
        zone: subnet.availability_zone.unwrap_or_default(),
        cidr: subnet.cidr_block,
        free_addresses: free.try_into().unwrap_or_default(),
        maps_public_ip: subnet.map_public_ip_on_launch.unwrap_or_default(),
    }
}

async fn describe_route_tables(
    aws: &Aws,
    client: &Client,
    vpc: &str,
) -> Result<Vec<RouteTable>, AwsError> {
    let call = client.describe_route_tables().filters(filter("vpc-id", vpc));
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer = answer.map_err(|error| from_sdk("DescribeRouteTables", &aws.place(), &error))?;
    let mut tables: Vec<_> = answer.iter().map(route_table).collect();
    tables.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(tables)
}

fn route_table(table: &sdk::RouteTable) -> RouteTable {
    let associations = table.associations();
    RouteTable {
        id: table.route_table_id().unwrap_or_default().to_owned(),
        is_main: associations.iter().any(|one| one.main() == Some(true)),
        subnets: associations.iter().filter_map(|one| one.subnet_id.clone()).collect(),
        default_route: default_route(table.routes()),
        prefix_lists: table.routes().iter().filter_map(prefix_list).collect(),
    }
}

/// Where routes for everything lead. Some write it as two halves, to win over a route that they
/// cannot change.
fn default_route(routes: &[sdk::Route]) -> Option<Gateway> {
    let to = |cidr: &str| {
        let mut fit = routes.iter().filter(|one| one.destination_cidr_block() == Some(cidr));
        fit.find_map(gateway)
    };
    let halves = || to("0.0.0.0/1").and_then(|lower| to("128.0.0.0/1").map(|_| lower));
    halves().or_else(|| to("0.0.0.0/0"))
}

/// The list of a route that leads somewhere else than to an endpoint of S3 or `DynamoDB`.
fn prefix_list(route: &sdk::Route) -> Option<String> {
    let list = route.destination_prefix_list_id()?;
    let is_endpoint = route.gateway_id().is_some_and(|id| id.starts_with("vpce-"));
    (!is_endpoint && gateway(route).is_some()).then(|| list.to_owned())
}

/// Where a route leads, while its gateway is there.
fn gateway(route: &sdk::Route) -> Option<Gateway> {
    if route.state() == Some(&sdk::RouteState::Blackhole) {
        return None;
    }
    if let Some(id) = route.nat_gateway_id() {
        return Some(Gateway::Nat(id.to_owned()));
    }
    if let Some(id) = route.transit_gateway_id().or(route.core_network_arn()) {
        return Some(Gateway::Transit(id.to_owned()));
    }
    if let Some(id) = route.instance_id().or(route.network_interface_id()) {
        return Some(Gateway::Interface(id.to_owned()));
    }
    let others = [
        route.gateway_id(),
        route.vpc_peering_connection_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
    ];
    let id = others.into_iter().flatten().next()?.to_owned();
    Some(match id.split('-').next() {
        Some("igw") => Gateway::Internet(id),
        Some("vgw") => Gateway::Vpn(id),
        Some("vpce") => Gateway::Appliance(id),
        _ => Gateway::Other(id),
    })
}

/// The interface endpoints that pass `filter`.
pub(crate) async fn describe_endpoints(
    aws: &Aws,
    client: &Client,
    filter: sdk::Filter,
) -> Result<Vec<Endpoint>, AwsError> {
    let call = client.describe_vpc_endpoints().filters(filter);
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer = answer.map_err(|error| from_sdk("DescribeVpcEndpoints", &aws.place(), &error))?;
    let mut endpoints: Vec<_> = answer
        .into_iter()
        .filter(|one| one.vpc_endpoint_type() == Some(&sdk::VpcEndpointType::Interface))
        .map(endpoint)
        .collect();
    endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(endpoints)
}

fn endpoint(endpoint: sdk::VpcEndpoint) -> Endpoint {
    Endpoint {
        tags: tag_map(endpoint.tags()),
        groups: endpoint.groups().iter().filter_map(|group| group.group_id.clone()).collect(),
        id: endpoint.vpc_endpoint_id.unwrap_or_default(),
        service: endpoint.service_name.unwrap_or_default(),
        // The model writes states with a capital, the service without.
        state: endpoint.state.map(|state| state.as_str().to_lowercase()).unwrap_or_default(),
        private_dns: endpoint.private_dns_enabled.unwrap_or_default(),
        subnets: endpoint.subnet_ids.unwrap_or_default(),
    }
}

/// The groups of the VPC; the rules among theirs that adit made have their ids and tags.
async fn groups_with_rules(aws: &Aws, client: &Client, vpc: &str) -> Result<Vec<Group>, AwsError> {
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

/// A filter for the value of a tag.
pub(crate) fn filter_tag(key: &str, value: &str) -> sdk::Filter {
    filter(&format!("tag:{key}"), value)
}

/// The SDK's list of tags as ours.
pub(crate) fn tag_map(tags: &[sdk::Tag]) -> Tags {
    let pair =
        |tag: &sdk::Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    tags.iter().filter_map(pair).collect::<BTreeMap<_, _>>()
}
