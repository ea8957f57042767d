//! Going the way: from the base by a code and roles to the credentials.

mod kept;
mod known;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_types::os_shim_internal::Env;
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::chain::{Chain, MfaSerial, MfaStep};
use super::keys::Keys;
use super::mfa::{self, CodeSource, Device, Pace};
use super::origin::Origin;
use super::policy::{CredentialKind, Demands, MfaState};
use super::refresh::{Make, Renewal};
use super::role::{self, Assumed, Proof};
use super::session_token;
use super::source::Sources;
use super::store::Kept;
use super::sts::{self, Refusal};
use crate::error::{AwsError, AwsErrorKind};

pub(crate) use kept::{Files, open_store};

/// How long kept credentials must still last to be taken: a command that begins wants to work.
const MARGIN: Duration = Duration::from_mins(5);

/// What a session must still last for a role to be assumed from it under an open tunnel.
const LAST: Duration = Duration::from_secs(10);

/// How old a kept session must be for a refused role to be worth a new code: a trust policy may
/// limit the age of the code (`aws:MultiFactorAuthAge`), and minutes are not what it limits.
const STALE: Duration = Duration::from_mins(15);

/// One step of the way, as `whoami` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub what: String,
    /// Where it is configured.
    pub origin: Origin,
    /// Which cache held it, if one did.
    pub held: Option<String>,
}

/// How credentials are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asking {
    /// Whether a person may be asked.
    pub(crate) person: bool,
    /// Kept credentials of roles must last longer than this.
    pub(crate) beyond: Option<SystemTime>,
}

/// Credentials, and what is known of them.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) keys: Keys,
    pub(crate) kind: CredentialKind,
    pub(crate) mfa: MfaState,
    pub(crate) renewal: Renewal,
    pub(crate) steps: Vec<Step>,
}

/// Goes the way of a chain, as often as asked.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) chain: Chain,
    pub(crate) sources: Sources,
    pub(crate) env: Env,
    pub(crate) codes: Option<Arc<dyn CodeSource>>,
    pub(crate) demands: Demands,
    pub(crate) files: Files,
}

impl Make for Maker {
    fn make(&self, asking: Asking) -> BoxFuture<'_, Result<Made, AwsError>> {
        Box::pin(async move {
            let made = self.go(asking).await?;
            // A source may give others at each renewal.
            self.demands.check_kind(made.kind)?;
            if let Some(account) = &made.keys.account {
                self.demands.check_account(account)?;
            }
            Ok(made)
        })
    }
}

/// What a code gave.
enum Proven {
    Session(Keys),
    Role(Assumed),
}

impl Maker {
    /// The same way, for one that differs in parts.
    pub(crate) fn copy(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            sources: self.sources.clone(),
            env: self.env.clone(),
            codes: self.codes.clone(),
            demands: self.demands.clone(),
            files: self.files.copy(),
        }
    }

    /// The kind of credentials that come out, known before anything is called; a base that turns
    /// out to be temporary is none of a user's keys.
    pub(crate) fn kind(&self) -> CredentialKind {
        match self.chain.base.kind() {
            _ if !self.chain.roles.is_empty() => CredentialKind::Role,
            CredentialKind::Keys if self.chain.mfa.is_some() => CredentialKind::Session,
            kind => kind,
        }
    }

    async fn go(&self, asking: Asking) -> Result<Made, AwsError> {
        self.demands.check_kind(self.kind())?;
        for index in (0..self.chain.roles.len()).rev() {
            if let Some(made) = self.kept_role(index, asking) {
                return self.assume_from(made, index + 1, asking).await;
            }
        }
        let base = self.base().await?;
        let Some(step) = &self.chain.mfa else {
            return self.assume_from(base, 0, asking).await;
        };
        if !base.keys.are_long_lived() {
            // Only a role can be assumed with a code then, and the AWS CLI asks for none either
            // when there is no role.
            return if self.chain.roles.is_empty() {
                Ok(base)
            } else {
                self.prove(step, base, asking).await
            };
        }
        if let Some(session) = self.kept_session(step, &base, asking) {
            return self.with_session(step, base, session, asking).await;
        }
        self.prove(step, base, asking).await
    }

    async fn base(&self) -> Result<Made, AwsError> {
        let base = &self.chain.base;
        let name = role::session_name(None, &self.env);
        let keys = self.sources.fetch(base, &name).await?;
        let kind = match base.kind() {
            CredentialKind::Keys if !keys.are_long_lived() => CredentialKind::Session,
            // A program may print what somebody has written down for it.
            CredentialKind::Process if keys.are_long_lived() => CredentialKind::Keys,
            kind => kind,
        };
        let mfa = match kind {
            CredentialKind::Keys
            | CredentialKind::Instance
            | CredentialKind::Container
            | CredentialKind::WebIdentity => MfaState::No,
            _ => MfaState::Unknown,
        };
        let renewal = match kind {
            CredentialKind::Session => {
                Renewal::No(format!("the keys of {} are not renewed", self.chain.base_origin))
            }
            _ => Renewal::Yes,
        };
        let step = Step {
            what: format!("{kind} {}", keys.access_key_id),
            origin: self.chain.base_origin.clone(),
            held: None,
        };
        Ok(Made { keys, kind, mfa, renewal, steps: vec![step] })
    }

    async fn with_session(
        &self,
        step: &MfaStep,
        base: Made,
        session: Kept,
        asking: Asking,
    ) -> Result<Made, AwsError> {
        let at = session.mfa_at;
        let made = self.of_session(step, &base, session.keys, at, Some("adit's cache"));
        let assumed = self.assume_from(made, 0, asking).await;
        let old = at.is_none_or(|at| at + STALE < self.sources.clock.now());
        match assumed {
            // The session was ended before its time.
            Err(error) if is_unknown(&error) => {
                tracing::debug!(%error, "a kept session is not known any more");
                self.files.forget_session(self, step, &base.keys);
                self.prove(step, base, asking).await.map_err(|second| match second.kind {
                    AwsErrorKind::CodeNeeded if !asking.person => error,
                    _ => second,
                })
            }
            Err(error) if error.kind == AwsErrorKind::AccessDenied && old && asking.person => {
                // Asked only to tell the refusal of an old code from that of the caller.
                self.prove(step, base, asking).await.map_err(|second| match second.kind {
                    AwsErrorKind::CodeNeeded | AwsErrorKind::Cancelled => error,
                    _ => second,
                })
            }
            other => other,
        }
    }

    /// Asks for a code. Processes ask one after the other, and who waited looks first.
    async fn prove(&self, step: &MfaStep, base: Made, asking: Asking) -> Result<Made, AwsError> {
        let codes = self.codes.as_deref().filter(|codes| codes.is_ready());
        let codes = codes.filter(|codes| asking.person || !codes.attended());
        let before = self.files.session(self, step, &base.keys);
        let _lock = if codes.is_some() {
            self.files.lock_session(self, step, &base.keys).await
        } else {
            None
        };
        if base.keys.are_long_lived()
            && let Some(kept) = self.kept_session(step, &base, asking)
            && before.as_ref().is_none_or(|before| before.keys != kept.keys)
        {
            let at = kept.mfa_at;
            let made = self.of_session(step, &base, kept.keys, at, Some("adit's cache"));
            return self.assume_from(made, 0, asking).await;
        }
        if let Some(made) =
            (!base.keys.are_long_lived()).then(|| self.kept_role(0, asking)).flatten()
        {
            return self.assume_from(made, 1, asking).await;
        }
        let devices = self.devices(step, &base).await?;
        // A session that was refused once is not tried with each code: that would use it up.
        let denied = Mutex::new(None);
        let pace = Pace { clock: &self.sources.clock, notices: &self.files.notices };
        let use_code = |device, code| self.use_code(step, &base, device, code, &denied);
        let too_old = before.and_then(|kept| {
            let state = MfaState::Yes { at: kept.mfa_at };
            self.demands.check_mfa(state, self.sources.clock.now()).err()
        });
        let proven = mfa::prove(codes, pace, devices, use_code).await.map_err(|mut error| {
            if let Some(why) = too_old.filter(|_| error.kind == AwsErrorKind::CodeNeeded) {
                error.message = format!("{}: {}", why.message, error.message);
            }
            self.with_skew(error)
        })?;
        let now = self.sources.clock.now();
        match proven {
            Proven::Session(keys) => {
                self.files.keep_session(self, step, &base.keys, &keys, now);
                let made = self.of_session(step, &base, keys, Some(now), None);
                self.assume_from(made, 0, asking).await
            }
            Proven::Role(assumed) => {
                let made = self.of_role(base, 0, assumed, MfaState::Yes { at: Some(now) });
                self.assume_from(made, 1, asking).await
            }
        }
    }

    async fn devices(&self, step: &MfaStep, base: &Made) -> Result<Vec<Device>, AwsError> {
        match &step.serial {
            MfaSerial::Arn(serial) => {
                Ok(vec![Device { serial: serial.clone(), origin: step.origin.clone() }])
            }
            MfaSerial::Auto => {
                session_token::devices(&self.sources.sdk, &self.sources.place, &base.keys).await
            }
        }
    }

    /// Uses a code for a session; where that is refused, for the first role.
    async fn use_code(
        &self,
        step: &MfaStep,
        base: &Made,
        device: Device,
        code: Zeroizing<String>,
        denied: &Mutex<Option<AwsError>>,
    ) -> Result<Proven, Refusal> {
        let proof: Proof<'_> = mfa::proof(&device, &code);
        let (sdk, place) = (&self.sources.sdk, &self.sources.place);
        let mut refused = denied.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_first = refused.is_none();
        if base.keys.are_long_lived() && is_first {
            match session_token::get(sdk, place, &base.keys, proof, step.duration).await {
                Ok(keys) => return Ok(Proven::Session(keys)),
                Err(Refusal::Denied(error)) if !self.chain.roles.is_empty() => {
                    tracing::debug!(%error, "no session; the role is assumed with the code");
                    *denied.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                    refused = Some(error);
                }
                Err(other) => return Err(other),
            }
        }
        let Some(first) = self.chain.roles.first() else {
            return Err(Refusal::Other(refused.unwrap_or_else(|| sts::incomplete("STS", place))));
        };
        let name = self.session_name(&base.keys).await;
        role::assume(sdk, place, &base.keys, first, &name, Some(proof))
            .await
            .map(Proven::Role)
            .map_err(|refusal| match refusal {
                Refusal::Code(mut error) if refused.is_some() && is_first => {
                    "the MFA code was used up by a session that was refused"
                        .clone_into(&mut error.message);
                    Refusal::Code(error)
                }
                other => other,
            })
    }

    /// The name for sessions that nobody named, by who calls.
    async fn session_name(&self, keys: &Keys) -> String {
        if self.chain.roles.iter().all(|role| role.session_name.is_some()) {
            return String::new();
        }
        let caller = sts::client(&self.sources.sdk, keys).get_caller_identity().send().await;
        let arn = caller.ok().and_then(|caller| caller.arn);
        role::session_name(arn.as_deref(), &self.env)
    }

    /// Assumes the roles from `index` on.
    async fn assume_from(
        &self,
        mut made: Made,
        index: usize,
        asking: Asking,
    ) -> Result<Made, AwsError> {
        if index >= self.chain.roles.len() {
            return Ok(made);
        }
        let name = self.session_name(&made.keys).await;
        let session = (made.kind == CredentialKind::Session).then_some(made.keys.expires).flatten();
        for index in index..self.chain.roles.len() {
            if index > 0
                && let Some(kept) = self.kept_role(index, asking)
            {
                made = kept;
                continue;
            }
            let role = &self.chain.roles[index];
            let (sdk, place) = (&self.sources.sdk, &self.sources.place);
            let assumed = role::assume(sdk, place, &made.keys, role, &name, None)
                .await
                .map_err(|refusal| self.with_skew(refusal.into_error()))?;
            let mfa = made.mfa;
            made = self.of_role(made, index, assumed, mfa);
        }
        // A role from a session is renewed while the session lasts.
        if let (Some(session), Some(expires)) = (session, made.keys.expires)
            && made.mfa != MfaState::Unknown
            && session > expires
        {
            made.renewal = Renewal::Yes;
        }
        Ok(made)
    }

    /// Adds how wrong this machine's clock is, where that may be the cause.
    fn with_skew(&self, error: AwsError) -> AwsError {
        error.about_clock(self.files.skew())
    }
}

/// Whether the service does not know the credentials, or not any more. A signature that it refuses
/// says nothing of them: the clock may be wrong.
fn is_unknown(error: &AwsError) -> bool {
    let codes = ["(InvalidClientTokenId)", "(UnrecognizedClientException)"];
    error.kind == AwsErrorKind::ExpiredCredentials
        || codes.iter().any(|code| error.message.contains(code))
}

#[cfg(test)]
mod tests;
