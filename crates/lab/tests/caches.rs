//! `ElastiCache` and `MemoryDB`: where security groups and endpoints stand in their answers.

use adit_lab::Lab;
use serde_json::{Value, json};

use crate::ec2::{group, subnet, vpc};
use crate::support::http::{call_json, fault};
use crate::support::lab;
use crate::support::query::ELASTICACHE;

/// A subnet group called `main`; gives its VPC, its subnet and a security group there.
async fn network(lab: &Lab) -> (String, String, String) {
    let vpc = vpc(lab).await;
    let subnet = subnet(lab, &vpc, "10.0.1.0/24", "us-east-1a").await;
    let params = [
        ("CacheSubnetGroupName", "main"),
        ("CacheSubnetGroupDescription", "a test"),
        ("SubnetIds.SubnetIdentifier.1", &subnet),
    ];
    ELASTICACHE.done(lab, "CreateCacheSubnetGroup", &params).await;
    let group = group(lab, &vpc, "cache").await;
    (vpc, subnet, group)
}

fn replication_group<'a>(id: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let params = [
        ("ReplicationGroupId", id),
        ("ReplicationGroupDescription", "a test"),
        ("CacheNodeType", "cache.t4g.micro"),
        ("Engine", "valkey"),
    ];
    [&params[..], more].concat()
}

#[tokio::test]
async fn a_replication_group_is_where_its_clusters_are() {
    let lab = lab().await;
    let (vpc, _, group) = network(&lab).await;
    let params = [
        ("NumCacheClusters", "2"),
        ("AutomaticFailoverEnabled", "true"),
        ("CacheSubnetGroupName", "main"),
        ("SecurityGroupIds.SecurityGroupId.1", &group),
        ("TransitEncryptionEnabled", "true"),
        ("Tags.Tag.1.Key", "env"),
        ("Tags.Tag.1.Value", "prod"),
    ];
    let params = replication_group("orders", &params);
    ELASTICACHE.done(&lab, "CreateReplicationGroup", &params).await;
    let named = [("ReplicationGroupId", "orders")];
    let found = ELASTICACHE.done(&lab, "DescribeReplicationGroups", &named).await;
    assert_eq!(found.text("ClusterEnabled"), "false");
    let primary = &found.parts("PrimaryEndpoint")[0];
    assert_eq!(primary.text("Address"), "master.orders.c0ffee.use1.cache.amazonaws.com");
    let reader = &found.parts("ReaderEndpoint")[0];
    assert_eq!(reader.text("Address"), "replica.orders.c0ffee.use1.cache.amazonaws.com");
    assert_eq!(found.texts("ClusterId"), ["orders-001", "orders-002"]);
    for absent in ["SecurityGroupId", "VpcId", "CacheSubnetGroupName", "TagList"] {
        assert!(!found.has(absent), "{absent}");
    }
    assert!(!found.has("ConfigurationEndpoint"));
    let member = [("CacheClusterId", "orders-001")];
    let cluster = ELASTICACHE.done(&lab, "DescribeCacheClusters", &member).await;
    assert_eq!(cluster.text("SecurityGroupId"), group);
    assert_eq!(cluster.text("ReplicationGroupId"), "orders");
    assert!(!cluster.has("CacheNode"));
    let subnets = [("CacheSubnetGroupName", cluster.text("CacheSubnetGroupName"))];
    let subnets = [(subnets[0].0, subnets[0].1.as_str())];
    let place = ELASTICACHE.done(&lab, "DescribeCacheSubnetGroups", &subnets).await;
    assert_eq!(place.text("VpcId"), vpc);
    let tags = ELASTICACHE
        .done(&lab, "ListTagsForResource", &[("ResourceName", &found.text("ARN"))])
        .await;
    assert_eq!(tags.texts("Value"), ["prod"]);
    let (_, code, _) = ELASTICACHE.refused(&lab, "DeleteCacheCluster", &member).await;
    assert_eq!(code, "InvalidParameterCombination");
    let (_, code, _) = ELASTICACHE.refused(&lab, "DeleteCacheSubnetGroup", &subnets).await;
    assert_eq!(code, "CacheSubnetGroupInUse");
    ELASTICACHE.done(&lab, "DeleteReplicationGroup", &named).await;
    let (status, code, _) = ELASTICACHE.refused(&lab, "DescribeCacheClusters", &member).await;
    assert_eq!((status, code.as_str()), (404, "CacheClusterNotFound"));
    ELASTICACHE.done(&lab, "DeleteCacheSubnetGroup", &subnets).await;
}

#[tokio::test]
async fn in_cluster_mode_there_is_one_endpoint_for_all_shards() {
    let lab = lab().await;
    let shards = [("NumNodeGroups", "3"), ("ReplicasPerNodeGroup", "1")];
    let params = replication_group("orders", &shards);
    let (_, code, _) = ELASTICACHE.refused(&lab, "CreateReplicationGroup", &params).await;
    assert_eq!(code, "InvalidParameterValue");
    let params = [&params[..], &[("AutomaticFailoverEnabled", "true")]].concat();
    fault(&lab, json!({ "boot_ms": 60_000 })).await;
    let made = ELASTICACHE.done(&lab, "CreateReplicationGroup", &params).await;
    assert_eq!(made.text("Status"), "creating");
    assert!(!made.has("ConfigurationEndpoint") && !made.has("NodeGroups"));
    crate::support::http::control(&lab, "clock", &json!({ "advance_ms": 60_000 })).await;
    let found = ELASTICACHE.done(&lab, "DescribeReplicationGroups", &[]).await;
    let endpoint = &found.parts("ConfigurationEndpoint")[0];
    assert_eq!(endpoint.text("Address"), "orders.c0ffee.clustercfg.use1.cache.amazonaws.com");
    assert_eq!(found.texts("Slots"), ["0-5460", "5461-10921", "10922-16383"]);
    assert_eq!(found.texts("ClusterId").len(), 6);
    assert!(!found.has("PrimaryEndpoint") && !found.has("CurrentRole"));
}

#[tokio::test]
async fn memcached_tells_where_its_nodes_are() {
    let lab = lab().await;
    let cluster = |id, engine, nodes| {
        [
            ("CacheClusterId", id),
            ("Engine", engine),
            ("NumCacheNodes", nodes),
            ("CacheNodeType", "cache.t4g.micro"),
        ]
    };
    ELASTICACHE.done(&lab, "CreateCacheCluster", &cluster("web", "memcached", "2")).await;
    ELASTICACHE.done(&lab, "CreateCacheCluster", &cluster("one", "redis", "1")).await;
    let (_, code, _) =
        ELASTICACHE.refused(&lab, "CreateCacheCluster", &cluster("two", "redis", "2")).await;
    assert_eq!(code, "InvalidParameterValue");
    let (_, code, _) =
        ELASTICACHE.refused(&lab, "CreateCacheCluster", &cluster("web", "redis", "1")).await;
    assert_eq!(code, "CacheClusterAlreadyExists");
    ELASTICACHE.done(&lab, "CreateReplicationGroup", &replication_group("rg", &[])).await;
    let alone =
        [("ShowCacheNodeInfo", "true"), ("ShowCacheClustersNotInReplicationGroups", "true")];
    let found = ELASTICACHE.done(&lab, "DescribeCacheClusters", &alone).await;
    assert_eq!(found.texts("CacheClusterId"), ["one", "web"]);
    let clusters = found.parts("CacheCluster");
    assert!(!clusters[0].has("ConfigurationEndpoint"));
    let host = |name: &str| format!("{name}.use1.cache.amazonaws.com");
    assert_eq!(clusters[0].texts("Address"), [host("one.c0ffee.0001")]);
    let hosts = ["web.c0ffee.cfg", "web.c0ffee.0001", "web.c0ffee.0002"].map(host);
    assert_eq!(clusters[1].texts("Address"), hosts);
    assert_eq!(clusters[1].text("Port"), "11211");
    let all = ELASTICACHE.done(&lab, "DescribeCacheClusters", &[]).await;
    assert_eq!(all.texts("CacheClusterId"), ["one", "rg-001", "web"]);
    fault(&lab, json!({ "page_size": 2 })).await;
    let page = ELASTICACHE.done(&lab, "DescribeCacheClusters", &[]).await;
    assert_eq!(page.texts("CacheClusterId").len(), 2);
    let rest = [("Marker", page.text("Marker"))];
    let rest = [(rest[0].0, rest[0].1.as_str())];
    let rest = ELASTICACHE.done(&lab, "DescribeCacheClusters", &rest).await;
    assert_eq!(rest.texts("CacheClusterId"), ["web"]);
}

#[tokio::test]
async fn a_serverless_cache_has_groups_and_subnets_of_its_own() {
    let lab = lab().await;
    let (_, subnet, group) = network(&lab).await;
    let params = [
        ("ServerlessCacheName", "orders"),
        ("Engine", "valkey"),
        ("SubnetIds.SubnetId.1", &subnet),
        ("SecurityGroupIds.SecurityGroupId.1", &group),
    ];
    ELASTICACHE.done(&lab, "CreateServerlessCache", &params).await;
    let found = ELASTICACHE.done(&lab, "DescribeServerlessCaches", &[]).await;
    assert_eq!(found.text("SecurityGroupId"), group);
    assert_eq!(found.text("SubnetId"), subnet);
    assert_eq!(found.text("Address"), "orders-c0ffee.serverless.use1.cache.amazonaws.com");
    assert_eq!(found.texts("Port"), ["6379", "6380"]);
    let (_, code, _) = ELASTICACHE.refused(&lab, "CreateServerlessCache", &params).await;
    assert_eq!(code, "ServerlessCacheAlreadyExistsFault");
    let other = [("ServerlessCacheName", "others")];
    let (status, code, _) = ELASTICACHE.refused(&lab, "DescribeServerlessCaches", &other).await;
    assert_eq!((status, code.as_str()), (404, "ServerlessCacheNotFoundFault"));
}

async fn memory(lab: &Lab, operation: &str, body: Value) -> (u16, Value) {
    call_json(lab, "memorydb", &format!("AmazonMemoryDB.{operation}"), body).await
}

#[tokio::test]
async fn memorydb_shows_shards_when_they_are_asked_for() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let subnet = subnet(&lab, &vpc, "10.0.1.0/24", "us-east-1a").await;
    let group = group(&lab, &vpc, "cache").await;
    let place = json!({ "SubnetGroupName": "main", "SubnetIds": [subnet] });
    let (status, made) = memory(&lab, "CreateSubnetGroup", place).await;
    assert_eq!((status, &made["SubnetGroup"]["VpcId"]), (200, &json!(vpc)));
    let cluster = json!({
        "ClusterName": "orders",
        "NodeType": "db.t4g.small",
        "ACLName": "open-access",
        "NumShards": 2,
        "SubnetGroupName": "main",
        "SecurityGroupIds": [group],
        "Tags": [{ "Key": "env", "Value": "prod" }],
    });
    let (status, made) = memory(&lab, "CreateCluster", cluster.clone()).await;
    assert_eq!(status, 200, "{made}");
    let (status, refusal) = memory(&lab, "CreateCluster", cluster).await;
    let code = &refusal["__type"];
    assert_eq!((status, code), (400, &json!("ClusterAlreadyExistsFault")));
    let (_, found) = memory(&lab, "DescribeClusters", json!({ "ClusterName": "orders" })).await;
    let one = &found["Clusters"][0];
    let host = "clustercfg.orders.c0ffee.memorydb.us-east-1.amazonaws.com";
    assert_eq!(one["ClusterEndpoint"], json!({ "Address": host, "Port": 6379 }));
    assert_eq!(one["SecurityGroups"][0]["SecurityGroupId"], json!(group));
    assert_eq!((one.get("Shards"), one.get("VpcId")), (None, None));
    let shards = json!({ "ShowShardDetails": true });
    let (_, found) = memory(&lab, "DescribeClusters", shards).await;
    let nodes = &found["Clusters"][0]["Shards"][1]["Nodes"];
    assert_eq!(nodes[1]["Name"], "orders-0002-002");
    let arn = json!({ "ResourceArn": one["ARN"] });
    let (_, tags) = memory(&lab, "ListTags", arn).await;
    assert_eq!(tags["TagList"], json!([{ "Key": "env", "Value": "prod" }]));
    let (status, refusal) =
        memory(&lab, "DescribeClusters", json!({ "ClusterName": "none" })).await;
    assert_eq!((status, &refusal["__type"]), (404, &json!("ClusterNotFoundFault")));
}
