//! IAM Identity Center: the token cache that is shared with the AWS CLI, and role credentials.
//!
//! The SDK has a provider for it. It hides whether there was no token, an old one, or no network,
//! and writes renewed tokens in place; so the steps are here.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_ssooidc::operation::create_token::CreateTokenError;
use aws_types::region::Region;
use aws_types::sdk_config::SdkConfig;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::base::SsoBase;
use super::hex;
use super::keys::Keys;
use super::secret;
use super::store::{create_private, write_private};
use super::time;
use crate::clock::Clock;
use crate::error::{AwsError, AwsErrorKind, from_sdk};

/// How long before its end a token is renewed, as in the SDKs.
const RENEW: Duration = Duration::from_mins(5);

/// A token as the AWS CLI keeps it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the file's fields")]
pub(crate) struct Token {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(with = "secret")]
    pub(crate) access_token: Zeroizing<String>,
    pub(crate) expires_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "secret::option")]
    pub(crate) client_secret: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) registration_expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "secret::option")]
    pub(crate) refresh_token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("start_url", &self.start_url)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Where the token of a session, or of a start URL, is kept.
fn path(home: &Path, base: &SsoBase) -> PathBuf {
    let name = base.session.as_deref().unwrap_or(&base.start_url);
    let name = format!("{}.json", hex(&Sha1::digest(name.as_bytes())));
    home.join(".aws").join("sso").join("cache").join(name)
}

pub(crate) fn read(home: &Path, base: &SsoBase) -> Option<Token> {
    let bytes = Zeroizing::new(fs_err::read(path(home, base)).ok()?);
    serde_json::from_slice(&bytes).ok()
}

pub(crate) fn write(home: &Path, base: &SsoBase, token: &Token) -> io::Result<()> {
    let path = path(home, base);
    create_private(path.parent().unwrap_or(home))?;
    write_private(&path, &Zeroizing::new(serde_json::to_vec(token)?))
}

/// What all the calls need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) sdk: &'a SdkConfig,
    pub(crate) clock: &'a Clock,
    pub(crate) home: Option<&'a Path>,
    pub(crate) profile: Option<&'a str>,
}

impl Around<'_> {
    /// The configuration for calls in the region of the sign-in.
    pub(crate) fn config(&self, base: &SsoBase) -> SdkConfig {
        self.sdk.to_builder().region(Region::new(base.region.clone())).build()
    }

    fn sign_in(&self, what: &str) -> AwsError {
        let kind = AwsErrorKind::SignInNeeded { profile: self.profile.map(str::to_owned) };
        let name = self.profile.map(|name| format!(" --profile {name}")).unwrap_or_default();
        AwsError::new(kind, format!("{what}{}", self.of_profile()))
            .hint(format!("run `adit login{name}`"))
    }

    fn of_profile(&self) -> String {
        self.profile.map(|name| format!(" (profile `{name}`)")).unwrap_or_default()
    }
}

/// The credentials of the role that the profile names.
pub(crate) async fn fetch(around: Around<'_>, base: &SsoBase) -> Result<Keys, AwsError> {
    let token = token(around, base).await?;
    let place = format!("in {}", base.region);
    let answer = aws_sdk_sso::Client::new(&around.config(base))
        .get_role_credentials()
        .account_id(&base.account_id)
        .role_name(&base.role_name)
        .access_token(token.as_str())
        .send()
        .await
        .map_err(|error| {
            let service = error.as_service_error();
            if matches!(service, Some(GetRoleCredentialsError::UnauthorizedException(_))) {
                return around.sign_in("the SSO session has ended");
            }
            let told = from_sdk("GetRoleCredentials", &place, &error);
            match told.kind {
                AwsErrorKind::AccessDenied => told.hint(format!(
                    "ask for the permission set {} in the account {}, or choose another profile",
                    base.role_name, base.account_id
                )),
                _ => told,
            }
        })?;
    let given = answer.role_credentials.and_then(|given| {
        Some(Keys {
            access_key_id: given.access_key_id?,
            secret_access_key: Zeroizing::new(given.secret_access_key?),
            session_token: Some(Zeroizing::new(given.session_token?)),
            account: Some(base.account_id.clone()),
            expires: u64::try_from(given.expiration)
                .ok()
                .map(|millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis)),
        })
    });
    given.ok_or_else(|| super::sts::incomplete("GetRoleCredentials", &place))
}

/// A token that is good now; an old one is renewed where it can be.
async fn token(around: Around<'_>, base: &SsoBase) -> Result<Zeroizing<String>, AwsError> {
    let held = around.home.and_then(|home| read(home, base));
    let Some(held) = held else {
        return Err(around.sign_in("there is no SSO session yet"));
    };
    let now = around.clock.now();
    let expires = time::parse(&held.expires_at).unwrap_or(SystemTime::UNIX_EPOCH);
    if expires > now + RENEW {
        return Ok(held.access_token);
    }
    let renewed = renew(around, base, &held, now).await;
    match renewed {
        Ok(Some(token)) => Ok(token),
        // The old one does while it lasts.
        _ if expires > now => Ok(held.access_token),
        Ok(None) => {
            // A token refreshes once: another process may have been quicker with it.
            let theirs = around.home.and_then(|home| read(home, base)).filter(|theirs| {
                theirs.access_token != held.access_token
                    && time::parse(&theirs.expires_at).is_some_and(|until| until > now)
            });
            theirs
                .map(|theirs| theirs.access_token)
                .ok_or_else(|| around.sign_in("the SSO session has expired"))
        }
        Err(error) => Err(error),
    }
}

/// Renews a token of a session; `None` where that is not possible.
async fn renew(
    around: Around<'_>,
    base: &SsoBase,
    held: &Token,
    now: SystemTime,
) -> Result<Option<Zeroizing<String>>, AwsError> {
    let (Some(refresh), Some(id), Some(secret)) =
        (&held.refresh_token, &held.client_id, &held.client_secret)
    else {
        return Ok(None);
    };
    let registered = held.registration_expires_at.as_deref().and_then(time::parse);
    if base.session.is_none() || registered.is_none_or(|until| until <= now) {
        return Ok(None);
    }
    let answer = aws_sdk_ssooidc::Client::new(&around.config(base))
        .create_token()
        .client_id(id)
        .client_secret(secret.as_str())
        .grant_type("refresh_token")
        .refresh_token(refresh.as_str())
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return match error.as_service_error() {
                Some(
                    CreateTokenError::InvalidGrantException(_)
                    | CreateTokenError::ExpiredTokenException(_)
                    | CreateTokenError::UnauthorizedClientException(_)
                    | CreateTokenError::InvalidClientException(_)
                    | CreateTokenError::AccessDeniedException(_),
                ) => Ok(None),
                _ => Err(from_sdk("CreateToken", &format!("in {}", base.region), &error)),
            };
        }
    };
    let Some(access) = answer.access_token.map(Zeroizing::new) else { return Ok(None) };
    let lasts = Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or_default());
    let token = Token {
        access_token: access.clone(),
        expires_at: time::format(now + lasts),
        refresh_token: answer.refresh_token.map(Zeroizing::new).or(held.refresh_token.clone()),
        ..held.clone()
    };
    if let Some(home) = around.home
        && let Err(error) = write(home, base, &token)
    {
        tracing::warn!(%error, "the renewed SSO token cannot be kept");
    }
    Ok(Some(access))
}

#[cfg(test)]
pub(crate) mod tests;
