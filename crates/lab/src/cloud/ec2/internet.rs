//! Internet gateways, NAT gateways and elastic addresses: ways out of a VPC.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::interfaces::{Interface, Owner};
use super::networks::in_use;
use super::resource::{Resource, describe, find, one};
use super::{State, Tags, tags};
use crate::cloud::state::{Born, iso};
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::ACCOUNT;

#[derive(Clone, Debug)]
pub(super) struct InternetGateway {
    pub(super) id: String,
    /// The VPC that it is attached to.
    pub(super) vpc: Option<String>,
    pub(super) born: Born,
}

#[derive(Clone, Debug)]
pub(super) struct NatGateway {
    pub(super) id: String,
    pub(super) vpc: String,
    pub(super) subnet: String,
    pub(super) interface: String,
    /// The allocation of a public one.
    pub(super) address: Option<String>,
    pub(super) state: NatState,
    pub(super) born: Born,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NatState {
    Pending { until: Duration },
    Available,
    Deleting { until: Duration },
    Deleted,
}

/// An elastic address.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) id: String,
    pub(super) ip: Ipv4Addr,
    /// The interface that it belongs to.
    pub(super) interface: Option<String>,
    pub(super) born: Born,
}

impl Resource for InternetGateway {
    const IDS: &'static str = "InternetGatewayId";
    const SET: &'static str = "internetGatewaySet";
    const FILTERS: &'static [&'static str] =
        &["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"];
    const MISSING: (&'static str, &'static str) =
        ("InvalidInternetGatewayID.NotFound", "internetGateway ID");
    const PREFIX: &'static str = "igw-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "attachment.vpc-id" => self.vpc.clone().into_iter().collect(),
            "attachment.state" => self.vpc.iter().map(|_| "available".to_owned()).collect(),
            "owner-id" => one(ACCOUNT),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        let attached =
            self.vpc.iter().map(|vpc| node("item").text("vpcId", vpc).text("state", "available"));
        node("item")
            .text("internetGatewayId", &self.id)
            .text("ownerId", ACCOUNT)
            .with(list("attachmentSet", attached))
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

impl NatState {
    fn name(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Available => "available",
            Self::Deleting { .. } => "deleting",
            Self::Deleted => "deleted",
        }
    }
}

impl Resource for NatGateway {
    const IDS: &'static str = "NatGatewayId";
    const SET: &'static str = "natGatewaySet";
    const FILTERS: &'static [&'static str] = &["nat-gateway-id", "state", "subnet-id", "vpc-id"];
    const MISSING: (&'static str, &'static str) = ("NatGatewayNotFound", "Nat Gateway");
    const PREFIX: &'static str = "nat-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "state" => one(self.state.name()),
            "subnet-id" => one(&self.subnet),
            "vpc-id" => one(&self.vpc),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.children(node("item"), cloud)
    }
}

impl NatGateway {
    fn children(&self, out: Element, cloud: &cloud::State) -> Element {
        let interface = cloud.ec2.interfaces.get(&self.interface);
        let public = self.address.as_ref().and_then(|id| cloud.ec2.addresses.get(id));
        let address = node("item")
            .maybe("allocationId", self.address.as_ref())
            .maybe("networkInterfaceId", interface.map(|eni| &eni.id))
            .maybe("privateIp", interface.map(|eni| eni.ip))
            .maybe("publicIp", public.map(|address| address.ip));
        out.text("natGatewayId", &self.id)
            .text("vpcId", &self.vpc)
            .text("subnetId", &self.subnet)
            .text("state", self.state.name())
            .text("createTime", iso(self.born.unix))
            .text("connectivityType", if self.address.is_some() { "public" } else { "private" })
            .with(list("natGatewayAddressSet", [address]))
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

impl Resource for Address {
    const IDS: &'static str = "AllocationId";
    const SET: &'static str = "addressesSet";
    const FILTERS: &'static [&'static str] =
        &["allocation-id", "domain", "network-interface-id", "public-ip"];
    const MISSING: (&'static str, &'static str) = ("InvalidAllocationID.NotFound", "allocation ID");
    const PREFIX: &'static str = "eipalloc-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "domain" => one("vpc"),
            "network-interface-id" => self.interface.clone().into_iter().collect(),
            "public-ip" => one(self.ip),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        node("item")
            .text("allocationId", &self.id)
            .text("publicIp", self.ip)
            .text("domain", "vpc")
            .maybe("networkInterfaceId", self.interface.as_ref())
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

pub(super) fn create_gateway(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let tags = tags::specified(call, &["internet-gateway"], "internet-gateway")?;
    let id = call.new_id("igw");
    let gateway = InternetGateway { id: id.clone(), vpc: None, born: call.born() };
    cloud.ec2.internet_gateways.insert(id.clone(), gateway);
    cloud.ec2.tag(&id, tags);
    let out = node("internetGateway")
        .text("internetGatewayId", &id)
        .text("ownerId", ACCOUNT)
        .with(list("attachmentSet", []))
        .with(tags::set(&cloud.ec2, &id));
    Ok(answer().with(out))
}

pub(super) fn describe_gateways(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.internet_gateways.values())
}

pub(super) fn attach_gateway(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let (state, now) = (&mut cloud.ec2, call.now());
    let id = call.params.required("InternetGatewayId")?;
    let attached = find(&state.internet_gateways, id, now)?.vpc.clone();
    let vpc = find(&state.vpcs, call.params.required("VpcId")?, now)?.id.clone();
    if let Some(other) = attached {
        let message = format!("resource {id} is already attached to network {other}");
        return Err(CloudError::refuse("Resource.AlreadyAssociated", message));
    }
    if state.internet_gateways.values().any(|gateway| gateway.vpc.as_ref() == Some(&vpc)) {
        let message = format!("Network {vpc} already has an internet gateway attached");
        return Err(CloudError::refuse("InvalidParameterValue", message));
    }
    if let Some(gateway) = state.internet_gateways.get_mut(id) {
        gateway.vpc = Some(vpc);
    }
    Ok(answer().text("return", true))
}

pub(super) fn detach_gateway(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let (state, now) = (&mut cloud.ec2, call.now());
    let id = call.params.required("InternetGatewayId")?;
    find(&state.internet_gateways, id, now)?;
    let vpc = find(&state.vpcs, call.params.required("VpcId")?, now)?.id.clone();
    let gateway = state.internet_gateways.get_mut(id);
    let Some(gateway) = gateway.filter(|gateway| gateway.vpc.as_ref() == Some(&vpc)) else {
        let message = format!("resource {id} is not attached to network {vpc}");
        return Err(CloudError::refuse("Gateway.NotAttached", message));
    };
    if state.interfaces.values().any(|eni| eni.vpc == vpc && eni.public_ip.is_some()) {
        let message = format!(
            "Network {vpc} has some mapped public address(es). Please unmap \
                               those public address(es) before detaching the gateway."
        );
        return Err(CloudError::refuse("DependencyViolation", message));
    }
    gateway.vpc = None;
    Ok(answer().text("return", true))
}

pub(super) fn delete_gateway(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("InternetGatewayId")?;
    if find(&cloud.ec2.internet_gateways, id, call.now())?.vpc.is_some() {
        return Err(in_use("internetGateway", id));
    }
    cloud.ec2.internet_gateways.remove(id);
    cloud.ec2.untag(id);
    Ok(answer().text("return", true))
}

pub(super) fn allocate_address(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let tags = tags::specified(call, &["elastic-ip"], "elastic-ip")?;
    let id = call.new_id("eipalloc");
    let ip = cloud.ec2.next_public_ip();
    let address = Address { id: id.clone(), ip, interface: None, born: call.born() };
    cloud.ec2.addresses.insert(id.clone(), address);
    cloud.ec2.tag(&id, tags);
    Ok(answer().text("allocationId", id).text("publicIp", ip).text("domain", "vpc"))
}

pub(super) fn describe_addresses(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.addresses.values())
}

pub(super) fn release_address(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("AllocationId")?;
    let address = find(&cloud.ec2.addresses, id, call.now())?;
    if address.interface.is_some() {
        let message = format!("Address {} is in use.", address.ip);
        return Err(CloudError::refuse("InvalidIPAddress.InUse", message));
    }
    cloud.ec2.addresses.remove(id);
    cloud.ec2.untag(id);
    Ok(answer().text("return", true))
}

pub(super) fn create_nat(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let now = call.now();
    let subnet = find(&cloud.ec2.subnets, call.params.required("SubnetId")?, now)?.clone();
    let public = call.params.get("ConnectivityType").unwrap_or("public") == "public";
    let address = if public {
        Some(find(&cloud.ec2.addresses, call.params.required("AllocationId")?, now)?.id.clone())
    } else {
        None
    };
    if let Some(id) = &address
        && cloud.ec2.addresses[id].interface.is_some()
    {
        let message = format!("Elastic IP address [{id}] is already associated");
        return Err(CloudError::refuse("Resource.AlreadyAssociated", message));
    }
    let tags = tags::specified(call, &["natgateway"], "natgateway")?;
    let id = call.new_id("nat");
    let description = format!("Interface for NAT Gateway {id}");
    let mut interface =
        Interface::new(call, &mut cloud.ec2, &subnet, Vec::new(), Owner::Service { description })?;
    if let Some(address) = address.as_ref().and_then(|id| cloud.ec2.addresses.get_mut(id)) {
        address.interface = Some(interface.id.clone());
        interface.public_ip = Some(address.ip);
    }
    let gateway = NatGateway {
        id: id.clone(),
        vpc: subnet.vpc,
        subnet: subnet.id,
        interface: interface.id.clone(),
        address,
        state: NatState::Pending { until: now + call.service.faults.cloud.boot() },
        born: call.born(),
    };
    cloud.ec2.interfaces.insert(interface.id.clone(), interface);
    cloud.ec2.nat_gateways.insert(id.clone(), gateway);
    cloud.ec2.tag(&id, tags);
    let gateway = &cloud.ec2.nat_gateways[&id];
    Ok(answer().with(gateway.children(node("natGateway"), cloud)))
}

/// Its filters are in `Filter`, as everywhere; deleted ones stay to be seen.
pub(super) fn describe_nats(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.nat_gateways.values())
}

pub(super) fn delete_nat(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = find(&cloud.ec2.nat_gateways, call.params.required("NatGatewayId")?, call.now())?
        .id
        .clone();
    let until = call.now() + call.service.faults.cloud.release();
    if let Some(gateway) = cloud.ec2.nat_gateways.get_mut(&id)
        && gateway.state != NatState::Deleted
    {
        gateway.state = NatState::Deleting { until };
    }
    Ok(answer().text("natGatewayId", id))
}

impl State {
    /// A public address that nothing has: of a block that stands for examples (RFC 5737), and of
    /// the one for benchmarks (RFC 2544) behind it.
    pub(super) fn next_public_ip(&self) -> Ipv4Addr {
        let taken: Vec<Ipv4Addr> = self
            .interfaces
            .values()
            .filter_map(|eni| eni.public_ip)
            .chain(self.addresses.values().map(|address| address.ip))
            .collect();
        let example = (1..=254).map(|host| Ipv4Addr::new(203, 0, 113, host));
        let more = (0..=u16::MAX).map(|at| {
            let [high, low] = at.to_be_bytes();
            Ipv4Addr::new(198, 18, high, low)
        });
        example.chain(more).find(|ip| !taken.contains(ip)).unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// Brings gateways to where they are at this time.
    pub(super) fn settle_nats(&mut self, now: Duration) {
        for gateway in self.nat_gateways.values_mut() {
            match gateway.state {
                NatState::Pending { until } if until <= now => gateway.state = NatState::Available,
                NatState::Deleting { until } if until <= now => {
                    gateway.state = NatState::Deleted;
                    self.interfaces.remove(&gateway.interface);
                    let address = gateway.address.as_ref();
                    if let Some(address) = address.and_then(|id| self.addresses.get_mut(id)) {
                        address.interface = None;
                    }
                }
                _ => {}
            }
        }
    }
}

/// Tags that an internet gateway of the first VPC has: none.
pub(super) fn make_gateway(
    service: &crate::service::Service,
    state: &mut State,
    vpc: &str,
) -> String {
    let id = format!("igw-0{}", service.entropy.hex(16));
    let gateway =
        InternetGateway { id: id.clone(), vpc: Some(vpc.to_owned()), born: Born::now(service) };
    state.internet_gateways.insert(id.clone(), gateway);
    state.tag(&id, Tags::new());
    id
}
