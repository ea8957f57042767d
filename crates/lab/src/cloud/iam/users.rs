//! Users.

use std::time::Duration;

use super::checks::{self, add_tags, name, path, tags_of};
use super::store::{Grants, State, User};
use super::{exists, no_such_entity};
use crate::cloud::ec2::Tags;
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, list, node};
use crate::identity::{Caller, Principal};
use crate::service::ACCOUNT;

/// Letters of a user's name.
pub(super) const NAME: usize = 64;

const MOST_USERS: usize = 5000;

/// The user whose key the lab hands out, an administrator.
const FIRST: &str = "lab";

/// Makes the user that is there from the start.
pub(crate) fn make_first(state: &mut State, id: &str, created: Duration) -> Caller {
    let attached = vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()];
    let user = User {
        name: FIRST.to_owned(),
        path: "/".to_owned(),
        id: format!("AIDA{id}A"),
        created,
        tags: Tags::new(),
        grants: Grants { attached, ..Grants::default() },
    };
    let caller = user.caller();
    state.users.insert(FIRST.to_owned(), user);
    caller
}

/// The first user as a caller, as long as there is one.
pub(crate) fn first(state: &State) -> Option<Caller> {
    state.users.get(FIRST).map(User::caller)
}

/// The user of that name, as a caller.
pub(crate) fn caller(state: &State, name: &str) -> Option<Caller> {
    state.users.get(name).map(User::caller)
}

pub(super) fn missing(name: &str) -> CloudError {
    no_such_entity(format!("The user with name {name} cannot be found."))
}

/// The user whom a call names, which it has to.
pub(super) fn named<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut User, CloudError> {
    let name = name(call.params, "UserName", NAME)?;
    state.users.get_mut(name).ok_or_else(|| missing(name))
}

/// The user whom a call names, else the caller.
pub(super) fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut User, CloudError> {
    if call.params.get("UserName").is_some() {
        return named(state, call);
    }
    let Principal::User(name) = &call.caller.principal else {
        let message = "Must specify userName when calling with non-User credentials";
        return Err(CloudError::refuse("ValidationError", message));
    };
    state.users.get_mut(name).ok_or_else(|| missing(name))
}

pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    checks::unknown(params, &["PermissionsBoundary"])?;
    let (name, path) = (name(params, "UserName", NAME)?, path(params)?);
    if state.users.keys().any(|other| other.eq_ignore_ascii_case(name)) {
        return Err(exists(format!("User with name {name} already exists.")));
    }
    if state.users.len() >= MOST_USERS {
        return Err(super::limit(format!("Cannot exceed quota for UsersPerAccount: {MOST_USERS}")));
    }
    let mut user = User {
        name: name.to_owned(),
        path,
        id: format!("AIDA{}", super::id(call)),
        created: call.service.clock.unix(),
        tags: Tags::new(),
        grants: Grants::default(),
    };
    add_tags(&mut user.tags, params)?;
    let shown = whole("User", &user);
    state.users.insert(user.name.clone(), user);
    Ok(answer().with(shown))
}

pub(super) fn get(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = find(state, call)?;
    Ok(answer().with(whole("User", user)))
}

pub(super) fn list_all(state: &State, call: &Call<'_>) -> Outcome {
    let prefix = call.params.get("PathPrefix").unwrap_or("/");
    let users = state.users.values().filter(|user| user.path.starts_with(prefix));
    checks::page(call, "Users", users.map(|user| brief("member", user)).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = named(state, call)?;
    let (name, grants) = (user.name.clone(), user.grants.clone());
    if !call.service.keys.of_user(&name).is_empty() {
        return Err(super::conflict("must delete access keys first."));
    }
    if state.devices.values().any(|device| device.is_of(&name)) {
        return Err(super::conflict("must delete MFA device first."));
    }
    if !grants.attached.is_empty() {
        return Err(super::conflict("must detach all policies first."));
    }
    if !grants.inline.is_empty() {
        return Err(super::conflict("must delete policies first."));
    }
    state.users.remove(&name);
    Ok(answer())
}

/// A user as listings show him: without his tags.
fn brief(name: &'static str, user: &User) -> Element {
    node(name)
        .text("Path", &user.path)
        .text("UserName", &user.name)
        .text("UserId", &user.id)
        .text("Arn", arn(user))
        .text("CreateDate", iso(user.created))
}

fn whole(name: &'static str, user: &User) -> Element {
    let tags = (!user.tags.is_empty()).then(|| list("Tags", tags_of(&user.tags)));
    brief(name, user).all(tags)
}

fn arn(user: &User) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user{}{}", user.path, user.name)
}
