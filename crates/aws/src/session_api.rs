//! The three calls of a session: start, resume, terminate.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::operation::start_session::StartSessionError;
use aws_sdk_ssm::{Client, config};
use aws_smithy_types::retry::RetryConfig;
use zeroize::Zeroizing;

use crate::error::{AwsError, AwsErrorKind, from_sdk};
use crate::load::Aws;
use crate::once::{self, OnlyUntaken};

/// Attempts of `ResumeSession`: one more where a clock is wrong or a connection was stale. Whoever has
/// a session to get back tries on by rules of its own, and wants to hear soon why it does not work.
const RESUME_ATTEMPTS: u32 = 2;
const RESUME_BACKOFF: Duration = Duration::from_millis(50);

/// What `StartSession` is asked for.
#[derive(Debug, Clone, Default)]
pub struct StartSession {
    /// The managed node: `i-…` or `mi-…`.
    pub target: String,
    /// The session document, such as `AWS-StartPortForwardingSessionToRemoteHost`.
    pub document: String,
    /// The document's parameters, by name.
    pub parameters: Vec<(String, String)>,
    /// A reason that AWS records with the session, at most 256 characters.
    pub reason: Option<String>,
}

/// What `StartSession` and `ResumeSession` answer with.
pub struct Session {
    /// The id of the session.
    pub session_id: String,
    /// Where its data channel is; to be used as it stands. Empty when a resume left it out.
    pub stream_url: String,
    /// The secret that opens the data channel once.
    pub token: Zeroizing<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// Starts, resumes and terminates sessions.
#[derive(Debug, Clone)]
pub struct SessionApi {
    client: Client,
    aws: Aws,
}

impl SessionApi {
    /// Makes a client of the session calls.
    pub fn new(aws: &Aws) -> Self {
        Self { client: Client::new(&aws.sdk), aws: aws.clone() }
    }

    /// Starts a session; its token is good for one data channel.
    pub async fn start_session(&self, request: StartSession) -> Result<Session, AwsError> {
        self.start(request, config::Builder::new()).await
    }

    /// The same with one attempt: of who throttles, nothing more is asked.
    pub async fn try_start_session(&self, request: StartSession) -> Result<Session, AwsError> {
        let once = RetryConfig::standard().with_max_attempts(1);
        self.start(request, config::Builder::new().retry_config(once)).await
    }

    async fn start(
        &self,
        request: StartSession,
        settings: config::Builder,
    ) -> Result<Session, AwsError> {
        let parameters: HashMap<_, _> =
            request.parameters.into_iter().map(|(name, value)| (name, vec![value])).collect();
        let answer = self
            .client
            .start_session()
            .target(&request.target)
            .document_name(&request.document)
            .set_parameters(Some(parameters))
            .set_reason(request.reason)
            .customize()
            .config_override(
                settings
                    .timeout_config(once::timeouts())
                    .retry_classifier(OnlyUntaken::<StartSessionError>::new()),
            )
            .send()
            .await
            .map_err(|error| {
                from_sdk("StartSession", &self.aws.place(), &error).about_target(
                    &request.target,
                    &request.document,
                    self.aws.region(),
                )
            })?;
        let (Some(session_id), Some(stream_url), Some(token)) =
            (answer.session_id, answer.stream_url, answer.token_value)
        else {
            return Err(incomplete("StartSession", &self.aws.place()));
        };
        Ok(Session { session_id, stream_url, token: Zeroizing::new(token) })
    }

    /// Asks for a fresh token of a session; `None` when the session is over.
    ///
    /// An answer without a token is how the service says so (`protocol.md` §1), and an unknown
    /// session is over as well.
    pub async fn resume_session(&self, session_id: &str) -> Result<Option<Session>, AwsError> {
        let impatient = RetryConfig::standard()
            .with_max_attempts(RESUME_ATTEMPTS)
            .with_initial_backoff(RESUME_BACKOFF);
        let call = self.client.resume_session().session_id(session_id).customize();
        let call = call.config_override(config::Builder::new().retry_config(impatient));
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("DoesNotExistException") => return Ok(None),
            Err(error) => return Err(from_sdk("ResumeSession", &self.aws.place(), &error)),
        };
        let Some(token) = answer.token_value.filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Session {
            session_id: answer.session_id.unwrap_or_else(|| session_id.to_owned()),
            stream_url: answer.stream_url.unwrap_or_default(),
            token: Zeroizing::new(token),
        }))
    }

    /// Ends a session; one that is over already counts as ended.
    pub async fn terminate_session(&self, session_id: &str) -> Result<(), AwsError> {
        match self.client.terminate_session().session_id(session_id).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("DoesNotExistException") => Ok(()),
            Err(error) => Err(from_sdk("TerminateSession", &self.aws.place(), &error)),
        }
    }
}

fn incomplete(call: &'static str, place: &str) -> AwsError {
    AwsError::new(
        AwsErrorKind::Service { code: "IncompleteAnswer".to_owned() },
        format!("{call} {place} answered without a session id, stream URL or token"),
    )
}

#[cfg(test)]
mod tests;
