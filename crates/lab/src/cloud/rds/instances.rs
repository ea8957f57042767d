//! Database instances.

use super::checks::{
    arn, combination, filters, group_list, groups, id_of, identifier, invalid, page, subnet_group,
    tag_list, tags,
};
use super::engine::{self, Engine, Lives};
use super::store::{Instance, State};
use super::{clusters, subnet_groups};
use crate::cloud::life::{Life, Phase};
use crate::cloud::state::iso;
use crate::cloud::{Call, CloudError, Element, Outcome, Params, answer, ec2, node};
use crate::service::REGION;

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = identifier(params, "DBInstanceIdentifier")?;
    let class = params.required("DBInstanceClass")?.to_owned();
    let engine = engine_of(params)?;
    if state.instances.contains_key(&id) {
        return Err(CloudError::refuse("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    let cluster = params.get("DBClusterIdentifier").map(|id| id_of("cluster", id));
    let instance = match cluster {
        Some(cluster) => in_cluster(state, call, &cluster, &id, class, engine)?,
        None => alone(state, ec2, call, &id, class, engine)?,
    };
    let shown = shown("DBInstance", state, &instance, call);
    state.add_instance(instance);
    Ok(answer().with(shown))
}

fn engine_of(params: &Params) -> Result<Engine, CloudError> {
    let name = params.required("Engine")?;
    engine::find(name).ok_or_else(|| invalid(format!("Invalid DB engine: {name}")))
}

/// An instance that brings its own place along.
fn alone(
    state: &mut State,
    ec2: &ec2::State,
    call: &Call<'_>,
    id: &str,
    class: String,
    engine: Engine,
) -> Result<Instance, CloudError> {
    let params = call.params;
    if engine.lives == Lives::Cluster {
        let message = format!("The engine {} needs a DB cluster.", engine.name);
        return Err(combination(message));
    }
    let user = master(params)?;
    let subnets = subnet_group(state, ec2, params)?;
    let first = subnets.subnets.first().map(|place| place.zone.clone()).unwrap_or_default();
    let zone = params.get("AvailabilityZone").map_or(first, str::to_owned);
    if !subnets.subnets.iter().any(|place| place.zone == zone) {
        let message = format!(
            "The DB subnet group {} does not have a subnet in the Availability Zone {zone}.",
            subnets.name
        );
        return Err(combination(message));
    }
    Ok(Instance {
        id: id.to_owned(),
        resource_id: format!("db-{}", call.service.entropy.key_id()),
        class,
        engine: engine.name.to_owned(),
        version: params.get("EngineVersion").unwrap_or(engine.version).to_owned(),
        user,
        database: params.get("DBName").map(str::to_owned),
        storage: params.number("AllocatedStorage")?.unwrap_or(20),
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        port: params.number("Port")?.unwrap_or(engine.port),
        groups: groups(ec2, call, &subnets.vpc)?,
        zone,
        multi_az: params.flag("MultiAZ")?,
        public: params.flag("PubliclyAccessible")?,
        protected: params.flag("DeletionProtection")?,
        iam_auth: params.flag("EnableIAMDatabaseAuthentication")?,
        subnet_group: subnets.name,
        cluster: None,
        promotion_tier: 1,
        tags: tags(params)?,
    })
}

/// The master user, whose password has to be given as well, or left to the service.
pub(super) fn master(params: &Params) -> Result<String, CloudError> {
    let user = params.get("MasterUsername").filter(|user| !user.is_empty()).ok_or_else(|| {
        invalid("The parameter MasterUsername must be provided and must not be blank.")
    })?;
    let managed = params.flag("ManageMasterUserPassword")?;
    if !managed && params.get("MasterUserPassword").is_none_or(str::is_empty) {
        let message = "The parameter MasterUserPassword must be provided and must not be blank.";
        return Err(invalid(message));
    }
    Ok(user.to_owned())
}

/// An instance that is where its cluster is.
fn in_cluster(
    state: &State,
    call: &Call<'_>,
    cluster: &str,
    id: &str,
    class: String,
    engine: Engine,
) -> Result<Instance, CloudError> {
    let params = call.params;
    let cluster = state.clusters.get(cluster).ok_or_else(|| clusters::missing(cluster))?;
    if cluster.class.is_some() {
        return Err(combination("You can't add an instance to a Multi-AZ DB cluster."));
    }
    if cluster.engine != engine.name {
        return Err(combination(format!(
            "The engine name requested for your DB instance ({}) is incompatible with the engine \
             name of your DB cluster ({}).",
            engine.name, cluster.engine
        )));
    }
    for given in ["VpcSecurityGroupIds", "MasterUsername", "AllocatedStorage", "Port"] {
        if params.has(given) {
            return Err(combination(format!(
                "The requested DB Instance will be a member of a DB Cluster. Set {given} for the \
                 DB Cluster."
            )));
        }
    }
    let born = call.born();
    let life = Life::new(call.now(), call.service.faults.cloud.boot());
    let resource = format!("db-{}", call.service.entropy.key_id());
    let mut instance = clusters::member(cluster, id, resource, class, born, life);
    instance.public = params.flag("PubliclyAccessible")?;
    instance.promotion_tier = params.number("PromotionTier")?.unwrap_or(1);
    instance.tags = tags(params)?;
    if let Some(zone) = params.get("AvailabilityZone") {
        zone.clone_into(&mut instance.zone);
    }
    Ok(instance)
}

pub(super) fn missing(id: &str) -> CloudError {
    CloudError::new(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
}

fn find<'a>(state: &'a mut State, call: &Call<'_>) -> Result<&'a mut Instance, CloudError> {
    let id = id_of("db", call.params.required("DBInstanceIdentifier")?);
    state.instances.get_mut(&id).ok_or_else(|| missing(&id))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let known = ["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"];
    let filters = filters(call.params, &known)?;
    let named = call.params.get("DBInstanceIdentifier").filter(|id| !id.is_empty());
    let named = named.map(|id| id_of("db", id));
    if let Some(id) = named.as_ref().filter(|id| !state.instances.contains_key(*id)) {
        return Err(missing(id));
    }
    let passes = |one: &&Instance| {
        named.as_ref().is_none_or(|id| *id == one.id)
            && filters.iter().all(|(name, values)| {
                values.iter().any(|value| match name.as_str() {
                    "db-cluster-id" => one.cluster.as_deref() == Some(&*id_of("cluster", value)),
                    "db-instance-id" => one.id == id_of("db", value),
                    "dbi-resource-id" => one.resource_id == *value,
                    "engine" => one.engine == *value,
                    _ => false,
                })
            })
    };
    let instances = state.instances.values().filter(passes);
    page(call, "DBInstances", instances.map(|one| shown("DBInstance", state, one, call)).collect())
}

pub(super) fn modify(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let current = find(state, call)?.clone();
    ready(&current, call)?;
    let mut changed = current;
    if params.has("VpcSecurityGroupIds") {
        if changed.cluster.is_some() {
            return Err(combination(
                "You can't modify the VPC security groups of a DB instance in a DB cluster. \
                 Modify the DB cluster.",
            ));
        }
        changed.groups = groups(ec2, call, &state.vpc(&changed.subnet_group))?;
    }
    changed.port = params.number("DBPortNumber")?.unwrap_or(changed.port);
    changed.protected = params.switch("DeletionProtection")?.unwrap_or(changed.protected);
    changed.public = params.switch("PubliclyAccessible")?.unwrap_or(changed.public);
    if let Some(class) = params.get("DBInstanceClass") {
        class.clone_into(&mut changed.class);
    }
    let shown = shown("DBInstance", state, &changed, call);
    state.instances.insert(changed.id.clone(), changed);
    Ok(answer().with(shown))
}

fn ready(instance: &Instance, call: &Call<'_>) -> Result<(), CloudError> {
    if instance.life.phase(call.now()) == Some(Phase::Ready) {
        return Ok(());
    }
    let message = "Database instance is not in available state.";
    Err(CloudError::refuse("InvalidDBInstanceState", message))
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let (now, takes) = (call.now(), call.service.faults.cloud.boot());
    let instance = find(state, call)?;
    if instance.protected {
        return Err(combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try \
             again.",
        ));
    }
    let skip = params.flag("SkipFinalSnapshot")?;
    if instance.cluster.is_none() && !skip && !params.has("FinalDBSnapshotIdentifier") {
        let message =
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.";
        return Err(combination(message));
    }
    if instance.life.phase(now) == Some(Phase::Deleting) {
        let message = format!("Instance {} is already being deleted.", instance.id);
        return Err(CloudError::refuse("InvalidDBInstanceState", message));
    }
    instance.life.end(now, takes);
    let instance = instance.clone();
    Ok(answer().with(shown("DBInstance", state, &instance, call)))
}

/// An instance as the API shows it. The endpoint comes when it is available.
pub(super) fn shown(name: &'static str, state: &State, one: &Instance, call: &Call<'_>) -> Element {
    let status = match one.life.phase(call.now()) {
        Some(Phase::Creating) => "creating",
        Some(Phase::Ready) => "available",
        Some(Phase::Deleting) | None => "deleting",
    };
    let endpoint = (status != "creating").then(|| {
        node("Endpoint")
            .text("Address", one.host(REGION))
            .text("Port", one.port)
            .text("HostedZoneId", "Z2R2ITUGPM61AM")
    });
    let subnets = state.subnet_groups.get(&one.subnet_group);
    node(name)
        .text("DBInstanceIdentifier", &one.id)
        .text("DBInstanceClass", &one.class)
        .text("Engine", &one.engine)
        .text("DBInstanceStatus", status)
        .text("MasterUsername", &one.user)
        .maybe("DBName", one.database.as_ref())
        .all(endpoint)
        .text("AllocatedStorage", one.storage)
        .text("InstanceCreateTime", iso(one.born.unix))
        .with(node("DBSecurityGroups"))
        .with(group_list(&one.groups))
        .text("AvailabilityZone", &one.zone)
        .all(subnets.map(|group| subnet_groups::shown("DBSubnetGroup", group)))
        .text("MultiAZ", one.multi_az)
        .text("EngineVersion", &one.version)
        .text("PubliclyAccessible", one.public)
        .text("StorageType", if one.cluster.is_some() { "aurora" } else { "gp3" })
        .text("DbInstancePort", 0)
        .maybe("DBClusterIdentifier", one.cluster.as_ref())
        .text("StorageEncrypted", true)
        .text("DbiResourceId", &one.resource_id)
        .text("PromotionTier", one.promotion_tier)
        .text("DBInstanceArn", arn("db", &one.id))
        .text("IAMDatabaseAuthenticationEnabled", one.iam_auth)
        .text("DeletionProtection", one.protected)
        .with(tag_list(&one.tags))
        .text("NetworkType", "IPV4")
}
