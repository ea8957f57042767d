//! `MemoryDB`: clusters and their subnet groups.

mod subnet_groups;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use subnet_groups::SubnetGroup;

use super::body::{self, Tag, page, parse, required, upper};
use super::ec2::Tags;
use super::life::{self, Life, Phase};
use super::place;
use super::state::{Born, Endpoint};
use super::{Call, CloudError, JsonOutcome, ec2};
use crate::service::{ACCOUNT, REGION, Service};

const INVALID: &str = "InvalidParameterValueException";

/// What a listing gives unless told otherwise, and at most.
const PAGE: (usize, usize) = (50, 50);

#[derive(Debug, Default)]
pub(crate) struct State {
    clusters: BTreeMap<String, Cluster>,
    subnet_groups: BTreeMap<String, SubnetGroup>,
}

#[derive(Clone, Debug)]
struct Cluster {
    name: String,
    description: String,
    class: String,
    engine: String,
    acl: String,
    /// Nodes of each shard.
    shards: usize,
    nodes: usize,
    port: u16,
    tls: bool,
    groups: Vec<String>,
    subnet_group: String,
    zones: Vec<String>,
    born: Born,
    life: Life,
    tags: Tags,
}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, memorydb: state, .. } = &mut *cloud;
    match call.operation {
        "CreateCluster" => create(state, ec2, call),
        "DescribeClusters" => describe(state, call),
        "DeleteCluster" => delete(state, call),
        "CreateSubnetGroup" => subnet_groups::create(state, ec2, call),
        "DescribeSubnetGroups" => subnet_groups::describe(state, call),
        "ListTags" => Ok(json!({ "TagList": upper(tags_of(state, call)?) })),
        "TagResource" => {
            let Tagging { tags, .. } = parse(call)?;
            let all = tags_of(state, call)?;
            all.extend(body::tags(tags));
            Ok(json!({ "TagList": upper(all) }))
        }
        _ => Err(call.unknown()),
    }
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:memorydb:{REGION}:{ACCOUNT}:{kind}/{name}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateCluster {
    cluster_name: Option<String>,
    node_type: Option<String>,
    #[serde(rename = "ACLName")]
    acl_name: Option<String>,
    #[serde(default)]
    description: String,
    engine: Option<String>,
    num_shards: Option<usize>,
    num_replicas_per_shard: Option<usize>,
    subnet_group_name: Option<String>,
    #[serde(default)]
    security_group_ids: Vec<String>,
    port: Option<u16>,
    #[serde(rename = "TLSEnabled")]
    tls_enabled: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateCluster = parse(call)?;
    let name = required(INVALID, "clusterName", request.cluster_name.as_deref())?;
    let class = required(INVALID, "nodeType", request.node_type.as_deref())?;
    let acl = required(INVALID, "aCLName", request.acl_name.as_deref())?;
    let name = name.to_ascii_lowercase();
    if state.clusters.contains_key(&name) {
        let message = format!("Cluster with specified name already exists: {name}");
        return Err(CloudError::refuse("ClusterAlreadyExistsFault", message));
    }
    let (shards, replicas) =
        (request.num_shards.unwrap_or(1), request.num_replicas_per_shard.unwrap_or(1));
    if shards == 0 || shards > 500 || replicas > 5 {
        return Err(CloudError::refuse(INVALID, "Number of shards or replicas is not valid."));
    }
    let group = subnet_groups::of_call(state, ec2, request.subnet_group_name.as_deref())?;
    let groups = match request.security_group_ids {
        none if none.is_empty() => place::default_groups(ec2, &group.vpc),
        some => some,
    };
    place::check_groups(ec2, call, &groups, &group.vpc).map_err(|error| {
        let message = format!("Invalid Security Group Ids: {}", error.group());
        CloudError::refuse(INVALID, message)
    })?;
    let cluster = Cluster {
        name: name.clone(),
        description: request.description,
        class: class.to_owned(),
        engine: request.engine.unwrap_or_else(|| "valkey".to_owned()),
        acl: acl.to_owned(),
        shards,
        nodes: replicas + 1,
        port: request.port.unwrap_or(6379),
        tls: request.tls_enabled.unwrap_or(true),
        groups,
        zones: group.subnets.iter().map(|place| place.zone.clone()).collect(),
        subnet_group: group.name,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: body::tags(request.tags),
    };
    let shown = cluster.shown(call, false);
    state.clusters.insert(name, cluster);
    Ok(json!({ "Cluster": shown }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Describe {
    #[serde(alias = "SubnetGroupName")]
    cluster_name: Option<String>,
    #[serde(default)]
    show_shard_details: bool,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn missing(name: &str) -> CloudError {
    CloudError::new(404, "ClusterNotFoundFault", format!("Cluster {name} not found."))
}

fn describe(state: &State, call: &Call<'_>) -> JsonOutcome {
    let request: Describe = parse(call)?;
    let named = request.cluster_name.map(|name| name.to_ascii_lowercase());
    if let Some(name) = named.as_ref().filter(|name| !state.clusters.contains_key(*name)) {
        return Err(missing(name));
    }
    let page = page(call, INVALID, PAGE, request.max_results, request.next_token.as_deref())?;
    let wanted = |one: &&Cluster| named.as_ref().is_none_or(|name| *name == one.name);
    let clusters = state.clusters.values().filter(wanted);
    let (clusters, next) =
        page.of(clusters.map(|one| one.shown(call, request.show_shard_details)).collect());
    let mut answer = json!({ "Clusters": clusters });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn delete(state: &mut State, call: &Call<'_>) -> JsonOutcome {
    let Describe { cluster_name, .. } = parse(call)?;
    let name = required(INVALID, "clusterName", cluster_name.as_deref())?.to_ascii_lowercase();
    let cluster = state.clusters.get_mut(&name).ok_or_else(|| missing(&name))?;
    cluster.life.end(call.now(), call.service.faults.cloud.boot());
    Ok(json!({ "Cluster": cluster.shown(call, false) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn tags_of<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Tags, CloudError> {
    let Tagging { resource_arn, .. } = parse(call)?;
    let name = required(INVALID, "resourceArn", resource_arn.as_deref())?;
    if let Some(group) = name.strip_prefix(&arn("subnetgroup", "")) {
        let found = state.subnet_groups.get_mut(group);
        return found.map(|one| &mut one.tags).ok_or_else(|| subnet_groups::missing(group));
    }
    let Some(cluster) = name.strip_prefix(&arn("cluster", "")) else {
        return Err(CloudError::refuse("InvalidARNFault", format!("Invalid ARN: {name}")));
    };
    let found = state.clusters.get_mut(cluster);
    found.map(|one| &mut one.tags).ok_or_else(|| missing(cluster))
}

impl State {
    pub(crate) fn sweep(&mut self, now: Duration) {
        self.clusters.retain(|_, one| one.life.phase(now).is_some());
    }
}

impl Cluster {
    // The names are those of
    // https://docs.aws.amazon.com/memorydb/latest/devguide/endpoints.html

    fn host(&self) -> String {
        format!("clustercfg.{}.c0ffee.memorydb.{REGION}.amazonaws.com", self.name)
    }

    /// The name and the host of a node; both numbers count from 1.
    fn node(&self, shard: usize, node: usize) -> (String, String) {
        let name = format!("{}-{shard:04}-{node:03}", self.name);
        let host = format!("{name}.{}.c0ffee.memorydb.{REGION}.amazonaws.com", self.name);
        (name, host)
    }

    fn zone(&self, node: usize) -> &str {
        self.zones.iter().cycle().nth(node).map_or("", String::as_str)
    }

    /// A cluster as the API shows it: its shards only when they are asked for.
    fn shown(&self, call: &Call<'_>, shards: bool) -> Value {
        let status = match self.life.phase(call.now()) {
            Some(Phase::Creating) => "creating",
            Some(Phase::Ready) => "available",
            Some(Phase::Deleting) | None => "deleting",
        };
        let group = |id| json!({ "SecurityGroupId": id, "Status": "active" });
        let mut shown = json!({
            "Name": self.name,
            "Description": self.description,
            "Status": status,
            "NumberOfShards": self.shards,
            "AvailabilityMode": if self.nodes > 1 { "multiaz" } else { "singleaz" },
            "NodeType": self.class,
            "Engine": self.engine,
            "EngineVersion": "7.3",
            "SecurityGroups": self.groups.iter().map(group).collect::<Value>(),
            "SubnetGroupName": self.subnet_group,
            "TLSEnabled": self.tls,
            "ARN": arn("cluster", &self.name),
            "ACLName": self.acl,
            "AutoMinorVersionUpgrade": true,
            "DataTiering": "false",
        });
        if status != "creating" {
            shown["ClusterEndpoint"] = json!({ "Address": self.host(), "Port": self.port });
        }
        if shards {
            let shard = |number: usize| {
                let node = |node: usize| {
                    let (name, host) = self.node(number, node);
                    json!({
                        "Name": name,
                        "Status": status,
                        "AvailabilityZone": self.zone(node - 1),
                        "CreateTime": Service::timestamp(self.born.unix),
                        "Endpoint": { "Address": host, "Port": self.port },
                    })
                };
                json!({
                    "Name": format!("{number:04}"),
                    "Status": status,
                    "Nodes": (1..=self.nodes).map(node).collect::<Value>(),
                    "NumberOfNodes": self.nodes,
                })
            };
            shown["Shards"] = (1..=self.shards).map(shard).collect();
        }
        shown
    }
}

/// Where clients of this service connect to.
pub(crate) fn endpoints(state: &State) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for one in state.clusters.values() {
        let vpc = state.subnet_groups.get(&one.subnet_group).map(|group| group.vpc.clone());
        let numbers = (1..=one.shards).flat_map(|shard| (1..=one.nodes).map(move |n| (shard, n)));
        let nodes = numbers.enumerate().map(|(at, (shard, node))| (one.node(shard, node).1, at));
        for (host, index) in std::iter::once((one.host(), 0)).chain(nodes) {
            endpoints.push(Endpoint {
                host,
                port: Some(one.port),
                vpc: vpc.clone().unwrap_or_default(),
                groups: one.groups.clone(),
                ip: None,
                address: life::address(&one.tags, index),
            });
        }
    }
    endpoints
}
