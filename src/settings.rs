//! What a command is to do: flags and environment, resolved once.

mod access;
mod bench;
mod cache;
mod config;
mod connection;
mod init;
pub(crate) mod team;
mod wanted;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use adit_aws::targets::{Kind as TargetKind, TargetSpec};
use adit_lab::{DEFAULT_INSTANCE, FaultRequest, LabConfig, Pace, TlsConfig};

pub(crate) use self::access::{Access, Mfa};
pub(crate) use self::bench::BenchSettings;
pub(crate) use self::config::{ConfigInitSettings, ConfigSettings};
pub(crate) use self::connection::{
    ConnectSettings, Connection, Destination, Direct, ExecSettings, Local, Readiness, Wanted, Way,
};
pub(crate) use self::init::InitSettings;
use crate::background::Folders;
use crate::cli::{
    Bind, CleanupArgs, CommandArgs, CompletionsArgs, DemoArgs, LabArgs, ListArgs, ManualArgs,
    PaceArg,
};
use crate::failure::Failure;
use crate::world::World;

/// A command with all that it needs to know.
#[derive(Debug)]
pub(crate) enum Settings {
    Cleanup(CleanupSettings),
    Connect(Box<ConnectSettings>),
    Exec(Box<ExecSettings>),
    Bench(Box<BenchSettings>),
    Status(StatusSettings),
    Logs(LogsSettings),
    Wait(WaitSettings),
    Down(DownSettings),
    Extend(ExtendSettings),
    Config(ConfigSettings),
    Completions(CompletionsArgs),
    Manual(ManualArgs),
    Init(Box<InitSettings>),
    List(ListSettings),
    Login(LoginSettings),
    Whoami(WhoamiSettings),
    Demo(DemoSettings),
    Lab(Box<LabSettings>),
}

/// What `adit status` is to do.
#[derive(Debug)]
pub(crate) struct StatusSettings {
    pub(crate) names: Vec<String>,
    pub(crate) folders: Folders,
}

/// What `adit logs` is to do.
#[derive(Debug)]
pub(crate) struct LogsSettings {
    pub(crate) name: Option<String>,
    pub(crate) follow: bool,
    pub(crate) folders: Folders,
}

/// What `adit wait` is to do.
#[derive(Debug)]
pub(crate) struct WaitSettings {
    pub(crate) names: Vec<String>,
    pub(crate) closed: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) folders: Folders,
}

/// What `adit down` is to do.
#[derive(Debug)]
pub(crate) struct DownSettings {
    /// All where none is named.
    pub(crate) names: Vec<String>,
    pub(crate) folders: Folders,
}

/// What `adit extend` is to do.
#[derive(Debug)]
pub(crate) struct ExtendSettings {
    /// The only one that is open where none is named.
    pub(crate) names: Vec<String>,
    pub(crate) all: bool,
    /// By the whole time once more where nothing is said.
    pub(crate) by: Option<Duration>,
    pub(crate) folders: Folders,
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
    /// Where killed processes have written down what they left.
    pub(crate) folders: Folders,
    /// Which credentials are used, as far as it can be told without asking anybody.
    pub(crate) identity: String,
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

/// Reads a variable of the environment.
type ReadEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Puts another world in the machine's place.
    pub(crate) fn within(mut self, world: World) -> Self {
        let access = match &mut self {
            Self::Cleanup(settings) => Some(&mut settings.access),
            Self::Init(settings) => Some(&mut settings.access),
            Self::List(settings) => Some(&mut settings.access),
            Self::Connect(settings) => {
                return {
                    settings.wanted.set_world(&world);
                    self
                };
            }
            Self::Exec(settings) => {
                return {
                    settings.wanted.set_world(&world);
                    self
                };
            }
            Self::Bench(settings) => {
                return {
                    settings.wanted.set_world(&world);
                    self
                };
            }
            Self::Login(settings) => Some(&mut settings.access),
            Self::Whoami(settings) => Some(&mut settings.access),
            Self::Config(ConfigSettings::Init(settings)) => Some(&mut settings.access),
            Self::Config(_)
            | Self::Demo(_)
            | Self::Lab(_)
            | Self::Status(_)
            | Self::Logs(_)
            | Self::Wait(_)
            | Self::Down(_)
            | Self::Extend(_)
            | Self::Completions(_)
            | Self::Manual(_) => None,
        };
        if let Some(access) = access {
            access.world = world;
        }
        self
    }

    /// Gives the arguments their meaning. The variables that other programs share with adit are
    /// read here, through `env`; those of its own clap has read with the flags.
    pub(crate) fn resolve(command: CommandArgs, env: ReadEnv<'_>) -> Result<Self, Failure> {
        match command {
            CommandArgs::Cleanup(args) => Ok(Self::Cleanup(cleanup(args, env)?)),
            CommandArgs::Init(args) => Ok(Self::Init(Box::new(init::of(args, env)?))),
            CommandArgs::List(args) => Ok(Self::List(list(args, env)?)),
            CommandArgs::Login(args) => {
                let access = access::with_files(&args.aws, env)?;
                let browser = access.browser && !args.no_browser;
                Ok(Self::Login(LoginSettings { access: Access { browser, ..access } }))
            }
            CommandArgs::Whoami(args) => {
                Ok(Self::Whoami(WhoamiSettings { access: access::with_files(&args.aws, env)? }))
            }
            CommandArgs::Connect(args) => {
                connection::connect(args, env).map(|settings| Self::Connect(Box::new(settings)))
            }
            CommandArgs::Exec(args) => {
                connection::exec(args, env).map(|settings| Self::Exec(Box::new(settings)))
            }
            CommandArgs::Bench(args) => {
                bench::of(args, env).map(|settings| Self::Bench(Box::new(settings)))
            }
            CommandArgs::Status(args) => {
                Ok(Self::Status(StatusSettings { names: args.names, folders: Folders::of(env) }))
            }
            CommandArgs::Logs(args) => Ok(Self::Logs(LogsSettings {
                name: args.name,
                follow: args.follow,
                folders: Folders::of(env),
            })),
            CommandArgs::Wait(args) => Ok(Self::Wait(WaitSettings {
                names: args.names,
                closed: args.closed,
                timeout: args.timeout,
                folders: Folders::of(env),
            })),
            CommandArgs::Down(args) => {
                Ok(Self::Down(DownSettings { names: args.names, folders: Folders::of(env) }))
            }
            CommandArgs::Extend(args) => Ok(Self::Extend(ExtendSettings {
                names: args.names,
                all: args.all,
                by: args.by,
                folders: Folders::of(env),
            })),
            CommandArgs::Config(args) => config::of(args.command, env).map(Self::Config),
            CommandArgs::Completions(args) => Ok(Self::Completions(args)),
            CommandArgs::Manual(args) => Ok(Self::Manual(args)),
            CommandArgs::Demo(args) => Ok(Self::Demo(demo(args))),
            CommandArgs::Lab(args) => Ok(Self::Lab(Box::new(lab(args)))),
        }
    }
}

fn list(args: ListArgs, env: ReadEnv<'_>) -> Result<ListSettings, Failure> {
    let mut kinds = if args.kind.is_empty() { TargetKind::ALL.to_vec() } else { args.kind };
    kinds.sort_unstable();
    kinds.dedup();
    Ok(ListSettings { kinds, access: access::with_files(&args.aws, env)? })
}

fn cleanup(args: CleanupArgs, env: ReadEnv<'_>) -> Result<CleanupSettings, Failure> {
    let access = access::with_files(&args.aws, env)?;
    Ok(CleanupSettings {
        target: args.target,
        vpc: args.vpc,
        force: args.force,
        consent: consent(args.plan, args.yes),
        folders: Folders::of(env),
        identity: cache::of(access.profile.as_deref(), &args.aws, env).identity,
        access,
    })
}

/// Who wants to see the plan alone gets no more, whatever else was said.
fn consent(plan: bool, yes: bool) -> Consent {
    match (plan, yes) {
        (true, _) => Consent::Plan,
        (false, true) => Consent::Given,
        (false, false) => Consent::Ask,
    }
}

fn demo(args: DemoArgs) -> DemoSettings {
    DemoSettings {
        once: args.once,
        target: args.target,
        local: Local::Tcp {
            address: Bind::One(Ipv4Addr::LOCALHOST.into()),
            port: Some(args.local_port),
        },
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
