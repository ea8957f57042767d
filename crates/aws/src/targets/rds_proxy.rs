//! RDS Proxies: the default endpoint, and those with a name.

use std::collections::BTreeMap;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbProxy, DbProxyEndpoint};

use super::entry::{Endpoint, Entry, sorted, tags};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// The proxies that `spec` may mean; with a named endpoint both calls go out together. The ARN of
/// a proxy does not hold its name, so for one all proxies are looked at.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    let id = match &spec.select {
        Selector::Id(id) => Some(id.as_str()),
        Selector::Arn(_) | Selector::Tag { .. } => None,
    };
    let endpoints =
        async { if spec.endpoint.is_some() { endpoints(aws, id).await } else { Ok(Vec::new()) } };
    let (proxies, endpoints) = tokio::join!(Box::pin(proxies(aws, id)), Box::pin(endpoints));
    let proxies = proxies?;
    let endpoints = if proxies.is_empty() { Vec::new() } else { endpoints? };
    let entries = proxies.iter().map(|proxy| entry(proxy, &endpoints)).collect();
    match spec.select {
        Selector::Tag { .. } => {
            find::with_tags(entries, &spec.select, |arn| fetch_tags(aws, arn)).await
        }
        _ => Ok(entries),
    }
}

/// All proxies, with their default endpoints.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Entry>, AwsError> {
    Ok(proxies(aws, None).await?.iter().map(|proxy| entry(proxy, &[])).collect())
}

async fn proxies(aws: &Aws, name: Option<&str>) -> Result<Vec<DbProxy>, AwsError> {
    let call =
        Client::new(&aws.sdk).describe_db_proxies().set_db_proxy_name(name.map(str::to_owned));
    let found: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    match found {
        Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
        found => found.map_err(failed(aws, "DescribeDBProxies")),
    }
}

async fn endpoints(aws: &Aws, proxy: Option<&str>) -> Result<Vec<DbProxyEndpoint>, AwsError> {
    let call = Client::new(&aws.sdk)
        .describe_db_proxy_endpoints()
        .set_db_proxy_name(proxy.map(str::to_owned));
    let found: Result<Vec<_>, _> = call.into_paginator().items().send().collect().await;
    match found {
        Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
        found => found.map_err(failed(aws, "DescribeDBProxyEndpoints")),
    }
}

async fn fetch_tags(aws: &Aws, arn: String) -> Result<BTreeMap<String, String>, AwsError> {
    let call = Client::new(&aws.sdk).list_tags_for_resource().resource_name(arn);
    let answer = Box::pin(call.send()).await.map_err(failed(aws, "ListTagsForResource"))?;
    Ok(tags(answer.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
}

fn entry(proxy: &DbProxy, endpoints: &[DbProxyEndpoint]) -> Entry {
    let mut entry = Entry::new(Kind::RdsProxy, proxy.db_proxy_name().unwrap_or_default());
    let port = port(proxy.engine_family());
    entry.at(proxy.endpoint(), port);
    entry.groups(proxy.vpc_security_group_ids().iter().map(|id| Some(id.as_str())));
    let found = &mut entry.found;
    found.arn = proxy.db_proxy_arn().map(str::to_owned);
    found.vpc = proxy.vpc_id().map(str::to_owned);
    found.engine = proxy.engine_family().map(str::to_lowercase);
    found.status = proxy.status().map(|status| status.as_str().to_owned());
    if let Some(status @ ("suspending" | "suspended" | "reactivating")) = found.status.as_deref() {
        let message = format!("its status is `{status}`: it may take no connections for a while");
        entry.warnings.push(message);
    }
    for endpoint in endpoints.iter().filter(|one| one.db_proxy_name() == proxy.db_proxy_name()) {
        // The default endpoint is the proxy's own, and may not have come to be called anything.
        if endpoint.is_default() == Some(true) {
            continue;
        }
        let groups = endpoint.vpc_security_group_ids().iter().map(|id| Some(id.as_str()));
        let groups = sorted(groups);
        if let Some(other) =
            entry.other(endpoint.db_proxy_endpoint_name(), endpoint.endpoint(), port)
        {
            *other = Endpoint {
                vpc: endpoint.vpc_id().map(str::to_owned),
                security_groups: Some(groups),
                ..std::mem::take(other)
            };
        }
    }
    entry
}

/// A proxy listens on its engine's usual port, whatever that of the database behind it is; the
/// API does not name it. See
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-connecting.html>.
fn port(family: Option<&str>) -> Option<i32> {
    match family?.to_uppercase().as_str() {
        "MYSQL" => Some(3306),
        "POSTGRESQL" => Some(5432),
        "SQLSERVER" => Some(1433),
        _ => None,
    }
}
