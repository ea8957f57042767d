//! Users, roles, their devices and tokens.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, read};
use crate::cloud::iam::direct::{self, Policies};
use crate::cloud::iam::{access_keys, devices};
use crate::cloud::state::iso;
use crate::cloud::sts;
use crate::service::{ACCOUNT, Service};
use crate::totp::STEP;

/// The longest token that is issued.
const LONGEST: Duration = Duration::from_hours(24 * 365);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRequest {
    name: String,
    /// A document.
    policy: Option<Value>,
    /// ARNs of AWS' own policies.
    #[serde(default)]
    policies: Vec<String>,
    /// Names of devices.
    #[serde(default)]
    mfa: Vec<String>,
}

/// A user with a key, and with MFA devices that work.
pub(super) fn users(service: &Service, body: &[u8]) -> Answer {
    let UserRequest { name, policy, policies, mfa } = read(body)?;
    let inline = policy.map(|document| document.to_string());
    let caller = direct::put_user(service, &name, Policies { inline, attached: policies })?;
    let mut given = Vec::new();
    for device in &mfa {
        let device = devices::give(&mut service.cloud().iam, service, &name, device);
        let (serial, seed) = device.ok_or("there is a device of that name already")?;
        given.push(json!({ "serial": serial, "seed": seed }));
    }
    let (arn, user_id) = (caller.arn.clone(), caller.user_id.clone());
    let (key_id, secret) = access_keys::issue(service, caller);
    Ok(json!({
        "arn": arn,
        "user_id": user_id,
        "access_key_id": key_id,
        "secret_access_key": secret,
        "mfa": given,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRequest {
    name: String,
    /// A document; the account unless given.
    trust: Option<Value>,
    policy: Option<Value>,
    #[serde(default)]
    policies: Vec<String>,
    max_session_s: Option<u32>,
}

pub(super) fn roles(service: &Service, body: &[u8]) -> Answer {
    let RoleRequest { name, trust, policy, policies, max_session_s } = read(body)?;
    let trust = trust.unwrap_or_else(|| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
                "Action": "sts:AssumeRole",
            }],
        })
    });
    let inline = policy.map(|document| document.to_string());
    let policies = Policies { inline, attached: policies };
    let longest = max_session_s.unwrap_or(3600);
    if !(3600..=43_200).contains(&longest) {
        return Err("max_session_s is from 3600 to 43200".to_owned());
    }
    let arn = direct::put_role(service, ("/", &name), trust.to_string(), longest, policies)?;
    Ok(json!({ "arn": arn }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MfaRequest {
    serial: String,
}

/// The code that a device shows.
pub(super) fn mfa(service: &Service, body: &[u8]) -> Answer {
    let MfaRequest { serial } = read(body)?;
    let (cloud, now) = (service.cloud(), service.clock.unix());
    let missing = || format!("there is no device {serial}");
    let (code, used) = devices::current(&cloud.iam, &serial, now).ok_or_else(missing)?;
    let (next, _) = devices::current(&cloud.iam, &serial, now + STEP).ok_or_else(missing)?;
    let into = now.as_millis() % STEP.as_millis();
    let left = u64::try_from(STEP.as_millis() - into).unwrap_or_default();
    Ok(json!({ "code": code, "used": used, "next_code": next, "next_in_ms": left }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebIdentityRequest {
    /// As in `https://token.example.com`.
    issuer: String,
    audience: String,
    subject: String,
    life_s: Option<u64>,
}

pub(super) fn web_identity(service: &Service, body: &[u8]) -> Answer {
    let WebIdentityRequest { issuer, audience, subject, life_s } = read(body)?;
    let life = Duration::from_secs(life_s.unwrap_or(3600)).min(LONGEST);
    let token = sts::web_identity_token(service, &issuer, &audience, &subject, life);
    Ok(json!({ "token": token }))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum RevokeRequest {
    /// Worthless from now on.
    AccessKeyId(String),
    /// Its sessions until now are denied everything.
    Role(String),
    /// The same for the user's temporary credentials.
    User(String),
    /// All that the user of single sign-on has signed in to ends.
    SsoUser(String),
}

pub(super) fn revoke(service: &Service, body: &[u8]) -> Answer {
    let request: RevokeRequest = read(body)?;
    let now = iso(service.clock.unix());
    let (done, what) = match &request {
        RevokeRequest::AccessKeyId(id) => (service.keys.remove(id), id),
        RevokeRequest::Role(name) => {
            (direct::revoke_older(&mut service.cloud().iam, Some(name), None, &now), name)
        }
        RevokeRequest::User(name) => {
            (direct::revoke_older(&mut service.cloud().iam, None, Some(name), &now), name)
        }
        RevokeRequest::SsoUser(name) => (crate::open::revoke(service, name), name),
    };
    if done { Ok(json!({})) } else { Err(format!("there is no {what}")) }
}
