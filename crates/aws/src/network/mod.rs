//! What a VPC looks like from a bastion: which of its subnets reach Session Manager, and how.
//!
//! The types are plain data; [`classify`] decides from them alone.

mod classify;
pub(crate) mod dns;
mod group;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::tags::Tags;

pub use classify::{Class, Classified, classify};
pub(crate) use dns::{host_block, resolver_fault};
pub(crate) use group::contains;
pub use group::{Group, Peer, Protocol, Rule};
pub use read::vpcs;
pub(crate) use read::{
    OwnRule, account_of, describe_endpoints, describe_groups, describe_network, describe_own_rules,
    filter, filter_tag, living, tag_map,
};

/// A VPC and what decides where traffic of its subnets goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC; `None` when there is none of that id.
    pub vpc: Option<Vpc>,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// Its route tables.
    pub route_tables: Vec<RouteTable>,
    /// Its interface endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Its security groups.
    pub groups: Vec<Group>,
    /// The instances that have a group with one of the names that adit gives, by the group's id. Empty
    /// where the caller may not look.
    #[serde(default)]
    pub users: BTreeMap<String, BTreeSet<String>>,
}

impl Network {
    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its id, `vpc-…`.
    pub id: String,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Whether it is the region's default VPC.
    pub is_default: bool,
    /// Its IPv4 blocks, as `10.0.0.0/16`.
    pub cidrs: Vec<String>,
    /// Its IPv6 blocks.
    pub ipv6_cidrs: Vec<String>,
    /// The account that has it; others may have been given subnets of it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether it has a name server of its own (`enableDnsSupport`); `None` when that is not known.
    #[serde(default)]
    pub dns_support: Option<bool>,
    /// Whether names resolve in it and private names of endpoints work (`enableDnsSupport` and
    /// `enableDnsHostnames`); `None` when that is not known.
    pub private_dns: Option<bool>,
    /// The name servers that its instances are told of, other than its own.
    #[serde(default)]
    pub dns_servers: Vec<IpAddr>,
    /// Whether they are told of its own, too.
    #[serde(default)]
    pub uses_own_dns: Option<bool>,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id, `subnet-…`.
    pub id: String,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Its availability zone, as `eu-west-1a`.
    pub zone: String,
    /// Its IPv4 block; `None` in a subnet of IPv6 only.
    pub cidr: Option<String>,
    /// How many IPv4 addresses are free in it.
    pub free_addresses: u32,
    /// Whether what is started in it gets a public address by default.
    pub maps_public_ip: bool,
}

/// A route table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Its id, `rtb-…`.
    pub id: String,
    /// Whether it holds for the subnets that name none.
    pub is_main: bool,
    /// The subnets that name it.
    pub subnets: Vec<String>,
    /// Where it sends `0.0.0.0/0`, or both halves of that; `None` without such a route, or when its
    /// gateway is gone.
    pub default_route: Option<Gateway>,
    /// The managed lists of addresses that it has routes for, which may hold all that is needed.
    #[serde(default)]
    pub prefix_lists: Vec<String>,
}

/// Where a default route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "kebab-case")]
pub enum Gateway {
    /// An internet gateway: only public addresses get answers.
    Internet(String),
    /// A NAT gateway.
    Nat(String),
    /// A transit gateway, or the core network of Cloud WAN.
    Transit(String),
    /// A virtual private gateway, towards a network elsewhere.
    Vpn(String),
    /// An instance or its network interface.
    Interface(String),
    /// An endpoint of a firewall or another appliance.
    Appliance(String),
    /// Something that leads to no Session Manager, such as a peering connection.
    Other(String),
}

/// An interface endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id, `vpce-…`.
    pub id: String,
    /// The service, as `com.amazonaws.eu-west-1.ssm`.
    pub service: String,
    /// Its state in lower case, as `available`.
    pub state: String,
    /// Whether the service's name resolves to it in the VPC.
    pub private_dns: bool,
    /// The subnets it has an interface in.
    pub subnets: Vec<String>,
    /// Its security groups.
    pub groups: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// The services that the agent of a bastion calls: `ec2messages` is for older agents than those of
/// the images in use.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html>
pub(crate) const SERVICES: [&str; 2] = ["ssm", "ssmmessages"];

impl Endpoint {
    /// Whether it is, or will soon be, the way to `service` (`ssm`) for the whole VPC.
    pub(crate) fn serves(&self, service: &str) -> bool {
        let is_service = self.service.rsplit('.').next() == Some(service);
        is_service && self.private_dns && matches!(self.state.as_str(), "available" | "pending")
    }
}

#[cfg(test)]
mod tests;
