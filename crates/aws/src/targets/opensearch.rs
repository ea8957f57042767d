//! `OpenSearch` Service domains with an endpoint inside a VPC.

use std::collections::BTreeMap;

use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::operation::describe_domains::DescribeDomainsOutput;
use aws_sdk_opensearch::types::DomainStatus;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::entry::{Entry, tags, unusable};
use super::{Kind, Selector, TargetSpec, find};
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// Domains answer on the port of HTTPS, and nowhere else.
pub(super) const PORT: u16 = 443;

/// The domains that `spec` may mean: one call.
pub(super) async fn find(aws: &Aws, spec: &TargetSpec) -> Result<Vec<Entry>, AwsError> {
    let Some(name) = find::name(&spec.select) else {
        let entries = all(aws).await?;
        return match spec.select {
            Selector::Tag { .. } => {
                find::with_tags(entries, &spec.select, |arn| fetch_tags(aws, arn)).await
            }
            _ => Ok(entries),
        };
    };
    match Box::pin(Client::new(&aws.sdk).describe_domain().domain_name(name).send()).await {
        Ok(answer) => Ok(answer.domain_status().map(entry).into_iter().collect()),
        Err(error) if find::is_missing_name(&error) => Ok(Vec::new()),
        Err(error) => Err(failed(aws, "DescribeDomain")(error)),
    }
}

/// All domains: their names first, then what they are, in as many calls as it takes at once.
pub(super) async fn all(aws: &Aws) -> Result<Vec<Entry>, AwsError> {
    /// As many as one call takes.
    const BATCH: usize = 5;
    let client = Client::new(&aws.sdk);
    let answer = Box::pin(client.list_domain_names().send()).await;
    let answer = answer.map_err(failed(aws, "ListDomainNames"))?;
    let names: Vec<String> = answer
        .domain_names()
        .iter()
        .filter_map(|one| one.domain_name())
        .map(str::to_owned)
        .collect();
    let calls: Vec<_> = names
        .chunks(BATCH)
        .map(|names| client.describe_domains().set_domain_names(Some(names.to_vec())))
        .map(|call| Box::pin(call.send()))
        .collect();
    let answers: Result<Vec<_>, _> =
        stream::iter(calls).buffered(find::AT_ONCE).try_collect().await;
    let answers = answers.map_err(failed(aws, "DescribeDomains"))?;
    Ok(answers.iter().flat_map(DescribeDomainsOutput::domain_status_list).map(entry).collect())
}

async fn fetch_tags(aws: &Aws, arn: String) -> Result<BTreeMap<String, String>, AwsError> {
    let answer = Box::pin(Client::new(&aws.sdk).list_tags().arn(arn).send()).await;
    let answer = answer.map_err(failed(aws, "ListTags"))?;
    Ok(tags(answer.tag_list().iter().map(|tag| (Some(tag.key()), Some(tag.value())))))
}

fn entry(domain: &DomainStatus) -> Entry {
    let mut entry = Entry::new(Kind::OpenSearch, domain.domain_name());
    // The second one is that of domains with both kinds of addresses.
    let host = domain.endpoints().and_then(|all| all.get("vpc").or_else(|| all.get("vpcv2")));
    entry.at(host.map(String::as_str), Some(PORT.into()));
    entry.found.arn = Some(domain.arn().to_owned());
    entry.found.engine = domain.engine_version().map(str::to_owned);
    entry.found.status = Some(status(domain).to_owned());
    if let Some(vpc) = domain.vpc_options() {
        entry.groups(vpc.security_group_ids().iter().map(|id| Some(id.as_str())));
        entry.zones(vpc.availability_zones().iter().map(|zone| Some(zone.as_str())));
        entry.found.vpc = vpc.vpc_id().map(str::to_owned);
    }
    if entry.found.vpc.is_none()
        && let Some(public) = domain.endpoint_v2().or(domain.endpoint())
    {
        let name = domain.domain_name();
        entry.refusal = Some(
            unusable(format!("the OpenSearch domain `{name}` is in no VPC: its endpoint is public"))
                .hint(format!(
                    "https://{public} is reached without a tunnel, by those whom its access policy admits"
                )),
        );
        // It is listed where it really is.
        entry.at(Some(public), Some(PORT.into()));
    }
    entry
}

fn status(domain: &DomainStatus) -> &str {
    if domain.deleted() == Some(true) {
        return "Deleting";
    }
    match domain.domain_processing_status() {
        Some(status) => status.as_str(),
        // Older answers tell by the absence of an endpoint.
        None if domain.endpoints().is_none() && domain.endpoint().is_none() => "Creating",
        None if domain.processing() == Some(true) => "Modifying",
        None => "Active",
    }
}
