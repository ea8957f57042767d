//! Access keys of users.

use super::checks::{self, constraint, required};
use super::store::State;
use super::{no_such_entity, users};
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Outcome, answer, node};
use crate::keys::Key;
use crate::service::Service;

/// Keys that a user can have at a time.
const MOST: usize = 2;

/// Makes a key for somebody who lasts; gives its id and secret.
pub(crate) fn issue(service: &Service, caller: crate::identity::Caller) -> (String, String) {
    let id = format!("AKIA{}", service.entropy.key_id());
    let secret = service.entropy.secret(40);
    let key = Key {
        secret: secret.clone(),
        session_token: None,
        expires: None,
        caller,
        created: service.clock.unix(),
        active: true,
    };
    service.keys.add(id.clone(), key, service.clock.elapsed());
    (id, secret)
}

pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = users::find(state, call)?;
    if call.service.keys.of_user(&user.name).len() >= MOST {
        return Err(super::limit(format!("Cannot exceed quota for AccessKeysPerUser: {MOST}")));
    }
    let (id, secret) = issue(call.service, user.caller());
    Ok(answer().with(
        node("AccessKey")
            .text("UserName", &user.name)
            .text("AccessKeyId", id)
            .text("Status", "Active")
            .text("SecretAccessKey", secret)
            .text("CreateDate", iso(call.service.clock.unix())),
    ))
}

fn status(key: &Key) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

pub(super) fn list(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = users::find(state, call)?.name.clone();
    let keys = call.service.keys.of_user(&user);
    let keys = keys.into_iter().map(|(id, key)| {
        node("member")
            .text("UserName", &user)
            .text("AccessKeyId", id)
            .text("Status", status(&key))
            .text("CreateDate", iso(key.created))
    });
    checks::page(call, "AccessKeyMetadata", keys.collect())
}

/// The key of a call, which has to be the user's.
fn find<'a>(state: &mut State, call: &'a Call<'_>) -> Result<&'a str, CloudError> {
    let user = users::find(state, call)?.name.clone();
    let id = required(call.params, "AccessKeyId")?;
    let keys = call.service.keys.of_user(&user);
    if keys.iter().any(|(other, _)| other == id) {
        return Ok(id);
    }
    Err(no_such_entity(format!("The Access Key with id {id} cannot be found.")))
}

pub(super) fn update(state: &mut State, call: &Call<'_>) -> Outcome {
    let id = find(state, call)?;
    let active = match required(call.params, "Status")? {
        "Active" => true,
        "Inactive" => false,
        other => {
            let wanted = "Member must satisfy enum value set: [Active, Inactive]";
            return Err(constraint("Status", &format!("'{other}'"), wanted));
        }
    };
    call.service.keys.set_active(id, active);
    Ok(answer())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let id = find(state, call)?;
    call.service.keys.remove(id);
    Ok(answer())
}
