//! What documents may have, and how ARNs in them are compared.

use super::*;

#[test]
fn no_member_stands_twice_and_no_key_is_never_set() {
    let statement = r#"{ "Effect": "Allow", "Action": "*", "Resource": "*", CONDITION }"#;
    let bool = r#""Condition": { "Bool": { "aws:SecureTransport": "true" } }"#;
    let twice = r#""Condition": { "Bool": { "aws:SecureTransport": "true", "aws:SecureTransport": "false" } }"#;
    for (more, said) in [
        (bool, None),
        (r#""Effect": "Deny""#, Some("Syntax errors in policy.")),
        (twice, Some("Syntax errors in policy.")),
        (
            r#""Condition": { "StringLike": { "token.example.com:amr": "*" } }"#,
            Some("The condition key token.example.com:amr is not known to the lab."),
        ),
        (r#""Condition": {"#, Some("This policy contains invalid Json")),
    ] {
        let statement = statement.replace("CONDITION", more);
        let document = format!(r#"{{ "Version": "2012-10-17", "Statement": [{statement}] }}"#);
        let refused = Policy::identity(&document).err().map(|why| why.to_string());
        assert_eq!(refused.as_deref(), said, "{more}");
    }
}

#[test]
fn the_parts_of_an_arn_are_compared_one_by_one() {
    let arn = "arn:aws:iam::111122223333:role/team:a/ops";
    for (pattern, covers) in [
        ("arn:aws:iam::*:role/team:?/*", true),
        ("arn:*:iam::111122223333:role/*", true),
        ("*", true),
        // No star stands for more than one part.
        ("arn:aws:*:role/*", false),
        ("arn:aws:iam:*", false),
        ("arn:aws:iam::*:*:a/ops", true),
        ("*:111122223333:role/*", false),
    ] {
        let statement = json!({
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*",
            "Condition": { "ArnLike": { "aws:PrincipalArn": pattern } },
        });
        let known = context(&[("aws:PrincipalArn", arn)]);
        let said = identity(&statement).verdict("iam:GetUser", "*", &known);
        assert_eq!(said == Verdict::Allows, covers, "{pattern}");
    }
}
