//! RDS: databases, clusters and proxies, and what is refused as the real one does.

use adit_lab::Lab;
use serde_json::json;

use crate::ec2::{EC2, group, subnet, vpc};
use crate::support::http::{control, fault};
use crate::support::lab;
use crate::support::query::{RDS, Xml};

/// A VPC with two subnets and a group, and a subnet group called `main`.
struct Network {
    vpc: String,
    subnets: [String; 2],
    group: String,
}

async fn network(lab: &Lab) -> Network {
    let vpc = vpc(lab).await;
    let subnets = [
        subnet(lab, &vpc, "10.0.1.0/24", "us-east-1a").await,
        subnet(lab, &vpc, "10.0.2.0/24", "us-east-1b").await,
    ];
    let group = group(lab, &vpc, "orders").await;
    let params = [
        ("DBSubnetGroupName", "Main"),
        ("DBSubnetGroupDescription", "a test"),
        ("SubnetIds.SubnetIdentifier.1", &subnets[0]),
        ("SubnetIds.SubnetIdentifier.2", &subnets[1]),
    ];
    RDS.done(lab, "CreateDBSubnetGroup", &params).await;
    Network { vpc, subnets, group }
}

/// A database's parameters, without its place.
fn database(id: &str) -> Vec<(&str, &str)> {
    vec![
        ("DBInstanceIdentifier", id),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("MasterUsername", "lab"),
        ("MasterUserPassword", "a password"),
        ("AllocatedStorage", "20"),
    ]
}

/// The same in the test's own network.
fn placed<'a>(id: &'a str, network: &'a Network) -> Vec<(&'a str, &'a str)> {
    let mut params = database(id);
    params.push(("DBSubnetGroupName", "main"));
    params.push(("VpcSecurityGroupIds.VpcSecurityGroupId.1", &network.group));
    params
}

/// A cluster's parameters.
fn cluster<'a>(id: &'a str, engine: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DBClusterIdentifier", id),
        ("Engine", engine),
        ("MasterUsername", "lab"),
        ("MasterUserPassword", "a password"),
    ]
}

async fn member(lab: &Lab, cluster: &str, id: &str, engine: &str) -> Xml {
    let params = [
        ("DBInstanceIdentifier", id),
        ("DBInstanceClass", "db.r7g.large"),
        ("Engine", engine),
        ("DBClusterIdentifier", cluster),
    ];
    RDS.done(lab, "CreateDBInstance", &params).await
}

async fn advance(lab: &Lab, ms: u64) {
    assert_eq!(control(lab, "clock", &json!({ "advance_ms": ms })).await.0, 200);
}

#[tokio::test]
async fn a_database_is_where_its_subnet_group_is() {
    let lab = lab().await;
    let network = network(&lab).await;
    let mut params = placed("Orders", &network);
    params.extend([("Tags.Tag.1.Key", "env"), ("Tags.Tag.1.Value", "prod & test")]);
    RDS.done(&lab, "CreateDBInstance", &params).await;
    let arn = "arn:aws:rds:us-east-1:111122223333:db:orders";
    for id in ["orders", "ORDERS", arn] {
        let found = RDS.done(&lab, "DescribeDBInstances", &[("DBInstanceIdentifier", id)]).await;
        assert_eq!(found.text("DBInstanceArn"), arn);
        assert_eq!(found.text("DBInstanceStatus"), "available");
        let endpoint = &found.parts("Endpoint")[0];
        let host = "orders.c0ffee123456.us-east-1.rds.amazonaws.com";
        assert_eq!((endpoint.text("Address"), endpoint.text("Port")), (host.into(), "5432".into()));
        assert_eq!(found.text("VpcSecurityGroupId"), network.group);
        assert_eq!(found.text("VpcId"), network.vpc);
        assert_eq!(found.texts("SubnetIdentifier").len(), 2);
        assert_eq!((found.text("Key"), found.text("Value")), ("env".into(), "prod & test".into()));
    }
    let tags = RDS.done(&lab, "ListTagsForResource", &[("ResourceName", arn)]).await;
    assert_eq!(tags.texts("Key"), ["env"]);
    let (status, code, message) =
        RDS.refused(&lab, "DescribeDBInstances", &[("DBInstanceIdentifier", "others")]).await;
    assert_eq!((status, code.as_str()), (404, "DBInstanceNotFound"));
    assert_eq!(message, "DBInstance others not found.");
}

#[tokio::test]
async fn without_a_place_it_is_in_the_default_vpc() {
    let lab = lab().await;
    let made = RDS.done(&lab, "CreateDBInstance", &database("orders")).await;
    let filter = [("Filter.1.Name", "is-default"), ("Filter.1.Value.1", "true")];
    let vpc = EC2.done(&lab, "DescribeVpcs", &filter).await.text("vpcId");
    assert_eq!(made.text("VpcId"), vpc);
    assert_eq!(made.text("DBSubnetGroupName"), "default");
    let filters = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", &vpc),
        ("Filter.2.Name", "group-name"),
        ("Filter.2.Value.1", "default"),
    ];
    let group = EC2.done(&lab, "DescribeSecurityGroups", &filters).await.text("groupId");
    assert_eq!(made.texts("VpcSecurityGroupId"), [group]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let lab = lab().await;
    let network = network(&lab).await;
    let elsewhere = vpc(&lab).await;
    let foreign = group(&lab, &elsewhere, "foreign").await;
    let without = |name: &str| {
        let mut params = placed("orders", &network);
        params.retain(|(other, _)| !other.starts_with(name));
        params
    };
    let with = |name: &'static str, value: &'static str| {
        let mut params = without(name);
        params.push((name, value));
        params
    };
    let group = "VpcSecurityGroupIds.VpcSecurityGroupId.1";
    let other_vpc = {
        let mut params = without("VpcSecurityGroupIds");
        params.push((group, &foreign));
        params
    };
    for (params, code, hint) in [
        (without("DBInstanceClass"), "MissingParameter", "DBInstanceClass"),
        (without("MasterUserPassword"), "InvalidParameterValue", "MasterUserPassword"),
        (with("DBInstanceIdentifier", "1-order"), "InvalidParameterValue", "valid identifier"),
        (with("DBInstanceIdentifier", "a--b"), "InvalidParameterValue", "valid identifier"),
        (with("Engine", "access"), "InvalidParameterValue", "access"),
        (with("Engine", "docdb"), "InvalidParameterCombination", "DB cluster"),
        (with("DBSubnetGroupName", "none"), "DBSubnetGroupNotFoundFault", "none"),
        (with("AvailabilityZone", "us-east-1f"), "InvalidParameterCombination", "us-east-1f"),
        (with(group, "sg-00000000000000000"), "InvalidParameterValue", "sg-00000000000000000"),
        (other_vpc, "InvalidParameterCombination", "different VPCs"),
        (with("DBClusterIdentifier", "none"), "DBClusterNotFoundFault", "none"),
    ] {
        let (_, got, message) = RDS.refused(&lab, "CreateDBInstance", &params).await;
        assert_eq!(got, code, "{params:?}: {message}");
        assert!(message.contains(hint), "{params:?}: {message}");
    }
    RDS.done(&lab, "CreateDBInstance", &placed("orders", &network)).await;
    let (status, code, _) =
        RDS.refused(&lab, "CreateDBInstance", &placed("ORDERS", &network)).await;
    assert_eq!((status, code.as_str()), (400, "DBInstanceAlreadyExists"));
    let subnet = ("SubnetIds.SubnetIdentifier.1", network.subnets[0].as_str());
    for (subnet, code) in [
        (subnet, "DBSubnetGroupDoesNotCoverEnoughAZs"),
        (("SubnetIds.SubnetIdentifier.1", "subnet-0"), "InvalidSubnet"),
        (("Nothing", ""), "MissingParameter"),
    ] {
        let params = [("DBSubnetGroupName", "one"), ("DBSubnetGroupDescription", "d"), subnet];
        assert_eq!(RDS.refused(&lab, "CreateDBSubnetGroup", &params).await.1, code);
    }
}

#[tokio::test]
async fn a_database_takes_its_time_and_has_no_endpoint_until_then() {
    let lab = lab().await;
    let network = network(&lab).await;
    fault(&lab, json!({ "boot_ms": 60_000 })).await;
    let named = ("DBInstanceIdentifier", "orders");
    let made = RDS.done(&lab, "CreateDBInstance", &placed("orders", &network)).await;
    assert_eq!(made.text("DBInstanceStatus"), "creating");
    assert!(!made.has("Endpoint"));
    let modify = [named, ("DeletionProtection", "true")];
    let (_, code, _) = RDS.refused(&lab, "ModifyDBInstance", &modify).await;
    assert_eq!(code, "InvalidDBInstanceState");
    advance(&lab, 60_000).await;
    let found = RDS.done(&lab, "DescribeDBInstances", &[named]).await;
    assert_eq!(found.text("DBInstanceStatus"), "available");
    assert!(found.has("Endpoint"));
    RDS.done(&lab, "ModifyDBInstance", &modify).await;
    let skip = [named, ("SkipFinalSnapshot", "true")];
    let (_, _, message) = RDS.refused(&lab, "DeleteDBInstance", &skip).await;
    assert!(message.starts_with("Cannot delete protected DB Instance"), "{message}");
    RDS.done(&lab, "ModifyDBInstance", &[named, ("DeletionProtection", "false")]).await;
    let (_, code, _) = RDS.refused(&lab, "DeleteDBInstance", &[named]).await;
    assert_eq!(code, "InvalidParameterCombination");
    let going = RDS.done(&lab, "DeleteDBInstance", &skip).await;
    assert_eq!(going.text("DBInstanceStatus"), "deleting");
    // Its group and its subnets are in use until it is gone.
    let (_, code, _) =
        EC2.refused(&lab, "DeleteSecurityGroup", &[("GroupId", &network.group)]).await;
    assert_eq!(code, "DependencyViolation");
    let main = [("DBSubnetGroupName", "main")];
    let (_, code, _) = RDS.refused(&lab, "DeleteDBSubnetGroup", &main).await;
    assert_eq!(code, "InvalidDBSubnetGroupStateFault");
    advance(&lab, 60_000).await;
    EC2.done(&lab, "DeleteSecurityGroup", &[("GroupId", &network.group)]).await;
    RDS.done(&lab, "DeleteDBSubnetGroup", &main).await;
    assert_eq!(RDS.refused(&lab, "DescribeDBInstances", &[named]).await.1, "DBInstanceNotFound");
}

#[tokio::test]
async fn lists_have_filters_and_pages() {
    let lab = lab().await;
    for id in ["a", "b", "c"] {
        RDS.done(&lab, "CreateDBInstance", &database(id)).await;
    }
    RDS.done(&lab, "CreateDBCluster", &cluster("documents", "docdb")).await;
    member(&lab, "documents", "d", "docdb").await;
    let ids = |xml: &Xml| xml.texts("DBInstanceIdentifier");
    let filter =
        |name, value| [("Filters.Filter.1.Name", name), ("Filters.Filter.1.Values.Value.1", value)];
    for (name, value, expected) in [
        ("engine", "docdb", vec!["d"]),
        ("db-cluster-id", "documents", vec!["d"]),
        ("db-instance-id", "arn:aws:rds:us-east-1:111122223333:db:b", vec!["b"]),
        ("db-instance-id", "none", vec![]),
    ] {
        let found = RDS.done(&lab, "DescribeDBInstances", &filter(name, value)).await;
        assert_eq!(ids(&found), expected, "{name}={value}");
    }
    let (_, code, message) =
        RDS.refused(&lab, "DescribeDBInstances", &filter("colour", "red")).await;
    assert_eq!((code.as_str(), message.contains("colour")), ("InvalidParameterValue", true));
    for most in ["19", "101"] {
        let (_, code, _) = RDS.refused(&lab, "DescribeDBInstances", &[("MaxRecords", most)]).await;
        assert_eq!(code, "InvalidParameterValue", "{most}");
    }
    fault(&lab, json!({ "page_size": 3 })).await;
    let first = RDS.done(&lab, "DescribeDBInstances", &[("MaxRecords", "20")]).await;
    assert_eq!(ids(&first), ["a", "b", "c"]);
    let marker = first.text("Marker");
    let rest = RDS.done(&lab, "DescribeDBInstances", &[("Marker", &marker)]).await;
    assert_eq!(ids(&rest), ["d"]);
    assert!(!rest.has("Marker"));
}

#[tokio::test]
async fn a_cluster_has_a_writer_readers_and_endpoints_of_its_own() {
    let lab = lab().await;
    let made = RDS.done(&lab, "CreateDBCluster", &cluster("orders", "aurora-postgresql")).await;
    assert!(made.text("DBClusterMembers").is_empty());
    for id in ["first", "second", "third"] {
        member(&lab, "orders", id, "aurora-postgresql").await;
    }
    let custom = |id, more: &[(&'static str, &'static str)]| {
        let params = [
            ("DBClusterIdentifier", "orders"),
            ("DBClusterEndpointIdentifier", id),
            ("EndpointType", "READER"),
        ];
        [&params[..], more].concat()
    };
    let stats = custom("stats", &[("StaticMembers.member.1", "third")]);
    RDS.done(&lab, "CreateDBClusterEndpoint", &stats).await;
    let (_, code, _) = RDS.refused(&lab, "CreateDBClusterEndpoint", &stats).await;
    assert_eq!(code, "DBClusterEndpointAlreadyExistsFault");
    let unknown = custom("more", &[("StaticMembers.member.1", "fourth")]);
    let (_, code, _) = RDS.refused(&lab, "CreateDBClusterEndpoint", &unknown).await;
    assert_eq!(code, "DBInstanceNotFound");
    let named = [("DBClusterIdentifier", "arn:aws:rds:us-east-1:111122223333:cluster:orders")];
    let found = RDS.done(&lab, "DescribeDBClusters", &named).await;
    let members: Vec<_> = found
        .parts("DBClusterMember")
        .iter()
        .map(|one| (one.text("DBInstanceIdentifier"), one.text("IsClusterWriter")))
        .collect();
    let expected = [("first", "true"), ("second", "false"), ("third", "false")];
    assert_eq!(members, expected.map(|(id, writer)| (id.to_owned(), writer.to_owned())));
    let domain = "c0ffee123456.us-east-1.rds.amazonaws.com";
    assert_eq!(found.text("Endpoint"), format!("orders.cluster-{domain}"));
    assert_eq!(found.text("ReaderEndpoint"), format!("orders.cluster-ro-{domain}"));
    let ends = RDS.done(&lab, "DescribeDBClusterEndpoints", &named).await;
    assert_eq!(ends.texts("EndpointType"), ["WRITER", "READER", "CUSTOM"]);
    let custom = &ends.parts("DBClusterEndpointList")[2];
    assert_eq!(custom.text("Endpoint"), format!("stats.cluster-custom-{domain}"));
    assert_eq!(custom.text("StaticMembers"), "<member>third</member>");
    let filter = [
        ("Filters.Filter.1.Name", "db-cluster-endpoint-type"),
        ("Filters.Filter.1.Values.Value.1", "reader"),
    ];
    let readers = RDS.done(&lab, "DescribeDBClusterEndpoints", &filter).await;
    assert_eq!(readers.texts("EndpointType"), ["READER"]);
    // The groups of its instances are the cluster's.
    let groups = [("DBInstanceIdentifier", "first"), ("VpcSecurityGroupIds.member.1", "sg-0")];
    let (_, code, _) = RDS.refused(&lab, "ModifyDBInstance", &groups).await;
    assert_eq!(code, "InvalidParameterCombination");
    let delete = [("DBClusterIdentifier", "orders"), ("SkipFinalSnapshot", "true")];
    let (_, code, _) = RDS.refused(&lab, "DeleteDBCluster", &delete).await;
    assert_eq!(code, "InvalidDBClusterStateFault");
    // The next is the writer when the first has gone.
    RDS.done(&lab, "DeleteDBInstance", &[("DBInstanceIdentifier", "first")]).await;
    let found = RDS.done(&lab, "DescribeDBClusters", &named).await;
    let writer = &found.parts("DBClusterMember")[0];
    assert_eq!(writer.text("DBInstanceIdentifier"), "second");
    assert_eq!(writer.text("IsClusterWriter"), "true");
}

#[tokio::test]
async fn each_engine_has_its_domain_and_its_port() {
    let lab = lab().await;
    for (engine, domain, port) in [
        ("aurora-mysql", "rds", "3306"),
        ("aurora-postgresql", "rds", "5432"),
        ("docdb", "docdb", "27017"),
        ("neptune", "neptune", "8182"),
    ] {
        let made = RDS.done(&lab, "CreateDBCluster", &cluster(engine, engine)).await;
        let host = format!("{engine}.cluster-c0ffee123456.us-east-1.{domain}.amazonaws.com");
        assert_eq!((made.text("Endpoint"), made.text("Port")), (host, port.to_owned()));
        let id = format!("{engine}-a");
        let made = member(&lab, engine, &id, engine).await;
        let host = format!("{id}.c0ffee123456.us-east-1.{domain}.amazonaws.com");
        assert_eq!((made.text("Address"), made.text("Port")), (host, port.to_owned()));
    }
    // A cluster of Multi-AZ brings its instances along.
    let mut params = cluster("three", "mysql");
    let (_, code, _) = RDS.refused(&lab, "CreateDBCluster", &params).await;
    assert_eq!(code, "InvalidParameterCombination");
    params.push(("DBClusterInstanceClass", "db.m6gd.large"));
    let made = RDS.done(&lab, "CreateDBCluster", &params).await;
    let members = ["three-instance-1", "three-instance-2", "three-instance-3"];
    assert_eq!(made.texts("DBInstanceIdentifier"), members);
    let delete = [("DBClusterIdentifier", "three"), ("SkipFinalSnapshot", "true")];
    RDS.done(&lab, "DeleteDBCluster", &delete).await;
    let gone = [("DBInstanceIdentifier", "three-instance-1")];
    assert_eq!(RDS.refused(&lab, "DescribeDBInstances", &gone).await.1, "DBInstanceNotFound");
}

#[tokio::test]
async fn a_proxy_names_no_port_but_what_is_behind_it() {
    let lab = lab().await;
    let network = network(&lab).await;
    RDS.done(&lab, "CreateDBInstance", &placed("orders", &network)).await;
    let params = [
        ("DBProxyName", "Pool"),
        ("EngineFamily", "POSTGRESQL"),
        ("RoleArn", "arn:aws:iam::111122223333:role/pool"),
        ("DefaultAuthScheme", "IAM_AUTH"),
        ("VpcSubnetIds.member.1", &network.subnets[0]),
        ("VpcSubnetIds.member.2", &network.subnets[1]),
        ("VpcSecurityGroupIds.member.1", &network.group),
        ("Tags.Tag.1.Key", "env"),
        ("Tags.Tag.1.Value", "prod"),
    ];
    RDS.done(&lab, "CreateDBProxy", &params).await;
    let named = ("DBProxyName", "pool");
    let found = RDS.done(&lab, "DescribeDBProxies", &[named]).await;
    assert_eq!(found.text("Endpoint"), "pool.proxy-c0ffee123456.us-east-1.rds.amazonaws.com");
    assert_eq!(found.text("VpcId"), network.vpc);
    assert_eq!(found.text("VpcSecurityGroupIds"), format!("<member>{}</member>", network.group));
    assert!(!found.has("Port") && !found.has("TagList"));
    let arn = found.text("DBProxyArn");
    let tags = RDS.done(&lab, "ListTagsForResource", &[("ResourceName", &arn)]).await;
    assert_eq!(tags.texts("Value"), ["prod"]);
    let behind = [named, ("DBInstanceIdentifiers.member.1", "orders")];
    RDS.done(&lab, "RegisterDBProxyTargets", &behind).await;
    let (_, code, _) = RDS.refused(&lab, "RegisterDBProxyTargets", &behind).await;
    assert_eq!(code, "DBProxyTargetAlreadyRegisteredFault");
    let targets = RDS.done(&lab, "DescribeDBProxyTargets", &[named]).await;
    assert_eq!(
        (targets.text("Type"), targets.text("Port")),
        ("RDS_INSTANCE".into(), "5432".into())
    );
    let endpoint = [
        named,
        ("DBProxyEndpointName", "readers"),
        ("TargetRole", "READ_ONLY"),
        ("VpcSubnetIds.member.1", &network.subnets[0]),
    ];
    RDS.done(&lab, "CreateDBProxyEndpoint", &endpoint).await;
    let endpoints = RDS.done(&lab, "DescribeDBProxyEndpoints", &[named]).await;
    assert_eq!(endpoints.texts("IsDefault"), ["true", "false"]);
    assert_eq!(endpoints.texts("DBProxyEndpointName"), ["pool", "readers"]);
    let (_, code, _) = RDS.refused(&lab, "DescribeDBProxies", &[("DBProxyName", "none")]).await;
    assert_eq!(code, "DBProxyNotFoundFault");
    RDS.done(&lab, "DeleteDBProxy", &[named]).await;
    let left = RDS.done(&lab, "DescribeDBProxyEndpoints", &[]).await;
    assert!(left.texts("DBProxyEndpointName").is_empty());
}
