//! Finding what adit made: by its tags alone, in two round trips.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;
use aws_sdk_ssm::types::{SessionFilter, SessionFilterKey, SessionState};
use futures_util::future::try_join_all;

use super::{Kept, Leftovers, Removal, RemovalAction, Scope};
use crate::bastion::find::{describe, tagged, unbuilt};
use crate::bastion::read::{find_profile, find_role};
use crate::bastion::{Bastion, Profile, Role, State};
use crate::error::{AwsError, from_sdk};
use crate::load::Aws;
use crate::naming;
use crate::network::{
    Endpoint, Group, OwnRule, Peer, describe_endpoints, describe_groups, describe_own_rules,
    filter_tag,
};
use crate::tags::{self, Purpose};

/// Finds what adit made in the region, within `scope`, and the sessions that are live on it.
pub async fn find_leftovers(aws: &Aws, scope: &Scope) -> Result<Leftovers, AwsError> {
    let ec2 = aws_sdk_ec2::Client::new(&aws.sdk);
    if let Some(target) = &scope.target {
        let rules = describe_own_rules(aws, &ec2, vpc_filter(scope)).await?;
        return Ok(of_target(&rules, &tags::target_value(target)));
    }
    let iam = aws_sdk_iam::Client::new(&aws.sdk);
    let (bastions, rules, endpoints, groups, roles, profiles) = tokio::try_join!(
        describe(aws, &ec2, tagged(scope.vpc.as_deref())),
        own_rules(aws, &ec2, scope),
        describe_endpoints(aws, &ec2, purpose(&[Purpose::Endpoint])),
        own_groups(aws, &ec2, scope),
        role_names(aws, &iam, scope),
        profile_names(aws, &iam, scope),
    )?;
    let (roles, profiles, users, interfaces, sessions) = tokio::try_join!(
        try_join_all(roles.iter().map(|name| find_role(aws, &iam, name))),
        try_join_all(profiles.iter().map(|name| find_profile(aws, &iam, name))),
        groups_that_name(aws, &ec2, &groups),
        interfaces_with(aws, &ec2, &groups),
        live_sessions(aws, &bastions),
    )?;
    let found = Found {
        region: aws.region().to_owned(),
        bastions,
        rules,
        endpoints,
        groups,
        roles: roles.into_iter().flatten().collect(),
        profiles: profiles.into_iter().flatten().collect(),
        users,
        interfaces,
        sessions,
    };
    Ok(found.sort(scope))
}

/// All that was found, before it is put in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
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
}

/// Only the rules that are for this target; those that others need too lose only the note.
pub(super) fn of_target(rules: &[OwnRule], target: &str) -> Leftovers {
    let mut removals: Vec<_> = rules
        .iter()
        .filter_map(|own| {
            let id = own.rule.id.clone()?;
            let vpc = vpc_of(&own.rule.tags);
            let (theirs, others): (Vec<_>, Vec<_>) =
                tags::targets(&own.rule.tags).partition(|(_, named)| *named == target);
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
    Leftovers { removals, ..Leftovers::default() }
}

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
        for bastion in self.bastions.iter().filter(|one| one.state != State::Terminated) {
            add(
                &bastion.id,
                bastion.vpc.clone(),
                format!("terminate the bastion {} ({})", bastion.id, bastion.instance_type),
                RemovalAction::TerminateInstance { instance: bastion.id.clone() },
            );
        }
        let own: BTreeSet<_> = self.groups.iter().map(|group| group.id.as_str()).collect();
        // Rules in our own groups go with the group.
        for rule in self.rules.iter().filter(|rule| !own.contains(rule.group.as_str())) {
            let Some(id) = rule.rule.id.clone() else { continue };
            let removal = revoke(rule, id, vpc_of(&rule.rule.tags));
            add(&removal.resource, removal.vpc, removal.summary, removal.action);
        }
        for endpoint in self.endpoints.iter().filter(|one| one.state != "deleted") {
            add(
                &endpoint.id,
                vpc_of(&endpoint.tags),
                format!("delete the endpoint {} ({})", endpoint.id, endpoint.service),
                RemovalAction::DeleteEndpoint { endpoint: endpoint.id.clone() },
            );
        }
        let kept = self.kept_groups();
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
        Leftovers { removals, kept, sessions: self.sessions }
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
        for group in &self.groups {
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

fn vpc_filter(scope: &Scope) -> Vec<sdk::Filter> {
    scope.vpc.as_deref().map(|vpc| filter_tag(tags::VPC, vpc)).into_iter().collect()
}

fn purpose(purposes: &[Purpose]) -> sdk::Filter {
    let values = purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect();
    sdk::Filter::builder().name(format!("tag:{}", tags::PURPOSE)).set_values(Some(values)).build()
}

async fn own_rules(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    scope: &Scope,
) -> Result<Vec<OwnRule>, AwsError> {
    describe_own_rules(aws, ec2, vpc_filter(scope)).await
}

async fn own_groups(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    scope: &Scope,
) -> Result<Vec<Group>, AwsError> {
    let mut filters = vpc_filter(scope);
    filters.push(purpose(&[Purpose::Group, Purpose::EndpointGroup]));
    describe_groups(aws, ec2, filters).await
}

/// The names under our path. Lists do not say tags; each is looked at by itself.
async fn role_names(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    scope: &Scope,
) -> Result<Vec<String>, AwsError> {
    let call = iam.list_roles().path_prefix(naming::IAM_PATH);
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer = answer.map_err(|error| from_sdk("ListRoles", &aws.place(), &error))?;
    Ok(in_scope(answer.into_iter().map(|role| role.role_name), scope))
}

async fn profile_names(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    scope: &Scope,
) -> Result<Vec<String>, AwsError> {
    let call = iam.list_instance_profiles().path_prefix(naming::IAM_PATH);
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer = answer.map_err(|error| from_sdk("ListInstanceProfiles", &aws.place(), &error))?;
    Ok(in_scope(answer.into_iter().map(|profile| profile.instance_profile_name), scope))
}

/// Only those whose names can be meant, as each costs a call.
fn in_scope(names: impl Iterator<Item = String>, scope: &Scope) -> Vec<String> {
    let prefix = naming::role(scope.vpc.as_deref().unwrap_or_default());
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// The groups with rules that name one of ours; those keep it from being deleted.
async fn groups_that_name(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    groups: &[Group],
) -> Result<Vec<Group>, AwsError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let naming = |name: &str| vec![of_groups(name, groups)];
    let (mut users, out) = tokio::try_join!(
        describe_groups(aws, ec2, naming("ip-permission.group-id")),
        describe_groups(aws, ec2, naming("egress.ip-permission.group-id")),
    )?;
    users.extend(out);
    users.sort_by(|a, b| a.id.cmp(&b.id));
    users.dedup_by(|a, b| a.id == b.id);
    Ok(users)
}

fn of_groups(name: &str, groups: &[Group]) -> sdk::Filter {
    let ids = groups.iter().map(|group| group.id.clone()).collect();
    sdk::Filter::builder().name(name).set_values(Some(ids)).build()
}

/// The interfaces of instances that have one of our groups.
async fn interfaces_with(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    groups: &[Group],
) -> Result<Vec<(String, String, String)>, AwsError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let call = ec2.describe_network_interfaces().filters(of_groups("group-id", groups));
    let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    let answer =
        answer.map_err(|error| from_sdk("DescribeNetworkInterfaces", &aws.place(), &error))?;
    let mut interfaces = Vec::new();
    for interface in answer {
        let instance = interface.attachment().and_then(|one| one.instance_id());
        let (Some(id), Some(instance)) = (interface.network_interface_id(), instance) else {
            continue;
        };
        for group in interface.groups().iter().filter_map(|group| group.group_id()) {
            interfaces.push((id.to_owned(), instance.to_owned(), group.to_owned()));
        }
    }
    Ok(interfaces)
}

/// How many sessions are live on each bastion that runs, where there are any.
async fn live_sessions(
    aws: &Aws,
    bastions: &[Bastion],
) -> Result<BTreeMap<String, usize>, AwsError> {
    let client = aws_sdk_ssm::Client::new(&aws.sdk);
    let running = bastions.iter().filter(|one| one.state == State::Running);
    let counts = try_join_all(running.map(|bastion| async {
        let filter =
            SessionFilter::builder().key(SessionFilterKey::TargetId).value(&bastion.id).build();
        let filter = filter.map_err(|error| unbuilt(&error))?;
        let call = client.describe_sessions().state(SessionState::Active).filters(filter);
        let answer: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
        match answer {
            Ok(sessions) => Ok((bastion.id.clone(), sessions.len())),
            Err(error) => Err(from_sdk("DescribeSessions", &aws.place(), &error)),
        }
    }))
    .await?;
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}
