//! The names of what adit makes. They are for people, keep two from being made at once, and are part of
//! the evidence that something is adit's: tags alone are quickly set.

use crate::bastion::PlanError;

/// The path of roles and instance profiles.
pub(crate) const IAM_PATH: &str = "/adit/";
/// The name of the role's inline policy.
pub(crate) const POLICY: &str = "session-manager";
/// The name of the bastion's security group in its VPC.
pub(crate) const GROUP: &str = "adit-bastion";
/// The name of the security group of the endpoints.
pub(crate) const ENDPOINT_GROUP: &str = "adit-endpoints";
/// What the bastion's security group says of itself.
pub(crate) const GROUP_DESCRIPTION: &str = "adit: the bastion, lets nothing in";
/// What the group of the endpoints says of itself.
pub(crate) const ENDPOINT_GROUP_DESCRIPTION: &str = "adit: endpoints of Session Manager";
/// What the description of each rule begins with.
pub(crate) const RULE_DESCRIPTION: &str = "adit: ";

/// How many names are tried when somebody else has the first.
const TRIES: usize = 3;

/// The name of the role, and of the instance profile, of the bastion in `vpc`.
pub(crate) fn role(vpc: &str) -> String {
    format!("adit-bastion-{vpc}")
}

/// `name`, and what is used in its place when it is taken: `name-2`, `name-3`.
pub(crate) fn candidates(name: &str) -> impl Iterator<Item = String> {
    (1..=TRIES).map(move |n| if n == 1 { name.to_owned() } else { format!("{name}-{n}") })
}

/// The first name that is not taken by something foreign.
pub(crate) fn first_free(
    what: &'static str,
    name: &str,
    is_foreign: impl Fn(&str) -> bool,
) -> Result<String, PlanError> {
    candidates(name)
        .find(|name| !is_foreign(name))
        .ok_or_else(|| PlanError::NamesTaken { what, names: candidates(name).collect() })
}
