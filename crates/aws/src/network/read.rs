//! Reading a VPC: the SDK's answers as plain data.

mod groups;
mod names;
mod routes;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;

use super::{Endpoint, Network, Subnet, Vpc};
use crate::error::{AwsError, AwsErrorKind, failed, from_sdk};
use crate::load::Aws;
use crate::naming;
use crate::tags::{self, Tags};
use crate::wait::is_unseen;

use groups::groups_with_rules;
pub(crate) use groups::{OwnRule, describe_groups, describe_own_rules};
use names::{describe_dns, describe_name_servers};
use routes::describe_route_tables;

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
