//! Clusters, and the definitions of what runs in them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{INVALID, PAGE, State, arn, short};
use crate::cloud::body::{self, Tag, lower, page, parse, required};
use crate::cloud::{Call, CloudError, JsonOutcome};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    cluster_name: Option<String>,
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn create(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Request { cluster_name, tags, .. } = parse(call)?;
    let name = cluster_name.unwrap_or_else(|| "default".to_owned());
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(letters) {
        return Err(CloudError::refuse(INVALID, "Invalid cluster name."));
    }
    // Once more gives the cluster that is there.
    state.clusters.entry(name.clone()).or_insert_with(|| body::tags(tags));
    Ok(json!({ "cluster": cluster(state, &name, call) }))
}

fn cluster(state: &State, name: &str, call: &Call<'_>) -> Value {
    let count = |status| {
        let tasks = state.tasks.values().filter(|task| task.cluster == name);
        tasks.filter(|task| task.status(call.now()) == status).count()
    };
    json!({
        "clusterArn": arn("cluster", name),
        "clusterName": name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": count("RUNNING"),
        "pendingTasksCount": count("PENDING"),
        "activeServicesCount": 0,
        "tags": state.clusters.get(name).map(lower),
    })
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> JsonOutcome {
    let Request { mut clusters, .. } = parse(call)?;
    if clusters.is_empty() {
        clusters.push("default".to_owned());
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for wanted in &clusters {
        if let Ok(name) = state.cluster(Some(wanted)) {
            found.push(cluster(state, &name, call));
        } else {
            let missing = arn("cluster", short(wanted));
            failures.push(json!({ "arn": missing, "reason": "MISSING" }));
        }
    }
    Ok(json!({ "clusters": found, "failures": failures }))
}

pub(super) fn list_all(state: &State, call: &Call<'_>) -> JsonOutcome {
    let Request { max_results, next_token, .. } = parse(call)?;
    let page = page(call, INVALID, PAGE, max_results, next_token.as_deref())?;
    let (arns, next) = page.of(state.clusters.keys().map(|name| arn("cluster", name)).collect());
    Ok(json!({ "clusterArns": arns, "nextToken": next }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    family: Option<String>,
    #[serde(default)]
    container_definitions: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: Option<String>,
}

pub(super) fn register(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Register { family, container_definitions } = parse(call)?;
    let family = required("ClientException", "family", family.as_deref())?;
    let names: Option<Vec<_>> = container_definitions.into_iter().map(|one| one.name).collect();
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        let message = "Container.name should not be null or empty.";
        return Err(CloudError::refuse("ClientException", message));
    };
    let containers: Value = names.iter().map(|name| json!({ "name": name })).collect();
    let revisions = state.families.entry(family.to_owned()).or_default();
    revisions.push(names);
    let revision = revisions.len();
    Ok(json!({ "taskDefinition": {
        "taskDefinitionArn": arn("task-definition", &format!("{family}:{revision}")),
        "family": family,
        "revision": revision,
        "status": "ACTIVE",
        "containerDefinitions": containers,
    } }))
}
