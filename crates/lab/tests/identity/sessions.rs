//! Sessions of users, and of roles that people and programs take on.

use super::*;

#[tokio::test]
async fn session_tokens_last_half_a_day_and_beget_none() {
    let lab = lab().await;
    let (ada, serial) = user(&lab, "ada", &["iam:GetUser"]);
    let plain = Keys::of(&ada.done(&lab, "GetSessionToken", &[]).await);
    let (code, message) = plain.refused(&lab, "GetSessionToken", &[]).await;
    let said = "Cannot call GetSessionToken with session credentials";
    assert_eq!((code.as_str(), message.as_str()), ("AccessDenied", said));
    // IAM takes sessions with MFA only.
    let (status, none) = IAM.call_as(&lab, &plain.signer(&lab, "iam"), "GetUser", &[]).await;
    assert_eq!((status, none.text("Code").as_str()), (403, "InvalidClientTokenId"));
    let shown = current(&lab, &serial);
    let params = [("SerialNumber", serial.as_str()), ("TokenCode", shown.as_str())];
    let with = Keys::of(&ada.done(&lab, "GetSessionToken", &params).await);
    assert_eq!(IAM.call_as(&lab, &with.signer(&lab, "iam"), "GetUser", &[]).await.0, 200);

    advance(&lab, Duration::from_mins(719));
    let me = with.done(&lab, "GetCallerIdentity", &[]).await;
    assert_eq!(me.text("Arn"), "arn:aws:iam::111122223333:user/ada");
    advance(&lab, Duration::from_mins(2));
    let (code, message) = with.refused(&lab, "GetCallerIdentity", &[]).await;
    assert_eq!(code, "ExpiredToken");
    assert_eq!(message, "The security token included in the request is expired");
    // The key itself still works, signed by either clock.
    ada.done(&lab, "GetCallerIdentity", &[]).await;
    let mut signer = ada.signer(&lab, "sts");
    signer.time += Duration::from_mins(721);
    assert_eq!(STS.call_as(&lab, &signer, "GetCallerIdentity", &[]).await.0, 200);
    signer.time += Duration::from_hours(1);
    let (_, late) = STS.call_as(&lab, &signer, "GetCallerIdentity", &[]).await;
    assert_eq!(late.text("Code"), "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_session_policy_narrows_to_one_bastion_and_document() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["sts:AssumeRole"]);
    let ops = role(&lab, "ops", &json!({ "AWS": ROOT }), Value::Null);
    let narrow = |document: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": "ssm:StartSession",
                "Resource": [
                    format!("arn:aws:ec2:us-east-1:111122223333:instance/{DEFAULT_INSTANCE}"),
                    format!("arn:aws:ssm:us-east-1::document/{document}"),
                ],
                "Condition": { "BoolIfExists": { "ssm:SessionDocumentAccessCheck": "true" } },
            }],
        })
        .to_string()
    };
    let policy = narrow(PORT);
    let params = [&assume(&ops)[..], &[("Policy", policy.as_str())]].concat();
    let answer = ada.done(&lab, "AssumeRole", &params).await;
    assert!(answer.has("PackedPolicySize"));
    let keys = Keys::of(&answer);
    keys.start(&lab, PORT).await.expect("a session");
    let refused = keys.start(&lab, "AWS-StartSSHSession").await.expect_err("a refusal");
    assert!(refused.contains("document/AWS-StartSSHSession because no session policy allows"));
    let (code, message) = keys.refused(&lab, "AssumeRole", &assume(&ops)).await;
    assert_eq!(code, "AccessDenied");
    assert!(message.contains("no session policy allows"), "{message}");

    let bad = [&assume(&ops)[..], &[("Policy", "{")]].concat();
    assert_eq!(ada.refused(&lab, "AssumeRole", &bad).await.0, "MalformedPolicyDocument");
}

#[tokio::test]
async fn revoked_sessions_are_denied_and_new_ones_work() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["sts:AssumeRole"]);
    let ops = role(&lab, "ops", &json!({ "AWS": ROOT }), Value::Null);
    let old = Keys::of(&ada.done(&lab, "AssumeRole", &assume(&ops)).await);
    old.start(&lab, PORT).await.expect("a session");
    advance(&lab, Duration::from_mins(1));
    lab.control("revoke", &json!({ "role": "ops" })).expect("revoked");
    let refused = old.start(&lab, PORT).await.expect_err("a refusal");
    assert!(refused.ends_with("with an explicit deny in an identity-based policy"), "{refused}");
    old.done(&lab, "GetCallerIdentity", &[]).await;
    advance(&lab, Duration::from_secs(1));
    let new = Keys::of(&ada.done(&lab, "AssumeRole", &assume(&ops)).await);
    new.start(&lab, PORT).await.expect("a session");
    // A single key can be made worthless, and a role's go with the role.
    lab.control("revoke", &json!({ "access_key_id": new.id })).expect("revoked");
    assert_eq!(new.refused(&lab, "GetCallerIdentity", &[]).await.0, "InvalidClientTokenId");
    let gone = lab.control("revoke", &json!({ "role": "nobody" })).expect_err("a refusal");
    assert_eq!(gone.to_string(), "there is no nobody");
}

#[tokio::test]
async fn a_web_identity_becomes_a_role() {
    let lab = lab().await;
    let issuer = "https://token.example.com";
    let params = [("Url", issuer), ("ClientIDList.member.1", "sts.amazonaws.com")];
    let made = IAM.done(&lab, "CreateOpenIDConnectProvider", &params).await;
    let provider = made.text("OpenIDConnectProviderArn");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringLike": { "token.example.com:sub": "repo:adit/*" } },
        }],
    });
    let made = lab.control("roles", &json!({ "name": "ci", "trust": trust })).expect("a role");
    let arn = made["arn"].as_str().expect("an ARN");
    let token = |issuer: &str, audience: &str, subject: &str| {
        let body = json!({ "issuer": issuer, "audience": audience, "subject": subject });
        let made = lab.control("web-identity", &body).expect("a token");
        made["token"].as_str().expect("a token").to_owned()
    };
    let call = async |token: &str| {
        let params = [&assume(arn)[..], &[("WebIdentityToken", token)]].concat();
        STS.call_unsigned(&lab, "AssumeRoleWithWebIdentity", &params).await
    };
    let good = token(issuer, "sts.amazonaws.com", "repo:adit/adit");
    let (status, answer) = call(&good).await;
    assert_eq!(status, 200, "{}", answer.0);
    assert_eq!(answer.text("Provider"), provider);
    let me = Keys::of(&answer).done(&lab, "GetCallerIdentity", &[]).await;
    assert_eq!(me.text("Arn"), "arn:aws:sts::111122223333:assumed-role/ci/ada");

    let forged = format!("{good}x");
    for (token, code, message) in [
        (
            token(issuer, "other", "repo:adit/adit"),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            token("https://other.example.com", "sts.amazonaws.com", "repo:adit/adit"),
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://other.example.com",
        ),
        (
            token(issuer, "sts.amazonaws.com", "repo:other"),
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
    ] {
        let (_, refused) = call(&token).await;
        assert_eq!(
            (refused.text("Code").as_str(), refused.text("Message").as_str()),
            (code, message)
        );
    }
    assert_eq!(call(&forged).await.1.text("Code"), "InvalidIdentityToken");
    advance(&lab, Duration::from_hours(1));
    let (status, late) = call(&good).await;
    assert_eq!((status, late.text("Code").as_str()), (400, "ExpiredTokenException"));
    assert!(late.text("Message").starts_with("Token expired: current date/time "));
}

#[tokio::test]
async fn a_signed_dial_needs_its_own_permission() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["sts:AssumeRole"]);
    let ops = role(&lab, "ops", &json!({ "AWS": ROOT }), Value::Null);
    let narrowed = async |actions: &[&str]| {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": actions,
                "Resource": [
                    "arn:aws:ec2:us-east-1:111122223333:instance/*",
                    "arn:aws:ssm:us-east-1::document/*",
                    "arn:aws:ssm:us-east-1:111122223333:session/*",
                ],
            }],
        });
        let policy = policy.to_string();
        let params = [&assume(&ops)[..], &[("Policy", policy.as_str())]].concat();
        Keys::of(&ada.done(&lab, "AssumeRole", &params).await)
    };
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let dials = async |keys: &Keys| {
        let path =
            ticket.url.split_once(&lab.endpoint().replace("http://", "")).expect("its host").1;
        let mut upgrade = request(&lab, Method::GET, path, "");
        keys.signer(&lab, "ssmmessages").sign(&mut upgrade);
        let names = ["authorization", "x-amz-date", "x-amz-security-token"];
        let headers = names.map(|name| (name, upgrade.headers()[name].to_str().expect("a text")));
        let refused = dial(&ticket.url, &headers).await.err()?;
        let body = String::from_utf8_lossy(refused.body().as_deref().unwrap_or_default());
        Some((refused.status().as_u16(), body.into_owned()))
    };
    let (status, text) = dials(&narrowed(&["ssm:StartSession"]).await).await.expect("a refusal");
    assert_eq!(status, 403, "{text}");
    let named = format!(
        "ssmmessages:OpenDataChannel on resource: arn:aws:ssm:us-east-1:111122223333:session/{} \
         because no session policy allows",
        ticket.id
    );
    assert!(text.contains(&named), "{text}");
    let both = narrowed(&["ssm:StartSession", "ssmmessages:OpenDataChannel"]).await;
    assert_eq!(dials(&both).await, None);
    // A session that was revoked cannot come back to its channel; a token alone still can.
    advance(&lab, Duration::from_mins(1));
    lab.control("revoke", &json!({ "role": "ops" })).expect("revoked");
    let (status, text) = dials(&both).await.expect("a refusal");
    assert!(status == 403 && text.contains("with an explicit deny"), "{status} {text}");
    assert!(dial(&ticket.url, &[]).await.is_ok(), "unsigned");
}
