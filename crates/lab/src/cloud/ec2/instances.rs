//! Instances, and how they are described.

use std::time::Duration;

use super::images::{self, Image};
use super::interfaces::{Interface, group_set, private_name, public_name};
use super::places::ZONES;
use super::resource::{Resource, one, select};
use super::{State, tags};
use crate::cloud::state::{Born, iso};
use crate::cloud::{self, Call, Element, Outcome, answer, list, node};
use crate::service::ACCOUNT;

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(super) reservation: String,
    pub(super) index: usize,
    pub(super) image: &'static Image,
    pub(super) kind: &'static images::InstanceType,
    pub(super) vpc: String,
    pub(super) subnet: String,
    pub(super) zone: String,
    pub(super) state: InstanceState,
    /// When the state becomes the next by itself.
    pub(super) next: Option<Duration>,
    /// When it last came to run.
    pub(crate) running: Duration,
    /// Since the Unix epoch.
    pub(super) launched: Duration,
    /// When and how it was stopped or terminated, as `reason` and `stateReason` have it.
    pub(super) reason: Option<(String, &'static str)>,
    pub(crate) profile: Option<Association>,
    pub(super) key: Option<String>,
    pub(super) user_data: Option<String>,
    pub(super) metadata: MetadataOptions,
    pub(super) shutdown: String,
    pub(super) protected: bool,
    pub(super) monitoring: bool,
    pub(super) token: String,
    /// Whether it gets a public address whenever it starts.
    pub(super) wants_public: bool,
    pub(super) born: Born,
}

/// An instance profile on an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Association {
    pub(super) id: String,
    pub(crate) arn: String,
    pub(super) profile: String,
    pub(super) born: Born,
}

#[derive(Clone, Debug)]
pub(super) struct MetadataOptions {
    pub(super) tokens: String,
    pub(super) hops: u32,
    pub(super) endpoint: String,
    pub(super) tags: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InstanceState {
    Pending,
    Running,
    Stopping,
    Stopped,
    ShuttingDown,
    Terminated,
}

impl InstanceState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub(super) fn element(self, name: &'static str) -> Element {
        node(name).text("code", self.code()).text("name", self.name())
    }

    /// Whether it is on its way out or gone.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

impl Instance {
    pub(crate) fn is_running(&self) -> bool {
        self.state == InstanceState::Running
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == InstanceState::Terminated
    }

    /// The first interface: the one whose addresses are the instance's. One that was terminated
    /// has none, even while the interface is still there.
    pub(crate) fn primary<'a>(&self, state: &'a State) -> Option<&'a Interface> {
        if self.state == InstanceState::Terminated {
            return None;
        }
        self.interfaces(state).min_by_key(|eni| eni.index())
    }

    pub(super) fn interfaces<'a>(&self, state: &'a State) -> impl Iterator<Item = &'a Interface> {
        let id = self.id.clone();
        state.interfaces.values().filter(move |eni| eni.instance() == Some(&id))
    }

    pub(super) fn groups(&self, state: &State) -> Vec<String> {
        self.primary(state).map(|eni| eni.groups.clone()).unwrap_or_default()
    }

    pub(super) fn profile_element(association: &Association) -> Element {
        node("iamInstanceProfile").text("arn", &association.arn).text("id", &association.profile)
    }
}

impl Resource for Instance {
    const IDS: &'static str = "InstanceId";
    const SET: &'static str = "instancesSet";
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "availability-zone",
        "client-token",
        "dns-name",
        "iam-instance-profile.arn",
        "iam-instance-profile.id",
        "image-id",
        "instance-id",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "instance.group-id",
        "instance.group-name",
        "ip-address",
        "key-name",
        "launch-time",
        "metadata-options.http-tokens",
        "network-interface.group-id",
        "network-interface.network-interface-id",
        "network-interface.subnet-id",
        "network-interface.vpc-id",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "reservation-id",
        "subnet-id",
        "vpc-id",
    ];
    const MISSING: (&'static str, &'static str) = ("InvalidInstanceID.NotFound", "instance ID");
    const PREFIX: &'static str = "i-";

    fn id(&self) -> &str {
        &self.id
    }

    fn born(&self) -> Born {
        self.born
    }

    fn values(&self, cloud: &cloud::State, filter: &str) -> Vec<String> {
        let state = &cloud.ec2;
        let primary = self.primary(state);
        let groups = self.groups(state);
        let maybe = |text: Option<String>| text.into_iter().collect();
        match filter {
            "architecture" => one(self.image.architecture),
            "availability-zone" => one(&self.zone),
            "client-token" => one(&self.token),
            "dns-name" => maybe(primary.and_then(|eni| eni.public_ip).map(public_name)),
            "iam-instance-profile.arn" => maybe(self.profile.as_ref().map(|p| p.arn.clone())),
            "iam-instance-profile.id" => maybe(self.profile.as_ref().map(|p| p.profile.clone())),
            "image-id" => one(self.image.id),
            "instance-state-code" => one(self.state.code()),
            "instance-state-name" => one(self.state.name()),
            "instance-type" => one(self.kind.name),
            "instance.group-id" | "network-interface.group-id" => groups,
            "instance.group-name" => {
                let groups = groups.iter().filter_map(|id| state.groups.get(id));
                groups.map(|group| group.name.clone()).collect()
            }
            "ip-address" => maybe(primary.and_then(|eni| eni.public_ip).map(|ip| ip.to_string())),
            "key-name" => maybe(self.key.clone()),
            "launch-time" => one(iso(self.launched)),
            "metadata-options.http-tokens" => one(&self.metadata.tokens),
            "network-interface.network-interface-id" => maybe(primary.map(|eni| eni.id.clone())),
            "network-interface.subnet-id" => maybe(primary.map(|eni| eni.subnet.clone())),
            "network-interface.vpc-id" => maybe(primary.map(|eni| eni.vpc.clone())),
            "owner-id" => one(ACCOUNT),
            "private-dns-name" => maybe(primary.map(|eni| private_name(eni.ip))),
            "private-ip-address" => maybe(primary.map(|eni| eni.ip.to_string())),
            "reservation-id" => one(&self.reservation),
            // Those of a terminated instance are forgotten.
            "subnet-id" => maybe(primary.map(|_| self.subnet.clone())),
            "vpc-id" => maybe(primary.map(|_| self.vpc.clone())),
            _ => one(&self.id),
        }
    }

    fn element(&self, cloud: &cloud::State) -> Element {
        let state = &cloud.ec2;
        let primary = self.primary(state);
        let public = primary.and_then(|eni| eni.public_ip);
        let mut out = node("item")
            .text("instanceId", &self.id)
            .text("imageId", self.image.id)
            .with(self.state.element("instanceState"))
            .text("privateDnsName", primary.map_or_else(String::new, |eni| private_name(eni.ip)))
            .text("dnsName", public.map_or_else(String::new, public_name))
            .text("reason", self.reason.as_ref().map_or("", |(text, _)| text.as_str()))
            .maybe("keyName", self.key.as_ref())
            .text("amiLaunchIndex", self.index)
            .with(list("productCodes", []))
            .text("instanceType", self.kind.name)
            .text("launchTime", iso(self.launched))
            .with(
                node("placement")
                    .text("availabilityZone", &self.zone)
                    .text("groupName", "")
                    .text("tenancy", "default"),
            )
            .with(
                node("monitoring")
                    .text("state", if self.monitoring { "enabled" } else { "disabled" }),
            );
        if let Some(eni) = primary {
            out = out
                .text("subnetId", &self.subnet)
                .text("vpcId", &self.vpc)
                .text("privateIpAddress", eni.ip)
                .maybe("ipAddress", public)
                .text("sourceDestCheck", true);
        }
        out = out.with(group_set(state, &self.groups(state)));
        if let Some((_, code)) = &self.reason {
            let reason = node("stateReason").text("code", code).text("message", code);
            out = out.with(reason);
        }
        if let Some(association) = &self.profile {
            out = out.with(Self::profile_element(association));
        }
        let terminated = self.state == InstanceState::Terminated;
        let interfaces = self.interfaces(state).filter(|_| !terminated).map(|eni| eni.item(state));
        out.text("architecture", self.image.architecture)
            .text("rootDeviceType", "ebs")
            .text("rootDeviceName", images::ROOT)
            .with(state.block_devices(self))
            .text("virtualizationType", "hvm")
            .text("clientToken", &self.token)
            .with(tags::set(state, &self.id))
            .text("hypervisor", "xen")
            .with(list("networkInterfaceSet", interfaces))
            .text("ebsOptimized", false)
            .text("enaSupport", true)
            .with(self.metadata.element("metadataOptions"))
            .with(node("enclaveOptions").text("enabled", false))
            .text("platformDetails", "Linux/UNIX")
            .text("usageOperation", "RunInstances")
            .with(
                node("privateDnsNameOptions")
                    .text("hostnameType", "ip-name")
                    .text("enableResourceNameDnsARecord", false)
                    .text("enableResourceNameDnsAAAARecord", false),
            )
    }
}

impl MetadataOptions {
    pub(super) fn element(&self, name: &'static str) -> Element {
        node(name)
            .text("state", "applied")
            .text("httpTokens", &self.tokens)
            .text("httpPutResponseHopLimit", self.hops)
            .text("httpEndpoint", &self.endpoint)
            .text("httpProtocolIpv6", "disabled")
            .text("instanceMetadataTags", &self.tags)
    }
}

/// Instances as `DescribeInstances` and `RunInstances` have them: in their reservations.
pub(super) fn reservation(cloud: &cloud::State, out: Element, instances: &[&Instance]) -> Element {
    let id = instances.first().map_or("", |instance| instance.reservation.as_str());
    let items = instances.iter().map(|instance| instance.element(cloud));
    out.text("reservationId", id)
        .text("ownerId", ACCOUNT)
        .with(list("groupSet", []))
        .with(list("instancesSet", items))
}

pub(super) fn describe(call: &Call<'_>, cloud: &mut cloud::State) -> Outcome {
    let cloud = &*cloud;
    let (found, next) = select(call, cloud, cloud.ec2.instances.values())?;
    let mut reservations: Vec<Vec<&Instance>> = Vec::new();
    for instance in found {
        let same = |there: &&mut Vec<&Instance>| there[0].reservation == instance.reservation;
        match reservations.iter_mut().find(same) {
            Some(there) => there.push(instance),
            None => reservations.push(vec![instance]),
        }
    }
    let items = reservations.iter().map(|there| reservation(cloud, node("item"), there));
    Ok(answer().with(list("reservationSet", items)).maybe("nextToken", next))
}

impl State {
    /// What Session Manager takes over of an instance.
    pub(crate) fn facts(&self, id: &str) -> Option<Vec<(&'static str, String)>> {
        let instance = self.instances.get(id)?;
        let mut facts = vec![
            ("InstanceType", instance.kind.name.to_owned()),
            ("InstanceState", instance.state.name().to_owned()),
            ("Architecture", instance.image.architecture.to_owned()),
        ];
        let name = self.tag_of(id, "Name").map(|name| ("Name", name.to_owned()));
        let role = instance.profile.as_ref().map(|role| ("InstanceRole", role.arn.clone()));
        facts.extend(name.into_iter().chain(role));
        Some(facts)
    }

    /// Brings instances to where they are at this time.
    pub(super) fn settle_instances(&mut self, now: Duration, release: Duration) {
        for instance in self.instances.values_mut() {
            let Some(at) = instance.next.filter(|next| *next <= now) else { continue };
            instance.next = None;
            instance.state = match instance.state {
                InstanceState::Pending => InstanceState::Running,
                InstanceState::Stopping => InstanceState::Stopped,
                InstanceState::ShuttingDown => InstanceState::Terminated,
                settled => settled,
            };
            match instance.state {
                InstanceState::Running => instance.running = at,
                InstanceState::Terminated => {
                    for eni in self.interfaces.values_mut() {
                        if eni.instance() == Some(&instance.id) {
                            eni.gone = Some(at + release);
                        }
                    }
                    self.volumes.retain(|_, volume| {
                        volume.instance != instance.id || !volume.dies_with_instance
                    });
                }
                _ => {}
            }
        }
    }

    /// Whether a type is offered in a zone: those with Graviton processors are not in the last.
    pub(super) fn offers(kind: &images::InstanceType, zone: &str) -> bool {
        ZONES.contains(&zone) && (kind.architecture != "arm64" || zone != ZONES[2])
    }
}
