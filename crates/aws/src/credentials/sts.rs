//! Calls to STS, and what its refusals mean.

use std::time::SystemTime;

use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::types::Credentials as StsCredentials;
use aws_smithy_runtime_api::client::retries::classifiers::ClassifyRetry;
use aws_smithy_runtime_api::http::Response;
use aws_types::sdk_config::SdkConfig;
use zeroize::Zeroizing;

use super::keys::Keys;
use crate::error::{AwsError, AwsErrorKind, from_sdk};

/// A client that signs with `keys`.
pub(crate) fn client(sdk: &SdkConfig, keys: &Keys) -> Client {
    let credentials = aws_credential_types::provider::SharedCredentialsProvider::new(keys.to_sdk());
    Client::new(&sdk.to_builder().credentials_provider(credentials).build())
}

/// What differs in a call that carries a code.
pub(crate) fn once(classifier: impl ClassifyRetry + 'static) -> Builder {
    Builder::new().timeout_config(crate::once::timeouts()).retry_classifier(classifier)
}

/// Why a call that carried a code, or could have, did not give credentials.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The code was wrong, or had been used.
    Code(AwsError),
    /// The service does not know the device as the caller's.
    Device(AwsError),
    /// The caller may not make the call.
    Denied(AwsError),
    /// Anything else.
    Other(AwsError),
}

impl Refusal {
    pub(crate) fn into_error(self) -> AwsError {
        match self {
            Self::Code(error) | Self::Device(error) | Self::Denied(error) | Self::Other(error) => {
                error
            }
        }
    }
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        Self::Other(error)
    }
}

/// Sorts a refusal. The service gives one code, `AccessDenied`, for all of it; the texts are those
/// that its users report, as in
/// <https://repost.aws/knowledge-center/mfa-iam-user-aws-cli> and
/// <https://github.com/aws/aws-cli/issues/3875>.
pub(crate) fn refusal<E>(call: &'static str, place: &str, error: &SdkError<E, Response>) -> Refusal
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let said = match error {
        SdkError::ServiceError(service) => service.err().message().unwrap_or_default(),
        _ => "",
    };
    let told = from_sdk(call, place, error);
    let code_failed = |message: &str| AwsError::new(AwsErrorKind::CodeFailed, message);
    if said.contains("invalid MFA one time pass code") {
        return Refusal::Code(
            code_failed("the MFA code was not accepted: it is wrong, or it was used before")
                .hint("each code works once; wait for the next one, which comes within 30 seconds"),
        );
    }
    if said.contains("unable to validate MFA code") {
        return Refusal::Device(
            code_failed("the MFA device is not one of the caller's")
                .hint("`aws iam list-mfa-devices` lists them; mfa_serial or --mfa-serial names one, `auto` asks IAM"),
        );
    }
    if said.contains("must provide both MFA serial number and one time pass code") {
        return Refusal::Denied(
            code_failed("the call asks for a code of an MFA device")
                .hint("add mfa_serial to the profile, or pass --mfa-serial"),
        );
    }
    // GetSessionToken with the credentials of a session:
    // <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
    if told.kind == AwsErrorKind::AccessDenied {
        return Refusal::Denied(told);
    }
    Refusal::Other(told)
}

pub(crate) fn incomplete(call: &str, place: &str) -> AwsError {
    AwsError::new(
        AwsErrorKind::Service { code: "IncompleteAnswer".to_owned() },
        format!("{call} {place} answered without credentials"),
    )
}

/// The credentials of an answer.
pub(crate) fn keys(given: StsCredentials, account: Option<String>) -> Keys {
    Keys {
        access_key_id: given.access_key_id,
        secret_access_key: Zeroizing::new(given.secret_access_key),
        session_token: Some(Zeroizing::new(given.session_token)),
        account,
        expires: SystemTime::try_from(given.expiration).ok(),
    }
}
