//! Signatures, made by the SDK's own signer.

use std::time::Duration;

use adit_lab::Lab;
use serde_json::json;

use crate::support::client::{present, start};
use crate::support::http::{Signer, call, json_of, operation, request, send};
use crate::support::socket::dial;
use crate::support::{lab, lab_with};

const STATUS: &str = "AmazonSSM.GetConnectionStatus";

async fn refusal(lab: &Lab, change: impl FnOnce(&mut Signer)) -> (String, String) {
    let mut request = operation(lab, STATUS, &json!({ "Target": "i-1" }));
    let mut signer = Signer::of(lab, "ssm");
    change(&mut signer);
    signer.sign(&mut request);
    let response = send(request).await;
    let kind = response.headers()["x-amzn-errortype"].to_str().expect("text").to_owned();
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let (status, body) = json_of(&response);
    assert_eq!((status, &body["__type"]), (400, &kind.clone().into()));
    (kind, body["message"].as_str().expect("a message").to_owned())
}

#[tokio::test]
async fn a_good_signature_is_accepted() {
    let lab = lab().await;
    let (status, answer) = call(&lab, "GetConnectionStatus", json!({ "Target": "i-1" })).await;
    assert_eq!((status, answer), (200, json!({ "Target": "i-1", "Status": "notconnected" })));
}

#[tokio::test]
async fn each_bad_one_is_refused_in_its_own_way() {
    let lab = lab().await;
    let (kind, text) = refusal(&lab, |signer| signer.secret.push('x')).await;
    assert_eq!(kind, "InvalidSignatureException");
    assert!(text.starts_with("The request signature we calculated does not match"), "{text}");

    let (kind, _) = refusal(&lab, |signer| signer.access_key_id = "AKIAUNKNOWN".to_owned()).await;
    assert_eq!(kind, "UnrecognizedClientException");
    let (kind, _) = refusal(&lab, |signer| signer.token = Some("made up".to_owned())).await;
    assert_eq!(kind, "UnrecognizedClientException");

    let (kind, text) = refusal(&lab, |signer| signer.time -= Duration::from_secs(301)).await;
    assert_eq!(kind, "InvalidSignatureException");
    assert!(text.starts_with("Signature expired: "), "{text}");
    let (_, text) = refusal(&lab, |signer| signer.time += Duration::from_secs(320)).await;
    assert!(text.starts_with("Signature not yet current: "), "{text}");

    let (_, text) = refusal(&lab, |signer| signer.region = "eu-west-1").await;
    assert!(text.contains("scoped to a valid region, not 'eu-west-1'"), "{text}");
    let (_, text) = refusal(&lab, |signer| signer.service = "ssmmessages").await;
    assert!(text.contains("scoped to correct service: 'ssm'"), "{text}");
}

#[tokio::test]
async fn a_request_without_one_is_refused() {
    let lab = lab().await;
    let request = operation(&lab, STATUS, &json!({ "Target": "i-1" }));
    let (status, body) = json_of(&send(request).await);
    assert_eq!((status, &body["__type"]), (400, &json!("MissingAuthenticationTokenException")));

    let mut request = operation(&lab, STATUS, &json!({ "Target": "i-1" }));
    request.headers_mut().insert("authorization", "AWS4-HMAC-SHA256 x".parse().expect("text"));
    let (_, body) = json_of(&send(request).await);
    assert_eq!(body["__type"], "IncompleteSignatureException");
}

#[tokio::test]
async fn what_was_changed_after_signing_is_refused() {
    let lab = lab().await;
    let mut request = operation(&lab, STATUS, &json!({ "Target": "i-1" }));
    Signer::of(&lab, "ssm").sign(&mut request);
    *request.body_mut() = json!({ "Target": "i-2" }).to_string().into();
    let (_, body) = json_of(&send(request).await);
    assert_eq!(body["__type"], "InvalidSignatureException");
}

#[tokio::test]
async fn a_lab_can_do_without() {
    let lab = lab_with(|config| config.sigv4 = false).await;
    let request = operation(&lab, STATUS, &json!({ "Target": "i-1" }));
    assert_eq!(send(request).await.status(), 200);
}

#[tokio::test]
async fn an_upgrade_may_be_unsigned_but_not_wrongly_signed() {
    let lab = lab().await;
    let ticket = start(&lab, adit_lab::DEFAULT_INSTANCE).await;
    let path = ticket.url.split_once("/v1").map(|(_, rest)| format!("/v1{rest}"));
    let path = path.expect("a path");
    for (secret, welcome) in [("", true), ("wrong", false)] {
        let mut get = request(&lab, http::Method::GET, &path, "");
        let mut signer = Signer::of(&lab, "ssmmessages");
        signer.secret.push_str(secret);
        signer.sign(&mut get);
        let headers: Vec<(&str, &str)> = ["authorization", "x-amz-date"]
            .map(|name| (name, get.headers()[name].to_str().expect("text")))
            .into();
        match dial(&ticket.url, &headers).await {
            Ok(mut socket) => {
                assert!(welcome);
                present(&mut socket, &ticket.token).await;
            }
            Err(answer) => assert_eq!((welcome, answer.status().as_u16()), (false, 403)),
        }
    }
    assert!(dial(&ticket.url, &[]).await.is_ok(), "unsigned");
}
