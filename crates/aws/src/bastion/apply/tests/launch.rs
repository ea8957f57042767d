//! Launching a bastion: once, whoever else launches one.

use super::fixture::*;
use crate::bastion::Progress;
use crate::wait::code;

#[tokio::test]
async fn a_launch_says_all_that_a_bastion_is() {
    let answers = vec![
        seen(&[]),
        made("i-1", "pending"),
        running("i-1"),
        running("i-1"),
        running("i-1"),
        online("i-1"),
        running("i-1"),
    ];
    let (applied, asked, told) = run(&launch(), answers).await;
    let applied = applied.unwrap();
    assert_eq!(applied.bastion.as_deref(), Some("i-1"));
    assert!(applied.is_online);
    assert_eq!(actions(&asked)[..3], ["DescribeInstances", "RunInstances", "DescribeInstances"]);
    for (name, value) in [
        ("ImageId", "ami-arm"),
        ("InstanceType", "t4g.micro"),
        ("ClientToken", "adit-sg-1-1"),
        ("IamInstanceProfile.Name", "adit-bastion-vpc-1"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "1"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("NetworkInterface.1.AssociatePublicIpAddress", "false"),
        ("NetworkInterface.1.SecurityGroupId.1", "sg-1"),
        ("InstanceInitiatedShutdownBehavior", "stop"),
        ("MaxCount", "1"),
    ] {
        assert_eq!(field(&asked[1], name), Some(value), "{name} in {}", asked[1].body);
    }
    assert!(field(&asked[1], "KeyName").is_none());
    assert!(field(&asked[1], "UserData").is_some());
    assert!(asked[1].body.contains("TagSpecification.3.ResourceType"));
    assert!(matches!(&told[0], Progress::Step { number: 1, total: 1, .. }), "{told:?}");
}

#[tokio::test]
async fn a_profile_that_ec2_does_not_see_yet_is_waited_for() {
    let unseen = ec2_error(
        "InvalidParameterValue",
        "Value (adit-bastion-vpc-1) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    );
    let answers = vec![
        seen(&[]),
        unseen,
        unseen,
        made("i-1", "pending"),
        running("i-1"),
        running("i-1"),
        running("i-1"),
        online("i-1"),
        running("i-1"),
    ];
    let (applied, asked, told) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-1"));
    let tokens: Vec<_> = asked[1..4].iter().map(|one| field(one, "ClientToken")).collect();
    assert_eq!(tokens, [Some("adit-sg-1-1"); 3]);
    let waits = told.iter().filter(
        |one| matches!(one, Progress::Waiting { what, .. } if what.contains("instance profile")),
    );
    assert_eq!(waits.count(), 2);

    let other = ec2_error("InvalidParameterValue", "Value (x) for parameter userData is invalid");
    let (applied, asked, _) = run(&launch(), vec![seen(&[]), other]).await;
    assert_eq!(code(&applied.unwrap_err().error), "InvalidParameterValue");
    assert_eq!(asked.len(), 2);
}

/// What somebody has started since the plan was made is used.
#[tokio::test]
async fn a_bastion_that_stands_by_now_is_taken() {
    let answers =
        vec![running("i-9"), running("i-9"), running("i-9"), online("i-9"), running("i-9")];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-9"));
    assert!(!actions(&asked).contains(&"RunInstances"));

    // The same when only its token tells of it at first.
    let mismatch = ec2_error("IdempotentParameterMismatch", "inconsistent");
    let answers = vec![
        seen(&[]),
        mismatch,
        seen(&[]),
        running("i-9"),
        running("i-9"),
        running("i-9"),
        online("i-9"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-9"));
    assert!(!actions(&asked).contains(&"TerminateInstances"));
}

/// Anybody who may set tags can say of a machine that it is the bastion.
#[tokio::test]
async fn what_is_only_tagged_as_a_bastion_is_not_taken() {
    let tagged = instance("i-evil", "running", "2026-11-21T09:00:00Z")
        .replace("instance-profile/adit/", "instance-profile/theirs/");
    let stranger = seen(&[tagged]);
    let answers = vec![
        stranger,
        made("i-1", "pending"),
        stranger,
        running("i-1"),
        running("i-1"),
        online("i-1"),
        running("i-1"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-1"));
    assert_eq!(actions(&asked)[..2], ["DescribeInstances", "RunInstances"]);
    assert!(!actions(&asked).contains(&"TerminateInstances"));
}

/// A stop and a start move the time of the launch, but not that of the volume.
#[tokio::test]
async fn a_bastion_that_was_started_again_is_still_the_older_one() {
    let old = instance("i-old", "pending", "2026-01-01T00:00:00Z")
        .replace("<launchTime>2026-01-01T00:00:00Z", "<launchTime>2026-11-21T11:00:00Z");
    let two = seen(&[old, instance("i-new", "pending", "2026-11-21T10:00:00Z")]);
    let terminated =
        (200, "<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>");
    let answers = vec![
        seen(&[]),
        made("i-new", "pending"),
        two,
        terminated,
        running("i-old"),
        running("i-old"),
        online("i-old"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-old"));
    assert_eq!(field(&asked[3], "InstanceId.1"), Some("i-new"));
    assert_eq!(actions(&asked).iter().filter(|one| **one == "TerminateInstances").count(), 1);
}

/// A launch that fails later, as that of a volume with a key that may not be used.
#[tokio::test]
async fn why_a_launch_died_is_told() {
    let reason = "<stateReason><code>Client.InternalError</code><message>Client.InternalError: Client error on launch</message></stateReason></item>";
    let dead = instance("i-1", "terminated", "2026-11-21T10:00:00Z");
    let dead = format!("{}{reason}", dead.strip_suffix("</item>").unwrap());
    let answers = vec![seen(&[]), made("i-1", "pending"), running("i-1"), seen(&[dead])];
    let (applied, _, _) = run(&launch(), answers).await;
    let error = applied.unwrap_err();
    assert!(error.to_string().contains("is terminated: Client.InternalError: Client"), "{error}");
    assert!(error.hints()[0].contains("kms:CreateGrant"), "{:?}", error.hints());
}

/// A token stays with its instance for a day after that is gone.
#[tokio::test]
async fn a_token_of_a_terminated_instance_is_not_used_again() {
    for gone in [
        made("i-0", "terminated"),
        ec2_error("IdempotentInstanceTerminated", "The instance was terminated"),
    ] {
        let answers = vec![
            seen(&[]),
            gone,
            made("i-1", "pending"),
            running("i-1"),
            running("i-1"),
            running("i-1"),
            online("i-1"),
            running("i-1"),
        ];
        let (applied, asked, _) = run(&launch(), answers).await;
        assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-1"));
        assert_eq!(field(&asked[2], "ClientToken"), Some("adit-sg-1-2"));
    }
}

#[tokio::test]
async fn of_two_made_at_once_the_younger_goes() {
    let two = seen(&[
        instance("i-old", "running", "2026-11-21T09:59:59Z"),
        instance("i-new", "pending", "2026-11-21T10:00:00Z"),
    ]);
    let terminated =
        (200, "<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>");
    let answers = vec![
        seen(&[]),
        made("i-new", "pending"),
        two,
        terminated,
        running("i-old"),
        running("i-old"),
        online("i-old"),
        running("i-old"),
    ];
    let (applied, asked, told) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-old"));
    assert_eq!(field(&asked[3], "InstanceId.1"), Some("i-new"));
    assert!(
        told.iter()
            .any(|one| matches!(one, Progress::Note { text } if text.contains("i-new is removed")))
    );

    // Ours is the older one: theirs to remove.
    let two = seen(&[
        instance("i-new", "pending", "2026-11-21T10:00:00Z"),
        instance("i-other", "pending", "2026-11-21T10:00:01Z"),
    ]);
    let answers = vec![
        seen(&[]),
        made("i-new", "pending"),
        two,
        running("i-new"),
        running("i-new"),
        online("i-new"),
        running("i-new"),
    ];
    let (applied, asked, _) = run(&launch(), answers).await;
    assert_eq!(applied.unwrap().bastion.as_deref(), Some("i-new"));
    assert!(!actions(&asked).contains(&"TerminateInstances"));
}
