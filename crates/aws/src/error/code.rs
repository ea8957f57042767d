//! The error codes of the services.

use super::{AwsError, AwsErrorKind, one_line};
use crate::access::Denial;

/// What an error `code` of a service means.
pub(super) fn from_code(
    call: &'static str,
    place: &str,
    code: Option<&str>,
    message: Option<&str>,
    status: u16,
) -> AwsError {
    let code = code.unwrap_or("UnknownError");
    let detail = one_line(message.unwrap_or_default());
    let text = match detail.as_str() {
        "" => format!("{call} {place} failed: {code} (HTTP {status})"),
        detail => format!("{call} {place} failed: {detail} ({code})"),
    };
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            AwsError::new(AwsErrorKind::ExpiredCredentials, text)
                .hint("sign in again: `adit login` for SSO, else renew the keys")
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired"
        | "AuthFailure" => {
            let error = AwsError::new(AwsErrorKind::NoCredentials, text)
                .hint("check which keys are in use (AWS_ACCESS_KEY_ID, AWS_PROFILE, --profile) and that the clock is right");
            // How services answer where a region has to be enabled first.
            if matches!(
                code,
                "AuthFailure"
                    | "InvalidClientTokenId"
                    | "OptInRequired"
                    | "UnrecognizedClientException"
            ) {
                error.hint("or the region is not enabled for this account: `aws account list-regions` shows which are")
            } else {
                error
            }
        }
        "AccessDenied"
        | "AccessDeniedException"
        | "ForbiddenException"
        | "UnauthorizedOperation"
        | "Client.UnauthorizedOperation" => {
            let denial = Denial::parse(call, code, &detail);
            let text = match denial.sentence() {
                Some(sentence) => format!("{call} {place} is denied: {sentence} ({code})"),
                None => text,
            };
            let mut error = AwsError::new(AwsErrorKind::AccessDenied, text);
            error.hints = denial.hints();
            error.denial = Some(Box::new(denial));
            error
        }
        "TargetNotConnected" => AwsError::new(AwsErrorKind::TargetNotConnected, text),
        "InvalidInstanceId" | "InvalidTarget" | "ValidationException" if call == "StartSession" => {
            AwsError::new(AwsErrorKind::InvalidTarget, text)
        }
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "LimitExceededException" => AwsError::new(AwsErrorKind::Throttled, text)
            .hint("the account makes too many calls at once; try again in a moment")
            .transient(),
        _ => {
            let error = AwsError::new(AwsErrorKind::Service { code: code.to_owned() }, text);
            match code {
                _ if status >= 500 => error
                    .hint("the service reports a fault of its own; try again in a moment")
                    .transient(),
                "InvalidParameters" => error.hint("check --host and --port"),
                "InvalidDocument" | "InvalidDocumentVersion" => {
                    error.hint("check that the region and the account have the session document")
                }
                _ => error.hint(format!("{call} in the service's API reference explains {code}")),
            }
        }
    }
}
