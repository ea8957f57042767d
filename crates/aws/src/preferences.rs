//! What the account says of all sessions: when the service ends them by itself.
//!
//! The preferences are in a document of a fixed name; an account that has never set any has none, and
//! then the service's own hold.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html>

use std::time::Duration;

use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::types::DocumentFormat;
use serde::Deserialize;

use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::load::Aws;

/// The document of the preferences.
const DOCUMENT: &str = "SSM-SessionManagerRunShell";
/// How long a session may be idle where the account does not say.
const IDLE: Duration = Duration::from_mins(20);

/// When the service ends sessions by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    /// After so long without a message of a stream.
    pub idle: Duration,
    /// After so long in any case; `None` is never.
    pub longest: Option<Duration>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { idle: IDLE, longest: None }
    }
}

/// The part of the document that is about time: minutes, as text.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Inputs {
    idle_session_timeout: String,
    max_session_duration: String,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    inputs: Inputs,
}

/// Asks for the preferences.
pub async fn preferences(aws: &Aws) -> Result<Preferences, AwsError> {
    let call = aws_sdk_ssm::Client::new(&aws.sdk).get_document().name(DOCUMENT);
    let answer = match call.document_format(DocumentFormat::Json).send().await {
        Ok(answer) => answer,
        Err(error) if error.code() == Some("InvalidDocument") => return Ok(Preferences::default()),
        Err(error) => return Err(from_sdk("GetDocument", &aws.place(), &error)),
    };
    parse(answer.content().unwrap_or_default()).ok_or_else(|| {
        AwsError::new(
            AwsErrorKind::Service { code: "UnknownContent".to_owned() },
            format!("the document {DOCUMENT} {} is not one of preferences", aws.place()),
        )
    })
}

fn parse(content: &str) -> Option<Preferences> {
    let Document { inputs } = serde_json::from_str(content).ok()?;
    let minutes = |text: &str| text.trim().parse().ok().map(Duration::from_mins);
    Some(Preferences {
        idle: minutes(&inputs.idle_session_timeout).unwrap_or(IDLE),
        longest: minutes(&inputs.max_session_duration),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    async fn asked(status: u16, answer: &'static str) -> (Result<Preferences, AwsError>, Fake) {
        let fake = Fake::new(vec![(status, answer)]).await;
        let preferences = preferences(&fake.aws().await).await;
        (preferences, fake)
    }

    #[tokio::test]
    async fn the_document_tells_minutes() {
        let answer = r#"{"Name":"SSM-SessionManagerRunShell","Content":"{\"schemaVersion\":\"1.0\",\"sessionType\":\"Standard_Stream\",\"inputs\":{\"kmsKeyId\":\"\",\"idleSessionTimeout\":\"10\",\"maxSessionDuration\":\"60\"}}"}"#;
        let (found, fake) = asked(200, answer).await;
        let expected =
            Preferences { idle: Duration::from_mins(10), longest: Some(Duration::from_hours(1)) };
        assert_eq!(found.unwrap(), expected);
        let asked = &fake.asked()[0];
        assert!(asked.head.contains("x-amz-target: amazonssm.getdocument"), "{}", asked.head);
        assert!(asked.body.contains(r#""Name":"SSM-SessionManagerRunShell""#), "{}", asked.body);
    }

    #[tokio::test]
    async fn an_account_without_preferences_has_those_of_the_service() {
        let none = r#"{"__type":"InvalidDocument","message":"Document with name SSM-SessionManagerRunShell does not exist."}"#;
        assert_eq!(asked(400, none).await.0.unwrap(), Preferences::default());
        assert_eq!(parse(r#"{"inputs":{"maxSessionDuration":""}}"#), Some(Preferences::default()));
        assert_eq!(parse("{}"), Some(Preferences::default()));
        assert_eq!(parse("---\nschemaVersion: 1"), None);
    }

    #[tokio::test]
    async fn who_may_not_look_is_told_so() {
        let denied = r#"{"__type":"AccessDeniedException","message":"no"}"#;
        assert_eq!(asked(400, denied).await.0.unwrap_err().kind, AwsErrorKind::AccessDenied);
    }
}
