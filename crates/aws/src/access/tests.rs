//! The forms are those of "Troubleshoot access denied error messages",
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>, unless
//! another place is named.

use super::*;

fn parse(message: &str) -> Denial {
    Denial::parse("Call", "AccessDenied", message)
}

#[test]
fn a_missing_permission_names_all_that_a_statement_needs() {
    let denial = parse(
        "User: arn:aws:sts::111122223333:assumed-role/dev/jo is not authorized to perform: rds:DescribeDBInstances on resource: arn:aws:rds:eu-west-1:111122223333:db:orders because no identity-based policy allows the rds:DescribeDBInstances action",
    );
    assert_eq!(
        denial,
        Denial {
            principal: Some("arn:aws:sts::111122223333:assumed-role/dev/jo".to_owned()),
            account: Some("111122223333".to_owned()),
            action: Some("rds:DescribeDBInstances".to_owned()),
            resource: Some("arn:aws:rds:eu-west-1:111122223333:db:orders".to_owned()),
            cause: Cause::NotAllowed(Policy::Identity),
            policy: None,
        }
    );
    assert_eq!(
        denial.hints(),
        [
            r#"a policy of the role dev (account 111122223333) needs: {"Effect":"Allow","Action":"rds:DescribeDBInstances","Resource":"arn:aws:rds:eu-west-1:111122223333:db:orders"}"#
        ]
    );
}

#[test]
fn each_kind_of_policy_is_told_apart() {
    let user = "User: arn:aws:iam::777788889999:user/JohnDoe is not authorized to perform:";
    for (end, cause) in [
        (
            "codecommit:ListRepositories because no service control policy allows the codecommit:ListRepositories action",
            Cause::NotAllowed(Policy::ServiceControl),
        ),
        (
            "codecommit:ListRepositories with an explicit deny in a service control policy",
            Cause::Denied(Policy::ServiceControl),
        ),
        (
            "secretsmanager:GetSecretValue because no VPC endpoint policy allows the secretsmanager:GetSecretValue action",
            Cause::NotAllowed(Policy::Endpoint),
        ),
        (
            "codedeploy:ListDeployments on resource: arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:* because no permissions boundary allows the codedeploy:ListDeployments action",
            Cause::NotAllowed(Policy::Boundary),
        ),
        (
            "sso:ListInstances with an explicit deny in a permissions boundary",
            Cause::Denied(Policy::Boundary),
        ),
        (
            "sso:ListInstances because no session policy allows the sso:ListInstances action",
            Cause::NotAllowed(Policy::Session),
        ),
        (
            "sso:ListInstances with an explicit deny in a session policy",
            Cause::Denied(Policy::Session),
        ),
        (
            "secretsmanager:GetSecretValue because no resource-based policy allows the secretsmanager:GetSecretValue action",
            Cause::NotAllowed(Policy::Resource),
        ),
        (
            "secretsmanager:GetSecretValue with an explicit deny in a resource-based policy",
            Cause::Denied(Policy::Resource),
        ),
        (
            "codecommit:ListRepositories with an explicit deny in an identity-based policy",
            Cause::Denied(Policy::Identity),
        ),
        (
            "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:* with an explicit deny in a resource control policy",
            Cause::Denied(Policy::ResourceControl),
        ),
        // A note of the same page says that this is what an SCP's denial may read like.
        (
            "ec2:RunInstances due to an explicit deny in a Service Control Policy",
            Cause::Denied(Policy::ServiceControl),
        ),
        ("codecommit:ListRepositories", Cause::Unknown),
    ] {
        let denial = parse(&format!("{user} {end}"));
        assert_eq!(denial.cause, cause, "{end}");
        assert_eq!(denial.account.as_deref(), Some("777788889999"), "{end}");
        let allowing =
            matches!(cause, Cause::Unknown | Cause::NotAllowed(Policy::Boundary | Policy::Session));
        assert_eq!(denial.statement().is_some(), allowing, "{end}");
        assert_eq!(denial.hints().len(), 1, "{end}");
        assert_eq!(denial.hints()[0].contains(r#""Effect":"Allow""#), allowing, "{end}");
    }
}

/// As in <https://github.com/aws/karpenter-provider-aws/issues/1536>.
#[test]
fn what_ec2_leaves_out_is_taken_from_the_call() {
    let denial = Denial::parse(
        "RunInstances",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm",
    );
    assert_eq!(denial.action.as_deref(), Some("ec2:RunInstances"));
    assert_eq!(
        denial.statement().unwrap(),
        r#"{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*"}"#
    );
    assert_eq!(denial.sentence().unwrap(), "the caller may not ec2:RunInstances");
    assert!(denial.hints()[0].starts_with("a policy of the caller needs"));
}

/// As in <https://github.com/aws/karpenter-provider-aws/issues/7370>.
#[test]
fn ec2_tells_more_before_what_it_encodes() {
    let denial = Denial::parse(
        "RunInstances",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/karpenter/1731429849551905269 is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-2:111122223333:instance/* with an explicit deny in a service control policy. Encoded authorization failure message: g4oZPBqZ4Bni8dE5dGjxYTnOZ",
    );
    assert_eq!(denial.cause, Cause::Denied(Policy::ServiceControl));
    assert_eq!(denial.resource.as_deref(), Some("arn:aws:ec2:us-east-2:111122223333:instance/*"));
    assert_eq!(denial.policy, None);
    assert_eq!(denial.statement(), None);
}

#[test]
fn a_policy_that_denies_is_named() {
    let denial = parse(
        "User: arn:aws:iam::111122223333:user/jo is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:ap-south-1:111122223333:instance/* with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3. Encoded authorization failure message: GHi3",
    );
    assert_eq!(denial.cause, Cause::Denied(Policy::Identity));
    assert!(
        denial.hints()[0].contains(
            "the identity-based policy arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3 has to"
        ),
        "{:?}",
        denial.hints()
    );
}

/// A role that may not be passed is refused by the call that passes it.
#[test]
fn an_action_of_another_service_is_the_one_that_is_named() {
    let denial = Denial::parse(
        "RunInstances",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/team/jo is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/adit/adit-bastion-vpc-1 because no identity-based policy allows the iam:PassRole action. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm",
    );
    assert_eq!(denial.action.as_deref(), Some("iam:PassRole"));
    assert_eq!(
        denial.sentence().unwrap(),
        "arn:aws:iam::111122223333:user/team/jo may not iam:PassRole on arn:aws:iam::111122223333:role/adit/adit-bastion-vpc-1: no identity-based policy allows it"
    );
    assert!(denial.hints()[0].starts_with("a policy of the user jo (account 111122223333)"));
}

/// As in <https://github.com/aws/aws-cdk/issues/27067>: IAM names no ARN and no path.
#[test]
fn what_iam_names_by_its_kind_becomes_an_arn() {
    for (named, arn) in [
        ("role cdk-publishing", "arn:aws-cn:iam::111122223333:role/*cdk-publishing"),
        ("instance profile web", "arn:aws-cn:iam::111122223333:instance-profile/*web"),
        ("user jo", "arn:aws-cn:iam::111122223333:user/*jo"),
        ("policy arn:aws-cn:iam::aws:policy/X", "arn:aws-cn:iam::aws:policy/X"),
        ("arn:aws-cn:iam::111122223333:role/adit/", "arn:aws-cn:iam::111122223333:role/adit/"),
    ] {
        let denial = parse(&format!(
            "User: arn:aws-cn:iam::111122223333:user/matt is not authorized to perform: iam:X on resource: {named} because no identity-based policy allows the iam:X action. Go to https://us-east-1.console.aws.amazon.com/iam/home for complete details",
        ));
        assert_eq!(denial.resource.as_deref(), Some(arn), "{named}");
        assert_eq!(denial.cause, Cause::NotAllowed(Policy::Identity), "{named}");
    }
}

/// The message names the first resource that is missing; allowing that one leads to the next refusal.
#[test]
fn a_call_on_several_resources_gets_a_statement_for_all_of_them() {
    let place = "arn:aws:ec2:eu-west-1:111122223333";
    for (action, resource, allowed) in [
        (
            "ec2:RunInstances",
            "arn:aws:ec2:eu-west-1:111122223333:instance/*",
            format!(r#"["{place}:*","arn:aws:ec2:eu-west-1::image/*"]"#),
        ),
        (
            "ec2:RunInstances",
            "arn:aws:ec2:eu-west-1::image/ami-1",
            format!(r#"["{place}:*","arn:aws:ec2:eu-west-1::image/*"]"#),
        ),
        (
            "ec2:CreateSecurityGroup",
            "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1",
            format!(r#""{place}:*""#),
        ),
        (
            "ec2:StartInstances",
            "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
            format!(r#""{place}:instance/i-1""#),
        ),
    ] {
        let denial = parse(&format!(
            "User: arn:aws:iam::111122223333:user/jo is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action",
        ));
        let expected = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":{allowed}}}"#);
        assert_eq!(denial.statement().unwrap(), expected);
        serde_json::from_str::<serde_json::Value>(&expected).unwrap();
    }
}

#[test]
fn a_message_that_tells_nothing_is_not_guessed_at() {
    let denial = parse("User is not authorized");
    assert_eq!(denial.sentence(), None);
    assert_eq!(denial.statement(), None);
    assert!(denial.hints().is_empty());
}

#[test]
fn a_quote_in_a_message_cannot_leave_the_statement() {
    let denial = parse(
        r#"User: x is not authorized to perform: a:B","Resource":"*" on resource: c"d because"#,
    );
    assert_eq!(denial.statement().unwrap(), r#"{"Effect":"Allow","Action":"a:B","Resource":"c"}"#);
}
