//! Reading where traffic of subnets goes.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;

use super::filter;
use crate::error::{AwsError, from_sdk};
use crate::load::Aws;
use crate::network::{Gateway, RouteTable};

pub(super) async fn describe_route_tables(
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
