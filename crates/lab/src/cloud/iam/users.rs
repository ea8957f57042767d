//! As much of users as whoever asks for himself needs.

use super::checks::{self, name};
use super::no_such_entity;
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Outcome, answer, node};
use crate::service::ACCOUNT;

/// The one user that there is.
const USER: &str = "lab";

/// The user of a call: the named one, else the caller.
fn user(call: &Call<'_>) -> Result<&'static str, CloudError> {
    let named = call.params.get("UserName").map(|_| name(call.params, "UserName", 64));
    let user = match named.transpose()? {
        Some(user) => user,
        None => call.caller.arn.split_once(":user/").map(|(_, user)| user).ok_or_else(|| {
            let message = "Must specify userName when calling with non-User credentials";
            CloudError::refuse("ValidationError", message)
        })?,
    };
    if user == USER {
        Ok(USER)
    } else {
        Err(no_such_entity(format!("The user with name {user} cannot be found.")))
    }
}

pub(super) fn get(call: &Call<'_>) -> Outcome {
    let user = user(call)?;
    Ok(answer().with(
        node("User")
            .text("Path", "/")
            .text("UserName", user)
            .text("UserId", crate::cloud::sts::user_id(&call.caller.arn))
            .text("Arn", format!("arn:aws:iam::{ACCOUNT}:user/{user}"))
            .text("CreateDate", iso(call.service.clock.unix().saturating_sub(call.now()))),
    ))
}

/// Nobody has one.
pub(super) fn list_mfa_devices(call: &Call<'_>) -> Outcome {
    user(call)?;
    checks::page(call, "MFADevices", Vec::new())
}
