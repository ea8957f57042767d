//! Which sources lead to the credentials: profiles, environment and flags, in the order of the AWS
//! CLI. Nothing is called here.
//!
//! The order is that of botocore's `create_credential_resolver`: keys of the environment unless a
//! profile was asked for by a flag, a profile's role, a web identity, SSO, keys, a sign-in, a
//! process, the container, the instance.
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-authentication.html#cli-chap-authentication-precedence>

use aws_types::os_shim_internal::Env;

use super::base::{Base, base_of, environment, machine, named_source};
use super::origin::Origin;
use super::profiles::Profiles;
use super::role::{RoleStep, RoleWish, flag_role, profile_role};
use crate::error::{AwsError, AwsErrorKind};

/// A multi-factor device as flags name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MfaSerial {
    /// The ARN of a virtual device or security key, or the number of a hardware one.
    Arn(String),
    /// The devices that IAM lists for the caller.
    Auto,
}

impl std::str::FromStr for MfaSerial {
    type Err = AwsError;

    /// Reads `auto`, or a serial number as IAM allows it: 9 to 256 of `\w+=/:,.@-`.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
    fn from_str(text: &str) -> Result<Self, AwsError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=/:,.@-".contains(c);
        match text {
            "auto" => Ok(Self::Auto),
            serial if (9..=256).contains(&serial.len()) && serial.chars().all(fits) => {
                Ok(Self::Arn(serial.to_owned()))
            }
            _ => Err(AwsError::new(
                AwsErrorKind::Config,
                format!("`{text}` is not the serial number of an MFA device"),
            )
            .hint(
                "it looks like arn:aws:iam::111122223333:mfa/alice-phone; `auto` asks IAM for it",
            )),
        }
    }
}

/// The device that a code is asked of, and how long the session made with it may last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MfaStep {
    pub(crate) serial: MfaSerial,
    pub(crate) origin: Origin,
    pub(crate) duration: Option<i32>,
}

/// The way to the credentials: a base, then perhaps a session made with a code, then roles.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) base: Base,
    pub(crate) base_origin: Origin,
    pub(crate) mfa: Option<MfaStep>,
    pub(crate) roles: Vec<RoleStep>,
    /// The profile that was used.
    pub(crate) profile: Option<String>,
}

/// What flags say of the way.
#[derive(Debug, Default)]
pub(crate) struct Wishes<'a> {
    /// Whether the profile was asked for by a flag, and so goes before keys of the environment.
    pub(crate) named: bool,
    pub(crate) mfa_serial: Option<&'a MfaSerial>,
    pub(crate) role: Option<&'a RoleWish>,
}

/// Finds the way; a profile that cannot be meant so is an error that says which and why.
pub(crate) fn resolve(
    profiles: &Profiles,
    env: &Env,
    wishes: &Wishes<'_>,
) -> Result<Chain, AwsError> {
    let mut chain = sources(profiles, env, wishes.named)?;
    if let Some(serial) = wishes.mfa_serial {
        let duration = chain.mfa.as_ref().and_then(|mfa| mfa.duration);
        chain.mfa = Some(MfaStep {
            serial: serial.clone(),
            origin: Origin::named("--mfa-serial"),
            duration,
        });
    }
    if let Some(wish) = wishes.role {
        flag_role(&mut chain.roles, wish)?;
    }
    Ok(chain)
}

fn sources(profiles: &Profiles, env: &Env, named: bool) -> Result<Chain, AwsError> {
    let direct = |(base, base_origin): (Base, Origin), profile: Option<&str>| Chain {
        base,
        base_origin,
        mfa: profile.and_then(|name| session_mfa(profiles, name)),
        roles: Vec::new(),
        profile: profile.map(str::to_owned),
    };
    if !named && let Some(keys) = environment(env)? {
        return Ok(direct(keys, None));
    }
    let selected = profiles.selected();
    if takes_role(profiles, selected) {
        return role_chain(profiles, env, selected);
    }
    if let Some(base) = base_of(profiles, selected, (!named).then_some(env))? {
        return Ok(direct(base, Some(selected)));
    }
    match machine(env) {
        Some(base) => Ok(direct(base, None)),
        None => Err(no_source(profiles, selected)),
    }
}

fn no_source(profiles: &Profiles, selected: &str) -> AwsError {
    let message = if profiles.get(selected).is_some() {
        format!("no AWS credentials were found: the profile `{selected}` names no source of them")
    } else {
        "no AWS credentials were found".to_owned()
    };
    AwsError::new(AwsErrorKind::NoCredentials, message)
        .hint("set AWS_PROFILE or pass --profile, sign in with `adit login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
}

/// Whether the profile stands for a role; with a web identity's token it is a source of its own.
fn takes_role(profiles: &Profiles, name: &str) -> bool {
    profiles.setting(name, "role_arn").is_some()
        && profiles.setting(name, "web_identity_token_file").is_none()
}

fn has_keys(profiles: &Profiles, name: &str) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"]
        .iter()
        .any(|key| profiles.setting(name, key).is_some())
}

/// Walks from the profile to its sources.
fn role_chain(profiles: &Profiles, env: &Env, selected: &str) -> Result<Chain, AwsError> {
    let mut roles = Vec::new();
    let mut visited = vec![selected];
    let mut mfa = None;
    let mut name = selected;
    let (base, base_origin) = loop {
        roles.push(profile_role(profiles, name));
        mfa = mfa.or_else(|| role_mfa(profiles, name));
        let fault = |what: String| {
            AwsError::new(AwsErrorKind::Config, format!("the AWS profile `{name}` {what}"))
        };
        let source = profiles.setting(name, "source_profile");
        let from = match (source, profiles.setting(name, "credential_source")) {
            (Some(_), Some(_)) => {
                return Err(fault("has both source_profile and credential_source".to_owned())
                    .hint("keep one of them: a role is assumed from one source"));
            }
            (None, None) => {
                return Err(fault("has a role_arn and nothing to assume it from".to_owned())
                    .hint("add source_profile (a profile with credentials) or credential_source"));
            }
            (None, Some(kind)) => {
                let origin = profiles.origin(name, "credential_source");
                break named_source(kind, name, env, origin)?;
            }
            (Some(from), None) => from,
        };
        if profiles.get(from).is_none() {
            return Err(AwsError::new(
                AwsErrorKind::UnknownProfile,
                format!(
                    "the AWS profile `{name}` has the source_profile `{from}`, which does not exist"
                ),
            )
            .hint(profiles.known()));
        }
        // A profile may name itself, to take the role from its own keys.
        let ends = has_keys(profiles, from) || !takes_role(profiles, from);
        if !ends && visited.contains(&from) {
            let way = visited.join("` -> `");
            return Err(fault(format!("leads in a circle: `{way}` -> `{from}`"))
                .hint("the last source_profile must be one with credentials of its own"));
        }
        if ends {
            mfa = mfa.or_else(|| role_mfa(profiles, from));
            break base_of(profiles, from, None)?.ok_or_else(|| {
                fault(format!("has the source_profile `{from}`, which has no credentials"))
                    .hint(format!("give `{from}` keys, an sso_session or a credential_process"))
            })?;
        }
        visited.push(from);
        name = from;
    };
    roles.reverse();
    Ok(Chain { base, base_origin, mfa, roles, profile: Some(selected.to_owned()) })
}

/// The device of a profile with a role: its `duration_seconds` is the role's.
fn role_mfa(profiles: &Profiles, name: &str) -> Option<MfaStep> {
    let serial = MfaSerial::Arn(profiles.setting(name, "mfa_serial")?.to_owned());
    Some(MfaStep { serial, origin: profiles.origin(name, "mfa_serial"), duration: None })
}

/// The device of a profile without one: the duration is that of the session.
fn session_mfa(profiles: &Profiles, name: &str) -> Option<MfaStep> {
    let duration = super::role::duration(profiles, name);
    role_mfa(profiles, name).map(|step| MfaStep { duration, ..step })
}

#[cfg(test)]
mod tests;
