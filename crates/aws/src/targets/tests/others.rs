//! Redshift, `OpenSearch`, MSK and EC2.

use super::*;
use crate::fake::{ok, refuse};

const SUBNETS: &str = include_str!("../documented/subnets.xml");

#[tokio::test]
async fn redshift_takes_one_call() {
    const CLUSTERS: &str = include_str!("../documented/redshift-clusters.xml");
    let routes = [ok(&["Action=DescribeClusters"], CLUSTERS)];
    for spec in [
        "redshift:warehouse",
        "redshift:tag:env=prod",
        "redshift:arn:aws:redshift:eu-west-1:111122223333:cluster:warehouse",
    ] {
        let warehouse = target(spec, &[1], &routes).await;
        assert_eq!(warehouse.host, "warehouse.cxyz0123abcd.eu-west-1.redshift.amazonaws.com");
        assert_eq!((warehouse.port, warehouse.vpc.as_str()), (5439, "vpc-0123456789abcdef0"));
        assert_eq!(warehouse.security_groups, ["sg-0dadadadadadadada"]);
        let arn = "arn:aws:redshift:eu-west-1:111122223333:cluster:warehouse";
        assert_eq!(warehouse.arn.as_deref(), Some(arn));
    }
    let paused = CLUSTERS.replace(">available<", ">paused<").leak();
    let error = fault("redshift:warehouse", &[1], &[ok(&[], paused)]).await;
    assert_eq!(error.message, "the Redshift cluster `warehouse` is stopped (paused)");
    assert!(hinted(&error, "resume-cluster --cluster-identifier warehouse"), "{:?}", error.hints);
}

#[tokio::test]
async fn redshift_serverless_takes_one_call() {
    const GROUP: &str = include_str!("../documented/workgroup.json");
    let routes = [ok(&[".getworkgroup", "reports"], GROUP)];
    let reports = target("redshift-serverless:reports", &[1], &routes).await;
    assert_eq!(reports.host, "reports.111122223333.eu-west-1.redshift-serverless.amazonaws.com");
    assert_eq!((reports.port, reports.vpc.as_str()), (5439, "vpc-0123456789abcdef0"));
    assert_eq!(reports.zones, ["eu-west-1a"]);
}

#[tokio::test]
async fn a_domain_is_reached_at_its_endpoint_in_the_vpc() {
    const DOMAIN: &str = include_str!("../documented/domain.json");
    const PUBLIC: &str = include_str!("../documented/public-domain.json");
    let routes = [
        ok(&["get /2021-01-01/opensearch/domain/logs "], DOMAIN),
        ok(&["get /2021-01-01/opensearch/domain/open "], PUBLIC),
    ];
    let logs = target("opensearch:logs", &[1], &routes).await;
    assert_eq!(logs.host, "vpc-logs-abc123.eu-west-1.es.amazonaws.com");
    assert_eq!((logs.port, logs.vpc.as_str()), (443, "vpc-0123456789abcdef0"));
    assert_eq!(logs.security_groups, ["sg-01010101010101010"]);

    let error = fault("opensearch:open", &[1], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetUnusable);
    assert!(error.message.contains("its endpoint is public"), "{}", error.message);
    assert!(hinted(&error, "https://search-open-abc123"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_kafka_cluster_is_its_first_broker() {
    const CLUSTERS: &str = include_str!("../documented/msk-clusters.json");
    const BROKERS: &str = include_str!("../documented/msk-brokers.json");
    let routes = [
        ok(&["get /v1/clusters/", "/bootstrap-brokers "], BROKERS),
        ok(&["get /api/v2/clusters"], CLUSTERS),
        ok(&["Action=DescribeSubnets"], SUBNETS),
    ];
    for (spec, host, port) in [
        ("msk:events", "b-2", 9098),
        ("msk:events/tls", "b-1", 9094),
        ("msk:events/b-1", "b-1", 9098),
        ("msk:tag:env=prod/iam", "b-2", 9098),
    ] {
        // The cluster is looked for; then its brokers, and beside them its subnets.
        let events = target(spec, &[1, 2], &routes).await;
        assert_eq!(events.host, format!("{host}.events.abc123.c2.kafka.eu-west-1.amazonaws.com"));
        assert_eq!((events.port, events.vpc.as_str()), (port, "vpc-0123456789abcdef0"), "{spec}");
        assert_eq!(events.security_groups, ["sg-0fafafafafafafafa"]);
        assert_eq!(events.zones, ["eu-west-1a", "eu-west-1b"]);
        assert!(
            events.warnings.iter().any(|warning| warning.contains("every broker by its own name")),
            "{spec}: {:?}",
            events.warnings
        );
    }
    let error = fault("msk:events/scram", &[1, 2], &routes).await;
    assert!(hinted(&error, "it has: b-1, b-2, iam, tls"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_kafka_cluster_that_is_being_made_says_so() {
    const CLUSTERS: &str = include_str!("../documented/msk-clusters.json");
    const REFUSED: &str = r#"{"message":"The cluster is being created."}"#;
    let routes = [
        refuse(&["/bootstrap-brokers "], 400, REFUSED),
        ok(&["get /api/v2/clusters"], CLUSTERS),
        ok(&["Action=DescribeSubnets"], SUBNETS),
    ];
    let error = fault("msk:events-test", &[1, 2], &routes).await;
    assert_eq!(error.message, "the MSK cluster `events-test` is still being made (CREATING)");
}

#[tokio::test]
async fn a_domain_with_a_name_that_none_can_have_is_not_there() {
    const BAD: &str = r#"{"__type":"ValidationException","message":"1 validation error detected: Value 'LOGS' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"}"#;
    let routes = [refuse(&["get /2021-01-01/opensearch/domain/"], 400, BAD)];
    let error = fault("opensearch:LOGS", &[1, 2], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound);
}

const INSTANCES: &str = include_str!("../documented/instances.xml");

#[tokio::test]
async fn an_instance_is_reached_at_its_private_address() {
    // Only what is asked for comes back, as the service would have it.
    let at = INSTANCES.find("    <item>\n      <reservationId>r-1234567890abcdef1").unwrap();
    let one = format!("{}</reservationSet></DescribeInstancesResponse>", &INSTANCES[..at]).leak();
    let routes = [
        ok(&["Action=DescribeInstances", "InstanceId.1=i-0123456789abcdef0"], one),
        ok(&["Action=DescribeInstances", "tag%3AName", "Value.1=web", "instance-state-name"], one),
    ];
    for spec in [
        "ec2:i-0123456789abcdef0:8080",
        "ec2:web:8080",
        "ec2:tag:Name=web:8080",
        "ec2:arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0:8080",
    ] {
        let web = target(spec, &[1], &routes).await;
        assert_eq!((web.host.as_str(), web.port), ("10.0.1.23", 8080), "{spec}");
        assert_eq!(web.vpc, "vpc-0123456789abcdef0");
        assert_eq!(web.security_groups, ["sg-0eeeeeeeeeeeeeeee"]);
        assert_eq!(web.zones, ["eu-west-1c"]);
        assert_eq!(web.resource(), "ec2:i-0123456789abcdef0:8080");
    }
    let stopped = one.replace(">running<", ">stopped<").leak();
    let error = fault("ec2:web:8080", &[1], &[ok(&[], stopped)]).await;
    assert!(hinted(&error, "start-instances --instance-ids i-0123456789abcdef0"));
}

#[tokio::test]
async fn a_name_that_several_instances_have_names_them() {
    let routes = [ok(&["Action=DescribeInstances"], INSTANCES)];
    let error = fault("ec2:web:22", &[1], &routes).await;
    assert_eq!(error.kind, AwsErrorKind::TargetAmbiguous);
    assert_eq!(error.hints, ["choose one: ec2:i-0123456789abcdef0:22, ec2:i-0fedcba9876543210:22"]);
}

#[tokio::test]
async fn a_star_in_a_tag_is_a_star() {
    let routes = [ok(&["Value.1=a%5C*b"], INSTANCES), ok(&["Value.1=a%5C%2Ab"], INSTANCES)];
    let error = fault("ec2:tag:k=a*b:22", &[1, 2], &routes).await;
    // The fake's instances do not have the tag, and then there is a look at all of them.
    assert_eq!(error.kind, AwsErrorKind::TargetNotFound);
    assert!(error.message.contains("with the tag k=a*b"), "{}", error.message);
}
