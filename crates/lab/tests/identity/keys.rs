//! Users, their keys and their devices.

use super::*;

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
