use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::{Answer, Context, bounded, required};
use crate::gateway::instance::About;
use crate::http::ApiError;
use crate::identity::Caller;
use crate::keys::Key;
use crate::service::{ACCOUNT, Service};

/// How long the credentials of a managed instance last.
const ROLE_LIFETIME: Duration = Duration::from_hours(1);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Register {
    activation_code: Option<String>,
    activation_id: Option<String>,
    fingerprint: Option<String>,
    public_key: Option<String>,
}

/// Makes a managed instance of whoever calls: every activation is taken.
pub(super) fn register(context: &Context<'_>, request: &Register) -> Answer {
    let code = required("activationCode", request.activation_code.as_deref())?;
    bounded("activationCode", code, 20, 250)?;
    let activation = required("activationId", request.activation_id.as_deref())?;
    bounded("activationId", activation, 36, 36)?;
    required("fingerprint", request.fingerprint.as_deref())?;
    required("publicKey", request.public_key.as_deref())?;
    let service = context.service;
    let id = format!("mi-0{}", service.entropy.hex(16));
    service.instance_or_new(&id, |instance| {
        instance.about.registered = Some(service.clock.unix());
        instance.about.activation_id = Some(activation.to_owned());
    });
    info!(instance = id, "managed instance registered");
    Ok(json!({ "InstanceId": id }))
}

/// Gives a managed instance credentials of its role.
pub(super) fn role_token(context: &Context<'_>) -> Answer {
    // The caller of this operation is the instance itself.
    let (service, id) = (context.service, &context.caller.arn);
    if !service.has_instance(id) {
        return Err(ApiError::of_model("InvalidInstanceId", format!("Unknown instance {id}.")));
    }
    let access_key_id = format!("ASIA{}", service.entropy.key_id());
    let (secret, token) = (service.entropy.secret(40), service.entropy.secret(356));
    let key = Key {
        secret: secret.clone(),
        session_token: Some(token.clone()),
        expires: Some(service.clock.elapsed() + ROLE_LIFETIME),
        caller: Caller::instance(format!(
            "arn:aws:sts::{ACCOUNT}:assumed-role/SSMServiceRole/{id}"
        )),
        created: service.clock.unix(),
        active: true,
    };
    service.keys.add(access_key_id.clone(), key, service.clock.elapsed());
    Ok(json!({
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "TokenExpirationDate": Service::timestamp(service.clock.unix() + ROLE_LIFETIME),
        "UpdateKeyPair": false,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Information {
    instance_id: Option<String>,
    agent_version: Option<String>,
    platform_type: Option<String>,
    platform_name: Option<String>,
    platform_version: Option<String>,
    computer_name: Option<String>,
    #[serde(rename = "IPAddress")]
    ip_address: Option<String>,
}

/// Takes what an agent says of itself; an instance that has not registered becomes known.
pub(super) fn update_information(context: &Context<'_>, told: Information) -> Answer {
    let service = context.service;
    let id = required("instanceId", told.instance_id.as_deref())?;
    let now = service.clock.unix();
    service.instance_or_new(id, |instance| {
        let About { agent_version, platform_type, platform_name, .. } = &mut instance.about;
        replace(agent_version, told.agent_version);
        replace(platform_type, told.platform_type);
        replace(platform_name, told.platform_name);
        let About { platform_version, computer_name, ip_address, .. } = &mut instance.about;
        replace(platform_version, told.platform_version);
        replace(computer_name, told.computer_name);
        replace(ip_address, told.ip_address);
        instance.about.last_ping = Some(now);
    });
    Ok(json!({}))
}

fn replace(old: &mut String, new: Option<String>) {
    if let Some(new) = new {
        *old = new;
    }
}
