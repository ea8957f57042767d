//! JSON bodies of the control channel between service and agent (rules P-CTL-1 to P-CTL-7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of `interactive_shell`: start a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InteractiveShell {
    /// A [`SessionTask`], as JSON in a string.
    pub content: String,
    /// The session id.
    pub task_id: String,
    /// The agent does not look at it.
    pub topic: String,
    /// 1.
    pub schema_version: u32,
}

/// What [`InteractiveShell::content`] holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SessionTask {
    /// The document's name.
    pub document_name: String,
    /// The document itself; the agent substitutes `{{ name }}` in its properties.
    pub document_content: SessionDocument,
    /// The session id.
    pub session_id: String,
    /// Plain strings here (lists in StartSession).
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Empty unless the account's preferences say otherwise.
    #[serde(default)]
    pub run_as_user: String,
    /// ARN of whoever started the session.
    #[serde(default)]
    pub session_owner: String,
}

/// A session document, schema version 1.0 only.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDocument {
    /// `1.0`; the agent refuses anything else.
    pub schema_version: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// `Port` and the like: which plugin of the agent runs.
    pub session_type: String,
    /// Logging and encryption preferences; members named `…Enabled` must be booleans.
    #[serde(default)]
    pub inputs: BTreeMap<String, Value>,
    /// What may be given, and what stands when it is not.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterDefinition>,
    /// Told to the client in the handshake, after substitution.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
}

/// One parameter of a document.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParameterDefinition {
    /// `String`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Used when the caller gives none; without it the parameter is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// A regular expression that the whole value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_pattern: Option<String>,
}

/// The body of `agent_task_complete`: a session has ended. Sent up to three times, a second
/// apart, until acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentTaskComplete {
    /// 1.
    pub schema_version: u32,
    /// The session id.
    pub task_id: String,
    /// `agent_task_complete`.
    #[serde(default)]
    pub topic: String,
    /// `Success`, `Failed` and so on.
    pub final_task_status: String,
    /// False.
    #[serde(default)]
    pub is_routing_failure: bool,
    /// Empty.
    #[serde(default)]
    pub aws_account_id: String,
    /// The instance.
    #[serde(default)]
    pub instance_id: String,
    /// A text that the service passes on to the client.
    #[serde(default)]
    pub output: String,
    /// Empty unless logs go to S3.
    #[serde(default)]
    pub s3_bucket: String,
    /// Empty unless logs go to S3.
    #[serde(default)]
    pub s3_url_suffix: String,
    /// Empty unless logs go to CloudWatch.
    #[serde(default)]
    pub cwl_group: String,
    /// Empty unless logs go to CloudWatch.
    #[serde(default)]
    pub cwl_stream: String,
    /// Counts from 1.
    #[serde(default)]
    pub retry_number: u32,
}

/// The body of `agent_task_acknowledge`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentTaskAcknowledge {
    /// 1.
    pub schema_version: u32,
    /// The header id of the acknowledged `agent_task_complete`.
    pub message_id: String,
    /// The session id.
    pub task_id: String,
    /// The topic of the acknowledged message.
    #[serde(default)]
    pub topic: String,
}

/// The body of `agent_job`: run a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentJob {
    /// JSON in a string.
    pub content: String,
    /// The command's id.
    pub job_id: String,
    /// Begins with `aws.ssm.sendCommand` or `aws.ssm.cancelCommand`.
    pub topic: String,
    /// 1.
    pub schema_version: u32,
}

/// The body of `agent_job_ack`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobAck {
    /// The command's id.
    pub job_id: String,
    /// The header id of the acknowledged `agent_job`.
    pub acknowledged_message_id: String,
    /// Milliseconds since the Unix epoch, as a string.
    #[serde(default)]
    pub created_date: String,
    /// `200`, or 514xx.
    #[serde(default)]
    pub status_code: String,
    /// Why it was refused.
    #[serde(default)]
    pub error_message: String,
}

/// The body of `agent_job_reply`; at most 120,000 bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobReply {
    /// 1.
    pub schema_version: u32,
    /// The command's id.
    pub job_id: String,
    /// JSON in a string.
    pub content: String,
    /// What the content is.
    pub topic: String,
}

/// The body of `agent_job_reply_ack`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobReplyAck {
    /// The command's id.
    pub job_id: String,
    /// The header id of the acknowledged `agent_job_reply`.
    pub acknowledged_message_id: String,
}
