//! Cache clusters.

use super::checks::{
    address, arn, combination, engine, group_list, groups, identifier, invalid, page, subnet_group,
    tags, zones,
};
use super::store::{Cluster, State, status};
use crate::cloud::life::{Life, Phase};
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, list, node};

/// What stands for the zones of nodes that are in several.
const MULTIPLE: &str = "Multiple";

/// Nodes of a memcached cluster.
const MOST_NODES: usize = 60;

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = identifier(params, "CacheClusterId", 50)?;
    if params.has("ReplicationGroupId") {
        return Err(invalid("Adding a cluster to a replication group is not supported here."));
    }
    let (engine, port, version) = engine(params.required("Engine")?)?;
    let class = params.required("CacheNodeType")?.to_owned();
    let count: usize = params.number("NumCacheNodes")?.unwrap_or(1);
    let most = if engine == "memcached" { MOST_NODES } else { 1 };
    if count == 0 || count > most {
        return Err(invalid(format!("NumCacheNodes should be between 1 and {most}")));
    }
    if state.clusters.contains_key(&id) {
        let message = "Cache cluster already exists";
        return Err(CloudError::refuse("CacheClusterAlreadyExists", message));
    }
    let subnets = subnet_group(state, ec2, params)?;
    let cluster = Cluster {
        id: id.clone(),
        engine: engine.to_owned(),
        version: params.get("EngineVersion").unwrap_or(version).to_owned(),
        class,
        zones: zones(&subnets, count),
        port: params.number("Port")?.unwrap_or(port),
        groups: groups(ec2, call, &subnets.vpc)?,
        subnet_group: subnets.name,
        replication_group: None,
        tls: params.flag("TransitEncryptionEnabled")?,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: tags(params)?,
    };
    let shown = shown(&cluster, false, call);
    state.clusters.insert(id, cluster);
    Ok(answer().with(shown))
}

fn missing(id: &str) -> CloudError {
    CloudError::new(404, "CacheClusterNotFound", format!("CacheCluster not found: {id}"))
}

fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Cluster, CloudError> {
    let id = call.params.required("CacheClusterId")?.to_ascii_lowercase();
    state.clusters.get_mut(&id).ok_or_else(|| missing(&id))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let named = params.get("CacheClusterId").map(str::to_ascii_lowercase);
    if let Some(id) = named.as_ref().filter(|id| !state.clusters.contains_key(*id)) {
        return Err(missing(id));
    }
    let nodes = params.flag("ShowCacheNodeInfo")?;
    let alone = params.flag("ShowCacheClustersNotInReplicationGroups")?;
    let wanted = |one: &&Cluster| {
        named.as_ref().is_none_or(|id| *id == one.id) && (!alone || one.replication_group.is_none())
    };
    let clusters = state.clusters.values().filter(wanted);
    page(call, "CacheClusters", clusters.map(|one| shown(one, nodes, call)).collect())
}

pub(super) fn modify(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let mut changed = find(state, call)?.clone();
    if changed.life.phase(call.now()) != Some(Phase::Ready) {
        let message = format!("Cache cluster {} is not in available state.", changed.id);
        return Err(CloudError::refuse("InvalidCacheClusterState", message));
    }
    if call.params.has("SecurityGroupIds") {
        changed.groups = groups(ec2, call, &state.vpc(&changed.subnet_group))?;
    }
    let shown = shown(&changed, false, call);
    state.clusters.insert(changed.id.clone(), changed);
    Ok(answer().with(shown))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let (now, takes) = (call.now(), call.service.faults.cloud.boot());
    let cluster = find(state, call)?;
    if let Some(group) = &cluster.replication_group {
        let message = format!("Cache cluster {} is serving as a node of {group}.", cluster.id);
        return Err(combination(message));
    }
    cluster.life.end(now, takes);
    Ok(answer().with(shown(cluster, false, call)))
}

/// A cluster as the API shows it: its nodes only when they are asked for.
fn shown(one: &Cluster, nodes: bool, call: &Call<'_>) -> Element {
    let status = status(one.life, call.now());
    let there = status != "creating";
    let configuration = (one.engine == "memcached" && there)
        .then(|| address("ConfigurationEndpoint", one.configuration(), one.port));
    let nodes = nodes.then(|| {
        let nodes = one.zones.iter().enumerate().map(|(index, zone)| {
            let number = index + 1;
            let endpoint = there.then(|| address("Endpoint", one.node(number), one.port));
            node("CacheNode")
                .text("CacheNodeId", format!("{number:04}"))
                .text("CacheNodeStatus", status)
                .text("CacheNodeCreateTime", iso(one.born.unix))
                .all(endpoint)
                .text("ParameterGroupStatus", "in-sync")
                .text("CustomerAvailabilityZone", zone)
        });
        list("CacheNodes", nodes)
    });
    let zone = match one.zones.as_slice() {
        [zone, rest @ ..] if rest.iter().all(|other| other == zone) => zone,
        _ => MULTIPLE,
    };
    node("CacheCluster")
        .text("CacheClusterId", &one.id)
        .all(configuration)
        .text("CacheNodeType", &one.class)
        .text("Engine", &one.engine)
        .text("EngineVersion", &one.version)
        .text("CacheClusterStatus", status)
        .text("NumCacheNodes", one.zones.len())
        .text("PreferredAvailabilityZone", zone)
        .text("CacheClusterCreateTime", iso(one.born.unix))
        .with(node("PendingModifiedValues"))
        .with(node("CacheSecurityGroups"))
        .text("CacheSubnetGroupName", &one.subnet_group)
        .all(nodes)
        .text("AutoMinorVersionUpgrade", true)
        .with(group_list(&one.groups))
        .maybe("ReplicationGroupId", one.replication_group.as_ref())
        .text("AuthTokenEnabled", false)
        .text("TransitEncryptionEnabled", one.tls)
        .text("AtRestEncryptionEnabled", false)
        .text("ARN", arn("cluster", &one.id))
        .text("NetworkType", "ipv4")
}
