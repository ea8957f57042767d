//! Credentials of a base, by the SDK's own provider where that tells what a user must know.

use std::path::PathBuf;

use aws_config::credential_process::CredentialProcessProvider;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_types::sdk_config::SdkConfig;

use super::base::Base;
use super::keys::Keys;
use super::sso::{self, Around};
use super::sts;
use crate::clock::Clock;
use crate::error::{AwsError, AwsErrorKind, credentials_error, from_sdk};

/// What sources need to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) sdk: SdkConfig,
    pub(crate) provider: ProviderConfig,
    pub(crate) clock: Clock,
    pub(crate) home: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    pub(crate) place: String,
}

impl Sources {
    pub(crate) fn around(&self) -> Around<'_> {
        Around {
            sdk: &self.sdk,
            clock: &self.clock,
            home: self.home.as_deref(),
            profile: self.profile.as_deref(),
        }
    }

    /// Asks the base. `name` is for a session that nobody named.
    pub(crate) async fn fetch(&self, base: &Base, name: &str) -> Result<Keys, AwsError> {
        match base {
            Base::Environment(keys) | Base::Profile(keys) => Ok(keys.clone()),
            Base::Sso(sso) => sso::fetch(self.around(), sso).await,
            Base::WebIdentity { token_file, role_arn, session_name } => {
                let name = session_name.as_deref().unwrap_or(name);
                self.web_identity(token_file, role_arn, name).await
            }
            Base::Process { command, account } => {
                let provider = CredentialProcessProvider::new(command.0.to_string());
                let mut keys = self.ask(&provider).await.map_err(process_failed)?;
                keys.account = keys.account.or_else(|| account.clone());
                Ok(keys)
            }
            Base::Login { session } => {
                let provider =
                    LoginCredentialsProvider::builder(session).configure(&self.provider).build();
                self.ask(&provider).await.map_err(|error| self.login_failed(error))
            }
            Base::Container => {
                let provider = EcsCredentialsProvider::builder().configure(&self.provider).build();
                self.ask(&provider).await
            }
            Base::Instance => {
                let provider = ImdsCredentialsProvider::builder().configure(&self.provider).build();
                self.ask(&provider).await
            }
        }
    }

    async fn ask(&self, provider: &impl ProvideCredentials) -> Result<Keys, AwsError> {
        let given = provider.provide_credentials().await;
        given.map(|given| Keys::of(&given)).map_err(|error| credentials_error(&error))
    }

    async fn web_identity(
        &self,
        file: &std::path::Path,
        role_arn: &str,
        name: &str,
    ) -> Result<Keys, AwsError> {
        let token = fs_err::read_to_string(file).map(zeroize::Zeroizing::new).map_err(|error| {
            AwsError::new(
                AwsErrorKind::NoCredentials,
                format!("the web identity token cannot be read: {error}"),
            )
            .hint(
                "AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile, names it",
            )
        })?;
        let call = "AssumeRoleWithWebIdentity";
        let answer = aws_sdk_sts::Client::new(&self.sdk)
            .assume_role_with_web_identity()
            .role_arn(role_arn)
            .role_session_name(name)
            .web_identity_token(token.trim())
            .send()
            .await
            .map_err(|error| match error.as_service_error() {
                Some(AssumeRoleWithWebIdentityError::ExpiredTokenException(_)) => AwsError::new(
                    AwsErrorKind::ExpiredCredentials,
                    format!("the web identity token in {} has expired", file.display()),
                )
                .hint("whoever writes the file must put a new one there"),
                _ => from_sdk(call, &self.place, &error),
            })?;
        let account = answer
            .assumed_role_user
            .as_ref()
            .and_then(|user| user.arn.split(':').nth(4))
            .map(str::to_owned);
        let given = answer.credentials.ok_or_else(|| sts::incomplete(call, &self.place))?;
        Ok(sts::keys(given, account))
    }

    /// A console session that is not there is an I/O error to the SDK.
    fn login_failed(&self, error: AwsError) -> AwsError {
        let name =
            self.profile.as_ref().map(|name| format!(" --profile {name}")).unwrap_or_default();
        let what = if error.message.contains("os error 2") || error.message.contains("No such file")
        {
            "there is no console session yet"
        } else if error.message.contains("expired") || error.message.contains("reauthenticate") {
            "the console session has expired"
        } else {
            return error;
        };
        AwsError::new(AwsErrorKind::ExpiredCredentials, what).hint(format!("run `aws login{name}`"))
    }
}

/// What the program said on its standard error may hold anything, secrets too: the exit code does.
fn process_failed(error: AwsError) -> AwsError {
    let message = match error.message.split_once("Stderr:") {
        Some((before, _)) => before.trim_end_matches([' ', '.']).to_owned(),
        None => error.message,
    };
    AwsError::new(error.kind, message)
        .hint("run the profile's credential_process by hand to see what it says")
}
