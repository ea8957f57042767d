//! Bastions of the cloud, as Session Manager has them.

use std::time::Duration;

use adit_lab::Lab;
use serde_json::json;

use crate::ec2::{EC2, group, instance};
use crate::support::client::{open, start};
use crate::support::http::{answered, fault, refused};
use crate::support::query::IAM;
use crate::support::socket::End;
use crate::support::{lab, until};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const CORE: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

/// An instance in a public subnet of the default VPC, with all that its agent needs.
async fn bastion(lab: &Lab) -> String {
    let role = [("RoleName", "agent"), ("AssumeRolePolicyDocument", TRUST)];
    IAM.done(lab, "CreateRole", &role).await;
    IAM.done(lab, "AttachRolePolicy", &[("RoleName", "agent"), ("PolicyArn", CORE)]).await;
    let profile = [("InstanceProfileName", "agent"), ("RoleName", "agent")];
    IAM.done(lab, "CreateInstanceProfile", &profile[..1]).await;
    IAM.done(lab, "AddRoleToInstanceProfile", &profile).await;
    let filter = [("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", "us-east-1a")];
    let subnet = EC2.done(lab, "DescribeSubnets", &filter).await;
    let group = group(lab, &subnet.text("vpcId"), "bastion").await;
    let more = [
        ("NetworkInterface.1.SecurityGroupId.1", group.as_str()),
        ("IamInstanceProfile.Name", "agent"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", "adit-bastion"),
    ];
    instance(lab, &subnet.text("subnetId"), &more).await
}

#[tokio::test]
async fn an_instance_comes_online_and_takes_sessions() {
    let lab = lab().await;
    fault(&lab, json!({ "boot_ms": 60_000, "agent_ms": 60_000 })).await;
    let id = bastion(&lab).await;
    let filter = json!({ "Filters": [{ "Key": "InstanceIds", "Values": [id] }] });
    let known = || answered(&lab, "DescribeInstanceInformation", filter.clone());
    lab.faults().advance_clock(Duration::from_mins(1));
    assert_eq!(known().await, json!({ "InstanceInformationList": [] }), "not registered yet");
    let (kind, _) = refused(&lab, "StartSession", json!({ "Target": id })).await;
    assert_eq!(kind, "TargetNotConnected");
    lab.faults().advance_clock(Duration::from_mins(1));
    let found = known().await;
    assert_eq!(found["InstanceInformationList"][0]["PingStatus"], "Online");
    let status = answered(&lab, "GetConnectionStatus", json!({ "Target": id })).await;
    assert_eq!(status["Status"], "connected");
    start(&lab, &id).await;

    let by_tag = json!({ "Filters": [{ "Key": "tag:Name", "Values": ["adit-bastion"] }] });
    let found = answered(&lab, "DescribeInstanceInformation", by_tag).await;
    assert_eq!(found["InstanceInformationList"][0]["InstanceId"], id.as_str());
    let found = answered(&lab, "DescribeInstanceProperties", json!({})).await;
    let one = found["InstanceProperties"].as_array().expect("a list");
    let one = one.iter().find(|one| one["InstanceId"] == id.as_str()).expect("the instance");
    assert_eq!((&one["InstanceState"], &one["Name"]), (&json!("running"), &json!("adit-bastion")));
}

#[tokio::test]
async fn stopping_an_instance_ends_its_sessions() {
    let lab = lab().await;
    let id = bastion(&lab).await;
    let ticket = start(&lab, &id).await;
    let mut socket = open(&ticket).await;
    until(&lab, |state| state.sessions[0].state == "Connected").await;
    EC2.done(&lab, "StopInstances", &[("InstanceId.1", &id)]).await;
    until(&lab, |state| state.sessions[0].state == "Terminated").await;
    assert_eq!(socket.end().await, End::Closed(1000));
    let found = answered(&lab, "DescribeInstanceInformation", json!({})).await;
    let list = found["InstanceInformationList"].as_array().expect("a list");
    let one = list.iter().find(|one| one["InstanceId"] == id.as_str()).expect("the instance");
    assert_eq!(one["PingStatus"], "ConnectionLost");
    let (kind, _) = refused(&lab, "StartSession", json!({ "Target": id })).await;
    assert_eq!(kind, "TargetNotConnected");
    EC2.done(&lab, "StartInstances", &[("InstanceId.1", &id)]).await;
    start(&lab, &id).await;
}

#[tokio::test]
async fn an_agent_that_loses_its_network_comes_back_with_it() {
    let lab = lab().await;
    let id = bastion(&lab).await;
    let ticket = start(&lab, &id).await;
    let _socket = open(&ticket).await;
    until(&lab, |state| state.sessions[0].state == "Connected").await;
    let group = EC2.done(&lab, "DescribeInstances", &[("InstanceId.1", &id)]).await.text("groupId");
    let all = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    EC2.done(&lab, "RevokeSecurityGroupEgress", &all).await;
    until(&lab, |state| state.sessions[0].state == "Disconnected").await;
    EC2.done(&lab, "AuthorizeSecurityGroupEgress", &all).await;
    until(&lab, |state| state.sessions[0].state == "Connected").await;
}

#[tokio::test]
async fn an_instance_can_be_switched_off_whatever_its_network_is() {
    let lab = lab().await;
    let id = bastion(&lab).await;
    start(&lab, &id).await;
    fault(&lab, json!({ "offline": id })).await;
    let (kind, _) = refused(&lab, "StartSession", json!({ "Target": id })).await;
    assert_eq!(kind, "TargetNotConnected");
    fault(&lab, json!({ "online": id })).await;
    start(&lab, &id).await;
}

#[tokio::test]
async fn the_newest_images_are_found_by_their_parameters() {
    let lab = lab().await;
    let path = "/aws/service/ami-amazon-linux-latest";
    for architecture in ["arm64", "x86_64"] {
        let name = format!("{path}/al2023-ami-kernel-default-{architecture}");
        let found = answered(&lab, "GetParameter", json!({ "Name": name })).await;
        let id = found["Parameter"]["Value"].as_str().expect("an image").to_owned();
        assert_eq!(found["Parameter"]["Name"], name.as_str());
        let image = EC2.done(&lab, "DescribeImages", &[("ImageId.1", &id)]).await;
        assert_eq!(image.text("architecture"), architecture);
        assert!(image.text("name").starts_with("al2023-ami-2023."));
    }
    let (kind, _) = refused(&lab, "GetParameter", json!({ "Name": "/aws/service/none" })).await;
    assert_eq!(kind, "ParameterNotFound");
    let names = json!({ "Names": [format!("{path}/al2023-ami-kernel-6.1-arm64"), "none"] });
    let found = answered(&lab, "GetParameters", names).await;
    assert_eq!(found["InvalidParameters"], json!(["none"]));
    assert_eq!(found["Parameters"][0]["Type"], "String");
    let mut names = Vec::new();
    let mut token = json!(null);
    loop {
        let body = json!({ "Path": path, "MaxResults": 5, "NextToken": token });
        let page = answered(&lab, "GetParametersByPath", body).await;
        let list = page["Parameters"].as_array().expect("a list").clone();
        assert!(list.len() <= 5);
        names.extend(list.into_iter().map(|one| one["Name"].clone()));
        match page.get("NextToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    assert_eq!(names.len(), 12);
}
