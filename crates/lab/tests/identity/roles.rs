//! Who may take a role on.

use super::*;

#[tokio::test]
async fn a_role_wants_mfa_and_says_so_to_nobody() {
    let lab = lab().await;
    let (ada, serial) = user(&lab, "ada", &["sts:AssumeRole"]);
    let condition = json!({
        "Bool": { "aws:MultiFactorAuthPresent": "true" },
        "NumericLessThan": { "aws:MultiFactorAuthAge": "3600" },
    });
    let ops = role(&lab, "ops", &json!({ "AWS": ROOT }), condition);
    let (code, message) = ada.refused(&lab, "AssumeRole", &assume(&ops)).await;
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        message,
        format!(
            "User: arn:aws:iam::111122223333:user/ada is not authorized to perform: \
             sts:AssumeRole on resource: {ops}"
        )
    );
    // With the code in the call itself.
    let shown = current(&lab, &serial);
    let mfa = [("SerialNumber", serial.as_str()), ("TokenCode", shown.as_str())];
    let assumed = ada.done(&lab, "AssumeRole", &[&assume(&ops)[..], &mfa].concat()).await;
    assert_eq!(assumed.text("Arn"), "arn:aws:sts::111122223333:assumed-role/ops/ada");
    // From a session that a code was given for, as long as the role's policy says.
    advance(&lab, Duration::from_mins(1));
    let shown = current(&lab, &serial);
    let mfa = [("SerialNumber", serial.as_str()), ("TokenCode", shown.as_str())];
    let session = Keys::of(&ada.done(&lab, "GetSessionToken", &mfa).await);
    session.done(&lab, "AssumeRole", &assume(&ops)).await;
    advance(&lab, Duration::from_mins(59));
    session.done(&lab, "AssumeRole", &assume(&ops)).await;
    advance(&lab, Duration::from_mins(2));
    assert_eq!(session.refused(&lab, "AssumeRole", &assume(&ops)).await.0, "AccessDenied");
    // A session without a code is none.
    let plain = Keys::of(&ada.done(&lab, "GetSessionToken", &[]).await);
    assert_eq!(plain.refused(&lab, "AssumeRole", &assume(&ops)).await.0, "AccessDenied");
    // A role that is not there is refused like one that may not be assumed.
    let nowhere = "arn:aws:iam::111122223333:role/nowhere";
    assert_eq!(ada.refused(&lab, "AssumeRole", &assume(nowhere)).await.0, "AccessDenied");
}

#[tokio::test]
async fn trust_and_the_callers_own_policies_both_count() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["sts:AssumeRole"]);
    let (bob, _) = user(&lab, "bob", &["ssm:*"]);
    let account = role(&lab, "account", &json!({ "AWS": "111122223333" }), Value::Null);
    let named =
        role(&lab, "named", &json!({ "AWS": "arn:aws:iam::111122223333:user/bob" }), Value::Null);
    ada.done(&lab, "AssumeRole", &assume(&account)).await;
    let (_, message) = bob.refused(&lab, "AssumeRole", &assume(&account)).await;
    let because = "because no identity-based policy allows the sts:AssumeRole action";
    assert!(message.ends_with(because), "{message}");
    // Named by the role himself, he needs no policy of his own.
    bob.done(&lab, "AssumeRole", &assume(&named)).await;
    let (_, message) = ada.refused(&lab, "AssumeRole", &assume(&named)).await;
    assert!(message.ends_with(&named), "{message}");

    let outside = role(
        &lab,
        "outside",
        &json!({ "AWS": ROOT }),
        json!({ "StringEquals": { "sts:ExternalId": "4711" } }),
    );
    ada.refused(&lab, "AssumeRole", &assume(&outside)).await;
    let id = [("ExternalId", "4711")];
    ada.done(&lab, "AssumeRole", &[&assume(&outside)[..], &id].concat()).await;
    let long = [("RoleArn", account.as_str()), ("RoleSessionName", "a b")];
    let (code, message) = ada.refused(&lab, "AssumeRole", &long).await;
    assert_eq!(code, "ValidationError");
    assert!(message.contains("'roleSessionName'"), "{message}");
    let tags = [&assume(&account)[..], &[("Tags.member.1.Key", "k")]].concat();
    let (_, message) = ada.refused(&lab, "AssumeRole", &tags).await;
    assert!(message.contains("Tags"), "{message}");
}

#[tokio::test]
async fn chains_end_after_an_hour_and_keep_their_source_identity() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["sts:*"]);
    let first = role(&lab, "first", &json!({ "AWS": ROOT }), Value::Null);
    let second = role(
        &lab,
        "second",
        &json!({ "AWS": first }),
        json!({
            "StringLike": { "sts:RoleSessionName": "ad*" },
        }),
    );
    let two_hours = [&assume(&first)[..], &[("DurationSeconds", "7200")]].concat();
    ada.done(&lab, "AssumeRole", &two_hours).await;
    let longer = [&assume(&first)[..], &[("DurationSeconds", "7201")]].concat();
    let (code, message) = ada.refused(&lab, "AssumeRole", &longer).await;
    assert_eq!(code, "ValidationError");
    assert!(message.ends_with("exceeds the MaxSessionDuration set for this role."), "{message}");

    // A session of GetSessionToken counts as a link.
    let session = Keys::of(&ada.done(&lab, "GetSessionToken", &[]).await);
    let (_, message) = session.refused(&lab, "AssumeRole", &two_hours).await;
    assert!(message.contains("1 hour session limit for roles assumed by role chaining"));

    let identity = [&assume(&first)[..], &[("SourceIdentity", "ada@example.com")]].concat();
    let answer = ada.done(&lab, "AssumeRole", &identity).await;
    assert_eq!(answer.text("SourceIdentity"), "ada@example.com");
    let link = Keys::of(&answer);
    let answer = link.done(&lab, "AssumeRole", &assume(&second)).await;
    assert_eq!(answer.text("SourceIdentity"), "ada@example.com");
    let other = [&assume(&second)[..], &[("SourceIdentity", "bob")]].concat();
    let (_, message) = link.refused(&lab, "AssumeRole", &other).await;
    assert!(message.contains("sts:SetSourceIdentity"), "{message}");
    ada.refused(&lab, "AssumeRole", &assume(&second)).await;
}

#[tokio::test]
async fn who_is_named_stays_within_his_boundary_and_his_sessions_policy() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["sts:AssumeRole"]);
    let body = json!({ "name": "first", "policy": {
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "ssm:*", "Resource": "*" }],
    } });
    let made = lab.control("roles", &body).expect("a role");
    let first = made["arn"].as_str().expect("an ARN");
    let second = role(&lab, "second", &json!({ "AWS": first }), Value::Null);
    // Nothing of the first role's own says that it may.
    let link = Keys::of(&ada.done(&lab, "AssumeRole", &assume(first)).await);
    link.done(&lab, "AssumeRole", &assume(&second)).await;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*" }],
    });
    let policy = policy.to_string();
    let params = [&assume(first)[..], &[("Policy", policy.as_str())]].concat();
    let narrow = Keys::of(&ada.done(&lab, "AssumeRole", &params).await);
    let (_, message) = narrow.refused(&lab, "AssumeRole", &assume(&second)).await;
    assert!(message.ends_with("no session policy allows the sts:AssumeRole action"), "{message}");
    let core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    let params = [("RoleName", "first"), ("PermissionsBoundary", core)];
    IAM.done(&lab, "PutRolePermissionsBoundary", &params).await;
    let (_, message) = link.refused(&lab, "AssumeRole", &assume(&second)).await;
    let because = "no permissions boundary allows the sts:AssumeRole action";
    assert!(message.ends_with(because), "{message}");
}
