use std::time::Duration;

use super::{EC2, group, subnet, vpc};
use crate::support::lab;

#[tokio::test]
async fn an_endpoint_needs_dns_and_keeps_its_group_in_use() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let subnet = subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let group = group(&lab, &vpc, "adit-endpoints").await;
    let params = [
        ("VpcId", vpc.as_str()),
        ("ServiceName", "com.amazonaws.us-east-1.ssm"),
        ("VpcEndpointType", "Interface"),
        ("SubnetId.1", &subnet),
        ("SecurityGroupId.1", &group),
        ("PrivateDnsEnabled", "true"),
        ("ClientToken", "one"),
        ("TagSpecification.1.ResourceType", "vpc-endpoint"),
        ("TagSpecification.1.Tag.1.Key", "adit:purpose"),
        ("TagSpecification.1.Tag.1.Value", "endpoint"),
    ];
    let (_, code, message) = EC2.refused(&lab, "CreateVpcEndpoint", &params).await;
    assert_eq!(code, "InvalidParameter");
    assert!(message.contains("enableDnsSupport and enableDnsHostnames"), "{message}");
    let names = [("VpcId", vpc.as_str()), ("EnableDnsHostnames.Value", "true")];
    EC2.done(&lab, "ModifyVpcAttribute", &names).await;
    let attribute = [("VpcId", vpc.as_str()), ("Attribute", "enableDnsHostnames")];
    assert_eq!(EC2.done(&lab, "DescribeVpcAttribute", &attribute).await.text("value"), "true");

    let made = EC2.done(&lab, "CreateVpcEndpoint", &params).await;
    let id = made.text("vpcEndpointId");
    assert_eq!((made.text("state"), made.text("clientToken")), ("pending".into(), "one".into()));
    let again = EC2.done(&lab, "CreateVpcEndpoint", &params).await;
    assert_eq!(again.text("vpcEndpointId"), id, "the same token makes nothing new");
    let mut other = params;
    other[3] = ("SubnetId.1", "subnet-0123456789abcdef0");
    let (_, code, _) = EC2.refused(&lab, "CreateVpcEndpoint", &other).await;
    assert_eq!(code, "IdempotentParameterMismatch");
    let mut other = params;
    other[6] = ("ClientToken", "two");
    let (_, code, message) = EC2.refused(&lab, "CreateVpcEndpoint", &other).await;
    assert_eq!(code, "InvalidParameter");
    assert!(
        message.contains("conflicting DNS domain for ssm.us-east-1.amazonaws.com"),
        "{message}"
    );

    let by_tag = [("Filter.1.Name", "tag:adit:purpose"), ("Filter.1.Value.1", "endpoint")];
    let found = EC2.done(&lab, "DescribeVpcEndpoints", &by_tag).await;
    assert_eq!(
        (found.text("vpcEndpointId"), found.text("state")),
        (id.clone(), "available".into())
    );
    assert!(found.texts("dnsName").contains(&"ssm.us-east-1.amazonaws.com".to_owned()));
    let interfaces = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", group.as_str())];
    let found = EC2.done(&lab, "DescribeNetworkInterfaces", &interfaces).await;
    assert_eq!(found.texts("interfaceType"), ["vpc_endpoint"]);

    EC2.done(&lab, "DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
    let (_, code, _) = EC2.refused(&lab, "DeleteSecurityGroup", &[("GroupId", &group)]).await;
    assert_eq!(code, "DependencyViolation", "until its interface is gone");
    lab.faults().advance_clock(Duration::from_secs(1));
    EC2.done(&lab, "DeleteSecurityGroup", &[("GroupId", &group)]).await;
    let gone = EC2.done(&lab, "DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
    assert_eq!(gone.parts("unsuccessful")[0].text("code"), "InvalidVpcEndpointId.NotFound");
}

#[tokio::test]
async fn services_are_listed_and_others_refused() {
    let lab = lab().await;
    let services = EC2.done(&lab, "DescribeVpcEndpointServices", &[]).await;
    let names = services.parts("serviceNameSet")[0].texts("item");
    for name in ["ssm", "ssmmessages", "s3"] {
        assert!(names.contains(&format!("com.amazonaws.us-east-1.{name}")), "{names:?}");
    }
    let params = [("ServiceName.1", "com.amazonaws.us-east-1.none")];
    let (_, code, _) = EC2.refused(&lab, "DescribeVpcEndpointServices", &params).await;
    assert_eq!(code, "InvalidServiceName");
}
