//! Aurora, Multi-AZ, `DocumentDB` and Neptune clusters: the API of RDS lists all of them, and they
//! differ in their engine.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance, Filter};

use super::entry::{Entry, tags, unusable};
use super::{Kind, TargetSpec, find, rds};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// The clusters that `spec` may mean. Clusters do not name their VPC, but their members do: both
/// are asked for at once.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    let Some(id) = find::name(&spec.select) else {
        let (clusters, instances) =
            tokio::try_join!(Box::pin(clusters(aws)), Box::pin(rds::instances(aws)))?;
        let mut entries = entries(spec.kind, &clusters, &instances);
        find::retain(&mut entries, &spec.select);
        add_vpcs(aws, &mut entries, &clusters).await?;
        return Ok(entries);
    };
    let client = Client::new(&aws.sdk);
    let cluster = client.describe_db_clusters().db_cluster_identifier(id).send();
    let of_cluster = Filter::builder().name("db-cluster-id").values(id).build();
    let members =
        client.describe_db_instances().filters(of_cluster).into_paginator().items().send();
    let (cluster, members) =
        tokio::join!(Box::pin(cluster), Box::pin(members.collect::<Result<Vec<_>, _>>()));
    let cluster = match cluster {
        Ok(answer) => answer.db_clusters().first().cloned(),
        Err(error) if find::is_missing_name(&error) => None,
        Err(error) => return Err(failed(aws, "DescribeDBClusters")(error)),
    };
    let Some(cluster) = cluster else { return Ok(Vec::new()) };
    // Some say so when there is no such cluster, or none of its members is left.
    let mut members = match members {
        Ok(members) => members,
        Err(error) if find::is_missing_name(&error) => Vec::new(),
        Err(error) => return Err(failed(aws, "DescribeDBInstances")(error)),
    };
    members.retain(|one| one.db_cluster_identifier() == cluster.db_cluster_identifier());
    let mut entry = entry(spec.kind, &cluster, &members);
    if entry.found.vpc.is_none() {
        entry.found.vpc = vpc_of_group(aws, &cluster).await?;
    }
    Ok(vec![entry])
}

/// The VPC of a cluster without members, which costs one more call.
async fn vpc_of_group(aws: &Aws, cluster: &DbCluster) -> Result<Option<String>, AwsError> {
    let Some(group) = cluster.db_subnet_group() else { return Ok(None) };
    let answer =
        Client::new(&aws.sdk).describe_db_subnet_groups().db_subnet_group_name(group).send();
    let answer = Box::pin(answer).await.map_err(failed(aws, "DescribeDBSubnetGroups"))?;
    Ok(answer.db_subnet_groups().first().and_then(|group| group.vpc_id()).map(str::to_owned))
}

/// Adds the VPCs of clusters without members, or whose members may not be listed: their subnet
/// groups tell. Costs a call where there is such a cluster, and none elsewhere.
pub(super) async fn add_vpcs(
    aws: &Aws,
    entries: &mut [Entry],
    clusters: &[DbCluster],
) -> Result<(), AwsError> {
    let group_of = |id: &str| {
        let cluster = clusters.iter().find(|one| one.db_cluster_identifier() == Some(id));
        cluster.and_then(|cluster| cluster.db_subnet_group())
    };
    let is_open = |entry: &Entry| entry.found.vpc.is_none() && group_of(&entry.found.id).is_some();
    if !entries.iter().any(is_open) {
        return Ok(());
    }
    let pages = Client::new(&aws.sdk).describe_db_subnet_groups().into_paginator().items().send();
    let groups: Result<Vec<_>, _> = Box::pin(pages.collect()).await;
    let groups = groups.map_err(failed(aws, "DescribeDBSubnetGroups"))?;
    for entry in entries.iter_mut().filter(|entry| entry.found.vpc.is_none()) {
        let name = group_of(&entry.found.id);
        let group = groups.iter().find(|one| name.is_some() && one.db_subnet_group_name() == name);
        entry.found.vpc = group.and_then(|group| group.vpc_id()).map(str::to_owned);
    }
    Ok(())
}

/// All clusters, of whatever engine.
pub(super) async fn clusters(aws: &Aws) -> Result<Vec<DbCluster>, AwsError> {
    let pages = Client::new(&aws.sdk).describe_db_clusters().into_paginator().items().send();
    let all: Result<Vec<_>, _> = pages.collect().await;
    all.map_err(failed(aws, "DescribeDBClusters"))
}

/// The clusters of one kind.
pub(super) fn entries(kind: Kind, clusters: &[DbCluster], all: &[DbInstance]) -> Vec<Entry> {
    clusters
        .iter()
        .filter(|cluster| kind_of(cluster.engine()) == kind)
        .map(|cluster| {
            let id = cluster.db_cluster_identifier();
            let members: Vec<_> = all
                .iter()
                .filter(|instance| id.is_some() && instance.db_cluster_identifier() == id)
                .cloned()
                .collect();
            entry(kind, cluster, &members)
        })
        .collect()
}

/// Which kind of target an engine makes.
pub(super) fn kind_of(engine: Option<&str>) -> Kind {
    match engine {
        Some("docdb") => Kind::DocDb,
        Some("neptune") => Kind::Neptune,
        // aurora-mysql, aurora-postgresql, and mysql and postgres of Multi-AZ clusters.
        _ => Kind::Aurora,
    }
}

fn entry(asked: Kind, cluster: &DbCluster, members: &[DbInstance]) -> Entry {
    let id = cluster.db_cluster_identifier().unwrap_or_default();
    let mut entry = Entry::new(asked, id);
    entry.at(cluster.endpoint(), cluster.port());
    entry.groups(cluster.vpc_security_groups().iter().map(|group| group.vpc_security_group_id()));
    // The cluster's own list is of the zones that its storage is in.
    entry.zones(members.iter().map(DbInstance::availability_zone));
    let found = &mut entry.found;
    found.arn = cluster.db_cluster_arn().map(str::to_owned);
    found.vpc = members.iter().find_map(rds::vpc).map(str::to_owned);
    found.engine = cluster.engine().map(str::to_owned);
    found.status = cluster.status().map(str::to_owned);
    found.tags = tags(cluster.tag_list().iter().map(|tag| (tag.key(), tag.value())));

    let kind = kind_of(cluster.engine());
    if kind != asked {
        entry.refusal = Some(
            unusable(format!("`{id}` is {}, not {}", kind.one(), asked.one()))
                .hint(format!("write {kind}:{id}")),
        );
    }
    if kind == Kind::DocDb {
        entry.warnings.push(DIRECT.to_owned());
    }
    let writers = cluster.db_cluster_members().iter();
    if !members.is_empty()
        && !writers.clone().any(|member| member.is_cluster_writer() == Some(true))
    {
        entry.warnings.push(format!(
            "it has no writer here, as the secondary of a global database has none; {asked}:{id}/reader reads"
        ));
    }

    let replicas = writers.filter(|member| member.is_cluster_writer() == Some(false)).count();
    if let Some(reader) = entry.other(Some("reader"), cluster.reader_endpoint(), cluster.port()) {
        match replicas {
            0 => reader.warnings.push(NO_REPLICA.to_owned()),
            1 => {}
            _ => reader.warnings.push(NOT_SPREAD.to_owned()),
        }
    }
    for host in cluster.custom_endpoints() {
        // `analytics.cluster-custom-cxyz.eu-west-1.rds.amazonaws.com`: the first label is its id.
        let name = host.split('.').next();
        if let Some(custom) = entry.other(name, Some(host), cluster.port()) {
            custom.warnings.push(NOT_SPREAD.to_owned());
        }
    }
    for member in members {
        let Some(endpoint) = member.endpoint() else { continue };
        let id = member.db_instance_identifier();
        if let Some(member_endpoint) = entry.other(id, endpoint.address(), endpoint.port()) {
            member_endpoint.zone = member.availability_zone().map(str::to_owned);
        }
    }
    if kind == Kind::DocDb {
        for other in &mut entry.others {
            other.warnings.push(DIRECT.to_owned());
        }
    }
    entry
}

/// Drivers that find the replica set use the names of its members, see
/// <https://docs.aws.amazon.com/documentdb/latest/developerguide/connect-from-outside-a-vpc.html>.
const DIRECT: &str = "drivers that look for the replica set go on to members that only the VPC reaches: connect with directConnection=true and without replicaSet";

const NO_REPLICA: &str = "it has no replica: the reader endpoint leads to the writer";

/// Each lookup of such a name gives one address, and the bastion's agent looks it up once.
const NOT_SPREAD: &str = "all connections of a session lead to one of the instances behind the endpoint; they are not spread";
