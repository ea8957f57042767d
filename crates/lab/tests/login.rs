//! Sessions of `aws login`, and the proofs that renew them.

use std::time::{Duration, SystemTime};

use adit_lab::Lab;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};

use crate::support::http::{Signer, request, send};
use crate::support::lab;
use crate::support::query::{IAM, STS, Xml};

const PATH: &str = "/v1/token";

/// What the AWS CLI keeps of a login.
struct Login {
    client: String,
    refresh: String,
    pem: String,
}

impl Login {
    fn of(content: &Value) -> Self {
        let text = |member: &str| content[member].as_str().expect(member).to_owned();
        Self { client: text("clientId"), refresh: text("refreshToken"), pem: text("dpopKey") }
    }

    fn key(&self) -> EcdsaKeyPair {
        let lines = self.pem.lines().filter(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>()).expect("base64");
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).expect("a key")
    }

    /// Asks for new credentials, with this proof.
    async fn renew(&self, lab: &Lab, proof: &str) -> (u16, Value) {
        let body = json!({
            "clientId": self.client,
            "grantType": "refresh_token",
            "refreshToken": self.refresh,
        });
        let mut request = request(lab, Method::POST, PATH, body.to_string());
        request.headers_mut().insert("dpop", proof.parse().expect("a header"));
        let response = send(request).await;
        let body = serde_json::from_slice(response.body()).expect("JSON");
        (response.status().as_u16(), body)
    }
}

fn unix() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A proof as the SDK makes it: the key itself, what is called, an id of its own and the time.
///
/// <https://datatracker.ietf.org/doc/html/rfc9449#section-4.2>
fn proof(key: &EcdsaKeyPair, id: &str, url: &str, issued: u64) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let point = key.public_key().as_ref();
    let head = json!({
        "typ": "dpop+jwt",
        "alg": "ES256",
        "jwk": {
            "kty": "EC",
            "x": encode(&point[1..33]),
            "y": encode(&point[33..]),
            "crv": "P-256",
        },
    });
    let body = json!({ "jti": id, "htm": "POST", "htu": url, "iat": issued });
    let text =
        format!("{}.{}", encode(head.to_string().as_bytes()), encode(body.to_string().as_bytes()));
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
    format!("{text}.{}", encode(signature.as_ref()))
}

async fn call(lab: &Lab, token: &Value, service: &'static str, operation: &str) -> (u16, Xml) {
    let text = |member: &str| token[member].as_str().expect(member).to_owned();
    let signer = Signer {
        access_key_id: text("accessKeyId"),
        secret: text("secretAccessKey"),
        token: Some(text("sessionToken")),
        ..Signer::of(lab, service)
    };
    let api = if service == "iam" { IAM } else { STS };
    api.call_as(lab, &signer, operation, &[]).await
}

fn advance(lab: &Lab, by: Duration) {
    let by = u64::try_from(by.as_millis()).expect("a time");
    lab.control("clock", &json!({ "advance_ms": by })).expect("a moved clock");
}

#[tokio::test]
async fn a_login_is_renewed_by_whoever_holds_its_key() {
    let lab = lab().await;
    lab.control("users", &json!({ "name": "ada" })).expect("a user");
    let made = lab.control("login", &json!({ "user": "ada" })).expect("a login");
    assert_eq!(made["login_session"], "arn:aws:iam::111122223333:user/ada");
    let old = &made["content"]["accessToken"];
    let me = "arn:aws:iam::111122223333:user/ada";
    assert_eq!(call(&lab, old, "sts", "GetCallerIdentity").await.1.text("Arn"), me);
    let login = Login::of(&made["content"]);
    let (key, url) = (login.key(), format!("{}{PATH}", lab.endpoint()));

    // The credentials end after a quarter of an hour; the login goes on.
    advance(&lab, Duration::from_mins(15));
    let (_, late) = call(&lab, old, "sts", "GetCallerIdentity").await;
    assert_eq!(late.text("Code"), "ExpiredToken");
    let good = proof(&key, "one", &url, unix());
    let (status, renewed) = login.renew(&lab, &good).await;
    assert_eq!((status, &renewed["expiresIn"]), (200, &json!(900)), "{renewed}");
    assert_eq!(renewed["tokenType"], "aws_sigv4");
    let token = &renewed["accessToken"];
    assert_ne!(token["accessKeyId"], old["accessKeyId"]);
    assert_eq!(call(&lab, token, "sts", "GetCallerIdentity").await.1.text("Arn"), me);

    // What was used once is not good again.
    let (status, used) = login.renew(&lab, &proof(&key, "two", &url, unix())).await;
    assert_eq!((status, used["error"].as_str()), (400, Some("TOKEN_EXPIRED")), "{used}");
    let refresh = renewed["refreshToken"].as_str().expect("a token").to_owned();
    let login = Login { refresh, ..login };
    let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let forged = proof(&key, "three", &url, unix());
    let (text, signature) = forged.rsplit_once('.').expect("a signature");
    for (why, bad) in [
        ("its id was seen", good),
        ("another's key", proof(&other, "four", &url, unix())),
        ("another place", proof(&key, "five", &url.replace("/v1/", "/v2/"), unix())),
        ("too old", proof(&key, "six", &url, unix() - 3600)),
        ("no signature", text.to_owned()),
        ("half a signature", format!("{text}.{}", &signature[..40])),
    ] {
        let (status, refused) = login.renew(&lab, &bad).await;
        let said = (refused["error"].as_str(), refused["message"].as_str());
        assert_eq!(
            (status, said),
            (400, (Some("INVALID_REQUEST"), Some("Invalid DPoP proof"))),
            "{why}"
        );
    }
    // None of them took anything away.
    assert_eq!(login.renew(&lab, &proof(&key, "seven", &url, unix())).await.0, 200);
}

#[tokio::test]
async fn iam_takes_a_login_without_mfa() {
    let lab = lab().await;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*" }],
    });
    lab.control("users", &json!({ "name": "ada", "policy": policy })).expect("a user");
    let made = lab.control("login", &json!({ "user": "ada" })).expect("a login");
    let (status, user) = call(&lab, &made["content"]["accessToken"], "iam", "GetUser").await;
    assert_eq!((status, user.text("UserName").as_str()), (200, "ada"));
}
