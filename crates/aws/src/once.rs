//! Calls that may be made once only: `StartSession`, and those that carry an MFA code.
//!
//! `StartSession` takes no token that would make repeating it harmless. An attempt that is given up
//! may have started a session, which nobody would know of and which would stay until its idle limit.
//! A code serves once, so what repeats a call whose answer was lost is told that the code is wrong.
//! So an attempt has as long as the whole call, and only what the service certainly did not take on
//! is tried again.

use std::fmt;
use std::marker::PhantomData;

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::interceptors::context::{Error, InterceptorContext};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::timeout::TimeoutConfig;
use hyper_util::client::legacy::Error as ClientError;

use crate::error::find;
use crate::load::OPERATION_TIMEOUT;

/// Refusals of a signature, as of one with the time of a wrong clock: the SDK signs again by the time
/// that the service answers with, and nothing was done.
const SIGNATURE_ERRORS: [&str; 5] = [
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// The limits of such a call.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .disable_operation_attempt_timeout()
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// Forbids to repeat what the service may have taken on, of a call that fails with `E`; for the rest
/// the SDK's own rules hold.
pub(crate) struct OnlyUntaken<E>(PhantomData<fn() -> E>);

impl<E> OnlyUntaken<E> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for OnlyUntaken<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnlyUntaken")
    }
}

impl<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static> ClassifyRetry
    for OnlyUntaken<E>
{
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if !is_untaken::<E>(error) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "only what was not taken on"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_before(RetryClassifierPriority::http_status_code_classifier())
    }
}

/// Whether the service refused before it did anything, or never saw the request.
fn is_untaken<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
    error: &OrchestratorError<Error>,
) -> bool {
    if let Some(connector) = error.as_connector_error() {
        return find::<ClientError>(connector).is_some_and(ClientError::is_connect);
    }
    error
        .as_operation_error()
        .and_then(|error| error.downcast_ref::<E>())
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|code| THROTTLING_ERRORS.contains(&code) || SIGNATURE_ERRORS.contains(&code))
}
