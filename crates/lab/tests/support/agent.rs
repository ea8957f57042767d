use adit_lab::Lab;
use adit_wire::control::{AgentTaskComplete, InteractiveShell, SessionTask};
use adit_wire::{Message, MessageType, PayloadType};
use bytes::Bytes;
use http::{Method, Response};
use serde_json::json;

use super::binary::{decode, typed};
use super::http::{Signer, request, send};
use super::socket::{Socket, dial};
use super::until;

/// The id of the agent that tests play themselves.
pub(crate) const ID: &str = "mi-0123456789abcdef0";

/// An agent in a process of its own, as far as the gateway can tell.
pub(crate) struct Agent {
    pub(crate) control: Socket,
}

/// Asks for a channel's token.
pub(crate) async fn create(lab: &Lab, kind: &str, id: &str) -> Response<Bytes> {
    let body = json!({ "MessageSchemaVersion": "1.0", "RequestId": "r" }).to_string();
    let mut request = request(lab, Method::POST, &format!("/v1/{kind}/{id}"), body);
    Signer::of(lab, "ssmmessages").sign(&mut request);
    send(request).await
}

/// The token in the answer.
pub(crate) fn token(answer: &Response<Bytes>) -> String {
    assert_eq!(answer.status(), 201, "agents take nothing else");
    let body = String::from_utf8(answer.body().to_vec()).expect("UTF-8");
    let token = body.split("<TokenValue>").nth(1).expect("a token");
    token.split("</TokenValue>").next().expect("its end").to_owned()
}

impl Agent {
    /// Brings the agent online.
    pub(crate) async fn connect(lab: &Lab) -> Self {
        let token = token(&create(lab, "control-channel", ID).await);
        let url = format!("{}/v1/control-channel/{ID}?role=subscribe&stream=input", base(lab));
        let mut control = dial(&url, &[]).await.expect("a websocket");
        control
            .text(&json!({
                "Cookie": null,
                "MessageSchemaVersion": "1.0",
                "RequestId": "r",
                "TokenValue": token,
                "AgentVersion": "3.3.0.0",
                "PlatformType": "linux",
            }))
            .await;
        until(lab, |state| state.instances.iter().any(|i| i.id == ID && i.online)).await;
        Self { control }
    }

    /// The next session that is to be started.
    pub(crate) async fn task(&mut self) -> SessionTask {
        let message = self.heard(MessageType::InteractiveShell).await;
        let shell: InteractiveShell = serde_json::from_slice(&message.payload).expect("a body");
        let task: SessionTask = serde_json::from_str(&shell.content).expect("a task");
        assert_eq!(shell.task_id, task.session_id);
        task
    }

    /// The next message on the control channel, which has to be of this type.
    pub(crate) async fn heard(&mut self, kind: MessageType) -> Message {
        let message = decode(&self.control.next().await);
        assert_eq!(message.header.message_type, kind);
        assert!(message.digest_matches());
        message
    }

    /// Opens the data channel of a session.
    pub(crate) async fn open(&self, lab: &Lab, session_id: &str) -> Socket {
        let token = token(&create(lab, "data-channel", session_id).await);
        let url = format!("{}/v1/data-channel/{session_id}?role=publish_subscribe", base(lab));
        let mut socket = dial(&url, &[]).await.expect("a websocket");
        socket
            .text(&json!({
                "MessageSchemaVersion": "1.0",
                "RequestId": "r",
                "TokenValue": token,
                "ClientInstanceId": ID,
                "ClientId": "",
            }))
            .await;
        socket
    }

    /// Says that a session has ended, and hears that acknowledged.
    pub(crate) async fn complete(&mut self, session_id: &str, output: &str) {
        let body = AgentTaskComplete {
            schema_version: 1,
            task_id: session_id.to_owned(),
            topic: "agent_task_complete".to_owned(),
            final_task_status: "Failed".to_owned(),
            is_routing_failure: false,
            aws_account_id: String::new(),
            instance_id: ID.to_owned(),
            output: output.to_owned(),
            s3_bucket: String::new(),
            s3_url_suffix: String::new(),
            cwl_group: String::new(),
            cwl_stream: String::new(),
            retry_number: 1,
        };
        let body = serde_json::to_vec(&body).expect("a body");
        let message = typed(MessageType::AgentTaskComplete, PayloadType::Undefined, 0, &body);
        let id = decode(&message).header.id;
        self.control.binary(message).await;
        let answer = self.heard(MessageType::AgentTaskAcknowledge).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload).expect("a body");
        assert_eq!(answer["MessageId"], id.to_string());
        assert_eq!(answer["TaskId"], session_id);
    }
}

/// The lab's websocket base.
pub(crate) fn base(lab: &Lab) -> String {
    lab.endpoint().replace("http://", "ws://")
}
