//! Route tables, their routes and the subnets that they are for.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::instances::Instance;
use super::internet::NatState;
use super::networks::in_use;
use super::resource::{Resource, describe, find, one};
use super::{State, tags};
use crate::cloud::state::Born;
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, list, node};
use crate::service::{ACCOUNT, Service};

#[derive(Clone, Debug)]
pub(super) struct RouteTable {
    pub(super) id: String,
    pub(super) vpc: String,
    /// Those that were made; the local ones follow from the VPC.
    pub(super) routes: Vec<Route>,
    pub(super) associations: Vec<Association>,
    pub(super) born: Born,
}

#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) to: IpNet,
    pub(super) hop: Hop,
}

/// Where a route leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hop {
    pub(super) kind: HopKind,
    pub(super) id: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HopKind {
    Internet,
    EgressOnly,
    Nat,
    Instance,
    Interface,
    /// Taken on trust: the lab has no others of their kind.
    Transit,
    /// The same.
    Peering,
}

#[derive(Clone, Debug)]
pub(super) struct Association {
    pub(super) id: String,
    /// `None` for the main table's.
    pub(super) subnet: Option<String>,
}

impl HopKind {
    /// Parameter, element and prefix of ids.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Internet => ("GatewayId", "gatewayId", "igw-"),
            Self::EgressOnly => {
                ("EgressOnlyInternetGatewayId", "egressOnlyInternetGatewayId", "eigw-")
            }
            Self::Nat => ("NatGatewayId", "natGatewayId", "nat-"),
            Self::Instance => ("InstanceId", "instanceId", "i-"),
            Self::Interface => ("NetworkInterfaceId", "networkInterfaceId", "eni-"),
            Self::Transit => ("TransitGatewayId", "transitGatewayId", "tgw-"),
            Self::Peering => ("VpcPeeringConnectionId", "vpcPeeringConnectionId", "pcx-"),
        }
    }

    const ALL: [Self; 7] = [
        Self::Internet,
        Self::EgressOnly,
        Self::Nat,
        Self::Instance,
        Self::Interface,
        Self::Transit,
        Self::Peering,
    ];
}

impl RouteTable {
    pub(super) fn is_main(&self) -> bool {
        self.associations.iter().any(|association| association.subnet.is_none())
    }

    fn children(&self, out: Element, cloud: &cloud::State) -> Element {
        let blocks = cloud.ec2.vpcs.get(&self.vpc);
        let local = blocks.into_iter().flat_map(|vpc| &vpc.blocks).map(|block| {
            node("item")
                .text("destinationCidrBlock", block)
                .text("gatewayId", "local")
                .text("state", "active")
                .text("origin", "CreateRouteTable")
        });
        let made = self.routes.iter().map(|Route { to, hop }| {
            let to = match to {
                IpNet::V4(net) => node("item").text("destinationCidrBlock", net),
                IpNet::V6(net) => node("item").text("destinationIpv6CidrBlock", net),
            };
            let alive = cloud.ec2.is_alive(hop, &self.vpc);
            to.text(hop.kind.names().1, &hop.id)
                .text("state", if alive { "active" } else { "blackhole" })
                .text("origin", "CreateRoute")
        });
        let associations = self.associations.iter().map(|Association { id, subnet }| {
            node("item")
                .text("routeTableAssociationId", id)
                .text("routeTableId", &self.id)
                .maybe("subnetId", subnet.as_ref())
                .text("main", subnet.is_none())
                .with(node("associationState").text("state", "associated"))
        });
        out.text("routeTableId", &self.id)
            .text("vpcId", &self.vpc)
            .text("ownerId", ACCOUNT)
            .with(list("routeSet", local.chain(made)))
            .with(list("associationSet", associations))
            .with(list("propagatingVgwSet", []))
            .with(tags::set(&cloud.ec2, &self.id))
    }
}

impl Resource for RouteTable {
    const IDS: &'static str = "RouteTableId";
    const SET: &'static str = "routeTableSet";
    const FILTERS: &'static [&'static str] = &[
        "association.main",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.gateway-id",
        "route.instance-id",
        "route.nat-gateway-id",
        "route.transit-gateway-id",
        "route.state",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) = ("InvalidRouteTableID.NotFound", "routeTable ID");
    const PREFIX: &'static str = "rtb-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, cloud: &cloud::State, filter: &str) -> Vec<String> {
        let hops = |kind| {
            let of = self.routes.iter().filter(move |route| route.hop.kind == kind);
            of.map(|route| route.hop.id.clone()).collect()
        };
        match filter {
            "association.main" if self.associations.is_empty() => Vec::new(),
            "association.main" => one(self.is_main()),
            "association.route-table-association-id" => {
                self.associations.iter().map(|association| association.id.clone()).collect()
            }
            "association.subnet-id" => {
                self.associations.iter().filter_map(|a| a.subnet.clone()).collect()
            }
            "owner-id" => one(ACCOUNT),
            "route.destination-cidr-block" => {
                let local = cloud.ec2.vpcs.get(&self.vpc).into_iter().flat_map(|vpc| &vpc.blocks);
                let made = self.routes.iter().map(|route| route.to.to_string());
                local.map(ToString::to_string).chain(made).collect()
            }
            "route.gateway-id" => hops(HopKind::Internet),
            "route.instance-id" => hops(HopKind::Instance),
            "route.nat-gateway-id" => hops(HopKind::Nat),
            "route.transit-gateway-id" => hops(HopKind::Transit),
            "route.state" => vec!["active".to_owned()],
            "vpc-id" => one(&self.vpc),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.children(node("item"), cloud)
    }
}

impl State {
    /// Whether what a route leads to is still there.
    pub(super) fn is_alive(&self, hop: &Hop, vpc: &str) -> bool {
        match hop.kind {
            HopKind::Internet => self
                .internet_gateways
                .get(&hop.id)
                .is_some_and(|gateway| gateway.vpc.as_deref() == Some(vpc)),
            HopKind::Nat => self
                .nat_gateways
                .get(&hop.id)
                .is_some_and(|gateway| gateway.state == NatState::Available),
            HopKind::Instance => self.instances.get(&hop.id).is_some_and(Instance::is_running),
            HopKind::Interface => self.interfaces.contains_key(&hop.id),
            HopKind::EgressOnly | HopKind::Transit | HopKind::Peering => true,
        }
    }

    /// The table of a subnet: its own, or the main one of its VPC.
    pub(super) fn table_of(&self, subnet: &str, vpc: &str) -> Option<&RouteTable> {
        let own = |table: &&RouteTable| {
            table.associations.iter().any(|a| a.subnet.as_deref() == Some(subnet))
        };
        let main = |table: &&RouteTable| table.vpc == vpc && table.is_main();
        let tables = || self.route_tables.values();
        tables().find(own).or_else(|| tables().find(main))
    }

    /// Whether packets from a subnet to an address get out of the VPC: by themselves only with a
    /// public address of their own. What the lab does not have inside is taken for a way out.
    pub(crate) fn leads_out(&self, subnet: &str, vpc: &str, to: Ipv4Addr, public: bool) -> bool {
        let Some(hop) = self.hop(subnet, vpc, to) else { return false };
        match hop.kind {
            HopKind::Internet => public,
            HopKind::Nat => self.nat_gateways.get(&hop.id).is_some_and(|nat| {
                let out = self.hop(&nat.subnet, vpc, to);
                nat.address.is_some() && out.is_some_and(|hop| hop.kind == HopKind::Internet)
            }),
            HopKind::Instance | HopKind::Interface | HopKind::Transit | HopKind::Peering => true,
            HopKind::EgressOnly => false,
        }
    }

    /// Where a subnet's packets to an address outside the VPC go: along the longest match.
    pub(super) fn hop(&self, subnet: &str, vpc: &str, to: Ipv4Addr) -> Option<&Hop> {
        let matching = |route: &&Route| match route.to {
            IpNet::V4(net) => net.contains(&to),
            IpNet::V6(_) => false,
        };
        let routes = self.table_of(subnet, vpc)?.routes.iter();
        let longest = routes.filter(matching).max_by_key(|route| route.to.prefix_len())?;
        Some(&longest.hop).filter(|hop| self.is_alive(hop, vpc))
    }
}

pub(super) fn make_table(service: &Service, state: &mut State, vpc: &str, main: bool) -> String {
    let id = format!("rtb-0{}", service.entropy.hex(16));
    let association =
        || Association { id: format!("rtbassoc-0{}", service.entropy.hex(16)), subnet: None };
    let table = RouteTable {
        id: id.clone(),
        vpc: vpc.to_owned(),
        routes: Vec::new(),
        associations: main.then(association).into_iter().collect(),
        born: Born::now(service),
    };
    state.route_tables.insert(id.clone(), table);
    id
}

pub(super) fn create_table(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let vpc = find(&cloud.ec2.vpcs, call.params.required("VpcId")?, call.now())?.id.clone();
    let tags = tags::specified(call, &["route-table"], "route-table")?;
    let id = make_table(call.service, &mut cloud.ec2, &vpc, false);
    cloud.ec2.tag(&id, tags);
    Ok(answer().with(cloud.ec2.route_tables[&id].children(node("routeTable"), cloud)))
}

pub(super) fn describe_tables(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe(call, cloud, cloud.ec2.route_tables.values())
}

pub(super) fn delete_table(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("RouteTableId")?;
    if !find(&cloud.ec2.route_tables, id, call.now())?.associations.is_empty() {
        return Err(in_use("routeTable", id));
    }
    cloud.ec2.route_tables.remove(id);
    cloud.ec2.untag(id);
    Ok(answer().text("return", true))
}

fn destination(call: &Call<'_>) -> Result<IpNet, CloudError> {
    let text = call.params.get("DestinationCidrBlock");
    let text = text.or_else(|| call.params.get("DestinationIpv6CidrBlock"));
    let Some(text) = text else {
        return Err(CloudError::refuse(
            "MissingParameter",
            "The request must contain exactly one of: destinationCidrBlock, \
             destinationIpv6CidrBlock, destinationPrefixListId",
        ));
    };
    text.parse::<IpNet>().map(|net| net.trunc()).map_err(|_| {
        let message = format!(
            "Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid \
             CIDR block."
        );
        CloudError::refuse("InvalidParameterValue", message)
    })
}

fn hop(call: &Call<'_>, state: &State, vpc: &str) -> Result<Hop, CloudError> {
    let given = |kind: HopKind| Some((kind, call.params.get(kind.names().0)?.to_owned()));
    let Some((mut kind, id)) = HopKind::ALL.into_iter().find_map(given) else {
        let message = "The request must contain a target of the route, as in gatewayId";
        return Err(CloudError::refuse("MissingParameter", message));
    };
    // A NAT gateway given as gateway is taken for what it is.
    kind = HopKind::ALL.into_iter().find(|kind| id.starts_with(kind.names().2)).unwrap_or(kind);
    let now = call.now();
    match kind {
        HopKind::Internet => {
            let gateway = find(&state.internet_gateways, &id, now)?;
            if gateway.vpc.as_deref() != Some(vpc) {
                let message = format!("network gateway {id} belongs to a different network");
                return Err(CloudError::refuse("InvalidParameterValue", message));
            }
        }
        HopKind::Nat => {
            find(&state.nat_gateways, &id, now)?;
        }
        HopKind::Instance => {
            find(&state.instances, &id, now)?;
        }
        HopKind::Interface => {
            find(&state.interfaces, &id, now)?;
        }
        HopKind::EgressOnly | HopKind::Transit | HopKind::Peering => {}
    }
    Ok(Hop { kind, id })
}

pub(super) fn create_route(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("RouteTableId")?;
    let table = find(&cloud.ec2.route_tables, id, call.now())?;
    let to = destination(call)?;
    let hop = hop(call, &cloud.ec2, &table.vpc)?;
    let local = cloud.ec2.vpcs.get(&table.vpc).is_some_and(|vpc| match to {
        IpNet::V4(to) => vpc.blocks.contains(&to),
        IpNet::V6(to) => vpc.ipv6 == Some(to),
    });
    if local || table.routes.iter().any(|route| route.to == to && route.hop != hop) {
        let message = format!("The route identified by {to} already exists.");
        return Err(CloudError::refuse("RouteAlreadyExists", message));
    }
    if let Some(table) = cloud.ec2.route_tables.get_mut(id) {
        table.routes.retain(|route| route.to != to);
        table.routes.push(Route { to, hop });
    }
    Ok(answer().text("return", true))
}

fn no_route(id: &str, to: IpNet) -> CloudError {
    let message = format!("no route with destination-cidr-block {to} in route table {id}");
    CloudError::refuse("InvalidRoute.NotFound", message)
}

pub(super) fn replace_route(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("RouteTableId")?;
    let table = find(&cloud.ec2.route_tables, id, call.now())?;
    let to = destination(call)?;
    let hop = hop(call, &cloud.ec2, &table.vpc)?;
    let table = cloud.ec2.route_tables.get_mut(id);
    let route = table.and_then(|table| table.routes.iter_mut().find(|route| route.to == to));
    route.ok_or_else(|| no_route(id, to))?.hop = hop;
    Ok(answer().text("return", true))
}

pub(super) fn delete_route(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let id = call.params.required("RouteTableId")?;
    find(&cloud.ec2.route_tables, id, call.now())?;
    let to = destination(call)?;
    let routes = cloud.ec2.route_tables.get_mut(id).map(|table| &mut table.routes);
    let Some(routes) = routes.filter(|routes| routes.iter().any(|route| route.to == to)) else {
        return Err(no_route(id, to));
    };
    routes.retain(|route| route.to != to);
    Ok(answer().text("return", true))
}

/// The way out that a default VPC has.
pub(super) fn add_default(state: &mut State, vpc: &str, gateway: &str) {
    let hop = Hop { kind: HopKind::Internet, id: gateway.to_owned() };
    let to = IpNet::V4(Ipv4Net::default());
    for table in state.route_tables.values_mut().filter(|table| table.vpc == vpc) {
        table.routes.push(Route { to, hop: hop.clone() });
    }
}
