//! IAM: roles, their policies and instance profiles.

mod checks;
mod policies;
mod policy;
mod profiles;
mod roles;
mod store;
mod users;

pub(crate) use store::{Profile, State, allows, profile};

use super::{Call, CloudError, Outcome};

pub(crate) fn call(call: &Call<'_>) -> Outcome {
    let mut cloud = call.service.cloud();
    let state = &mut cloud.iam;
    match call.operation {
        "CreateRole" => roles::create(state, call),
        "GetRole" => roles::get(state, call),
        "ListRoles" => roles::list_all(state, call),
        "DeleteRole" => roles::delete(state, call),
        "UpdateAssumeRolePolicy" => roles::update_trust(state, call),
        "PutRolePermissionsBoundary" => roles::set_boundary(state, call),
        "DeleteRolePermissionsBoundary" => roles::remove_boundary(state, call),
        "TagRole" => roles::tag(state, call),
        "UntagRole" => roles::untag(state, call),
        "ListRoleTags" => roles::list_tags(state, call),
        "PutRolePolicy" => policies::put(state, call),
        "GetRolePolicy" => policies::get(state, call),
        "ListRolePolicies" => policies::list_inline(state, call),
        "DeleteRolePolicy" => policies::delete(state, call),
        "AttachRolePolicy" => policies::attach(state, call),
        "DetachRolePolicy" => policies::detach(state, call),
        "ListAttachedRolePolicies" => policies::list_attached(state, call),
        "CreateInstanceProfile" => profiles::create(state, call),
        "GetInstanceProfile" => profiles::get(state, call),
        "ListInstanceProfiles" => profiles::list_all(state, call),
        "ListInstanceProfilesForRole" => profiles::list_for_role(state, call),
        "AddRoleToInstanceProfile" => profiles::add_role(state, call),
        "RemoveRoleFromInstanceProfile" => profiles::remove_role(state, call),
        "DeleteInstanceProfile" => profiles::delete(state, call),
        "TagInstanceProfile" => profiles::tag(state, call),
        "UntagInstanceProfile" => profiles::untag(state, call),
        "ListInstanceProfileTags" => profiles::list_tags(state, call),
        "GetUser" => users::get(call),
        "ListMFADevices" => users::list_mfa_devices(call),
        _ => Err(call.unknown()),
    }
}

/// The part of an id behind `AROA` or `AIPA`.
fn id(call: &Call<'_>) -> String {
    let mut id = call.service.entropy.key_id();
    // Ids have one letter more than those of access keys.
    id.push('A');
    id
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html#API_DeleteRole_Errors
// and its neighbours: what is there or not, and what it is in use for, comes with these statuses.

fn no_such_entity(message: String) -> CloudError {
    CloudError::new(404, "NoSuchEntity", message)
}

fn exists(message: String) -> CloudError {
    CloudError::new(409, "EntityAlreadyExists", message)
}

fn conflict(what_first: &str) -> CloudError {
    CloudError::new(409, "DeleteConflict", format!("Cannot delete entity, {what_first}"))
}

fn limit(message: impl Into<String>) -> CloudError {
    CloudError::new(409, "LimitExceeded", message)
}

fn malformed(message: policy::Malformed) -> CloudError {
    CloudError::refuse("MalformedPolicyDocument", message)
}
