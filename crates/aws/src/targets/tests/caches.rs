//! `ElastiCache` and `MemoryDB`.

use super::*;
use crate::fake::{ok, refuse};

const GROUP: &str = include_str!("../documented/replication-group.xml");
const CLUSTERS: &str = include_str!("../documented/cache-clusters.xml");
const SUBNET_GROUPS: &str = include_str!("../documented/cache-subnet-groups.xml");
const SERVERLESS: &str = include_str!("../documented/serverless-cache.xml");
const NO_GROUP: &str = include_str!("../documented/no-replication-group.xml");
const NO_SERVERLESS: &str = include_str!("../documented/no-serverless-cache.xml");
const SUBNETS: &str = include_str!("../documented/subnets.xml");
const DENIED: &str = include_str!("../documented/denied.xml");

const CLUSTER_ROUTE: Route =
    ok(&["Action=DescribeCacheClusters", "ShowCacheNodeInfo=true"], CLUSTERS);
const SUBNET_ROUTE: Route = ok(&["Action=DescribeCacheSubnetGroups"], SUBNET_GROUPS);
const NO_GROUP_ROUTE: Route = refuse(&["Action=DescribeReplicationGroups"], 404, NO_GROUP);
const NO_SERVERLESS_ROUTE: Route = refuse(&["Action=DescribeServerlessCaches"], 404, NO_SERVERLESS);

#[tokio::test]
async fn a_replication_group_takes_one_round_trip() {
    let routes = [
        ok(&["Action=DescribeReplicationGroups", "ReplicationGroupId=sessions"], GROUP),
        CLUSTER_ROUTE,
        SUBNET_ROUTE,
        NO_SERVERLESS_ROUTE,
    ];
    let sessions = target("elasticache:sessions", &[4], &routes).await;
    assert_eq!(sessions.host, "clustercfg.sessions.abc123.euw1.cache.amazonaws.com");
    assert_eq!((sessions.port, sessions.vpc.as_str()), (6379, "vpc-0123456789abcdef0"));
    assert_eq!(sessions.security_groups, ["sg-0caccaccaccaccacc"]);
    assert_eq!(sessions.zones, ["eu-west-1a", "eu-west-1b"]);
    assert_eq!(sessions.engine.as_deref(), Some("valkey"));
    assert!(sessions.warnings[0].contains("cluster mode off"), "{:?}", sessions.warnings);
    assert!(sessions.warnings[0].contains("2 shards"), "{:?}", sessions.warnings);

    let node = target("elasticache:sessions/sessions-0002-001", &[4], &routes).await;
    assert_eq!(node.host, "sessions-0002-001.sessions.abc123.euw1.cache.amazonaws.com");
    assert_eq!(node.zones, ["eu-west-1b"]);
}

#[tokio::test]
async fn a_primary_and_its_reader_need_no_warning_and_one() {
    const PLAIN: &str = "<DescribeReplicationGroupsResponse><DescribeReplicationGroupsResult><ReplicationGroups><ReplicationGroup><ReplicationGroupId>sessions</ReplicationGroupId><Status>available</Status><NodeGroups><NodeGroup><NodeGroupId>0001</NodeGroupId><PrimaryEndpoint><Address>sessions.abc123.ng.0001.euw1.cache.amazonaws.com</Address><Port>6379</Port></PrimaryEndpoint><ReaderEndpoint><Address>sessions-ro.abc123.ng.0001.euw1.cache.amazonaws.com</Address><Port>6379</Port></ReaderEndpoint></NodeGroup></NodeGroups></ReplicationGroup></ReplicationGroups></DescribeReplicationGroupsResult></DescribeReplicationGroupsResponse>";
    let routes = [
        ok(&["Action=DescribeReplicationGroups"], PLAIN),
        CLUSTER_ROUTE,
        SUBNET_ROUTE,
        NO_SERVERLESS_ROUTE,
    ];
    let primary = target("elasticache:sessions", &[4], &routes).await;
    assert_eq!(primary.host, "sessions.abc123.ng.0001.euw1.cache.amazonaws.com");
    assert!(primary.warnings.is_empty());
    let reader = target("elasticache:sessions/reader", &[4], &routes).await;
    assert_eq!(reader.host, "sessions-ro.abc123.ng.0001.euw1.cache.amazonaws.com");
    assert_eq!(reader.warnings.len(), 1);
}

#[tokio::test]
async fn memcached_is_one_node_of_several() {
    let routes = [NO_GROUP_ROUTE, CLUSTER_ROUTE, SUBNET_ROUTE, NO_SERVERLESS_ROUTE];
    let pages = target("elasticache:pages", &[4], &routes).await;
    assert_eq!(pages.host, "pages.abc123.0001.euw1.cache.amazonaws.com");
    assert_eq!(pages.zones, ["eu-west-1a", "eu-west-1c"]);
    assert!(pages.warnings[0].contains("auto discovery"), "{:?}", pages.warnings);
    let second = target("elasticache:pages/0002", &[4], &routes).await;
    assert_eq!(
        (second.host.as_str(), second.port),
        ("pages.abc123.0002.euw1.cache.amazonaws.com", 11211)
    );
    assert_eq!(second.zones, ["eu-west-1c"]);
}

#[tokio::test]
async fn a_node_of_a_group_can_be_named_by_itself() {
    let routes = [NO_GROUP_ROUTE, CLUSTER_ROUTE, SUBNET_ROUTE, NO_SERVERLESS_ROUTE];
    let node = target("elasticache:sessions-0001-001", &[4], &routes).await;
    assert_eq!(node.host, "sessions-0001-001.sessions.abc123.euw1.cache.amazonaws.com");
    assert_eq!(node.vpc, "vpc-0123456789abcdef0");
}

#[tokio::test]
async fn a_serverless_cache_has_its_vpc_from_its_subnets() {
    let routes = [
        NO_GROUP_ROUTE,
        CLUSTER_ROUTE,
        SUBNET_ROUTE,
        ok(&["Action=DescribeServerlessCaches", "ServerlessCacheName=carts"], SERVERLESS),
        ok(&["Action=DescribeSubnets"], SUBNETS),
    ];
    let carts = target("elasticache:carts", &[4, 1], &routes).await;
    assert_eq!(carts.host, "carts-abc123.serverless.euw1.cache.amazonaws.com");
    assert_eq!(carts.vpc, "vpc-0123456789abcdef0");
    assert_eq!(carts.zones, ["eu-west-1a", "eu-west-1b"]);
    let reader = target("elasticache:carts/reader", &[4, 1], &routes).await;
    assert_eq!(reader.port, 6380);
}

/// Those who may see one kind of cache only should still reach it.
#[tokio::test]
async fn a_denied_call_matters_only_when_it_could_have_found_the_cache() {
    let denied = refuse(&["Action=DescribeServerlessCaches"], 403, DENIED);
    let routes = [NO_GROUP_ROUTE, CLUSTER_ROUTE, SUBNET_ROUTE, denied];
    assert_eq!(target("elasticache:pages", &[4], &routes).await.port, 11211);
    let error = fault("elasticache:other", &[4], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::AccessDenied);
}

#[tokio::test]
async fn a_cache_that_changes_tells_no_tags_and_spoils_no_other() {
    const CHANGING: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidReplicationGroupState</Code><Message>Replication group sessions is in modifying state</Message></Error></ErrorResponse>";
    const TAGS: &str = "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList><Tag><Key>env</Key><Value>prod</Value></Tag></TagList></ListTagsForResourceResult></ListTagsForResourceResponse>";
    let routes = [
        refuse(&["Action=ListTagsForResource", "replicationgroup"], 400, CHANGING),
        ok(&["Action=ListTagsForResource"], TAGS),
        ok(&["Action=DescribeReplicationGroups"], GROUP),
        CLUSTER_ROUTE,
        SUBNET_ROUTE,
        NO_SERVERLESS_ROUTE,
    ];
    assert_eq!(target("elasticache:tag:env=prod", &[4, 2], &routes).await.id, "pages");
    let error = fault("elasticache:tag:env=test", &[4, 2], &routes).await;
    assert!(error.message.contains("modifying"), "{}", error.message);
}

#[tokio::test]
async fn an_arn_says_which_of_the_same_name_is_meant() {
    let routes = [
        ok(&["Action=DescribeReplicationGroups"], GROUP),
        CLUSTER_ROUTE,
        SUBNET_ROUTE,
        NO_SERVERLESS_ROUTE,
    ];
    let arn = "elasticache:arn:aws:elasticache:eu-west-1:111122223333:cluster:pages/0001";
    assert_eq!(target(arn, &[4], &routes).await.port, 11211);
}

#[tokio::test]
async fn memorydb_is_asked_for_with_its_subnet_groups() {
    const CLUSTERS: &str = include_str!("../documented/memorydb-clusters.json");
    const GROUPS: &str = include_str!("../documented/memorydb-subnet-groups.json");
    const TAGS: &str = r#"{"TagList":[{"Key":"env","Value":"prod"}]}"#;
    let routes = [
        ok(&[".describeclusters", r#""ShowShardDetails":true"#], CLUSTERS),
        ok(&[".describesubnetgroups"], GROUPS),
        ok(&[".listtags", "cluster/basket"], TAGS),
    ];
    let basket = target("memorydb:basket", &[2], &routes).await;
    assert_eq!(basket.host, "clustercfg.basket.abc123.memorydb.eu-west-1.amazonaws.com");
    assert_eq!((basket.port, basket.vpc.as_str()), (6379, "vpc-0123456789abcdef0"));
    assert!(basket.warnings[0].contains("cluster mode off"), "{:?}", basket.warnings);
    let node = target("memorydb:basket/basket-0001-001", &[2], &routes).await;
    assert_eq!(node.host, "basket-0001-001.basket.abc123.memorydb.eu-west-1.amazonaws.com");
    assert_eq!(target("memorydb:tag:env=prod", &[2, 1], &routes).await.id, "basket");
}
