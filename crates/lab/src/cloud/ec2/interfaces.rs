//! Network interfaces: what has addresses and groups.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::State;
use super::networks::Subnet;
use super::resource::{Resource, describe as describe_all, one};
use crate::cloud::state::{Born, iso};
use crate::cloud::{self, Call, CloudError, Element, Outcome, list, node};
use crate::service::ACCOUNT;

#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(super) id: String,
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(super) zone: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) public_ip: Option<Ipv4Addr>,
    pub(crate) groups: Vec<String>,
    pub(super) owner: Owner,
    mac: String,
    attachment: String,
    /// When it vanishes, once what it belonged to is gone.
    pub(super) gone: Option<Duration>,
    pub(super) born: Born,
}

/// What an interface belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Instance {
        id: String,
        index: u32,
    },
    /// A NAT gateway or a VPC endpoint.
    Service {
        description: String,
    },
}

impl Interface {
    /// An interface with the lowest free address of a subnet.
    pub(super) fn new(
        call: &Call<'_>,
        state: &mut State,
        subnet: &Subnet,
        groups: Vec<String>,
        owner: Owner,
    ) -> Result<Self, CloudError> {
        let ip = state.next_ip(subnet).ok_or_else(|| {
            let message = format!(
                "There are not enough free addresses in subnet '{}' to satisfy the requested \
                 number of instances.",
                subnet.id
            );
            CloudError::refuse("InsufficientFreeAddressesInSubnet", message)
        })?;
        let [_, second, third, fourth] = ip.octets();
        Ok(Self {
            id: call.new_id("eni"),
            vpc: subnet.vpc.clone(),
            subnet: subnet.id.clone(),
            zone: subnet.zone.clone(),
            ip,
            public_ip: None,
            groups,
            owner,
            mac: format!("0a:ff:00:{second:02x}:{third:02x}:{fourth:02x}"),
            attachment: call.new_id("eni-attach"),
            gone: None,
            born: call.born(),
        })
    }

    /// Its name inside the VPC.
    pub(crate) fn private_name(&self) -> String {
        private_name(self.ip)
    }

    pub(super) fn instance(&self) -> Option<&str> {
        match &self.owner {
            Owner::Instance { id, .. } => Some(id),
            Owner::Service { .. } => None,
        }
    }

    fn description(&self) -> &str {
        match &self.owner {
            Owner::Instance { .. } => "",
            Owner::Service { description } => description,
        }
    }

    pub(super) fn index(&self) -> u32 {
        match self.owner {
            Owner::Instance { index, .. } => index,
            Owner::Service { .. } => 1,
        }
    }

    fn kind(&self) -> &'static str {
        match &self.owner {
            Owner::Service { description } if description.starts_with("VPC Endpoint") => {
                "vpc_endpoint"
            }
            Owner::Service { .. } => "nat_gateway",
            Owner::Instance { .. } => "interface",
        }
    }

    /// The interface as an item of an instance's list, and the greater part of its own.
    pub(super) fn item(&self, state: &State) -> Element {
        let association = |public: Ipv4Addr| {
            node("association")
                .text("publicIp", public)
                .text("publicDnsName", public_name(public))
                .text("ipOwnerId", "amazon")
        };
        let mut address = node("item")
            .text("privateIpAddress", self.ip)
            .text("privateDnsName", private_name(self.ip))
            .text("primary", true);
        let mut attachment = node("attachment")
            .text("attachmentId", &self.attachment)
            .text("deviceIndex", self.index())
            .text("status", if self.gone.is_some() { "detaching" } else { "attached" })
            .text("attachTime", iso(self.born.unix))
            .text("deleteOnTermination", self.instance().is_some())
            .text("networkCardIndex", 0);
        if let Some(instance) = self.instance() {
            attachment = attachment.text("instanceId", instance);
        }
        let mut out = node("item")
            .text("networkInterfaceId", &self.id)
            .text("subnetId", &self.subnet)
            .text("vpcId", &self.vpc)
            .text("description", self.description())
            .text("ownerId", ACCOUNT)
            .text("status", "in-use")
            .text("macAddress", &self.mac)
            .text("privateIpAddress", self.ip)
            .text("privateDnsName", private_name(self.ip))
            .text("sourceDestCheck", true)
            .text("interfaceType", self.kind())
            .with(group_set(state, &self.groups))
            .with(attachment.text("instanceOwnerId", ACCOUNT));
        if let Some(public) = self.public_ip {
            out = out.with(association(public));
            address = address.with(association(public));
        }
        out.with(list("privateIpAddressesSet", [address])).with(list("ipv6AddressesSet", []))
    }
}

/// Groups as interfaces and instances have them.
pub(super) fn group_set(state: &State, groups: &[String]) -> Element {
    let items = groups.iter().map(|id| {
        let name = state.groups.get(id).map_or("", |group| group.name.as_str());
        node("item").text("groupId", id).text("groupName", name)
    });
    list("groupSet", items)
}

/// As in `ip-10-0-0-5.ec2.internal`.
pub(super) fn private_name(ip: Ipv4Addr) -> String {
    format!("ip-{}.ec2.internal", ip.to_string().replace('.', "-"))
}

/// As in `ec2-203-0-113-1.compute-1.amazonaws.com`.
pub(super) fn public_name(ip: Ipv4Addr) -> String {
    format!("ec2-{}.compute-1.amazonaws.com", ip.to_string().replace('.', "-"))
}

impl Resource for Interface {
    const IDS: &'static str = "NetworkInterfaceId";
    const SET: &'static str = "networkInterfaceSet";
    const FILTERS: &'static [&'static str] = &[
        "addresses.private-ip-address",
        "attachment.instance-id",
        "attachment.status",
        "availability-zone",
        "description",
        "group-id",
        "group-name",
        "interface-type",
        "mac-address",
        "network-interface-id",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "requester-managed",
        "status",
        "subnet-id",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) =
        ("InvalidNetworkInterfaceID.NotFound", "networkInterface ID");
    const PREFIX: &'static str = "eni-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "addresses.private-ip-address" | "private-ip-address" => one(self.ip),
            "attachment.instance-id" => self.instance().map(str::to_owned).into_iter().collect(),
            "attachment.status" => one(if self.gone.is_some() { "detaching" } else { "attached" }),
            "availability-zone" => one(&self.zone),
            "description" => one(self.description()),
            "group-id" => self.groups.clone(),
            "group-name" => {
                let groups = self.groups.iter().filter_map(|id| cloud.ec2.groups.get(id));
                groups.map(|group| group.name.clone()).collect()
            }
            "interface-type" => one(self.kind()),
            "mac-address" => one(&self.mac),
            "owner-id" => one(ACCOUNT),
            "private-dns-name" => one(private_name(self.ip)),
            "requester-managed" => one(self.instance().is_none()),
            "status" => one("in-use"),
            "subnet-id" => one(&self.subnet),
            "vpc-id" => one(&self.vpc),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        let tags = cloud.ec2.tags_of(&self.id).iter();
        let tags = tags.map(|(key, value)| node("item").text("key", key).text("value", value));
        self.item(&cloud.ec2)
            .text("availabilityZone", &self.zone)
            .text("requesterManaged", self.instance().is_none())
            .with(list("tagSet", tags))
    }
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe_all(call, cloud, cloud.ec2.interfaces.values())
}

impl State {
    /// Removes interfaces whose time is over.
    pub(super) fn settle_interfaces(&mut self, now: Duration) {
        let over = |eni: &Interface| eni.gone.is_some_and(|gone| gone <= now);
        let gone: Vec<String> =
            self.interfaces.values().filter(|eni| over(eni)).map(|eni| eni.id.clone()).collect();
        for id in gone {
            self.interfaces.remove(&id);
            self.untag(&id);
        }
    }
}
