//! RDS DB instances, and the list of instances that clusters need as well.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;

use super::cluster;
use super::entry::{Entry, tags};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// The instances that `spec` may mean: one call.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    let Some(id) = find::name(&spec.select) else {
        return Ok(instances(aws).await?.iter().map(entry).collect());
    };
    let answer = Client::new(&aws.sdk).describe_db_instances().db_instance_identifier(id).send();
    match Box::pin(answer).await {
        Ok(answer) => Ok(answer.db_instances().iter().map(entry).collect()),
        Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
        Err(error) => Err(failed(aws, "DescribeDBInstances")(error)),
    }
}

/// All instances, members of clusters too.
pub(super) async fn instances(aws: &Aws) -> Result<Vec<DbInstance>, AwsError> {
    let pages = Client::new(&aws.sdk).describe_db_instances().into_paginator().items().send();
    let all: Result<Vec<_>, _> = pages.collect().await;
    all.map_err(failed(aws, "DescribeDBInstances"))
}

/// What an instance is as a target. One in a cluster keeps its own endpoint, whatever its role.
pub(super) fn entry(instance: &DbInstance) -> Entry {
    let mut entry = Entry::new(Kind::Rds, instance.db_instance_identifier().unwrap_or_default());
    if let Some(endpoint) = instance.endpoint() {
        entry.at(endpoint.address(), endpoint.port());
    }
    entry.groups(instance.vpc_security_groups().iter().map(|group| group.vpc_security_group_id()));
    // The other zone of a Multi-AZ instance is where it is after a failover.
    entry.zones([instance.availability_zone(), instance.secondary_availability_zone()]);
    let found = &mut entry.found;
    found.arn = instance.db_instance_arn().map(str::to_owned);
    found.vpc = vpc(instance).map(str::to_owned);
    found.engine = instance.engine().map(str::to_owned);
    found.status = instance.db_instance_status().map(str::to_owned);
    found.tags = tags(instance.tag_list().iter().map(|tag| (tag.key(), tag.value())));
    if let Some(cluster) = instance.db_cluster_identifier().filter(|id| !id.is_empty()) {
        let kind = cluster::kind_of(instance.engine());
        let spec = TargetSpec {
            kind,
            select: Selector::Id(cluster.to_owned()),
            endpoint: None,
            port: None,
            vpc: None,
        };
        entry.warnings.push(format!(
            "it is a member of the {} `{cluster}` and may be a replica; {spec} follows the writer",
            kind.noun()
        ));
    }
    entry
}

pub(super) fn vpc(instance: &DbInstance) -> Option<&str> {
    instance.db_subnet_group()?.vpc_id()
}

/// Whether an instance stands for itself, and not for a part of a cluster.
pub(super) fn is_single(instance: &DbInstance) -> bool {
    instance.db_cluster_identifier().is_none_or(str::is_empty)
}
