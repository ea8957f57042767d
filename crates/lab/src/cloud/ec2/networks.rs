//! VPCs.

use ipnet::{Ipv4Net, Ipv6Net};

use super::dhcp::{DEFAULT, DhcpOptions};
use super::places::ZONES;
use super::resource::{Resource, describe, find, one};
pub(crate) use super::subnets::Subnet;
use super::{State, tags};
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::ACCOUNT;

#[derive(Clone, Debug)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    /// The first is the one that it was made with.
    pub(crate) blocks: Vec<Ipv4Net>,
    pub(crate) ipv6: Option<Ipv6Net>,
    pub(crate) is_default: bool,
    pub(crate) dns_support: bool,
    pub(crate) dns_hostnames: bool,
    /// What tells its instances of name servers.
    pub(super) dhcp_options: String,
    pub(crate) born: Born,
}

impl Resource for Vpc {
    const IDS: &'static str = "VpcId";
    const SET: &'static str = "vpcSet";
    const FILTERS: &'static [&'static str] = &[
        "cidr",
        "cidr-block-association.cidr-block",
        "is-default",
        "isDefault",
        "owner-id",
        "state",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) = ("InvalidVpcID.NotFound", "vpc ID");
    const PREFIX: &'static str = "vpc-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "cidr" => one(self.blocks[0]),
            "cidr-block-association.cidr-block" => {
                self.blocks.iter().map(ToString::to_string).collect()
            }
            "is-default" | "isDefault" => one(self.is_default),
            "owner-id" => one(ACCOUNT),
            "state" => one("available"),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.children(node("item"), cloud)
    }
}

impl Vpc {
    fn children(&self, out: Element, cloud: &cloud::State) -> Element {
        let tail = self.id.trim_start_matches("vpc-");
        let associated = |name, state, association: String, block: String| {
            node("item")
                .text("associationId", association)
                .text(name, block)
                .with(node(state).text("state", "associated"))
        };
        let blocks = self.blocks.iter().enumerate().map(|(at, block)| {
            let id = format!("vpc-cidr-assoc-{at}{}", tail.get(1..).unwrap_or_default());
            associated("cidrBlock", "cidrBlockState", id, block.to_string())
        });
        let ipv6 = self.ipv6.map(|block| {
            let id = format!("vpc-cidr-assoc-f{}", tail.get(1..).unwrap_or_default());
            associated("ipv6CidrBlock", "ipv6CidrBlockState", id, block.to_string())
        });
        let mut out = out
            .text("vpcId", &self.id)
            .text("ownerId", ACCOUNT)
            .text("state", "available")
            .text("cidrBlock", self.blocks[0])
            .with(list("cidrBlockAssociationSet", blocks));
        if let Some(ipv6) = ipv6 {
            out = out.with(list("ipv6CidrBlockAssociationSet", [ipv6]));
        }
        out.text("dhcpOptionsId", &self.dhcp_options)
            .with(tags::set(&cloud.ec2, &self.id))
            .text("instanceTenancy", "default")
            .text("isDefault", self.is_default)
    }
}

/// A block as a parameter has it, in its canonical form.
pub(super) fn block(text: &str) -> Result<Ipv4Net, CloudError> {
    text.parse::<Ipv4Net>().map(|net| net.trunc()).map_err(|_| {
        let message = format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        );
        CloudError::refuse("InvalidParameterValue", message)
    })
}

/// Refuses a block that is too large or too small.
pub(super) fn of_size(net: Ipv4Net, code: &'static str) -> Result<(), CloudError> {
    if (16..=28).contains(&net.prefix_len()) {
        return Ok(());
    }
    Err(CloudError::refuse(code, format!("The CIDR '{net}' is invalid.")))
}

pub(super) fn create_vpc(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let net = block(call.params.required("CidrBlock")?)?;
    of_size(net, "InvalidVpc.Range")?;
    let tags = tags::specified(call, &["vpc"], "vpc")?;
    let ipv6 = call.params.flag("AmazonProvidedIpv6CidrBlock")?;
    let id = make_vpc(call.service, &mut cloud.ec2, net, ipv6);
    cloud.ec2.tag(&id, tags);
    let vpc = &cloud.ec2.vpcs[&id];
    Ok(answer().with(vpc.children(node("vpc"), cloud)))
}

/// A VPC with what each has from the start: a main route table and a default group.
pub(super) fn make_vpc(
    service: &crate::service::Service,
    state: &mut State,
    net: Ipv4Net,
    ipv6: bool,
) -> String {
    let (born, entropy) = (Born::now(service), &service.entropy);
    let id = format!("vpc-0{}", entropy.hex(16));
    let ipv6 = ipv6.then(|| {
        let block = format!("2600:1f18:{}:{}00::/56", entropy.hex(4), entropy.hex(2));
        block.parse().ok()
    });
    let vpc = Vpc {
        id: id.clone(),
        blocks: vec![net],
        ipv6: ipv6.flatten(),
        is_default: false,
        dns_support: true,
        dns_hostnames: false,
        dhcp_options: DEFAULT.to_owned(),
        born,
    };
    let default_set = || DhcpOptions::default_set(born);
    state.dhcp_options.entry(DEFAULT.to_owned()).or_insert_with(default_set);
    state.vpcs.insert(id.clone(), vpc);
    super::routes::make_table(service, state, &id, true);
    super::groups::make_group(service, state, &id, "default", "default VPC security group");
    id
}

pub(super) fn describe_vpcs(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.vpcs.values())
}

pub(super) fn delete_vpc(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?.id.clone();
    let others = cloud.endpoints().iter().any(|endpoint| endpoint.vpc == id);
    let state = &mut cloud.ec2;
    let used = others
        || state.subnets_of(&id).next().is_some()
        || state.internet_gateways.values().any(|gateway| gateway.vpc.as_ref() == Some(&id))
        || state.endpoints.values().any(|endpoint| endpoint.vpc == id)
        || state.interfaces.values().any(|eni| eni.vpc == id)
        || state.groups.values().any(|group| group.vpc == id && group.name != "default")
        || state.route_tables.values().any(|table| table.vpc == id && !table.is_main());
    if used {
        return Err(in_use("vpc", &id));
    }
    state.groups.retain(|_, group| group.vpc != id);
    state.route_tables.retain(|_, table| table.vpc != id);
    state.vpcs.remove(&id);
    state.untag(&id);
    Ok(answer().text("return", true))
}

/// The refusal to delete what others need.
pub(super) fn in_use(noun: &str, id: &str) -> CloudError {
    let message = format!("The {noun} '{id}' has dependencies and cannot be deleted.");
    CloudError::refuse("DependencyViolation", message)
}

pub(super) fn vpc_attribute(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let vpc = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?;
    let (name, value) = match call.params.required("Attribute")? {
        "enableDnsSupport" => ("enableDnsSupport", vpc.dns_support),
        "enableDnsHostnames" => ("enableDnsHostnames", vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => ("enableNetworkAddressUsageMetrics", false),
        other => {
            let message = format!("Value ({other}) for parameter attribute is invalid.");
            return Err(CloudError::refuse("InvalidParameterValue", message));
        }
    };
    Ok(answer().text("vpcId", &vpc.id).with(node(name).text("value", value)))
}

pub(super) fn modify_vpc_attribute(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?.id.clone();
    let support = call.params.switch("EnableDnsSupport.Value")?;
    let hostnames = call.params.switch("EnableDnsHostnames.Value")?;
    if let Some(vpc) = cloud.ec2.vpcs.get_mut(&id) {
        vpc.dns_support = support.unwrap_or(vpc.dns_support);
        vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
    }
    Ok(answer().text("return", true))
}

pub(super) fn associate_block(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?.id.clone();
    let net = block(call.params.required("CidrBlock")?)?;
    of_size(net, "InvalidVpc.Range")?;
    let Some(vpc) = cloud.ec2.vpcs.get_mut(&id) else { return Err(in_use("vpc", &id)) };
    if State::overlaps(vpc, net) {
        let message = format!("The CIDR '{net}' conflicts with another block of the VPC.");
        return Err(CloudError::refuse("InvalidVpc.Range", message));
    }
    vpc.blocks.push(net);
    let association = node("cidrBlockAssociation")
        .text("associationId", call.new_id("vpc-cidr-assoc"))
        .text("cidrBlock", net)
        .with(node("cidrBlockState").text("state", "associating"));
    Ok(answer().text("vpcId", id).with(association))
}

/// The default VPC and all that belongs to it.
pub(crate) fn make_default(
    service: &crate::service::Service,
    state: &mut State,
    net: Ipv4Net,
    subnets: [Ipv4Net; 3],
) {
    let id = make_vpc(service, state, net, false);
    if let Some(vpc) = state.vpcs.get_mut(&id) {
        vpc.is_default = true;
        vpc.dns_hostnames = true;
    }
    for (block, zone) in subnets.into_iter().zip(ZONES) {
        let subnet = Subnet {
            id: format!("subnet-0{}", service.entropy.hex(16)),
            vpc: id.clone(),
            block,
            zone: zone.to_owned(),
            is_default: true,
            public_ip: true,
            born: Born::now(service),
        };
        state.subnets.insert(subnet.id.clone(), subnet);
    }
    let gateway = super::internet::make_gateway(service, state, &id);
    super::routes::add_default(state, &id, &gateway);
}
