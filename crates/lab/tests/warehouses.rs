//! Redshift, `OpenSearch`, MSK and ECS: their answers and what they refuse.

use adit_lab::{DEFAULT_INSTANCE, Lab};
use http::Method;
use serde_json::{Value, json};

use crate::ec2::{EC2, group, subnet, vpc};
use crate::support::http::{answered, call_json, call_rest, fault, refused};
use crate::support::lab;
use crate::support::query::REDSHIFT;

/// Two subnets and a group in a VPC.
async fn network(lab: &Lab) -> (String, [String; 2], String) {
    let vpc = vpc(lab).await;
    let first = subnet(lab, &vpc, "10.0.1.0/24", "us-east-1a").await;
    let second = subnet(lab, &vpc, "10.0.2.0/24", "us-east-1b").await;
    let group = group(lab, &vpc, "store").await;
    (vpc, [first, second], group)
}

#[tokio::test]
async fn redshift_shows_the_vpc_and_tags() {
    let lab = lab().await;
    let (vpc, subnets, group) = network(&lab).await;
    let params = [
        ("ClusterSubnetGroupName", "main"),
        ("Description", "a test"),
        ("SubnetIds.SubnetIdentifier.1", subnets[0].as_str()),
    ];
    REDSHIFT.done(&lab, "CreateClusterSubnetGroup", &params).await;
    let cluster = [
        ("ClusterIdentifier", "orders"),
        ("NodeType", "ra3.large"),
        ("MasterUsername", "lab"),
        ("MasterUserPassword", "a password"),
        ("ClusterSubnetGroupName", "main"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &group),
        ("Tags.Tag.1.Key", "env"),
        ("Tags.Tag.1.Value", "prod"),
    ];
    REDSHIFT.done(&lab, "CreateCluster", &cluster).await;
    assert_eq!(REDSHIFT.refused(&lab, "CreateCluster", &cluster).await.1, "ClusterAlreadyExists");
    let tagged = [("TagKeys.TagKey.1", "env"), ("TagValues.TagValue.1", "prod")];
    let found = REDSHIFT.done(&lab, "DescribeClusters", &tagged).await;
    assert_eq!(found.text("VpcId"), vpc);
    assert_eq!(found.text("VpcSecurityGroupId"), group);
    assert_eq!(found.text("Address"), "orders.c0ffee123456.us-east-1.redshift.amazonaws.com");
    assert_eq!((found.text("Port"), found.text("Key")), ("5439".into(), "env".into()));
    let others = REDSHIFT.done(&lab, "DescribeClusters", &[("TagKeys.TagKey.1", "none")]).await;
    assert!(others.texts("ClusterIdentifier").is_empty());
    let none = [("ClusterIdentifier", "none")];
    let (status, code, _) = REDSHIFT.refused(&lab, "DescribeClusters", &none).await;
    assert_eq!((status, code.as_str()), (404, "ClusterNotFound"));
    let delete = [("ClusterIdentifier", "orders"), ("SkipFinalClusterSnapshot", "true")];
    REDSHIFT.done(&lab, "DeleteCluster", &delete).await;
    EC2.done(&lab, "DeleteSecurityGroup", &[("GroupId", &group)]).await;
}

async fn serverless(lab: &Lab, operation: &str, body: Value) -> (u16, Value) {
    call_json(lab, "redshift-serverless", &format!("RedshiftServerless.{operation}"), body).await
}

#[tokio::test]
async fn a_workgroup_needs_a_namespace() {
    let lab = lab().await;
    let (vpc, subnets, group) = network(&lab).await;
    let workgroup = json!({
        "workgroupName": "orders",
        "namespaceName": "data",
        "subnetIds": subnets,
        "securityGroupIds": [group],
        "tags": [{ "key": "env", "value": "prod" }],
    });
    let (status, refusal) = serverless(&lab, "CreateWorkgroup", workgroup.clone()).await;
    assert_eq!((status, &refusal["__type"]), (400, &json!("ResourceNotFoundException")));
    let namespace = json!({ "namespaceName": "data" });
    assert_eq!(serverless(&lab, "CreateNamespace", namespace.clone()).await.0, 200);
    let (status, made) = serverless(&lab, "CreateWorkgroup", workgroup.clone()).await;
    assert_eq!(status, 200, "{made}");
    let (_, refusal) = serverless(&lab, "CreateWorkgroup", workgroup).await;
    assert_eq!(refusal["__type"], "ConflictException");
    let (_, found) = serverless(&lab, "ListWorkgroups", json!({})).await;
    let one = &found["workgroups"][0];
    let host = "orders.111122223333.us-east-1.redshift-serverless.amazonaws.com";
    assert_eq!(one["endpoint"]["address"], host);
    assert_eq!(one["endpoint"]["vpcEndpoints"][0]["vpcId"], json!(vpc));
    assert_eq!(one["securityGroupIds"], json!([group]));
    let arn = json!({ "resourceArn": one["workgroupArn"] });
    let (_, tags) = serverless(&lab, "ListTagsForResource", arn).await;
    assert_eq!(tags["tags"], json!([{ "key": "env", "value": "prod" }]));
    let (_, refusal) = serverless(&lab, "DeleteNamespace", namespace.clone()).await;
    assert_eq!(refusal["__type"], "ConflictException");
    let named = json!({ "workgroupName": "orders" });
    assert_eq!(serverless(&lab, "DeleteWorkgroup", named.clone()).await.0, 200);
    let (_, refusal) = serverless(&lab, "GetWorkgroup", named).await;
    assert_eq!(refusal["__type"], "ResourceNotFoundException");
    assert_eq!(serverless(&lab, "DeleteNamespace", namespace).await.0, 200);
}

async fn search(lab: &Lab, method: Method, path: &str, body: Value) -> (u16, String, Value) {
    call_rest(lab, "es", method, &format!("/2021-01-01/{path}"), body).await
}

#[tokio::test]
async fn a_domain_has_its_endpoint_where_it_is() {
    let lab = lab().await;
    let (vpc, subnets, group) = network(&lab).await;
    let domain = json!({
        "DomainName": "logs",
        "VPCOptions": { "SubnetIds": [subnets[0]], "SecurityGroupIds": [group] },
        "TagList": [{ "Key": "env", "Value": "prod" }],
    });
    let (status, _, made) = search(&lab, Method::POST, "opensearch/domain", domain.clone()).await;
    assert_eq!(status, 200, "{made}");
    let (status, code, _) = search(&lab, Method::POST, "opensearch/domain", domain).await;
    assert_eq!((status, code.as_str()), (409, "ResourceAlreadyExistsException"));
    let open = json!({ "DomainName": "open" });
    search(&lab, Method::POST, "opensearch/domain", open).await;
    let (_, _, names) = search(&lab, Method::GET, "domain", json!({})).await;
    let named = |name| json!({ "DomainName": name, "EngineType": "OpenSearch" });
    assert_eq!(names["DomainNames"], json!([named("logs"), named("open")]));
    let (_, _, found) = search(&lab, Method::GET, "opensearch/domain/logs", json!({})).await;
    let one = &found["DomainStatus"];
    assert_eq!(one["VPCOptions"]["VPCId"], json!(vpc));
    assert_eq!(one["VPCOptions"]["SecurityGroupIds"], json!([group]));
    let host = one["Endpoints"]["vpc"].as_str().expect("a host");
    assert!(host.starts_with("vpc-logs-") && host.ends_with(".us-east-1.es.amazonaws.com"));
    assert_eq!(one.get("Endpoint"), None);
    let both = json!({ "DomainNames": ["open", "none"] });
    let (_, _, found) = search(&lab, Method::POST, "opensearch/domain-info", both).await;
    assert_eq!(found["DomainStatusList"].as_array().map(Vec::len), Some(1));
    assert!(found["DomainStatusList"][0]["Endpoint"].is_string());
    let many = json!({ "DomainNames": ["a", "b", "c", "d", "e", "f"] });
    let (status, code, _) = search(&lab, Method::POST, "opensearch/domain-info", many).await;
    assert_eq!((status, code.as_str()), (400, "ValidationException"));
    let arn = "tags/?arn=arn%3Aaws%3Aes%3Aus-east-1%3A111122223333%3Adomain%2Flogs";
    let (_, _, tags) = search(&lab, Method::GET, arn, json!({})).await;
    assert_eq!(tags["TagList"], json!([{ "Key": "env", "Value": "prod" }]));
    let (status, code, _) = search(&lab, Method::GET, "opensearch/domain/none", json!({})).await;
    assert_eq!((status, code.as_str()), (409, "ResourceNotFoundException"));
}

async fn kafka(lab: &Lab, method: Method, path: &str, body: Value) -> (u16, String, Value) {
    call_rest(lab, "kafka", method, path, body).await
}

#[tokio::test]
async fn brokers_have_a_port_for_each_way_to_prove_who_one_is() {
    let lab = lab().await;
    let (_, subnets, group) = network(&lab).await;
    let nodes = json!({
        "clientSubnets": subnets, "instanceType": "kafka.m5.large", "securityGroups": [group],
    });
    let cluster = |brokers: usize| {
        json!({
            "clusterName": "events",
            "provisioned": {
                "brokerNodeGroupInfo": nodes,
                "kafkaVersion": "3.8.x",
                "numberOfBrokerNodes": brokers,
                "clientAuthentication": { "sasl": { "iam": { "enabled": true } } },
            },
            "tags": { "env": "prod" },
        })
    };
    let path = "/api/v2/clusters";
    let (status, code, _) = kafka(&lab, Method::POST, path, cluster(3)).await;
    assert_eq!((status, code.as_str()), (400, "BadRequestException"));
    fault(&lab, json!({ "boot_ms": 60_000 })).await;
    let (status, _, made) = kafka(&lab, Method::POST, path, cluster(4)).await;
    assert_eq!((status, &made["state"]), (200, &json!("CREATING")));
    let arn = made["clusterArn"].as_str().expect("an ARN");
    let encoded = arn.replace(':', "%3A").replace('/', "%2F");
    let brokers = format!("/v1/clusters/{encoded}/bootstrap-brokers");
    let (status, code, _) = kafka(&lab, Method::GET, &brokers, json!({})).await;
    assert_eq!((status, code.as_str()), (400, "BadRequestException"));
    crate::support::http::control(&lab, "clock", &json!({ "advance_ms": 60_000 })).await;
    fault(&lab, json!({ "boot_ms": 0 })).await;
    let (_, _, found) = kafka(&lab, Method::GET, &brokers, json!({})).await;
    let hosts = found["bootstrapBrokerStringSaslIam"].as_str().expect("brokers");
    assert_eq!(hosts.split(',').count(), 3);
    assert!(hosts.split(',').all(|host| host.ends_with(".us-east-1.amazonaws.com:9098")));
    assert_eq!(found.as_object().map(serde_json::Map::len), Some(1));
    let nodes = format!("/v1/clusters/{encoded}/nodes?maxResults=3");
    let (_, _, found) = kafka(&lab, Method::GET, &nodes, json!({})).await;
    assert_eq!(found["nodeInfoList"].as_array().map(Vec::len), Some(3));
    assert!(found["nextToken"].is_string());
    let vpcs = json!({ "vpcConfigs": [{ "subnetIds": subnets, "securityGroupIds": [group] }] });
    let less = json!({ "clusterName": "less", "serverless": vpcs });
    assert_eq!(kafka(&lab, Method::POST, path, less).await.0, 200);
    let (_, _, found) =
        kafka(&lab, Method::GET, "/api/v2/clusters?clusterTypeFilter=SERVERLESS", json!({})).await;
    let one = &found["clusterInfoList"][0];
    assert_eq!(
        (&one["clusterName"], &one["serverless"]["vpcConfigs"]),
        (&json!("less"), &json!([{ "subnetIds": subnets, "securityGroupIds": [group] }]))
    );
    let (_, _, found) =
        kafka(&lab, Method::GET, &format!("/api/v2/clusters/{encoded}"), json!({})).await;
    let info = &found["clusterInfo"];
    assert_eq!(info["provisioned"]["brokerNodeGroupInfo"]["securityGroups"], json!([group]));
    assert_eq!(info["tags"], json!({ "env": "prod" }));
    let (status, code, _) =
        kafka(&lab, Method::GET, &format!("/api/v2/clusters/{encoded}x"), json!({})).await;
    assert_eq!((status, code.as_str()), (404, "NotFoundException"));
}

async fn ecs(lab: &Lab, operation: &str, body: Value) -> (u16, Value) {
    call_json(lab, "ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body).await
}

#[tokio::test]
async fn sessions_start_in_containers_that_let_them() {
    let lab = lab().await;
    let (_, subnets, group) = network(&lab).await;
    ecs(&lab, "CreateCluster", json!({ "clusterName": "tools" })).await;
    let definition = json!({ "family": "bastion", "containerDefinitions": [{ "name": "main" }] });
    assert_eq!(ecs(&lab, "RegisterTaskDefinition", definition).await.0, 200);
    let run = |cluster: &str, exec: bool| {
        json!({
            "cluster": cluster,
            "taskDefinition": "bastion",
            "enableExecuteCommand": exec,
            "networkConfiguration": {
                "awsvpcConfiguration": { "subnets": subnets, "securityGroups": [group] },
            },
        })
    };
    let (_, refusal) = ecs(&lab, "RunTask", run("none", true)).await;
    assert_eq!(refusal["__type"], "ClusterNotFoundException");
    let (status, made) = ecs(&lab, "RunTask", run("tools", true)).await;
    assert_eq!(status, 200, "{made}");
    let (_, other) = ecs(&lab, "RunTask", run("tools", false)).await;
    let (_, listed) = ecs(&lab, "ListTasks", json!({ "cluster": "tools" })).await;
    assert_eq!(listed["taskArns"].as_array().map(Vec::len), Some(2));
    let arn = made["tasks"][0]["taskArn"].as_str().expect("an ARN");
    let asked = json!({ "cluster": "tools", "tasks": [arn, "none"] });
    let (_, found) = ecs(&lab, "DescribeTasks", asked).await;
    assert_eq!(found["failures"][0]["reason"], "MISSING");
    let target = |task: &Value| {
        let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next());
        let runtime = task["containers"][0]["runtimeId"].as_str().expect("a runtime");
        format!("ecs:tools_{}_{runtime}", id.expect("an id"))
    };
    let container = &found["tasks"][0]["containers"][0];
    assert_eq!(container["managedAgents"][0]["lastStatus"], "RUNNING");
    let session = |target: String| {
        json!({
            "Target": target,
            "DocumentName": "AWS-StartPortForwardingSession",
            "Parameters": { "portNumber": ["5432"] },
        })
    };
    let with = target(&found["tasks"][0]);
    answered(&lab, "StartSession", session(with.clone())).await;
    let (code, _) = refused(&lab, "StartSession", session(target(&other["tasks"][0]))).await;
    assert_eq!(code, "TargetNotConnected");
    // Containers are no managed nodes.
    let nodes = answered(&lab, "DescribeInstanceInformation", json!({})).await;
    let nodes = nodes["InstanceInformationList"].as_array().expect("a list");
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0]["InstanceId"], DEFAULT_INSTANCE);
    let (_, stopped) = ecs(&lab, "StopTask", json!({ "cluster": "tools", "task": arn })).await;
    assert_eq!(stopped["task"]["lastStatus"], "STOPPED");
    let (code, _) = refused(&lab, "StartSession", session(with)).await;
    assert_eq!(code, "TargetNotConnected");
}
