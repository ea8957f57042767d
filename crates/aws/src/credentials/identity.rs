//! Who calls: account, ARN, and where it all comes from.

use std::time::SystemTime;

use super::make::Step;
use super::origin::Sourced;
use super::policy::{CredentialKind, MfaState};
use super::refresh::Renewal;
use crate::error::{AwsError, failed};
use crate::load::Aws;

/// Who calls.
#[derive(Debug, Clone)]
pub struct Whoami {
    /// The account.
    pub account: String,
    /// The ARN of the user or of the role's session.
    pub arn: String,
    /// The unique id.
    pub user_id: String,
    /// What made the credentials.
    pub kind: CredentialKind,
    /// The way to them, the base first.
    pub steps: Vec<Step>,
    /// When they end; `None` where they do not, or do not say so.
    pub expires: Option<SystemTime>,
    /// Whether they end at all.
    pub temporary: bool,
    /// Whether they can be renewed.
    pub renewal: Renewal,
    /// Whether a code stands behind them.
    pub mfa: MfaState,
    /// The region that calls go to.
    pub region: Sourced<String>,
    /// The profile.
    pub profile: Option<Sourced<String>>,
    /// The endpoint, where one is set.
    pub endpoint_url: Option<Sourced<String>>,
}

impl Aws {
    /// The account of the credentials, where their source tells it. Nobody is asked.
    pub async fn account(&self) -> Option<String> {
        self.keeper.keys().await.ok()?.account
    }

    /// Asks STS who calls. The call needs no permission.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    pub async fn whoami(&self) -> Result<Whoami, AwsError> {
        let made = self.keeper.made();
        let caller = aws_sdk_sts::Client::new(&self.sdk)
            .get_caller_identity()
            .send()
            .await
            .map_err(failed(self, "GetCallerIdentity"))?;
        Ok(Whoami {
            account: caller.account.unwrap_or_default(),
            arn: caller.arn.unwrap_or_default(),
            user_id: caller.user_id.unwrap_or_default(),
            kind: made.kind,
            steps: made.steps,
            expires: made.keys.expires,
            temporary: !made.keys.are_long_lived(),
            renewal: made.renewal,
            mfa: made.mfa,
            region: self.settings.region.clone(),
            profile: self.settings.profile.clone(),
            endpoint_url: self.settings.endpoint_url.clone(),
        })
    }
}
