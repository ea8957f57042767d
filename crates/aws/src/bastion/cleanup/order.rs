//! Putting what was found in the order in which it can go. No IO: it is decided from data alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kept, Leftovers, Removal, RemovalAction, Scope, Unasked, Unseen};
use crate::bastion::evidence::{has_own_profile, is_marked, is_own_rule};
use crate::bastion::{Bastion, Profile, Role, State};
use crate::network::{Endpoint, Group, OwnRule, Peer};
use crate::tags::{self, Purpose};
use crate::targets::is_same;

/// All that was found, before it is put in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) caller: String,
    pub(super) region: String,
    pub(super) bastions: Vec<Bastion>,
    pub(super) rules: Vec<OwnRule>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) groups: Vec<Group>,
    pub(super) roles: Vec<Role>,
    pub(super) profiles: Vec<Profile>,
    /// Groups with rules that name one of ours.
    pub(super) users: Vec<Group>,
    /// Interfaces with one of our groups: the interface, its instance, the group.
    pub(super) interfaces: Vec<(String, String, String)>,
    pub(super) sessions: BTreeMap<String, usize>,
    pub(super) unasked: Option<Unasked>,
    pub(super) unseen: Vec<Unseen>,
}

/// The ids of the groups that are adit's in more than their tags: what they let in may have changed.
fn own_ids(groups: &[Group]) -> BTreeSet<&str> {
    groups.iter().filter(|group| is_own(group)).map(|group| group.id.as_str()).collect()
}

fn is_own(group: &Group) -> bool {
    let vpc = vpc_of(&group.tags);
    [Purpose::Group, Purpose::EndpointGroup].iter().any(|it| is_marked(group, *it, &vpc, None))
}

/// Something that has our tags, and nothing else of ours.
fn stranger(resource: &str, why: &str) -> Kept {
    Kept {
        resource: resource.to_owned(),
        why: format!("it has adit's tags, but {why}"),
        command: format!("aws ec2 delete-tags --resources {resource} --tags Key={}", tags::PURPOSE),
    }
}

/// Only the rules that are for this target; those that others need too lose only the note.
pub(super) fn of_target(rules: &[OwnRule], groups: &[Group], target: &str) -> Leftovers {
    let own_groups = own_ids(groups);
    let (rules, strangers): (Vec<_>, Vec<_>) =
        rules.iter().partition(|own| is_own_rule(own, &own_groups));
    let names_it =
        |own: &&OwnRule| tags::targets(&own.rule.tags).any(|(_, it)| is_same(it, target));
    let kept = strangers
        .into_iter()
        .filter(names_it)
        .filter_map(|own| Some(stranger(own.rule.id.as_ref()?, NO_RULE)));
    let mut removals: Vec<_> = rules
        .iter()
        .filter_map(|own| {
            let id = own.rule.id.clone()?;
            let vpc = vpc_of(&own.rule.tags);
            let (theirs, others): (Vec<_>, Vec<_>) =
                tags::targets(&own.rule.tags).partition(|(_, named)| is_same(named, target));
            if theirs.is_empty() {
                return None;
            }
            if others.is_empty() {
                return Some(revoke(own, id, vpc));
            }
            let others: Vec<_> = others.into_iter().map(|(_, named)| named).collect();
            let keys = theirs.into_iter().map(|(key, _)| key.to_owned()).collect();
            Some(Removal {
                resource: id.clone(),
                vpc,
                summary: format!(
                    "take {target} off the rule {id} of {}, which {} needs",
                    own.group,
                    others.join(", ")
                ),
                action: RemovalAction::UntagRule { rule: id, keys },
            })
        })
        .collect();
    // The way into the target first.
    removals.sort_by_key(|removal| {
        matches!(&removal.action, RemovalAction::RevokeRule { is_egress: true, .. })
    });
    Leftovers { removals, kept: kept.collect(), ..Leftovers::default() }
}

const NO_RULE: &str = "it names no security group of adit's, or does not say that it is adit's";

impl Found {
    /// What is ours and in scope, in the order in which it can go.
    pub(super) fn sort(self, scope: &Scope) -> Leftovers {
        let is_wanted = |vpc: &str| scope.vpc.as_deref().is_none_or(|wanted| wanted == vpc);
        let mut removals = Vec::new();
        let mut add = |resource: &str, vpc: String, summary: String, action: RemovalAction| {
            if is_wanted(&vpc) {
                removals.push(Removal { resource: resource.to_owned(), vpc, summary, action });
            }
        };
        let mut kept = Vec::new();
        let own = own_ids(&self.groups);
        let is_bastion = |one: &Bastion| {
            has_own_profile(one) || one.groups.iter().any(|id| own.contains(id.as_str()))
        };
        for bastion in self.bastions.iter().filter(|one| one.state != State::Terminated) {
            // What is on its way to be gone loses both.
            if !is_bastion(bastion) && bastion.state.is_usable() {
                if is_wanted(&bastion.vpc) {
                    kept.push(stranger(
                        &bastion.id,
                        "neither adit's instance profile nor its security group",
                    ));
                }
                continue;
            }
            add(
                &bastion.id,
                bastion.vpc.clone(),
                format!("terminate the bastion {} ({})", bastion.id, bastion.instance_type),
                RemovalAction::TerminateInstance { instance: bastion.id.clone() },
            );
        }
        // Rules in our own groups go with the group.
        for rule in self.rules.iter().filter(|rule| !own.contains(rule.group.as_str())) {
            let Some(id) = rule.rule.id.clone() else { continue };
            let vpc = vpc_of(&rule.rule.tags);
            if !is_own_rule(rule, &own) {
                if is_wanted(&vpc) {
                    kept.push(stranger(&id, NO_RULE));
                }
                continue;
            }
            let removal = revoke(rule, id, vpc);
            add(&removal.resource, removal.vpc, removal.summary, removal.action);
        }
        for endpoint in self.endpoints.iter().filter(|one| one.state != "deleted") {
            if !endpoint.groups.iter().any(|id| own.contains(id.as_str())) {
                if is_wanted(&vpc_of(&endpoint.tags)) {
                    kept.push(stranger(&endpoint.id, "not adit's security group for endpoints"));
                }
                continue;
            }
            add(
                &endpoint.id,
                vpc_of(&endpoint.tags),
                format!("delete the endpoint {} ({})", endpoint.id, endpoint.service),
                RemovalAction::DeleteEndpoint { endpoint: endpoint.id.clone() },
            );
        }
        for group in self.groups.iter().filter(|group| !own.contains(group.id.as_str())) {
            if is_wanted(&vpc_of(&group.tags)) {
                kept.push(stranger(&group.id, "not the name and the description that adit gives"));
            }
        }
        kept.extend(self.kept_groups());
        let is_kept = |id: &str| kept.iter().any(|one| one.resource == id);
        // The group of the endpoints names the bastion's, so it goes first.
        let (of_endpoints, of_bastions): (Vec<_>, Vec<_>) =
            self.groups.iter().partition(|group| tags::is(&group.tags, Purpose::EndpointGroup));
        for group in of_endpoints.into_iter().filter(|group| !is_kept(&group.id)) {
            add(
                &group.id,
                vpc_of(&group.tags),
                format!("delete the security group {} ({})", group.name, group.id),
                RemovalAction::DeleteEndpointGroup { group: group.id.clone() },
            );
        }
        for group in of_bastions.into_iter().filter(|group| !is_kept(&group.id)) {
            add(
                &group.id,
                vpc_of(&group.tags),
                format!("delete the security group {} ({})", group.name, group.id),
                RemovalAction::DeleteGroup { group: group.id.clone() },
            );
        }
        let is_here = |tags: &tags::Tags, purpose| {
            tags::is(tags, purpose) && tags.get(tags::REGION) == Some(&self.region)
        };
        for profile in self.profiles.iter().filter(|one| is_here(&one.tags, Purpose::Profile)) {
            add(
                &profile.name,
                vpc_of(&profile.tags),
                format!("delete the instance profile {}", profile.name),
                RemovalAction::DeleteProfile {
                    profile: profile.name.clone(),
                    role: profile.role.clone(),
                },
            );
        }
        for role in self.roles.iter().filter(|one| is_here(&one.tags, Purpose::Role)) {
            add(
                &role.name,
                vpc_of(&role.tags),
                format!("delete the role {}", role.name),
                RemovalAction::DeleteRole { role: role.name.clone() },
            );
        }
        let vpcs = self.bastions.iter().map(|one| (one.id.clone(), one.vpc.clone())).collect();
        let (sessions, unasked, unseen) = (self.sessions, self.unasked, self.unseen);
        Leftovers { caller: self.caller, removals, kept, sessions, unasked, vpcs, unseen }
    }

    /// The groups of ours that somebody else's rules or instances use.
    fn kept_groups(&self) -> Vec<Kept> {
        let own_rules: BTreeSet<_> = self
            .rules
            .iter()
            .map(|own| (own.group.as_str(), own.is_egress, own.rule.ports, &own.rule.peer))
            .collect();
        let own_groups: BTreeSet<_> = self.groups.iter().map(|group| group.id.as_str()).collect();
        let own_instances: BTreeSet<_> =
            self.bastions.iter().map(|bastion| bastion.id.as_str()).collect();
        let mut kept = Vec::new();
        for group in self.groups.iter().filter(|group| is_own(group)) {
            let peer = Peer::Group(group.id.clone());
            for user in self.users.iter().filter(|user| !own_groups.contains(user.id.as_str())) {
                let both = user.ingress.iter().map(|rule| (rule, false));
                let foreign = both.chain(user.egress.iter().map(|rule| (rule, true))).find(
                    |(rule, is_egress)| {
                        rule.peer == peer
                            && !own_rules.contains(&(
                                user.id.as_str(),
                                *is_egress,
                                rule.ports,
                                &peer,
                            ))
                    },
                );
                if let Some((rule, is_egress)) = foreign {
                    let direction = if is_egress { "egress" } else { "ingress" };
                    kept.push(Kept {
                        resource: group.id.clone(),
                        why: format!(
                            "a rule of {} ({}) that adit did not make names it",
                            user.name, user.id
                        ),
                        command: format!(
                            "aws ec2 revoke-security-group-{direction} --group-id {} --ip-permissions {}",
                            user.id,
                            permission(&rule.protocol, rule.ports, &group.id),
                        ),
                    });
                }
            }
            for (interface, instance, of) in &self.interfaces {
                if *of == group.id && !own_instances.contains(instance.as_str()) {
                    kept.push(Kept {
                        resource: group.id.clone(),
                        why: format!("{instance} ({interface}), which adit did not make, has it"),
                        command: format!(
                            "aws ec2 modify-network-interface-attribute --network-interface-id {interface} --groups …"
                        ),
                    });
                }
            }
        }
        kept
    }
}

/// A permission as the AWS CLI takes it.
fn permission(protocol: &str, ports: Option<(u16, u16)>, group: &str) -> String {
    let ports = ports.map(|(from, to)| format!("FromPort={from},ToPort={to},")).unwrap_or_default();
    format!("'IpProtocol={protocol},{ports}UserIdGroupPairs=[{{GroupId={group}}}]'")
}

fn revoke(own: &OwnRule, id: String, vpc: String) -> Removal {
    let port = own.rule.ports.map(|(port, _)| format!(" to port {port}")).unwrap_or_default();
    let named: Vec<_> = tags::targets(&own.rule.tags).map(|(_, target)| target).collect();
    let targets =
        if named.is_empty() { String::new() } else { format!(" for {}", named.join(", ")) };
    let verb = if own.is_egress { "out" } else { "in" };
    Removal {
        resource: id.clone(),
        vpc,
        summary: format!(
            "take back the rule of {} that lets the bastion {verb}{port}{targets}",
            own.group
        ),
        action: RemovalAction::RevokeRule {
            group: own.group.clone(),
            rule: id,
            is_egress: own.is_egress,
        },
    }
}

fn vpc_of(tags: &tags::Tags) -> String {
    tags.get(tags::VPC).cloned().unwrap_or_default()
}
