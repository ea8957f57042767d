//! All there is.

use super::*;
use crate::fake::{ok, refuse};

const MEMBER: &str = include_str!("../documented/db-instances-page-1.xml");
const INSTANCE: &str = include_str!("../documented/db-instances.xml");
const CLUSTERS: &str = include_str!("../documented/db-clusters.xml");
const SUBNET_GROUPS: &str = "<DescribeDBSubnetGroupsResponse><DescribeDBSubnetGroupsResult><DBSubnetGroups><DBSubnetGroup><DBSubnetGroupName>private</DBSubnetGroupName><VpcId>vpc-0123456789abcdef0</VpcId></DBSubnetGroup></DBSubnetGroups></DescribeDBSubnetGroupsResult></DescribeDBSubnetGroupsResponse>";
const DENIED: &str = include_str!("../documented/denied.xml");

fn names(listing: &Listing) -> Vec<String> {
    listing.found.iter().map(|one| format!("{}:{}", one.kind, one.id)).collect()
}

const DATABASES: [Kind; 4] = [Kind::Rds, Kind::Aurora, Kind::DocDb, Kind::Neptune];

#[tokio::test]
async fn databases_are_told_apart_and_none_is_listed_twice() {
    let routes = [
        ok(&["Action=DescribeDBInstances", "Marker=page-2"], INSTANCE),
        ok(&["Action=DescribeDBInstances"], MEMBER),
        ok(&["Action=DescribeDBClusters"], CLUSTERS),
        ok(&["Action=DescribeDBSubnetGroups"], SUBNET_GROUPS),
    ];
    // The cluster without members has its VPC from its subnet group.
    let fake = Fake::routed(&[2, 1, 1], &routes).await;
    let listing = list(&fake.aws().await, &DATABASES).await;
    assert!(listing.failures.is_empty(), "{:?}", listing.failures);
    assert_eq!(names(&listing), ["rds:orders", "aurora:shop", "docdb:papers", "neptune:graph"]);
    let shop = &listing.found[1];
    assert_eq!(shop.vpc.as_deref(), Some("vpc-0123456789abcdef0"));
    assert_eq!(listing.found[2].vpc.as_deref(), Some("vpc-0123456789abcdef0"));
    assert_eq!(shop.port, Some(3306));
    let graph = &listing.found[3];
    assert_eq!((graph.status.as_deref(), graph.host.as_deref()), (Some("creating"), None));
}

#[tokio::test]
async fn a_denied_kind_leaves_the_others() {
    let routes = [
        refuse(&["Action=DescribeDBClusters"], 403, DENIED),
        ok(&["Action=DescribeDBInstances"], INSTANCE),
    ];
    let fake = Fake::routed(&[2], &routes).await;
    let listing = list(&fake.aws().await, &DATABASES).await;
    assert_eq!(names(&listing), ["rds:orders"]);
    let failed: Vec<Kind> = listing.failures.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(failed, [Kind::Aurora, Kind::DocDb, Kind::Neptune]);
    for (_, error) in &listing.failures {
        assert_eq!(error.kind, AwsErrorKind::AccessDenied);
    }
}

/// They would be taken for clusters outside of any VPC.
#[tokio::test]
async fn clusters_whose_members_may_not_be_listed_say_so() {
    let routes = [
        ok(&["Action=DescribeDBClusters"], CLUSTERS),
        refuse(&["Action=DescribeDBInstances"], 403, DENIED),
        ok(&["Action=DescribeDBSubnetGroups"], SUBNET_GROUPS),
    ];
    let fake = Fake::routed(&[2, 1], &routes).await;
    // A kind that is asked for twice is listed once.
    let listing = list(&fake.aws().await, &[Kind::Aurora, Kind::DocDb, Kind::Aurora]).await;
    assert_eq!(names(&listing), ["aurora:shop", "docdb:papers"]);
    for found in &listing.found {
        assert_eq!(found.vpc.as_deref(), Some("vpc-0123456789abcdef0"), "{}", found.id);
    }
    let failed: Vec<Kind> = listing.failures.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(failed, [Kind::Aurora, Kind::DocDb]);
}

#[tokio::test]
async fn one_kafka_cluster_without_brokers_does_not_hide_the_others() {
    const CLUSTERS: &str = include_str!("../documented/msk-clusters.json");
    const BROKERS: &str = include_str!("../documented/msk-brokers.json");
    const SUBNETS: &str = include_str!("../documented/subnets.xml");
    const REFUSED: &str = r#"{"message":"Internal."}"#;
    let clusters = CLUSTERS.replace("CREATING", "ACTIVE").leak();
    let routes = [
        refuse(&["/bootstrap-brokers ", "events-test"], 403, REFUSED),
        ok(&["/bootstrap-brokers "], BROKERS),
        ok(&["get /api/v2/clusters"], clusters),
        ok(&["Action=DescribeSubnets"], SUBNETS),
    ];
    let fake = Fake::routed(&[1, 3], &routes).await;
    let listing = list(&fake.aws().await, &[Kind::Msk]).await;
    assert_eq!(names(&listing), ["msk:events", "msk:events-test"]);
    assert!(listing.found[0].host.is_some() && listing.found[1].host.is_none());
    assert_eq!(listing.failures.len(), 1);
}

#[tokio::test]
async fn bastions_are_not_targets() {
    const INSTANCES: &str = include_str!("../documented/instances.xml");
    let fake = Fake::routed(&[1], &[ok(&["Action=DescribeInstances"], INSTANCES)]).await;
    let listing = list(&fake.aws().await, &[Kind::Ec2]).await;
    assert_eq!(names(&listing), ["ec2:i-0123456789abcdef0"]);
    assert_eq!(listing.found[0].name.as_deref(), Some("web"));
    assert_eq!(listing.found[0].host.as_deref(), Some("10.0.1.23"));
}

/// A single call takes five names.
#[tokio::test]
async fn domains_are_described_in_batches() {
    const NAMES: &str = include_str!("../documented/domains.json");
    const DOMAINS: &str = include_str!("../documented/domain-list.json");
    const NONE: &str = r#"{"DomainStatusList":[]}"#;
    let routes = [
        ok(&["get /2021-01-01/domain"], NAMES),
        ok(&["post /2021-01-01/opensearch/domain-info", r#"["logs"]"#], DOMAINS),
        ok(&["post /2021-01-01/opensearch/domain-info", "a1", "a5"], NONE),
    ];
    let fake = Fake::routed(&[1, 2], &routes).await;
    let listing = list(&fake.aws().await, &[Kind::OpenSearch]).await;
    assert!(listing.failures.is_empty(), "{:?}", listing.failures);
    assert_eq!(names(&listing), ["opensearch:logs"]);
    assert_eq!(listing.found[0].status.as_deref(), Some("Creating"));
}

#[tokio::test]
async fn all_kinds_are_asked_for_at_once() {
    // Two for databases; one for proxies; four for caches; two for MemoryDB; one each for both
    // kinds of Redshift, OpenSearch, MSK and EC2. Whoever waits for another gets no answer.
    let fake = Fake::routed(&[14], &[refuse(&[], 400, DENIED)]).await;
    let listing = list(&fake.aws().await, &Kind::ALL).await;
    assert!(listing.found.is_empty());
    let failed: Vec<Kind> = listing.failures.iter().map(|(kind, _)| *kind).collect();
    for kind in Kind::ALL {
        assert_eq!(failed.contains(&kind), kind != Kind::Host, "{kind}");
    }
    assert_eq!(fake.asked().len(), 14);
}
