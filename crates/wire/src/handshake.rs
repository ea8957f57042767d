//! The three handshake messages (payload types 5, 6, 7; rules P-HS-1 to P-HS-8).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The agent's first message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeRequest {
    /// Four numbers, as in `3.3.987.0`; empty when the agent does not say.
    #[serde(default)]
    pub agent_version: String,
    /// What the client is to do; the session type always comes first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub requested_client_actions: Vec<RequestedAction>,
}

/// One thing that the agent asks of the client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "ActionType", content = "ActionParameters")]
pub enum RequestedAction {
    /// Says what kind of session this is.
    SessionType(SessionTypeParameters),
    /// Asks for a data key.
    #[serde(rename = "KMSEncryption")]
    KmsEncryption(KmsParameters),
    /// An action that this crate does not know, or whose parameters it cannot read; answered as
    /// unsupported (rule P-HS-4). The parameters are not kept.
    #[serde(untagged)]
    Other {
        /// Its name.
        #[serde(rename = "ActionType")]
        action_type: String,
    },
}

impl RequestedAction {
    /// The name that the response repeats.
    pub fn name(&self) -> &str {
        match self {
            Self::SessionType(_) => "SessionType",
            Self::KmsEncryption(_) => "KMSEncryption",
            Self::Other { action_type } => action_type,
        }
    }
}

/// Parameters of the session type action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SessionTypeParameters {
    /// `Port`, `Standard_Stream`, `InteractiveCommands` or `NonInteractiveCommands`.
    pub session_type: String,
    /// The document's properties after substitution; every value is a string. Values that are
    /// not strings (shells have nested ones) are left out: no port session has any.
    #[serde(default, deserialize_with = "string_members")]
    pub properties: BTreeMap<String, String>,
}

/// Parameters of the encryption action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KmsParameters {
    /// Key id or ARN.
    #[serde(rename = "KMSKeyId")]
    pub kms_key_id: String,
    /// Base64 of 16 random bytes; absent from older agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
}

/// The client's answer, exactly one per session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeResponse {
    /// Four numbers, by which alone the agent picks its mode (rules P-HS-7, P-PORT-1).
    #[serde(default)]
    pub client_version: String,
    /// One entry for each requested action.
    #[serde(default, deserialize_with = "null_is_default")]
    pub processed_client_actions: Vec<ProcessedAction>,
    /// Null from the official client when there is none.
    #[serde(default)]
    pub errors: Option<Vec<String>>,
}

/// What became of one requested action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessedAction {
    /// The name from the request.
    #[serde(default)]
    pub action_type: String,
    /// 1 success, 2 failed, 3 unsupported. Anything but 1 fails the session.
    #[serde(default)]
    pub action_status: u32,
    /// The data key, for the encryption action. Anything else reads as absent: the official
    /// client puts a number here for an action that it does not know.
    #[serde(default, deserialize_with = "object_or_nothing")]
    pub action_result: Option<KmsResult>,
    /// Why it failed.
    #[serde(default)]
    pub error: String,
}

/// Values of [`ProcessedAction::action_status`].
pub mod status {
    /// Done.
    pub const SUCCESS: u32 = 1;
    /// Tried, and failed.
    pub const FAILED: u32 = 2;
    /// Not known to this client.
    pub const UNSUPPORTED: u32 = 3;
}

/// The result of the encryption action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KmsResult {
    /// The encrypted data key, standard base64.
    #[serde(rename = "KMSCipherTextKey")]
    pub cipher_text_key: String,
    /// Null from the official client.
    #[serde(rename = "KMSCipherTextHash")]
    pub cipher_text_hash: Option<String>,
    /// True when the request's challenge went into the encryption context.
    #[serde(rename = "ChallengeAcknowledgement", default, skip_serializing_if = "Option::is_none")]
    pub challenge_acknowledgement: Option<bool>,
}

/// The agent's last handshake message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeComplete {
    /// Nanoseconds.
    #[serde(default)]
    pub handshake_time_to_complete: i64,
    /// A text for the user, possibly empty.
    #[serde(default)]
    pub customer_message: String,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `None` for whatever is no `T`.
fn object_or_nothing<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Value::deserialize(deserializer).map(|value| T::deserialize(value).ok())
}

fn string_members<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let members: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    Ok(members
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        })
        .collect())
}
