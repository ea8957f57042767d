//! What files say: the team's `adit.toml` and the user's own, with flags over them.

use std::path::PathBuf;

use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::TargetSpec;
use adit_aws::{Demands, MfaSerial};
use adit_config::{Config, Flags, LookupError, Place, Problems, Request, RequireMfa, Settings};

use super::{Access, ReadEnv};
use crate::cli::{AwsArgs, ConfigArgs, LocalPort};
use crate::failure::{Failure, Kind};

/// Where the files are looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// Whether they are read at all.
    no_config: bool,
    pub(crate) start: PathBuf,
    pub(crate) home: Option<PathBuf>,
    pub(crate) explicit: Option<PathBuf>,
    user_file: Option<PathBuf>,
    user_name: Option<String>,
}

impl Files {
    pub(crate) fn of(args: &ConfigArgs, env: ReadEnv<'_>) -> Self {
        let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let own = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
        Self {
            no_config: args.no_config,
            // Where there is no folder, there is no file in it either.
            start: std::env::current_dir().unwrap_or_default(),
            home: folder("HOME"),
            explicit: args.config.clone(),
            user_file: own.map(|base| base.join("adit").join("config.toml")),
            user_name: ["USER", "LOGNAME"].into_iter().find_map(env),
        }
    }

    /// Finds and reads both files, unless nobody wants them.
    pub(crate) fn read(&self, env: ReadEnv<'_>) -> Result<Config, Problems> {
        if self.no_config {
            return Config::of_texts(None, None, None, env);
        }
        Config::load(&Request {
            start: &self.start,
            home: self.home.as_deref(),
            explicit: self.explicit.as_deref(),
            user_file: self.user_file.as_deref(),
            user_name: self.user_name.as_deref(),
            env,
        })
    }
}

/// Both files, read.
pub(crate) fn load(args: &ConfigArgs, env: ReadEnv<'_>) -> Result<Config, Failure> {
    Files::of(args, env).read(env).map_err(|problems| of_problems(&problems))
}

/// The first problem as a failure; `adit config check` shows all of them.
pub(crate) fn of_problems(problems: &Problems) -> Failure {
    let Some(first) = problems.list().first() else {
        return Failure::new(Kind::Internal, "something is wrong with the configuration");
    };
    let place = match (first.line, first.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", first.file),
        _ => first.file.clone(),
    };
    let mut failure = Failure::new(Kind::Config, format!("{place}: {}", first.message));
    if let Some(hint) = &first.hint {
        failure = failure.hint(hint.clone());
    }
    match problems.count() {
        0 | 1 => failure,
        count => failure.hint(format!("`adit config check` shows all {count} problems")),
    }
    .hint("--no-config does without the files")
}

/// The failure of a name that nothing has, or of something that is wrong with it.
pub(crate) fn of_lookup(error: &LookupError, config: &Config) -> Failure {
    match error {
        LookupError::Problems(problems) => of_problems(problems),
        LookupError::Unknown(unknown) => {
            let failure = Failure::new(Kind::Usage, error.to_string());
            match (config.shared_file(), config.names()) {
                (None, names) if names.is_empty() => failure
                    .hint("there is no adit.toml here or above; `adit config init` makes one")
                    .hint(format!("a target needs no file: --target {}", as_target(&unknown.name))),
                (_, names) if names.is_empty() => failure.hint("there are no connections yet"),
                (_, names) => failure.hint(format!("there are: {}", names.join(", "))),
            }
        }
        other => Failure::new(Kind::Config, other.to_string()),
    }
}

/// How a name would be written that was meant as a target.
fn as_target(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { "KIND:ID".to_owned() }
}

/// What flags say of a connection's settings.
pub(super) fn flags(args: &AwsArgs) -> Flags {
    let credentials = &args.credentials;
    Flags {
        profile: args.profile.clone(),
        region: args.region.clone(),
        account: credentials.account.clone(),
        require_mfa: credentials
            .require_mfa
            .map(|demand| demand.0.map_or(RequireMfa::AnyAge, RequireMfa::MaxAge)),
        allow_credentials: (!credentials.allow_credentials.is_empty()).then(|| {
            let kinds = credentials.allow_credentials.iter().map(ToString::to_string);
            kinds.filter_map(|kind| config_kind(&kind)).collect()
        }),
        mfa_serial: credentials.mfa_serial.as_ref().map(|serial| match serial {
            MfaSerial::Arn(arn) => arn.clone(),
            MfaSerial::Auto => "auto".to_owned(),
        }),
        ..Flags::default()
    }
}

fn config_kind(name: &str) -> Option<adit_config::CredentialKind> {
    adit_config::CredentialKind::ALL.into_iter().find(|kind| kind.as_str() == name)
}

/// The settings with flags over them.
pub(super) fn tightened(settings: &Settings, flags: &Flags) -> Result<Settings, Failure> {
    adit_config::tighten(settings, flags).map_err(|refusals| {
        let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Failure::new(Kind::Usage, texts.join("; ")).hint(
            "files set limits that flags can only tighten; whoever owns the file can change it",
        )
    })
}

/// How AWS is reached by these settings; what only flags and variables can say is in `base`.
pub(super) fn access(base: &Access, settings: &Settings, env: ReadEnv<'_>) -> Access {
    let value = |setting: &Option<adit_config::Setting<String>>| {
        setting.as_ref().map(|setting| setting.value.clone())
    };
    let mut access = base.clone();
    // Whoever has put credentials into the environment means them, as for a profile that only the
    // environment names: a job in CI has no profiles.
    if access.profile.is_none() && !brings_credentials(env) {
        access.profile = value(&settings.profile);
    }
    access.region = access.region.or_else(|| value(&settings.region));
    if access.ca_bundle.is_none() {
        access.ca_bundle = settings.ca_bundle.as_ref().map(|setting| setting.value.clone());
    }
    if access.mfa.serial.is_none() {
        let serial = settings.mfa_serial.as_ref();
        access.mfa.serial = serial.and_then(|setting| setting.value.parse().ok());
    }
    access.demands = Demands {
        require_mfa: settings.require_mfa.as_ref().and_then(|setting| match setting.value {
            RequireMfa::No => None,
            RequireMfa::AnyAge => Some(None),
            RequireMfa::MaxAge(age) => Some(Some(age)),
        }),
        allow: settings.allow_credentials.as_ref().map(|setting| {
            setting.value.iter().filter_map(|kind| kind.as_str().parse().ok()).collect()
        }),
        account: value(&settings.account),
    };
    access
}

/// Whether the environment has credentials of its own.
fn brings_credentials(env: ReadEnv<'_>) -> bool {
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .into_iter()
    .any(|name| env(name).is_some_and(|value| !value.is_empty()))
}

/// A target of a file, in the terms of the AWS side.
pub(super) fn spec(target: &adit_config::Target) -> Result<TargetSpec, Failure> {
    target.spec.parse().map_err(|error: adit_aws::targets::SpecError| at(&target.place, &error))
}

/// A bastion of a file.
pub(super) fn bastion(setting: &adit_config::Setting<String>) -> Result<ExistingSpec, Failure> {
    setting.value.parse().map_err(|error: adit_aws::bastion::ExistingSpecError| {
        let message = format!("{}: {error}", setting.origin);
        Failure::new(Kind::Config, message)
    })
}

fn at(place: &Place, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::Config, format!("{place}: {error}"))
}

/// A local port of a file.
pub(super) fn local_port(port: adit_config::LocalPort) -> LocalPort {
    match port {
        adit_config::LocalPort::Auto => LocalPort::Auto,
        adit_config::LocalPort::Fixed(port) => LocalPort::Fixed(port),
        adit_config::LocalPort::Range(first, last) => LocalPort::Range(first..=last),
    }
}

/// The same of a flag, for a file's terms.
pub(super) fn config_port(port: &LocalPort) -> adit_config::LocalPort {
    match port {
        LocalPort::Auto => adit_config::LocalPort::Auto,
        LocalPort::Fixed(port) => adit_config::LocalPort::Fixed(*port),
        LocalPort::Range(ports) => adit_config::LocalPort::Range(*ports.start(), *ports.end()),
    }
}
