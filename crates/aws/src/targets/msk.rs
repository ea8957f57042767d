//! Clusters of Managed Streaming for Apache Kafka.

use aws_sdk_kafka::Client;
use aws_sdk_kafka::error::ProvideErrorMetadata;
use aws_sdk_kafka::operation::get_bootstrap_brokers::GetBootstrapBrokersOutput;
use aws_sdk_kafka::types::{Cluster, ClusterState, Serverless, VpcConfig};
use futures_util::{StreamExt, stream};

use super::entry::{Entry, Part};
use super::subnets::{self, Subnets};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, AwsErrorKind, failed};
use crate::load::Aws;

/// The clusters that `spec` may mean. Brokers are asked for by the ARN: with it all goes out at
/// once, with a name or a tag the cluster is looked for first.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    if let Selector::Arn(arn) = &spec.select {
        let (cluster, brokers) =
            tokio::join!(Box::pin(cluster(aws, arn)), Box::pin(brokers(aws, arn)));
        let Some(cluster) = cluster? else { return Ok(Vec::new()) };
        let found = subnets::look_up(aws, subnet_ids(&cluster)).await?;
        return Ok(vec![entry(&cluster, brokers, &found)]);
    }
    let mut clusters = clusters(aws, find::name(&spec.select)).await?;
    match &spec.select {
        // The service takes the name for the beginning of one.
        Selector::Id(name) => {
            clusters.retain(|cluster| cluster.cluster_name() == Some(name.as_str()));
        }
        Selector::Tag { key, value } => {
            clusters.retain(|cluster| cluster.tags().and_then(|tags| tags.get(key)) == Some(value));
        }
        Selector::Arn(_) => {}
    }
    described(aws, &clusters).await
}

/// All clusters. One whose brokers are not told is listed without a host, and with the failure.
pub(super) async fn all(aws: &Aws) -> Result<Part, AwsError> {
    let entries = described(aws, &clusters(aws, None).await?).await?;
    let failure = entries.iter().find_map(|entry| entry.refusal.clone());
    Ok((entries, failure.map(|error| (Kind::Msk, error)).into_iter().collect()))
}

/// The clusters with their brokers and their VPC.
async fn described(aws: &Aws, clusters: &[Cluster]) -> Result<Vec<Entry>, AwsError> {
    let subnets = subnets::look_up(aws, clusters.iter().flat_map(subnet_ids).collect());
    let calls: Vec<_> = clusters
        .iter()
        .map(|cluster| Box::pin(brokers(aws, cluster.cluster_arn().unwrap_or_default())))
        .collect();
    let brokers = stream::iter(calls).buffered(find::AT_ONCE).collect::<Vec<_>>();
    let (subnets, brokers) = tokio::join!(Box::pin(subnets), Box::pin(brokers));
    let subnets = subnets?;
    let both = clusters.iter().zip(brokers);
    Ok(both.map(|(cluster, brokers)| entry(cluster, brokers, &subnets)).collect())
}

async fn clusters(aws: &Aws, name: Option<&str>) -> Result<Vec<Cluster>, AwsError> {
    let call =
        Client::new(&aws.sdk).list_clusters_v2().set_cluster_name_filter(name.map(str::to_owned));
    let found: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    found.map_err(failed(aws, "ListClustersV2"))
}

async fn cluster(aws: &Aws, arn: &str) -> Result<Option<Cluster>, AwsError> {
    match Client::new(&aws.sdk).describe_cluster_v2().cluster_arn(arn).send().await {
        Ok(answer) => Ok(answer.cluster_info),
        Err(error) if find::is_missing(error.code()) => Ok(None),
        Err(error) => Err(failed(aws, "DescribeClusterV2")(error)),
    }
}

async fn brokers(aws: &Aws, arn: &str) -> Result<GetBootstrapBrokersOutput, AwsError> {
    let call = Client::new(&aws.sdk).get_bootstrap_brokers().cluster_arn(arn);
    call.send().await.map_err(failed(aws, "GetBootstrapBrokers"))
}

fn subnet_ids(cluster: &Cluster) -> Vec<String> {
    if let Some(nodes) = cluster.provisioned().and_then(|own| own.broker_node_group_info()) {
        return nodes.client_subnets().to_vec();
    }
    let vpcs = cluster.serverless().map(Serverless::vpc_configs).unwrap_or_default();
    vpcs.first().map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default()
}

fn entry(
    cluster: &Cluster,
    brokers: Result<GetBootstrapBrokersOutput, AwsError>,
    subnets: &Subnets,
) -> Entry {
    let name = cluster.cluster_name().unwrap_or_default();
    let mut entry = Entry::new(Kind::Msk, name);
    let ids = subnet_ids(cluster);
    if let Some(nodes) = cluster.provisioned().and_then(|own| own.broker_node_group_info()) {
        entry.groups(nodes.security_groups().iter().map(|id| Some(id.as_str())));
    } else if let Some(own) = cluster.serverless() {
        // With several VPCs, the first is where it was made.
        let groups = own.vpc_configs().first().map(VpcConfig::security_group_ids);
        entry.groups(groups.unwrap_or_default().iter().map(|id| Some(id.as_str())));
    }
    let found = &mut entry.found;
    found.arn = cluster.cluster_arn().map(str::to_owned);
    found.vpc = subnets.vpc(&ids);
    found.zones = subnets.zones(&ids);
    found.engine = Some("kafka".to_owned());
    found.status = cluster.state().map(|state| state.as_str().to_owned());
    if let Some(tags) = cluster.tags() {
        found.tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    let serving = !matches!(
        cluster.state(),
        Some(ClusterState::Creating | ClusterState::Deleting | ClusterState::Failed)
    );
    match brokers {
        Ok(brokers) => add_brokers(&mut entry, &brokers),
        // A cluster that is coming, going or broken is listed, and its brokers are no question.
        Err(AwsError { kind: AwsErrorKind::Service { .. }, .. }) if !serving => {}
        // Others are not to be missed for it.
        Err(error) => entry.refusal = Some(error),
    }
    entry
}

/// The ways to log in have ports of their own. The first in this order that the cluster has is the
/// usual endpoint: the strictest, which is also the one that AWS recommends.
fn add_brokers(entry: &mut Entry, brokers: &GetBootstrapBrokersOutput) {
    let ways = [
        ("iam", brokers.bootstrap_broker_string_sasl_iam()),
        ("scram", brokers.bootstrap_broker_string_sasl_scram()),
        ("tls", brokers.bootstrap_broker_string_tls()),
        ("plaintext", brokers.bootstrap_broker_string()),
    ];
    let mut usual = None;
    for (way, list) in ways {
        let addresses: Vec<(&str, i32)> =
            list.unwrap_or_default().split(',').filter_map(address).collect();
        let Some(&(host, port)) = addresses.first() else { continue };
        if usual.is_none() {
            usual = Some(way);
            entry.at(Some(host), Some(port));
            for (host, port) in &addresses {
                entry.other(host.split('.').next(), Some(host), Some(*port));
            }
        }
        entry.other(Some(way), Some(host), Some(port));
    }
    let ways: Vec<&str> = ways
        .into_iter()
        .filter(|(_, list)| list.is_some_and(|list| !list.is_empty()))
        .map(|(way, _)| way)
        .collect();
    let id = entry.found.id.clone();
    if let (Some(usual), [_, _, ..]) = (usual, ways.as_slice()) {
        entry.warnings.push(format!(
            "brokers log clients in by {}; this is the port of {usual}: msk:{id}/{} is another",
            ways.join(", "),
            ways.iter().find(|way| **way != usual).unwrap_or(&usual),
        ));
    }
    entry.warnings.push(ADVERTISED.to_owned());
    for other in &mut entry.others {
        other.warnings.push(ADVERTISED.to_owned());
    }
}

fn address(text: &str) -> Option<(&str, i32)> {
    let (host, port) = text.trim().rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// A Kafka client uses the first broker to learn the names of all, and goes on to those.
const ADVERTISED: &str = "Kafka clients go on to every broker by its own name: give each name a loopback address of its own in the hosts file, and open a tunnel for each broker there, on the broker's port";
