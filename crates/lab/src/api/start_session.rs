use std::collections::BTreeMap;

use adit_wire::control::SessionTask;
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::documents::{self, SHELL};
use super::{Answer, Context, bounded, required};
use crate::gateway::session::NewSession;
use crate::http::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartSession {
    target: Option<String>,
    document_name: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Vec<String>>,
    reason: Option<String>,
}

pub(super) fn start_session(context: &Context<'_>, request: StartSession) -> Answer {
    let target = required("target", request.target.as_deref())?;
    bounded("target", target, 1, 400)?;
    if let Some(reason) = &request.reason {
        bounded("reason", reason, 1, 256)?;
    }
    let document = request.document_name.as_deref().unwrap_or(SHELL);
    let (content, values) = documents::prepare(document, &request.parameters)?;
    let service = context.service;
    let owner = context.caller.arn.clone();
    // Ids begin with the name of whoever started the session, which policies go by.
    let name = owner.rsplit('/').next().unwrap_or_default();
    let id = format!("{name}-{}", service.entropy.hex(17));
    let task = SessionTask {
        document_name: document.to_owned(),
        document_content: content,
        session_id: id.clone(),
        parameters: values,
        run_as_user: String::new(),
        session_owner: owner.clone(),
    };
    let new = NewSession {
        id: id.clone(),
        target: target.to_owned(),
        document: document.to_owned(),
        parameters: request.parameters,
        reason: request.reason,
        owner,
    };
    let most = service.faults.most_sessions();
    let live = || service.sessions().iter().filter(|session| !session.is_over()).count();
    if most.is_some_and(|most| live() >= most) {
        return Err(ApiError::throttled());
    }
    let session = service.start_session(new, task).ok_or_else(|| not_connected(target))?;
    drop(most);
    info!(session = id, target, document, "session started");
    let token = service.entropy.secret(128);
    session.status().client_token.issue(token.clone(), service.clock.elapsed());
    Ok(json!({ "SessionId": id, "StreamUrl": stream_url(context, &id), "TokenValue": token }))
}

pub(super) fn not_connected(target: &str) -> ApiError {
    ApiError::of_model("TargetNotConnected", format!("{target} is not connected."))
}

/// Where the client finds the data channel: over TLS when it called over TLS. The cell number is
/// a new one each time, and ends as base64 does.
pub(super) fn stream_url(context: &Context<'_>, session_id: &str) -> String {
    let service = context.service;
    let tls = service.tls_base.as_ref().filter(|_| context.over_tls);
    let base = tls.unwrap_or(&service.plain_base);
    let cell = service.entropy.secret(42);
    format!("{base}/v1/data-channel/{session_id}?role=publish_subscribe&cell-number={cell}==")
}
