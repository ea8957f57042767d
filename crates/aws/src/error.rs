//! What can go wrong with a call, in words: what, where, and what to do next.

mod code;

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use self::code::from_code;
use crate::access::Denial;
use crate::load::Aws;

/// What kind of failure it is; each asks for another next step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsErrorKind {
    /// No source gave credentials, or the service does not know them.
    NoCredentials,
    /// The credentials were good once.
    ExpiredCredentials,
    /// The sign-in to IAM Identity Center is missing or has ended; `adit login` mends it.
    SignInNeeded {
        /// The profile that signs in.
        profile: Option<String>,
    },
    /// A multi-factor code is needed, and nobody can be asked for it.
    CodeNeeded,
    /// No code was right, or none could be got.
    CodeFailed,
    /// A person ended the question that was asked of them.
    Cancelled,
    /// The credentials are not of a kind that may be used here.
    PolicyRefused,
    /// The profile asked for is not in the AWS configuration.
    UnknownProfile,
    /// The caller may not make this call.
    AccessDenied,
    /// The managed node is not known or not online.
    TargetNotConnected,
    /// The target's name is not one that the service accepts.
    InvalidTarget,
    /// There is no such target where it was looked for.
    TargetNotFound,
    /// Several targets fit what was asked for.
    TargetAmbiguous,
    /// The target is there, and cannot be reached as it is.
    TargetUnusable,
    /// The service asks for fewer calls.
    Throttled,
    /// No region is configured.
    NoRegion,
    /// A file or a setting cannot be used.
    Config,
    /// The endpoint could not be reached, or did not answer in time.
    Endpoint,
    /// The endpoint's certificate was not accepted.
    Tls,
    /// Another error of the service.
    Service {
        /// The service's code for it.
        code: String,
    },
    /// A fault in adit.
    Internal,
}

/// A failed call: a one-line cause, and what to do next.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct AwsError {
    /// What kind of failure it is.
    pub kind: AwsErrorKind,
    /// One line: what failed, where, and why.
    pub message: String,
    /// Next steps, each one line; possibly none.
    pub hints: Vec<String>,
    /// How long the service asks to wait, when it says so.
    pub retry_after: Option<Duration>,
    /// What a refused call needs, as far as the service tells.
    pub denial: Option<Box<Denial>>,
    transient: bool,
}

impl AwsError {
    pub(crate) fn new(kind: AwsErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
            retry_after: None,
            denial: None,
            transient: false,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Whether the same call may well succeed later: the network, throttling, or a fault inside
    /// the service.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// Adds how far this machine's clock is off, where that spoils signatures or codes: `ahead` is
    /// how many seconds it is ahead of the service's.
    pub(crate) fn about_clock(mut self, ahead: Option<i64>) -> Self {
        // A code is good for half a minute to either side.
        let Some(ahead) = ahead.filter(|ahead| ahead.abs() > 30) else { return self };
        let spoiled = self.kind == AwsErrorKind::CodeFailed
            || ["Signature expired", "Signature not yet current", "RequestTimeTooSkewed"]
                .iter()
                .any(|text| self.message.contains(text));
        if !spoiled {
            return self;
        }
        let span = crate::credentials::in_words(Duration::from_secs(ahead.unsigned_abs()));
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        let hint = format!("this machine's clock is {span} {side} AWS; set it right");
        self.hints.insert(0, hint);
        self
    }

    /// Adds what a failed `StartSession` means for the node or document that it named.
    pub(crate) fn about_target(mut self, target: &str, document: &str, region: &str) -> Self {
        match &self.kind {
            AwsErrorKind::TargetNotConnected => {
                self.message = format!("the bastion {target} is not connected to Session Manager");
                self.hint(format!("check that {target} exists in {region} and is running"))
                    .hint("its SSM Agent needs an instance role with AmazonSSMManagedInstanceCore and a way out to ssm and ssmmessages")
            }
            AwsErrorKind::InvalidTarget => {
                self.message = format!("`{target}` is not a managed node ({})", self.message);
                self.hint("--bastion takes an instance id such as i-0123456789abcdef0, or mi-…")
            }
            AwsErrorKind::AccessDenied => self.hint(format!(
                "needed: ssm:StartSession on the instance {target} and on the document {document}"
            )),
            _ => self,
        }
    }
}

/// Turns the error of `call`, of any of the SDK's crates, into ours; `place` is where it went
/// (`in eu-west-1`).
pub(crate) fn from_sdk<E>(
    call: &'static str,
    place: &str,
    error: &SdkError<E, Response>,
) -> AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    // The chain's `Display` only: `Debug` may carry a raw answer, and an answer a token.
    tracing::debug!(call, chain = %chain(error), "a call failed");
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let retry_after = service
                .raw()
                .headers()
                .get("retry-after")
                .and_then(|value| value.parse().ok())
                .map(Duration::from_secs);
            let mut mapped =
                from_code(call, place, service.err().code(), service.err().message(), status);
            mapped.retry_after = retry_after;
            mapped
        }
        SdkError::DispatchFailure(failure) => {
            if let Some(credentials) = find::<CredentialsError>(error) {
                return credentials_error(credentials);
            }
            failure.as_connector_error().map_or_else(
                || unreachable_endpoint(call, place, &root(error)),
                |connector| from_connector(call, place, connector),
            )
        }
        SdkError::TimeoutError(_) => unreachable_endpoint(call, place, "no answer in time"),
        SdkError::ResponseError(response) => AwsError::new(
            AwsErrorKind::Endpoint,
            format!(
                "{call} {place} got an answer that is not the service's (HTTP {})",
                response.raw().status().as_u16()
            ),
        )
        .hint("a proxy or a wrong endpoint URL may have answered in its place"),
        _ => match find::<CredentialsError>(error) {
            Some(credentials) => credentials_error(credentials),
            None => AwsError::new(
                AwsErrorKind::Config,
                format!("{call} {place} could not be made: {}", root(error)),
            )
            .hint("check --endpoint-url, --region and the profile's settings"),
        },
    }
}

/// The same as a closure for `map_err`, where the call goes to `aws`.
pub(crate) fn failed<E>(
    aws: &Aws,
    call: &'static str,
) -> impl FnOnce(SdkError<E, Response>) -> AwsError + use<E>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let place = aws.place();
    move |error| from_sdk(call, &place, &error)
}

/// A request that lacks what it must have, which is our fault.
pub(crate) fn unbuilt(error: &aws_smithy_types::error::operation::BuildError) -> AwsError {
    AwsError::new(AwsErrorKind::Internal, format!("a request could not be made: {error}"))
}

/// What a failing source of credentials means.
pub(crate) fn credentials_error(error: &CredentialsError) -> AwsError {
    if let Some(ours) = find::<AwsError>(error) {
        return ours.clone();
    }
    let cause = root(error);
    // What a program says on its standard error may be a secret.
    let causes = chain(error);
    let causes = causes.split("Stderr:").next().unwrap_or_default();
    tracing::debug!(chain = %causes, "no credentials");
    // A source that found nothing may have asked the network too; that is not why it has none.
    // The last source is the instance's metadata, which most machines do not have.
    let found_nothing = matches!(error, CredentialsError::CredentialsNotLoaded(_))
        || chain(error).contains("IMDS is disabled");
    if !found_nothing && is_network(error) {
        return AwsError::new(
            AwsErrorKind::Endpoint,
            format!("the source of the AWS credentials got no answer: {cause}"),
        )
        .hint("check the network and the proxy settings (HTTPS_PROXY, NO_PROXY)")
        .transient();
    }
    let text = chain(error).to_lowercase();
    if text.contains("expired") || text.contains("invalidgrant") {
        return AwsError::new(
            AwsErrorKind::ExpiredCredentials,
            format!("the AWS credentials have expired: {cause}"),
        )
        .hint("sign in again: `adit login` for SSO, else renew the keys");
    }
    if found_nothing {
        return AwsError::new(AwsErrorKind::NoCredentials, "no AWS credentials were found")
            .hint("set AWS_PROFILE or pass --profile, sign in with `adit login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    AwsError::new(
        AwsErrorKind::NoCredentials,
        format!("the AWS credentials failed to load: {cause}"),
    )
    .hint("`aws sts get-caller-identity` with the same profile shows whether it works elsewhere")
}

/// Whether credentials failed for want of a network: after a lid was opened they are refreshed
/// before the machine is connected again.
fn is_network(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::ProviderTimedOut(_))
        || find::<ConnectorError>(error)
            .is_some_and(|connector| find::<rustls::Error>(connector).is_none())
        // The SDK's type for a call that took too long is private.
        || chain(error).contains("timeout occurred after")
}

fn from_connector(call: &str, place: &str, connector: &ConnectorError) -> AwsError {
    if let Some(tls) = find::<rustls::Error>(connector) {
        return AwsError::new(
            AwsErrorKind::Tls,
            format!("{call} {place}: the TLS certificate was not accepted: {tls}"),
        )
        .hint("behind a proxy that inspects TLS, pass its root certificate with --ca-bundle or AWS_CA_BUNDLE");
    }
    let cause = root(connector);
    match proxy_fault(connector).as_deref() {
        None => unreachable_endpoint(call, place, &cause),
        Some("proxy authorization required") => AwsError::new(
            AwsErrorKind::Endpoint,
            format!("{call} {place}: the proxy asks for a password"),
        )
        .hint("put user and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"),
        Some("failed to create underlying connection") => AwsError::new(
            AwsErrorKind::Endpoint,
            format!("{call} {place}: the proxy cannot be reached: {cause}"),
        )
        .hint("check HTTPS_PROXY, or add the endpoint to NO_PROXY")
        .transient(),
        Some(reason) => AwsError::new(
            AwsErrorKind::Endpoint,
            format!("{call} {place}: the proxy refuses the connection ({reason})"),
        )
        .hint("ask for the endpoint to be permitted on the proxy, or add it to NO_PROXY")
        .transient(),
    }
}

/// What hyper-util says of a CONNECT that failed; its type is private, so the text has to do.
fn proxy_fault(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(reason) = error.to_string().strip_prefix("tunnel error: ") {
            return Some(reason.to_owned());
        }
        next = inner(error);
    }
    None
}

fn unreachable_endpoint(call: &str, place: &str, cause: &str) -> AwsError {
    AwsError::new(AwsErrorKind::Endpoint, format!("{call} {place} got no answer: {cause}"))
        .hint("check the network, the proxy settings (HTTPS_PROXY, NO_PROXY), --region and --endpoint-url")
        .transient()
}

/// The error chain, outermost first, as one line of `Display` texts.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = one_line(&error.to_string());
    let mut next = inner(error);
    while let Some(error) = next {
        let _ = write!(text, ": {}", one_line(&error.to_string()));
        next = inner(error);
    }
    text
}

/// The innermost cause, which is what a reader wants to know.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(next) = inner(error) {
        error = next;
    }
    one_line(&error.to_string())
}

/// The first error of type `T` in the chain.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = inner(error);
    }
    None
}

/// The cause of `error`. An `io::Error` hides the error it wraps from `source`: that one is asked.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
