//! Roles: what is asked of `AssumeRole`, and the call.

use std::time::Duration;

use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_types::os_shim_internal::Env;
use aws_types::sdk_config::SdkConfig;

use super::keys::Keys;
use super::origin::Origin;
use super::profiles::Profiles;
use super::sts::{self, Refusal};
use crate::error::{AwsError, AwsErrorKind};
use crate::once::OnlyUntaken;

/// What flags say of roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleWish {
    /// A role to assume after those of the profile.
    pub arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// The source identity, which stays with all sessions made from the role's.
    pub source_identity: Option<String>,
    /// The name of the session, which `CloudTrail` records.
    pub session_name: Option<String>,
    /// How long the role's credentials last.
    pub duration: Option<Duration>,
}

/// A role on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleStep {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<i32>,
    /// The device that the role's own profile names: part of the AWS CLI's key for it.
    pub(crate) mfa_serial: Option<String>,
    pub(crate) source_identity: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) origin: Origin,
    /// Whether the role is a profile's, so that the AWS CLI could have assumed it.
    pub(crate) of_profile: bool,
}

impl RoleStep {
    /// Whether what comes of it may be kept in files: it can do no more and no less than the role.
    pub(crate) fn is_plain(&self) -> bool {
        self.policy.is_none() && self.source_identity.is_none()
    }
}

/// A profile's `duration_seconds`; one that is no number is overlooked, as the AWS CLI does.
pub(crate) fn duration(profiles: &Profiles, name: &str) -> Option<i32> {
    profiles.setting(name, "duration_seconds")?.trim().parse().ok()
}

/// The role of a profile that has one.
pub(crate) fn profile_role(profiles: &Profiles, name: &str) -> RoleStep {
    let setting = |key| profiles.setting(name, key).map(str::to_owned);
    RoleStep {
        arn: setting("role_arn").unwrap_or_default(),
        external_id: setting("external_id"),
        session_name: setting("role_session_name"),
        duration: duration(profiles, name),
        mfa_serial: setting("mfa_serial"),
        source_identity: None,
        policy: None,
        origin: profiles.origin(name, "role_arn"),
        of_profile: true,
    }
}

/// Adds what flags say: a role of their own, or more about the last one.
pub(crate) fn flag_role(roles: &mut Vec<RoleStep>, wish: &RoleWish) -> Result<(), AwsError> {
    if let Some(arn) = &wish.arn {
        roles.push(RoleStep {
            arn: arn.clone(),
            external_id: None,
            session_name: None,
            duration: None,
            mfa_serial: None,
            source_identity: None,
            policy: None,
            origin: Origin::named("--role-arn"),
            of_profile: false,
        });
    } else if *wish == RoleWish::default() {
        return Ok(());
    }
    let Some(last) = roles.last_mut() else {
        return Err(AwsError::new(
            AwsErrorKind::Config,
            "an external id or a source identity is given, and no role is assumed",
        )
        .hint("pass --role-arn, or a profile with role_arn"));
    };
    let or = |new: &Option<String>, old: &mut Option<String>| {
        if new.is_some() {
            old.clone_from(new);
        }
    };
    or(&wish.external_id, &mut last.external_id);
    or(&wish.session_name, &mut last.session_name);
    or(&wish.source_identity, &mut last.source_identity);
    if let Some(duration) = wish.duration {
        last.duration = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX));
    }
    Ok(())
}

/// The name of the session when nobody chose one: it lets `CloudTrail` say who it was. It is made of
/// the caller's last part (a user's name, or that of the session the caller has), else of the name
/// on this machine.
pub(crate) fn session_name(caller: Option<&str>, env: &Env) -> String {
    let of_arn = caller.and_then(|arn| arn.rsplit('/').next().filter(|_| arn.contains('/')));
    let of_system = || {
        ["USER", "LOGNAME", "USERNAME"]
            .iter()
            .find_map(|name| env.get(name).ok().filter(|user| !user.is_empty()))
    };
    let user = of_arn.map(str::to_owned).or_else(of_system).unwrap_or_default();
    // What STS allows: `[\w+=,.@-]{2,64}`.
    // <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let user = user.strip_prefix("adit-").unwrap_or(&user);
    let clean: String = user.chars().map(|c| if fits(c) { c } else { '-' }).take(59).collect();
    if clean.is_empty() { "adit".to_owned() } else { format!("adit-{clean}") }
}

/// The code that a role is assumed with.
#[derive(Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) serial: &'a str,
    pub(crate) code: &'a str,
}

/// What `AssumeRole` gave.
#[derive(Debug)]
pub(crate) struct Assumed {
    pub(crate) keys: Keys,
    /// The ARN and the id of the session.
    pub(crate) user: Option<(String, String)>,
}

/// Assumes `role` with `keys`.
pub(crate) async fn assume(
    sdk: &SdkConfig,
    place: &str,
    keys: &Keys,
    role: &RoleStep,
    name: &str,
    proof: Option<Proof<'_>>,
) -> Result<Assumed, Refusal> {
    let call = sts::client(sdk, keys)
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(role.session_name.as_deref().unwrap_or(name))
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(role.duration)
        .set_source_identity(role.source_identity.clone())
        .set_policy(role.policy.clone())
        .set_serial_number(proof.map(|proof| proof.serial.to_owned()))
        .set_token_code(proof.map(|proof| proof.code.to_owned()))
        .customize();
    let call = if proof.is_some() {
        call.config_override(sts::once(OnlyUntaken::<AssumeRoleError>::new()))
    } else {
        call
    };
    let answer = call.send().await;
    let answer = answer.map_err(|error| {
        let said = error.message().unwrap_or_default().to_owned();
        let mut refusal = sts::refusal("AssumeRole", place, &error);
        if let Refusal::Denied(told) = &mut refusal {
            told.hints.extend(hints(role, proof.is_some(), &said));
        }
        refusal
    })?;
    let user = answer.assumed_role_user;
    let account = user.as_ref().and_then(|user| user.arn.split(':').nth(4)).map(str::to_owned);
    let credentials = answer.credentials.ok_or_else(|| sts::incomplete("AssumeRole", place))?;
    Ok(Assumed {
        keys: sts::keys(credentials, account),
        user: user.map(|user| (user.arn, user.assumed_role_id)),
    })
}

/// What a refused role may want. The service does not say, so that strangers learn nothing.
fn hints(role: &RoleStep, proven: bool, said: &str) -> Vec<String> {
    let mut hints = vec![format!(
        "both must allow it: the policies of the caller (sts:AssumeRole on {}) and the role's trust policy",
        role.arn
    )];
    if role.external_id.is_none() {
        hints.push(
            "a role of another organisation often asks for an external id: --external-id"
                .to_owned(),
        );
    }
    if !proven {
        hints.push(
            "a trust policy may ask for MFA: mfa_serial in the profile, or --mfa-serial".to_owned(),
        );
    }
    if role.source_identity.is_some() && !said.contains("SetSourceIdentity") {
        hints.push("a source identity needs sts:SetSourceIdentity in both as well".to_owned());
    }
    hints
}

#[cfg(test)]
mod tests;
