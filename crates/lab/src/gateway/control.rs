use std::sync::Arc;

use adit_wire::channel::OpenControlChannel;
use adit_wire::control::AgentTaskComplete;
use adit_wire::{Message, MessageType};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message as Frame;
use tracing::{debug, info};

use super::instance::Control;
use super::notice;
use super::websocket::{self, Websocket};
use crate::service::Service;

/// Serves one agent's control channel: while it is open, the instance is online.
pub(crate) async fn serve(service: Arc<Service>, instance_id: String, mut ws: Websocket) {
    let Some(first) = websocket::opening(&mut ws).await else { return };
    let Ok(open) = serde_json::from_slice::<OpenControlChannel>(&first) else {
        return websocket::close(ws, 1003, "expected OpenControlChannelInput").await;
    };
    let (messages, outgoing) = mpsc::unbounded_channel();
    let number = service.next_number();
    let (now, unix) = (service.clock.elapsed(), service.clock.unix());
    let opened = service.instance(&instance_id, |instance| {
        let redeemed = instance.control_token.0.redeem(&open.token_value, now);
        if redeemed {
            instance.connect(Control { number, messages: messages.clone() });
            instance.about.agent_version = open.agent_version;
            instance.about.last_ping = Some(unix);
        }
        redeemed
    });
    if opened != Some(true) {
        return websocket::close(ws, 1008, "token refused").await;
    }
    info!(instance = instance_id, "control channel open");
    drop(messages);
    talk(&service, &instance_id, ws, outgoing).await;
    service.instance(&instance_id, |instance| instance.disconnect(number));
    info!(instance = instance_id, "control channel ended");
}

/// Sends what the gateway has to say and answers what the agent says, until either ends.
async fn talk(
    service: &Service,
    instance_id: &str,
    mut ws: Websocket,
    mut outgoing: mpsc::UnboundedReceiver<Bytes>,
) {
    loop {
        let answer = tokio::select! {
            message = outgoing.recv() => {
                let Some(message) = message else {
                    // Replaced by a newer channel, or taken offline.
                    return websocket::close(ws, 1000, "Bye").await;
                };
                Some(message)
            }
            frame = ws.next() => match frame {
                Some(Ok(Frame::Binary(bytes))) => heard(service, instance_id, bytes),
                Some(Ok(_)) => None,
                Some(Err(_)) | None => return,
            },
        };
        if let Some(answer) = answer
            && ws.send(Frame::Binary(answer)).await.is_err()
        {
            return;
        }
    }
}

/// What an agent says on its control channel, and the answer.
fn heard(service: &Service, instance_id: &str, bytes: Bytes) -> Option<Bytes> {
    let message = Message::decode(bytes).ok()?;
    if message.header.message_type != MessageType::AgentTaskComplete {
        debug!(instance = instance_id, kind = ?message.header.message_type, "not answered");
        return None;
    }
    let task: AgentTaskComplete = serde_json::from_slice(&message.payload).ok()?;
    service.task_completed(&task);
    Some(notice::task_acknowledge(service.stamp(), message.header.id, &task))
}
