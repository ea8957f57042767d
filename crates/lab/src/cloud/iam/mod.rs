//! Not there yet: every operation is unknown, and no instance profile exists.

use std::time::Duration;

use super::{Call, Outcome};

#[derive(Debug, Default)]
pub(crate) struct State {}

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    Err(call.unknown())
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

/// The profile of that name or ARN, once EC2 sees it: the fault `consistency_ms` after it was made.
pub(crate) fn profile(_state: &State, _name_or_arn: &str, _now: Duration) -> Option<Profile> {
    None
}

/// Whether the role in a profile may do an action such as `ssmmessages:OpenDataChannel`: by its
/// policies, inline and attached, within its permissions boundary. Of a profile that was deleted,
/// or has no role, none may.
pub(crate) fn allows(_state: &State, _profile_arn: &str, _action: &str) -> bool {
    false
}
