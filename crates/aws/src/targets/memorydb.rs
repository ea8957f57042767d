//! `MemoryDB` clusters. They are always in cluster mode.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_memorydb::Client;
use aws_sdk_memorydb::types::{Cluster, Shard, SubnetGroup};

use super::entry::{Entry, tags};
use super::{Kind, Selector, TargetSpec, elasticache, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// The clusters that `spec` may mean. A cluster does not name its VPC, its subnet group does: all
/// groups are asked for beside it, rather than one after it.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    let entries = clusters(aws, find::name(&spec.select)).await?;
    match spec.select {
        Selector::Tag { .. } => {
            find::with_tags(entries, &spec.select, |arn| fetch_tags(aws, arn)).await
        }
        _ => Ok(entries),
    }
}

/// All clusters.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Entry>, AwsError> {
    clusters(aws, None).await
}

async fn clusters(aws: &Aws, name: Option<&str>) -> Result<Vec<Entry>, AwsError> {
    let client = Client::new(&aws.sdk);
    let clusters = client
        .describe_clusters()
        .set_cluster_name(name.map(str::to_owned))
        .show_shard_details(true)
        .into_paginator()
        .items()
        .send();
    let groups = client.describe_subnet_groups().into_paginator().items().send();
    let (clusters, groups) = tokio::join!(
        Box::pin(clusters.collect::<Result<Vec<_>, _>>()),
        Box::pin(groups.collect::<Result<Vec<_>, _>>())
    );
    let clusters = match clusters {
        Err(error) if find::is_missing_name(&error) => return Ok(Vec::new()),
        clusters => clusters.map_err(failed(aws, "DescribeClusters"))?,
    };
    if clusters.is_empty() {
        return Ok(Vec::new());
    }
    let groups = groups.map_err(failed(aws, "DescribeSubnetGroups"))?;
    let groups: HashMap<_, _> = groups.iter().map(|group| (group.name(), group)).collect();
    let group = |cluster: &Cluster| groups.get(&cluster.subnet_group_name()).copied();
    Ok(clusters.iter().map(|cluster| entry(cluster, group(cluster))).collect())
}

async fn fetch_tags(aws: &Aws, arn: String) -> Result<BTreeMap<String, String>, AwsError> {
    let call = Client::new(&aws.sdk).list_tags().resource_arn(arn);
    let answer = Box::pin(call.send()).await.map_err(failed(aws, "ListTags"))?;
    Ok(tags(answer.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
}

fn entry(cluster: &Cluster, group: Option<&SubnetGroup>) -> Entry {
    let name = cluster.name().unwrap_or_default();
    let mut entry = Entry::new(Kind::MemoryDb, name);
    if let Some(endpoint) = cluster.cluster_endpoint() {
        entry.at(endpoint.address(), Some(endpoint.port()));
    }
    entry.groups(cluster.security_groups().iter().map(|group| group.security_group_id()));
    let nodes = cluster.shards().iter().flat_map(Shard::nodes);
    entry.zones(nodes.clone().map(|node| node.availability_zone()));
    let found = &mut entry.found;
    found.arn = cluster.arn().map(str::to_owned);
    found.vpc = group.and_then(SubnetGroup::vpc_id).map(str::to_owned);
    found.engine = cluster.engine().map(str::to_owned);
    found.status = cluster.status().map(str::to_owned);
    let shards = cluster.shards().len().max(cluster.number_of_shards().unwrap_or(0) as usize);
    let warning = elasticache::redirects(Kind::MemoryDb, name, shards);
    for node in nodes {
        let Some(endpoint) = node.endpoint() else { continue };
        if let Some(other) = entry.other(node.name(), endpoint.address(), Some(endpoint.port())) {
            other.zone = node.availability_zone().map(str::to_owned);
            other.warnings.push(warning.clone());
        }
    }
    entry.warnings.push(warning);
    entry
}
