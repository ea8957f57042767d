//! JSON bodies of the data channel that are no stream data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The schema version of every text message.
pub const MESSAGE_SCHEMA_VERSION: &str = "1.0";

/// The first (text) frame on a data channel, from both roles (rule P-WS-4).
///
/// A gateway tells the roles apart by `client_instance_id`, which only agents send; what an agent
/// sends as `client_id` is always empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenDataChannel {
    /// Always `1.0`.
    pub message_schema_version: String,
    /// A UUID, new for every dial.
    pub request_id: String,
    /// The secret of this session; never logged.
    pub token_value: String,
    /// A UUID of the client process, the same for every dial. Some clients leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client's version. Some clients leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// The instance id, from agents only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_instance_id: Option<String>,
}

impl fmt::Debug for OpenDataChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenDataChannel")
            .field("request_id", &self.request_id)
            .field("client_id", &self.client_id)
            .field("client_version", &self.client_version)
            .field("client_instance_id", &self.client_instance_id)
            .finish_non_exhaustive()
    }
}

/// The first (text) frame on a control channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenControlChannel {
    /// Always null.
    #[serde(default)]
    pub cookie: Option<String>,
    /// Always `1.0`.
    pub message_schema_version: String,
    /// A UUID.
    pub request_id: String,
    /// From the answer to `CreateControlChannel`; never logged.
    pub token_value: String,
    /// As in `3.3.0.0`.
    #[serde(default)]
    pub agent_version: String,
    /// As in `linux`.
    #[serde(default)]
    pub platform_type: String,
}

impl fmt::Debug for OpenControlChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenControlChannel")
            .field("request_id", &self.request_id)
            .field("agent_version", &self.agent_version)
            .field("platform_type", &self.platform_type)
            .finish_non_exhaustive()
    }
}

/// The body of `channel_closed`. Its type alone ends a session, even when the body cannot be read
/// (rule P-END-1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelClosed {
    /// A UUID.
    #[serde(default)]
    pub message_id: String,
    /// Milliseconds since the Unix epoch, as a string.
    #[serde(default)]
    pub created_date: String,
    /// The instance or the client.
    #[serde(default)]
    pub destination_id: String,
    /// The session that is over.
    #[serde(default)]
    pub session_id: String,
    /// `channel_closed`.
    #[serde(default)]
    pub message_type: String,
    /// A number here, unlike elsewhere.
    #[serde(default)]
    pub schema_version: u32,
    /// A text for the user, possibly empty; absent towards agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// The body of `agent_session_state`, for the service only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentSessionState {
    /// 1.
    pub schema_version: u32,
    /// `Connected` or `Terminating`.
    pub session_state: String,
    /// The session.
    pub session_id: String,
}
