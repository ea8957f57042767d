//! Replication groups: primaries with their replicas, in one shard or several.

use super::checks::{
    address, arn, combination, engine, groups, identifier, invalid, page, subnet_group, tags, zones,
};
use super::store::{Cluster, ReplicationGroup, State, status};
use crate::cloud::ec2::Tags;
use crate::cloud::life::{Life, Phase};
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, Params, answer, ec2, el, list, node};

/// Slots that the shards share.
const SLOTS: usize = 16_384;

/// Names of the clusters of each shard: those of cluster mode carry the shard's number.
fn shards(params: &Params, id: &str, cluster_mode: bool) -> Result<Vec<Vec<String>>, CloudError> {
    if !cluster_mode {
        let nodes: usize = match params.number("NumCacheClusters")? {
            Some(nodes) => nodes,
            None => params.number::<usize>("ReplicasPerNodeGroup")?.unwrap_or(0) + 1,
        };
        if nodes == 0 || nodes > 6 {
            return Err(invalid("NumCacheClusters must be between 1 and 6."));
        }
        return Ok(vec![(1..=nodes).map(|node| format!("{id}-{node:03}")).collect()]);
    }
    let shards: usize = params.number("NumNodeGroups")?.unwrap_or(1);
    let replicas: usize = params.number("ReplicasPerNodeGroup")?.unwrap_or(0);
    if shards == 0 || shards > 500 || replicas > 5 {
        return Err(invalid("There can be 1 to 500 node groups with 0 to 5 replicas each."));
    }
    let shard = |shard: usize| {
        (1..=replicas + 1).map(|node| format!("{id}-{shard:04}-{node:03}")).collect()
    };
    Ok((1..=shards).map(shard).collect())
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = identifier(params, "ReplicationGroupId", 40)?;
    let description = params.required("ReplicationGroupDescription")?.to_owned();
    let (engine, port, version) = engine(params.get("Engine").unwrap_or("redis"))?;
    if engine == "memcached" {
        return Err(invalid("The engine of a replication group must be redis or valkey."));
    }
    let class = params.required("CacheNodeType")?.to_owned();
    let parameters = params.get("CacheParameterGroupName").unwrap_or_default();
    let cluster_mode = params.get("ClusterMode") == Some("enabled")
        || parameters.ends_with("cluster.on")
        || params.number("NumNodeGroups")?.unwrap_or(1) > 1;
    let shards = shards(params, &id, cluster_mode)?;
    let failover = params.flag("AutomaticFailoverEnabled")?;
    if cluster_mode && !failover {
        let message = "Redis with cluster mode enabled cannot be created with auto failover \
                       turned off.";
        return Err(invalid(message));
    }
    if failover && !cluster_mode && shards[0].len() < 2 {
        let message = "Automatic failover is not supported for replication groups without a \
                       replica.";
        return Err(combination(message));
    }
    if state.groups.contains_key(&id) {
        let message = format!("Replication group {id} already exists.");
        return Err(CloudError::refuse("ReplicationGroupAlreadyExists", message));
    }
    if let Some(taken) = shards.iter().flatten().find(|id| state.clusters.contains_key(*id)) {
        let message = format!("Cache cluster already exists: {taken}");
        return Err(CloudError::refuse("CacheClusterAlreadyExists", message));
    }
    let subnets = subnet_group(state, ec2, params)?;
    let group = ReplicationGroup {
        id,
        description,
        engine: engine.to_owned(),
        class,
        cluster_mode,
        shards,
        port: params.number("Port")?.unwrap_or(port),
        tls: params.flag("TransitEncryptionEnabled")?,
        auth: params.has("AuthToken"),
        failover,
        multi_az: params.flag("MultiAZEnabled")?,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: tags(params)?,
    };
    let groups = groups(ec2, call, &subnets.vpc)?;
    let zones = zones(&subnets, group.members().count());
    for (id, zone) in group.members().zip(zones) {
        let cluster = Cluster {
            id: id.clone(),
            engine: group.engine.clone(),
            version: params.get("EngineVersion").unwrap_or(version).to_owned(),
            class: group.class.clone(),
            zones: vec![zone],
            port: group.port,
            groups: groups.clone(),
            subnet_group: subnets.name.clone(),
            replication_group: Some(group.id.clone()),
            tls: group.tls,
            born: group.born,
            life: group.life,
            tags: Tags::new(),
        };
        state.clusters.insert(id.clone(), cluster);
    }
    let shown = shown(state, &group, call);
    state.groups.insert(group.id.clone(), group);
    Ok(answer().with(shown))
}

fn missing(id: &str) -> CloudError {
    let message = format!("ReplicationGroup {id} not found.");
    CloudError::new(404, "ReplicationGroupNotFoundFault", message)
}

fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut ReplicationGroup, CloudError> {
    let id = call.params.required("ReplicationGroupId")?.to_ascii_lowercase();
    state.groups.get_mut(&id).ok_or_else(|| missing(&id))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let named = call.params.get("ReplicationGroupId").map(str::to_ascii_lowercase);
    if let Some(id) = named.as_ref().filter(|id| !state.groups.contains_key(*id)) {
        return Err(missing(id));
    }
    let wanted = |one: &&ReplicationGroup| named.as_ref().is_none_or(|id| *id == one.id);
    let groups = state.groups.values().filter(wanted);
    page(call, "ReplicationGroups", groups.map(|one| shown(state, one, call)).collect())
}

pub(super) fn modify(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let group = find(state, call)?.clone();
    if group.life.phase(call.now()) != Some(Phase::Ready) {
        let message = format!("Replication group {} is not in available state.", group.id);
        return Err(CloudError::refuse("InvalidReplicationGroupState", message));
    }
    if call.params.has("SecurityGroupIds") {
        let subnets = group.members().find_map(|id| state.clusters.get(id));
        let vpc = subnets.map(|one| state.vpc(&one.subnet_group)).unwrap_or_default();
        let wanted = groups(ec2, call, &vpc)?;
        for id in group.members() {
            if let Some(cluster) = state.clusters.get_mut(id) {
                cluster.groups.clone_from(&wanted);
            }
        }
    }
    Ok(answer().with(shown(state, &group, call)))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let (now, takes) = (call.now(), call.service.faults.cloud.boot());
    let group = find(state, call)?;
    group.life.end(now, takes);
    let group = group.clone();
    for id in group.members() {
        if let Some(cluster) = state.clusters.get_mut(id) {
            cluster.life.end(now, takes);
        }
    }
    Ok(answer().with(shown(state, &group, call)))
}

/// A group as the API shows it: neither its security groups nor its VPC are among it.
fn shown(state: &State, one: &ReplicationGroup, call: &Call<'_>) -> Element {
    let status = status(one.life, call.now());
    let there = status != "creating";
    let switch = |on: bool| if on { "enabled" } else { "disabled" };
    let members = one.members().map(|id| el("ClusterId", id));
    let shards = there.then(|| {
        let shards = (0..one.shards.len()).map(|index| shard(state, one, index, status));
        list("NodeGroups", shards)
    });
    let configuration = (there && one.cluster_mode)
        .then(|| address("ConfigurationEndpoint", one.configuration(), one.port));
    node("ReplicationGroup")
        .text("ReplicationGroupId", &one.id)
        .text("Description", &one.description)
        .text("Status", status)
        .with(node("PendingModifiedValues"))
        .with(list("MemberClusters", members))
        .all(shards)
        .text("AutomaticFailover", switch(one.failover))
        .text("MultiAZ", switch(one.multi_az))
        .all(configuration)
        .text("SnapshotRetentionLimit", 0)
        .text("ClusterEnabled", one.cluster_mode)
        .text("CacheNodeType", &one.class)
        .text("AuthTokenEnabled", one.auth)
        .text("TransitEncryptionEnabled", one.tls)
        .text("AtRestEncryptionEnabled", false)
        .text("ARN", arn("replicationgroup", &one.id))
        .text("ReplicationGroupCreateTime", iso(one.born.unix))
        .text("AutoMinorVersionUpgrade", true)
        .text("NetworkType", "ipv4")
        .text("ClusterMode", switch(one.cluster_mode))
        .text("Engine", &one.engine)
}

/// A shard. In cluster mode nobody is primary for good, so that neither endpoints nor roles are
/// shown.
fn shard(state: &State, one: &ReplicationGroup, index: usize, status: &str) -> Element {
    let clusters = one.shards[index].iter().filter_map(|id| state.clusters.get(id));
    let members = clusters.enumerate().map(|(at, cluster)| {
        let member = node("NodeGroupMember")
            .text("CacheClusterId", &cluster.id)
            .text("CacheNodeId", "0001")
            .maybe("PreferredAvailabilityZone", cluster.zones.first());
        if one.cluster_mode {
            return member;
        }
        member
            .with(address("ReadEndpoint", cluster.node(1), cluster.port))
            .text("CurrentRole", if at == 0 { "primary" } else { "replica" })
    });
    let shown = node("NodeGroup").text("NodeGroupId", format!("{:04}", index + 1));
    let shown = shown.text("Status", status);
    let count = one.shards.len();
    let shown = if one.cluster_mode {
        let (from, to) = (index * SLOTS / count, (index + 1) * SLOTS / count - 1);
        shown.text("Slots", format!("{from}-{to}"))
    } else {
        shown.with(address("PrimaryEndpoint", one.primary(), one.port)).with(address(
            "ReaderEndpoint",
            one.reader(),
            one.port,
        ))
    };
    shown.with(list("NodeGroupMembers", members))
}
