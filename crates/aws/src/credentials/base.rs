//! The sources that need no other credentials.

use std::path::PathBuf;

use aws_types::os_shim_internal::Env;
use zeroize::Zeroizing;

use super::keys::Keys;
use super::origin::Origin;
use super::policy::CredentialKind;
use super::profiles::Profiles;
use crate::error::{AwsError, AwsErrorKind};

/// A source that needs no other credentials.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// Keys in variables.
    Environment(Keys),
    /// Keys in a profile.
    Profile(Keys),
    /// An IAM Identity Center session, or a start URL of the older form.
    Sso(SsoBase),
    /// A program that prints credentials.
    Process { command: Command, account: Option<String> },
    /// A token that another identity provider put into a file.
    WebIdentity { token_file: PathBuf, role_arn: String, session_name: Option<String> },
    /// A console session of `aws login`.
    Login { session: String },
    /// The endpoint of a container's task role.
    Container,
    /// The instance's metadata service.
    Instance,
}

/// A command line, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Command(pub(crate) Zeroizing<String>);

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command(..)")
    }
}

/// What `GetRoleCredentials` is asked for, and with whose token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SsoBase {
    /// The `sso-session`; `None` in the older form, whose token cannot be renewed.
    pub(crate) session: Option<String>,
    pub(crate) start_url: String,
    pub(crate) region: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) account_id: String,
    pub(crate) role_name: String,
}

impl Base {
    pub(crate) fn kind(&self) -> CredentialKind {
        match self {
            Self::Environment(keys) | Self::Profile(keys) if keys.are_long_lived() => {
                CredentialKind::Keys
            }
            Self::Environment(_) | Self::Profile(_) => CredentialKind::Session,
            Self::Sso(_) => CredentialKind::Sso,
            Self::Process { .. } => CredentialKind::Process,
            Self::WebIdentity { .. } => CredentialKind::WebIdentity,
            Self::Login { .. } => CredentialKind::Login,
            Self::Container => CredentialKind::Container,
            Self::Instance => CredentialKind::Instance,
        }
    }
}

fn variable(env: &Env, name: &str) -> Option<String> {
    env.get(name).ok().filter(|value| !value.trim().is_empty())
}

/// The keys of the environment.
pub(crate) fn environment(env: &Env) -> Result<Option<(Base, Origin)>, AwsError> {
    let Some(id) = variable(env, "AWS_ACCESS_KEY_ID") else { return Ok(None) };
    let secret = variable(env, "AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
        AwsError::new(
            AwsErrorKind::NoCredentials,
            "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not",
        )
        .hint("set both, or neither; --profile goes before them")
    })?;
    // botocore knows this one too, and refuses what it cannot read.
    let expires = variable(env, "AWS_CREDENTIAL_EXPIRATION")
        .map(|text| super::time::parse(&text).ok_or_else(unreadable_expiration))
        .transpose()?;
    let keys = Keys {
        access_key_id: id,
        secret_access_key: Zeroizing::new(secret),
        // The older name goes first, as in botocore.
        session_token: variable(env, "AWS_SECURITY_TOKEN")
            .or_else(|| variable(env, "AWS_SESSION_TOKEN"))
            .map(Zeroizing::new),
        account: variable(env, "AWS_ACCOUNT_ID"),
        expires,
    };
    Ok(Some((Base::Environment(keys), Origin::named("AWS_ACCESS_KEY_ID"))))
}

fn unreadable_expiration() -> AwsError {
    AwsError::new(
        AwsErrorKind::Config,
        "AWS_CREDENTIAL_EXPIRATION is set, and it is no time that can be read",
    )
    .hint("write it as 2026-11-21T10:00:00Z, or unset it")
}

/// What the machine gives: the container's endpoint, else the instance's.
pub(crate) fn machine(env: &Env) -> Option<(Base, Origin)> {
    let uris = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    for uri in uris {
        if variable(env, uri).is_some() {
            return Some((Base::Container, Origin::named(uri)));
        }
    }
    let disabled = variable(env, "AWS_EC2_METADATA_DISABLED");
    if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    Some((Base::Instance, Origin::named("the instance's metadata service")))
}

/// What a profile's `credential_source` means.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>
pub(crate) fn named_source(
    kind: &str,
    profile: &str,
    env: &Env,
    origin: Origin,
) -> Result<(Base, Origin), AwsError> {
    let fault = |what: String| {
        AwsError::new(AwsErrorKind::Config, format!("the AWS profile `{profile}` {what}"))
            .hint("credential_source is Environment, Ec2InstanceMetadata or EcsContainer")
    };
    match kind.to_ascii_lowercase().as_str() {
        "environment" => match environment(env)? {
            Some(keys) => Ok(keys),
            None => Err(fault(
                "takes its role from the environment, where AWS_ACCESS_KEY_ID is not set"
                    .to_owned(),
            )),
        },
        "ec2instancemetadata" => Ok((Base::Instance, origin)),
        "ecscontainer" => Ok((Base::Container, origin)),
        _ => Err(fault(format!("has the unknown credential_source `{kind}`"))),
    }
}

/// The source that a profile is by itself. `env` is given where its variables of a web identity go
/// before the profile: where no profile was asked for.
pub(crate) fn base_of(
    profiles: &Profiles,
    name: &str,
    env: Option<&Env>,
) -> Result<Option<(Base, Origin)>, AwsError> {
    if let Some(found) = web_identity(profiles, name, env)? {
        return Ok(Some(found));
    }
    if let Some(found) = sso(profiles, name)? {
        return Ok(Some(found));
    }
    let setting = |key| profiles.setting(name, key);
    let keys = static_keys(profiles, name)?;
    let in_credentials = ["aws_access_key_id", "aws_secret_access_key"]
        .iter()
        .any(|key| profiles.in_credentials(name, key));
    if keys.is_some() && in_credentials {
        return Ok(keys);
    }
    if let Some(session) = setting("login_session") {
        let origin = profiles.origin(name, "login_session");
        return Ok(Some((Base::Login { session: session.to_owned() }, origin)));
    }
    if let Some(command) = setting("credential_process") {
        let base = Base::Process {
            command: Command(Zeroizing::new(command.to_owned())),
            account: setting("aws_account_id").map(str::to_owned),
        };
        return Ok(Some((base, profiles.origin(name, "credential_process"))));
    }
    Ok(keys)
}

fn static_keys(profiles: &Profiles, name: &str) -> Result<Option<(Base, Origin)>, AwsError> {
    let setting = |key| profiles.setting(name, key);
    let (id, secret) = match (setting("aws_access_key_id"), setting("aws_secret_access_key")) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => (id, secret),
        (id, _) => {
            let missing = if id.is_some() { "aws_secret_access_key" } else { "aws_access_key_id" };
            return Err(AwsError::new(
                AwsErrorKind::NoCredentials,
                format!("the AWS profile `{name}` has half a pair of keys: {missing} is missing"),
            )
            .hint(format!("`aws configure --profile {name}` sets both")));
        }
    };
    let keys = Keys {
        access_key_id: id.to_owned(),
        secret_access_key: Zeroizing::new(secret.to_owned()),
        session_token: setting("aws_session_token").map(|t| Zeroizing::new(t.to_owned())),
        account: setting("aws_account_id").map(str::to_owned),
        expires: None,
    };
    Ok(Some((Base::Profile(keys), profiles.origin(name, "aws_access_key_id"))))
}

fn web_identity(
    profiles: &Profiles,
    name: &str,
    env: Option<&Env>,
) -> Result<Option<(Base, Origin)>, AwsError> {
    // Each setting comes from the environment where it is there, else from the profile: botocore's
    // `AssumeRoleWithWebIdentityProvider._get_config`.
    let read = |variable_name: &str, key: &'static str| {
        env.and_then(|env| variable(env, variable_name))
            .or_else(|| profiles.setting(name, key).map(str::to_owned))
    };
    let Some(file) = read("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else {
        return Ok(None);
    };
    let from_env = env.is_some_and(|env| variable(env, "AWS_WEB_IDENTITY_TOKEN_FILE").is_some());
    let origin = if from_env {
        Origin::named("AWS_WEB_IDENTITY_TOKEN_FILE")
    } else {
        profiles.origin(name, "web_identity_token_file")
    };
    let role_arn = read("AWS_ROLE_ARN", "role_arn").ok_or_else(|| {
        AwsError::new(
            AwsErrorKind::Config,
            format!("there is a web identity token ({origin}) and no role to take with it"),
        )
        .hint("set AWS_ROLE_ARN, or add role_arn to the profile")
    })?;
    let session_name = read("AWS_ROLE_SESSION_NAME", "role_session_name");
    Ok(Some((Base::WebIdentity { token_file: file.into(), role_arn, session_name }, origin)))
}

fn sso(profiles: &Profiles, name: &str) -> Result<Option<(Base, Origin)>, AwsError> {
    let setting = |key| profiles.setting(name, key);
    let (account, role) = (setting("sso_account_id"), setting("sso_role_name"));
    if account.is_none() && role.is_none() {
        return Ok(None);
    }
    let fault = |what: String| {
        AwsError::new(AwsErrorKind::Config, format!("the AWS profile `{name}` {what}"))
            .hint(format!("`aws configure sso --profile {name}` writes what is needed"))
    };
    let session = setting("sso_session");
    let shared = match session {
        None => None,
        Some(session) => Some(profiles.all.sso_session(session).ok_or_else(|| {
            fault(format!("names the sso_session `{session}`, which does not exist"))
        })?),
    };
    let read = |key: &'static str| {
        let own = setting(key);
        let theirs = shared.and_then(|shared| shared.get(key)).filter(|v| !v.trim().is_empty());
        match (own, theirs) {
            (Some(own), Some(theirs)) if own != theirs => {
                Err(fault(format!("and its sso_session say different things for {key}")))
            }
            (own, theirs) => theirs
                .or(own)
                .map(str::to_owned)
                .ok_or_else(|| fault(format!("signs in with SSO, and {key} is missing"))),
        }
    };
    let scopes = shared.and_then(|shared| shared.get("sso_registration_scopes"));
    let base = SsoBase {
        session: session.map(str::to_owned),
        start_url: read("sso_start_url")?,
        region: read("sso_region")?,
        // The CLI's default scope of a session, which gives a token that can be renewed.
        scopes: scopes
            .unwrap_or("sso:account:access")
            .split(',')
            .map(|scope| scope.trim().to_owned())
            .filter(|scope| !scope.is_empty())
            .collect(),
        account_id: read("sso_account_id")?,
        role_name: read("sso_role_name")?,
    };
    Ok(Some((Base::Sso(base), profiles.origin(name, "sso_account_id"))))
}
