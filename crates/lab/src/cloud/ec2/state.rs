use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};

use super::dhcp::DhcpOptions;
use super::endpoints::VpcEndpoint;
use super::groups::Group;
use super::instances::Instance;
use super::interfaces::Interface;
use super::internet::{Address, InternetGateway, NatGateway};
use super::networks::{Subnet, Vpc};
use super::routes::RouteTable;
use super::tokens::Made;
use super::volumes::Volume;
use crate::service::Service;

/// Tags of one resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// All of EC2's resources, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(super) dhcp_options: BTreeMap<String, DhcpOptions>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(super) internet_gateways: BTreeMap<String, InternetGateway>,
    pub(super) nat_gateways: BTreeMap<String, NatGateway>,
    pub(super) route_tables: BTreeMap<String, RouteTable>,
    pub(super) interfaces: BTreeMap<String, Interface>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) volumes: BTreeMap<String, Volume>,
    pub(super) endpoints: BTreeMap<String, VpcEndpoint>,
    pub(super) addresses: BTreeMap<String, Address>,
    /// What requests with client tokens have made.
    pub(super) tokens: BTreeMap<String, Made>,
    /// Of every resource that has any.
    pub(super) tags: BTreeMap<String, Tags>,
}

static NO_TAGS: Tags = Tags::new();

impl State {
    /// Brings everything to where it is at this time.
    pub(crate) fn settle(&mut self, service: &Service) {
        let now = service.clock.elapsed();
        self.settle_instances(now, service.faults.cloud.release());
        self.settle_nats(now);
        self.settle_endpoints(now);
        self.settle_interfaces(now);
    }

    /// A subnet that can be seen.
    pub(crate) fn subnet(&self, id: &str, now: Duration) -> Option<&Subnet> {
        self.subnets.get(id).filter(|subnet| subnet.born.is_visible(now))
    }

    /// A security group that can be seen.
    pub(crate) fn group(&self, id: &str, now: Duration) -> Option<&Group> {
        self.groups.get(id).filter(|group| group.born.is_visible(now))
    }

    /// The VPC that is there for those who name none.
    pub(crate) fn default_vpc(&self) -> Option<&Vpc> {
        self.vpcs.values().find(|vpc| vpc.is_default)
    }

    /// The group of a VPC that is there for those who name none.
    pub(crate) fn default_group(&self, vpc: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.vpc == vpc && group.name == "default")
    }

    /// All tags of a resource.
    pub(crate) fn tags_of(&self, id: &str) -> &Tags {
        self.tags.get(id).unwrap_or(&NO_TAGS)
    }

    /// The subnets of a VPC.
    pub(crate) fn subnets_of(&self, vpc: &str) -> impl Iterator<Item = &Subnet> {
        self.subnets.values().filter(move |subnet| subnet.vpc == vpc)
    }

    /// All instances, terminated ones included.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// The value of a resource's tag.
    pub(crate) fn tag_of(&self, id: &str, key: &str) -> Option<&str> {
        self.tags.get(id)?.get(key).map(String::as_str)
    }

    /// Addresses of a subnet that something has.
    pub(super) fn taken(&self, subnet: &str) -> impl Iterator<Item = Ipv4Addr> {
        self.interfaces.values().filter(move |eni| eni.subnet == subnet).map(|eni| eni.ip)
    }

    /// Whether one of a VPC's blocks overlaps.
    pub(super) fn overlaps(vpc: &Vpc, net: Ipv4Net) -> bool {
        vpc.blocks.iter().any(|block| block.contains(&net) || net.contains(block))
    }

    /// IPv6 blocks of a VPC.
    pub(super) fn ipv6(&self, vpc: &str) -> Option<Ipv6Net> {
        self.vpcs.get(vpc)?.ipv6
    }
}
