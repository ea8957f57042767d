//! The bastion's security group: nothing in, and out only where the targets are.

use std::net::IpAddr;

use super::access::describe;
use super::{Action, GroupRef, PlanError, Planner, RulePeer, RuleSpec};
use crate::bastion::Bastion;
use crate::naming;
use crate::network::{self, Group, Peer, Protocol, Rule, dns, host_block};
use crate::tags::{self, Purpose};
use crate::targets::{Kind, Target};

/// The port of all AWS APIs.
pub(super) const HTTPS: u16 = 443;
const EVERYWHERE: &str = "0.0.0.0/0";
const EVERYWHERE_IPV6: &str = "::/0";

/// A way out, and the targets that need it.
struct Way {
    port: u16,
    cidr: String,
    targets: Vec<String>,
}

impl<'a> Planner<'a> {
    /// Sees to the bastion's group and what it lets out.
    pub(super) fn bastion_group(
        &mut self,
        bastion: Option<&Bastion>,
    ) -> Result<GroupRef, PlanError> {
        let standing = self.standing_group(bastion);
        let group = match standing {
            Some(group) => GroupRef::Id(group.id.clone()),
            None => self.new_group(
                naming::GROUP,
                Purpose::Group,
                naming::GROUP_DESCRIPTION,
                "the bastion needs a group that rules of targets can name",
            )?,
        };
        self.warn_of_ingress(standing);
        for cidr in self.everywhere() {
            let peer = Peer::Cidr(cidr.to_owned());
            if standing.is_some_and(|group| lets_out(group, Protocol::Tcp, HTTPS, &peer)) {
                continue;
            }
            let rule = RuleSpec {
                protocol: Protocol::Tcp,
                port: HTTPS,
                peer: RulePeer::Cidr(cidr.to_owned()),
                description: "adit: bastion to Session Manager".to_owned(),
                tags: self.tags(Purpose::Egress),
            };
            self.step(
                Action::AllowEgress { group: group.clone(), rule },
                group.as_str(),
                format!("let the bastion out to port {HTTPS} of {cidr}"),
                "its agent calls Session Manager there".to_owned(),
            );
        }
        self.name_servers(&group, standing);
        for way in self.ways() {
            self.way_out(&group, standing, &way);
        }
        // Last, so that a session in progress is not cut.
        self.revoke_default(&group, standing);
        Ok(group)
    }

    /// The VPC's own name server is beyond all groups, others are not.
    fn name_servers(&mut self, group: &GroupRef, standing: Option<&Group>) {
        for server in self.vpc.dns_servers.clone() {
            let cidr = host_block(server);
            let peer = Peer::Cidr(cidr.clone());
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                if standing.is_some_and(|group| lets_out(group, protocol, dns::PORT, &peer)) {
                    continue;
                }
                let rule = RuleSpec {
                    protocol,
                    port: dns::PORT,
                    peer: RulePeer::Cidr(cidr.clone()),
                    description: "adit: bastion to the name server".to_owned(),
                    tags: self.tags(Purpose::Egress),
                };
                self.step(
                    Action::AllowEgress { group: group.clone(), rule },
                    group.as_str(),
                    format!("let the bastion out to {} port 53 of {cidr}", protocol.as_str()),
                    format!("{} has its instances ask that name server", self.vpc.id),
                );
            }
        }
    }

    /// The groups of the VPC for this purpose that are ours. Those that are only tagged so are told.
    pub(super) fn own_groups(&mut self, purpose: Purpose) -> Vec<&'a Group> {
        let inventory = self.inventory;
        let tagged = inventory
            .network
            .groups
            .iter()
            .filter(|group| tags::is_of(&group.tags, purpose, &self.vpc.id));
        let (ours, foreign): (Vec<_>, Vec<_>) =
            tagged.partition(|group| inventory.is_own_group(group, purpose));
        for group in foreign {
            self.plan.warnings.push(format!(
                "the security group {} ({}) has adit's tags, but its name, its description, its rules or who has it are not as adit makes them: it is not used",
                group.name, group.id
            ));
        }
        ours
    }

    /// The group of ours in the VPC: the one the bastion has, when there are several.
    fn standing_group(&mut self, bastion: Option<&Bastion>) -> Option<&'a Group> {
        let mut ours = self.own_groups(Purpose::Group);
        let has = |group: &Group| bastion.is_some_and(|bastion| bastion.groups.contains(&group.id));
        ours.sort_by_key(|group| (!has(group), &group.id));
        ours.first().copied()
    }

    /// A group of our own, under the first name that is free.
    pub(super) fn new_group(
        &mut self,
        name: &str,
        purpose: Purpose,
        description: &str,
        why: &str,
    ) -> Result<GroupRef, PlanError> {
        let groups = &self.inventory.network.groups;
        let name = naming::first_free("security group", name, |name| {
            groups.iter().any(|group| group.name == name)
        })?;
        let action = Action::CreateGroup {
            name: name.clone(),
            description: description.to_owned(),
            tags: self.tags(purpose),
        };
        let summary = format!("make the security group in {}", self.vpc.id);
        self.step(action, &name, summary, why.to_owned());
        Ok(GroupRef::New(name))
    }

    /// A bastion needs nobody to come in: sessions are called from inside.
    fn warn_of_ingress(&mut self, standing: Option<&Group>) {
        let Some(group) = standing.filter(|group| !group.ingress.is_empty()) else { return };
        let count = group.ingress.len();
        let rules = if count == 1 { "a rule" } else { "rules" };
        self.plan.warnings.push(format!(
            "{} lets in by {rules} that adit did not make ({count}); a bastion needs none",
            group.id
        ));
    }

    fn everywhere(&self) -> Vec<&'static str> {
        if self.vpc.ipv6_cidrs.is_empty() {
            vec![EVERYWHERE]
        } else {
            vec![EVERYWHERE, EVERYWHERE_IPV6]
        }
    }

    /// The ways out that the targets need, each once.
    fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        for target in &self.desired.targets {
            for cidr in self.addresses(target) {
                let same = ways.iter_mut().find(|way| way.port == target.port && way.cidr == cidr);
                let resource = tags::target_value(&target.resource());
                match same {
                    Some(way) if way.targets.contains(&resource) => {}
                    Some(way) => way.targets.push(resource),
                    None => ways.push(Way { port: target.port, cidr, targets: vec![resource] }),
                }
            }
        }
        ways
    }

    /// Where the target can be: its VPC; a host whose name says nothing of that, anywhere.
    fn addresses(&self, target: &Target) -> Vec<String> {
        if target.kind == Kind::Host {
            return vec![match target.host.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => format!("{address}/32"),
                Ok(IpAddr::V6(address)) => format!("{address}/128"),
                Err(_) => EVERYWHERE.to_owned(),
            }];
        }
        self.vpc.cidrs.iter().chain(&self.vpc.ipv6_cidrs).cloned().collect()
    }

    fn way_out(&mut self, group: &GroupRef, standing: Option<&Group>, way: &Way) {
        let peer = Peer::Cidr(way.cidr.clone());
        let own = standing.and_then(|group| {
            let is_own = |rule: &&Rule| rule.is_exactly(way.port, &peer) && goes_with_targets(rule);
            group.egress.iter().find(is_own)
        });
        if let Some(rule) = own {
            self.note_targets(group, rule, &way.targets);
            return;
        }
        let mut base = self.everywhere().into_iter();
        let base_does = way.port == HTTPS && base.any(|all| network::contains(all, &way.cidr));
        if base_does
            || standing.is_some_and(|group| lets_out(group, Protocol::Tcp, way.port, &peer))
        {
            return;
        }
        let rule = RuleSpec {
            protocol: Protocol::Tcp,
            port: way.port,
            peer: RulePeer::Cidr(way.cidr.clone()),
            description: describe(&way.targets),
            tags: self.target_tags(group, Purpose::Egress, &way.targets),
        };
        self.step(
            Action::AllowEgress { group: group.clone(), rule },
            group.as_str(),
            format!("let the bastion out to port {} of {}", way.port, way.cidr),
            format!("for {}", way.targets.join(", ")),
        );
    }

    /// AWS gives a new group a rule that lets everything out.
    fn revoke_default(&mut self, group: &GroupRef, standing: Option<&Group>) {
        let cidrs: Vec<String> = match standing {
            None => self.everywhere().into_iter().map(str::to_owned).collect(),
            Some(group) => group.egress.iter().filter_map(Rule::default_egress).collect(),
        };
        if cidrs.is_empty() {
            return;
        }
        let summary =
            format!("take back the rule that lets everything out to {}", cidrs.join(" and "));
        self.step(
            Action::RevokeDefaultEgress { group: group.clone(), cidrs },
            group.as_str(),
            summary,
            "AWS puts it into every new group; the bastion needs only what is listed".to_owned(),
        );
    }
}

/// Whether the group lets the bastion out, by a rule that will stay: neither the one that every new
/// group has, nor one that goes with another target.
fn lets_out(group: &Group, protocol: Protocol, port: u16, peer: &Peer) -> bool {
    let stays = |rule: &&Rule| rule.default_egress().is_none() && !goes_with_targets(rule);
    group.egress.iter().filter(stays).any(|rule| rule.covers_of(protocol, port, peer))
}

/// Whether the rule is one of ours that goes when its targets do.
fn goes_with_targets(rule: &Rule) -> bool {
    tags::is(&rule.tags, Purpose::Egress) && tags::targets(&rule.tags).next().is_some()
}
