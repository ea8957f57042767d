//! `MemoryDB`: clusters and their subnet groups.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{self, Tag, page, parse, required, upper};
use super::ec2::Tags;
use super::life::{self, Life, Phase};
use super::place::{self, Place};
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

#[derive(Clone, Debug)]
struct SubnetGroup {
    name: String,
    description: String,
    vpc: String,
    subnets: Vec<Place>,
    tags: Tags,
}

pub(crate) fn call(call: &Call<'_>) -> JsonOutcome {
    let mut cloud = call.service.cloud();
    let super::State { ec2, memorydb: state, .. } = &mut *cloud;
    state.sweep(call.now());
    let answer = match call.operation {
        "CreateCluster" => create(state, ec2, call),
        "DescribeClusters" => describe(state, call),
        "DeleteCluster" => delete(state, call),
        "CreateSubnetGroup" => create_subnet_group(state, ec2, call),
        "DescribeSubnetGroups" => describe_subnet_groups(state, call),
        "ListTags" => Ok(json!({ "TagList": upper(tags_of(state, call)?) })),
        "TagResource" => {
            let Tagging { tags, .. } = parse(call)?;
            let all = tags_of(state, call)?;
            all.extend(body::tags(tags));
            Ok(json!({ "TagList": upper(all) }))
        }
        _ => Err(call.unknown()),
    };
    state.sweep(call.now());
    answer
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
    let group = state.subnet_group(ec2, request.subnet_group_name.as_deref())?;
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
struct CreateSubnetGroup {
    subnet_group_name: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    subnet_ids: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn create_subnet_group(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> JsonOutcome {
    let request: CreateSubnetGroup = parse(call)?;
    let name = required(INVALID, "subnetGroupName", request.subnet_group_name.as_deref())?;
    let name = name.to_ascii_lowercase();
    if state.subnet_groups.contains_key(&name) {
        let message = format!("Subnet group {name} already exists.");
        return Err(CloudError::refuse("SubnetGroupAlreadyExistsFault", message));
    }
    let subnets = place::places(ec2, call, &request.subnet_ids).unwrap_or_default();
    let Some(vpc) = subnets.first().map(|place| place.vpc.clone()) else {
        let message = format!("Invalid subnets: {}", request.subnet_ids.join(", "));
        return Err(CloudError::refuse("InvalidSubnet", message));
    };
    let tags = body::tags(request.tags);
    let group =
        SubnetGroup { name: name.clone(), description: request.description, vpc, subnets, tags };
    let shown = group.shown();
    state.subnet_groups.insert(name, group);
    Ok(json!({ "SubnetGroup": shown }))
}

fn missing_subnet_group(name: &str) -> CloudError {
    let message = format!("Subnet group {name} not found.");
    CloudError::new(404, "SubnetGroupNotFoundFault", message)
}

fn describe_subnet_groups(state: &State, call: &Call<'_>) -> JsonOutcome {
    let request: Describe = parse(call)?;
    let named = request.cluster_name.map(|name| name.to_ascii_lowercase());
    if let Some(name) = named.as_ref().filter(|name| !state.subnet_groups.contains_key(*name)) {
        return Err(missing_subnet_group(name));
    }
    let page = page(call, INVALID, PAGE, request.max_results, request.next_token.as_deref())?;
    let wanted = |one: &&SubnetGroup| named.as_ref().is_none_or(|name| *name == one.name);
    let groups = state.subnet_groups.values().filter(wanted);
    let (groups, next) = page.of(groups.map(SubnetGroup::shown).collect());
    let mut answer = json!({ "SubnetGroups": groups });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
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
        return found.map(|one| &mut one.tags).ok_or_else(|| missing_subnet_group(group));
    }
    let Some(cluster) = name.strip_prefix(&arn("cluster", "")) else {
        return Err(CloudError::refuse("InvalidARNFault", format!("Invalid ARN: {name}")));
    };
    let found = state.clusters.get_mut(cluster);
    found.map(|one| &mut one.tags).ok_or_else(|| missing(cluster))
}

impl State {
    fn sweep(&mut self, now: Duration) {
        self.clusters.retain(|_, one| one.life.phase(now).is_some());
    }

    /// The named subnet group; without a name that of the default VPC.
    fn subnet_group(
        &mut self,
        ec2: &ec2::State,
        name: Option<&str>,
    ) -> Result<SubnetGroup, CloudError> {
        let name = name.unwrap_or("default").to_ascii_lowercase();
        if let Some(group) = self.subnet_groups.get(&name) {
            return Ok(group.clone());
        }
        let subnets = place::default_places(ec2);
        let vpc = subnets.first().filter(|_| name == "default").map(|place| place.vpc.clone());
        let Some(vpc) = vpc else { return Err(missing_subnet_group(&name)) };
        let group = SubnetGroup {
            name: name.clone(),
            description: "default".to_owned(),
            vpc,
            subnets,
            tags: Tags::new(),
        };
        self.subnet_groups.insert(name, group.clone());
        Ok(group)
    }
}

impl SubnetGroup {
    fn shown(&self) -> Value {
        let subnet = |place: &Place| {
            let zone = json!({ "Name": place.zone });
            json!({ "Identifier": place.subnet, "AvailabilityZone": zone })
        };
        json!({
            "Name": self.name,
            "Description": self.description,
            "VpcId": self.vpc,
            "Subnets": self.subnets.iter().map(subnet).collect::<Value>(),
            "ARN": arn("subnetgroup", &self.name),
        })
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
pub(crate) fn endpoints(state: &State, now: Duration) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for one in state.clusters.values().filter(|one| one.life.phase(now).is_some()) {
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
