//! What tests do to a lab from outside: move its clock, and be those who are not programs.
//!
//! One function for each name below `/_lab/`; a body in JSON goes in, one comes out.

mod accounts;
mod federation;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::faults::{FaultRequest, Faults};
use crate::service::{Preferences, Service};

/// What a control answers, or why it refuses, in one line.
pub(crate) type Answer = Result<Value, String>;

/// The names, for whoever asks for another.
pub(crate) const NAMES: [&str; 13] = [
    "faults",
    "clock",
    "preferences",
    "users",
    "roles",
    "mfa",
    "web-identity",
    "revoke",
    "sso-assign",
    "sso-device",
    "login",
    "instance-role",
    "container",
];

/// Whether there is a control of that name.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The body of `POST /_lab/clock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    /// How far the lab's clock moves forward, in milliseconds.
    advance_ms: u64,
}

/// Answers a control; `None` when there is none of that name.
pub(crate) fn call(service: &Arc<Service>, name: &str, body: &[u8]) -> Option<Answer> {
    Some(match name {
        "faults" => faults(service, body),
        "clock" => clock(service, body),
        "preferences" => preferences(service, body),
        "users" => accounts::users(service, body),
        "roles" => accounts::roles(service, body),
        "mfa" => accounts::mfa(service, body),
        "web-identity" => accounts::web_identity(service, body),
        "revoke" => accounts::revoke(service, body),
        "sso-assign" => federation::assign(service, body),
        "sso-device" => federation::device(service, body),
        "login" => federation::login(service, body),
        "instance-role" => federation::instance_role(service, body),
        "container" => federation::container(service, body),
        _ => return None,
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn faults(service: &Arc<Service>, body: &[u8]) -> Answer {
    let request: FaultRequest = read(body)?;
    Faults(Arc::clone(service)).apply(request).map_err(|error| error.to_string())?;
    Ok(json!({}))
}

fn clock(service: &Service, body: &[u8]) -> Answer {
    let ClockRequest { advance_ms } = read(body)?;
    service.clock.advance(Duration::from_millis(advance_ms));
    Ok(json!({}))
}

/// Sets the account's preferences for sessions, with effect on those that are open too.
fn preferences(service: &Service, body: &[u8]) -> Answer {
    let wanted: Preferences = read(body)?;
    // As the service has them: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html
    if !wanted.idle_minutes.is_none_or(|minutes| (1..=60).contains(&minutes)) {
        return Err("idle_minutes is from 1 to 60".to_owned());
    }
    if !wanted.max_minutes.is_none_or(|minutes| (1..=1440).contains(&minutes)) {
        return Err("max_minutes is from 1 to 1440".to_owned());
    }
    service.set_preferences(wanted);
    Ok(json!({}))
}
