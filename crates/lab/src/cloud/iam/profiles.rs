//! Instance profiles: what gives a role to an instance.

use super::checks::{self, add_tags, name, path, remove_tags, tags_of};
use super::roles;
use super::store::{InstanceProfile, State};
use super::{exists, no_such_entity};
use crate::cloud::authorize;
use crate::cloud::ec2::Tags;
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, list, node};

/// Letters of a profile's name.
const NAME: usize = 128;

const MOST_PROFILES: usize = 1000;

pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let (name, path) = (name(params, "InstanceProfileName", NAME)?, path(params)?);
    if state.profiles.keys().any(|other| other.eq_ignore_ascii_case(name)) {
        return Err(exists(format!("Instance Profile {name} already exists.")));
    }
    if state.profiles.len() >= MOST_PROFILES {
        let message =
            format!("Cannot exceed quota for InstanceProfilesPerAccount: {MOST_PROFILES}");
        return Err(super::limit(message));
    }
    let mut profile = InstanceProfile {
        name: name.to_owned(),
        path,
        id: format!("AIPA{}", super::id(call)),
        born: call.born(),
        tags: Tags::new(),
        role: None,
    };
    add_tags(&mut profile.tags, params)?;
    if !profile.tags.is_empty() {
        authorize::beside_iam(call, "iam:TagInstanceProfile", &profile.arn())?;
    }
    let shown = shown("InstanceProfile", state, &profile).all(tags(&profile));
    state.profiles.insert(profile.name.clone(), profile);
    Ok(answer().with(shown))
}

fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut InstanceProfile, CloudError> {
    let name = name(call.params, "InstanceProfileName", NAME)?;
    state
        .profiles
        .get_mut(name)
        .ok_or_else(|| no_such_entity(format!("Instance Profile {name} cannot be found.")))
}

pub(super) fn get(state: &mut State, call: &Call<'_>) -> Outcome {
    let profile = find(state, call)?.clone();
    Ok(answer().with(shown("InstanceProfile", state, &profile).all(tags(&profile))))
}

pub(super) fn list_all(state: &State, call: &Call<'_>) -> Outcome {
    let prefix = call.params.get("PathPrefix").unwrap_or("/");
    let profiles = state.profiles.values().filter(|profile| profile.path.starts_with(prefix));
    let profiles = profiles.map(|profile| shown("member", state, profile)).collect();
    checks::page(call, "InstanceProfiles", profiles)
}

pub(super) fn list_for_role(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = Some(roles::find(state, call)?.name.clone());
    let profiles = state.profiles.values().filter(|profile| profile.role == role);
    let profiles = profiles.map(|profile| shown("member", state, profile)).collect();
    checks::page(call, "InstanceProfiles", profiles)
}

pub(super) fn add_role(state: &mut State, call: &Call<'_>) -> Outcome {
    find(state, call)?;
    let role = roles::find(state, call)?;
    authorize::beside_iam(call, "iam:PassRole", &role.arn())?;
    let role = role.name.clone();
    let profile = find(state, call)?;
    if profile.role.is_some() {
        // The role that is there already is refused in the same words.
        return Err(super::limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    profile.role = Some(role);
    Ok(answer())
}

pub(super) fn remove_role(state: &mut State, call: &Call<'_>) -> Outcome {
    let role = name(call.params, "RoleName", roles::NAME)?;
    let profile = find(state, call)?;
    if profile.role.as_deref() != Some(role) {
        let message = format!("Role {role} in Instance Profile {} cannot be found.", profile.name);
        return Err(no_such_entity(message));
    }
    profile.role = None;
    Ok(answer())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let profile = find(state, call)?;
    if profile.role.is_some() {
        return Err(super::conflict("must remove roles from instance profile first."));
    }
    let name = profile.name.clone();
    state.profiles.remove(&name);
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

fn tags(profile: &InstanceProfile) -> Option<Element> {
    (!profile.tags.is_empty()).then(|| list("Tags", tags_of(&profile.tags)))
}

/// A profile as listings show it: without its tags.
fn shown(name: &'static str, state: &State, profile: &InstanceProfile) -> Element {
    let role = profile.role.as_ref().and_then(|role| state.roles.get(role));
    node(name)
        .text("Path", &profile.path)
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Arn", profile.arn())
        .text("CreateDate", iso(profile.born.unix))
        .with(list("Roles", role.map(|role| roles::brief("member", role))))
}
