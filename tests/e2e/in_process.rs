//! A tunnel and a lab in this process, for what would take hundreds of processes, and for settings
//! that the program does not have.

use std::net::{Ipv4Addr, SocketAddr};

use adit_lab::{DEFAULT_INSTANCE, HostPort, Lab, LabConfig, Pace};
use adit_tunnel::{
    Fatal, FatalKind, Listener, Resumption, Secret, SessionSource, SourceError, Ticket,
};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::common::{HOST, http as client};

/// A lab that leads `db.internal:5432` to a server.
pub(crate) async fn lab(server: SocketAddr) -> Lab {
    let map = (HostPort { host: HOST.to_owned(), port: 5432 }, server);
    let config =
        LabConfig { maps: vec![map], sigv4: false, pace: Pace::Off, ..LabConfig::default() };
    Lab::start(config).await.expect("a lab")
}

/// A listener on a loopback port.
pub(crate) async fn listener() -> (Listener, SocketAddr) {
    let listener =
        Listener::bind(&[(Ipv4Addr::LOCALHOST, 0).into()]).await.expect("a loopback port");
    let address = listener.addresses()[0];
    (listener, address)
}

/// Sessions from a lab, asked for without signatures.
#[derive(Clone, Debug)]
pub(crate) struct LabSource {
    address: SocketAddr,
}

impl LabSource {
    pub(crate) fn of(lab: &Lab) -> Self {
        Self { address: crate::common::lab::address_of(&lab.endpoint()) }
    }

    async fn call(&self, operation: &'static str, body: Value) -> Result<Value, SourceError> {
        let address = self.address;
        let answer = tokio::task::spawn_blocking(move || {
            let target = format!("AmazonSSM.{operation}");
            let headers =
                [("X-Amz-Target", &*target), ("Content-Type", "application/x-amz-json-1.1")];
            client::request(address, "POST", "/", &headers, &body.to_string())
        })
        .await
        .expect("the request does not panic");
        let answer = answer.map_err(|error| retry(error.to_string()))?;
        match answer.status {
            200 => Ok(serde_json::from_str(&answer.body).expect("JSON")),
            400..500 => Err(Fatal {
                kind: FatalKind::Service,
                message: answer.body,
                hints: vec!["read the answer".to_owned()],
            }
            .into()),
            _ => Err(retry(answer.body)),
        }
    }
}

fn retry(message: String) -> SourceError {
    SourceError::Retry { after: None, message }
}

fn ticket(answer: &Value) -> Option<Ticket> {
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    Some(Ticket {
        session_id: text("SessionId")?,
        stream_url: text("StreamUrl")?,
        token: Secret::new(text("TokenValue")?),
    })
}

impl SessionSource for LabSource {
    async fn start(&self) -> Result<Ticket, SourceError> {
        let request = json!({
            "Target": DEFAULT_INSTANCE,
            "DocumentName": "AWS-StartPortForwardingSessionToRemoteHost",
            "Parameters": {"host": [HOST], "portNumber": ["5432"]},
        });
        let answer = self.call("StartSession", request).await?;
        Ok(ticket(&answer).expect("a new session has a token"))
    }

    async fn resume(&self, session_id: &str) -> Result<Resumption, SourceError> {
        let answer = self.call("ResumeSession", json!({"SessionId": session_id})).await?;
        Ok(ticket(&answer).map_or(Resumption::Over, Resumption::Resumed))
    }

    async fn terminate(&self, session_id: &str) -> Result<(), SourceError> {
        self.call("TerminateSession", json!({"SessionId": session_id})).await.map(drop)
    }

    async fn sign_upgrade(
        &self,
        _url: &str,
    ) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError> {
        Ok(None)
    }
}
