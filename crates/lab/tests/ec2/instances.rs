use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{ARM, EC2, group, instance, state, subnet, vpc};
use crate::support::http::fault;
use crate::support::lab;

#[tokio::test]
async fn an_instance_is_what_the_call_asked_for() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let subnet = subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let group = group(&lab, &vpc, "bastion").await;
    let data = STANDARD.encode("#!/bin/sh\necho hello\n");
    let more = [
        ("NetworkInterface.1.SecurityGroupId.1", group.as_str()),
        ("NetworkInterface.1.AssociatePublicIpAddress", "true"),
        ("UserData", &data),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "1"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "8"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("InstanceInitiatedShutdownBehavior", "stop"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "adit:purpose"),
        ("TagSpecification.1.Tag.1.Value", "bastion"),
        ("TagSpecification.2.ResourceType", "volume"),
        ("TagSpecification.2.Tag.1.Key", "adit:owner"),
        ("TagSpecification.2.Tag.1.Value", "me"),
        ("TagSpecification.3.ResourceType", "network-interface"),
        ("TagSpecification.3.Tag.1.Key", "adit:vpc"),
        ("TagSpecification.3.Tag.1.Value", &vpc),
    ];
    let id = instance(&lab, &subnet, &more).await;
    assert!(id.starts_with("i-0") && id.len() == 19, "{id}");
    let filter = [
        ("Filter.1.Name", "tag:adit:purpose"),
        ("Filter.1.Value.1", "bastion"),
        ("Filter.2.Name", "instance-state-name"),
        ("Filter.2.Value.1", "running"),
        ("Filter.3.Name", "vpc-id"),
        ("Filter.3.Value.1", vpc.as_str()),
    ];
    let found = EC2.done(&lab, "DescribeInstances", &filter).await;
    for (name, value) in [
        ("instanceId", id.as_str()),
        ("imageId", ARM),
        ("architecture", "arm64"),
        ("httpTokens", "required"),
        ("subnetId", &subnet),
        ("privateIpAddress", "10.0.0.4"),
        ("groupId", &group),
        ("availabilityZone", "us-east-1a"),
    ] {
        assert_eq!(found.text(name), value, "{name}");
    }
    assert!(found.text("ipAddress").starts_with("203.0.113."));
    let volume = [("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", id.as_str())];
    let volume = EC2.done(&lab, "DescribeVolumes", &volume).await;
    assert_eq!((volume.text("encrypted"), volume.text("size")), ("true".into(), "8".into()));
    assert_eq!(volume.text("key"), "adit:owner");
    let interface = [("Filter.1.Name", "tag:adit:vpc"), ("Filter.1.Value.1", vpc.as_str())];
    let interface = EC2.done(&lab, "DescribeNetworkInterfaces", &interface).await;
    assert_eq!(interface.text("instanceId"), id);
    let attribute = [("InstanceId", id.as_str()), ("Attribute", "userData")];
    let attribute = EC2.done(&lab, "DescribeInstanceAttribute", &attribute).await;
    assert_eq!(attribute.text("value"), data);
}

#[tokio::test]
async fn the_same_token_launches_once() {
    let lab = lab().await;
    let subnet = subnet(&lab, &vpc(&lab).await, "10.0.0.0/24", "us-east-1a").await;
    let one = instance(&lab, &subnet, &[("ClientToken", "token")]).await;
    let two = instance(&lab, &subnet, &[("ClientToken", "token")]).await;
    assert_eq!(one, two);
    let params = [
        ("ImageId", ARM),
        ("InstanceType", "t4g.small"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SubnetId", subnet.as_str()),
        ("ClientToken", "token"),
    ];
    let (status, code, _) = EC2.refused(&lab, "RunInstances", &params).await;
    assert_eq!((status, code.as_str()), (400, "IdempotentParameterMismatch"));
    assert_ne!(instance(&lab, &subnet, &[("ClientToken", "other")]).await, one);
    assert_ne!(instance(&lab, &subnet, &[]).await, instance(&lab, &subnet, &[]).await);
}

#[tokio::test]
async fn instances_take_their_time_from_state_to_state() {
    let lab = lab().await;
    fault(&lab, json!({ "boot_ms": 60_000 })).await;
    let minute = || lab.faults().advance_clock(Duration::from_mins(1));
    let subnet = subnet(&lab, &vpc(&lab).await, "10.0.0.0/24", "us-east-1a").await;
    let id = instance(&lab, &subnet, &[]).await;
    let one = [("InstanceId.1", id.as_str())];
    assert_eq!(state(&lab, &id).await, "pending");
    let (_, code, _) = EC2.refused(&lab, "StopInstances", &one).await;
    assert_eq!(code, "IncorrectInstanceState");
    minute();
    assert_eq!(state(&lab, &id).await, "running");
    let status = EC2.done(&lab, "DescribeInstanceStatus", &one).await;
    assert_eq!(status.parts("instanceStatus")[0].text("status"), "ok");
    let stopped = EC2.done(&lab, "StopInstances", &one).await;
    assert_eq!(stopped.parts("currentState")[0].text("name"), "stopping");
    assert_eq!(stopped.parts("previousState")[0].text("name"), "running");
    let (_, code, _) = EC2.refused(&lab, "StartInstances", &one).await;
    assert_eq!(code, "IncorrectInstanceState", "not while it stops");
    minute();
    assert_eq!(state(&lab, &id).await, "stopped");
    let status = EC2.done(&lab, "DescribeInstanceStatus", &one).await;
    assert!(!status.has("instanceId"), "running ones only");
    EC2.done(&lab, "StartInstances", &one).await;
    assert_eq!(state(&lab, &id).await, "pending");
    minute();
    EC2.done(&lab, "TerminateInstances", &one).await;
    assert_eq!(state(&lab, &id).await, "shutting-down");
    minute();
    assert_eq!(state(&lab, &id).await, "terminated", "and still there to be seen");
    let (_, code, _) = EC2.refused(&lab, "StartInstances", &one).await;
    assert_eq!(code, "IncorrectInstanceState");
    EC2.done(&lab, "TerminateInstances", &one).await;
}

#[tokio::test]
async fn groups_are_in_use_until_the_interfaces_are_gone() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let subnet = subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let group = group(&lab, &vpc, "bastion").await;
    fault(&lab, json!({ "release_ms": 60_000 })).await;
    let id = instance(&lab, &subnet, &[("NetworkInterface.1.SecurityGroupId.1", &group)]).await;
    EC2.done(&lab, "TerminateInstances", &[("InstanceId.1", &id)]).await;
    assert_eq!(state(&lab, &id).await, "terminated");
    let delete = [("GroupId", group.as_str())];
    assert_eq!(EC2.refused(&lab, "DeleteSecurityGroup", &delete).await.1, "DependencyViolation");
    lab.faults().advance_clock(Duration::from_mins(1));
    EC2.done(&lab, "DeleteSecurityGroup", &delete).await;
}

#[tokio::test]
async fn what_cannot_be_launched_is_refused() {
    let lab = lab().await;
    let vpc_id = vpc(&lab).await;
    let here = subnet(&lab, &vpc_id, "10.0.0.0/24", "us-east-1a").await;
    let third = subnet(&lab, &vpc_id, "10.0.1.0/24", "us-east-1c").await;
    let other = vpc(&lab).await;
    let stranger = group(&lab, &other, "stranger").await;
    let base = |change: &[(&'static str, String)]| {
        let mut params = vec![
            ("ImageId", ARM.to_owned()),
            ("InstanceType", "t4g.micro".to_owned()),
            ("MinCount", "1".to_owned()),
            ("MaxCount", "1".to_owned()),
            ("SubnetId", here.clone()),
        ];
        for (name, value) in change {
            params.retain(|(known, _)| known != name);
            params.push((name, value.clone()));
        }
        params
    };
    let long = STANDARD.encode("x".repeat(16_385));
    for (change, code) in [
        (("ImageId", "ami-0123456789abcdef0"), "InvalidAMIID.NotFound"),
        (("ImageId", "al2023"), "InvalidAMIID.Malformed"),
        (("InstanceType", "t9.micro"), "InvalidParameterValue"),
        (("InstanceType", "t3.micro"), "InvalidParameterValue"),
        (("SubnetId", third.as_str()), "Unsupported"),
        (("SubnetId", "subnet-0123456789abcdef0"), "InvalidSubnetID.NotFound"),
        (("SecurityGroupId.1", "sg-0123456789abcdef0"), "InvalidGroup.NotFound"),
        (("SecurityGroupId.1", stranger.as_str()), "InvalidParameter"),
        (("KeyName", "mine"), "InvalidKeyPair.NotFound"),
        (("IamInstanceProfile.Name", "none"), "InvalidParameterValue"),
        (("UserData", "no base64!"), "InvalidParameterValue"),
        (("UserData", long.as_str()), "InvalidParameterValue"),
        (("MetadataOptions.HttpTokens", "maybe"), "InvalidParameterValue"),
        (("BlockDeviceMapping.1.Ebs.VolumeSize", "4"), "InvalidBlockDeviceMapping"),
        (("NetworkInterface.1.SubnetId", here.as_str()), "InvalidParameterCombination"),
        (("InstanceInitiatedShutdownBehavior", "sleep"), "InvalidParameterValue"),
        (("MaxCount", "0"), "InvalidParameterValue"),
        (("MinCount", ""), "MissingParameter"),
        (("PrivateIpAddress", "10.9.0.9"), "InvalidParameterValue"),
        (("TagSpecification.1.ResourceType", "vpc"), "InvalidParameterValue"),
    ] {
        let params = base(&[(change.0, change.1.to_owned())]);
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, found, message) = EC2.refused(&lab, "RunInstances", &params).await;
        assert_eq!((status, found.as_str()), (400, code), "{change:?}: {message}");
    }
    assert!(!EC2.done(&lab, "DescribeInstances", &[]).await.has("instanceId"), "nothing was made");
    let full = subnet(&lab, &vpc_id, "10.0.2.0/28", "us-east-1a").await;
    let params = base(&[("SubnetId", full), ("MinCount", "12".into()), ("MaxCount", "12".into())]);
    let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (_, code, _) = EC2.refused(&lab, "RunInstances", &params).await;
    assert_eq!(code, "InsufficientFreeAddressesInSubnet");
    assert!(!EC2.done(&lab, "DescribeInstances", &[]).await.has("instanceId"), "nor by halves");
}

#[tokio::test]
async fn an_instance_can_be_changed() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let subnet = subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let new = group(&lab, &vpc, "new").await;
    let id = instance(&lab, &subnet, &[]).await;
    let one = ("InstanceId", id.as_str());
    EC2.done(&lab, "ModifyInstanceAttribute", &[one, ("GroupId.1", &new)]).await;
    let found = EC2.done(&lab, "DescribeInstances", &[("InstanceId.1", &id)]).await;
    assert_eq!(found.parts("groupSet")[1].text("groupName"), "new");
    let data = STANDARD.encode("#cloud-config\n");
    let user_data = [one, ("UserData.Value", data.as_str())];
    let (_, code, _) = EC2.refused(&lab, "ModifyInstanceAttribute", &user_data).await;
    assert_eq!(code, "IncorrectInstanceState", "only when stopped");
    EC2.done(&lab, "StopInstances", &[("InstanceId.1", &id)]).await;
    assert_eq!(state(&lab, &id).await, "stopped");
    EC2.done(&lab, "ModifyInstanceAttribute", &user_data).await;
    let attribute = [one, ("Attribute", "userData")];
    let attribute = EC2.done(&lab, "DescribeInstanceAttribute", &attribute).await;
    assert_eq!(attribute.text("value"), data);
    EC2.done(&lab, "ModifyInstanceAttribute", &[one, ("DisableApiTermination.Value", "true")])
        .await;
    let (_, code, _) = EC2.refused(&lab, "TerminateInstances", &[("InstanceId.1", &id)]).await;
    assert_eq!(code, "OperationNotPermitted");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let lab = lab().await;
    let subnet = subnet(&lab, &vpc(&lab).await, "10.0.0.0/24", "us-east-1a").await;
    for _ in 0..6 {
        instance(&lab, &subnet, &[]).await;
    }
    let first = EC2.done(&lab, "DescribeInstances", &[("MaxResults", "5")]).await;
    let token = first.text("nextToken");
    let params = [("MaxResults", "5"), ("NextToken", token.as_str())];
    let second = EC2.done(&lab, "DescribeInstances", &params).await;
    assert!(!second.has("nextToken"));
    let mut ids = first.texts("instanceId");
    ids.extend(second.texts("instanceId"));
    // Each is named twice: by itself and by its interface.
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    let params = [("MaxResults", "5"), ("InstanceId.1", ids[0].as_str())];
    let (_, code, _) = EC2.refused(&lab, "DescribeInstances", &params).await;
    assert_eq!(code, "InvalidParameterCombination");
    let two = [("InstanceId.1", "i-0123456789abcdef0"), ("InstanceId.2", "i-0123456789abcdef1")];
    let (_, code, message) = EC2.refused(&lab, "StartInstances", &two).await;
    assert_eq!(code, "InvalidInstanceID.NotFound");
    assert_eq!(message, "The instance IDs 'i-0123456789abcdef0, i-0123456789abcdef1' do not exist");
}
