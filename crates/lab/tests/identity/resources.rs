//! What calls are about, as policies name it.

use super::*;
use crate::ec2::EC2;
use crate::support::http::call_json_as;
use crate::support::query::{ELASTICACHE, RDS, REDSHIFT};

const ARN: &str = "arn:aws:SERVICE:us-east-1:111122223333:";

fn keys(made: &Value) -> Keys {
    let text = |member: &str| made[member].as_str().expect(member).to_owned();
    Keys { id: text("access_key_id"), secret: text("secret_access_key"), token: None }
}

/// A user with this statement, or with nothing.
fn with(lab: &Lab, statement: Option<Value>) -> Keys {
    let document = |statement| json!({ "Version": "2012-10-17", "Statement": [statement] });
    let body = json!({ "name": "ada", "policy": statement.map(document) });
    keys(&lab.control("users", &body).expect("a user"))
}

/// The resource that a refusal names; `None` for anything else.
fn named(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" on resource: ")?;
    rest.split_once(" because no ").map(|(named, _)| named.to_owned())
}

#[tokio::test]
async fn services_with_forms_ask_for_what_is_named_or_for_the_kind() {
    let lab = lab().await;
    let ada = with(&lab, None);
    let tagged = "arn:aws:rds:us-east-1:111122223333:db:orders";
    for (api, operation, params, asked) in [
        (RDS, "DescribeDBInstances", ("", ""), "db:*"),
        (RDS, "DescribeDBInstances", ("DBInstanceIdentifier", "orders"), "db:orders"),
        (RDS, "DescribeDBInstances", ("DBInstanceIdentifier", tagged), "db:orders"),
        (RDS, "DeleteDBCluster", ("DBClusterIdentifier", "orders"), "cluster:orders"),
        (RDS, "DescribeDBClusterEndpoints", ("", ""), "cluster-endpoint:*"),
        (RDS, "DescribeDBProxies", ("DBProxyName", "orders"), "db-proxy:*"),
        (RDS, "CreateDBProxy", ("DBProxyName", "orders"), ""),
        (RDS, "RegisterDBProxyTargets", ("DBProxyName", "orders"), "target-group:*"),
        (RDS, "ListTagsForResource", ("ResourceName", tagged), "db:orders"),
        (ELASTICACHE, "DescribeCacheClusters", ("", ""), "cluster:*"),
        (ELASTICACHE, "DescribeReplicationGroups", ("", ""), "replicationgroup:*"),
        (ELASTICACHE, "DescribeServerlessCaches", ("", ""), "serverlesscache:*"),
        (REDSHIFT, "DescribeClusters", ("ClusterIdentifier", "orders"), "cluster:orders"),
        (REDSHIFT, "DescribeClusterSubnetGroups", ("", ""), ""),
    ] {
        let params: &[_] = if params.0.is_empty() { &[] } else { &[params] };
        let signer = ada.signer(&lab, api.service);
        let (status, refused) = api.call_as(&lab, &signer, operation, params).await;
        assert_eq!(status, 403, "{operation}: {}", refused.0);
        let start = ARN.replace("SERVICE", api.service);
        let asked = if asked.is_empty() { "*".to_owned() } else { format!("{start}{asked}") };
        assert_eq!(named(&refused.text("Message")), Some(asked), "{operation} {params:?}");
    }
    let one = json!({ "Effect": "Allow", "Action": "rds:*", "Resource": tagged });
    let ada = with(&lab, Some(one));
    let describe = async |params: &[(&str, &str)]| {
        RDS.call_as(&lab, &ada.signer(&lab, "rds"), "DescribeDBInstances", params).await.0
    };
    assert_eq!(describe(&[]).await, 403);
    assert_eq!(describe(&[("DBInstanceIdentifier", "orders")]).await, 404);
    assert_eq!(describe(&[("DBInstanceIdentifier", "users")]).await, 403);
}

#[tokio::test]
async fn services_with_json_ask_for_what_is_named_or_for_the_kind() {
    let lab = lab().await;
    let ada = with(&lab, None);
    let (memorydb, ecs) = ("AmazonMemoryDB", "AmazonEC2ContainerServiceV20141113");
    for (service, prefix, operation, body, asked) in [
        ("memorydb", memorydb, "DescribeClusters", json!({}), "cluster/*"),
        ("memorydb", memorydb, "CreateCluster", json!({ "ACLName": "open" }), "acl/open"),
        ("memorydb", memorydb, "CreateSubnetGroup", json!({}), ""),
        ("ecs", ecs, "ListClusters", json!({}), ""),
        ("ecs", ecs, "ListTasks", json!({ "cluster": "prod" }), ""),
        ("ecs", ecs, "DescribeClusters", json!({}), "cluster/default"),
        (
            "ecs",
            ecs,
            "DescribeTasks",
            json!({ "cluster": "prod", "tasks": ["0123"] }),
            "task/prod/0123",
        ),
        ("ecs", ecs, "RunTask", json!({ "taskDefinition": "web" }), "task-definition/web:*"),
        ("redshift-serverless", "RedshiftServerless", "ListWorkgroups", json!({}), ""),
        (
            "redshift-serverless",
            "RedshiftServerless",
            "GetWorkgroup",
            json!({ "workgroupName": "orders" }),
            "workgroup/*",
        ),
    ] {
        let signer = ada.signer(&lab, service);
        let target = format!("{prefix}.{operation}");
        let (_, refused) = call_json_as(&lab, &signer, &target, body).await;
        let start = ARN.replace("SERVICE", service);
        let asked = if asked.is_empty() { "*".to_owned() } else { format!("{start}{asked}") };
        let message = refused["message"].as_str().unwrap_or_default();
        assert_eq!(named(message), Some(asked), "{operation}: {refused}");
    }
    for (service, method, path, asked) in [
        ("es", Method::GET, "/2021-01-01/domain", "*"),
        (
            "es",
            Method::GET,
            "/2021-01-01/opensearch/domain/logs",
            "arn:aws:es:us-east-1:111122223333:domain/logs",
        ),
        ("kafka", Method::GET, "/api/v2/clusters", "*"),
        (
            "kafka",
            Method::GET,
            "/v1/clusters/arn%3Aaws%3Akafka%3Aus-east-1%3A111122223333%3Acluster%2Fa%2Fb/nodes",
            "arn:aws:kafka:us-east-1:111122223333:cluster/a/b",
        ),
    ] {
        let mut call = request(&lab, method, path, "");
        ada.signer(&lab, service).sign(&mut call);
        let (status, refused) = json_of(&send(call).await);
        assert_eq!(status, 403, "{path}: {refused}");
        let message = refused["message"].as_str().unwrap_or_default();
        assert_eq!(named(message).as_deref(), Some(asked), "{path}: {refused}");
    }
}

#[tokio::test]
async fn a_call_about_several_needs_all_of_them() {
    let lab = lab().await;
    let of = |tail: &str| format!("arn:aws:ec2:us-east-1:111122223333:{tail}");
    let ids = ["i-0123456789abcdef0", "i-0123456789abcdef1"];
    let one = json!({
        "Effect": "Allow",
        "Action": ["ec2:*Instances", "ec2:*Tags"],
        "Resource": of(&format!("instance/{}", ids[0])),
    });
    let ada = with(&lab, Some(one));
    let refused = async |ada: &Keys, operation: &str, params: &[(&str, &str)]| {
        let (_, xml) = EC2.call_as(&lab, &ada.signer(&lab, "ec2"), operation, params).await;
        (xml.text("Code"), named(&xml.text("Message")))
    };
    let no = |tail: String| ("UnauthorizedOperation".to_owned(), Some(of(&tail)));
    for operation in ["StartInstances", "StopInstances", "RebootInstances", "TerminateInstances"] {
        let both = [("InstanceId.1", ids[0]), ("InstanceId.2", ids[1])];
        assert_eq!(refused(&ada, operation, &both).await, no(format!("instance/{}", ids[1])));
        let missing = ("InvalidInstanceID.NotFound".to_owned(), None);
        assert_eq!(refused(&ada, operation, &both[..1]).await, missing);
    }
    for operation in ["CreateTags", "DeleteTags"] {
        let both = [
            ("ResourceId.1", ids[0]),
            ("ResourceId.2", "vol-0123456789abcdef0"),
            ("Tag.1.Key", "a"),
            ("Tag.1.Value", "b"),
        ];
        let volume = "volume/vol-0123456789abcdef0".to_owned();
        assert_eq!(refused(&ada, operation, &both).await, no(volume));
    }

    let image = "arn:aws:ec2:us-east-1::image/ami-0123456789abcdef0";
    let all = [
        of("instance/*"),
        image.to_owned(),
        of("subnet/subnet-0123456789abcdef0"),
        of("security-group/sg-0123456789abcdef0"),
        of("security-group/sg-0123456789abcdef1"),
        of("network-interface/*"),
        of("volume/*"),
    ];
    let launch = [
        ("ImageId", "ami-0123456789abcdef0"),
        ("SubnetId", "subnet-0123456789abcdef0"),
        ("SecurityGroupId.1", "sg-0123456789abcdef0"),
        ("SecurityGroupId.2", "sg-0123456789abcdef1"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    for without in &all {
        let rest: Vec<_> = all.iter().filter(|arn| *arn != without).collect();
        let but_one = json!({ "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": rest });
        let ada = with(&lab, Some(but_one));
        let (code, said) = refused(&ada, "RunInstances", &launch).await;
        assert_eq!((code.as_str(), said.as_ref()), ("UnauthorizedOperation", Some(without)));
    }
    let enough = json!({ "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": all });
    let ada = with(&lab, Some(enough));
    assert_ne!(refused(&ada, "RunInstances", &launch).await.0, "UnauthorizedOperation");
}

#[tokio::test]
async fn conditions_ask_for_the_transport_and_the_tags_of_a_role() {
    let lab = lab().await;
    for (secure, status) in [("true", 403), ("false", 200)] {
        let ada = with(
            &lab,
            Some(json!({
                "Effect": "Allow",
                "Action": "rds:*",
                "Resource": "*",
                "Condition": { "Bool": { "aws:SecureTransport": secure } },
            })),
        );
        let signer = ada.signer(&lab, "rds");
        assert_eq!(RDS.call_as(&lab, &signer, "DescribeDBInstances", &[]).await.0, status);
    }
    let ada = with(
        &lab,
        Some(json!({
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": "*",
            "Condition": { "StringEquals": { "aws:ResourceTag/team": "db" } },
        })),
    );
    let ops = role(&lab, "ops", &json!({ "AWS": ROOT }), Value::Null);
    ada.refused(&lab, "AssumeRole", &assume(&ops)).await;
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "db"), ("RoleName", "ops")];
    IAM.done(&lab, "TagRole", &tag).await;
    ada.done(&lab, "AssumeRole", &assume(&ops)).await;
}
