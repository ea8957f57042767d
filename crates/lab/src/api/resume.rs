use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::start_session::stream_url;
use super::{Answer, Context, bounded, required};
use crate::http::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneSession {
    session_id: Option<String>,
}

impl OneSession {
    fn id(&self) -> Result<&str, ApiError> {
        let id = required("sessionId", self.session_id.as_deref())?;
        bounded("sessionId", id, 1, 96)?;
        Ok(id)
    }
}

/// Gives a new token and a new stream URL; for a session that is over, only its id.
pub(super) fn resume_session(context: &Context<'_>, request: &OneSession) -> Answer {
    let (service, id) = (context.service, request.id()?);
    let session = service.session(id).ok_or_else(|| {
        ApiError::of_model("DoesNotExistException", format!("Session {id} does not exist."))
    })?;
    if session.is_over() || !service.faults.allows_resume() {
        return Ok(json!({ "SessionId": id }));
    }
    session.touch();
    let token = service.entropy.secret(128);
    session.status().client_token.issue(token.clone(), service.clock.elapsed());
    info!(session = id, "session resumed");
    Ok(json!({ "SessionId": id, "StreamUrl": stream_url(context, id), "TokenValue": token }))
}

/// Ends a session. One that is over or unknown is answered in the same way: the operation has no
/// exception for either.
pub(super) fn terminate_session(context: &Context<'_>, request: &OneSession) -> Answer {
    let (service, id) = (context.service, request.id()?);
    if let Some(session) = service.session(id)
        && service.end_session(&session, "")
    {
        info!(session = id, "session terminated");
        session.close("");
    }
    Ok(json!({ "SessionId": id }))
}
