//! Everything there is to reach, of all kinds at once.

use std::future::Future;
use std::pin::Pin;

use super::entry::{Entry, Part};
use super::{
    Kind, Listing, cluster, ec2, elasticache, memorydb, msk, opensearch, rds, rds_proxy, redshift,
    redshift_serverless,
};
use crate::error::{AwsError, AwsErrorKind};
use crate::load::Aws;

type Pending<'a> = Pin<Box<dyn Future<Output = Part> + Send + 'a>>;

/// Lists all targets of `kinds`, with every page. What is denied or not there for one kind becomes
/// a failure, and the others are listed all the same. [`Kind::Host`] has no list.
pub async fn list(aws: &Aws, kinds: &[Kind]) -> Listing {
    let mut parts: Vec<Pending<'_>> = Vec::new();
    let mut kinds = kinds.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let databases: Vec<Kind> = kinds
        .iter()
        .copied()
        .filter(|kind| matches!(kind, Kind::Rds | Kind::Aurora | Kind::DocDb | Kind::Neptune))
        .collect();
    if !databases.is_empty() {
        parts.push(Box::pin(databases_of(aws, databases)));
    }
    for kind in kinds.iter().copied() {
        let part: Pending<'_> = match kind {
            Kind::Rds | Kind::Aurora | Kind::DocDb | Kind::Neptune | Kind::Host => continue,
            Kind::RdsProxy => Box::pin(async move { one(kind, rds_proxy::all(aws).await) }),
            Kind::ElastiCache => Box::pin(elasticache::all(aws)),
            Kind::MemoryDb => Box::pin(async move { one(kind, memorydb::all(aws).await) }),
            Kind::Redshift => Box::pin(async move { one(kind, redshift::all(aws).await) }),
            Kind::RedshiftServerless => {
                Box::pin(async move { one(kind, redshift_serverless::all(aws).await) })
            }
            Kind::OpenSearch => Box::pin(async move { one(kind, opensearch::all(aws).await) }),
            Kind::Msk => Box::pin(async move {
                msk::all(aws).await.unwrap_or_else(|error| one(kind, Err(error)))
            }),
            Kind::Ec2 => Box::pin(async move { one(kind, ec2::all(aws).await) }),
        };
        parts.push(part);
    }
    let mut listing = Listing::default();
    for (entries, failures) in futures_util::future::join_all(parts).await {
        listing.found.extend(entries.into_iter().map(|entry| entry.found));
        listing.failures.extend(failures);
    }
    listing.found.sort_by(|left, right| (left.kind, &left.id).cmp(&(right.kind, &right.id)));
    listing.failures.sort_by_key(|(kind, _)| *kind);
    explain(&mut listing, aws.region());
    listing
}

fn one(kind: Kind, result: Result<Vec<Entry>, AwsError>) -> Part {
    match result {
        Ok(entries) => (entries, Vec::new()),
        Err(error) => (Vec::new(), vec![(kind, error)]),
    }
}

/// The kinds that the API of RDS lists, with each of its calls made once: instances are
/// targets of their own only outside clusters, and clusters take their VPC from their members.
async fn databases_of(aws: &Aws, kinds: Vec<Kind>) -> Part {
    let some_clusters = kinds.iter().any(|kind| *kind != Kind::Rds);
    let clusters =
        async { if some_clusters { cluster::clusters(aws).await } else { Ok(Vec::new()) } };
    let (instances, clusters) = tokio::join!(Box::pin(rds::instances(aws)), Box::pin(clusters));
    let (mut entries, mut failures) = (Vec::new(), Vec::new());
    let members = instances.as_deref().unwrap_or_default();
    let mut clusters_by_kind = Vec::new();
    for kind in kinds {
        match (kind, &instances, &clusters) {
            (Kind::Rds, Ok(instances), _) => {
                let single = |instance: &&_| rds::is_single(instance);
                entries.extend(instances.iter().filter(single).map(rds::entry));
            }
            (Kind::Rds, Err(error), _) | (_, _, Err(error)) => failures.push((kind, error.clone())),
            (_, instances, Ok(clusters)) => {
                let found = cluster::entries(kind, clusters, members);
                // Without its members a cluster has neither their endpoints nor their zones.
                if let (Err(error), false) = (instances, found.is_empty()) {
                    failures.push((kind, error.clone()));
                }
                clusters_by_kind.extend(found);
            }
        }
    }
    let clusters = clusters.as_deref().unwrap_or_default();
    if let Err(error) = cluster::add_vpcs(aws, &mut clusters_by_kind, clusters).await {
        let without = clusters_by_kind.iter().filter(|entry| entry.found.vpc.is_none());
        let mut kinds: Vec<Kind> = without.map(|entry| entry.found.kind).collect();
        kinds.dedup();
        kinds.retain(|kind| failures.iter().all(|(failed, _)| failed != kind));
        failures.extend(kinds.into_iter().map(|kind| (kind, error.clone())));
    }
    entries.extend(clusters_by_kind);
    (entries, failures)
}

/// When others answer and one has no address, the region most likely does not have that service.
fn explain(listing: &mut Listing, region: &str) {
    if listing.found.is_empty() {
        return;
    }
    for (kind, error) in &mut listing.failures {
        if error.kind == AwsErrorKind::Endpoint {
            error.hints.insert(0, format!("{region} may not have the service of {kind}"));
        }
    }
}
