//! Users, their keys and MFA devices; STS, trust policies and what sessions may do.

use std::time::Duration;

use adit_lab::{DEFAULT_INSTANCE, Lab};
use serde_json::{Value, json};

use crate::support::http::{Signer, json_of, operation, send};
use crate::support::lab;
use crate::support::query::{IAM, STS, Xml};

const ROOT: &str = "arn:aws:iam::111122223333:root";

/// A key, and the token of one that does not last.
#[derive(Clone)]
struct Keys {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Keys {
    /// Those in an answer of STS.
    fn of(answer: &Xml) -> Self {
        Self {
            id: answer.text("AccessKeyId"),
            secret: answer.text("SecretAccessKey"),
            token: Some(answer.text("SessionToken")),
        }
    }

    fn signer(&self, lab: &Lab, service: &'static str) -> Signer {
        Signer {
            access_key_id: self.id.clone(),
            secret: self.secret.clone(),
            token: self.token.clone(),
            ..Signer::of(lab, service)
        }
    }

    async fn sts(&self, lab: &Lab, operation: &str, params: &[(&str, &str)]) -> (u16, Xml) {
        STS.call_as(lab, &self.signer(lab, "sts"), operation, params).await
    }

    async fn done(&self, lab: &Lab, operation: &str, params: &[(&str, &str)]) -> Xml {
        let (status, xml) = self.sts(lab, operation, params).await;
        assert_eq!(status, 200, "{operation}: {}", xml.0);
        xml
    }

    async fn refused(
        &self,
        lab: &Lab,
        operation: &str,
        params: &[(&str, &str)],
    ) -> (String, String) {
        let (status, xml) = self.sts(lab, operation, params).await;
        assert_ne!(status, 200, "{operation}: {}", xml.0);
        (xml.text("Code"), xml.text("Message"))
    }

    /// Starts a session on the lab's instance; gives the message of a refusal.
    async fn start(&self, lab: &Lab, document: &str) -> Result<(), String> {
        let body = json!({
            "Target": DEFAULT_INSTANCE,
            "DocumentName": document,
            "Parameters": { "portNumber": ["5432"] },
        });
        let mut request = operation(lab, "AmazonSSM.StartSession", &body);
        self.signer(lab, "ssm").sign(&mut request);
        let (status, body) = json_of(&send(request).await);
        let message = body["Message"].as_str().or(body["message"].as_str()).unwrap_or_default();
        if status == 200 { Ok(()) } else { Err(format!("{}: {message}", body["__type"])) }
    }
}

const PORT: &str = "AWS-StartPortForwardingSession";

/// A user with a policy that allows these actions everywhere, and one device.
fn user(lab: &Lab, name: &str, actions: &[&str]) -> (Keys, String) {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    });
    let body = json!({ "name": name, "policy": policy, "mfa": [name] });
    let made = lab.control("users", &body).expect("a user");
    let text = |member: &str| made[member].as_str().expect(member).to_owned();
    let keys = Keys { id: text("access_key_id"), secret: text("secret_access_key"), token: None };
    (keys, made["mfa"][0]["serial"].as_str().expect("a serial number").to_owned())
}

fn code(lab: &Lab, serial: &str) -> Value {
    lab.control("mfa", &json!({ "serial": serial })).expect("a code")
}

fn current(lab: &Lab, serial: &str) -> String {
    code(lab, serial)["code"].as_str().expect("a code").to_owned()
}

fn advance(lab: &Lab, by: Duration) {
    let by = u64::try_from(by.as_millis()).expect("a time");
    lab.control("clock", &json!({ "advance_ms": by })).expect("a moved clock");
}

/// Makes a role; gives its ARN.
fn role(lab: &Lab, name: &str, principal: &Value, condition: Value) -> String {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    let body = json!({
        "name": name,
        "trust": { "Version": "2012-10-17", "Statement": [statement] },
        "policies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        "max_session_s": 7200,
    });
    let made = lab.control("roles", &body).expect("a role");
    made["arn"].as_str().expect("an ARN").to_owned()
}

fn assume(role: &str) -> [(&str, &str); 2] {
    [("RoleArn", role), ("RoleSessionName", "ada")]
}

#[tokio::test]
async fn users_have_keys_that_can_be_switched_off() {
    let lab = lab().await;
    IAM.done(&lab, "CreateUser", &[("UserName", "ada"), ("Path", "/ops/")]).await;
    let made = IAM.done(&lab, "CreateAccessKey", &[("UserName", "ada")]).await;
    let id = made.text("AccessKeyId");
    assert!(id.starts_with("AKIA"), "{id}");
    let keys = Keys { id: id.clone(), secret: made.text("SecretAccessKey"), token: None };
    let me = keys.done(&lab, "GetCallerIdentity", &[]).await;
    assert_eq!(me.text("Arn"), "arn:aws:iam::111122223333:user/ops/ada");
    assert!(me.text("UserId").starts_with("AIDA"));

    let key = [("UserName", "ada"), ("AccessKeyId", id.as_str())];
    IAM.done(&lab, "UpdateAccessKey", &[&key[..], &[("Status", "Inactive")]].concat()).await;
    let listed = IAM.done(&lab, "ListAccessKeys", &key[..1]).await;
    assert_eq!(listed.texts("Status"), ["Inactive"]);
    let (code, message) = keys.refused(&lab, "GetCallerIdentity", &[]).await;
    assert_eq!(code, "InvalidClientTokenId");
    assert_eq!(message, "The security token included in the request is invalid.");
    IAM.done(&lab, "UpdateAccessKey", &[&key[..], &[("Status", "Active")]].concat()).await;
    keys.done(&lab, "GetCallerIdentity", &[]).await;

    // Two keys at most, and none left behind.
    IAM.done(&lab, "CreateAccessKey", &key[..1]).await;
    let (status, code, _) = IAM.refused(&lab, "CreateAccessKey", &key[..1]).await;
    assert_eq!((status, code.as_str()), (409, "LimitExceeded"));
    let (_, code, message) = IAM.refused(&lab, "DeleteUser", &key[..1]).await;
    let first = "Cannot delete entity, must delete access keys first.";
    assert_eq!((code.as_str(), message.as_str()), ("DeleteConflict", first));
    IAM.done(&lab, "DeleteAccessKey", &key).await;
    assert_eq!(keys.refused(&lab, "GetCallerIdentity", &[]).await.0, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_user_without_policies_may_only_ask_who_he_is() {
    let lab = lab().await;
    let (ada, _) = user(&lab, "ada", &["ssm:StartSession"]);
    ada.start(&lab, PORT).await.expect("a session");
    let none = lab.control("users", &json!({ "name": "bob" })).expect("a user");
    let bob = Keys {
        id: none["access_key_id"].as_str().expect("an id").to_owned(),
        secret: none["secret_access_key"].as_str().expect("a secret").to_owned(),
        token: None,
    };
    bob.done(&lab, "GetCallerIdentity", &[]).await;
    let refused = bob.start(&lab, PORT).await.expect_err("a refusal");
    assert_eq!(
        refused,
        format!(
            "\"AccessDeniedException\": User: arn:aws:iam::111122223333:user/bob is not \
             authorized to perform: ssm:StartSession on resource: \
             arn:aws:ec2:us-east-1:111122223333:instance/{DEFAULT_INSTANCE} because no \
             identity-based policy allows the ssm:StartSession action"
        )
    );
}

#[tokio::test]
async fn a_device_is_set_up_with_two_codes() {
    let lab = lab().await;
    IAM.done(&lab, "CreateUser", &[("UserName", "ada")]).await;
    let made = IAM.done(&lab, "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")]).await;
    let serial = made.text("SerialNumber");
    assert_eq!(serial, "arn:aws:iam::111122223333:mfa/phone");
    assert!(made.text("Base32StringSeed").len() > 64);
    let params = |first: &str, second: &str| {
        [
            ("UserName", "ada".to_owned()),
            ("SerialNumber", serial.clone()),
            ("AuthenticationCode1", first.to_owned()),
            ("AuthenticationCode2", second.to_owned()),
        ]
    };
    let call = async |first: &str, second: &str| {
        let params = params(first, second);
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        IAM.call(&lab, "EnableMFADevice", &params).await
    };
    let shown = code(&lab, &serial);
    let (first, second) =
        (shown["code"].as_str().expect("a code"), shown["next_code"].as_str().expect("a code"));
    let (status, wrong) = call(second, first).await;
    assert_eq!((status, wrong.text("Code").as_str()), (403, "InvalidAuthenticationCode"));
    let listed = IAM.done(&lab, "ListMFADevices", &[("UserName", "ada")]).await;
    assert!(listed.texts("SerialNumber").is_empty());
    assert_eq!(call(first, second).await.0, 200);
    let listed = IAM.done(&lab, "ListMFADevices", &[("UserName", "ada")]).await;
    assert_eq!(listed.text("SerialNumber"), serial);

    let named = [("SerialNumber", serial.as_str())];
    let (_, code, message) = IAM.refused(&lab, "DeleteVirtualMFADevice", &named).await;
    let in_use = "MFA VirtualDevice in use. Must deactivate first.";
    assert_eq!((code.as_str(), message.as_str()), ("DeleteConflict", in_use));
    let params = [("UserName", "ada"), named[0]];
    IAM.done(&lab, "DeactivateMFADevice", &params).await;
    IAM.done(&lab, "DeleteVirtualMFADevice", &named).await;
    IAM.done(&lab, "DeleteUser", &params[..1]).await;
}

#[tokio::test]
async fn a_code_is_good_once_and_around_its_time() {
    let lab = lab().await;
    let (ada, serial) = user(&lab, "ada", &["*"]);
    let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    let with = async |serial: &str, code: &str| {
        let params = [("SerialNumber", serial), ("TokenCode", code)];
        ada.sts(&lab, "GetSessionToken", &params).await
    };
    let first = current(&lab, &serial);
    let (status, token) = with(&serial, &first).await;
    assert_eq!(status, 200, "{}", token.0);
    let (status, again) = with(&serial, &first).await;
    assert_eq!((status, again.text("Code").as_str()), (403, "AccessDenied"));
    assert_eq!(again.text("Message"), wrong);

    // The neighbours of the current code are taken, others not.
    advance(&lab, Duration::from_mins(10));
    let now = code(&lab, &serial);
    advance(&lab, Duration::from_secs(30));
    assert_eq!(with(&serial, now["code"].as_str().expect("a code")).await.0, 200);
    let late = current(&lab, &serial);
    advance(&lab, Duration::from_mins(2));
    assert_eq!(with(&serial, &late).await.1.text("Message"), wrong);

    let other = with("arn:aws:iam::111122223333:mfa/bob", &late).await.1.text("Message");
    assert!(other.starts_with("MultiFactorAuthentication failed, unable to validate MFA code."));
    let (_, half) = ada.sts(&lab, "GetSessionToken", &[("TokenCode", "123456")]).await;
    assert!(half.text("Message").contains("must provide both MFA serial number"));
    let (_, short) = with(&serial, "12345").await;
    assert_eq!(short.text("Code"), "ValidationError");
    assert!(short.text("Message").contains("'tokenCode'"), "{}", short.0);
}

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
