//! Endpoints of clusters: the writer's, the readers' and custom ones.

use super::checks::{arn, filters, id_of, identifier, invalid, page, tags};
use super::clusters;
use super::store::{Cluster, CustomEndpoint, State};
use crate::cloud::life::{Life, Phase};
use crate::cloud::{Call, CloudError, Element, Outcome, answer, el, list, node};
use crate::service::REGION;

pub(super) fn create(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = identifier(params, "DBClusterEndpointIdentifier")?;
    let kind = params.required("EndpointType")?;
    if !matches!(kind, "READER" | "WRITER" | "ANY") {
        return Err(invalid(format!("Invalid endpoint type: {kind}")));
    }
    let cluster = clusters::find(state, call)?.clone();
    if !cluster.engine.starts_with("aurora") && cluster.engine != "neptune" {
        let message = format!("Custom endpoints are not supported for engine {}.", cluster.engine);
        return Err(invalid(message));
    }
    let members = params.texts("StaticMembers");
    let excluded = params.texts("ExcludedMembers");
    if !members.is_empty() && !excluded.is_empty() {
        let message = "You can't specify both static members and excluded members.";
        return Err(super::checks::combination(message));
    }
    if let Some(other) = members.iter().chain(&excluded).find(|id| !cluster.members.contains(id)) {
        return Err(super::instances::missing(other));
    }
    if state.endpoints.contains_key(&id) {
        let message = format!("DB Cluster Endpoint {id} already exists.");
        return Err(CloudError::refuse("DBClusterEndpointAlreadyExistsFault", message));
    }
    let endpoint = CustomEndpoint {
        id: id.clone(),
        resource_id: format!("cluster-endpoint-{}", call.service.entropy.key_id()),
        cluster: cluster.id.clone(),
        kind: kind.to_owned(),
        members,
        excluded,
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: tags(params)?,
    };
    let shown = custom(answer(), &cluster, &endpoint, call);
    state.endpoints.insert(id, endpoint);
    Ok(shown)
}

fn missing(id: &str) -> CloudError {
    let message = format!("DBClusterEndpoint {id} not found.");
    CloudError::refuse("DBClusterEndpointNotFoundFault", message)
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let known = [
        "db-cluster-endpoint-type",
        "db-cluster-endpoint-custom-type",
        "db-cluster-endpoint-id",
        "db-cluster-endpoint-status",
    ];
    let filters = filters(params, &known)?;
    let cluster = params.get("DBClusterIdentifier").map(|id| id_of("cluster", id));
    if let Some(id) = cluster.as_ref().filter(|id| !state.clusters.contains_key(*id)) {
        return Err(clusters::missing(id));
    }
    let named = params.get("DBClusterEndpointIdentifier").map(str::to_ascii_lowercase);
    if let Some(id) = named.as_ref().filter(|id| !state.endpoints.contains_key(*id)) {
        return Err(missing(id));
    }
    let passes = |id: Option<&str>, kind: &str, of_custom: Option<&str>, status: &str| {
        named.as_deref().is_none_or(|named| id == Some(named))
            && filters.iter().all(|(name, values)| {
                values.iter().any(|value| match name.as_str() {
                    "db-cluster-endpoint-type" => value.eq_ignore_ascii_case(kind),
                    "db-cluster-endpoint-custom-type" => {
                        of_custom.is_some_and(|custom| value.eq_ignore_ascii_case(custom))
                    }
                    "db-cluster-endpoint-id" => id == Some(value),
                    _ => value.eq_ignore_ascii_case(status),
                })
            })
    };
    let mut endpoints = Vec::new();
    let wanted = |one: &&Cluster| cluster.as_ref().is_none_or(|id| *id == one.id);
    for one in state.clusters.values().filter(wanted) {
        let built_in = [("WRITER", one.writer_host(REGION)), ("READER", one.reader_host(REGION))];
        for (kind, host) in built_in {
            let status = status(one.life, call);
            if passes(None, kind, None, status) {
                endpoints.push(
                    node("DBClusterEndpointList")
                        .text("DBClusterIdentifier", &one.id)
                        .text("Endpoint", host)
                        .text("Status", status)
                        .text("EndpointType", kind),
                );
            }
        }
        for endpoint in state.endpoints.values().filter(|custom| custom.cluster == one.id) {
            let status = status(endpoint.life, call);
            if passes(Some(&endpoint.id), "CUSTOM", Some(&endpoint.kind), status) {
                endpoints.push(custom(node("DBClusterEndpointList"), one, endpoint, call));
            }
        }
    }
    page(call, "DBClusterEndpoints", endpoints)
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let id = call.params.required("DBClusterEndpointIdentifier")?.to_ascii_lowercase();
    let endpoint = state.endpoints.get_mut(&id).ok_or_else(|| missing(&id))?;
    endpoint.life.end(call.now(), call.service.faults.cloud.boot());
    let endpoint = endpoint.clone();
    let cluster = state.clusters.get(&endpoint.cluster);
    let cluster = cluster.ok_or_else(|| clusters::missing(&endpoint.cluster))?;
    Ok(custom(answer(), cluster, &endpoint, call))
}

fn status(life: Life, call: &Call<'_>) -> &'static str {
    match life.phase(call.now()) {
        Some(Phase::Creating) => "creating",
        Some(Phase::Ready) => "available",
        Some(Phase::Deleting) | None => "deleting",
    }
}

/// Fills an element with a custom endpoint.
fn custom(out: Element, cluster: &Cluster, one: &CustomEndpoint, call: &Call<'_>) -> Element {
    let members = |list: &[String]| list.iter().map(|id| el("member", id)).collect::<Vec<_>>();
    out.text("DBClusterEndpointIdentifier", &one.id)
        .text("DBClusterIdentifier", &one.cluster)
        .text("DBClusterEndpointResourceIdentifier", &one.resource_id)
        .text("Endpoint", cluster.custom_host(&one.id, REGION))
        .text("Status", status(one.life, call))
        .text("EndpointType", "CUSTOM")
        .text("CustomEndpointType", &one.kind)
        .with(list("StaticMembers", members(&one.members)))
        .with(list("ExcludedMembers", members(&one.excluded)))
        .text("DBClusterEndpointArn", arn("cluster-endpoint", &one.id))
}
