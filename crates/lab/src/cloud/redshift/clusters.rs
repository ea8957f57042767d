//! Clusters.

use super::{State, identifier, subnet_groups, tag_list, tagged};
use crate::cloud::ec2::Tags;
use crate::cloud::life::{Life, Phase};
use crate::cloud::records::{combination, invalid, page, tags};
use crate::cloud::state::{Born, iso};
use crate::cloud::{Call, CloudError, Element, Outcome, answer, ec2, list, node, place};
use crate::service::{ACCOUNT, REGION};

#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) id: String,
    namespace: String,
    class: String,
    nodes: u32,
    user: String,
    database: String,
    zone: String,
    pub(super) port: u16,
    pub(super) groups: Vec<String>,
    pub(super) subnet_group: String,
    public: bool,
    born: Born,
    pub(super) life: Life,
    pub(super) tags: Tags,
}

impl Cluster {
    pub(super) fn host(&self) -> String {
        format!("{}.c0ffee123456.{REGION}.redshift.amazonaws.com", self.id)
    }
}

pub(super) fn create(state: &mut State, ec2: &ec2::State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = identifier(params, "ClusterIdentifier", 63)?;
    let class = params.required("NodeType")?.to_owned();
    let user = params.required("MasterUsername")?.to_owned();
    if !params.flag("ManageMasterPassword")? && !params.has("MasterUserPassword") {
        return Err(invalid("MasterUserPassword must be provided."));
    }
    let single = params.get("ClusterType") == Some("single-node");
    let nodes: u32 = params.number("NumberOfNodes")?.unwrap_or(1);
    if nodes == 0 || single && nodes > 1 {
        return Err(combination("Number of nodes for cluster type single-node must be 1."));
    }
    if state.clusters.contains_key(&id) {
        return Err(CloudError::refuse("ClusterAlreadyExists", "Cluster already exists"));
    }
    let subnets = subnet_groups::of_call(state, ec2, params)?;
    let first = subnets.subnets.first().map(|place| place.zone.clone()).unwrap_or_default();
    let groups = match params.texts("VpcSecurityGroupIds") {
        none if none.is_empty() => place::default_groups(ec2, &subnets.vpc),
        some => some,
    };
    place::check_groups(ec2, call, &groups, &subnets.vpc)
        .map_err(|foreign| invalid(format!("Invalid security group {}", foreign.group())))?;
    let cluster = Cluster {
        id: id.clone(),
        namespace: call.service.entropy.uuid().to_string(),
        class,
        nodes,
        user,
        database: params.get("DBName").unwrap_or("dev").to_owned(),
        zone: params.get("AvailabilityZone").map_or(first, str::to_owned),
        port: params.number("Port")?.unwrap_or(5439),
        groups,
        subnet_group: subnets.name,
        public: params.flag("PubliclyAccessible")?,
        born: call.born(),
        life: Life::new(call.now(), call.service.faults.cloud.boot()),
        tags: tags(params)?,
    };
    let shown = shown(state, &cluster, call);
    state.clusters.insert(id, cluster);
    Ok(answer().with(shown))
}

fn missing(id: &str) -> CloudError {
    CloudError::new(404, "ClusterNotFound", format!("Cluster {id} not found."))
}

pub(super) fn describe(state: &State, call: &Call<'_>) -> Outcome {
    let named = call.params.get("ClusterIdentifier").map(str::to_ascii_lowercase);
    if let Some(id) = named.as_ref().filter(|id| !state.clusters.contains_key(*id)) {
        return Err(missing(id));
    }
    let wanted = |one: &&Cluster| {
        named.as_ref().is_none_or(|id| *id == one.id) && tagged(&one.tags, call.params)
    };
    let clusters = state.clusters.values().filter(wanted);
    page(call, "Clusters", clusters.map(|one| shown(state, one, call)).collect())
}

pub(super) fn delete(state: &mut State, call: &Call<'_>) -> Outcome {
    let params = call.params;
    let id = params.required("ClusterIdentifier")?.to_ascii_lowercase();
    let cluster = state.clusters.get_mut(&id).ok_or_else(|| missing(&id))?;
    let skip = params.flag("SkipFinalClusterSnapshot")?;
    if !skip && !params.has("FinalClusterSnapshotIdentifier") {
        let message = "FinalClusterSnapshotIdentifier is required unless \
                       SkipFinalClusterSnapshot is specified.";
        return Err(combination(message));
    }
    cluster.life.end(call.now(), call.service.faults.cloud.boot());
    let cluster = cluster.clone();
    Ok(answer().with(shown(state, &cluster, call)))
}

/// A cluster as the API shows it. The endpoint comes when it is available.
fn shown(state: &State, one: &Cluster, call: &Call<'_>) -> Element {
    let (status, availability) = match one.life.phase(call.now()) {
        Some(Phase::Creating) => ("creating", "Modifying"),
        Some(Phase::Ready) => ("available", "Available"),
        Some(Phase::Deleting) | None => ("deleting", "Unavailable"),
    };
    let endpoint = (status != "creating")
        .then(|| node("Endpoint").text("Address", one.host()).text("Port", one.port));
    let group =
        |id| node("VpcSecurityGroup").text("VpcSecurityGroupId", id).text("Status", "active");
    let namespace = format!("arn:aws:redshift:{REGION}:{ACCOUNT}:namespace:{}", one.namespace);
    node("Cluster")
        .text("ClusterIdentifier", &one.id)
        .text("NodeType", &one.class)
        .text("ClusterStatus", status)
        .text("ClusterAvailabilityStatus", availability)
        .text("MasterUsername", &one.user)
        .text("DBName", &one.database)
        .all(endpoint)
        .text("ClusterCreateTime", iso(one.born.unix))
        .text("AutomatedSnapshotRetentionPeriod", 1)
        .with(node("ClusterSecurityGroups"))
        .with(list("VpcSecurityGroups", one.groups.iter().map(group)))
        .text("ClusterSubnetGroupName", &one.subnet_group)
        .text("VpcId", state.vpc(&one.subnet_group))
        .text("AvailabilityZone", &one.zone)
        .with(node("PendingModifiedValues"))
        .text("ClusterVersion", "1.0")
        .text("AllowVersionUpgrade", true)
        .text("NumberOfNodes", one.nodes)
        .text("PubliclyAccessible", one.public)
        .text("Encrypted", true)
        .with(tag_list(&one.tags))
        .text("EnhancedVpcRouting", false)
        .text("ClusterNamespaceArn", namespace)
}
