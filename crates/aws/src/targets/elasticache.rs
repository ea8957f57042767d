//! `ElastiCache`: replication groups, single clusters of Redis, Valkey or Memcached, serverless
//! caches. One name may be that of any of them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{
    CacheCluster, CacheNode, CacheSubnetGroup, ReplicationGroup, ServerlessCache,
};

use super::arn::Arn;
use super::entry::{Entry, Part, tags};
use super::subnets::{self, Subnets};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// What the service has. Replication groups name neither VPC nor security groups: their member
/// clusters do, whose subnet groups name the VPC. All is asked for at once rather than one after
/// another; only the VPC of serverless caches takes a second round trip.
struct Caches {
    groups: Result<Vec<ReplicationGroup>, AwsError>,
    clusters: Result<Vec<CacheCluster>, AwsError>,
    serverless: Result<Vec<ServerlessCache>, AwsError>,
    subnet_groups: Result<Vec<CacheSubnetGroup>, AwsError>,
}

/// The caches that `spec` may mean.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    if let Selector::Tag { .. } = spec.select {
        let caches = Caches::read(aws, None).await;
        let (entries, failures) = caches.entries(aws).await;
        let entries = find::with_tags(entries, &spec.select, |arn| fetch_tags(aws, arn)).await?;
        // One of those that could not be listed may have the tag too.
        return match failures.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(entries),
        };
    }
    let name = find::name(&spec.select).unwrap_or_default();
    let mut caches = Caches::read(aws, Some(name)).await;
    // The ARN says which of the three it is.
    let kind = match &spec.select {
        Selector::Arn(arn) => Arn::parse(arn).and_then(|arn| arn.resource.split(':').next()),
        Selector::Id(_) | Selector::Tag { .. } => None,
    };
    caches.choose(name, kind)?;
    caches.only_entries(aws).await
}

/// All caches; those that a denied call would have listed are missing, with the reason.
pub(super) async fn all(aws: &Aws) -> Part {
    Caches::read(aws, None).await.entries(aws).await
}

impl Caches {
    /// Asks for everything, or for the groups and serverless caches of one name. Clusters are
    /// always all listed: those of a group have names of their own.
    async fn read(aws: &Aws, name: Option<&str>) -> Self {
        let client = Client::new(&aws.sdk);
        let name = name.map(str::to_owned);
        let groups = client
            .describe_replication_groups()
            .set_replication_group_id(name.clone())
            .into_paginator()
            .items()
            .send();
        let clusters = client
            .describe_cache_clusters()
            .show_cache_node_info(true)
            .into_paginator()
            .items()
            .send();
        let serverless = client
            .describe_serverless_caches()
            .set_serverless_cache_name(name)
            .into_paginator()
            .items()
            .send();
        let subnet_groups = client.describe_cache_subnet_groups().into_paginator().items().send();
        let (groups, clusters, serverless, subnet_groups) = tokio::join!(
            Box::pin(groups.collect::<Result<Vec<_>, _>>()),
            Box::pin(clusters.collect::<Result<Vec<_>, _>>()),
            Box::pin(serverless.collect::<Result<Vec<_>, _>>()),
            Box::pin(subnet_groups.collect::<Result<Vec<_>, _>>()),
        );
        Self {
            groups: match groups {
                Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
                groups => groups.map_err(failed(aws, "DescribeReplicationGroups")),
            },
            clusters: clusters.map_err(failed(aws, "DescribeCacheClusters")),
            serverless: match serverless {
                Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
                caches => caches.map_err(failed(aws, "DescribeServerlessCaches")),
            },
            subnet_groups: subnet_groups.map_err(failed(aws, "DescribeCacheSubnetGroups")),
        }
    }

    /// Keeps the one that is called `name`, of the type that an ARN says if one was given. A call
    /// that failed matters only when what was sought is not in the answers of the others.
    fn choose(&mut self, name: &str, kind: Option<&str>) -> Result<(), AwsError> {
        let asked = |of: &str| kind.is_none_or(|kind| kind == of);
        let is = |id: Option<&str>| id.is_some_and(|id| id.eq_ignore_ascii_case(name));
        let groups = self.groups.as_deref().unwrap_or_default();
        let clusters = self.clusters.as_deref().unwrap_or_default();
        let serverless = self.serverless.as_deref().unwrap_or_default();
        let in_groups =
            asked("replicationgroup") && groups.iter().any(|one| is(one.replication_group_id()));
        let in_clusters =
            !in_groups && asked("cluster") && clusters.iter().any(|one| is(one.cache_cluster_id()));
        let in_serverless = !in_groups
            && !in_clusters
            && asked("serverlesscache")
            && serverless.iter().any(|one| is(one.serverless_cache_name()));
        if in_groups {
            // Its members are needed for its VPC and security groups.
            self.serverless = Ok(Vec::new());
        } else if in_clusters {
            self.groups = Ok(Vec::new());
            self.serverless = Ok(Vec::new());
            if let Ok(clusters) = &mut self.clusters {
                clusters.retain(|one| is(one.cache_cluster_id()));
                for one in clusters {
                    // A node that is asked for by its own name stands for itself.
                    one.replication_group_id = None;
                }
            }
        } else if in_serverless {
            self.groups = Ok(Vec::new());
            self.clusters = Ok(Vec::new());
        } else {
            let failed = [
                self.groups.as_ref().err().filter(|_| asked("replicationgroup")),
                self.clusters.as_ref().err().filter(|_| asked("cluster")),
                self.serverless.as_ref().err().filter(|_| asked("serverlesscache")),
            ];
            if let Some(error) = failed.into_iter().flatten().next() {
                return Err(error.clone());
            }
            (self.groups, self.clusters, self.serverless) =
                (Ok(Vec::new()), Ok(Vec::new()), Ok(Vec::new()));
        }
        if in_groups && let Ok(clusters) = &mut self.clusters {
            clusters.retain(|one| one.replication_group_id().is_some_and(|id| is(Some(id))));
        }
        Ok(())
    }

    /// The entries, or the first failure.
    async fn only_entries(self, aws: &Aws) -> Result<Vec<Entry>, AwsError> {
        let (entries, failures) = self.entries(aws).await;
        match failures.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(entries),
        }
    }

    async fn entries(self, aws: &Aws) -> Part {
        let mut failures = Vec::new();
        let mut or_none = |error: AwsError| failures.push((Kind::ElastiCache, error));
        let groups = self.groups.unwrap_or_else(|error| {
            or_none(error);
            Vec::new()
        });
        let clusters = self.clusters.unwrap_or_else(|error| {
            or_none(error);
            Vec::new()
        });
        let serverless = self.serverless.unwrap_or_else(|error| {
            or_none(error);
            Vec::new()
        });
        let subnet_groups = match self.subnet_groups {
            // Only those two are in subnet groups.
            Err(error) if !(groups.is_empty() && clusters.is_empty()) => {
                or_none(error);
                Vec::new()
            }
            subnet_groups => subnet_groups.unwrap_or_default(),
        };
        let ids = serverless.iter().flat_map(|cache| cache.subnet_ids().to_vec()).collect();
        let subnets = subnets::look_up(aws, ids).await.unwrap_or_else(|error| {
            or_none(error);
            Subnets::default()
        });
        let vpcs: HashMap<&str, &str> = subnet_groups
            .iter()
            .filter_map(|group| Some((group.cache_subnet_group_name()?, group.vpc_id()?)))
            .collect();
        let mut entries: Vec<Entry> =
            groups.iter().map(|group| group_entry(group, &clusters, &vpcs)).collect();
        let single = clusters.iter().filter(|cluster| cluster.replication_group_id().is_none());
        entries.extend(single.map(|cluster| cluster_entry(cluster, &vpcs)));
        entries.extend(serverless.iter().map(|cache| serverless_entry(cache, &subnets)));
        (entries, failures)
    }
}

async fn fetch_tags(aws: &Aws, arn: String) -> Result<BTreeMap<String, String>, AwsError> {
    let call = Client::new(&aws.sdk).list_tags_for_resource().resource_name(arn);
    let answer = Box::pin(call.send()).await.map_err(failed(aws, "ListTagsForResource"))?;
    Ok(tags(answer.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
}

/// A replication group, which the console calls a cluster too.
fn group_entry(
    group: &ReplicationGroup,
    clusters: &[CacheCluster],
    vpcs: &HashMap<&str, &str>,
) -> Entry {
    let id = group.replication_group_id().unwrap_or_default();
    let mut entry = Entry::new(Kind::ElastiCache, id);
    let members: Vec<&CacheCluster> = clusters
        .iter()
        .filter(|one| one.replication_group_id().is_some_and(|of| of == id))
        .collect();
    if let Some(member) = members.first() {
        place(&mut entry, member, vpcs);
    }
    entry.zones(members.iter().map(|member| member.preferred_availability_zone()));
    let found = &mut entry.found;
    found.arn = group.arn().map(str::to_owned);
    found.engine = group
        .engine()
        .or_else(|| members.first().and_then(|member| member.engine()))
        .map(str::to_owned);
    found.status = group.status().map(str::to_owned);

    let shards = group.node_groups();
    let mut warning = None;
    if let Some(endpoint) = group.configuration_endpoint() {
        entry.at(endpoint.address(), endpoint.port());
        let text = redirects(Kind::ElastiCache, id, shards.len());
        entry.warnings.push(text.clone());
        warning = Some(text);
    } else if let Some(shard) = shards.first() {
        if let Some(primary) = shard.primary_endpoint() {
            entry.at(primary.address(), primary.port());
        }
        if let Some(reader) = shard.reader_endpoint()
            && let Some(other) = entry.other(Some("reader"), reader.address(), reader.port())
        {
            other.warnings.push("all connections of a session lead to one of the nodes behind the reader endpoint; they are not spread".to_owned());
        }
    }
    for member in members {
        let Some(endpoint) = member.cache_nodes().first().and_then(CacheNode::endpoint) else {
            continue;
        };
        let id = member.cache_cluster_id();
        if let Some(other) = entry.other(id, endpoint.address(), endpoint.port()) {
            other.zone = member.preferred_availability_zone().map(str::to_owned);
            other.warnings.extend(warning.clone());
        }
    }
    entry
}

/// A cluster by itself: one node of Redis or Valkey, or several of Memcached.
fn cluster_entry(cluster: &CacheCluster, vpcs: &HashMap<&str, &str>) -> Entry {
    let id = cluster.cache_cluster_id().unwrap_or_default();
    let mut entry = Entry::new(Kind::ElastiCache, id);
    place(&mut entry, cluster, vpcs);
    let nodes = cluster.cache_nodes();
    let zone = |node: &CacheNode| {
        let own = node.customer_availability_zone();
        own.or(cluster.preferred_availability_zone().filter(|zone| *zone != "Multiple"))
            .map(str::to_owned)
    };
    let zones: Vec<Option<String>> = nodes.iter().map(zone).collect();
    entry.zones(zones.iter().map(Option::as_deref));
    let found = &mut entry.found;
    found.arn = cluster.arn().map(str::to_owned);
    found.engine = cluster.engine().map(str::to_owned);
    found.status = cluster.cache_cluster_status().map(str::to_owned);
    // The configuration endpoint of Memcached is one of its nodes, now this and now that.
    if let Some(endpoint) = nodes.first().and_then(CacheNode::endpoint) {
        entry.at(endpoint.address(), endpoint.port());
    }
    for node in nodes {
        let Some(endpoint) = node.endpoint() else { continue };
        if let Some(other) = entry.other(node.cache_node_id(), endpoint.address(), endpoint.port())
        {
            other.zone = zone(node);
        }
    }
    if cluster.engine() == Some("memcached") && nodes.len() > 1 {
        entry.warnings.push(format!(
            "this is one of {} nodes, and auto discovery would go on to nodes that only the VPC reaches: turn it off; elasticache:{id}/NODE leads to each",
            nodes.len()
        ));
    }
    entry
}

fn serverless_entry(cache: &ServerlessCache, subnets: &Subnets) -> Entry {
    let mut entry =
        Entry::new(Kind::ElastiCache, cache.serverless_cache_name().unwrap_or_default());
    entry.groups(cache.security_group_ids().iter().map(|id| Some(id.as_str())));
    let found = &mut entry.found;
    found.arn = cache.arn().map(str::to_owned);
    found.vpc = subnets.vpc(cache.subnet_ids());
    found.zones = subnets.zones(cache.subnet_ids());
    found.engine = cache.engine().map(str::to_owned);
    found.status = cache.status().map(str::to_owned);
    if let Some(endpoint) = cache.endpoint() {
        entry.at(endpoint.address(), endpoint.port());
    }
    let clustered = cache.engine() != Some("memcached");
    if let Some(reader) = cache.reader_endpoint()
        && let Some(other) = entry.other(Some("reader"), reader.address(), reader.port())
        && clustered
    {
        other.warnings.push(ONE_NODE.to_owned());
    }
    if clustered {
        entry.warnings.push(ONE_NODE.to_owned());
    }
    entry
}

/// What the clusters of a replication group have and itself has not.
fn place(entry: &mut Entry, cluster: &CacheCluster, vpcs: &HashMap<&str, &str>) {
    entry.groups(cluster.security_groups().iter().map(|group| group.security_group_id()));
    let group = cluster.cache_subnet_group_name();
    entry.found.vpc = group.and_then(|name| vpcs.get(name)).map(|vpc| (*vpc).to_owned());
}

/// What cluster mode means for those who reach one port, of this service and of `MemoryDB`.
pub(super) fn redirects(kind: Kind, id: &str, shards: usize) -> String {
    let text = "clients in cluster mode go on to nodes that only the VPC reaches: turn cluster mode off in the client".to_owned();
    if shards > 1 {
        return format!(
            "{text}; it then reaches the keys of one of the {shards} shards, and {kind}:{id}/NODE says of which"
        );
    }
    text
}

/// A serverless cache shows itself as a cluster of one node, its own endpoint.
const ONE_NODE: &str = "clients in cluster mode go on to the cache's own name, which only the VPC reaches: turn cluster mode off in the client";
