//! IAM: users with their keys and MFA devices, roles, the policies of both, instance profiles and
//! providers of web identities.

pub(crate) mod access_keys;
mod checks;
pub(crate) mod devices;
pub(crate) mod direct;
mod policies;
mod profiles;
pub(crate) mod providers;
mod resource;
mod roles;
mod store;
pub(crate) mod users;

pub(crate) use checks::{constraint, required, unknown};
pub(crate) use resource::{resource, tags_of};
pub(crate) use store::{
    Assumable, Profile, State, allows, boundary, is_there, profile, role, role_policies,
    user_policies,
};

use super::{Call, CloudError, Outcome};
use crate::policy::Malformed;
use policies::Holder;

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
        "PutRolePolicy" => policies::put(Holder::Role, state, call),
        "GetRolePolicy" => policies::get(Holder::Role, state, call),
        "ListRolePolicies" => policies::list_inline(Holder::Role, state, call),
        "DeleteRolePolicy" => policies::delete(Holder::Role, state, call),
        "AttachRolePolicy" => policies::attach(Holder::Role, state, call),
        "DetachRolePolicy" => policies::detach(Holder::Role, state, call),
        "ListAttachedRolePolicies" => policies::list_attached(Holder::Role, state, call),
        "PutUserPolicy" => policies::put(Holder::User, state, call),
        "GetUserPolicy" => policies::get(Holder::User, state, call),
        "ListUserPolicies" => policies::list_inline(Holder::User, state, call),
        "DeleteUserPolicy" => policies::delete(Holder::User, state, call),
        "AttachUserPolicy" => policies::attach(Holder::User, state, call),
        "DetachUserPolicy" => policies::detach(Holder::User, state, call),
        "ListAttachedUserPolicies" => policies::list_attached(Holder::User, state, call),
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
        "CreateUser" => users::create(state, call),
        "GetUser" => users::get(state, call),
        "ListUsers" => users::list_all(state, call),
        "DeleteUser" => users::delete(state, call),
        "CreateAccessKey" => access_keys::create(state, call),
        "ListAccessKeys" => access_keys::list(state, call),
        "UpdateAccessKey" => access_keys::update(state, call),
        "DeleteAccessKey" => access_keys::delete(state, call),
        "CreateVirtualMFADevice" => devices::create(state, call),
        "EnableMFADevice" => devices::enable(state, call),
        "DeactivateMFADevice" => devices::deactivate(state, call),
        "DeleteVirtualMFADevice" => devices::delete(state, call),
        "ListMFADevices" => devices::list_of_user(state, call),
        "ListVirtualMFADevices" => devices::list_all(state, call),
        "CreateOpenIDConnectProvider" => providers::create(state, call),
        "GetOpenIDConnectProvider" => providers::get(state, call),
        "ListOpenIDConnectProviders" => Ok(providers::list_all(state)),
        "DeleteOpenIDConnectProvider" => providers::delete(state, call),
        _ => Err(call.unknown()),
    }
}

/// The part of an id behind `AIDA`, `AROA` or `AIPA`.
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
    conflict_in_words(format!("Cannot delete entity, {what_first}"))
}

fn conflict_in_words(message: impl Into<String>) -> CloudError {
    CloudError::new(409, "DeleteConflict", message)
}

fn limit(message: impl Into<String>) -> CloudError {
    CloudError::new(409, "LimitExceeded", message)
}

#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
pub(crate) fn malformed(why: Malformed) -> CloudError {
    CloudError::refuse("MalformedPolicyDocument", why.to_string())
}
