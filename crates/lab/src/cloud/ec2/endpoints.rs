//! VPC endpoints: services inside a VPC.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::groups;
use super::interfaces::{Interface, Owner, group_set};
use super::networks::Subnet;
use super::places::{ZONES, zone_id};
use super::resource::{Filters, Resource, describe as describe_all, find, one, page};
use super::{State, Tags, tags, tokens};
use crate::cloud::state::{Born, iso};
use crate::cloud::{self, Call, CloudError, Element, Outcome, answer, el, list, node};
use crate::service::{ACCOUNT, REGION};

/// Services with interface endpoints, without what all of their names start with.
const SERVICES: [&str; 15] = [
    "autoscaling",
    "ec2",
    "ec2messages",
    "ecs",
    "elasticache",
    "kms",
    "logs",
    "monitoring",
    "rds",
    "rds-data",
    "redshift",
    "secretsmanager",
    "ssm",
    "ssmmessages",
    "sts",
];

/// Services with gateway endpoints.
const GATEWAYS: [&str; 2] = ["dynamodb", "s3"];

/// The policy of every endpoint.
const POLICY: &str =
    r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;

#[derive(Clone, Debug)]
pub(crate) struct VpcEndpoint {
    pub(super) id: String,
    pub(super) vpc: String,
    /// The service without what all names start with, as in `ssm`.
    pub(super) service: String,
    pub(super) private_dns: bool,
    pub(super) subnets: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(super) tables: Vec<String>,
    pub(super) interfaces: Vec<String>,
    pub(super) state: EndpointState,
    pub(super) born: Born,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EndpointState {
    Pending { until: Duration },
    Available,
    Deleting { until: Duration },
}

fn full_name(service: &str) -> String {
    format!("com.amazonaws.{REGION}.{service}")
}

impl VpcEndpoint {
    fn state(&self) -> &'static str {
        match self.state {
            EndpointState::Pending { .. } => "pending",
            EndpointState::Available => "available",
            EndpointState::Deleting { .. } => "deleting",
        }
    }

    fn kind(&self) -> &'static str {
        if GATEWAYS.contains(&self.service.as_str()) { "Gateway" } else { "Interface" }
    }

    fn children(&self, out: Element, cloud: &cloud::State) -> Element {
        let items = |name, ids: &[String]| list(name, ids.iter().map(|id| el("item", id)));
        let mut names = Vec::new();
        if self.kind() == "Interface" {
            let tail = self.id.get(5..13).unwrap_or_default();
            names.push(format!("{}-{tail}.{}.{REGION}.vpce.amazonaws.com", self.id, self.service));
        }
        if self.private_dns {
            names.push(format!("{}.{REGION}.amazonaws.com", self.service));
        }
        let names = names
            .into_iter()
            .map(|name| node("item").text("dnsName", name).text("hostedZoneId", "Z7HUB22UULQXV"));
        out.text("vpcEndpointId", &self.id)
            .text("vpcEndpointType", self.kind())
            .text("vpcId", &self.vpc)
            .text("serviceName", full_name(&self.service))
            .text("state", self.state())
            .text("policyDocument", POLICY)
            .with(items("routeTableIdSet", &self.tables))
            .with(items("subnetIdSet", &self.subnets))
            .with(group_set(&cloud.ec2, &self.groups))
            .text("ipAddressType", "ipv4")
            .text("privateDnsEnabled", self.private_dns)
            .text("requesterManaged", false)
            .with(items("networkInterfaceIdSet", &self.interfaces))
            .with(list("dnsEntrySet", names))
            .text("creationTimestamp", iso(self.born.unix))
            .with(tags::set(&cloud.ec2, &self.id))
            .text("ownerId", ACCOUNT)
    }
}

impl Resource for VpcEndpoint {
    const IDS: &'static str = "VpcEndpointId";
    const SET: &'static str = "vpcEndpointSet";
    const FILTERS: &'static [&'static str] = &[
        "ip-address-type",
        "service-name",
        "vpc-endpoint-id",
        "vpc-endpoint-state",
        "vpc-endpoint-type",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) =
        ("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id");
    const PREFIX: &'static str = "vpce-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, _cloud: &cloud::State, filter: &str) -> Vec<String> {
        match filter {
            "ip-address-type" => one("ipv4"),
            "service-name" => one(full_name(&self.service)),
            "vpc-endpoint-state" => one(self.state()),
            "vpc-endpoint-type" => one(self.kind()),
            "vpc-id" => one(&self.vpc),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        self.children(node("item"), cloud)
    }
}

fn invalid(message: impl Into<String>) -> CloudError {
    CloudError::refuse("InvalidParameter", message)
}

fn no_service(name: &str) -> CloudError {
    let message = format!("The Vpc Endpoint Service '{name}' does not exist");
    CloudError::refuse("InvalidServiceName", message)
}

/// The service of a full name, and whether its endpoints are gateways.
fn service(name: &str) -> Result<(&'static str, bool), CloudError> {
    let short = name.strip_prefix(&format!("com.amazonaws.{REGION}."));
    let of = |known: &[&'static str]| known.iter().copied().find(|known| Some(*known) == short);
    let interface = of(&SERVICES).map(|name| (name, false));
    interface.or_else(|| of(&GATEWAYS).map(|name| (name, true))).ok_or_else(|| no_service(name))
}

pub(super) fn create(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let params = call.params;
    let vpc = find(&cloud.ec2.vpcs, params.required("VpcId")?, call.now())?.clone();
    if let Some(ids) = tokens::earlier(call, &cloud.ec2)? {
        let made = ids.first().and_then(|id| cloud.ec2.endpoints.get(id));
        let made = made.map(|endpoint| endpoint.children(node("vpcEndpoint"), cloud));
        return Ok(answer().all(made).maybe("clientToken", params.get("ClientToken")));
    }
    let (service, gateway) = service(params.required("ServiceName")?)?;
    let kind = params.get("VpcEndpointType").unwrap_or("Gateway");
    if gateway != (kind == "Gateway") {
        return Err(invalid(format!(
            "The VPC endpoint type ({kind}) is not one of the types of the service."
        )));
    }
    let tags = tags::specified(call, &["vpc-endpoint"], "vpc-endpoint")?;
    let private_dns = params.switch("PrivateDnsEnabled")?.unwrap_or(true) && !gateway;
    if private_dns && !(vpc.dns_support && vpc.dns_hostnames) {
        return Err(invalid(format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC \
             attributes set to true for {}",
            vpc.id
        )));
    }
    let conflicts = |other: &VpcEndpoint| {
        let same = other.vpc == vpc.id && other.service == service && other.private_dns;
        same && !matches!(other.state, EndpointState::Deleting { .. })
    };
    if private_dns && cloud.ec2.endpoints.values().any(conflicts) {
        return Err(invalid(format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain \
             for {service}.{REGION}.amazonaws.com in the VPC {}",
            vpc.id
        )));
    }
    let subnets = subnets(call, &cloud.ec2, &vpc.id)?;
    let groups =
        groups::for_interface(call, &cloud.ec2, &params.texts("SecurityGroupId"), &vpc.id)?;
    let usual = || cloud.ec2.default_group(&vpc.id).map(|group| group.id.clone());
    let groups = match (gateway, groups.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => usual().into_iter().collect(),
        (false, false) => groups,
    };
    let id = call.new_id("vpce");
    let mut interfaces = Vec::new();
    for subnet in &subnets {
        let owner = Owner::Service { description: format!("VPC Endpoint Interface {id}") };
        let interface = Interface::new(call, &mut cloud.ec2, subnet, groups.clone(), owner)?;
        interfaces.push(interface.id.clone());
        cloud.ec2.interfaces.insert(interface.id.clone(), interface);
    }
    let endpoint = VpcEndpoint {
        id: id.clone(),
        vpc: vpc.id,
        service: service.to_owned(),
        private_dns,
        subnets: subnets.into_iter().map(|subnet| subnet.id).collect(),
        groups,
        tables: params.texts("RouteTableId"),
        interfaces,
        state: EndpointState::Pending { until: call.now() + call.service.faults.cloud.boot() },
        born: call.born(),
    };
    cloud.ec2.endpoints.insert(id.clone(), endpoint);
    cloud.ec2.tag(&id, tags);
    tokens::remember(call, &mut cloud.ec2, vec![id.clone()]);
    let made = cloud.ec2.endpoints[&id].children(node("vpcEndpoint"), cloud);
    Ok(answer().with(made).maybe("clientToken", params.get("ClientToken")))
}

/// The subnets of a new endpoint: of its VPC, one in each zone at most.
fn subnets(call: &Call<'_>, state: &State, vpc: &str) -> Result<Vec<Subnet>, CloudError> {
    let mut subnets: Vec<Subnet> = Vec::new();
    for id in call.params.texts("SubnetId") {
        let subnet = find(&state.subnets, &id, call.now())?;
        if subnet.vpc != vpc {
            return Err(invalid(format!("The subnet ID '{id}' does not belong to the VPC {vpc}")));
        }
        if subnets.iter().any(|other| other.zone == subnet.zone) {
            let message =
                format!("Found another VPC endpoint subnet in the availability zone of {id}");
            return Err(CloudError::refuse("DuplicateSubnetsInSameZone", message));
        }
        subnets.push(subnet.clone());
    }
    Ok(subnets)
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    describe_all(call, cloud, cloud.ec2.endpoints.values())
}

/// Changes groups and private DNS.
pub(super) fn modify(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let params = call.params;
    let id = params.required("VpcEndpointId")?;
    let endpoint = find(&cloud.ec2.endpoints, id, call.now())?;
    let removed = params.texts("RemoveSecurityGroupId");
    let mut wanted: Vec<String> =
        endpoint.groups.iter().filter(|group| !removed.contains(group)).cloned().collect();
    wanted.extend(params.texts("AddSecurityGroupId"));
    let groups = groups::for_interface(call, &cloud.ec2, &wanted, &endpoint.vpc)?;
    let private_dns = params.switch("PrivateDnsEnabled")?;
    let Some(endpoint) = cloud.ec2.endpoints.get_mut(id) else {
        return Err(super::resource::missing::<VpcEndpoint>(id));
    };
    endpoint.groups.clone_from(&groups);
    endpoint.private_dns = private_dns.unwrap_or(endpoint.private_dns);
    for eni in endpoint.interfaces.clone() {
        if let Some(eni) = cloud.ec2.interfaces.get_mut(&eni) {
            eni.groups.clone_from(&groups);
        }
    }
    Ok(answer().text("return", true))
}

/// Deletes endpoints; those that are not there are listed, and the others deleted.
pub(super) fn delete(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let until = call.now() + call.service.faults.cloud.release();
    let mut unsuccessful = Vec::new();
    let ids = call.params.texts("VpcEndpointId");
    if ids.is_empty() {
        call.params.required("VpcEndpointId")?;
    }
    for id in ids {
        match find(&cloud.ec2.endpoints, &id, call.now()) {
            Ok(_) => {
                if let Some(endpoint) = cloud.ec2.endpoints.get_mut(&id)
                    && !matches!(endpoint.state, EndpointState::Deleting { .. })
                {
                    endpoint.state = EndpointState::Deleting { until };
                }
            }
            Err(error) => unsuccessful.push(
                node("item")
                    .with(node("error").text("code", error.code).text("message", error.message))
                    .text("resourceId", id),
            ),
        }
    }
    Ok(answer().with(list("unsuccessful", unsuccessful)))
}

pub(super) fn describe_services(call: &Call<'_>, _cloud: &mut cloud::State) -> Outcome {
    let page = page(call, None)?;
    let filters = Filters::read(call, &["owner", "service-name", "service-type"])?;
    let names = call.params.texts("ServiceName");
    for name in &names {
        service(name)?;
    }
    let all = SERVICES.iter().map(|name| (*name, "Interface"));
    let mut all: Vec<_> = all.chain(GATEWAYS.iter().map(|name| (*name, "Gateway"))).collect();
    all.retain(|(name, kind)| {
        (names.is_empty() || names.contains(&full_name(name)))
            && filters.accept(&Tags::new(), |filter| match filter {
                "owner" => one("amazon"),
                "service-type" => one(kind),
                _ => one(full_name(name)),
            })
    });
    let (found, next) = page.of(all);
    let names = found.iter().map(|(name, _)| el("item", full_name(name)));
    let names = list("serviceNameSet", names.collect::<Vec<_>>());
    let details = found.iter().map(|(name, kind)| {
        let domain = format!("{name}.{REGION}.amazonaws.com");
        let domains = (*kind == "Interface").then(|| node("item").text("privateDnsName", &domain));
        let kind = node("item").text("serviceType", kind);
        node("item")
            .text("serviceName", full_name(name))
            .text("serviceId", format!("vpce-svc-{name}"))
            .with(list("serviceType", [kind]))
            .text("serviceRegion", REGION)
            .with(list("availabilityZoneIdSet", ZONES.map(|zone| el("item", zone_id(zone)))))
            .with(list("availabilityZoneSet", ZONES.map(|zone| el("item", zone))))
            .text("owner", "amazon")
            .with(list("baseEndpointDnsNameSet", [el("item", &domain)]))
            .maybe("privateDnsName", domains.as_ref().map(|_| &domain))
            .with(list("privateDnsNameSet", domains))
            .text("vpcEndpointPolicySupported", true)
            .text("acceptanceRequired", false)
            .text("managesVpcEndpoints", false)
    });
    let details = list("serviceDetailSet", details.collect::<Vec<_>>());
    Ok(answer().with(names).with(details).maybe("nextToken", next))
}

impl State {
    /// The endpoint that a VPC's resolver leads to when a service is asked for by its usual name.
    pub(crate) fn private_endpoint(&self, vpc: &str, service: &str) -> Option<&VpcEndpoint> {
        self.endpoints.values().find(|endpoint| {
            endpoint.vpc == vpc
                && endpoint.service == service
                && endpoint.private_dns
                && endpoint.state == EndpointState::Available
        })
    }

    /// The private addresses of an endpoint.
    pub(crate) fn addresses_of(&self, endpoint: &VpcEndpoint) -> Vec<Ipv4Addr> {
        let interfaces = endpoint.interfaces.iter().filter_map(|id| self.interfaces.get(id));
        interfaces.map(|eni| eni.ip).collect()
    }

    /// Brings endpoints to where they are at this time.
    pub(super) fn settle_endpoints(&mut self, now: Duration) {
        for endpoint in self.endpoints.values_mut() {
            if matches!(endpoint.state, EndpointState::Pending { until } if until <= now) {
                endpoint.state = EndpointState::Available;
            }
        }
        let over = |endpoint: &VpcEndpoint| matches!(endpoint.state, EndpointState::Deleting { until } if until <= now);
        let gone: Vec<String> =
            self.endpoints.values().filter(|e| over(e)).map(|e| e.id.clone()).collect();
        for id in gone {
            let interfaces = self.endpoints.remove(&id).map(|endpoint| endpoint.interfaces);
            for eni in interfaces.into_iter().flatten() {
                self.interfaces.remove(&eni);
            }
            self.untag(&id);
        }
    }
}
