//! Managed Streaming for Apache Kafka: clusters and their brokers.

mod cluster;
mod create;

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::Cluster;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{page, parse};
use super::ec2::Tags;
use super::life::{self, Phase};
use super::state::Endpoint;
use super::{Call, CloudError, JsonOutcome};

const INVALID: &str = "BadRequestException";

/// What a listing gives unless told otherwise, and at most.
const PAGE: (usize, usize) = (100, 100);

#[derive(Debug, Default)]
pub(crate) struct State {
    /// By ARN.
    clusters: BTreeMap<String, Cluster>,
}

/// The operation that a method and a path are; `None` when they are none of this service's.
///
/// <https://docs.aws.amazon.com/msk/1.0/apireference/resources.html> and, for the second version,
/// <https://docs.aws.amazon.com/MSK/2.0/APIReference/v2-clusters.html>
pub(crate) fn operation(method: &Method, path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    if path == "/api/v2/clusters" {
        return match method.as_str() {
            "GET" => Some("ListClustersV2"),
            "POST" => Some("CreateClusterV2"),
            _ => None,
        };
    }
    if path.starts_with("/api/v2/clusters/") {
        return (method == Method::GET).then_some("DescribeClusterV2");
    }
    if path.starts_with("/v1/tags/") {
        return match method.as_str() {
            "GET" => Some("ListTagsForResource"),
            "POST" => Some("TagResource"),
            "DELETE" => Some("UntagResource"),
            _ => None,
        };
    }
    let rest = path.strip_prefix("/v1/clusters/")?;
    match method.as_str() {
        "GET" if rest.ends_with("/bootstrap-brokers") => Some("GetBootstrapBrokers"),
        "GET" if rest.ends_with("/nodes") => Some("ListNodes"),
        "DELETE" => Some("DeleteCluster"),
        _ => None,
    }
}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, kafka: state, .. } = &mut *cloud;
    match call.operation {
        "ListClustersV2" => list(state, call),
        "CreateClusterV2" => create::create(state, ec2, call),
        "DescribeClusterV2" => Ok(json!({ "clusterInfo": named(state, call)?.shown(call) })),
        "GetBootstrapBrokers" => brokers(named(state, call)?, call),
        "ListNodes" => nodes(named(state, call)?, call),
        "DeleteCluster" => {
            let (now, takes) = (call.now(), call.service.faults.cloud.boot());
            let cluster = named(state, call)?;
            cluster.life.end(now, takes);
            Ok(json!({ "clusterArn": cluster.arn, "state": "DELETING" }))
        }
        "ListTagsForResource" => Ok(json!({ "tags": named(state, call)?.tags })),
        "TagResource" => {
            let Tagging { tags } = parse(call)?;
            named(state, call)?.tags.extend(tags);
            Ok(json!({}))
        }
        "UntagResource" => {
            let keys = call.params.get("tagKeys").unwrap_or_default().to_owned();
            named(state, call)?.tags.remove(&keys);
            Ok(json!({}))
        }
        _ => Err(call.unknown()),
    }
}

#[derive(Deserialize)]
struct Tagging {
    #[serde(default)]
    tags: Tags,
}

/// The cluster whose ARN is in the path, with or without its slashes encoded.
pub(crate) fn arn(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let rest = ["/api/v2/clusters/", "/v1/clusters/", "/v1/tags/"]
        .into_iter()
        .find_map(|start| path.strip_prefix(start))
        .unwrap_or_default();
    let rest = ["/bootstrap-brokers", "/nodes"]
        .into_iter()
        .find_map(|end| rest.strip_suffix(end))
        .unwrap_or(rest);
    // A form's key is decoded as a path's segment is: ARNs have no plus signs.
    let decoded = url::form_urlencoded::parse(rest.as_bytes()).next();
    decoded.map(|(arn, _)| arn.into_owned()).unwrap_or_default()
}

fn named<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Cluster, CloudError> {
    let arn = arn(call.path);
    state.clusters.get_mut(&arn).ok_or_else(|| {
        let message = format!("The cluster {arn} could not be found.");
        CloudError::new(404, "NotFoundException", message)
    })
}

/// The part of a list that the caller of a call without a body wants.
fn part(call: &Call<'_>, list: Vec<Value>, name: &str) -> JsonOutcome {
    let wanted = call.params.get("maxResults").map(|text| text.parse().unwrap_or(0));
    let page = page(call, INVALID, PAGE, wanted, call.params.get("nextToken"))?;
    let (list, next) = page.of(list);
    let mut answer = json!({});
    answer[name] = list.into();
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}

fn list(state: &State, call: &Call<'_>) -> JsonOutcome {
    let start = call.params.get("clusterNameFilter").unwrap_or_default();
    let kind = call.params.get("clusterTypeFilter");
    let wanted =
        |one: &&Cluster| one.name.starts_with(start) && kind.is_none_or(|kind| kind == one.kind());
    let clusters = state.clusters.values().filter(wanted);
    part(call, clusters.map(|one| one.shown(call)).collect(), "clusterInfoList")
}

/// The hosts and ports that clients start from: each kind of authentication has its own.
fn brokers(cluster: &Cluster, call: &Call<'_>) -> JsonOutcome {
    if cluster.life.phase(call.now()) == Some(Phase::Creating) {
        let message = "The cluster is being created and has no brokers yet.";
        return Err(CloudError::refuse(INVALID, message));
    }
    let mut answer = json!({});
    for (name, port) in cluster.listeners() {
        // Three of the brokers are enough to find the others.
        let hosts = cluster.hosts().into_iter().take(3);
        let hosts: Vec<_> = hosts.map(|host| format!("{host}:{port}")).collect();
        answer[name] = hosts.join(",").into();
    }
    Ok(answer)
}

fn nodes(cluster: &Cluster, call: &Call<'_>) -> JsonOutcome {
    let Some(nodes) = cluster.nodes() else {
        let message = "This operation is not supported for serverless clusters.";
        return Err(CloudError::refuse(INVALID, message));
    };
    part(call, nodes, "nodeInfoList")
}

impl State {
    pub(crate) fn sweep(&mut self, now: Duration) {
        self.clusters.retain(|_, one| one.life.phase(now).is_some());
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for one in state.clusters.values() {
        for (_, port) in one.listeners() {
            let hosts = one.hosts().into_iter().enumerate();
            endpoints.extend(hosts.map(|(index, host)| Endpoint {
                host,
                port: Some(port),
                vpc: one.vpc().to_owned(),
                groups: one.groups.clone(),
                ip: None,
                address: life::address(&one.tags, index),
            }));
        }
    }
    endpoints
}
