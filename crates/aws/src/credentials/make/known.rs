//! What is known of credentials by the step that gave them, and which kept ones will do.

use std::time::SystemTime;

use super::{Asking, LAST, MARGIN, Made, Maker, Step};
use crate::credentials::base::Base;
use crate::credentials::chain::{MfaSerial, MfaStep};
use crate::credentials::keys::Keys;
use crate::credentials::policy::{CredentialKind, MfaState};
use crate::credentials::refresh::Renewal;
use crate::credentials::role::Assumed;
use crate::credentials::store::Kept;
use crate::credentials::sts;
use crate::error::{AwsError, from_sdk};

impl Maker {
    /// Refuses what is known to be refused in the end, before a code is used, a role is assumed or
    /// anything is kept.
    pub(crate) async fn check_before(&self) -> Result<(), AwsError> {
        let without_mfa = matches!(
            self.chain.base.kind(),
            CredentialKind::Keys
                | CredentialKind::Instance
                | CredentialKind::Container
                | CredentialKind::WebIdentity
        );
        self.demands.check_kind(self.kind())?;
        if self.chain.mfa.is_none() && without_mfa {
            self.demands.check_mfa(MfaState::No, self.sources.clock.now())?;
        }
        if self.demands.account.is_none() {
            return Ok(());
        }
        let of_role = self.chain.roles.last().and_then(|role| role.arn.split(':').nth(4));
        let account = match (&self.chain.base, of_role) {
            (_, Some(account)) => account.to_owned(),
            (Base::Sso(sso), None) => sso.account_id.clone(),
            (Base::Environment(keys) | Base::Profile(keys), None) if self.chain.mfa.is_some() => {
                let (sdk, place) = (&self.sources.sdk, &self.sources.place);
                let caller = sts::client(sdk, keys).get_caller_identity().send().await;
                let caller =
                    caller.map_err(|error| from_sdk("GetCallerIdentity", place, &error))?;
                caller.account.unwrap_or_default()
            }
            // Whose they are shows when there are some.
            _ => return Ok(()),
        };
        self.demands.check_account(&account)
    }

    /// A session that an earlier code gave, where it lasts and is young enough.
    pub(super) fn kept_session(&self, step: &MfaStep, base: &Made, asking: Asking) -> Option<Kept> {
        let now = self.sources.clock.now();
        let kept = self.files.session(self, step, &base.keys)?;
        let lasts = kept.keys.expires.is_some_and(|expires| {
            let needed = match asking.beyond {
                // A session by itself is renewed only by another.
                Some(beyond) if self.chain.roles.is_empty() => beyond,
                // A role from its last minutes lasts an hour of its own.
                Some(_) => now + LAST,
                None => now + MARGIN,
            };
            expires > needed
        });
        let state = MfaState::Yes { at: kept.mfa_at };
        // Once a tunnel stands, its code may grow old: the demand is on its beginning.
        let young = asking.beyond.is_some() || self.demands.check_mfa(state, now).is_ok();
        (lasts && young).then_some(kept)
    }

    pub(super) fn of_session(
        &self,
        step: &MfaStep,
        base: &Made,
        keys: Keys,
        at: Option<SystemTime>,
        held: Option<&str>,
    ) -> Made {
        let serial = match &step.serial {
            MfaSerial::Arn(serial) => serial.as_str(),
            MfaSerial::Auto => "the user's device",
        };
        let mut steps = base.steps.clone();
        steps.push(Step {
            what: format!("session with a code of {serial}"),
            origin: step.origin.clone(),
            held: held.map(str::to_owned),
        });
        Made {
            keys,
            kind: CredentialKind::Session,
            mfa: MfaState::Yes { at },
            renewal: self.after_a_code(),
            steps,
        }
    }

    /// Whether what a code made can be renewed: where a program gives codes, it can.
    pub(super) fn after_a_code(&self) -> Renewal {
        match &self.codes {
            Some(codes) if !codes.attended() => Renewal::Yes,
            _ => Renewal::No("a new MFA code is needed".to_owned()),
        }
    }

    pub(super) fn of_role(
        &self,
        from: Made,
        index: usize,
        assumed: Assumed,
        mfa: MfaState,
    ) -> Made {
        self.files.keep_role(self, index, &assumed, mfa);
        let role = &self.chain.roles[index];
        let mut steps = from.steps;
        steps.push(Step {
            what: format!("role {}", role.arn),
            origin: role.origin.clone(),
            held: None,
        });
        let proven = self.chain.mfa.is_some() && index == 0 && from.kind != CredentialKind::Session;
        let renewal = if proven { self.after_a_code() } else { from.renewal };
        Made { keys: assumed.keys, kind: CredentialKind::Role, mfa, renewal, steps }
    }

    /// What a role gave before, where it lasts and its code is young enough.
    pub(super) fn kept_role(&self, index: usize, asking: Asking) -> Option<Made> {
        let now = self.sources.clock.now();
        let (kept, cache) = self.files.role(self, index, now)?;
        let needed = asking.beyond.unwrap_or(now + MARGIN);
        let proven = self.chain.mfa.is_some();
        let mfa = match (proven, kept.mfa_at) {
            (true, at) => MfaState::Yes { at },
            (false, _) => match self.chain.base.kind() {
                CredentialKind::Sso | CredentialKind::Login | CredentialKind::Process => {
                    MfaState::Unknown
                }
                _ => MfaState::No,
            },
        };
        let young = asking.beyond.is_some() || self.demands.check_mfa(mfa, now).is_ok();
        if !young || kept.keys.expires.is_none_or(|expires| expires <= needed) {
            return None;
        }
        let renewal = match &self.chain.mfa {
            Some(step) if !self.session_outlasts(step, kept.keys.expires) => self.after_a_code(),
            _ => Renewal::Yes,
        };
        let role = &self.chain.roles[index];
        let steps = vec![
            Step {
                what: self.chain.base.kind().to_string(),
                origin: self.chain.base_origin.clone(),
                held: None,
            },
            Step {
                what: format!("role {}", role.arn),
                origin: role.origin.clone(),
                held: Some(cache.to_owned()),
            },
        ];
        Some(Made { keys: kept.keys, kind: CredentialKind::Role, mfa, renewal, steps })
    }

    /// Whether a session is kept from which a role can be assumed once more.
    fn session_outlasts(&self, step: &MfaStep, role: Option<SystemTime>) -> bool {
        let (Base::Environment(keys) | Base::Profile(keys)) = &self.chain.base else {
            return false;
        };
        self.files.session(self, step, keys).is_some_and(|session| session.keys.expires > role)
    }
}
