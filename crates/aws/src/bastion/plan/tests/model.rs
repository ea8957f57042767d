//! An AWS of a few lines: what an inventory would show after each step of a plan.

use crate::bastion::plan::{Action, GroupRef, Plan, RulePeer, RuleSpec};
use crate::bastion::{Bastion, Inventory, Profile, Role, State};
use crate::network::{Endpoint, Group, Peer, Rule};
use crate::tags::Tags;

/// The inventory after the whole plan.
pub(super) fn apply(inventory: &Inventory, plan: &Plan) -> Inventory {
    apply_until(inventory, plan, plan.steps.len())
}

/// The inventory after the first `count` steps.
pub(super) fn apply_until(inventory: &Inventory, plan: &Plan, count: usize) -> Inventory {
    let mut world = inventory.clone();
    for step in &plan.steps[..count] {
        act(&mut world, &step.action);
    }
    world
}

fn act(world: &mut Inventory, action: &Action) {
    match action {
        Action::CreateRole { name, boundary, tags } => {
            assert!(world.roles.iter().all(|role| role.name != *name), "{name} is taken");
            world.roles.push(Role {
                name: name.clone(),
                tags: tags.clone(),
                boundary: boundary.clone(),
                has_policy: false,
            });
        }
        Action::SetBoundary { role, boundary } => {
            let role = world.roles.iter_mut().find(|one| one.name == *role).unwrap();
            role.boundary = Some(boundary.clone());
        }
        Action::PutPolicy { role } => {
            world.roles.iter_mut().find(|one| one.name == *role).unwrap().has_policy = true;
        }
        Action::CreateProfile { name, tags } => {
            assert!(world.profiles.iter().all(|one| one.name != *name), "{name} is taken");
            world.profiles.push(Profile {
                name: name.clone(),
                id: next_profile_id(world),
                tags: tags.clone(),
                role: None,
            });
        }
        Action::AddRole { profile, role } => {
            assert!(world.roles.iter().any(|one| one.name == *role), "no role {role}");
            let profile = world.profiles.iter_mut().find(|one| one.name == *profile).unwrap();
            assert_eq!(profile.role, None, "a profile takes one role");
            profile.role = Some(role.clone());
        }
        Action::CreateGroup { name, tags, description } => {
            let is_free = world.network.groups.iter().all(|group| group.name != *name);
            assert!(is_free, "{name} is taken");
            let mut everywhere = vec!["0.0.0.0/0"];
            if !world.network.vpc.as_ref().unwrap().ipv6_cidrs.is_empty() {
                everywhere.push("::/0");
            }
            let egress = everywhere.into_iter().map(|cidr| Rule {
                id: None,
                protocol: "-1".to_owned(),
                ports: None,
                peer: Peer::Cidr(cidr.to_owned()),
                tags: Tags::new(),
            });
            world.network.groups.push(Group {
                id: format!("sg-new-{name}"),
                name: name.clone(),
                description: description.clone(),
                owner: "111122223333".to_owned(),
                tags: tags.clone(),
                ingress: Vec::new(),
                egress: egress.collect(),
            });
        }
        Action::RevokeDefaultEgress { group, cidrs } => {
            let group = find_group(world, group);
            let is_it = |rule: &Rule| {
                rule.protocol == "-1"
                    && matches!(&rule.peer, Peer::Cidr(cidr) if cidrs.contains(cidr))
            };
            assert_eq!(group.egress.iter().filter(|rule| is_it(rule)).count(), cidrs.len());
            group.egress.retain(|rule| !is_it(rule));
        }
        Action::AllowEgress { group, rule } => {
            let rule = standing(world, group, rule);
            add(&mut find_group(world, group).egress, rule);
        }
        Action::AllowIngress { group, rule } => {
            let rule = standing(world, group, rule);
            add(&mut find_group(world, group).ingress, rule);
        }
        Action::TagRule { rule, tags } => {
            let rules = world
                .network
                .groups
                .iter_mut()
                .flat_map(|group| group.ingress.iter_mut().chain(&mut group.egress));
            let rule = rules.into_iter().find(|one| one.id.as_ref() == Some(rule)).unwrap();
            assert!(tags.keys().all(|key| !rule.tags.contains_key(key)), "a tag is overwritten");
            rule.tags.extend(tags.clone());
        }
        Action::CreateEndpoint { service, subnet, group, tags } => {
            let id = find_group(world, group).id.clone();
            let is_new = world.network.endpoints.iter().all(|one| one.service != *service);
            assert!(is_new, "conflicting private names");
            world.network.endpoints.push(Endpoint {
                id: format!("vpce-new-{service}"),
                service: service.clone(),
                state: "pending".to_owned(),
                private_dns: true,
                subnets: vec![subnet.clone()],
                groups: vec![id],
                tags: tags.clone(),
            });
        }
        Action::RunInstance(launch) => {
            let profile = world.profiles.iter().find(|one| one.name == launch.profile).unwrap();
            assert!(profile.role.is_some(), "a profile without a role");
            let profile = profile.clone();
            let groups = vec![find_group(world, &launch.group).id.clone()];
            let subnet = world.network.subnets.iter().find(|one| one.id == launch.subnet).unwrap();
            let number = world.bastions.len() + 1;
            world.bastions.push(Bastion {
                id: format!("i-new{number}"),
                state: State::Running,
                launched: format!("2026-11-21T10:00:0{number}Z"),
                vpc: launch.vpc.clone(),
                subnet: launch.subnet.clone(),
                zone: subnet.zone.clone(),
                instance_type: launch.instance_type.clone(),
                image: launch.image.clone(),
                public_ip: launch.public_ip.then(|| "198.51.100.7".to_owned()),
                profile: Some(arn(&profile.name)),
                profile_id: Some(profile.id),
                groups,
                owner: launch.tags.get("adit:owner").cloned(),
                attached: None,
                state_reason: None,
            });
        }
        Action::SetProfile { instance, profile, .. } => {
            let profile = world.profiles.iter().find(|one| one.name == *profile).unwrap().clone();
            let bastion = world.bastions.iter_mut().find(|one| one.id == *instance).unwrap();
            bastion.profile = Some(arn(&profile.name));
            bastion.profile_id = Some(profile.id);
        }
        Action::SetGroups { instance, groups } => {
            let ids = groups.iter().map(|group| find_group(world, group).id.clone()).collect();
            world.bastions.iter_mut().find(|one| one.id == *instance).unwrap().groups = ids;
        }
    }
}

/// A profile that is made anew has another id than before.
fn next_profile_id(world: &Inventory) -> String {
    let profiles = world.profiles.iter().map(|profile| profile.id.as_str());
    let bastions = world.bastions.iter().filter_map(|bastion| bastion.profile_id.as_deref());
    let number = |id: &str| id.strip_prefix("AIPA")?.parse::<u32>().ok();
    format!("AIPA{}", 1 + profiles.chain(bastions).filter_map(number).max().unwrap_or_default())
}

fn arn(profile: &str) -> String {
    format!("arn:aws:iam::111122223333:instance-profile/adit/{profile}")
}

fn find_group<'a>(world: &'a mut Inventory, group: &GroupRef) -> &'a mut Group {
    let is_it = |one: &&mut Group| match group {
        GroupRef::Id(id) => one.id == *id,
        GroupRef::New(name) => one.name == *name,
    };
    world.network.groups.iter_mut().find(is_it).unwrap_or_else(|| panic!("no group {group:?}"))
}

fn standing(world: &mut Inventory, group: &GroupRef, rule: &RuleSpec) -> Rule {
    let peer = match &rule.peer {
        RulePeer::Cidr(cidr) => Peer::Cidr(cidr.clone()),
        RulePeer::Group(group) => Peer::Group(find_group(world, group).id.clone()),
    };
    Rule {
        id: Some(format!(
            "sgr-{}-{}-{}-{peer:?}",
            find_group(world, group).id,
            rule.protocol.as_str(),
            rule.port
        )),
        protocol: rule.protocol.as_str().to_owned(),
        ports: Some((rule.port, rule.port)),
        peer,
        tags: rule.tags.clone(),
    }
}

fn add(rules: &mut Vec<Rule>, rule: Rule) {
    let is_same = |one: &Rule| {
        one.protocol == rule.protocol && one.ports == rule.ports && one.peer == rule.peer
    };
    assert!(!rules.iter().any(is_same), "InvalidPermission.Duplicate: {rule:?}");
    rules.push(rule);
}

/// Gives a group the id that the tests know it by.
pub(super) fn rename_group(world: &mut Inventory, from: &str, to: &str) {
    for bastion in &mut world.bastions {
        bastion.groups.iter_mut().filter(|id| *id == from).for_each(|id| to.clone_into(id));
    }
    for group in &mut world.network.groups {
        if group.id == from {
            to.clone_into(&mut group.id);
        }
        for rule in group.ingress.iter_mut().chain(&mut group.egress) {
            if matches!(&rule.peer, Peer::Group(id) if id == from) {
                rule.peer = Peer::Group(to.to_owned());
            }
        }
    }
}
