use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adit_wire::PayloadType;
use adit_wire::handshake::{
    HandshakeComplete, HandshakeRequest, RequestedAction, SessionTypeParameters, status,
};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::channel::DataChannel;
use super::config::{AgentConfig, Runtime};

/// The state of a session's handshake, shared by the task that performs it and the reader.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    complete: AtomicBool,
    waiting: Mutex<Option<oneshot::Sender<Response>>>,
}

/// What the agent looks at in a `HandshakeResponse`: all may be missing (`datachannel.go`
/// `handleHandshakeResponse`; found by trying it with the official agent).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Response {
    client_version: String,
    processed_client_actions: Option<Vec<Action>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Action {
    #[serde(rename = "ActionType")]
    name: String,
    #[serde(rename = "ActionStatus")]
    status: u32,
    error: Option<String>,
}

/// Why there is no session, in the words that `agent_task_complete` carries.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error(
        "Handshake timed out. Please ensure that you have the latest version of the session manager plugin."
    )]
    TimedOut,
    #[error("{action} failed on client with status {status} error: {error}")]
    Refused { action: String, status: u32, error: String },
}

impl Handshake {
    /// Whether stream data is for the port handler.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether a response has somewhere to go.
    pub(super) fn is_waiting(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }

    /// Hands over the response.
    pub(super) fn respond(&self, response: Response) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // Fails when the time is up at this very moment, as if it had come too late.
            waiting.send(response).ok();
        }
    }

    /// Asks, waits, completes (`datachannel.go` `PerformHandshake`); gives the client's version.
    pub(super) async fn perform(
        &self,
        channel: &DataChannel,
        properties: &BTreeMap<String, String>,
        config: &AgentConfig,
        runtime: &Runtime,
    ) -> Result<String, HandshakeError> {
        let (sender, receiver) = oneshot::channel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        let started = Instant::now();
        let request = HandshakeRequest {
            agent_version: runtime.agent_version.clone(),
            requested_client_actions: vec![RequestedAction::SessionType(SessionTypeParameters {
                session_type: "Port".to_owned(),
                properties: properties.clone(),
            })],
        };
        send_json(channel, PayloadType::HandshakeRequest, &request).await;
        let Ok(Ok(response)) = tokio::time::timeout(runtime.handshake_timeout, receiver).await
        else {
            return Err(HandshakeError::TimedOut);
        };
        response.check()?;
        let complete = HandshakeComplete {
            handshake_time_to_complete: nanoseconds(started.elapsed()),
            customer_message: String::new(),
        };
        if !config.quirks.completes_late {
            self.complete.store(true, Ordering::Release);
        }
        send_json(channel, PayloadType::HandshakeComplete, &complete).await;
        if !runtime.completion_delay.is_zero() && config.quirks.completes_late {
            tokio::time::sleep(runtime.completion_delay).await;
        }
        self.complete.store(true, Ordering::Release);
        Ok(response.client_version)
    }
}

impl Response {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload)
    }

    /// Any action that was not done fails the session; of several the last is told.
    fn check(&self) -> Result<(), HandshakeError> {
        let actions = self.processed_client_actions.as_deref().unwrap_or_default().iter();
        match actions.rev().find(|action| action.status != status::SUCCESS) {
            None => Ok(()),
            Some(action) => Err(HandshakeError::Refused {
                action: action.name.clone(),
                status: action.status,
                error: action.error.clone().unwrap_or_default(),
            }),
        }
    }
}

async fn send_json(channel: &DataChannel, kind: PayloadType, body: &impl serde::Serialize) {
    match serde_json::to_vec(body) {
        Ok(payload) => channel.send(kind, &payload).await,
        Err(error) => tracing::error!(%error, "handshake message cannot be written"),
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
