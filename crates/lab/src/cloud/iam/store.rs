use std::collections::BTreeMap;
use std::time::Duration;

use super::devices::Device;
use super::providers::Provider;
use crate::cloud::ec2::Tags;
use crate::cloud::state::Born;
use crate::identity::Caller;
use crate::policy::{Context, Policy, Verdict, managed};
use crate::service::ACCOUNT;

/// What IAM holds of the account. Names keep their case and are told apart without it.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(super) users: BTreeMap<String, User>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) profiles: BTreeMap<String, InstanceProfile>,
    /// Virtual MFA devices, by serial number.
    pub(super) devices: BTreeMap<String, Device>,
    /// Providers of web identities, by ARN.
    pub(super) providers: BTreeMap<String, Provider>,
}

/// The policies of a user or a role.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    /// Documents by name.
    pub(super) inline: BTreeMap<String, String>,
    /// ARNs of the managed policies, in the order in which they were attached.
    pub(super) attached: Vec<String>,
}

/// A user.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) created: Duration,
    pub(super) tags: Tags,
    pub(super) grants: Grants,
}

/// A role.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) created: Duration,
    pub(super) trust: String,
    pub(super) description: Option<String>,
    pub(super) max_session: u32,
    pub(super) boundary: Option<String>,
    pub(super) tags: Tags,
    pub(super) grants: Grants,
}

/// An instance profile.
#[derive(Clone, Debug)]
pub(super) struct InstanceProfile {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) born: Born,
    pub(super) tags: Tags,
    pub(super) role: Option<String>,
}

/// An instance profile as EC2 sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Profile {
    pub(crate) arn: String,
    /// As in `AIPA…`.
    pub(crate) id: String,
    /// ARN of its role; one without cannot be given to an instance.
    pub(crate) role: Option<String>,
}

impl Grants {
    /// The policies, read. What is here was read once before it was kept.
    fn policies(&self) -> Vec<Policy> {
        let attached = self.attached.iter().filter_map(|arn| managed(arn));
        let documents = self.inline.values().map(String::as_str).chain(attached);
        documents.filter_map(|document| Policy::identity(document).ok()).collect()
    }
}

impl User {
    pub(super) fn caller(&self) -> Caller {
        Caller::user(&self.name, &self.path, &self.id)
    }
}

impl Role {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role{}{}", self.path, self.name)
    }

    /// The boundary's policy. What is in one of the account's own is not known, so that it takes
    /// nothing away.
    fn boundary(&self) -> Option<Policy> {
        let document = self.boundary.as_ref().and_then(|arn| managed(arn))?;
        Policy::identity(document).ok()
    }

    /// Whether its policies allow an action on every resource, and its boundary lets them. Of a
    /// service's use of the role nothing is known that a condition could ask for.
    fn allows(&self, action: &str) -> bool {
        let context = Context::default();
        let ask = |policy: &Policy| policy.verdict(action, "*", &context);
        let verdicts: Vec<_> = self.grants.policies().iter().map(ask).collect();
        let within = self.boundary().is_none_or(|one| ask(&one) == Verdict::Allows);
        within && verdicts.contains(&Verdict::Allows) && !verdicts.contains(&Verdict::Denies)
    }
}

impl InstanceProfile {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:instance-profile{}{}", self.path, self.name)
    }
}

/// A role as STS sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Assumable {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) trust: Policy,
    /// Seconds of its longest session.
    pub(crate) max_session: u32,
}

/// The role of an ARN.
pub(crate) fn role(state: &State, arn: &str) -> Option<Assumable> {
    let role = state.roles.values().find(|role| role.arn() == arn)?;
    let trust = Policy::trust(&role.trust).ok()?;
    let (name, arn, id) = (role.name.clone(), role.arn(), role.id.clone());
    Some(Assumable { name, arn, id, trust, max_session: role.max_session })
}

/// The policies of a user; none when he is gone.
pub(crate) fn user_policies(state: &State, name: &str) -> Vec<Policy> {
    state.users.get(name).map(|user| user.grants.policies()).unwrap_or_default()
}

/// The policies of a role; none when it is gone.
pub(crate) fn role_policies(state: &State, name: &str) -> Vec<Policy> {
    state.roles.get(name).map(|role| role.grants.policies()).unwrap_or_default()
}

/// What a role's policies are held within.
pub(crate) fn boundary(state: &State, role: &str) -> Option<Policy> {
    state.roles.get(role)?.boundary()
}

/// Whether a user or role is still the one that it was when the caller's credentials were issued.
pub(crate) fn is_there(state: &State, caller: &Caller) -> bool {
    use crate::identity::Principal;
    match &caller.principal {
        Principal::User(name) => {
            state.users.get(name).is_some_and(|user| user.id == caller.user_id)
        }
        Principal::Role { name, .. } => state
            .roles
            .get(name)
            .is_some_and(|role| caller.user_id.split(':').next().is_some_and(|id| id == role.id)),
        Principal::Elsewhere { .. } | Principal::Instance => true,
    }
}

/// The profile of that name or ARN, once EC2 sees it: the fault `consistency_ms` after it was made.
pub(crate) fn profile(state: &State, name_or_arn: &str, now: Duration) -> Option<Profile> {
    let named = |one: &&InstanceProfile| one.name == name_or_arn || one.arn() == name_or_arn;
    let profile = state.profiles.values().find(named).filter(|one| one.born.is_visible(now))?;
    let role = profile.role.as_ref().and_then(|name| state.roles.get(name));
    Some(Profile { arn: profile.arn(), id: profile.id.clone(), role: role.map(Role::arn) })
}

/// Whether the role in a profile may do an action such as `ssmmessages:OpenDataChannel`: by its
/// policies, inline and attached, within its permissions boundary. Of a profile that was deleted,
/// or has no role, none may.
pub(crate) fn allows(state: &State, profile_arn: &str, action: &str) -> bool {
    let profile = state.profiles.values().find(|profile| profile.arn() == profile_arn);
    let role = profile.and_then(|profile| state.roles.get(profile.role.as_ref()?));
    role.is_some_and(|role| role.allows(action))
}
