//! Finding what may be adit's: by its tags, in two round trips.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;
use futures_util::future::{join_all, try_join_all};

use super::order::{Found, of_target};
use super::{Leftovers, Scope, Unasked, Unseen};
use crate::bastion::find::{describe, tagged};
use crate::bastion::read::{caller, find_profile, find_role};
use crate::bastion::sessions::live_sessions as count;
use crate::bastion::{Bastion, Profile, Role, State};
use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::load::Aws;
use crate::naming;
use crate::network::{
    Group, OwnRule, describe_endpoints, describe_groups, describe_own_rules, filter_tag,
};
use crate::tags::{self, Purpose};

/// Finds what adit made in the region, within `scope`, and the sessions that are live on it. A kind that
/// may not be looked for leaves the others.
pub async fn find_leftovers(aws: &Aws, scope: &Scope) -> Result<Leftovers, AwsError> {
    let ec2 = aws_sdk_ec2::Client::new(&aws.sdk);
    if let Some(target) = &scope.target {
        return Box::pin(find_of_target(aws, &ec2, scope, target)).await;
    }
    let iam = aws_sdk_iam::Client::new(&aws.sdk);
    let (caller, bastions, rules, endpoints, groups, roles, profiles) = tokio::join!(
        caller(aws),
        describe(aws, &ec2, tagged(scope.vpc.as_deref())),
        own_rules(aws, &ec2, scope),
        describe_endpoints(aws, &ec2, purpose(&[Purpose::Endpoint])),
        own_groups(aws, &ec2, scope),
        roles(aws, &iam, scope),
        profiles(aws, &iam, scope),
    );
    // It is for people to read; what can be removed is removed without it as well.
    let caller = caller.unwrap_or_default();
    let mut looked = Looked::default();
    let bastions = looked.at("bastion", bastions)?;
    let rules = looked.at("rule", rules)?;
    let endpoints = looked.at("endpoint", endpoints)?;
    let groups = looked.at("security group", groups)?;
    let roles = looked.at("role", roles)?;
    let profiles = looked.at("instance profile", profiles)?;
    if looked.unseen.len() == KINDS
        && let Some(error) = looked.first
    {
        return Err(error);
    }
    let (users, interfaces, sessions) = tokio::join!(
        groups_that_name(aws, &ec2, &groups),
        interfaces_with(aws, &ec2, &groups),
        live_sessions(aws, &bastions),
    );
    let users = looked.at("rule that names a security group", users)?;
    let interfaces = looked.at("network interface", interfaces)?;
    let (sessions, unasked) = sessions?;
    let found = Found {
        caller,
        region: aws.region().to_owned(),
        bastions,
        rules,
        endpoints,
        groups,
        roles,
        profiles,
        users,
        interfaces,
        sessions,
        unasked,
        unseen: looked.unseen,
    };
    Ok(found.sort(scope))
}

/// Finds the rules for one target, and the sessions that are live on the bastions that they let in.
async fn find_of_target(
    aws: &Aws,
    ec2: &aws_sdk_ec2::Client,
    scope: &Scope,
    target: &str,
) -> Result<Leftovers, AwsError> {
    let caller = async { Ok(caller(aws).await.unwrap_or_default()) };
    let (caller, rules, groups, bastions) = tokio::try_join!(
        caller,
        own_rules(aws, ec2, scope),
        own_groups(aws, ec2, scope),
        describe(aws, ec2, tagged(scope.vpc.as_deref())),
    )?;
    let mut leftovers = of_target(&rules, &groups, &tags::target_value(target));
    let vpcs: BTreeSet<_> = leftovers.removals.iter().map(|one| one.vpc.as_str()).collect();
    let bastions: Vec<_> =
        bastions.into_iter().filter(|one| vpcs.contains(one.vpc.as_str())).collect();
    (leftovers.sessions, leftovers.unasked) = live_sessions(aws, &bastions).await?;
    leftovers.caller = caller;
    leftovers.vpcs = bastions.into_iter().map(|one| (one.id, one.vpc)).collect();
    Ok(leftovers)
}

/// What could not be looked at so far.
#[derive(Default)]
struct Looked {
    unseen: Vec<Unseen>,
    first: Option<AwsError>,
}

/// How many kinds are looked for: who may look at none of them has no answer at all.
const KINDS: usize = 6;

impl Looked {
    /// What was found; nothing, and a note of it, where the caller may not look.
    fn at<T: Default>(&mut self, what: &str, result: Result<T, AwsError>) -> Result<T, AwsError> {
        match result {
            Ok(found) => Ok(found),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => {
                self.first.get_or_insert_with(|| error.clone());
                let AwsError { message: why, hints, .. } = error;
                self.unseen.push(Unseen { what: what.to_owned(), why, hints });
                Ok(T::default())
            }
            Err(error) => Err(error),
        }
    }
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

async fn roles(aws: &Aws, iam: &aws_sdk_iam::Client, scope: &Scope) -> Result<Vec<Role>, AwsError> {
    let names = role_names(aws, iam, scope).await?;
    let roles = try_join_all(names.iter().map(|name| find_role(aws, iam, name))).await?;
    Ok(roles.into_iter().flatten().collect())
}

async fn profiles(
    aws: &Aws,
    iam: &aws_sdk_iam::Client,
    scope: &Scope,
) -> Result<Vec<Profile>, AwsError> {
    let names = profile_names(aws, iam, scope).await?;
    let profiles = try_join_all(names.iter().map(|name| find_profile(aws, iam, name))).await?;
    Ok(profiles.into_iter().flatten().collect())
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

/// How many sessions are live on each bastion that runs, where there are any. Who may not see
/// sessions can still clean up, and says so with `force`.
async fn live_sessions(
    aws: &Aws,
    bastions: &[Bastion],
) -> Result<(BTreeMap<String, usize>, Option<Unasked>), AwsError> {
    let running = bastions.iter().filter(|one| one.state == State::Running);
    let counts = join_all(running.map(|one| async { (one.id.clone(), count(aws, &one.id).await) }));
    let mut sessions = BTreeMap::new();
    let mut unasked: Option<Unasked> = None;
    for (id, count) in counts.await {
        match count {
            Ok(0) => {}
            Ok(count) => drop(sessions.insert(id, count)),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => {
                let AwsError { message: why, hints, .. } = error;
                let unasked = unasked.get_or_insert(Unasked { bastions: Vec::new(), why, hints });
                unasked.bastions.push(id);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((sessions, unasked))
}
