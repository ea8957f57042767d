//! Sessions for a tunnel, from AWS.

use adit_aws::{Aws, AwsError, Session, SessionApi, StartSession, sign_websocket_upgrade};
use adit_tunnel::{Fatal, Resumption, Secret, SessionSource, SourceError, Ticket};
use http::{HeaderName, HeaderValue};

use crate::failure::kind_of_aws;

/// Starts the same session whenever it is asked for one.
#[derive(Debug)]
pub(crate) struct AwsSource {
    aws: Aws,
    api: SessionApi,
    request: StartSession,
}

impl AwsSource {
    pub(crate) fn new(aws: Aws, request: StartSession) -> Self {
        Self { api: SessionApi::new(&aws), aws, request }
    }
}

impl SessionSource for AwsSource {
    async fn start(&self) -> Result<Ticket, SourceError> {
        match self.api.start_session(self.request.clone()).await {
            Ok(session) => Ok(ticket(session)),
            // A gateway that cannot be reached is told at once: whoever waits for a first
            // session sits in front of it. Throttling passes by itself.
            Err(error) if error.kind == adit_aws::AwsErrorKind::Throttled => Err(retry(error)),
            Err(error) => Err(fatal(error).into()),
        }
    }

    async fn resume(&self, session_id: &str) -> Result<Resumption, SourceError> {
        match self.api.resume_session(session_id).await {
            Ok(Some(session)) => Ok(Resumption::Resumed(ticket(session))),
            Ok(None) => Ok(Resumption::Over),
            Err(error) => Err(source_error(error)),
        }
    }

    async fn terminate(&self, session_id: &str) -> Result<(), SourceError> {
        self.api.terminate_session(session_id).await.map_err(source_error)
    }

    async fn sign_upgrade(
        &self,
        url: &str,
    ) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError> {
        let now = self.aws.clock().now();
        sign_websocket_upgrade(&self.aws, url, now).await.map_err(source_error)
    }
}

fn ticket(session: Session) -> Ticket {
    Ticket {
        session_id: session.session_id,
        stream_url: session.stream_url,
        token: Secret::new(session.token.to_string()),
    }
}

fn source_error(error: AwsError) -> SourceError {
    if error.is_transient() { retry(error) } else { fatal(error).into() }
}

fn retry(error: AwsError) -> SourceError {
    SourceError::Retry { after: error.retry_after, message: error.message }
}

fn fatal(error: AwsError) -> Fatal {
    Fatal { kind: kind_of_aws(&error.kind), message: error.message, hints: error.hints }
}
