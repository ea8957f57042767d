//! Roles and their tags.

use super::checks::{self, add_tags, encoded, name, path, remove_tags, required, tags_of};
use super::store::{Grants, Role, State};
use super::{exists, no_such_entity};
use crate::cloud::authorize;
use crate::cloud::ec2::Tags;
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, list, node};
use crate::policy::Policy;
use crate::service::ACCOUNT;

/// Letters of a role's name.
pub(super) const NAME: usize = 64;

const MOST_ROLES: usize = 1000;

/// Characters of a trust policy.
const MOST_TRUST: usize = 2048;

pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let (name, path) = (name(params, "RoleName", NAME)?, path(params)?);
    let trust = trust(params.get("AssumeRolePolicyDocument"), "AssumeRolePolicyDocument")?;
    let boundary = params.get("PermissionsBoundary").map(boundary).transpose()?;
    let max_session: u32 = params.number("MaxSessionDuration")?.unwrap_or(3600);
    if !(3600..=43_200).contains(&max_session) {
        let wanted = "Member must have value between 3600 and 43200";
        return Err(checks::constraint("MaxSessionDuration", &format!("'{max_session}'"), wanted));
    }
    if state.roles.keys().any(|other| other.eq_ignore_ascii_case(name)) {
        return Err(exists(format!("Role with name {name} already exists.")));
    }
    if state.roles.len() >= MOST_ROLES {
        return Err(super::limit(format!("Cannot exceed quota for RolesPerAccount: {MOST_ROLES}")));
    }
    let mut role = Role {
        name: name.to_owned(),
        path,
        id: format!("AROA{}", super::id(call)),
        created: call.service.clock.unix(),
        trust,
        description: params.get("Description").map(str::to_owned),
        max_session,
        boundary,
        tags: Tags::new(),
        grants: Grants::default(),
    };
    add_tags(&mut role.tags, params)?;
    if !role.tags.is_empty() {
        authorize::beside_iam(call, "iam:TagRole", &role.arn())?;
    }
    let shown = whole("Role", &role);
    state.roles.insert(role.name.clone(), role);
    Ok(answer().with(shown))
}

fn trust(document: Option<&str>, member: &str) -> Result<String, CloudError> {
    let document =
        document.ok_or_else(|| checks::constraint(member, "null", "Member must not be null"))?;
    Policy::trust(document).map_err(super::malformed)?;
    if document.chars().count() > MOST_TRUST {
        let message = format!("Cannot exceed quota for ACLSizePerRole: {MOST_TRUST}");
        return Err(super::limit(message));
    }
    Ok(document.to_owned())
}

/// A policy's ARN. Which policies there are in the account itself is not modelled.
fn boundary(arn: &str) -> Result<String, CloudError> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", "aws", "iam", "", account, resource]
            if (*account == "aws" || *account == ACCOUNT)
                && resource.strip_prefix("policy/").is_some_and(|name| !name.is_empty()) =>
        {
            Ok(arn.to_owned())
        }
        _ => Err(CloudError::refuse("ValidationError", format!("ARN {arn} is not valid."))),
    }
}

pub(super) fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Role, CloudError> {
    let name = name(call.params, "RoleName", NAME)?;
    state.roles.get_mut(name).ok_or_else(|| missing(name))
}

pub(super) fn missing(name: &str) -> CloudError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

pub(super) fn get(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = find(state, call)?;
    Ok(answer().with(whole("Role", role).with(node("RoleLastUsed"))))
}

pub(super) fn list_all(state: &State, call: &Call<'_>) -> Outcome {
    let prefix = call.params.get("PathPrefix").unwrap_or("/");
    let roles = state.roles.values().filter(|role| role.path.starts_with(prefix));
    checks::page(call, "Roles", roles.map(|role| brief("member", role)).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = find(state, call)?;
    let (name, attached, inline) =
        (role.name.clone(), !role.grants.attached.is_empty(), !role.grants.inline.is_empty());
    if state.profiles.values().any(|profile| profile.role.as_ref() == Some(&name)) {
        return Err(super::conflict("must remove roles from instance profile first."));
    }
    if attached {
        return Err(super::conflict("must detach all policies first."));
    }
    if inline {
        return Err(super::conflict("must delete policies first."));
    }
    state.roles.remove(&name);
    Ok(answer())
}

pub(super) fn update_trust(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = find(state, call)?;
    role.trust = trust(call.params.get("PolicyDocument"), "PolicyDocument")?;
    Ok(answer())
}

pub(super) fn set_boundary(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = find(state, call)?;
    role.boundary = Some(boundary(required(call.params, "PermissionsBoundary")?)?);
    Ok(answer())
}

pub(super) fn remove_boundary(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = find(state, call)?;
    let message = || format!("Role {} does not have a permissions boundary.", role.name);
    role.boundary.take().ok_or_else(|| no_such_entity(message()))?;
    Ok(answer())
}

pub(super) fn tag(state: &mut State, call: &Call<'_>) -> Outcome {
    add_tags(&mut find(state, call)?.tags, call.params)?;
    Ok(answer())
}

pub(super) fn untag(state: &mut State, call: &Call<'_>) -> Outcome {
    remove_tags(&mut find(state, call)?.tags, call.params);
    Ok(answer())
}

pub(super) fn list_tags(state: &mut State, call: &Call<'_>) -> Outcome {
    let tags = tags_of(&find(state, call)?.tags);
    checks::page(call, "Tags", tags)
}

/// A role as listings and instance profiles show it: without its tags and its boundary.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
pub(super) fn brief(name: &'static str, role: &Role) -> Element {
    node(name)
        .text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", role.arn())
        .text("CreateDate", iso(role.created))
        .text("AssumeRolePolicyDocument", encoded(&role.trust))
        .maybe("Description", role.description.as_ref())
        .text("MaxSessionDuration", role.max_session)
}

fn whole(name: &'static str, role: &Role) -> Element {
    let boundary = role.boundary.as_ref().map(|arn| {
        node("PermissionsBoundary")
            .text("PermissionsBoundaryType", "Policy")
            .text("PermissionsBoundaryArn", arn)
    });
    let tags = (!role.tags.is_empty()).then(|| list("Tags", tags_of(&role.tags)));
    brief(name, role).all(boundary).all(tags)
}
