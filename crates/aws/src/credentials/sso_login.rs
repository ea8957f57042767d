//! Signing in to IAM Identity Center with the device flow of OAuth (RFC 8628).
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>

use std::time::{Duration, SystemTime};

use aws_sdk_ssooidc::Client;
use aws_sdk_ssooidc::operation::create_token::{CreateTokenError, CreateTokenOutput};
use aws_sdk_ssooidc::operation::register_client::RegisterClientOutput;
use zeroize::Zeroizing;

use super::base::SsoBase;
use super::sso::{self, Around, Token};
use super::time;
use crate::error::{AwsError, AwsErrorKind, from_sdk};

/// How often the service is asked when it does not say: RFC 8628 §3.2.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// What `slow_down` adds to each pause: RFC 8628 §3.5.
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// What a person needs to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Where to sign in.
    pub url: String,
    /// The same with the code in it, which saves typing it.
    pub url_with_code: Option<String>,
    /// The code to compare, or to type.
    pub code: String,
    /// Until when that is possible.
    pub expires: SystemTime,
}

/// A sign-in that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The start URL.
    pub start_url: String,
    /// The name of the `sso-session`.
    pub session: Option<String>,
    /// How long it lasts without renewal.
    pub expires: SystemTime,
}

/// Signs in, and keeps the token where the AWS CLI looks for it.
pub(crate) async fn run(
    around: Around<'_>,
    base: &SsoBase,
    show: impl FnOnce(&Verification),
) -> Result<SignedIn, AwsError> {
    let home = around.home.ok_or_else(|| {
        AwsError::new(AwsErrorKind::Config, "there is no home directory to keep the sign-in in")
            .hint("set HOME")
    })?;
    let client = Client::new(&around.config(base));
    let place = format!("in {}", base.region);
    let registered = register(&client, &place, base).await?;
    let secret = Zeroizing::new(registered.client_secret.clone().unwrap_or_default());
    let id = registered.client_id.clone().unwrap_or_default();
    let begun = client
        .start_device_authorization()
        .client_id(&id)
        .client_secret(secret.as_str())
        .start_url(&base.start_url)
        .send()
        .await
        .map_err(|error| {
            from_sdk("StartDeviceAuthorization", &place, &error)
                .hint("check sso_start_url and sso_region of the profile")
        })?;
    let lasts = Duration::from_secs(u64::try_from(begun.expires_in).unwrap_or_default());
    let expires = around.clock.now() + lasts;
    let (Some(url), Some(code), Some(device)) =
        (begun.verification_uri, begun.user_code, begun.device_code.map(Zeroizing::new))
    else {
        return Err(super::sts::incomplete("StartDeviceAuthorization", &place));
    };
    show(&Verification { url, url_with_code: begun.verification_uri_complete, code, expires });

    let interval = u64::try_from(begun.interval).ok().filter(|seconds| *seconds > 0);
    let mut pause = interval.map_or(DEFAULT_INTERVAL, Duration::from_secs);
    let answer = loop {
        let next = around.clock.now() + pause;
        if next >= expires {
            return Err(late());
        }
        around.clock.sleep_until(next).await;
        let asked = client
            .create_token()
            .client_id(&id)
            .client_secret(secret.as_str())
            .grant_type("urn:ietf:params:oauth:grant-type:device_code")
            .device_code(device.as_str())
            .send()
            .await;
        match asked {
            Ok(answer) => break answer,
            Err(error) => match error.as_service_error() {
                Some(CreateTokenError::AuthorizationPendingException(_)) => {}
                Some(CreateTokenError::SlowDownException(_)) => pause += SLOW_DOWN,
                Some(CreateTokenError::ExpiredTokenException(_)) => return Err(late()),
                Some(CreateTokenError::AccessDeniedException(_)) => return Err(denied()),
                _ => {
                    let told = from_sdk("CreateToken", &place, &error);
                    if !told.is_transient() {
                        return Err(told);
                    }
                }
            },
        }
    };
    keep(around, home, base, &registered, answer)
}

async fn register(
    client: &Client,
    place: &str,
    base: &SsoBase,
) -> Result<RegisterClientOutput, AwsError> {
    let call = client.register_client().client_name("adit").client_type("public");
    // Scopes make a token that can be renewed; the older form has none, as in the AWS CLI.
    let call = match base.session {
        Some(_) => call.set_scopes(Some(base.scopes.clone())),
        None => call,
    };
    call.send().await.map_err(|error| from_sdk("RegisterClient", place, &error))
}

fn keep(
    around: Around<'_>,
    home: &std::path::Path,
    base: &SsoBase,
    registered: &RegisterClientOutput,
    answer: CreateTokenOutput,
) -> Result<SignedIn, AwsError> {
    let place = format!("in {}", base.region);
    let access =
        answer.access_token.ok_or_else(|| super::sts::incomplete("CreateToken", &place))?;
    let lasts = Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or_default());
    let expires = around.clock.now() + lasts;
    let until = u64::try_from(registered.client_secret_expires_at).unwrap_or_default();
    let token = Token {
        start_url: Some(base.start_url.clone()),
        region: Some(base.region.clone()),
        access_token: Zeroizing::new(access),
        expires_at: time::format(expires),
        client_id: registered.client_id.clone(),
        client_secret: registered.client_secret.clone().map(Zeroizing::new),
        registration_expires_at: Some(time::format(
            SystemTime::UNIX_EPOCH + Duration::from_secs(until),
        )),
        refresh_token: answer.refresh_token.map(Zeroizing::new),
    };
    sso::write(home, base, &token).map_err(|error| {
        AwsError::new(AwsErrorKind::Config, format!("the sign-in cannot be kept: {error}"))
            .hint("check ~/.aws/sso/cache: it must be yours and writable")
    })?;
    Ok(SignedIn { start_url: base.start_url.clone(), session: base.session.clone(), expires })
}

fn late() -> AwsError {
    AwsError::new(
        AwsErrorKind::SignInNeeded { profile: None },
        "nobody signed in before the code expired",
    )
    .hint("run `adit login` again")
}

fn denied() -> AwsError {
    AwsError::new(
        AwsErrorKind::SignInNeeded { profile: None },
        "the sign-in was refused in the browser",
    )
    .hint("run `adit login` again, and allow the access")
}

#[cfg(test)]
mod tests;
