use adit_lab::Lab;
use serde_json::{Value, json};

use super::http::answered;
use super::socket::{Socket, dial};

/// The answer of StartSession or ResumeSession.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Ticket {
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |member: &str| answer[member].as_str().expect(member).to_owned();
        Self { id: text("SessionId"), url: text("StreamUrl"), token: text("TokenValue") }
    }
}

/// Starts a port session.
pub(crate) async fn start(lab: &Lab, target: &str) -> Ticket {
    let body = json!({
        "Target": target,
        "DocumentName": "AWS-StartPortForwardingSession",
        "Parameters": { "portNumber": ["5432"] },
    });
    Ticket::of(&answered(lab, "StartSession", body).await)
}

pub(crate) async fn resume(lab: &Lab, id: &str) -> Ticket {
    Ticket::of(&answered(lab, "ResumeSession", json!({ "SessionId": id })).await)
}

/// Opens the data channel as a client.
pub(crate) async fn open(ticket: &Ticket) -> Socket {
    let mut socket = dial(&ticket.url, &[]).await.expect("a websocket");
    present(&mut socket, &ticket.token).await;
    socket
}

/// Sends a client's first frame.
pub(crate) async fn present(socket: &mut Socket, token: &str) {
    let body = json!({
        "MessageSchemaVersion": "1.0",
        "RequestId": "fb554084-7baa-44b6-af78-df03d4fe2c90",
        "TokenValue": token,
        "ClientId": "cb6156d7-baea-4958-b852-0de5e98c1bd6",
        "ClientVersion": "1.2.764.0",
    });
    socket.text(&body).await;
}
