//! How `StartSession` is called: so that one request starts one session at most.
//!
//! The call takes no token that would make repeating it harmless. An attempt that is given up may
//! have started a session, which nobody would know of and which would stay until its idle limit.
//! So an attempt has as long as the whole call, and only what certainly did not start a session is
//! tried again.

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::operation::start_session::StartSessionError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, InterceptorContext};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::timeout::TimeoutConfig;
use hyper_util::client::legacy::Error as ClientError;

use crate::error::find;
use crate::load::OPERATION_TIMEOUT;

/// What differs from the other calls.
pub(crate) fn config() -> Builder {
    let timeouts = TimeoutConfig::builder()
        .disable_operation_attempt_timeout()
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    Builder::new().timeout_config(timeouts).retry_classifier(OnlyUnstarted)
}

/// Forbids to repeat what may have started a session; for the rest the SDK's own rules hold.
#[derive(Debug)]
struct OnlyUnstarted;

impl ClassifyRetry for OnlyUnstarted {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if !is_unstarted(error) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "only what did not start a session"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_before(RetryClassifierPriority::http_status_code_classifier())
    }
}

/// Whether the service refused before it did anything, or never saw the request.
fn is_unstarted(error: &OrchestratorError<Error>) -> bool {
    if let Some(connector) = error.as_connector_error() {
        return find::<ClientError>(connector).is_some_and(ClientError::is_connect);
    }
    error
        .as_operation_error()
        .and_then(|error| error.downcast_ref::<StartSessionError>())
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|code| THROTTLING_ERRORS.contains(&code))
}
