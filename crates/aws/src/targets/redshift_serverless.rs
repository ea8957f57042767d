//! Redshift Serverless workgroups.

use std::collections::BTreeMap;

use aws_sdk_redshiftserverless::Client;
use aws_sdk_redshiftserverless::types::{VpcEndpoint, Workgroup};

use super::entry::{Entry, tags};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// The workgroups that `spec` may mean. The ARN of one does not hold its name, so for one all are
/// looked at.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    match &spec.select {
        Selector::Id(name) => {
            let call = Client::new(&aws.sdk).get_workgroup().workgroup_name(name);
            match Box::pin(call.send()).await {
                Ok(answer) => Ok(answer.workgroup().map(entry).into_iter().collect()),
                Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
                Err(error) => Err(failed(aws, "GetWorkgroup")(error)),
            }
        }
        Selector::Arn(_) => all(aws).await,
        Selector::Tag { .. } => {
            find::with_tags(all(aws).await?, &spec.select, |arn| fetch_tags(aws, arn)).await
        }
    }
}

/// All workgroups.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Entry>, AwsError> {
    let pages = Client::new(&aws.sdk).list_workgroups().into_paginator().items().send();
    let found: Result<Vec<_>, _> = pages.collect().await;
    Ok(found.map_err(failed(aws, "ListWorkgroups"))?.iter().map(entry).collect())
}

async fn fetch_tags(aws: &Aws, arn: String) -> Result<BTreeMap<String, String>, AwsError> {
    let call = Client::new(&aws.sdk).list_tags_for_resource().resource_arn(arn);
    let answer = Box::pin(call.send()).await.map_err(failed(aws, "ListTagsForResource"))?;
    Ok(tags(answer.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())))))
}

fn entry(group: &Workgroup) -> Entry {
    let mut entry =
        Entry::new(Kind::RedshiftServerless, group.workgroup_name().unwrap_or_default());
    entry.groups(group.security_group_ids().iter().map(|id| Some(id.as_str())));
    if let Some(endpoint) = group.endpoint() {
        entry.at(endpoint.address(), endpoint.port().or(group.port()));
        let inside = endpoint.vpc_endpoints();
        entry.found.vpc = inside.iter().find_map(|one| one.vpc_id()).map(str::to_owned);
        let interfaces = inside.iter().flat_map(VpcEndpoint::network_interfaces);
        entry.zones(interfaces.map(|one| one.availability_zone()));
    }
    let found = &mut entry.found;
    found.arn = group.workgroup_arn().map(str::to_owned);
    found.engine = Some("redshift".to_owned());
    found.status = group.status().map(|status| status.as_str().to_owned());
    entry
}
