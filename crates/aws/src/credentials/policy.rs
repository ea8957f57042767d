//! What a shared configuration asks of credentials. Decides; calls nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::error::{AwsError, AwsErrorKind};

/// What made credentials, as policies name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialKind {
    /// IAM Identity Center.
    Sso,
    /// A role that was assumed.
    Role,
    /// Temporary credentials of a user.
    Session,
    /// The long-lived keys of a user.
    Keys,
    /// A program that prints credentials.
    Process,
    /// The role of an EC2 instance.
    Instance,
    /// The role of a container.
    Container,
    /// A token of another identity provider.
    WebIdentity,
    /// A console session of `aws login`.
    Login,
}

impl CredentialKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Sso,
        Self::Role,
        Self::Session,
        Self::Keys,
        Self::Process,
        Self::Instance,
        Self::Container,
        Self::WebIdentity,
        Self::Login,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::Role => "role",
            Self::Session => "session",
            Self::Keys => "keys",
            Self::Process => "process",
            Self::Instance => "instance",
            Self::Container => "container",
            Self::WebIdentity => "web-identity",
            Self::Login => "login",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CredentialKind {
    type Err = AwsError;

    fn from_str(text: &str) -> Result<Self, AwsError> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            AwsError::new(AwsErrorKind::Config, format!("`{text}` is no kind of credentials"))
                .hint(format!("known kinds: {}", names(&Self::ALL.into())))
        })
    }
}

fn names(kinds: &BTreeSet<CredentialKind>) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

/// Whether credentials were made with a code of a multi-factor device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MfaState {
    /// They were; `at` is when, where that is known.
    Yes {
        /// When the code was given.
        at: Option<SystemTime>,
    },
    /// They were not.
    No,
    /// Their source does not tell.
    Unknown,
}

impl MfaState {
    /// How long ago the code was given, where that is known.
    pub fn age(self, now: SystemTime) -> Option<Duration> {
        match self {
            Self::Yes { at: Some(at) } => Some(now.duration_since(at).unwrap_or_default()),
            _ => None,
        }
    }
}

/// What is asked of the credentials; nothing, unless it is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// Whether a multi-factor code must stand behind them, and how old it may be.
    pub require_mfa: Option<Option<Duration>>,
    /// The kinds that may be used.
    pub allow: Option<BTreeSet<CredentialKind>>,
    /// The account that they must belong to.
    pub account: Option<String>,
}

impl Demands {
    /// Whether the kind may be used; known before anything is called.
    pub(crate) fn check_kind(&self, kind: CredentialKind) -> Result<(), AwsError> {
        let Some(allow) = self.allow.as_ref().filter(|allow| !allow.contains(&kind)) else {
            return Ok(());
        };
        let what = match kind {
            CredentialKind::Keys => "long-lived access keys".to_owned(),
            other => format!("credentials of the kind `{other}`"),
        };
        Err(refused(format!("{what} may not be used here"))
            .hint(format!("allowed here (allow-credentials): {}", names(allow)))
            .hint("`adit whoami` shows where the credentials come from; --profile chooses others"))
    }

    /// Whether the code behind them is there and young enough.
    pub(crate) fn check_mfa(&self, mfa: MfaState, now: SystemTime) -> Result<(), AwsError> {
        let Some(limit) = self.require_mfa else { return Ok(()) };
        let (message, hint) = match (mfa, limit) {
            (MfaState::Yes { .. }, None) => return Ok(()),
            (MfaState::Yes { at: Some(_) }, Some(limit)) => {
                let age = mfa.age(now).unwrap_or_default();
                if age <= limit {
                    return Ok(());
                }
                (
                    format!(
                        "the MFA code behind the credentials was given {} ago; at most {} is allowed here",
                        in_words(age),
                        in_words(limit)
                    ),
                    "give a new code: --mfa-serial and a terminal, --mfa-code or --mfa-command",
                )
            }
            (MfaState::Yes { at: None } | MfaState::Unknown, Some(_)) => (
                "it is not known when an MFA code was given for these credentials, which is refused here".to_owned(),
                "use a profile with mfa_serial, so that adit asks for the code itself",
            ),
            (MfaState::Unknown, None) => (
                "it is not known whether MFA stands behind these credentials, which is refused here".to_owned(),
                "use a profile with mfa_serial, so that adit asks for the code itself",
            ),
            (MfaState::No, _) => (
                "the credentials were got without MFA, which is required here".to_owned(),
                "add mfa_serial to the profile, or pass --mfa-serial",
            ),
        };
        Err(refused(message).hint(hint))
    }

    /// Whether it is the account asked for.
    pub(crate) fn check_account(&self, account: &str) -> Result<(), AwsError> {
        match self.account.as_deref() {
            Some(wanted) if wanted != account => Err(refused(format!(
                "the credentials are of the account {account}; {wanted} is asked for here"
            ))
            .hint("choose a profile of that account with --profile")),
            _ => Ok(()),
        }
    }
}

fn refused(message: String) -> AwsError {
    AwsError::new(AwsErrorKind::PolicyRefused, message)
}

/// A span to its largest two units.
pub(crate) fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests;
