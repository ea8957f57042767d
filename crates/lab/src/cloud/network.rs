//! What reaches what: agents the service, bastions their targets.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::ec2::Instance;
use super::state::{ADDRESS_TAG, Endpoint};
use super::{State, iam};
use crate::gateway::Located;

/// What the agent's role has to allow.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html>
const ACTIONS: [&str; 5] = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// The services that the agent talks to; `ec2messages` is for agents of old.
const SERVICES: [&str; 2] = ["ssm", "ssmmessages"];

/// An address that stands for the public internet.
const INTERNET: Ipv4Addr = Ipv4Addr::new(52, 94, 236, 248);

/// Whether Session Manager has an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    /// The agent is connected.
    Online,
    /// It runs, but its agent cannot connect, or cannot yet.
    Cut,
    /// It does not run.
    Down,
    /// It is no more.
    Gone,
}

/// An instance as Session Manager sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Managed {
    pub(crate) id: String,
    pub(crate) presence: Presence,
    pub(crate) ip: Option<Ipv4Addr>,
    /// When it came to run: a worker of a session does not outlive its boot.
    pub(crate) booted: Duration,
}

/// What a packet is about to enter or leave by.
struct Side<'a> {
    ip: Option<Ipv4Addr>,
    groups: &'a [String],
    vpc: &'a str,
}

impl State {
    /// All instances as Session Manager sees them. Agents need a while after booting.
    pub(crate) fn managed(&self, now: Duration, agent: Duration) -> Vec<Managed> {
        let instances = self.ec2.instances();
        let managed = instances.map(|instance| Managed {
            id: instance.id.clone(),
            presence: self.presence(instance, now, agent),
            ip: instance.primary(&self.ec2).map(|eni| eni.ip),
            booted: instance.running,
        });
        managed.collect()
    }

    fn presence(&self, instance: &Instance, now: Duration, agent: Duration) -> Presence {
        if instance.is_terminated() {
            return Presence::Gone;
        }
        if !instance.is_running() {
            return Presence::Down;
        }
        let allowed = instance.profile.as_ref().is_some_and(|profile| {
            ACTIONS.iter().all(|action| iam::allows(&self.iam, &profile.arn, action))
        });
        let ready = instance.running + agent <= now;
        let reaches =
            instance.primary(&self.ec2).is_some_and(|eni| self.ec2.resolves(&eni.vpc, &eni.groups))
                && SERVICES.iter().all(|service| self.reaches_service(instance, service));
        if allowed && ready && reaches { Presence::Online } else { Presence::Cut }
    }

    /// Whether an instance reaches a service on port 443: at its endpoint when the VPC's resolver
    /// leads there, else along the way out.
    fn reaches_service(&self, instance: &Instance, service: &str) -> bool {
        let Some(eni) = instance.primary(&self.ec2) else { return false };
        let here = Side { ip: Some(eni.ip), groups: &eni.groups, vpc: &eni.vpc };
        if let Some(endpoint) = self.ec2.private_endpoint(&eni.vpc, service) {
            let ips = self.ec2.addresses_of(endpoint);
            return ips.into_iter().any(|ip| {
                let there = Side { ip: Some(ip), groups: &endpoint.groups, vpc: &eni.vpc };
                self.passes(&here, &there, 443)
            });
        }
        let outside = Side { ip: Some(INTERNET), groups: &[], vpc: "" };
        self.lets(&here, true, &outside, 443)
            && self.ec2.leads_out(&eni.subnet, &eni.vpc, INTERNET, eni.public_ip.is_some())
    }

    /// Whether both sides' groups let TCP through, inside a VPC.
    fn passes(&self, from: &Side<'_>, to: &Side<'_>, port: u16) -> bool {
        from.vpc == to.vpc && self.lets(from, true, to, port) && self.lets(to, false, from, port)
    }

    /// Whether one side's groups let TCP to a port out to the other, or in from it.
    fn lets(&self, side: &Side<'_>, egress: bool, other: &Side<'_>, port: u16) -> bool {
        let vpc = self.ec2.vpcs.get(other.vpc);
        self.ec2.lets(side.groups, egress, port, other.groups, |net| match (other.ip, vpc) {
            (Some(ip), _) => net.contains(&ip),
            // Something in the VPC whose address nobody knows: a rule for all of the VPC.
            (None, Some(vpc)) => vpc.blocks.iter().any(|block| net.contains(block)),
            (None, None) => true,
        })
    }

    /// What a host and port of the private network are; `None` when the cloud has no such host.
    fn endpoint(&self, host: &str, port: u16) -> Option<Endpoint> {
        let mut there: Vec<Endpoint> = self.endpoints();
        there.extend(self.ec2.instances().flat_map(|instance| self.instance_endpoints(instance)));
        there.retain(|endpoint| endpoint.host.eq_ignore_ascii_case(host));
        let at = there
            .iter()
            .position(|endpoint| endpoint.port.is_none_or(|its| its == port))
            .unwrap_or_default();
        let wrong_port = |endpoint: &Endpoint| endpoint.port.is_some_and(|its| its != port);
        let mut found = there.into_iter().nth(at)?;
        if wrong_port(&found) {
            // The host is there and listens elsewhere.
            found.address = None;
        }
        Some(found)
    }

    /// An instance by its address and by its name.
    fn instance_endpoints(&self, instance: &Instance) -> Vec<Endpoint> {
        let Some(eni) = instance.primary(&self.ec2).filter(|_| instance.is_running()) else {
            return Vec::new();
        };
        let address = self.ec2.tag_of(&instance.id, ADDRESS_TAG).and_then(|text| text.parse().ok());
        let of = |host: String| Endpoint {
            host,
            port: None,
            vpc: eni.vpc.clone(),
            groups: eni.groups.clone(),
            ip: Some(eni.ip),
            address,
        };
        vec![of(eni.ip.to_string()), of(eni.private_name())]
    }

    /// Where a host and port really are.
    pub(crate) fn locate(&self, host: &str, port: u16) -> Located {
        let Some(endpoint) = self.endpoint(host, port) else { return Located::Nowhere };
        endpoint.address.map_or(Located::Silent, Located::At)
    }

    /// Whether packets of an instance, or of a container, reach a host and port. Those of
    /// instances that are not the cloud's pass everywhere.
    pub(crate) fn lets_through(&self, instance: &str, host: &str, port: u16) -> bool {
        let here = if let Some(network) = self.ecs.network(instance) {
            Side { ip: None, groups: &network.groups, vpc: network.vpc() }
        } else {
            let Some(instance) = self.ec2.instance(instance) else { return true };
            let Some(eni) = instance.primary(&self.ec2) else { return false };
            Side { ip: Some(eni.ip), groups: &eni.groups, vpc: &eni.vpc }
        };
        if let Some(endpoint) = self.endpoint(host, port) {
            let Endpoint { ip, groups, vpc, .. } = &endpoint;
            return self.passes(&here, &Side { ip: *ip, groups, vpc }, port);
        }
        // A host that the cloud knows nothing of, such as one of `--map`.
        let outside = Side { ip: host.parse().ok(), groups: &[], vpc: "" };
        self.lets(&here, true, &outside, port)
    }
}
