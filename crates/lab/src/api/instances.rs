use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::Filter;
use super::page::Page;
use super::{Answer, Context, bounded, required};
use crate::gateway::instance::Instance;
use crate::http::ApiError;
use crate::service::Service;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    instance_information_filter_list: Vec<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConnectionStatus {
    target: Option<String>,
}

/// The keys that both kinds of filter have; the older kind's enum has no more.
const KEYS: [&str; 8] = [
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];

/// The keys that only `Filters` has, beside tags; the API reference has had both spellings of the
/// platform.
const MORE_KEYS: [&str; 4] = ["PlatformType", "SourceIds", "SourceTypes", "tag-key"];

/// Lists the instances that have ever reported.
pub(super) fn describe(context: &Context<'_>, request: &Describe) -> Answer {
    let service = context.service;
    let page =
        Page::new(request.max_results, request.next_token.as_deref(), (5, 50))?.within(service);
    check(request)?;
    let filters = || request.filters.iter().chain(&request.instance_information_filter_list);
    let mut list = Vec::new();
    // Containers are no managed nodes: sessions are started on them, and no list has them.
    let nodes = service.instances().into_iter().filter(|(id, _)| !id.starts_with("ecs:"));
    for (id, instance) in nodes {
        if filters().all(|filter| matches(filter, &id, &instance, service)) {
            list.push(information(service, &id, &instance));
        }
    }
    let (list, next) = page.of(list);
    let mut answer = json!({ "InstanceInformationList": list });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

pub(super) fn connection_status(context: &Context<'_>, request: &ConnectionStatus) -> Answer {
    let target = required("target", request.target.as_deref())?;
    bounded("target", target, 1, 400)?;
    let online = context.service.instance(target, |instance| instance.is_online());
    let status = if online == Some(true) { "connected" } else { "notconnected" };
    Ok(json!({ "Target": target, "Status": status }))
}

/// Refuses what is no key, whether or not there is an instance to look at.
fn check(request: &Describe) -> Result<(), ApiError> {
    for Filter { key, .. } in &request.filters {
        let tag = key.strip_prefix("tag:").is_some_and(|name| !name.is_empty());
        if !tag && !KEYS.contains(&&**key) && !MORE_KEYS.contains(&&**key) {
            let message = format!("The specified filter key '{key}' is not valid.");
            return Err(ApiError::of_model("InvalidFilterKey", message));
        }
    }
    for (n, Filter { key, .. }) in (1..).zip(&request.instance_information_filter_list) {
        if !KEYS.contains(&&**key) {
            let member = format!("instanceInformationFilterList.{n}.member.key");
            let constraint = format!("Member must satisfy enum value set: [{}]", KEYS.join(", "));
            return Err(ApiError::constraint(&member, &format!("'{key}'"), &constraint));
        }
    }
    Ok(())
}

/// Whether an instance has what a filter asks for; the lab's have no roles, associations and
/// sources, and only those of the cloud have tags.
fn matches(filter: &Filter, id: &str, instance: &Instance, service: &Service) -> bool {
    if let Some(key) = filter.key.strip_prefix("tag:") {
        let cloud = service.cloud();
        return cloud.ec2.tag_of(id, key).is_some_and(|value| filter.matches(value));
    }
    match filter.key.as_str() {
        "tag-key" => service.cloud().ec2.tags_of(id).keys().any(|key| filter.matches(key)),
        "InstanceIds" => filter.matches(id),
        "PingStatus" => filter.matches(ping(instance)),
        "AgentVersion" => filter.matches(&version(service, instance)),
        "PlatformType" | "PlatformTypes" => filter.matches(&instance.about.platform_type),
        "ResourceType" => filter.matches(kind(id)),
        "ActivationIds" => {
            instance.about.activation_id.as_ref().is_some_and(|id| filter.matches(id))
        }
        _ => false,
    }
}

fn ping(instance: &Instance) -> &'static str {
    if instance.is_online() { "Online" } else { "ConnectionLost" }
}

fn kind(id: &str) -> &'static str {
    if id.starts_with("mi-") { "ManagedInstance" } else { "EC2Instance" }
}

fn version(service: &Service, instance: &Instance) -> String {
    if instance.is_emulated() {
        service.agent.runtime().agent_version
    } else {
        instance.about.agent_version.clone()
    }
}

fn information(service: &Service, id: &str, instance: &Instance) -> Value {
    let about = &instance.about;
    let heard = about.last_ping.unwrap_or_else(|| service.clock.unix());
    let mut out = json!({
        "InstanceId": id,
        "PingStatus": ping(instance),
        "LastPingDateTime": Service::timestamp(heard),
        "AgentVersion": version(service, instance),
        "IsLatestVersion": false,
        "PlatformType": about.platform_type,
        "PlatformName": about.platform_name,
        "PlatformVersion": about.platform_version,
        "ResourceType": kind(id),
        "IPAddress": about.ip_address,
        "ComputerName": about.computer_name,
    });
    if let Some(registered) = about.registered {
        out["RegistrationDate"] = Service::timestamp(registered).into();
    }
    if let Some(activation) = &about.activation_id {
        out["ActivationId"] = activation.as_str().into();
    }
    out
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Properties {
    #[serde(default)]
    instance_property_filter_list: Vec<Filter>,
    #[serde(default)]
    filters_with_operator: Vec<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The same instances with what EC2 knows of them.
pub(super) fn properties(context: &Context<'_>, request: &Properties) -> Answer {
    let service = context.service;
    let page =
        Page::new(request.max_results, request.next_token.as_deref(), (5, 1000))?.within(service);
    let filters =
        || request.instance_property_filter_list.iter().chain(&request.filters_with_operator);
    let mut list = Vec::new();
    for (id, instance) in service.instances() {
        if filters().all(|filter| matches(filter, &id, &instance, service)) {
            let mut out = information(service, &id, &instance);
            if let Some(facts) = service.cloud().ec2.facts(&id) {
                for (name, value) in facts {
                    out[name] = value.into();
                }
            }
            list.push(out);
        }
    }
    let (list, next) = page.of(list);
    let mut answer = json!({ "InstanceProperties": list });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}
