//! Single sign-on, sign-in, and the roles of instances and containers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, read};
use crate::cloud::iam::direct::{self, Policies};
use crate::cloud::iam::users;
use crate::open;
use crate::service::{ACCOUNT, Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignRequest {
    user: String,
    /// As the portal calls it.
    role: String,
    account: Option<String>,
    policy: Option<Value>,
    #[serde(default)]
    policies: Vec<String>,
    /// How long credentials last.
    life_s: Option<u64>,
}

/// Lets a user of single sign-on be a role.
pub(super) fn assign(service: &Service, body: &[u8]) -> Answer {
    let AssignRequest { user, role, account, policy, policies, life_s } = read(body)?;
    let account = account.as_deref().unwrap_or(ACCOUNT);
    let inline = policy.map(|document| document.to_string());
    let life = life_s.unwrap_or(3600);
    if !(900..=43_200).contains(&life) {
        return Err("life_s is from 900 to 43200".to_owned());
    }
    let policies = Policies { inline, attached: policies };
    let life = Duration::from_secs(life);
    let arn = open::assign(service, &user, account, &role, life, policies)?;
    Ok(json!({ "arn": arn }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecideRequest {
    user_code: String,
    /// Who approves; nobody denies.
    user: Option<String>,
}

/// Approves a device, or denies it.
pub(super) fn device(service: &Service, body: &[u8]) -> Answer {
    // A browser sends a form, everybody else JSON.
    let request = if body.first() == Some(&b'{') {
        read(body)?
    } else {
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(body).into_owned().collect();
        let user_code = form.get("user_code").cloned().unwrap_or_default();
        DecideRequest { user_code, user: form.get("user").cloned() }
    };
    let DecideRequest { user_code, user } = request;
    if open::decide(service, &user_code, user) {
        return Ok(json!({}));
    }
    Err(format!("no device waits with the code {user_code:?}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    user: String,
    #[serde(default)]
    mfa: bool,
}

/// What `aws login` leaves behind.
pub(super) fn login(service: &Service, body: &[u8]) -> Answer {
    let LoginRequest { user, mfa } = read(body)?;
    let caller = users::caller(&service.cloud().iam, &user);
    open::log_in(service, caller.ok_or_else(|| format!("there is no {user}"))?, mfa)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceRoleRequest {
    /// A name or an ARN.
    role: Option<String>,
}

fn role_arn(service: &Service, role: &str) -> Result<String, String> {
    let arn = direct::role_arn(&service.cloud().iam, role);
    arn.ok_or_else(|| format!("there is no role {role}"))
}

/// The role whose credentials the instance's metadata have.
pub(super) fn instance_role(service: &Service, body: &[u8]) -> Answer {
    let InstanceRoleRequest { role } = read(body)?;
    let role = role.map(|role| role_arn(service, &role)).transpose()?;
    open::give_instance_role(&mut service.open(), role);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContainerRequest {
    name: String,
    /// A name or an ARN.
    role: String,
}

/// A container with a role.
pub(super) fn container(service: &Service, body: &[u8]) -> Answer {
    let ContainerRequest { name, role } = read(body)?;
    let role = role_arn(service, &role)?;
    let token = service.entropy.secret(64);
    let container = open::Container { role, token: token.clone() };
    let path = open::give_container(&mut service.open(), &name, container);
    Ok(json!({ "path": path, "token": token }))
}
