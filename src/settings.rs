//! What a command is to do: flags and environment, resolved once.

mod access;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use adit_aws::Clock;
use adit_aws::bastion::{ExistingSpec, Options};
use adit_aws::targets::{Kind as TargetKind, TargetSpec};
use adit_lab::{DEFAULT_INSTANCE, FaultRequest, LabConfig, Pace, TlsConfig};

pub(crate) use self::access::{Access, Mfa};
use crate::cli::{
    AwsArgs, CleanupArgs, CommandArgs, ConnectArgs, DemoArgs, InitArgs, LabArgs, ListArgs,
    LocalPort, PaceArg, PublicIp,
};
use crate::failure::{Failure, Kind};

/// A command with all that it needs to know.
#[derive(Debug)]
pub(crate) enum Settings {
    Cleanup(CleanupSettings),
    Connect(Box<ConnectSettings>),
    Init(Box<InitSettings>),
    List(ListSettings),
    Login(LoginSettings),
    Whoami(WhoamiSettings),
    Demo(DemoSettings),
    Lab(Box<LabSettings>),
}

/// What `adit connect` is to do.
#[derive(Debug)]
pub(crate) struct ConnectSettings {
    pub(crate) way: Way,
    pub(crate) local: Local,
    pub(crate) reason: Option<String>,
    pub(crate) resume_budget: Duration,
    pub(crate) exit_zero_on_sigterm: bool,
    pub(crate) disconnect_on_expiry: bool,
    /// Whether the session's credentials are narrowed to what it needs.
    pub(crate) scope_session: bool,
    pub(crate) access: Access,
    pub(crate) cache: Cache,
}

/// How it is known where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// The user says it all; nothing is looked up.
    Direct(Direct),
    /// A target, which is looked up, through the bastion of its VPC or the one that is named.
    Target { spec: TargetSpec, bastion: Option<ExistingSpec> },
    /// The user is asked for a target.
    Pick { bastion: Option<ExistingSpec> },
}

/// A host and port behind a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Direct {
    pub(crate) bastion: ExistingSpec,
    /// `None` is the machine itself.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

impl Direct {
    /// Where it leads, when that needs no looking up.
    pub(crate) fn destination(&self) -> Option<Destination> {
        let (ExistingSpec::Instance(id) | ExistingSpec::Node(id)) = &self.bastion else {
            return None;
        };
        Some(Destination { bastion: id.clone(), host: self.host.clone(), port: self.port })
    }
}

/// Where it is kept what targets were resolved to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cache {
    /// `None` where there is no place for it.
    pub(crate) folder: Option<PathBuf>,
    /// Which credentials are used, as far as it can be told without asking anybody.
    pub(crate) identity: String,
}

/// What `adit init` is to do.
#[derive(Debug)]
pub(crate) struct InitSettings {
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) vpc: Option<String>,
    pub(crate) options: Options,
    pub(crate) consent: Consent,
    pub(crate) access: Access,
}

/// What `adit list` is to do.
#[derive(Debug)]
pub(crate) struct ListSettings {
    pub(crate) kinds: Vec<TargetKind>,
    pub(crate) access: Access,
}

/// What `adit login` is to do.
#[derive(Debug)]
pub(crate) struct LoginSettings {
    pub(crate) access: Access,
}

/// What `adit whoami` is to do.
#[derive(Debug)]
pub(crate) struct WhoamiSettings {
    pub(crate) access: Access,
}

/// What `adit cleanup` is to do.
#[derive(Debug)]
pub(crate) struct CleanupSettings {
    pub(crate) target: Option<TargetSpec>,
    pub(crate) vpc: Option<String>,
    pub(crate) force: bool,
    pub(crate) consent: Consent,
    pub(crate) access: Access,
}

/// Whether what is planned is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Not now: the plan is all that is wanted.
    Plan,
    /// When the user says so.
    Ask,
    /// In any case.
    Given,
}

/// What `adit demo` is to do.
#[derive(Debug)]
pub(crate) struct DemoSettings {
    pub(crate) once: bool,
    pub(crate) target: Option<std::net::SocketAddr>,
    pub(crate) local: Local,
    pub(crate) resume_enabled: bool,
}

/// What `adit lab` is to do.
#[derive(Debug)]
pub(crate) struct LabSettings {
    pub(crate) config: LabConfig,
    /// Faults that are there from the start.
    pub(crate) faults: Option<FaultRequest>,
    pub(crate) ready_file: Option<PathBuf>,
}

/// Where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) bastion: String,
    /// `None` is the bastion itself.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or(&self.bastion);
        if host.contains(':') {
            write!(f, "[{host}]:{}", self.port)
        } else {
            write!(f, "{host}:{}", self.port)
        }
    }
}

/// Where local clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Local {
    Tcp {
        address: IpAddr,
        /// `None` is the port to reach.
        port: Option<LocalPort>,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

/// Reads a variable of the environment.
type ReadEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Puts another clock in the system's place.
    pub(crate) fn with_clock(mut self, clock: Clock) -> Self {
        let access = match &mut self {
            Self::Cleanup(settings) => Some(&mut settings.access),
            Self::Init(settings) => Some(&mut settings.access),
            Self::List(settings) => Some(&mut settings.access),
            Self::Connect(settings) => Some(&mut settings.access),
            Self::Login(settings) => Some(&mut settings.access),
            Self::Whoami(settings) => Some(&mut settings.access),
            Self::Demo(_) | Self::Lab(_) => None,
        };
        if let Some(access) = access {
            access.clock = clock;
        }
        self
    }

    /// Gives the arguments their meaning. The variables that other programs share with adit are
    /// read here, through `env`; those of its own clap has read with the flags.
    pub(crate) fn resolve(command: CommandArgs, env: ReadEnv<'_>) -> Result<Self, Failure> {
        match command {
            CommandArgs::Cleanup(args) => Ok(Self::Cleanup(cleanup(args, env))),
            CommandArgs::Init(args) => Ok(Self::Init(Box::new(init(args, env)))),
            CommandArgs::List(args) => Ok(Self::List(list(args, env))),
            CommandArgs::Login(args) => {
                let access = access::of(args.aws, env);
                let browser = access.browser && !args.no_browser;
                Ok(Self::Login(LoginSettings { access: Access { browser, ..access } }))
            }
            CommandArgs::Whoami(args) => {
                Ok(Self::Whoami(WhoamiSettings { access: access::of(args.aws, env) }))
            }
            CommandArgs::Connect(args) => {
                connect(args, env).map(|settings| Self::Connect(Box::new(settings)))
            }
            CommandArgs::Demo(args) => Ok(Self::Demo(demo(args))),
            CommandArgs::Lab(args) => Ok(Self::Lab(Box::new(lab(args)))),
        }
    }
}

fn connect(args: ConnectArgs, env: ReadEnv<'_>) -> Result<ConnectSettings, Failure> {
    let tcp = Local::Tcp { address: args.bind, port: args.local_port };
    #[cfg(unix)]
    let local = args.socket.map_or(tcp, Local::Unix);
    #[cfg(not(unix))]
    let local = tcp;
    if matches!(local, Local::Tcp { address, .. } if !address.is_loopback()) && !args.allow_remote {
        let message = format!("--bind {} lets other machines use the tunnel", args.bind);
        return Err(Failure::new(Kind::Usage, message)
            .hint("add --allow-remote if that is meant, else leave --bind out"));
    }
    Ok(ConnectSettings {
        way: way(args.target, args.bastion, args.host, args.port)?,
        local,
        reason: args.reason,
        resume_budget: args.resume_budget,
        exit_zero_on_sigterm: args.exit_zero_on_sigterm,
        disconnect_on_expiry: args.disconnect_on_expiry,
        scope_session: args.scope_session,
        cache: cache(&args.aws, env),
        access: access::of(args.aws, env),
    })
}

/// What leads where: a target goes before host and port, which flags have settled before.
fn way(
    target: Option<TargetSpec>,
    bastion: Option<ExistingSpec>,
    host: Option<String>,
    port: Option<u16>,
) -> Result<Way, Failure> {
    match (target, bastion, host, port) {
        (Some(spec), bastion, ..) => Ok(Way::Target { spec, bastion }),
        (None, Some(bastion), host, Some(port)) => Ok(Way::Direct(Direct { bastion, host, port })),
        (None, bastion, None, None) => Ok(Way::Pick { bastion }),
        (None, None, ..) => Err(Failure::new(Kind::Usage, "--host and --port need a --bastion")
            .hint("pass --bastion i-… with them, or --target KIND:ID in their place")),
        (None, _, Some(host), None) => Err(Failure::new(Kind::Usage, "--host needs a --port")
            .hint(format!("pass --host {host} --port PORT"))),
    }
}

fn init(args: InitArgs, env: ReadEnv<'_>) -> InitSettings {
    InitSettings {
        targets: args.target,
        vpc: args.vpc,
        options: Options {
            subnet: args.subnet,
            instance_type: args.instance_type,
            public_ip: match args.public_ip {
                PublicIp::Yes => Some(true),
                PublicIp::No => Some(false),
                PublicIp::Auto => None,
            },
            create_endpoints: args.create_endpoints,
            tags: args.tag.into_iter().collect(),
            idle_minutes: Some(args.idle_stop),
            permissions_boundary: args.permissions_boundary,
        },
        consent: consent(args.plan, args.yes),
        access: access::of(args.aws, env),
    }
}

fn list(args: ListArgs, env: ReadEnv<'_>) -> ListSettings {
    let mut kinds = if args.kind.is_empty() { TargetKind::ALL.to_vec() } else { args.kind };
    kinds.sort_unstable();
    kinds.dedup();
    ListSettings { kinds, access: access::of(args.aws, env) }
}

fn cleanup(args: CleanupArgs, env: ReadEnv<'_>) -> CleanupSettings {
    CleanupSettings {
        target: args.target,
        vpc: args.vpc,
        force: args.force,
        consent: consent(args.plan, args.yes),
        access: access::of(args.aws, env),
    }
}

/// Who wants to see the plan alone gets no more, whatever else was said.
fn consent(plan: bool, yes: bool) -> Consent {
    match (plan, yes) {
        (true, _) => Consent::Plan,
        (false, true) => Consent::Given,
        (false, false) => Consent::Ask,
    }
}

/// The user's own folder of caches, as the XDG base directories say; a path that does not begin at
/// the root is to be ignored.
fn cache(args: &AwsArgs, env: ReadEnv<'_>) -> Cache {
    let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let given = |name: &str| env(name).filter(|value| !value.is_empty());
    // Keys in the environment go before a profile that only the environment names.
    let identity = match (&args.profile, given("AWS_ACCESS_KEY_ID")) {
        (Some(profile), _) => Some(profile.clone()),
        // Keys of a session are others every hour: whose they are says the account alone.
        (None, Some(key)) if key.starts_with("ASIA") => {
            given("AWS_ACCOUNT_ID").map(|account| format!("account {account}"))
        }
        (None, Some(key)) => Some(format!("key {key}")),
        (None, None) => Some(given("AWS_PROFILE").unwrap_or_default()),
    };
    // The same profile is another one in another file, and with a role to take on.
    let rest = ["AWS_ROLE_ARN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]
        .into_iter()
        .filter_map(|name| Some(format!(" {name}={}", given(name)?)));
    let role = args.credentials.role_arn.as_ref().map(|arn| format!(" --role-arn={arn}"));
    let folder = base.filter(|_| identity.is_some());
    Cache {
        folder: folder.map(|base| base.join("adit").join("targets")),
        identity: identity.into_iter().chain(rest).chain(role).collect(),
    }
}

fn demo(args: DemoArgs) -> DemoSettings {
    DemoSettings {
        once: args.once,
        target: args.target,
        local: Local::Tcp { address: Ipv4Addr::LOCALHOST.into(), port: Some(args.local_port) },
        resume_enabled: !args.lab_no_resume,
    }
}

fn lab(args: LabArgs) -> LabSettings {
    let instances = match (args.empty, args.instance) {
        (true, _) => Vec::new(),
        (false, none) if none.is_empty() => vec![DEFAULT_INSTANCE.to_owned()],
        (false, some) => some,
    };
    let config = LabConfig {
        listen: args.listen,
        tls: args.tls_listen.map(|listen| TlsConfig {
            listen,
            ca_out: args.ca_out,
            name: args.tls_name,
        }),
        instances,
        maps: args.map,
        pace: match args.pace {
            PaceArg::Official => Pace::Official,
            PaceArg::Off => Pace::Off,
        },
        latency: Duration::from_millis(args.latency),
        sigv4: !args.no_sigv4,
        lossy_resume: args.lossy_resume,
        seed: args.seed,
        resume_enabled: !args.no_resume,
        ..LabConfig::default()
    };
    let faults =
        (args.agent_version.is_some() || args.handler_delay_ms.is_some()).then(|| FaultRequest {
            agent_version: args.agent_version,
            handler_delay_ms: args.handler_delay_ms,
            ..FaultRequest::default()
        });
    LabSettings { config, faults, ready_file: args.ready_file }
}

#[cfg(test)]
mod tests;
