//! What is called without a signature: single sign-on, sign-in, metadata, containers.

use std::time::Duration;

use adit_lab::Lab;
use http::{Method, Response};
use serde_json::{Value, json};

use crate::support::http::{Signer, request, send};
use crate::support::lab;
use crate::support::query::STS;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn advance(lab: &Lab, by: Duration) {
    let by = u64::try_from(by.as_millis()).expect("a time");
    lab.control("clock", &json!({ "advance_ms": by })).expect("a moved clock");
}

fn read(response: &Response<bytes::Bytes>) -> (u16, Value) {
    let body = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), body)
}

async fn post(lab: &Lab, path: &str, body: Value) -> (u16, Value) {
    read(&send(request(lab, Method::POST, path, body.to_string())).await)
}

async fn get(
    lab: &Lab,
    method: Method,
    path: &str,
    header: (&'static str, &str),
) -> (u16, Value, String) {
    let mut request = request(lab, method, path, "");
    request.headers_mut().insert(header.0, header.1.parse().expect("a header"));
    let response = send(request).await;
    let text = String::from_utf8_lossy(response.body()).into_owned();
    let (status, body) = read(&response);
    (status, body, text)
}

fn text(body: &Value, member: &str) -> String {
    let Some(text) = body[member].as_str() else { panic!("no {member} in {body}") };
    text.to_owned()
}

/// Who the credentials in an answer are.
async fn who(lab: &Lab, body: &Value, members: [&str; 3]) -> String {
    let signer = Signer {
        access_key_id: text(body, members[0]),
        secret: text(body, members[1]),
        token: Some(text(body, members[2])),
        ..Signer::of(lab, "sts")
    };
    let (status, xml) = STS.call_as(lab, &signer, "GetCallerIdentity", &[]).await;
    assert_eq!(status, 200, "{}", xml.0);
    xml.text("Arn")
}

/// A registered client, and a device that waits.
async fn device(lab: &Lab, scopes: &[&str]) -> (Value, Value) {
    let body = json!({ "clientName": "adit", "clientType": "public", "scopes": scopes });
    let (status, client) = post(lab, "/client/register", body).await;
    assert_eq!(status, 200, "{client}");
    let body = json!({
        "clientId": client["clientId"],
        "clientSecret": client["clientSecret"],
        "startUrl": "https://lab.awsapps.com/start",
    });
    let (status, device) = post(lab, "/device_authorization", body).await;
    assert_eq!(status, 200, "{device}");
    (client, device)
}

async fn ask(lab: &Lab, client: &Value, more: Value) -> (u16, Value) {
    let mut body = more;
    body["clientId"] = client["clientId"].clone();
    body["clientSecret"] = client["clientSecret"].clone();
    post(lab, "/token", body).await
}

#[tokio::test]
async fn a_device_is_approved_and_its_token_gets_credentials() {
    let lab = lab().await;
    let admin = ["arn:aws:iam::aws:policy/AdministratorAccess"];
    let body = json!({ "user": "ada@example.com", "role": "ops", "policies": admin });
    lab.control("sso-assign", &body).expect("an assignment");
    let (client, device) = device(&lab, &["sso:account:access"]).await;
    let poll = json!({ "grantType": GRANT, "deviceCode": device["deviceCode"] });
    let (status, waits) = ask(&lab, &client, poll.clone()).await;
    assert_eq!((status, text(&waits, "error").as_str()), (400, "authorization_pending"));
    let (_, hasty) = ask(&lab, &client, poll.clone()).await;
    assert_eq!(text(&hasty, "error"), "slow_down");
    assert!(text(&device, "verificationUriComplete").starts_with(&lab.endpoint()));
    advance(&lab, Duration::from_secs(1));
    let body = json!({ "user_code": device["userCode"], "user": "ada@example.com" });
    lab.control("sso-device", &body).expect("approved");
    let (status, token) = ask(&lab, &client, poll.clone()).await;
    assert_eq!((status, &token["expiresIn"]), (200, &json!(3600)), "{token}");
    let (_, again) = ask(&lab, &client, poll).await;
    assert_eq!(text(&again, "error"), "invalid_grant");

    let access = text(&token, "accessToken");
    let bearer = ("x-amz-sso_bearer_token", access.as_str());
    let (_, accounts, _) = get(&lab, Method::GET, "/assignment/accounts", bearer).await;
    assert_eq!(accounts["accountList"][0]["accountId"], "111122223333");
    let path = "/assignment/roles?account_id=111122223333";
    let (_, roles, _) = get(&lab, Method::GET, path, bearer).await;
    assert_eq!(roles["roleList"][0]["roleName"], "ops");
    let path = "/federation/credentials?account_id=111122223333&role_name=";
    let (status, given, _) = get(&lab, Method::GET, &format!("{path}ops"), bearer).await;
    assert_eq!(status, 200, "{given}");
    let members = ["accessKeyId", "secretAccessKey", "sessionToken"];
    let arn = who(&lab, &given["roleCredentials"], members).await;
    assert!(arn.contains("assumed-role/AWSReservedSSO_ops_"), "{arn}");
    assert!(arn.ends_with("/ada@example.com"), "{arn}");
    let (status, refused, _) = get(&lab, Method::GET, &format!("{path}dev"), bearer).await;
    assert_eq!((status, text(&refused, "message").as_str()), (403, "No access"));

    // After an hour the token is over, and is renewed; after eight the login is.
    advance(&lab, Duration::from_hours(1));
    let (status, refused, _) = get(&lab, Method::GET, &format!("{path}ops"), bearer).await;
    let over = "Session token not found or invalid";
    assert_eq!((status, text(&refused, "message").as_str()), (401, over));
    let renew = json!({ "grantType": "refresh_token", "refreshToken": token["refreshToken"] });
    let (status, renewed) = ask(&lab, &client, renew).await;
    assert_eq!(status, 200, "{renewed}");
    let access = text(&renewed, "accessToken");
    let bearer = ("x-amz-sso_bearer_token", access.as_str());
    assert_eq!(get(&lab, Method::GET, &format!("{path}ops"), bearer).await.0, 200);
    assert_eq!(get(&lab, Method::POST, "/logout", bearer).await.0, 200);
    assert_eq!(get(&lab, Method::GET, &format!("{path}ops"), bearer).await.0, 401);
    let renew = json!({ "grantType": "refresh_token", "refreshToken": renewed["refreshToken"] });
    assert_eq!(text(&ask(&lab, &client, renew).await.1, "error"), "invalid_grant");
}

#[tokio::test]
async fn a_device_is_denied_or_waits_too_long() {
    let lab = lab().await;
    let (client, denied) = device(&lab, &[]).await;
    let poll = json!({ "grantType": GRANT, "deviceCode": denied["deviceCode"] });
    lab.control("sso-device", &json!({ "user_code": denied["userCode"] })).expect("denied");
    assert_eq!(text(&ask(&lab, &client, poll).await.1, "error"), "access_denied");
    let (client, late) = device(&lab, &[]).await;
    advance(&lab, Duration::from_mins(10));
    let poll = json!({ "grantType": GRANT, "deviceCode": late["deviceCode"] });
    assert_eq!(text(&ask(&lab, &client, poll).await.1, "error"), "expired_token");
    advance(&lab, Duration::from_hours(24 * 90));
    let poll = json!({ "grantType": GRANT, "deviceCode": late["deviceCode"] });
    let (status, gone) = ask(&lab, &client, poll).await;
    assert_eq!((status, text(&gone, "error").as_str()), (401, "invalid_client"));
}

#[tokio::test]
async fn metadata_want_a_token_and_have_the_roles_credentials() {
    let lab = lab().await;
    let none = ("x-none", "1");
    let roles = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(get(&lab, Method::GET, roles, none).await.0, 401);
    assert_eq!(get(&lab, Method::PUT, "/latest/api/token", none).await.0, 400);
    let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
    let (status, _, token) = get(&lab, Method::PUT, "/latest/api/token", ttl).await;
    assert_eq!(status, 200);
    let with = ("x-aws-ec2-metadata-token", token.as_str());
    assert_eq!(get(&lab, Method::GET, roles, with).await.0, 404);
    let trust = |service: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": service },
                "Action": "sts:AssumeRole",
            }],
        })
    };
    let body = json!({ "name": "host", "trust": trust("ec2.amazonaws.com") });
    lab.control("roles", &body).expect("a role");
    lab.control("instance-role", &json!({ "role": "host" })).expect("given");
    assert_eq!(get(&lab, Method::GET, roles, with).await.2, "host");
    let (_, given, _) = get(&lab, Method::GET, &format!("{roles}host"), with).await;
    let members = ["AccessKeyId", "SecretAccessKey", "Token"];
    let arn = who(&lab, &given, members).await;
    assert_eq!(
        arn,
        format!("arn:aws:sts::111122223333:assumed-role/host/{}", adit_lab::DEFAULT_INSTANCE)
    );
    let (_, same, _) = get(&lab, Method::GET, &format!("{roles}host"), with).await;
    assert_eq!(same["AccessKeyId"], given["AccessKeyId"]);
    advance(&lab, Duration::from_mins(1));
    assert_eq!(get(&lab, Method::GET, roles, with).await.0, 401);

    let body = json!({ "name": "task", "trust": trust("ecs-tasks.amazonaws.com") });
    lab.control("roles", &body).expect("a role");
    let made = lab.control("container", &json!({ "name": "web", "role": "task" })).expect("made");
    let (path, token) = (text(&made, "path"), text(&made, "token"));
    assert_eq!(get(&lab, Method::GET, &path, none).await.0, 401);
    let (status, given, _) = get(&lab, Method::GET, &path, ("authorization", &token)).await;
    assert_eq!(status, 200, "{given}");
    let arn = who(&lab, &given, members).await;
    assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/task/web");
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_as_each_model_has_it() {
    let lab = lab().await;
    for (path, status, code, error) in [
        ("/v1/token", 429, "TooManyRequestsError", Some("rate_exceeded")),
        ("/token", 400, "ThrottlingException", None),
        ("/client/register", 400, "ThrottlingException", None),
        ("/logout", 429, "TooManyRequestsException", None),
    ] {
        lab.control("faults", &json!({ "throttle": 1 })).expect("a fault");
        let response = send(request(&lab, Method::POST, path, "{}")).await;
        let name = response.headers()["x-amzn-errortype"].to_str().expect("a text").to_owned();
        let (told, body) = read(&response);
        assert_eq!((told, name.as_str(), body["error"].as_str()), (status, code, error), "{path}");
        assert_eq!(body["message"], "Rate exceeded", "{path}");
    }
}
