//! Which subnets reach Session Manager, and how.

use serde::{Deserialize, Serialize};

use super::{Endpoint, Gateway, Network, Peer, RouteTable, SERVICES, Subnet};
use crate::tags::{self, Purpose};

/// How what stands in a subnet reaches Session Manager. The order is the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Private, with a way out.
    Nat,
    /// No way out, but the endpoints of Session Manager are in the VPC.
    Endpoints,
    /// Through an internet gateway, which needs a public address.
    Public,
    /// Not at all.
    Isolated,
}

/// A subnet with its class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classified {
    /// The subnet.
    pub subnet: Subnet,
    /// How it reaches Session Manager.
    pub class: Class,
    /// Why it is of that class, as `its default route goes to the NAT gateway nat-1`.
    pub why: String,
    /// Endpoints that would answer in place of the service, but do not let this subnet in.
    pub refusals: Vec<String>,
}

/// The class of each subnet, in the order of `network.subnets`.
pub fn classify(network: &Network) -> Vec<Classified> {
    network.subnets.iter().map(|subnet| classify_one(network, subnet)).collect()
}

fn classify_one(network: &Network, subnet: &Subnet) -> Classified {
    let (class, why) = match default_route(&network.route_tables, &subnet.id) {
        Some(Gateway::Internet(id)) => {
            (Class::Public, format!("its default route goes to the internet gateway {id}"))
        }
        Some(Gateway::Nat(id)) => {
            (Class::Nat, format!("its default route goes to the NAT gateway {id}"))
        }
        Some(Gateway::Transit(id)) => {
            (Class::Nat, format!("its default route goes through the transit gateway {id}"))
        }
        Some(Gateway::Vpn(id)) => {
            (Class::Nat, format!("its default route goes to the private gateway {id}"))
        }
        // Behind a firewall there may be either kind of gateway. Who wants public addresses there
        // has the subnet give them.
        Some(Gateway::Appliance(id)) if subnet.maps_public_ip => (
            Class::Public,
            format!("its default route goes through {id}, and it gives public addresses"),
        ),
        Some(Gateway::Appliance(id) | Gateway::Interface(id)) => {
            (Class::Nat, format!("its default route goes through {id}"))
        }
        Some(Gateway::Other(id)) => without_route(
            network,
            subnet,
            &format!("its default route goes to {id}, which leads to no AWS service"),
        ),
        None => {
            let lists =
                table_of(&network.route_tables, &subnet.id).map(|table| &table.prefix_lists);
            let route = match lists.map(Vec::as_slice) {
                Some([first, ..]) => format!(
                    "it has no default route, and what is in the list {first} of its routes is not known"
                ),
                _ => "it has no default route".to_owned(),
            };
            without_route(network, subnet, &route)
        }
    };
    Classified { subnet: subnet.clone(), class, why, refusals: refusals(network, subnet) }
}

/// The class of a subnet from which no route leads out.
fn without_route(network: &Network, subnet: &Subnet, route: &str) -> (Class, String) {
    let mut ways = Vec::new();
    for service in SERVICES {
        let mut endpoints = network.endpoints.iter().filter(|endpoint| endpoint.serves(service));
        match endpoints.next() {
            None => {
                return (
                    Class::Isolated,
                    format!("{route}, and the VPC has no endpoint for {service}"),
                );
            }
            Some(endpoint) => match refusal(network, subnet, endpoint) {
                Some(refusal) => return (Class::Isolated, format!("{route}, and {refusal}")),
                None => ways.push(endpoint.id.as_str()),
            },
        }
    }
    (Class::Endpoints, format!("{route}, but the VPC has the endpoints {}", ways.join(" and ")))
}

/// Private names take all traffic of the VPC to the endpoint, whatever the route says.
fn refusals(network: &Network, subnet: &Subnet) -> Vec<String> {
    network
        .endpoints
        .iter()
        .filter(|endpoint| SERVICES.iter().any(|service| endpoint.serves(service)))
        .filter_map(|endpoint| refusal(network, subnet, endpoint))
        .collect()
}

/// Why a bastion in `subnet` gets no answer from `endpoint`, as far as is known.
///
/// A group that is not in sight, and a list of addresses that would have to be read, get the benefit
/// of the doubt. The group that adit made for endpoints gets the rule it needs from the plan.
fn refusal(network: &Network, subnet: &Subnet, endpoint: &Endpoint) -> Option<String> {
    let cidr = Peer::Cidr(subnet.cidr.clone()?);
    let lets_in = |id: &String| {
        match network.group(id) {
        None => true,
        Some(group) if tags::is(&group.tags, Purpose::EndpointGroup) => true,
        Some(group) => group.ingress.iter().any(|rule| {
            rule.covers(443, &cidr)
                || matches!(&rule.peer, Peer::PrefixList(_))
                || matches!(&rule.peer, Peer::Group(id) if is_bastion_group(network, id) && rule.covers(443, &rule.peer))
        }),
    }
    };
    if endpoint.groups.is_empty() || endpoint.groups.iter().any(lets_in) {
        return None;
    }
    Some(format!(
        "the security group {} of the endpoint {} ({}) does not let port 443 in from {}",
        endpoint.groups.join(", "),
        endpoint.id,
        endpoint.service,
        subnet.cidr.as_deref().unwrap_or_default(),
    ))
}

fn is_bastion_group(network: &Network, id: &str) -> bool {
    network.group(id).is_some_and(|group| tags::is(&group.tags, Purpose::Group))
}

/// The subnet's own table, or the main one.
fn table_of<'a>(tables: &'a [RouteTable], subnet: &str) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnets.iter().any(|id| id == subnet));
    own.or_else(|| tables.iter().find(|table| table.is_main))
}

/// Where the subnet's table sends the default route.
fn default_route<'a>(tables: &'a [RouteTable], subnet: &str) -> Option<&'a Gateway> {
    table_of(tables, subnet)?.default_route.as_ref()
}
