//! The evaluator, by tables.

mod documents;

use serde_json::{Value, json};

use super::pattern::covers_action;
use super::*;

fn document(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn identity(statements: &Value) -> Policy {
    Policy::identity(&document(statements)).expect("a policy")
}

fn context(pairs: &[(&str, &str)]) -> Context {
    let mut context = Context::default();
    for (key, value) in pairs {
        context.set(key, value);
    }
    context
}

#[test]
fn patterns_cover_what_they_say() {
    for (pattern, action, covered) in [
        ("*", "ssm:GetParameter", true),
        ("ssm:*", "ssm:GetParameter", true),
        ("ssm:get*", "ssm:GetParameter", true),
        ("ssm:Get*ter", "ssm:GetParameter", true),
        ("ssm:Get?arameter", "ssm:GetParameter", true),
        ("ssm:Get?", "ssm:GetParameter", false),
        ("ssm:*x", "ssm:GetParameter", false),
        ("ssmmessages:*", "ssm:GetParameter", false),
        ("s*:*e*r", "ssm:GetParameter", true),
        ("", "ssm:GetParameter", false),
    ] {
        assert_eq!(covers_action(pattern, action), covered, "{pattern}");
    }
}

#[test]
fn a_statement_is_about_its_actions_and_resources() {
    let instance = "arn:aws:ec2:us-east-1:111122223333:instance/i-1";
    for (statement, action, resource, verdict) in [
        (
            json!({ "Action": "ssm:*", "Resource": "*" }),
            "ssm:StartSession",
            instance,
            Verdict::Allows,
        ),
        (
            json!({ "Action": "ssm:*", "Resource": instance }),
            "ssm:StartSession",
            instance,
            Verdict::Allows,
        ),
        (
            json!({ "Action": "ssm:*", "Resource": instance }),
            "ssm:StartSession",
            "*",
            Verdict::Silent,
        ),
        (
            json!({ "Action": "ssm:*", "Resource": "arn:aws:ec2:*:*:instance/i-?" }),
            "ssm:StartSession",
            instance,
            Verdict::Allows,
        ),
        (
            json!({ "Action": "ssm:*", "Resource": "arn:aws:ec2:*:*:instance/I-1" }),
            "ssm:StartSession",
            instance,
            Verdict::Silent,
        ),
        (
            json!({ "NotAction": "iam:*", "Resource": "*" }),
            "ssm:StartSession",
            "*",
            Verdict::Allows,
        ),
        (json!({ "NotAction": "iam:*", "Resource": "*" }), "iam:GetUser", "*", Verdict::Silent),
        (
            json!({ "Action": "*", "NotResource": [instance, "arn:aws:s3:::b"] }),
            "ssm:StartSession",
            instance,
            Verdict::Silent,
        ),
        (
            json!({ "Action": "*", "NotResource": instance }),
            "ssm:StartSession",
            "*",
            Verdict::Allows,
        ),
    ] {
        let mut statement = statement;
        statement["Effect"] = "Allow".into();
        let said = identity(&statement).verdict(action, resource, &Context::default());
        assert_eq!(said, verdict, "{statement} {action} {resource}");
    }
}

#[test]
fn a_denial_beats_every_permission() {
    let yes = json!({ "Effect": "Allow", "Action": "ssm:*", "Resource": "*" });
    let no = json!({ "Effect": "Deny", "Action": "ssm:Get*", "Resource": "*" });
    let ask = |list: &Value| identity(list).verdict("ssm:GetParameter", "*", &Context::default());
    assert_eq!(ask(&json!([yes])), Verdict::Allows);
    assert_eq!(ask(&json!([yes, no])), Verdict::Denies);
    assert_eq!(ask(&json!([no, yes])), Verdict::Denies);
}

#[test]
fn conditions_hold_as_their_operators_say() {
    let mfa = &[("aws:MultiFactorAuthPresent", "true"), ("aws:MultiFactorAuthAge", "60")][..];
    let none = &[][..];
    for (condition, pairs, holds) in [
        (json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), mfa, true),
        (json!({ "Bool": { "aws:multifactorauthpresent": true } }), mfa, true),
        // Long-lived keys have no such key in their requests.
        (json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } }), none, false),
        (json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } }), none, true),
        (json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } }), mfa, false),
        (json!({ "Null": { "aws:MultiFactorAuthAge": "true" } }), none, true),
        (json!({ "Null": { "aws:MultiFactorAuthAge": "true" } }), mfa, false),
        (json!({ "Null": { "aws:MultiFactorAuthAge": "false" } }), mfa, true),
        (json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "61" } }), mfa, true),
        (json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": 60 } }), mfa, false),
        (json!({ "NumericLessThanEquals": { "aws:MultiFactorAuthAge": 60 } }), mfa, true),
        (json!({ "NumericGreaterThan": { "aws:MultiFactorAuthAge": "59" } }), mfa, true),
        (json!({ "NumericGreaterThan": { "aws:MultiFactorAuthAge": "59" } }), none, false),
        (json!({ "NumericNotEquals": { "aws:MultiFactorAuthAge": "60" } }), mfa, false),
        (json!({ "StringEquals": { "sts:ExternalId": "a*" } }), &[("sts:ExternalId", "ab")], false),
        (
            json!({ "StringEquals": { "sts:ExternalId": ["x", "ab"] } }),
            &[("sts:ExternalId", "ab")],
            true,
        ),
        (json!({ "StringLike": { "sts:ExternalId": "a*" } }), &[("sts:ExternalId", "ab")], true),
        (
            json!({ "StringNotEquals": { "sts:ExternalId": ["x", "ab"] } }),
            &[("sts:ExternalId", "ab")],
            false,
        ),
        (json!({ "StringNotEquals": { "sts:ExternalId": "ab" } }), none, true),
        (
            json!({ "StringEqualsIgnoreCase": { "sts:ExternalId": "AB" } }),
            &[("sts:ExternalId", "ab")],
            true,
        ),
        (
            json!({ "DateLessThan": { "aws:TokenIssueTime": "2026-11-21T12:00:00.000Z" } }),
            &[("aws:TokenIssueTime", "2026-11-21T11:59:59Z")],
            true,
        ),
        (
            json!({ "DateLessThan": { "aws:TokenIssueTime": "2026-11-21T12:00:00Z" } }),
            &[("aws:TokenIssueTime", "2026-11-21T12:00:00Z")],
            false,
        ),
        (
            json!({ "DateGreaterThanEquals": { "aws:TokenIssueTime": 0 } }),
            &[("aws:TokenIssueTime", "2026-11-21T12:00:00Z")],
            true,
        ),
        (
            json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/ops-*" } }),
            &[("aws:PrincipalArn", "arn:aws:iam::111122223333:role/ops-1")],
            true,
        ),
        (
            json!({ "StringEquals": { "sts:RoleSessionName": "${aws:username}" } }),
            &[("sts:RoleSessionName", "ada"), ("aws:username", "ada")],
            true,
        ),
        (
            json!({ "StringEquals": { "token.example.com:sub": "repo:a" } }),
            &[("token.example.com:sub", "repo:a")],
            true,
        ),
        // All operators and all keys have to hold.
        (
            json!({
                "Bool": { "aws:MultiFactorAuthPresent": "true" },
                "StringEquals": { "sts:ExternalId": "ab" },
            }),
            mfa,
            false,
        ),
    ] {
        let statement =
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
        let said = identity(&statement).verdict("sts:AssumeRole", "*", &context(pairs));
        assert_eq!(said == Verdict::Allows, holds, "{condition} {pairs:?}");
    }
}

#[test]
fn variables_stand_for_the_caller() {
    let statement = json!({
        "Effect": "Allow",
        "Action": "iam:*",
        "Resource": ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:mfa/${*}${aws:userid, 'x'}"],
    });
    let policy = identity(&statement);
    let ada = context(&[("aws:username", "ada")]);
    for (resource, context, verdict) in [
        ("arn:aws:iam::111122223333:user/ada", &ada, Verdict::Allows),
        ("arn:aws:iam::111122223333:user/bob", &ada, Verdict::Silent),
        ("arn:aws:iam::111122223333:user/ada", &Context::default(), Verdict::Silent),
        ("arn:aws:iam::111122223333:mfa/*x", &ada, Verdict::Allows),
        ("arn:aws:iam::111122223333:mfa/yx", &ada, Verdict::Silent),
    ] {
        assert_eq!(policy.verdict("iam:GetUser", resource, context), verdict, "{resource}");
    }
    // A value with a star in it is no pattern.
    let star = context(&[("aws:username", "*")]);
    let said = policy.verdict("iam:GetUser", "arn:aws:iam::111122223333:user/bob", &star);
    assert_eq!(said, Verdict::Silent);
}

#[test]
fn what_is_not_known_is_refused() {
    let condition = |block: Value| json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": block });
    for (statement, said) in [
        (
            condition(json!({ "StringMatches": { "aws:userid": "x" } })),
            "Invalid Condition type : StringMatches.",
        ),
        (
            condition(json!({ "NullIfExists": { "aws:userid": "true" } })),
            "Invalid Condition type : NullIfExists.",
        ),
        (
            condition(json!({ "ForAnyValue:StringEquals": { "aws:userid": "x" } })),
            "Invalid Condition type : ForAnyValue:StringEquals.",
        ),
        (
            condition(json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } })),
            "Invalid Condition type : IpAddress.",
        ),
        (
            condition(json!({ "StringEquals": { "aws:SourceVpc": "x" } })),
            "The condition key aws:SourceVpc is not known to the lab.",
        ),
        (
            condition(json!({ "Bool": { "aws:MultiFactorAuthPresent": "yes" } })),
            "Syntax errors in policy.",
        ),
        (
            condition(json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "x" } })),
            "Syntax errors in policy.",
        ),
        (
            condition(json!({ "DateLessThan": { "aws:TokenIssueTime": "noon" } })),
            "Syntax errors in policy.",
        ),
        (
            condition(json!({ "StringEquals": { "aws:userid": "${aws:PrincipalTag/team}" } })),
            "The policy variable ${aws:PrincipalTag/team} is not known to the lab.",
        ),
        (
            json!({ "Effect": "Allow", "Action": "*", "Resource": "instance" }),
            "Resource instance must be in ARN format or \"*\".",
        ),
        (
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Extra": 1 }),
            "Syntax errors in policy.",
        ),
    ] {
        let refused = Policy::identity(&document(&statement)).expect_err("a refusal");
        assert_eq!(refused.to_string(), said, "{statement}");
    }
}

#[test]
fn a_trust_policy_names_somebody_or_his_account() {
    let user = vec!["arn:aws:iam::111122223333:user/ada".to_owned()];
    let session = vec![
        "arn:aws:iam::111122223333:role/ops".to_owned(),
        "arn:aws:sts::111122223333:assumed-role/ops/ada".to_owned(),
    ];
    let ada = Who::Aws { account: "111122223333", arns: &user };
    let ops = Who::Aws { account: "111122223333", arns: &session };
    for (principal, who, trust) in [
        (json!("*"), &ada, Trust::Named),
        (json!({ "AWS": "*" }), &ada, Trust::Named),
        (json!({ "AWS": "111122223333" }), &ada, Trust::Account),
        (json!({ "AWS": "arn:aws:iam::111122223333:root" }), &ada, Trust::Account),
        (json!({ "AWS": "arn:aws:iam::444455556666:root" }), &ada, Trust::Silent),
        (json!({ "AWS": ["arn:aws:iam::111122223333:user/ada"] }), &ada, Trust::Named),
        (json!({ "AWS": "arn:aws:iam::111122223333:user/bob" }), &ada, Trust::Silent),
        (json!({ "AWS": "arn:aws:iam::111122223333:role/ops" }), &ops, Trust::Named),
        (json!({ "AWS": "arn:aws:sts::111122223333:assumed-role/ops/ada" }), &ops, Trust::Named),
        (json!({ "AWS": "arn:aws:sts::111122223333:assumed-role/ops/bob" }), &ops, Trust::Silent),
        (json!({ "Service": "ec2.amazonaws.com" }), &ada, Trust::Silent),
        (
            json!({ "Service": "ec2.amazonaws.com" }),
            &Who::Service("ec2.amazonaws.com"),
            Trust::Named,
        ),
        (json!({ "Federated": "arn:p" }), &Who::Federated("arn:p"), Trust::Named),
        (json!({ "Federated": "arn:p" }), &Who::Federated("arn:q"), Trust::Silent),
    ] {
        let statement =
            json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
        let policy = Policy::trust(&document(&statement)).expect("a policy");
        let said = policy.trusts(who, "sts:AssumeRole", &Context::default());
        assert_eq!(said, trust, "{principal}");
        // Another action is another matter.
        let said = policy.trusts(who, "sts:SetSourceIdentity", &Context::default());
        assert_eq!(said, Trust::Silent, "{principal}");
    }
}

#[test]
fn a_trust_policy_denies_and_asks_for_conditions() {
    let allow =
        json!({ "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "sts:*" });
    let no_mfa = json!({
        "Effect": "Deny",
        "Principal": { "AWS": "*" },
        "Action": "sts:AssumeRole",
        "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } },
    });
    let policy = Policy::trust(&document(&json!([allow, no_mfa]))).expect("a policy");
    let who = Who::Aws { account: "111122223333", arns: &[] };
    let with = context(&[("aws:MultiFactorAuthPresent", "true")]);
    assert_eq!(policy.trusts(&who, "sts:AssumeRole", &with), Trust::Account);
    assert_eq!(policy.trusts(&who, "sts:AssumeRole", &Context::default()), Trust::Denied);
}

#[test]
fn trust_policies_that_name_nobody_are_refused() {
    for (principal, said) in [
        (json!({ "AWS": "ada" }), "Invalid principal in policy: \"AWS\":\"ada\""),
        (
            json!({ "AWS": "arn:aws:iam::111122223333:user/*" }),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/*\"",
        ),
        (json!({ "CanonicalUser": "x" }), "Invalid principal in policy: CanonicalUser"),
        (json!("ada"), "Syntax errors in policy."),
    ] {
        let statement =
            json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
        let refused = Policy::trust(&document(&statement)).expect_err("a refusal");
        assert_eq!(refused.to_string(), said);
    }
    let other = json!({ "Effect": "Allow", "NotPrincipal": "*", "Action": "sts:AssumeRole" });
    let refused = Policy::trust(&document(&other)).expect_err("a refusal");
    assert_eq!(refused.to_string(), "NotPrincipal is not known to the lab.");
    let other = json!({ "Effect": "Allow", "Principal": "*", "NotAction": "sts:TagSession" });
    let refused = Policy::trust(&document(&other)).expect_err("a refusal");
    assert_eq!(refused.to_string(), "NotAction is not known to the lab in a trust policy.");
}

#[test]
fn the_managed_policies_are_policies() {
    let ask = |name: &str, action: &str| {
        let document = managed(&format!("arn:aws:iam::aws:policy/{name}")).expect(name);
        let policy = Policy::identity(document).expect(name);
        policy.verdict(action, "*", &Context::default())
    };
    let core = "AmazonSSMManagedInstanceCore";
    assert_eq!(ask(core, "ssmmessages:CreateControlChannel"), Verdict::Allows);
    assert_eq!(ask(core, "ssm:StartSession"), Verdict::Silent);
    assert_eq!(ask("AdministratorAccess", "ssm:StartSession"), Verdict::Allows);
}
