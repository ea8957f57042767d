//! What the API of RDS knows.

use super::*;
use crate::fake::{ok, refuse};

const INSTANCE: &str = include_str!("../documented/db-instances.xml");
const MEMBER: &str = include_str!("../documented/db-instances-page-1.xml");
const CLUSTER: &str = include_str!("../documented/db-cluster.xml");
const CLUSTERS: &str = include_str!("../documented/db-clusters.xml");
const NOT_FOUND: &str = include_str!("../documented/not-found.xml");
const DENIED: &str = include_str!("../documented/denied.xml");
const PROXIES: &str = include_str!("../documented/proxies.xml");
const PROXY_ENDPOINTS: &str = include_str!("../documented/proxy-endpoints.xml");
const TAGS: &str = include_str!("../documented/tags.xml");

const ALL_INSTANCES: [Route; 2] = [
    ok(&["Action=DescribeDBInstances", "Marker=page-2"], INSTANCE),
    ok(&["Action=DescribeDBInstances"], MEMBER),
];

#[tokio::test]
async fn an_instance_takes_one_call() {
    let routes = [ok(&["Action=DescribeDBInstances", "DBInstanceIdentifier=orders"], INSTANCE)];
    let orders = target("rds:orders", &[1], &routes).await;
    assert_eq!(
        orders,
        Target {
            kind: Kind::Rds,
            id: "orders".to_owned(),
            arn: Some("arn:aws:rds:eu-west-1:111122223333:db:orders".to_owned()),
            endpoint: None,
            host: "orders.cxyz0123abcd.eu-west-1.rds.amazonaws.com".to_owned(),
            port: 5432,
            vpc: "vpc-0123456789abcdef0".to_owned(),
            security_groups: ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"]
                .map(str::to_owned)
                .to_vec(),
            zones: ["eu-west-1a", "eu-west-1b"].map(str::to_owned).to_vec(),
            engine: Some("postgres".to_owned()),
            status: Some("available".to_owned()),
            warnings: Vec::new(),
            tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        }
    );
    assert_eq!(orders.resource(), "rds:orders");
    let by_arn = target("rds:arn:aws:rds:eu-west-1:111122223333:db:orders", &[1], &routes).await;
    assert_eq!(by_arn, orders);
}

#[tokio::test]
async fn an_instance_of_another_account_is_not_taken_for_ones_own() {
    let mut routes = vec![ok(&["Action=DescribeDBInstances"], INSTANCE)];
    routes.push(refuse(&[], 400, DENIED));
    let arn = "rds:arn:aws:rds:eu-west-1:999988887777:db:orders";
    // One call for the instance, then what there is: instances, clusters, proxies; and the account.
    let error = fault(arn, &[1, 4], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound);
}

#[tokio::test]
async fn a_tag_is_looked_for_on_every_page() {
    let orders = target("rds:tag:env=prod", &[1, 1], &ALL_INSTANCES).await;
    assert_eq!(orders.id, "orders");
}

#[tokio::test]
async fn a_member_of_a_cluster_is_one_of_several() {
    let routes = [ok(&["Action=DescribeDBInstances"], MEMBER)];
    let fake = Fake::routed(&[1], &routes).await;
    let member = resolve(&fake.aws().await, &"rds:shop-1".parse().unwrap()).await.unwrap();
    assert_eq!(member.warnings.len(), 1);
    assert!(member.warnings[0].contains("aurora:shop follows the writer"), "{:?}", member.warnings);
}

#[tokio::test]
async fn a_cluster_and_its_members_are_asked_for_together() {
    let routes = [
        ok(&["Action=DescribeDBClusters", "DBClusterIdentifier=shop"], CLUSTER),
        ok(&["Action=DescribeDBInstances", "Marker=page-2"], INSTANCE),
        ok(&["Action=DescribeDBInstances", "db-cluster-id", "=shop"], MEMBER),
    ];
    for (spec, host, warnings) in [
        ("aurora:shop", "shop.cluster-cxyz0123abcd", 0),
        ("aurora:shop/reader", "shop.cluster-ro-cxyz0123abcd", 1),
        ("aurora:shop/analytics", "analytics.cluster-custom-cxyz0123abcd", 1),
        ("aurora:shop/shop-1", "shop-1.cxyz0123abcd", 0),
    ] {
        let shop = target(spec, &[2, 1], &routes).await;
        assert_eq!(shop.host, format!("{host}.eu-west-1.rds.amazonaws.com"));
        assert_eq!((shop.port, shop.vpc.as_str()), (3306, "vpc-0123456789abcdef0"));
        assert_eq!(shop.security_groups, ["sg-0cccccccccccccccc"]);
        assert_eq!(shop.warnings.len(), warnings, "{spec}: {:?}", shop.warnings);
        assert_eq!(shop.resource(), "aurora:shop");
    }
    let error = fault("aurora:shop/analytic", &[2, 1], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound);
    assert!(hinted(&error, "did you mean `analytics`?"), "{:?}", error.hints);
    assert!(hinted(&error, "reader, shop-1"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_cluster_of_another_engine_says_what_it_is() {
    const DOCDB: &str = "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterIdentifier>papers</DBClusterIdentifier><Engine>docdb</Engine><Status>available</Status><Endpoint>papers.cluster-c.eu-west-1.docdb.amazonaws.com</Endpoint><Port>27017</Port><DBClusterMembers><DBClusterMember><DBInstanceIdentifier>papers-1</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter></DBClusterMember></DBClusterMembers></DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>";
    const MEMBERS: &str = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>papers-1</DBInstanceIdentifier><DBClusterIdentifier>papers</DBClusterIdentifier><DBSubnetGroup><VpcId>vpc-0123456789abcdef0</VpcId></DBSubnetGroup></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>";
    let routes =
        [ok(&["Action=DescribeDBClusters"], DOCDB), ok(&["Action=DescribeDBInstances"], MEMBERS)];
    let error = fault("aurora:papers", &[2], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetUnusable);
    assert_eq!(error.message, "`papers` is a DocumentDB cluster, not an Aurora cluster");
    assert_eq!(error.hints, ["write docdb:papers"]);

    let papers = target("docdb:papers", &[2], &routes).await;
    assert_eq!(papers.port, 27017);
    assert!(papers.warnings[0].contains("directConnection=true"), "{:?}", papers.warnings);
}

#[tokio::test]
async fn a_cluster_without_members_has_its_vpc_from_its_subnet_group() {
    const NONE: &str = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances/></DescribeDBInstancesResult></DescribeDBInstancesResponse>";
    const GROUP: &str = "<DescribeDBSubnetGroupsResponse><DescribeDBSubnetGroupsResult><DBSubnetGroups><DBSubnetGroup><DBSubnetGroupName>private</DBSubnetGroupName><VpcId>vpc-0123456789abcdef0</VpcId></DBSubnetGroup></DBSubnetGroups></DescribeDBSubnetGroupsResult></DescribeDBSubnetGroupsResponse>";
    let routes = [
        ok(&["Action=DescribeDBClusters"], CLUSTER),
        ok(&["Action=DescribeDBInstances"], NONE),
        ok(&["Action=DescribeDBSubnetGroups", "DBSubnetGroupName=private"], GROUP),
    ];
    assert_eq!(target("aurora:shop", &[2, 1], &routes).await.vpc, "vpc-0123456789abcdef0");
}

/// What was mistyped is not there; it is no fault of the service.
#[tokio::test]
async fn a_name_that_nothing_can_have_is_not_there() {
    const BAD: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter.</Message></Error></ErrorResponse>";
    let routes = [refuse(&["Action=DescribeDBInstances", "DBInstanceIdentifier"], 400, BAD)];
    let error = fault("rds:-orders", &[1, 4], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound);
}

#[tokio::test]
async fn what_is_stopped_can_be_prepared_and_named() {
    let stopped = INSTANCE.replace(">available<", ">stopped<").leak();
    let routes = [ok(&["Action=DescribeDBInstances"], stopped)];
    let error = fault("rds:orders", &[1], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetUnusable);

    let fake = Fake::routed(&[1, 1], &routes).await;
    let (aws, spec) = (fake.aws().await, "rds:orders".parse().unwrap());
    let prepared = look_up(&aws, &spec).await.unwrap();
    assert_eq!(prepared.port, 5432);
    assert!(prepared.warnings[0].contains("is stopped"), "{:?}", prepared.warnings);
    assert_eq!(canonical(&aws, &spec).await.unwrap(), "rds:orders");
}

#[tokio::test]
async fn what_is_gone_is_named_by_its_id_or_its_arn() {
    let routes = [refuse(&["Action=DescribeDBInstances"], 404, NOT_FOUND)];
    for text in ["rds:orders", "rds:arn:aws:rds:eu-west-1:111122223333:db:orders"] {
        let fake = Fake::routed(&[1], &routes).await;
        let name = canonical(&fake.aws().await, &text.parse().unwrap()).await.unwrap();
        assert_eq!(name, "rds:orders", "{text}");
    }
    let routes = [ok(&["Action=DescribeInstances"], "<DescribeInstancesResponse/>")];
    let fake = Fake::routed(&[1, 2], &routes).await;
    let error = canonical(&fake.aws().await, &"ec2:web:22".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound, "a name says no id");
}

#[tokio::test]
async fn a_name_that_is_not_there_meets_those_that_are() {
    let mut routes = vec![
        refuse(&["Action=DescribeDBInstances", "DBInstanceIdentifier"], 404, NOT_FOUND),
        ok(&["Action=DescribeDBClusters"], CLUSTERS),
        ok(&["Action=DescribeDBProxies"], PROXIES),
    ];
    routes.extend(ALL_INSTANCES);
    let error = fault("rds:order", &[1, 4, 1], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound);
    assert!(error.message.starts_with("there is no RDS instance `order` at http://127.0.0.1"));
    assert!(hinted(&error, "did you mean rds:orders?"), "{:?}", error.hints);
    assert!(hinted(&error, "adit list rds"), "{:?}", error.hints);

    let error = fault("rds:shop", &[1, 4, 1], &routes).await;
    assert!(hinted(&error, "`shop` is an Aurora cluster: write aurora:shop"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_tag_that_several_have_names_them() {
    let two: &'static str = INSTANCE.replace("</DBInstances>", &instance("orders-test")).leak();
    let routes = [ok(&["Action=DescribeDBInstances"], two)];
    let error = fault("rds:tag:env=prod", &[1], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetAmbiguous);
    assert!(error.message.starts_with("2 RDS instances have the tag env=prod"));
    assert_eq!(error.hints, ["choose one: rds:orders, rds:orders-test"]);
}

fn instance(id: &str) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><TagList><Tag><Key>env</Key><Value>prod</Value></Tag></TagList></DBInstance></DBInstances>"
    )
}

#[tokio::test]
async fn a_denied_call_names_the_statement_that_is_missing() {
    let routes = [
        refuse(&["Action=DescribeDBClusters"], 403, DENIED),
        ok(&["Action=DescribeDBInstances"], INSTANCE),
    ];
    let error = fault("aurora:shop", &[2], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::AccessDenied);
    assert!(error.message.contains("user/jo may not rds:DescribeDBClusters"), "{}", error.message);
    assert!(hinted(&error, r#""Action":"rds:DescribeDBClusters""#), "{:?}", error.hints);
    assert_eq!(error.denial.unwrap().account.as_deref(), Some("111122223333"));
}

#[tokio::test]
async fn a_proxy_listens_on_the_port_of_its_engine() {
    let routes = [
        ok(&["Action=DescribeDBProxies", "DBProxyName=pool"], PROXIES),
        ok(&["Action=DescribeDBProxyEndpoints", "DBProxyName=pool"], PROXY_ENDPOINTS),
    ];
    let pool = target("rds-proxy:pool", &[1], &routes).await;
    assert_eq!(pool.host, "pool.proxy-cxyz0123abcd.eu-west-1.rds.amazonaws.com");
    assert_eq!((pool.port, pool.engine.as_deref()), (5432, Some("postgresql")));
    assert_eq!(pool.security_groups, ["sg-0aaaaaaaaaaaaaaaa"]);

    let read = target("rds-proxy:pool/pool-read", &[2], &routes).await;
    assert_eq!(read.host, "pool-read.endpoint.proxy-cxyz0123abcd.eu-west-1.rds.amazonaws.com");
    assert_eq!(read.vpc, "vpc-0fedcba9876543210");
    assert_eq!(read.security_groups, ["sg-0bbbbbbbbbbbbbbbb"]);
}

#[tokio::test]
async fn a_proxy_is_found_by_its_arn_and_by_a_tag() {
    let routes = [
        ok(&["Action=ListTagsForResource", "prx-0123456789abcdef0"], TAGS),
        ok(&["Action=DescribeDBProxies"], PROXIES),
    ];
    let arn = "rds-proxy:arn:aws:rds:eu-west-1:111122223333:db-proxy:prx-0123456789abcdef0";
    assert_eq!(target(arn, &[1], &routes).await.id, "pool");
    assert_eq!(target("rds-proxy:tag:env=prod", &[1, 1], &routes).await.id, "pool");
}
