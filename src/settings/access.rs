//! How AWS is reached, and with which credentials.

use std::path::PathBuf;

use adit_aws::{Demands, MfaSerial, RoleWish};
use adit_tunnel::ProxySettings;

use super::{ReadEnv, team};
use crate::cli::{AwsArgs, MfaCode, MfaCommand, is_on};
use crate::failure::Failure;
use crate::world::World;

/// How AWS is reached.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) proxy: ProxySettings,
    pub(crate) mfa: Mfa,
    pub(crate) role: RoleWish,
    pub(crate) demands: Demands,
    /// Whether a browser may be opened to sign in.
    pub(crate) browser: bool,
    pub(crate) world: World,
}

/// How MFA is done, as far as the user says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mfa {
    pub(crate) serial: Option<MfaSerial>,
    pub(crate) code: Option<MfaCode>,
    pub(crate) command: Option<MfaCommand>,
}

/// What flags and variables say.
pub(super) fn of(args: &AwsArgs, env: ReadEnv<'_>) -> Access {
    let first = |names: [&str; 2]| names.into_iter().find_map(env).filter(|v| !v.is_empty());
    let credentials = &args.credentials;
    Access {
        profile: args.profile.clone(),
        region: args.region.clone(),
        endpoint_url: args.endpoint_url.clone(),
        ca_bundle: args
            .ca_bundle
            .clone()
            .or_else(|| env("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from)),
        proxy: ProxySettings {
            https: first(["HTTPS_PROXY", "https_proxy"]),
            http: first(["HTTP_PROXY", "http_proxy"]),
            all: first(["ALL_PROXY", "all_proxy"]),
            no: first(["NO_PROXY", "no_proxy"]),
        },
        mfa: Mfa {
            serial: credentials.mfa_serial.clone(),
            code: credentials.mfa_code.clone(),
            command: credentials.mfa_command.clone(),
        },
        role: RoleWish {
            arn: credentials.role_arn.clone(),
            external_id: credentials.external_id.clone(),
            source_identity: credentials.source_identity.clone(),
            ..RoleWish::default()
        },
        demands: Demands {
            require_mfa: credentials.require_mfa.map(|demand| demand.0),
            allow: (!credentials.allow_credentials.is_empty())
                .then(|| credentials.allow_credentials.iter().copied().collect()),
            account: credentials.account.clone(),
        },
        browser: !env("ADIT_NO_BROWSER").is_some_and(|value| is_on(&value)),
        world: World::default(),
    }
}

/// The same, with what files say for all commands.
pub(super) fn with_files(args: &AwsArgs, env: ReadEnv<'_>) -> Result<Access, Failure> {
    let config = team::load(&args.config, env)?;
    let defaults = config.defaults().map_err(|problems| team::of_problems(&problems))?;
    let settings = team::tightened(&defaults, &team::flags(args))?;
    Ok(team::access(&of(args, env), &settings, env))
}
