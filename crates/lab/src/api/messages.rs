use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Context, required};

/// How long a poll for messages waits when there are none: there never are.
const LONG_POLL: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetMessages {
    destination: Option<String>,
    messages_request_id: Option<String>,
}

/// The long poll of agents whose control channel is not up yet.
pub(super) async fn get_messages(context: &Context<'_>, request: &GetMessages) -> Answer {
    let destination = required("destination", request.destination.as_deref())?;
    let id = required("messagesRequestId", request.messages_request_id.as_deref())?;
    context.service.clock.sleep(LONG_POLL).await;
    Ok(json!({ "Destination": destination, "Messages": [], "MessagesRequestId": id }))
}

/// No instance has associations.
pub(super) fn no_associations() -> Value {
    json!({ "Associations": [] })
}
