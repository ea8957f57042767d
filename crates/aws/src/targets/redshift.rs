//! Provisioned Redshift clusters.

use aws_sdk_redshift::Client;
use aws_sdk_redshift::types::Cluster;

use super::entry::{Entry, tags};
use super::{Kind, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// The clusters that `spec` may mean: one call.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    clusters(aws, find::name(&spec.select)).await
}

/// All clusters.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Entry>, AwsError> {
    clusters(aws, None).await
}

async fn clusters(aws: &Aws, id: Option<&str>) -> Result<Vec<Entry>, AwsError> {
    let call =
        Client::new(&aws.sdk).describe_clusters().set_cluster_identifier(id.map(str::to_owned));
    let found: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    match found {
        Ok(clusters) => Ok(clusters.iter().map(entry).collect()),
        Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
        Err(error) => Err(failed(aws, "DescribeClusters")(error)),
    }
}

fn entry(cluster: &Cluster) -> Entry {
    let mut entry = Entry::new(Kind::Redshift, cluster.cluster_identifier().unwrap_or_default());
    if let Some(endpoint) = cluster.endpoint() {
        entry.at(endpoint.address(), endpoint.port());
    }
    entry.groups(cluster.vpc_security_groups().iter().map(|group| group.vpc_security_group_id()));
    entry.zones([cluster.availability_zone()]);
    let found = &mut entry.found;
    found.arn = arn(cluster);
    found.vpc = cluster.vpc_id().map(str::to_owned);
    found.engine = Some("redshift".to_owned());
    found.status = cluster.cluster_status().map(str::to_owned);
    found.tags = tags(cluster.tags().iter().map(|tag| (tag.key(), tag.value())));
    entry
}

/// The service tells the ARN of the cluster's namespace only; region and account are the same.
fn arn(cluster: &Cluster) -> Option<String> {
    let (place, _) = cluster.cluster_namespace_arn()?.split_once(":namespace:")?;
    Some(format!("{place}:cluster:{}", cluster.cluster_identifier()?))
}
