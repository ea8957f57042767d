//! Users, their keys and MFA devices; STS, trust policies and what sessions may do.

mod keys;
mod resources;
mod roles;
mod sessions;

use std::time::Duration;

use adit_lab::{DEFAULT_INSTANCE, Lab};
use http::Method;
use serde_json::{Value, json};

use crate::support::client::start;
use crate::support::http::{Signer, json_of, operation, request, send};
use crate::support::lab;
use crate::support::query::{IAM, STS, Xml};
use crate::support::socket::dial;

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
