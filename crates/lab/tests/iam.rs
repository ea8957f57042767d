//! IAM: what it keeps, and what it refuses as the real one does.

use serde_json::json;

use crate::support::http::fault;
use crate::support::lab;
use crate::support::query::IAM;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssmmessages:*"],"Resource":"*"}]}"#;

const CORE: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

/// A role's parameters.
fn role(name: &str) -> [(&str, &str); 2] {
    [("RoleName", name), ("AssumeRolePolicyDocument", TRUST)]
}

#[tokio::test]
async fn a_role_is_kept_as_it_was_made() {
    let lab = lab().await;
    let params = [
        ("RoleName", "adit-bastion"),
        ("AssumeRolePolicyDocument", TRUST),
        ("Path", "/adit/"),
        ("Description", "a <b> & c"),
        ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/edge"),
        ("Tags.member.1.Key", "adit:purpose"),
        ("Tags.member.1.Value", "bastion-role"),
        ("Tags.member.2.Key", "Name"),
        ("Tags.member.2.Value", ""),
    ];
    let made = IAM.done(&lab, "CreateRole", &params).await;
    let got = IAM.done(&lab, "GetRole", &[("RoleName", "adit-bastion")]).await;
    for answer in [&made, &got] {
        assert_eq!(answer.text("Arn"), "arn:aws:iam::111122223333:role/adit/adit-bastion");
        assert_eq!(answer.text("Path"), "/adit/");
        assert_eq!(answer.text("Description"), "a <b> & c");
        let boundary = "arn:aws:iam::111122223333:policy/edge";
        assert_eq!(answer.text("PermissionsBoundaryArn"), boundary);
        assert_eq!(answer.texts("Key"), ["Name", "adit:purpose"]);
        let trust = answer.text("AssumeRolePolicyDocument");
        assert!(trust.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{trust}");
    }
    let id = made.text("RoleId");
    assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
    assert_eq!(got.text("RoleId"), id);
    // Listings leave out the tags and the boundary.
    let listed = IAM.done(&lab, "ListRoles", &[("PathPrefix", "/adit/")]).await;
    assert_eq!(listed.texts("RoleName"), ["adit-bastion"]);
    assert!(!listed.has("Tags") && !listed.has("PermissionsBoundary"));
    let elsewhere = IAM.done(&lab, "ListRoles", &[("PathPrefix", "/other/")]).await;
    assert!(elsewhere.texts("RoleName").is_empty());
}

#[tokio::test]
async fn names_documents_and_tags_are_checked() {
    let lab = lab().await;
    let long = "r".repeat(65);
    for (params, code, hint) in [
        (vec![("RoleName", "r")], "ValidationError", "assumeRolePolicyDocument"),
        (vec![("AssumeRolePolicyDocument", TRUST)], "ValidationError", "roleName"),
        (role("a b").to_vec(), "ValidationError", "roleName"),
        (role(&long).to_vec(), "ValidationError", "less than or equal to 64"),
        (
            vec![("RoleName", "r"), ("AssumeRolePolicyDocument", "{")],
            "MalformedPolicyDocument",
            "invalid Json",
        ),
        (
            vec![("RoleName", "r"), ("AssumeRolePolicyDocument", POLICY)],
            "MalformedPolicyDocument",
            "Principal",
        ),
        ([&role("r")[..], &[("Path", "adit")]].concat(), "ValidationError", "path"),
        ([&role("r")[..], &[("PermissionsBoundary", "edge")]].concat(), "ValidationError", "edge"),
        (
            [
                &role("r")[..],
                &[("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "1")],
                &[("Tags.member.2.Key", "K"), ("Tags.member.2.Value", "2")],
            ]
            .concat(),
            "InvalidInput",
            "case insensitive",
        ),
        (
            [&role("r")[..], &[("Tags.member.1.Key", "aws:k"), ("Tags.member.1.Value", "1")]]
                .concat(),
            "InvalidInput",
            "aws:",
        ),
    ] {
        let (status, got, message) = IAM.refused(&lab, "CreateRole", &params).await;
        assert_eq!((status, got.as_str()), (400, code), "{params:?}: {message}");
        assert!(message.contains(hint), "{params:?}: {message}");
    }
    assert!(IAM.done(&lab, "ListRoles", &[]).await.texts("RoleName").is_empty());
    IAM.done(&lab, "CreateRole", &role("Taken")).await;
    let (status, code, message) = IAM.refused(&lab, "CreateRole", &role("taken")).await;
    assert_eq!((status, code.as_str()), (409, "EntityAlreadyExists"));
    assert_eq!(message, "Role with name taken already exists.");
}

#[tokio::test]
async fn a_role_goes_when_nothing_holds_it() {
    let lab = lab().await;
    let name = ("RoleName", "r");
    IAM.done(&lab, "CreateRole", &role("r")).await;
    let inline = [name, ("PolicyName", "p"), ("PolicyDocument", POLICY)];
    IAM.done(&lab, "PutRolePolicy", &inline).await;
    let attached = [name, ("PolicyArn", CORE)];
    IAM.done(&lab, "AttachRolePolicy", &attached).await;
    // Once more is not an error.
    IAM.done(&lab, "AttachRolePolicy", &attached).await;
    let profile = ("InstanceProfileName", "i");
    IAM.done(&lab, "CreateInstanceProfile", &[profile]).await;
    IAM.done(&lab, "AddRoleToInstanceProfile", &[profile, name]).await;
    let both = [profile, name];
    for (first, operation, params) in [
        ("must remove roles from instance profile first.", "RemoveRoleFromInstanceProfile", &both),
        ("must detach all policies first.", "DetachRolePolicy", &attached),
        ("must delete policies first.", "DeleteRolePolicy", &[name, ("PolicyName", "p")]),
    ] {
        let refusal = IAM.refused(&lab, "DeleteRole", &[name]).await;
        let message = format!("Cannot delete entity, {first}");
        assert_eq!(refusal, (409, "DeleteConflict".to_owned(), message));
        IAM.done(&lab, operation, params).await;
        let (status, code, _) = IAM.refused(&lab, operation, params).await;
        assert_eq!((status, code.as_str()), (404, "NoSuchEntity"), "{operation} once more");
    }
    IAM.done(&lab, "DeleteRole", &[name]).await;
    let gone = (404, "NoSuchEntity".to_owned(), "The role with name r cannot be found.".to_owned());
    assert_eq!(IAM.refused(&lab, "DeleteRole", &[name]).await, gone);
    assert_eq!(IAM.refused(&lab, "GetRole", &[name]).await, gone);
    assert_eq!(IAM.refused(&lab, "ListRolePolicies", &[name]).await, gone);
}

#[tokio::test]
async fn an_instance_profile_has_one_role() {
    let lab = lab().await;
    let (profile, first) = (("InstanceProfileName", "i"), ("RoleName", "first"));
    IAM.done(&lab, "CreateRole", &role("first")).await;
    IAM.done(&lab, "CreateRole", &role("second")).await;
    let tagged = [profile, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    let made = IAM.done(&lab, "CreateInstanceProfile", &tagged).await;
    assert!(made.text("InstanceProfileId").starts_with("AIPA"));
    assert!(made.text("Roles").is_empty());
    let (status, code, _) = IAM.refused(&lab, "CreateInstanceProfile", &[profile]).await;
    assert_eq!((status, code.as_str()), (409, "EntityAlreadyExists"));
    let (_, code, message) =
        IAM.refused(&lab, "AddRoleToInstanceProfile", &[profile, ("RoleName", "third")]).await;
    assert_eq!((code.as_str(), message.contains("third")), ("NoSuchEntity", true));
    IAM.done(&lab, "AddRoleToInstanceProfile", &[profile, first]).await;
    for name in ["first", "second"] {
        let params = [profile, ("RoleName", name)];
        let (status, code, message) = IAM.refused(&lab, "AddRoleToInstanceProfile", &params).await;
        assert_eq!((status, code.as_str()), (409, "LimitExceeded"));
        assert_eq!(message, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
    }
    let got = IAM.done(&lab, "GetInstanceProfile", &[profile]).await;
    assert_eq!(got.texts("RoleName"), ["first"]);
    assert_eq!(got.texts("Key"), ["k"]);
    let listed = IAM.done(&lab, "ListInstanceProfilesForRole", &[first]).await;
    assert_eq!(listed.texts("InstanceProfileName"), ["i"]);
    let others = IAM.done(&lab, "ListInstanceProfilesForRole", &[("RoleName", "second")]).await;
    assert!(others.texts("InstanceProfileName").is_empty());
    let (_, code, message) = IAM.refused(&lab, "DeleteInstanceProfile", &[profile]).await;
    assert_eq!(code, "DeleteConflict", "{message}");
    IAM.done(&lab, "RemoveRoleFromInstanceProfile", &[profile, first]).await;
    IAM.done(&lab, "DeleteInstanceProfile", &[profile]).await;
    let (status, _, message) = IAM.refused(&lab, "GetInstanceProfile", &[profile]).await;
    assert_eq!((status, message.as_str()), (404, "Instance Profile i cannot be found."));
}

#[tokio::test]
async fn policies_are_kept_and_checked() {
    let lab = lab().await;
    let name = ("RoleName", "r");
    IAM.done(&lab, "CreateRole", &role("r")).await;
    let put = |document| [name, ("PolicyName", "p"), ("PolicyDocument", document)];
    for (document, hint) in [
        ("[]", "Syntax errors"),
        (TRUST, "principal"),
        (r#"{"Statement":{"Effect":"Allow","Action":"s:*"}}"#, "resources"),
        (r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#, "actions"),
        (r#"{"Statement":{"Effect":"Allow","Action":"go","Resource":"*"}}"#, "vendor"),
        (
            r#"{"Version":"1","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "version",
        ),
    ] {
        let (status, code, message) = IAM.refused(&lab, "PutRolePolicy", &put(document)).await;
        assert_eq!((status, code.as_str()), (400, "MalformedPolicyDocument"), "{document}");
        assert!(message.contains(hint), "{document}: {message}");
    }
    IAM.done(&lab, "PutRolePolicy", &put(POLICY)).await;
    IAM.done(&lab, "PutRolePolicy", &put(POLICY)).await;
    let listed = IAM.done(&lab, "ListRolePolicies", &[name]).await;
    assert_eq!(listed.texts("member"), ["p"]);
    let got = IAM.done(&lab, "GetRolePolicy", &[name, ("PolicyName", "p")]).await;
    assert!(got.text("PolicyDocument").contains("ssmmessages%3A%2A"), "{}", got.0);
    let long = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"s:{}","Resource":"*"}}}}"#,
        "a".repeat(10_240)
    );
    let (_, code, _) = IAM.refused(&lab, "PutRolePolicy", &put(&long)).await;
    assert_eq!(code, "LimitExceeded");
    let nowhere = [name, ("PolicyArn", "arn:aws:iam::aws:policy/Nothing")];
    let (status, code, message) = IAM.refused(&lab, "AttachRolePolicy", &nowhere).await;
    assert_eq!((status, code.as_str()), (404, "NoSuchEntity"));
    assert!(message.ends_with("does not exist or is not attachable."), "{message}");
    IAM.done(&lab, "AttachRolePolicy", &[name, ("PolicyArn", CORE)]).await;
    let attached = IAM.done(&lab, "ListAttachedRolePolicies", &[name]).await;
    assert_eq!(attached.texts("PolicyName"), ["AmazonSSMManagedInstanceCore"]);
}

#[tokio::test]
async fn tags_are_told_apart_without_their_case() {
    let lab = lab().await;
    let name = ("RoleName", "r");
    IAM.done(&lab, "CreateRole", &role("r")).await;
    let tag = |key, value| [name, ("Tags.member.1.Key", key), ("Tags.member.1.Value", value)];
    IAM.done(&lab, "TagRole", &tag("Owner", "one")).await;
    IAM.done(&lab, "TagRole", &tag("owner", "two")).await;
    IAM.done(&lab, "TagRole", &tag("Name", "r")).await;
    let tags = IAM.done(&lab, "ListRoleTags", &[name]).await;
    assert_eq!(tags.texts("Key"), ["Name", "owner"]);
    assert_eq!(tags.texts("Value"), ["r", "two"]);
    IAM.done(&lab, "UntagRole", &[name, ("TagKeys.member.1", "OWNER")]).await;
    assert_eq!(IAM.done(&lab, "ListRoleTags", &[name]).await.texts("Key"), ["Name"]);
    let keys: Vec<_> = (0..51).map(|n| (format!("Tags.member.{n}.Key"), n.to_string())).collect();
    let values: Vec<_> = (0..51).map(|n| format!("Tags.member.{n}.Value")).collect();
    let mut params = vec![name];
    params.extend(keys.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    params.extend(values.iter().map(|name| (name.as_str(), "")));
    let (status, code, _) = IAM.refused(&lab, "TagRole", &params).await;
    assert_eq!((status, code.as_str()), (409, "LimitExceeded"));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let lab = lab().await;
    for name in ["a", "b", "c", "d", "e"] {
        IAM.done(&lab, "CreateRole", &role(name)).await;
    }
    let first = IAM.done(&lab, "ListRoles", &[("MaxItems", "3")]).await;
    assert_eq!(first.texts("RoleName"), ["a", "b", "c"]);
    assert_eq!(first.text("IsTruncated"), "true");
    let marker = first.text("Marker");
    let rest = IAM.done(&lab, "ListRoles", &[("Marker", &marker)]).await;
    assert_eq!(rest.texts("RoleName"), ["d", "e"]);
    assert_eq!(rest.text("IsTruncated"), "false");
    assert!(!rest.has("Marker"));
    for params in [[("MaxItems", "0")], [("MaxItems", "1001")], [("Marker", "nonsense")]] {
        let (status, code, _) = IAM.refused(&lab, "ListRoles", &params).await;
        assert_eq!((status, code.as_str()), (400, "ValidationError"), "{params:?}");
    }
    fault(&lab, json!({ "page_size": 1 })).await;
    let short = IAM.done(&lab, "ListRoles", &[]).await;
    assert_eq!(short.texts("RoleName"), ["a"]);
    assert_eq!(short.text("IsTruncated"), "true");
}

#[tokio::test]
async fn the_caller_can_be_asked_for() {
    let lab = lab().await;
    let user = IAM.done(&lab, "GetUser", &[]).await;
    assert_eq!(user.text("Arn"), "arn:aws:iam::111122223333:user/lab");
    assert_eq!(IAM.done(&lab, "GetUser", &[("UserName", "lab")]).await.text("UserName"), "lab");
    let (status, code, _) = IAM.refused(&lab, "GetUser", &[("UserName", "who")]).await;
    assert_eq!((status, code.as_str()), (404, "NoSuchEntity"));
    let devices = IAM.done(&lab, "ListMFADevices", &[]).await;
    assert!(devices.texts("member").is_empty());
}

#[tokio::test]
async fn a_trust_policy_can_be_changed_and_a_boundary_removed() {
    let lab = lab().await;
    let name = ("RoleName", "r");
    IAM.done(&lab, "CreateRole", &role("r")).await;
    let other = TRUST.replace("ec2.", "ecs-tasks.");
    IAM.done(&lab, "UpdateAssumeRolePolicy", &[name, ("PolicyDocument", &other)]).await;
    let trust = IAM.done(&lab, "GetRole", &[name]).await.text("AssumeRolePolicyDocument");
    assert!(trust.contains("ecs-tasks"), "{trust}");
    let (_, code, _) =
        IAM.refused(&lab, "UpdateAssumeRolePolicy", &[name, ("PolicyDocument", POLICY)]).await;
    assert_eq!(code, "MalformedPolicyDocument");
    let boundary = [name, ("PermissionsBoundary", CORE)];
    IAM.done(&lab, "PutRolePermissionsBoundary", &boundary).await;
    assert_eq!(IAM.done(&lab, "GetRole", &[name]).await.text("PermissionsBoundaryArn"), CORE);
    IAM.done(&lab, "DeleteRolePermissionsBoundary", &[name]).await;
    assert!(!IAM.done(&lab, "GetRole", &[name]).await.has("PermissionsBoundary"));
}
