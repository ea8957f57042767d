//! Database clusters.

use super::checks::{
    arn, combination, filters, group_list, groups, id_of, identifier, invalid, page, subnet_group,
    tag_list, tags,
};
use super::engine::{self, Lives};
use super::instances::master;
use super::store::{Cluster, Instance, State};
use crate::cloud::ec2::Tags;
use crate::cloud::life::{Life, Phase};
use crate::cloud::state::{Born, iso};
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, el, list, node};
use crate::service::REGION;

/// Instances of a Multi-AZ cluster: a writer and two readers.
const MULTI_AZ: usize = 3;

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = identifier(params, "DBClusterIdentifier")?;
    let name = params.required("Engine")?;
    let engine = engine::find(name).filter(|engine| engine.lives != Lives::Alone);
    let engine = engine.ok_or_else(|| invalid(format!("Invalid DB engine: {name}")))?;
    let class = params.get("DBClusterInstanceClass").map(str::to_owned);
    if class.is_some() != (engine.lives == Lives::Both) {
        let message = "DBClusterInstanceClass is for Multi-AZ DB clusters, which need it.";
        return Err(combination(message));
    }
    if state.clusters.contains_key(&id) {
        let message = "DB Cluster already exists";
        return Err(CloudError::refuse("DBClusterAlreadyExistsFault", message));
    }
    let user = match engine.name {
        // Neptune has no users of its own.
        "neptune" => params.get("MasterUsername").unwrap_or("admin").to_owned(),
        _ => master(params)?,
    };
    let subnets = subnet_group(state, ec2, params)?;
    let mut zones: Vec<_> = subnets.subnets.iter().map(|place| place.zone.clone()).collect();
    zones.sort_unstable();
    zones.dedup();
    zones.truncate(3);
    let cluster = Cluster {
        id,
        resource_id: format!("cluster-{}", call.service.entropy.key_id()),
        engine: engine.name.to_owned(),
        version: params.get("EngineVersion").unwrap_or(engine.version).to_owned(),
        mode: params.get("EngineMode").unwrap_or("provisioned").to_owned(),
        user,
        database: params.get("DatabaseName").map(str::to_owned),
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        port: params.number("Port")?.unwrap_or(engine.port),
        groups: groups(ec2, call, &subnets.vpc)?,
        zones,
        protected: params.flag("DeletionProtection")?,
        iam_auth: params.flag("EnableIAMDatabaseAuthentication")?,
        subnet_group: subnets.name,
        class,
        members: Vec::new(),
        tags: tags(params)?,
    };
    let members = match &cluster.class {
        Some(class) => (1..=MULTI_AZ)
            .map(|number| {
                let id = format!("{}-instance-{number}", cluster.id);
                let resource = format!("db-{}", call.service.entropy.key_id());
                member(&cluster, &id, resource, class.clone(), cluster.born, cluster.life)
            })
            .collect(),
        None => Vec::new(),
    };
    let id = cluster.id.clone();
    state.clusters.insert(id.clone(), cluster);
    for member in members {
        state.add_instance(member);
    }
    let cluster = state.clusters.get(&id).ok_or_else(|| missing(&id))?;
    Ok(answer().with(shown("DBCluster", state, cluster, call)))
}

/// An instance where its cluster is. Each is in the next of the cluster's zones.
pub(super) fn member(
    cluster: &Cluster,
    id: &str,
    resource_id: String,
    class: String,
    born: Born,
    life: Life,
) -> Instance {
    let number = id.bytes().last().map_or(cluster.members.len(), |last| match last {
        b'1'..=b'9' if cluster.class.is_some() => usize::from(last - b'1'),
        _ => cluster.members.len(),
    });
    let zone = cluster.zones.get(number % cluster.zones.len().max(1));
    Instance {
        id: id.to_owned(),
        resource_id,
        class,
        engine: cluster.engine.clone(),
        version: cluster.version.clone(),
        user: cluster.user.clone(),
        database: cluster.database.clone(),
        storage: 1,
        born,
        life,
        port: cluster.port,
        groups: cluster.groups.clone(),
        zone: zone.cloned().unwrap_or_default(),
        multi_az: false,
        public: false,
        protected: false,
        iam_auth: cluster.iam_auth,
        subnet_group: cluster.subnet_group.clone(),
        cluster: Some(cluster.id.clone()),
        promotion_tier: 1,
        tags: Tags::new(),
    }
}

pub(super) fn missing(id: &str) -> CloudError {
    CloudError::new(404, "DBClusterNotFoundFault", format!("DBCluster {id} not found."))
}

pub(super) fn find<'a>(
    state: &'a mut State,
    call: &Call<'_>,
) -> Result<&'a mut Cluster, CloudError> {
    let id = id_of("cluster", call.params.required("DBClusterIdentifier")?);
    state.clusters.get_mut(&id).ok_or_else(|| missing(&id))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let known = ["clone-group-id", "db-cluster-id", "db-cluster-resource-id", "domain", "engine"];
    let filters = filters(call.params, &known)?;
    let named = call.params.get("DBClusterIdentifier").filter(|id| !id.is_empty());
    let named = named.map(|id| id_of("cluster", id));
    if let Some(id) = named.as_ref().filter(|id| !state.clusters.contains_key(*id)) {
        return Err(missing(id));
    }
    let passes = |one: &&Cluster| {
        named.as_ref().is_none_or(|id| *id == one.id)
            && filters.iter().all(|(name, values)| {
                values.iter().any(|value| match name.as_str() {
                    "db-cluster-id" => one.id == id_of("cluster", value),
                    "db-cluster-resource-id" => one.resource_id == *value,
                    "engine" => one.engine == *value,
                    _ => false,
                })
            })
    };
    let clusters = state.clusters.values().filter(passes);
    page(call, "DBClusters", clusters.map(|one| shown("DBCluster", state, one, call)).collect())
}

pub(super) fn modify(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let mut changed = find(state, call)?.clone();
    if changed.life.phase(call.now()) != Some(Phase::Ready) {
        let message = format!("DBCluster {} is not in available state.", changed.id);
        return Err(CloudError::refuse("InvalidDBClusterStateFault", message));
    }
    if params.has("VpcSecurityGroupIds") {
        changed.groups = groups(ec2, call, &state.vpc(&changed.subnet_group))?;
    }
    changed.port = params.number("Port")?.unwrap_or(changed.port);
    changed.protected = params.switch("DeletionProtection")?.unwrap_or(changed.protected);
    for id in &changed.members {
        if let Some(member) = state.instances.get_mut(id) {
            member.groups.clone_from(&changed.groups);
            member.port = changed.port;
        }
    }
    let shown = shown("DBCluster", state, &changed, call);
    state.clusters.insert(changed.id.clone(), changed);
    Ok(answer().with(shown))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let (now, takes) = (call.now(), call.service.faults.cloud.boot());
    let cluster = find(state, call)?.clone();
    if cluster.protected {
        return Err(combination(
            "Cannot delete protected Cluster, please disable deletion protection and try again.",
        ));
    }
    if !params.flag("SkipFinalSnapshot")? && !params.has("FinalDBSnapshotIdentifier") {
        let message =
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.";
        return Err(combination(message));
    }
    let members = cluster.members.iter().filter_map(|id| state.instances.get(id));
    let stay = members.filter(|one| one.life.phase(now) != Some(Phase::Deleting)).count();
    // The instances of a Multi-AZ cluster go with it.
    if cluster.class.is_none() && stay > 0 {
        let message =
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.";
        return Err(CloudError::refuse("InvalidDBClusterStateFault", message));
    }
    for id in &cluster.members {
        if let Some(member) = state.instances.get_mut(id) {
            member.life.end(now, takes);
        }
    }
    let cluster = find(state, call)?;
    cluster.life.end(now, takes);
    let cluster = cluster.clone();
    Ok(answer().with(shown("DBCluster", state, &cluster, call)))
}

/// A cluster as the API shows it. Its endpoints are known from the start, as the real ones are.
fn shown(name: &'static str, state: &State, one: &Cluster, call: &Call<'_>) -> Element {
    let status = match one.life.phase(call.now()) {
        Some(Phase::Creating) => "creating",
        Some(Phase::Ready) => "available",
        Some(Phase::Deleting) | None => "deleting",
    };
    let members = one.members.iter().enumerate().map(|(index, id)| {
        let tier = state.instances.get(id).map_or(1, |member| member.promotion_tier);
        node("DBClusterMember")
            .text("DBInstanceIdentifier", id)
            .text("IsClusterWriter", index == 0)
            .text("DBClusterParameterGroupStatus", "in-sync")
            .text("PromotionTier", tier)
    });
    let custom = state.endpoints.values().filter(|custom| custom.cluster == one.id);
    let custom: Vec<_> =
        custom.map(|custom| el("member", one.custom_host(&custom.id, REGION))).collect();
    let custom = (!custom.is_empty()).then(|| list("CustomEndpoints", custom));
    node(name)
        .text("AllocatedStorage", 1)
        .with(list("AvailabilityZones", one.zones.iter().map(|zone| el("AvailabilityZone", zone))))
        .maybe("DatabaseName", one.database.as_ref())
        .text("DBClusterIdentifier", &one.id)
        .text("DBSubnetGroup", &one.subnet_group)
        .text("Status", status)
        .text("Endpoint", one.writer_host(REGION))
        .text("ReaderEndpoint", one.reader_host(REGION))
        .all(custom)
        .text("MultiAZ", one.members.len() > 1)
        .text("Engine", &one.engine)
        .text("EngineVersion", &one.version)
        .text("Port", one.port)
        .text("MasterUsername", &one.user)
        .with(list("DBClusterMembers", members))
        .with(group_list(&one.groups))
        .text("HostedZoneId", "Z2R2ITUGPM61AM")
        .text("StorageEncrypted", true)
        .text("DbClusterResourceId", &one.resource_id)
        .text("DBClusterArn", arn("cluster", &one.id))
        .text("IAMDatabaseAuthenticationEnabled", one.iam_auth)
        .text("ClusterCreateTime", iso(one.born.unix))
        .text("EngineMode", &one.mode)
        .maybe("DBClusterInstanceClass", one.class.as_ref())
        .text("DeletionProtection", one.protected)
        .with(tag_list(&one.tags))
        .text("NetworkType", "IPV4")
}
