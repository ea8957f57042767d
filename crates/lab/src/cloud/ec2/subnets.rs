//! Subnets and their addresses.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::networks::{block, in_use, of_size};
use super::places::{ZONES, zone_id};
use super::resource::{Resource, describe, find, one};
use super::{State, tags};
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::{ACCOUNT, REGION};

#[derive(Clone, Debug)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) block: Ipv4Net,
    /// As in `us-east-1a`.
    pub(crate) zone: String,
    pub(crate) is_default: bool,
    /// Whether instances get a public address unless they are told otherwise.
    pub(crate) public_ip: bool,
    pub(crate) born: Born,
}

impl Resource for Subnet {
    const IDS: &'static str = "SubnetId";
    const SET: &'static str = "subnetSet";
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "available-ip-address-count",
        "cidr-block",
        "cidr",
        "cidrBlock",
        "default-for-az",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) = ("InvalidSubnetID.NotFound", "subnet ID");
    const PREFIX: &'static str = "subnet-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "availability-zone" | "availabilityZone" => one(&self.zone),
            "availability-zone-id" => one(zone_id(&self.zone)),
            "available-ip-address-count" => one(cloud.ec2.free(self)),
            "cidr-block" | "cidr" | "cidrBlock" => one(self.block),
            "default-for-az" => one(self.is_default),
            "map-public-ip-on-launch" => one(self.public_ip),
            "owner-id" => one(ACCOUNT),
            "state" => one("available"),
            "subnet-arn" => one(self.arn()),
            "vpc-id" => one(&self.vpc),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.children(node("item"), cloud)
    }
}

impl Subnet {
    fn arn(&self) -> String {
        format!("arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{}", self.id)
    }

    fn children(&self, out: Element, cloud: &cloud::State) -> Element {
        out.text("subnetId", &self.id)
            .text("subnetArn", self.arn())
            .text("state", "available")
            .text("ownerId", ACCOUNT)
            .text("vpcId", &self.vpc)
            .text("cidrBlock", self.block)
            .with(list("ipv6CidrBlockAssociationSet", []))
            .text("availableIpAddressCount", cloud.ec2.free(self))
            .text("availabilityZone", &self.zone)
            .text("availabilityZoneId", zone_id(&self.zone))
            .text("defaultForAz", self.is_default)
            .text("mapPublicIpOnLaunch", self.public_ip)
            .text("assignIpv6AddressOnCreation", false)
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

impl State {
    /// Addresses of a subnet that nothing has; the service keeps five.
    pub(crate) fn free(&self, subnet: &Subnet) -> usize {
        let size = 1_usize << (32 - u32::from(subnet.block.prefix_len()));
        size.saturating_sub(5 + self.taken(&subnet.id).count())
    }

    /// The lowest address of a subnet that nothing has.
    pub(super) fn next_ip(&self, subnet: &Subnet) -> Option<Ipv4Addr> {
        let taken: Vec<Ipv4Addr> = self.taken(&subnet.id).collect();
        let last = subnet.block.broadcast();
        // The first four are the network's, the router's, the resolver's and one in reserve.
        let first = u32::from(subnet.block.network()) + 4;
        (first..u32::from(last)).map(Ipv4Addr::from).find(|ip| !taken.contains(ip))
    }
}

pub(super) fn create_subnet(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let vpc = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?;
    let net = block(call.params.required("CidrBlock")?)?;
    of_size(net, "InvalidSubnet.Range")?;
    if !vpc.blocks.iter().any(|block| block.contains(&net)) {
        return Err(CloudError::refuse(
            "InvalidSubnet.Range",
            format!("The CIDR '{net}' is invalid."),
        ));
    }
    let overlaps = |other: &Subnet| other.block.contains(&net) || net.contains(&other.block);
    if cloud.ec2.subnets_of(&vpc.id).any(overlaps) {
        let message = format!("The CIDR '{net}' conflicts with another subnet");
        return Err(CloudError::refuse("InvalidSubnet.Conflict", message));
    }
    let zone = call.params.get("AvailabilityZone");
    let by_id = call.params.get("AvailabilityZoneId");
    let zone = ZONES.into_iter().find(|known| match (zone, by_id) {
        (Some(zone), _) => zone == *known,
        (None, Some(id)) => id == zone_id(known),
        (None, None) => true,
    });
    let Some(zone) = zone else {
        let message = "Value for parameter availabilityZone is invalid. Subnets can currently \
                       only be created in the following availability zones: us-east-1a, \
                       us-east-1b, us-east-1c.";
        return Err(CloudError::refuse("InvalidParameterValue", message));
    };
    let tags = tags::specified(call, &["subnet"], "subnet")?;
    let id = call.new_id("subnet");
    let subnet = Subnet {
        id: id.clone(),
        vpc: vpc.id.clone(),
        block: net,
        zone: zone.to_owned(),
        is_default: false,
        public_ip: false,
        born: call.born(),
    };
    cloud.ec2.subnets.insert(id.clone(), subnet);
    cloud.ec2.tag(&id, tags);
    let subnet = &cloud.ec2.subnets[&id];
    Ok(answer().with(subnet.children(node("subnet"), cloud)))
}

pub(super) fn describe_subnets(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.subnets.values())
}

pub(super) fn modify_subnet_attribute(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = find(&cloud.ec2.subnets, call.params.required("SubnetId")?, call.now())?.id.clone();
    let public = call.params.switch("MapPublicIpOnLaunch.Value")?;
    if let Some(subnet) = cloud.ec2.subnets.get_mut(&id) {
        subnet.public_ip = public.unwrap_or(subnet.public_ip);
    }
    Ok(answer().text("return", true))
}

pub(super) fn delete_subnet(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = find(&cloud.ec2.subnets, call.params.required("SubnetId")?, call.now())?.id.clone();
    if cloud.ec2.interfaces.values().any(|eni| eni.subnet == id) {
        return Err(in_use("subnet", &id));
    }
    cloud.ec2.subnets.remove(&id);
    cloud.ec2.untag(&id);
    for table in cloud.ec2.route_tables.values_mut() {
        table.associations.retain(|association| association.subnet.as_ref() != Some(&id));
    }
    Ok(answer().text("return", true))
}
