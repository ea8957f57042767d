//! Faults of the control plane: what is denied, seen late, cut into pages or held.

use std::time::Duration;

use adit_lab::{DEFAULT_INSTANCE, Lab};
use http::Method;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::ec2::{EC2, allow, group, instance, subnet, vpc};
use crate::support::http::{Signer, control, fault, refused, request};
use crate::support::query::{IAM, STS};
use crate::support::{lab, until};

#[tokio::test]
async fn bad_signatures_are_refused_in_each_services_words() {
    let lab = lab().await;
    let mut signer = Signer::of(&lab, "ec2");
    signer.secret.push('x');
    let mut wrong = request(&lab, Method::POST, "/", "Action=DescribeVpcs&Version=2016-11-15");
    signer.sign(&mut wrong);
    let answer = crate::support::http::send(wrong).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(answer.status(), 401);
    assert!(text.contains("<Code>AuthFailure</Code>") && text.contains("<RequestID>"), "{text}");
    let none = request(&lab, Method::POST, "/", "Action=ListRoles&Version=2010-05-08");
    let answer = crate::support::http::send(none).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(answer.status(), 403);
    assert!(text.contains("<Type>Sender</Type><Code>MissingAuthenticationToken</Code>"), "{text}");
}

#[tokio::test]
async fn callers_are_told_who_they_are() {
    let lab = lab().await;
    let me = STS.done(&lab, "GetCallerIdentity", &[]).await;
    assert_eq!(me.text("Arn"), "arn:aws:iam::111122223333:user/lab");
    assert_eq!(me.text("Account"), "111122223333");
    assert!(me.text("UserId").starts_with("AIDA"));
    let role = "arn:aws:iam::111122223333:role/adit/developer";
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#;
    let params =
        [("RoleName", "developer"), ("Path", "/adit/"), ("AssumeRolePolicyDocument", trust)];
    IAM.done(&lab, "CreateRole", &params).await;
    let params = [("RoleArn", role), ("RoleSessionName", "me")];
    let assumed = STS.done(&lab, "AssumeRole", &params).await;
    let arn = "arn:aws:sts::111122223333:assumed-role/developer/me";
    assert_eq!(assumed.text("Arn"), arn);
    let mut call = request(&lab, Method::POST, "/", "Action=GetCallerIdentity&Version=2011-06-15");
    let mut signer = Signer::of(&lab, "sts");
    signer.access_key_id = assumed.text("AccessKeyId");
    signer.secret = assumed.text("SecretAccessKey");
    signer.token = Some(assumed.text("SessionToken"));
    signer.sign(&mut call);
    let answer = crate::support::http::send(call).await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(text.contains(&format!("<Arn>{arn}</Arn>")), "{text}");
}

#[tokio::test]
async fn what_is_denied_is_refused_in_each_services_words() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let group = group(&lab, &vpc, "target").await;
    let deny = json!({ "deny": [
        "ec2:AuthorizeSecurityGroupIngress", "ec2:DescribeVpcs", "iam:*", "ssm:StartSession",
    ] });
    fault(&lab, deny).await;
    let params = [("GroupId", group.as_str())];
    let (status, code, message) = EC2.refused(&lab, "AuthorizeSecurityGroupIngress", &params).await;
    assert_eq!((status, code.as_str()), (403, "UnauthorizedOperation"));
    let start = format!(
        "You are not authorized to perform this operation. User: \
         arn:aws:iam::111122223333:user/lab is not authorized to perform: \
         ec2:AuthorizeSecurityGroupIngress on resource: \
         arn:aws:ec2:us-east-1:111122223333:security-group/{group} because no identity-based \
         policy allows the ec2:AuthorizeSecurityGroupIngress action. Encoded authorization \
         failure message: "
    );
    assert!(message.starts_with(&start), "{message}");
    let (_, _, message) = EC2.refused(&lab, "DescribeVpcs", &[]).await;
    assert!(message.ends_with("allows the ec2:DescribeVpcs action"), "{message}");
    let params = [("RoleName", "adit")];
    let (status, code, message) = IAM.refused(&lab, "GetRole", &params).await;
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert!(message.contains("on resource: role adit because no"), "{message}");
    let (kind, message) =
        refused(&lab, "StartSession", json!({ "Target": DEFAULT_INSTANCE })).await;
    assert_eq!(kind, "AccessDeniedException");
    assert!(message.contains(&format!("instance/{DEFAULT_INSTANCE} because")), "{message}");
    fault(&lab, json!({ "deny": [] })).await;
    EC2.done(&lab, "DescribeVpcs", &[]).await;
}

#[tokio::test]
async fn tags_on_what_is_made_need_a_permission_of_their_own() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    fault(&lab, json!({ "deny": ["ec2:CreateTags"] })).await;
    group(&lab, &vpc, "plain").await;
    let params = [
        ("VpcId", vpc.as_str()),
        ("GroupName", "tagged"),
        ("GroupDescription", "x"),
        ("TagSpecification.1.ResourceType", "security-group"),
        ("TagSpecification.1.Tag.1.Key", "a"),
        ("TagSpecification.1.Tag.1.Value", "b"),
    ];
    let (_, code, message) = EC2.refused(&lab, "CreateSecurityGroup", &params).await;
    assert_eq!(code, "UnauthorizedOperation");
    assert!(message.contains("perform: ec2:CreateTags on resource"), "{message}");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_does_nothing() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let params = [
        ("VpcId", vpc.as_str()),
        ("GroupName", "one"),
        ("GroupDescription", "x"),
        ("DryRun", "true"),
    ];
    for _ in 0..2 {
        let (status, code, _) = EC2.refused(&lab, "CreateSecurityGroup", &params).await;
        assert_eq!((status, code.as_str()), (412, "DryRunOperation"));
    }
    group(&lab, &vpc, "one").await;
    let (_, code, _) = EC2.refused(&lab, "CreateSecurityGroup", &params).await;
    assert_eq!(code, "InvalidGroup.Duplicate");
}

#[tokio::test]
async fn what_is_new_is_seen_after_a_while() {
    let lab = lab().await;
    let vpc = vpc(&lab).await;
    let inside = subnet(&lab, &vpc, "10.0.0.0/24", "us-east-1a").await;
    fault(&lab, json!({ "consistency_ms": 60_000 })).await;
    let group = group(&lab, &vpc, "late").await;
    let id = instance(&lab, &inside, &[]).await;
    for (operation, param, value, code) in [
        ("DescribeSecurityGroups", "GroupId.1", &group, "InvalidGroup.NotFound"),
        ("DeleteSecurityGroup", "GroupId", &group, "InvalidGroup.NotFound"),
        ("DescribeInstances", "InstanceId.1", &id, "InvalidInstanceID.NotFound"),
        ("CreateTags", "ResourceId.1", &id, "InvalidInstanceID.NotFound"),
    ] {
        let params = [(param, value.as_str()), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")];
        assert_eq!(EC2.refused(&lab, operation, &params).await.1, code, "{operation}");
    }
    let params = [("VpcId", vpc.as_str()), ("GroupName", "late"), ("GroupDescription", "x")];
    let (_, code, _) = EC2.refused(&lab, "CreateSecurityGroup", &params).await;
    assert_eq!(code, "InvalidGroup.Duplicate", "its name is taken at once");
    lab.faults().advance_clock(Duration::from_mins(1));
    EC2.done(&lab, "DescribeSecurityGroups", &[("GroupId.1", &group)]).await;
    allow(&lab, "Ingress", &group, 443, "10.0.0.0/16").await;
}

#[tokio::test]
async fn pages_can_be_made_short() {
    let lab = lab().await;
    fault(&lab, json!({ "page_size": 1 })).await;
    let mut zones = Vec::new();
    let mut token = String::new();
    loop {
        let params = [("NextToken", token.as_str())];
        let page = EC2.done(&lab, "DescribeSubnets", &params).await;
        assert_eq!(page.texts("subnetId").len(), 1);
        zones.extend(page.texts("availabilityZone"));
        if !page.has("nextToken") {
            break;
        }
        token = page.text("nextToken");
    }
    zones.sort();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    fault(&lab, json!({ "page_size": null })).await;
    let all = EC2.done(&lab, "DescribeSubnets", &[]).await;
    assert_eq!(all.texts("subnetId").len(), 3);
    assert_eq!(control(&lab, "faults", &json!({ "page_size": 0 })).await.0, 400);
}

#[tokio::test]
async fn throttling_is_worded_as_each_service_does() {
    let lab = lab().await;
    fault(&lab, json!({ "throttle": 2 })).await;
    let (status, code, _) = EC2.refused(&lab, "DescribeVpcs", &[]).await;
    assert_eq!((status, code.as_str()), (503, "RequestLimitExceeded"));
    let (status, code, _) = IAM.refused(&lab, "GetRole", &[("RoleName", "x")]).await;
    assert_eq!((status, code.as_str()), (400, "Throttling"));
}

/// A call that nobody waits for to the end: dropping it closes its connection.
async fn call_and_wait(lab: &Lab, action: &str) -> tokio::task::JoinHandle<bool> {
    let mut request = request(lab, Method::POST, "/", format!("{action}&Version=2016-11-15"));
    Signer::of(lab, "ec2").sign(&mut request);
    let host = lab.endpoint().replace("http://", "");
    let tcp = TcpStream::connect(host).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.expect("HTTP");
    tokio::spawn(async move {
        // Both end with this task.
        let answer = sender.send_request(request.map(Full::new));
        tokio::select! {
            answer = answer => answer.is_ok_and(|answer| answer.status() == 200),
            _ = connection => false,
        }
    })
}

#[tokio::test]
async fn a_call_can_be_held_before_or_after_it_is_done() {
    let lab = lab().await;
    for (when, made) in [("before", false), ("after", true)] {
        let before = EC2.done(&lab, "DescribeVpcs", &[]).await.texts("vpcId").len();
        fault(&lab, json!({ "hold": { "call": 2, "when": when } })).await;
        EC2.done(&lab, "DescribeSubnets", &[]).await;
        let call = call_and_wait(&lab, "Action=CreateVpc&CidrBlock=10.9.0.0%2F16").await;
        until(&lab, |state| state.held.as_deref() == Some("CreateVpc")).await;
        let during = EC2.done(&lab, "DescribeVpcs", &[]).await.texts("vpcId").len();
        assert_eq!(during > before, made, "held {when}; others are answered");
        call.abort();
        until(&lab, |state| state.held.is_none()).await;
        let after = EC2.done(&lab, "DescribeVpcs", &[]).await.texts("vpcId").len();
        assert_eq!(after, during, "given up {when}: nothing more happens");
    }
}

#[tokio::test]
async fn a_held_call_goes_on_when_it_is_released() {
    let lab = lab().await;
    fault(&lab, json!({ "hold": { "call": 1, "when": "before" } })).await;
    let call = call_and_wait(&lab, "Action=CreateVpc&CidrBlock=10.9.0.0%2F16").await;
    until(&lab, |state| state.held.is_some()).await;
    fault(&lab, json!({ "hold": null })).await;
    assert!(call.await.expect("an end"), "answered");
    assert_eq!(lab.state().held, None);
    for bad in [json!({ "hold": { "call": 0, "when": "after" } }), json!({ "hold": { "call": 1 } })]
    {
        assert_eq!(control(&lab, "faults", &bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn one_operation_can_be_held_and_others_are_not() {
    let lab = lab().await;
    let hold = json!({ "hold": { "call": 1, "when": "before" }, "operation": "CreateVpc" });
    fault(&lab, hold).await;
    EC2.done(&lab, "DescribeVpcs", &[]).await;
    let call = call_and_wait(&lab, "Action=CreateVpc&CidrBlock=10.9.0.0%2F16").await;
    until(&lab, |state| state.held.as_deref() == Some("CreateVpc")).await;
    fault(&lab, json!({ "hold": null })).await;
    assert!(call.await.expect("an end"), "answered");
}

/// Two calls at once, one of them for a page, then a third one, which arrives after both answers.
#[tokio::test]
async fn arrivals_and_answers_are_told_in_their_order() {
    let lab = lab().await;
    fault(&lab, json!({ "answer_ms": 300 })).await;
    tokio::join!(
        EC2.done(&lab, "DescribeVpcs", &[]),
        EC2.done(&lab, "DescribeSubnets", &[("NextToken", "bGFiOjA")])
    );
    fault(&lab, json!({ "answer_ms": 0 })).await;
    IAM.done(&lab, "ListRoles", &[]).await;
    let calls = lab.state().recent_calls;
    let [first, second, third] = calls.as_slice() else { panic!("{calls:?}") };
    let answered = |call: &adit_lab::ApiCall| call.answered.expect("an answer");
    assert!(second.arrived < answered(first).min(answered(second)), "{calls:?}");
    assert!(third.arrived > answered(first).max(answered(second)), "{calls:?}");
    assert!(answered(third) > third.arrived, "{calls:?}");
    assert_eq!(third.operation, "ListRoles");
    let continued: Vec<&str> =
        calls.iter().filter(|call| call.continues).map(|call| call.operation.as_str()).collect();
    assert_eq!(continued, ["DescribeSubnets"]);
}
