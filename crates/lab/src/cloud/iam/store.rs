use std::collections::BTreeMap;
use std::time::Duration;

use super::policy::{self, Verdict};
use crate::cloud::ec2::Tags;
use crate::cloud::state::Born;
use crate::service::ACCOUNT;

/// What IAM holds of the account. Names keep their case and are told apart without it.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) profiles: BTreeMap<String, InstanceProfile>,
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
    /// Inline policies: documents by name.
    pub(super) inline: BTreeMap<String, String>,
    /// ARNs of the managed policies, in the order in which they were attached.
    pub(super) attached: Vec<String>,
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

impl Role {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role{}{}", self.path, self.name)
    }

    /// Whether its policies allow an action on every resource, and its boundary lets them. What
    /// is in a boundary of the account's own is not known, so that it takes nothing away.
    fn allows(&self, action: &str) -> bool {
        let attached = self.attached.iter().filter_map(|arn| policy::managed(arn));
        let documents = self.inline.values().map(String::as_str).chain(attached);
        let verdicts: Vec<_> = documents.map(|one| policy::verdict(one, action)).collect();
        let boundary = self.boundary.as_ref().and_then(|arn| policy::managed(arn));
        let within = boundary.is_none_or(|one| policy::verdict(one, action) == Verdict::Allows);
        within && verdicts.contains(&Verdict::Allows) && !verdicts.contains(&Verdict::Denies)
    }
}

impl InstanceProfile {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:instance-profile{}{}", self.path, self.name)
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
